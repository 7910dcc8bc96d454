"""PostgreSQL: writers read what is committed, and lock the row that they decide on."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import psycopg
import sqlalchemy as sa

from domain.store.connection import Connection, Dialect, Row
from domain.store.failures import OutcomeUnknown, StoreUnavailable
from domain.store.groups import CommandQueue
from domain.store.pools import POOL_SIZE, POOL_WAIT_SECONDS, Database, Lock, driver

T = TypeVar("T")

ATTEMPTS: Final = 5
TRY_AGAIN: Final = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_BEGIN_TOGETHER: Final = "BEGIN; SET LOCAL lock_timeout = '50ms'"
"""Others wait behind a group: one that has to wait for longer is run one by one."""


class PostgresDatabase(Database):
    """A PostgreSQL database, read committed for writers, who lock the row they decide on."""

    dialect: Dialect = "postgresql"
    _begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def write(self, work: Callable[[Connection], T]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._write_once(work)
            except TRY_AGAIN as error:
                if attempt == ATTEMPTS:
                    raise StoreUnavailable(str(error)) from error
        raise AssertionError

    def run_together(self, queue: CommandQueue, lock: Lock) -> None:
        self._run_group(_BEGIN_TOGETHER, queue, lock)

    def _write_once(self, work: Callable[[Connection], T]) -> T:
        with self._transaction("BEGIN") as connection:
            return work(connection)

    def scrub(self, tables: Sequence[str]) -> bool:
        pooled = self._checkout()
        try:
            driver(pooled).execute(f"VACUUM {', '.join(tables)}")
        except psycopg.OperationalError as error:
            pooled.invalidate()
            raise StoreUnavailable(str(error)) from error
        finally:
            pooled.close()
        return True

    def _begin(self, raw: psycopg.Connection[Row], begin: str) -> None:
        # Several statements cannot be prepared as one.
        raw.execute(begin, prepare=False)

    def _commit(self, raw: psycopg.Connection[Row]) -> None:
        try:
            done = raw.execute("COMMIT").statusmessage
        except psycopg.OperationalError as error:
            if raw.closed:
                raise OutcomeUnknown(str(error)) from error
            raise
        if done != "COMMIT":
            # The server rolls back, without a word, what somebody went on with after an error.
            raise psycopg.errors.InFailedSqlTransaction("an error was passed over")

    def _is_in_transaction(self, raw: psycopg.Connection[Row]) -> bool:
        return raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def _is_lost(self, raw: psycopg.Connection[Row]) -> bool:
        return raw.closed

    def _translated(self, error: Exception) -> Exception:
        return error if isinstance(error, TRY_AGAIN) else StoreUnavailable(str(error))


def open_postgres(url: sa.URL) -> PostgresDatabase:
    """A pool of connections to a server; none is opened before it is needed."""
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_pre_ping=False,
        connect_args={
            "autocommit": True,
            "connect_timeout": 5,
            # Of a host that is silently gone it would otherwise be told after minutes.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "options": "-c timezone=UTC -c lock_timeout=10s",
        },
    )
    return PostgresDatabase(engine)
