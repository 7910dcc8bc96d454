"""SQLite: a file in WAL mode, many readers, one writer, each commit synced to disk."""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar
from weakref import WeakSet

import sqlalchemy as sa

from domain.store.connection import Connection, Dialect
from domain.store.failures import StoreUnavailable
from domain.store.groups import CommandQueue
from domain.store.pools import POOL_SIZE, Database, Lock

T = TypeVar("T")

BUSY_TIMEOUT_SECONDS: Final = 10
TRUNCATE_SECONDS: Final = 0.25
CHECKPOINT_PAGES: Final = 4000
"""Of 4 KiB. A page that changes with every command is copied to the file once in so many."""


class Turns:
    """Turns at writing, among the threads and processes of one machine.

    SQLite's own way of waiting is to sleep and to try again, for longer and longer. Here the
    kernel wakes whoever is next: a lock (flock) on a file beside the database, which goes with
    the process that holds it, however that ends. A second one keeps the queue: who has just had
    a turn stands behind those who wait.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._files: tuple[int, ...] = ()
        self._begin()
        _ALL_TURNS.add(self)

    def _begin(self) -> None:
        self._threads = threading.Lock()
        self._changed = threading.Condition()
        self._is_in_line = self._is_wanted = self._has_come = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Write, and nobody else does. Raises `StoreUnavailable` when others take too long."""
        deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
        if not self._threads.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise StoreUnavailable("another command is still being written")
        try:
            writing = self._locked(deadline)
            try:
                yield
            finally:
                fcntl.flock(writing, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def close(self) -> None:
        """Close the files; they are opened again when they are needed."""
        with self._threads, self._changed:
            # Whoever is still in line would wait at another file that is given the same number.
            if not self._is_in_line:
                self._close_files()

    def forget_parent(self) -> None:
        """A fork shares its parent's open files and their locks: have it open its own."""
        self._close_files()
        self._begin()

    def _close_files(self) -> None:
        files, self._files = self._files, ()
        for file in files:
            os.close(file)

    def _locked(self, deadline: float) -> int:
        try:
            if not self._files:
                self._files = (self._open("queue"), self._open("writing"))
            queue, writing = self._files
            if self._is_in_line or not _is_free(queue, writing):
                self._wait(deadline - time.monotonic())
        except OSError as error:
            raise StoreUnavailable(str(error)) from error
        return writing

    def _wait(self, seconds: float) -> None:
        # The kernel waits for ever, and cannot be called back. Whoever asked does not: a thread
        # stays in line for them, and for whoever asks after them.
        with self._changed:
            self._is_wanted = True
            if not self._is_in_line:
                self._is_in_line = True
                threading.Thread(target=self._stand_in_line, args=self._files, daemon=True).start()
            try:
                has_come = self._changed.wait_for(lambda: self._has_come, seconds)
            finally:
                self._is_wanted = self._has_come = False
        if not has_come:
            raise StoreUnavailable("another process was writing for too long")

    def _stand_in_line(self, queue: int, writing: int) -> None:
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(writing, fcntl.LOCK_EX)
        fcntl.flock(queue, fcntl.LOCK_UN)
        with self._changed:
            self._is_in_line = False
            self._has_come = self._is_wanted
            self._changed.notify()
            if not self._is_wanted:
                fcntl.flock(writing, fcntl.LOCK_UN)

    def _open(self, name: str) -> int:
        return os.open(f"{self._path}.{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_free(queue: int, writing: int) -> bool:
    """Take the turn if nobody has it and nobody is in line."""
    try:
        fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        fcntl.flock(writing, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        fcntl.flock(queue, fcntl.LOCK_UN)
    return True


_ALL_TURNS: Final[WeakSet[Turns]] = WeakSet()


def _forget_parents() -> None:
    for turns in _ALL_TURNS:
        turns.forget_parent()


os.register_at_fork(after_in_child=_forget_parents)


class SqliteDatabase(Database):
    """A SQLite file in WAL mode: many readers, one writer, each commit synced to disk."""

    dialect: Dialect = "sqlite"
    _begin_reading = "BEGIN"

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self._turns = Turns(f"{engine.url.database}-turns")

    def write(self, work: Callable[[Connection], T]) -> T:
        with self._turns.turn(), self._transaction("BEGIN IMMEDIATE") as connection:
            return work(connection)

    def run_together(self, queue: CommandQueue, lock: Lock) -> None:
        # They are taken when the file is ours: by then more of them wait.
        with self._turns.turn():
            self._run_group("BEGIN IMMEDIATE", queue, lock)

    def close(self) -> None:
        super().close()
        self._turns.close()

    def truncate_log(self) -> None:
        # Writers wait while this waits for readers, so it gives up soon; `scrub` is thorough.
        with suppress(StoreUnavailable), self._turns.turn(), self._apart(TRUNCATE_SECONDS) as raw:
            _empty_log(raw)

    def scrub(self, tables: Sequence[str]) -> bool:
        # Zeroed or not, a page that was split keeps copies of its rows in its unused part.
        with self._apart(BUSY_TIMEOUT_SECONDS) as raw:
            raw.execute("VACUUM")
            return _empty_log(raw)

    @contextmanager
    def _apart(self, timeout_seconds: float) -> Iterator[sqlite3.Connection]:
        """A connection that is not of the pool, and waits only so long for others."""
        path = self.engine.url.database or ""
        try:
            with closing(sqlite3.connect(path, timeout_seconds, isolation_level=None)) as raw:
                raw.execute("PRAGMA secure_delete=ON")
                yield raw
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error

    def _is_in_transaction(self, raw: sqlite3.Connection) -> bool:
        return raw.in_transaction

    def _is_lost(self, raw: sqlite3.Connection) -> bool:
        return False

    def _translated(self, error: Exception) -> Exception:
        # SQLITE_ERROR is a statement that makes no sense here: a bug, not a database away.
        is_bug = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
        return error if is_bug else StoreUnavailable(str(error))


def open_sqlite(url: sa.URL) -> SqliteDatabase:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_reset_on_return=None,
        connect_args={
            "isolation_level": None,
            "check_same_thread": False,
            "timeout": BUSY_TIMEOUT_SECONDS,
            "cached_statements": 256,
        },
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    return SqliteDatabase(engine)


def _prepare_sqlite(raw: sqlite3.Connection, _record: object) -> None:
    # What is deleted is overwritten with zeros: it costs ordinary commands nothing measurable.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")


def _empty_log(raw: sqlite3.Connection) -> bool:
    """Copy the write-ahead log into the file and empty it; False when a reader needs it still."""
    is_busy: int = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not is_busy
