"""A connection inside a transaction: SQL with `:name` parameters, and writes that can wait."""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import msgspec
from psycopg.rows import dict_row, tuple_row

from domain.store.pending import PendingWrites, Write

Dialect = Literal["sqlite", "postgresql"]
Row = dict[str, Any]
T = TypeVar("T")

_WORDS: Final = re.compile(r"[a-z_]\w*")

sqlite3.register_adapter(UUID, lambda value: value.bytes)
sqlite3.register_adapter(date, lambda value: value.isoformat())
sqlite3.register_adapter(datetime, lambda value: value.isoformat(timespec="microseconds"))


class Connection:
    """A connection inside a transaction. SQL is written with `:name` parameters.

    Writes given to `later` wait in memory until a statement asks for their table and ledger, or
    until the transaction ends: many rows then cost one statement.
    """

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        self.dialect: Dialect = dialect
        self.kept: dict[UUID, Any] = {}
        """What is known of the ledgers that this transaction has locked."""
        self._raw = raw
        self._is_postgres = dialect == "postgresql"
        self._pending = PendingWrites()
        self._part: _Part | None = None

    def all(self, sql: str, **params: object) -> list[Row]:
        """Every row of the answer."""
        self._write_what_it_asks_for(sql, params)
        return list(self._rows(self._execute(sql, params)))

    def one(self, sql: str, **params: object) -> Row | None:
        """The first row of the answer, or None."""
        self._write_what_it_asks_for(sql, params)
        return self.peek(sql, **params)

    def peek(self, sql: str, **params: object) -> Row | None:
        """The first row of the answer, or None, as if nothing had been given to `later`."""
        return next(self._rows(self._execute(sql, params)), None)

    def run(self, sql: str, **params: object) -> int:
        """Execute a statement; the number of rows it touched."""
        self._write_what_it_asks_for(sql, params)
        self._secure_others()
        count: int = self._execute(sql, params).rowcount
        return count

    def run_many(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute a statement once for each mapping of parameters."""
        self._write_what_it_asks_for(sql, {})
        self._secure_others()
        self._cursor().executemany(for_psycopg(sql) if self._is_postgres else sql, rows)

    def tuples(self, sql: str, **params: object) -> list[tuple[Any, ...]]:
        """Every row of the answer as the driver gives it: on SQLite, ids are bytes, days text."""
        self._write_what_it_asks_for(sql, params)
        rows: list[tuple[Any, ...]]
        if self._is_postgres:
            # Bytes come as they are, and not as twice as many hexadecimal digits.
            cursor = self._raw.cursor(row_factory=tuple_row, binary=True)
            rows = cursor.execute(for_psycopg(sql), params).fetchall()
        else:
            rows = self._raw.execute(sql, params).fetchall()
        return rows

    def add_rows(
        self,
        table: str,
        columns: Sequence[str],
        first: UUID,
        rows: Iterable[tuple[object, ...]],
    ) -> None:
        """Insert rows as the driver takes them, each after the same first value."""
        self.flush()
        names = ", ".join(columns)
        if not self._is_postgres:
            marks = ", ".join("?" for _ in columns)
            insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"
            self._raw.executemany(insert, ((first.bytes, *row) for row in rows))
            return
        with self._raw.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row((first, *row))

    def remove_rows(
        self,
        table: str,
        columns: Sequence[str],
        first: UUID,
        keys: Iterable[tuple[object, ...]],
    ) -> None:
        """Delete the rows whose columns are the first value, and one of the keys."""
        self.flush()
        mark = "%s" if self._is_postgres else "?"
        same = " AND ".join(f"{column} = {mark}" for column in columns)
        value = first if self._is_postgres else first.bytes
        delete = f"DELETE FROM {table} WHERE {same}"
        self._raw.cursor().executemany(delete, ((value, *key) for key in keys))

    def stream(self, sql: str, **params: object) -> Iterator[Row]:
        """The rows of the answer, a few at a time: memory does not grow with their number."""
        self._write_what_it_asks_for(sql, params)
        if not self._is_postgres:
            yield from self._rows(self._execute(sql, params))
            return
        with self._raw.cursor(name="stream", row_factory=dict_row) as cursor:
            cursor.itersize = 1000
            cursor.execute(for_psycopg(sql), params)
            yield from cursor

    def later(self, write: Write, row: tuple[object, ...]) -> None:
        """Have a row written before anybody can miss it.

        Its first value is what it is found under: the ledger's id, or that of its set of rows.
        """
        self._pending.add(write, row)

    def flush(self) -> None:
        """Write what waits.

        Raises `RecordConflictError` when a head is not where it was when it was locked.
        """
        self._secure_others()
        self._pending.write(self._raw, self.dialect)

    def begin_part(self) -> None:
        """From here to `keep_part` or `undo_part`: what one of several commands does."""
        self._part = _Part(self._pending.count())

    def keep_part(self) -> None:
        """What the command did is part of the transaction."""
        if self._part is not None and self._part.is_saved:
            self._raw.execute("RELEASE part")
        self._part = None

    def undo_part(self) -> None:
        """Take back what the command did, and only that."""
        part, self._part = self._part, None
        assert part is not None
        if part.is_saved:
            self._raw.execute("ROLLBACK TO part")
            self._raw.execute("RELEASE part")
        self._pending.drop_after(part.mark)

    def _secure_others(self) -> None:
        """Before a command writes for itself: have what it may have to take back begin here."""
        part = self._part
        if part is None or part.is_saved:
            return
        own = self._pending.drop_after(part.mark)
        self._pending.write(self._raw, self.dialect)
        self._raw.execute("SAVEPOINT part")
        self._pending.put_back(own)
        self._part = _Part(0, is_saved=True)

    def _write_what_it_asks_for(self, sql: str, params: Mapping[str, object]) -> None:
        words = _words(sql)
        if self._pending.has_any(words, params.get("ledger_id"), params.get("rows_id")):
            self.flush()
        if "returning" in words:
            self._secure_others()

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


class _Part(msgspec.Struct, frozen=True):
    mark: int
    is_saved: bool = False


@cache
def for_psycopg(sql: str) -> str:
    """`:name` parameters as psycopg writes them; `::type` casts are left alone."""
    return re.sub(r"(?<!:):([a-z_]\w*)", r"%(\1)s", sql.replace("%", "%%"))


def as_record(row: Row, record: type[T]) -> T:
    """A row as a typed value: bytes or text become UUIDs, dates and booleans as declared."""
    return msgspec.convert(row, record, strict=False)


@cache
def _words(sql: str) -> frozenset[str]:
    """The tables of a statement are among its words, however it is written."""
    return frozenset(_WORDS.findall(sql.lower()))
