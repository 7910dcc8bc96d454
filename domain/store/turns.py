"""Turns at writing a SQLite file, among the threads and processes of one machine."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from weakref import WeakSet

from domain.store.failures import StoreUnavailable

PATIENCE_SECONDS: Final = 10


class WriterTurns:
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
        deadline = time.monotonic() + PATIENCE_SECONDS
        if not self._threads.acquire(timeout=PATIENCE_SECONDS):
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


_ALL_TURNS: Final[WeakSet[WriterTurns]] = WeakSet()


def _forget_parents() -> None:
    for turns in _ALL_TURNS:
        turns.forget_parent()


os.register_at_fork(after_in_child=_forget_parents)
