"""A pool of connections to one database, and the kinds of transaction."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeVar

import psycopg
import sqlalchemy as sa
from eventsourcing.persistence import RecordConflictError
from sqlalchemy.pool import PoolProxiedConnection

from domain.store.connection import Connection, Dialect, Row
from domain.store.failures import OutcomeUnknown, StoreUnavailable
from domain.store.groups import Asked, CommandQueue

T = TypeVar("T")

Stage = Literal["queue", "lock", "bracket", "commit"]
Observe = Callable[[Stage, float], None]
"""Is told how many seconds a stage of recording took, good end or bad."""

Lock = Callable[[Connection, list[Asked[Any]]], list[Asked[Any]]]
"""Locks the ledgers of commands; gives the commands whose ledger can be locked at once."""

POOL_SIZE: Final = 16
POOL_WAIT_SECONDS: Final = 10
TOGETHER_SECONDS: Final = 0.02
"""After so long no further command of a group is begun: those before it want their answer."""

DRIVER_ERRORS: Final = (sqlite3.OperationalError, psycopg.OperationalError)
SPOILED: Final = (sqlite3.Error, psycopg.Error, StoreUnavailable, RecordConflictError)
"""After one of these a transaction may hold anything: it is rolled back."""


class _Undone(Exception):
    """A command that has the transaction to itself was refused."""


class Database:
    """A pool of connections to one database, and the two kinds of transaction."""

    dialect: Dialect

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        # Whoever wires the process may watch; nobody does unless they ask.
        self.observe: Observe = lambda _stage, _seconds: None

    @contextmanager
    def timed(self, stage: Stage) -> Iterator[None]:
        """Tell the observer how long the block took."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.observe(stage, time.perf_counter() - started)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot of the database."""
        with self.reading() as connection:
            return work(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction in which every statement sees the same snapshot."""
        with self._transaction(self._begin_reading) as connection:
            yield connection

    def glance(self, sql: str, **params: object) -> Row | None:
        """The first row of one statement's answer, or None: a statement is its own snapshot."""
        pooled, row = self._first(lambda raw: Connection(raw, self.dialect).peek(sql, **params))
        pooled.close()
        return row

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: all of it is recorded, or nothing is.

        `work` may run more than once, when the database asks to try again.
        """
        raise NotImplementedError

    def run_together(self, queue: CommandQueue, lock: Lock) -> None:
        """Run commands that wait in one transaction; see `CommandQueue`."""
        raise NotImplementedError

    def truncate_log(self) -> None:
        """Keep no old copy of a page beside the database's file, unless somebody reads one."""

    def scrub(self, tables: Sequence[str]) -> bool:
        """Clear what deleted rows of these tables left in the files; False when it has to wait."""
        raise NotImplementedError

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    _begin_reading: str

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        pooled, _ = self._first(lambda raw: self._begin(raw, begin))
        try:
            connection = Connection(driver(pooled), self.dialect)
            yield connection
            connection.flush()
            if begin == self._begin_reading:
                self._commit(driver(pooled))
            else:
                with self.timed("commit"):
                    self._commit(driver(pooled))
        except DRIVER_ERRORS as error:
            raise self._translated(error) from error
        finally:
            self._roll_back(pooled)
            pooled.close()

    def _run_group(self, begin: str, queue: CommandQueue, lock: Lock) -> None:
        """Run a group, taken when the transaction has begun: by then more of them wait.

        Raises `StoreUnavailable` when nothing could be begun.
        """
        run: list[Asked[Any]] = []
        has_begun = False
        try:
            with self._transaction(begin) as connection:
                has_begun = True
                run = lock(connection, queue.take())
                self._run_each(connection, queue, run)
        except _Undone:
            run[0].settle()
        except OutcomeUnknown as error:
            for asked in run:
                # What was refused may be refused because of another that was not recorded.
                if asked.error is None:
                    asked.fail(error)
                else:
                    asked.forget()
        except Exception:
            if not has_begun:
                raise
            for asked in run:
                asked.forget()
        else:
            for asked in run:
                asked.settle()

    def _run_each(self, connection: Connection, queue: CommandQueue, run: list[Asked[Any]]) -> None:
        started = time.perf_counter()
        for place, asked in enumerate(run):
            now = time.perf_counter()
            if place and now - started > TOGETHER_SECONDS:
                queue.put_back(run[place:])
                del run[place:]
                return
            self.observe("queue", now - asked.asked_at)
            if len(run) > 1:
                connection.begin_part()
            try:
                asked.run(connection)
            except SPOILED:
                raise
            except BaseException as error:
                if len(run) == 1:
                    raise _Undone from error
                connection.undo_part()
            else:
                connection.keep_part()

    def _first(self, ask: Callable[[Any], T]) -> tuple[PoolProxiedConnection, T]:
        """A connection, and what it answered to the first thing that it was asked.

        A server that was restarted leaves dead connections behind: at most a pool full, and the
        one after them is new.
        """
        for _ in range(POOL_SIZE + 1):
            pooled = self._checkout()
            try:
                return pooled, ask(driver(pooled))
            except DRIVER_ERRORS as error:
                if not self._is_lost(driver(pooled)):
                    pooled.close()
                    raise self._translated(error) from error
                pooled.invalidate()
            except BaseException:
                pooled.close()
                raise
        raise StoreUnavailable("every connection was lost")

    def _checkout(self) -> PoolProxiedConnection:
        # SQLAlchemy hands on the driver's own error where a pooled connection is replaced.
        try:
            return self.engine.raw_connection()
        except (sa.exc.OperationalError, sa.exc.TimeoutError, *DRIVER_ERRORS) as error:
            raise StoreUnavailable(str(error)) from error

    def _roll_back(self, pooled: PoolProxiedConnection) -> None:
        raw = driver(pooled)
        try:
            if self._is_in_transaction(raw):
                raw.execute("ROLLBACK")
        except (sqlite3.Error, psycopg.Error):
            pooled.invalidate()

    def _begin(self, raw: Any, begin: str) -> None:
        raw.execute(begin)

    def _commit(self, raw: Any) -> None:
        raw.execute("COMMIT")

    def _is_in_transaction(self, raw: Any) -> bool:
        raise NotImplementedError

    def _is_lost(self, raw: Any) -> bool:
        raise NotImplementedError

    def _translated(self, error: Exception) -> Exception:
        return StoreUnavailable(str(error))


def driver(pooled: PoolProxiedConnection) -> Any:
    assert pooled.driver_connection is not None
    return pooled.driver_connection
