"""Writes that wait for each other: rows of a table that cost one statement together."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from eventsourcing.persistence import RecordConflictError

Values = tuple[Any, ...]
ColumnType = Literal["uuid", "bigint", "text", "date", "timestamptz", "boolean", "json", "bytes"]
"""As PostgreSQL calls them; `json` is UTF-8 JSON kept as bytes, and `bytes` are any."""

MOST_ROWS: Final = 64
"""Of one statement on SQLite, which is compiled anew for each number of rows."""

FEW_ROWS: Final = 16
"""Up to so many, as a group has them, are one statement: each gives up the interpreter."""


class Write(msgspec.Struct, frozen=True, eq=False):
    """A statement that takes its rows from `given`; the first column is the ledger's id.

    `merge` makes one row of two that would write the same; `must_touch_all` says that a row
    which finds nothing to change is a conflict.
    """

    table: str
    columns: Mapping[str, ColumnType]
    sql: str
    key: int = 0
    merge: Callable[[Values, Values], Values] | None = None
    must_touch_all: bool = False


def insert_into(
    table: str,
    columns: Mapping[str, ColumnType],
    on_conflict: str = "",
    *,
    key: int = 0,
    merge: Callable[[Values, Values], Values] | None = None,
) -> Write:
    """An INSERT of every column; rows whose first `key` values are the same are merged."""
    names = ", ".join(columns)
    # SQLite reads `FROM given ON CONFLICT` as a join, unless a condition stands between.
    sql = f"INSERT INTO {table} ({names}) SELECT {names} FROM given WHERE TRUE {on_conflict}"
    return Write(table, columns, sql, key, merge)


class PendingWrites:
    """Rows in the order in which they came."""

    def __init__(self) -> None:
        self._rows: list[tuple[Write, Values]] = []
        self._waiting: dict[str, set[object]] = {}
        self._latest: dict[Write, object] = {}

    def add(self, write: Write, row: Values) -> None:
        """Let a row wait."""
        self._rows.append((write, row))
        ledger_id = row[0]
        # Most rows are of the ledger of the row before: looking at it costs less than a hash.
        if self._latest.get(write) is not ledger_id:
            self._latest[write] = ledger_id
            self._waiting.setdefault(write.table, set()).add(ledger_id)

    def has_any(self, words: Collection[str], ledger_id: object, rows_id: object = None) -> bool:
        """Whether rows wait of a table among the words: of one ledger, or if none is given any.

        Rows projected from a ledger wait under the id of their set, its events under its own.
        """
        of_any = not isinstance(ledger_id, UUID)
        return any(
            table in words and (of_any or ledger_id in waiting or rows_id in waiting)
            for table, waiting in self._waiting.items()
        )

    def count(self) -> int:
        """How many wait."""
        return len(self._rows)

    def drop_after(self, mark: int) -> list[tuple[Write, Values]]:
        """Forget all but the first `mark` rows; gives what was forgotten."""
        dropped, self._rows = self._rows[mark:], self._rows[:mark]
        if dropped:
            kept = self._rows
            self._forget()
            self.put_back(kept)
        return dropped

    def put_back(self, rows: Sequence[tuple[Write, Values]]) -> None:
        """Let rows wait again."""
        for write, row in rows:
            self.add(write, row)

    def write(self, raw: Any, dialect: str) -> None:
        """Write everything; nothing waits any more. Raises `RecordConflictError`."""
        if not self._rows:
            return
        by_write: dict[Write, list[Values]] = {}
        for write, row in self._rows:
            by_write.setdefault(write, []).append(row)
        together = [(write, _merged(write, rows)) for write, rows in by_write.items()]
        # What can find a conflict comes last: there PostgreSQL tells how many rows it touched.
        together.sort(key=lambda one: one[0].must_touch_all)
        if dialect == "sqlite":
            _write_to_sqlite(raw, together)
        else:
            _write_to_postgres(raw, together)
        # Not before: what could not be written must not be taken for written.
        self._forget()

    def _forget(self) -> None:
        self._rows, self._waiting, self._latest = [], {}, {}


def _merged(write: Write, rows: list[Values]) -> list[Values]:
    if write.merge is None or len(rows) == 1:
        return rows
    merged: dict[Values, Values] = {}
    for row in rows:
        key = row[: write.key]
        other = merged.get(key)
        merged[key] = row if other is None else write.merge(other, row)
    return list(merged.values())


def _write_to_sqlite(raw: Any, together: list[tuple[Write, list[Values]]]) -> None:
    for write, rows in together:
        before = raw.total_changes
        for chunk in _chunks(rows):
            values = chunk[0] if len(chunk) == 1 else [value for row in chunk for value in row]
            raw.execute(_for_sqlite(write, len(chunk)), values)
        if write.must_touch_all and raw.total_changes - before != len(rows):
            raise RecordConflictError([row[0] for row in rows])


def _chunks(rows: list[Values]) -> Iterator[list[Values]]:
    """As few as there can be, of few different lengths: each length is a statement of its own."""
    start, left = 0, len(rows)
    while left:
        size = left if left <= FEW_ROWS else min(MOST_ROWS, 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start, left = start + size, left - size


@cache
def _for_sqlite(write: Write, rows: int) -> str:
    one = f"({', '.join('?' for _ in write.columns)})"
    names = ", ".join(write.columns)
    return f"WITH given({names}) AS (VALUES {', '.join([one] * rows)}) {write.sql}"


def _write_to_postgres(raw: Any, together: list[tuple[Write, list[Values]]]) -> None:
    params = {
        f"rows_{number}": _as_json(write, rows) for number, (write, rows) in enumerate(together)
    }
    statement = _for_postgres(tuple(write for write, _ in together))
    touched = raw.execute(statement, params).rowcount
    write, rows = together[-1]
    if write.must_touch_all and touched != len(rows):
        raise RecordConflictError([row[0] for row in rows])


@cache
def _for_postgres(writes: tuple[Write, ...]) -> str:
    """One statement for all: `given` of each is what its JSON says."""
    parts, own = [], ""
    for number, write in enumerate(writes):
        names = ", ".join(_read(kind, name) for name, kind in write.columns.items())
        types = ", ".join(f"{name} {_sent(kind)}" for name, kind in write.columns.items())
        source = f"json_to_recordset(%(rows_{number})s::json) AS sent({types})"
        parts.append(f"given_{number} AS (SELECT {names} FROM {source})")
        own = write.sql.replace(" given ", f" given_{number} AS given ")
        if number < len(writes) - 1:
            parts.append(f"written_{number} AS ({own})")
    # psycopg forgets how it reads a statement of more than 4,096 characters.
    return " ".join(f"WITH {', '.join(parts)} {own}".split())


def _sent(kind: ColumnType) -> str:
    return "text" if kind in ("json", "bytes") else kind


def _read(kind: ColumnType, name: str) -> str:
    if kind == "json":
        return f"convert_to({name}, 'UTF8') AS {name}"
    return f"decode({name}, 'hex') AS {name}" if kind == "bytes" else name


def _as_json(write: Write, rows: list[Values]) -> str:
    names = list(write.columns)
    texts = [index for index, kind in enumerate(write.columns.values()) if kind == "json"]
    hexes = [index for index, kind in enumerate(write.columns.values()) if kind == "bytes"]
    sent = []
    for row in rows:
        values = list(row)
        for index in texts:
            values[index] = values[index].decode()
        for index in hexes:
            values[index] = values[index].hex()
        sent.append(dict(zip(names, values, strict=True)))
    return msgspec.json.encode(sent).decode()
