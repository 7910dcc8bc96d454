"""Changing what is stored behind everybody's back, one value at a time."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from domain.store.database import Database, Row

COLUMNS: Final = {
    "sqlite": "SELECT name, lower(type) AS type FROM pragma_table_info(:table)",
    "postgresql": "SELECT column_name AS name, data_type AS type FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND table_name = :table",
}
OTHER_ID: Final = UUID(int=0xBAD)
SOME_DAY: Final = dt.date(2026, 11, 23)


def columns_of(database: Database, table: str) -> dict[str, str]:
    """The columns of a table and their types, as the database calls them."""
    rows = database.read(lambda c: c.all(COLUMNS[database.dialect], table=table))
    assert rows, table
    return {row["name"]: row["type"] for row in rows}


def first_row(database: Database, table: str, column: str, ledger_id: UUID) -> Row:
    """A row of a ledger."""
    find = f"SELECT * FROM {table} WHERE {column} = :id"
    row = database.read(lambda connection: connection.one(find, id=ledger_id))
    assert row is not None, table
    return row


def others_than(value: Any, kind: str) -> list[Any]:
    """Other values for a column of a type: plausible ones, and nonsense where it takes that."""
    if kind in ("integer", "bigint"):
        return [1 if value is None else value + 1]
    if kind == "boolean":
        return [not value]
    if kind == "date":
        return [SOME_DAY if value is None else value + dt.timedelta(days=1)]
    if kind.startswith("timestamp"):
        return [value + dt.timedelta(seconds=1)]
    if kind == "uuid":
        return [OTHER_ID]
    if kind in ("blob", "bytea"):
        return [OTHER_ID.bytes, b"", bytes(32)]
    assert kind == "text", kind
    return ["x", "2026-11-23T08:30:00.123456+00:00", "2020-02-02", "expense"]


@contextmanager
def changed(database: Database, table: str, row: Row, column: str, value: Any) -> Iterator[None]:
    """One value of one row is another for as long as this lasts."""
    after = {**row, column: value}
    _set(database, table, row, column, value)
    try:
        yield
    finally:
        _set(database, table, after, column, row[column])


def _set(database: Database, table: str, row: Row, column: str, value: Any) -> None:
    # `notification_id` is PostgreSQL's own to say.
    where = " AND ".join(f"{name} IS NOT DISTINCT FROM :{name}" for name in row)
    sql = f"UPDATE {table} SET {column} = :new_value WHERE {where}"
    assert database.write(lambda c: c.run(sql, new_value=value, **row)) == 1
