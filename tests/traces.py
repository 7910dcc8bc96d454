"""Looking everywhere: whether anything in a database still tells of somebody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from domain.store.database import Connection, Database

_TABLES: Final = {
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT table_name AS name FROM information_schema.tables"
    " WHERE table_schema = current_schema()",
}


def table_names(connection: Connection) -> set[str]:
    """Every table that a migration made, and Alembic's own."""
    return {row["name"] for row in connection.all(_TABLES[connection.dialect])}


def traces(database: Database, *clues: UUID | str) -> set[str]:
    """The tables with a row in which one of these ids or texts stands, in whatever form."""
    with database.reading() as connection:
        return {
            table
            for table in table_names(connection)
            if any(_tells(row, clues) for row in connection.all(f'SELECT * FROM "{table}"'))
        }


def traces_in_files(database_url: str, text: str) -> list[str]:
    """The files of a SQLite database in whose bytes a text stands, its write-ahead log too."""
    path = Path(sa.make_url(database_url).database or "")
    files = path.parent.glob(f"{path.name}*")
    return sorted(file.name for file in files if text.encode() in file.read_bytes())


def _tells(row: dict[str, object], clues: tuple[UUID | str, ...]) -> bool:
    told = list(map(_as_bytes, row.values()))
    return any(form in value for clue in clues for form in _forms(clue) for value in told)


def _forms(clue: UUID | str) -> Iterator[bytes]:
    yield str(clue).encode()
    if isinstance(clue, UUID):
        yield clue.bytes
        yield clue.hex.encode()


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
