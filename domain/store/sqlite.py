"""SQLite: a file in WAL mode, many readers, one writer, each commit synced to disk."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import sqlalchemy as sa

from domain.store.connection import Connection, Dialect
from domain.store.failures import StoreUnavailable
from domain.store.groups import CommandQueue
from domain.store.pools import POOL_SIZE, POOL_WAIT_SECONDS, Database, Lock, driver
from domain.store.turns import WriterTurns

T = TypeVar("T")

BUSY_TIMEOUT_SECONDS: Final = 10
TRUNCATE_SECONDS: Final = 0.25
COPY_EVERY_SECONDS: Final = 0.1
"""By who is not synced, and writes much: a step may change hundreds of pages."""

CHECKPOINT_PAGES: Final = 4000
"""Of 4 KiB. A page that changes with every command is copied to the file once in so many."""


class SqliteDatabase(Database):
    """A SQLite file in WAL mode: many readers, one writer, each commit synced to disk."""

    dialect: Dialect = "sqlite"
    _begin_reading = "BEGIN"

    def __init__(self, engine: sa.Engine, *, is_synced: bool) -> None:
        super().__init__(engine)
        self._turns = WriterTurns(f"{engine.url.database}-turns")
        self._is_synced = is_synced
        self._copied_at = time.monotonic()

    def write(self, work: Callable[[Connection], T]) -> T:
        with self._turns.turn(), self._transaction("BEGIN IMMEDIATE") as connection:
            result = work(connection)
        if not self._is_synced:
            self._copy_log_while_others_write()
        return result

    def _copy_log_while_others_write(self) -> None:
        """Copy the log into the file now and then, which is a long commit for whoever has to."""
        if time.monotonic() - self._copied_at < COPY_EVERY_SECONDS:
            return
        self._copied_at = time.monotonic()
        # What was written is written: if this does not work, it will the next time.
        with suppress(StoreUnavailable, sqlite3.Error), closing(self._checkout()) as pooled:
            driver(pooled).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def run_together(self, queue: CommandQueue, lock: Lock) -> None:
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


def open_sqlite(url: sa.URL, *, is_synced: bool) -> SqliteDatabase:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_reset_on_return=None,
        connect_args={
            "isolation_level": None,
            "check_same_thread": False,
            "timeout": BUSY_TIMEOUT_SECONDS,
            "cached_statements": 256,
        },
    )
    # The log is read in order: whoever waits for it waits for all that others wrote before.
    sa.event.listen(engine, "connect", partial(_prepare_sqlite, is_synced=is_synced))
    return SqliteDatabase(engine, is_synced=is_synced)


def _prepare_sqlite(raw: sqlite3.Connection, _record: object, *, is_synced: bool) -> None:
    # What is deleted is overwritten with zeros: it costs ordinary commands nothing measurable.
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "secure_delete=ON"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute(f"PRAGMA synchronous={'FULL' if is_synced else 'NORMAL'}")
    raw.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES if is_synced else 0}")


def _empty_log(raw: sqlite3.Connection) -> bool:
    """Copy the write-ahead log into the file and empty it; False when a reader needs it still."""
    is_busy: int = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not is_busy
