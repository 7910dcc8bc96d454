"""One way to talk SQL to SQLite and to PostgreSQL: explicit transactions, plain rows."""

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import msgspec
import psycopg
import sqlalchemy as sa
from psycopg.rows import dict_row
from sqlalchemy.pool import PoolProxiedConnection

Row = dict[str, Any]
T = TypeVar("T")

Stage = Literal["lock", "bracket", "commit"]
Observe = Callable[[Stage, float], None]
"""Is told how many seconds a stage of recording took, good end or bad."""

SQLITE_BUSY_TIMEOUT_SECONDS: Final = 10
SQLITE_TRUNCATE_SECONDS: Final = 0.25
POSTGRES_ATTEMPTS: Final = 5
POOL_SIZE: Final = 16
DRIVER_ERRORS: Final = (sqlite3.OperationalError, psycopg.OperationalError)

sqlite3.register_adapter(UUID, lambda value: value.bytes)
sqlite3.register_adapter(date, lambda value: value.isoformat())
sqlite3.register_adapter(datetime, lambda value: value.isoformat(timespec="microseconds"))


class StoreUnavailable(Exception):
    """The database cannot be reached or did not answer in time; nothing was recorded."""


class OutcomeUnknown(StoreUnavailable):
    """The connection was lost while committing: all of it was recorded, or nothing was."""


class Connection:
    """A connection inside a transaction. SQL is written with `:name` parameters."""

    def __init__(self, raw: Any, dialect: Literal["sqlite", "postgresql"]) -> None:
        self._raw = raw
        self._is_postgres = dialect == "postgresql"
        self.dialect = dialect

    def all(self, sql: str, **params: object) -> list[Row]:
        """Every row of the answer."""
        return list(self._rows(self._execute(sql, params)))

    def one(self, sql: str, **params: object) -> Row | None:
        """The first row of the answer, or None."""
        return next(self._rows(self._execute(sql, params)), None)

    def run(self, sql: str, **params: object) -> int:
        """Execute a statement; the number of rows it touched."""
        count: int = self._execute(sql, params).rowcount
        return count

    def run_many(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute a statement once for each mapping of parameters."""
        self._cursor().executemany(for_psycopg(sql) if self._is_postgres else sql, rows)

    def stream(self, sql: str, **params: object) -> Iterator[Row]:
        """The rows of the answer, a few at a time: memory does not grow with their number."""
        if not self._is_postgres:
            yield from self._rows(self._execute(sql, params))
            return
        with self._raw.cursor(name="stream", row_factory=dict_row) as cursor:
            cursor.itersize = 1000
            cursor.execute(for_psycopg(sql), params)
            yield from cursor

    def _execute(self, sql: str, params: Mapping[str, object]) -> Any:
        return self._cursor().execute(for_psycopg(sql) if self._is_postgres else sql, params)

    def _rows(self, cursor: Any) -> Iterator[Row]:
        if self._is_postgres:
            return iter(cursor)
        # The columns are named once for all rows: sqlite3 makes `description` anew when asked.
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, values, strict=True)) for values in cursor)

    def _cursor(self) -> Any:
        # SQLAlchemy reads plain tuples when it first connects, so dicts are asked for here.
        return self._raw.cursor(row_factory=dict_row) if self._is_postgres else self._raw.cursor()


@cache
def for_psycopg(sql: str) -> str:
    """`:name` parameters as psycopg writes them; `::type` casts are left alone."""
    return re.sub(r"(?<!:):([a-z_]\w*)", r"%(\1)s", sql.replace("%", "%%"))


def as_record(row: Row, record: type[T]) -> T:
    """A row as a typed value: bytes or text become UUIDs, dates and booleans as declared."""
    return msgspec.convert(row, record, strict=False)


class Database:
    """A pool of connections to one database, and the two kinds of transaction."""

    dialect: Literal["sqlite", "postgresql"]

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

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: all of it is recorded, or nothing is.

        `work` may run more than once, when the database asks to try again.
        """
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
        pooled = self._begun(begin)
        try:
            yield Connection(_driver(pooled), self.dialect)
            if begin == self._begin_reading:
                self._commit(_driver(pooled))
            else:
                with self.timed("commit"):
                    self._commit(_driver(pooled))
        except DRIVER_ERRORS as error:
            raise self._translated(error) from error
        finally:
            self._roll_back(pooled)
            pooled.close()

    def _begun(self, begin: str) -> PoolProxiedConnection:
        # A server that was restarted leaves dead connections behind: at most a pool full, and
        # the one after them is new.
        for _ in range(POOL_SIZE + 1):
            pooled = self._checkout()
            try:
                _driver(pooled).execute(begin)
            except DRIVER_ERRORS as error:
                if not self._is_lost(_driver(pooled)):
                    pooled.close()
                    raise StoreUnavailable(str(error)) from error
                pooled.invalidate()
            else:
                return pooled
        raise StoreUnavailable("every connection was lost")

    def _checkout(self) -> PoolProxiedConnection:
        # SQLAlchemy hands on the driver's own error where a pooled connection is replaced.
        try:
            return self.engine.raw_connection()
        except (sa.exc.OperationalError, sa.exc.TimeoutError, *DRIVER_ERRORS) as error:
            raise StoreUnavailable(str(error)) from error

    def _roll_back(self, pooled: PoolProxiedConnection) -> None:
        raw = _driver(pooled)
        try:
            if self._is_in_transaction(raw):
                raw.execute("ROLLBACK")
        except (sqlite3.Error, psycopg.Error):
            pooled.invalidate()

    def _commit(self, raw: Any) -> None:
        raw.execute("COMMIT")

    def _is_in_transaction(self, raw: Any) -> bool:
        raise NotImplementedError

    def _is_lost(self, raw: Any) -> bool:
        raise NotImplementedError

    def _translated(self, error: Exception) -> Exception:
        return StoreUnavailable(str(error))


def _driver(pooled: PoolProxiedConnection) -> Any:
    assert pooled.driver_connection is not None
    return pooled.driver_connection


class SqliteDatabase(Database):
    """A SQLite file in WAL mode: many readers, one writer, each commit synced to disk."""

    dialect: Literal["sqlite", "postgresql"] = "sqlite"
    _begin_reading = "BEGIN"

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        # Threads of this process queue here, in turn; SQLite's own busy handler, which
        # sleeps and retries, is left for the rarer meeting with another process.
        self._writer = threading.Lock()

    def write(self, work: Callable[[Connection], T]) -> T:
        with self._turn(), self._transaction("BEGIN IMMEDIATE") as connection:
            return work(connection)

    def truncate_log(self) -> None:
        # Writers wait while this waits for readers, so it gives up soon; `scrub` is thorough.
        with suppress(StoreUnavailable), self._turn(), self._apart(SQLITE_TRUNCATE_SECONDS) as raw:
            _empty_log(raw)

    def scrub(self, tables: Sequence[str]) -> bool:
        # Zeroed or not, a page that was split keeps copies of its rows in its unused part.
        with self._apart(SQLITE_BUSY_TIMEOUT_SECONDS) as raw:
            raw.execute("VACUUM")
            return _empty_log(raw)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._writer.acquire(timeout=SQLITE_BUSY_TIMEOUT_SECONDS):
            raise StoreUnavailable("another command is still being written")
        try:
            yield
        finally:
            self._writer.release()

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


class PostgresDatabase(Database):
    """A PostgreSQL database, read committed for writers, who lock the row they decide on."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"
    _begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def write(self, work: Callable[[Connection], T]) -> T:
        for _ in range(POSTGRES_ATTEMPTS - 1):
            try:
                return self._write_once(work)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                continue
        return self._write_once(work)

    def _write_once(self, work: Callable[[Connection], T]) -> T:
        with self._transaction("BEGIN") as connection:
            return work(connection)

    def scrub(self, tables: Sequence[str]) -> bool:
        pooled = self._checkout()
        try:
            _driver(pooled).execute(f"VACUUM {', '.join(tables)}")
        except psycopg.OperationalError as error:
            pooled.invalidate()
            raise StoreUnavailable(str(error)) from error
        finally:
            pooled.close()
        return True

    def _commit(self, raw: psycopg.Connection[Row]) -> None:
        try:
            raw.execute("COMMIT")
        except psycopg.OperationalError as error:
            if raw.closed:
                raise OutcomeUnknown(str(error)) from error
            raise

    def _is_in_transaction(self, raw: psycopg.Connection[Row]) -> bool:
        return raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def _is_lost(self, raw: psycopg.Connection[Row]) -> bool:
        return raw.closed

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
            return error
        return StoreUnavailable(str(error))


def open_database(url: str) -> Database:
    """Open `sqlite:///path` or `postgresql://…`; nothing is created but the SQLite file."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        engine = sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_pre_ping=False,
            connect_args={
                "autocommit": True,
                "connect_timeout": 5,
                "options": "-c timezone=UTC -c lock_timeout=10s",
            },
        )
        return PostgresDatabase(engine)
    raise ValueError(f"DATABASE_URL must begin with sqlite or postgresql, not {parsed.drivername}")


def _open_sqlite(url: sa.URL) -> SqliteDatabase:
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
            "timeout": SQLITE_BUSY_TIMEOUT_SECONDS,
            "cached_statements": 256,
        },
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    return SqliteDatabase(engine)


def _prepare_sqlite(raw: sqlite3.Connection, _record: object) -> None:
    # What is deleted is overwritten with zeros: it costs ordinary commands nothing measurable.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        raw.execute(f"PRAGMA {pragma}")


def _empty_log(raw: sqlite3.Connection) -> bool:
    """Copy the write-ahead log into the file and empty it; False when a reader needs it still."""
    is_busy: int = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not is_busy
