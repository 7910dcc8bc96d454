"""Where exports are kept: what was asked for, and the finished file in pieces."""

import datetime as dt
import zlib
from typing import Final, Literal, get_args
from uuid import UUID

import msgspec

from domain.store.database import Connection, as_record

Format = Literal["csv", "xlsx", "beancount", "events", "pdf"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
Language = Literal["fa", "en"]

_QUICKLY: Final = 1
REMOVED_CHUNKS: Final = 8
"""What is deleted is overwritten with zeros there: a few at a time."""


class Export(msgspec.Struct, frozen=True):
    """A ledger that somebody takes away, from `start` to `end`, both included, where they are said.

    A PDF is the statement of a Jalali month: they are its first day and its last.

    It tells how the ledger stood at `version`, which is known when a worker begins with it.
    `digest` is the finished file's SHA-256.
    """

    ledger_id: UUID
    id: UUID
    format: Format
    language: Language
    start_date: dt.date | None = None
    end_date: dt.date | None = None
    run_id: UUID | None = None
    version: int | None = None
    size_bytes: int = 0
    digest: bytes | None = None


_THIS: Final = "ledger_id = :ledger_id AND id = :id"


def add_export(connection: Connection, wanted: Export) -> None:
    """Write down what is wanted. The ledger is to be locked, or an erasure could miss the row."""
    connection.run(
        """
        INSERT INTO exports (ledger_id, id, format, language, start_date, end_date)
        VALUES (:ledger_id, :id, :format, :language, :start_date, :end_date)
        """,
        **{name: getattr(wanted, name) for name in Export.__struct_fields__[:6]},
    )


def find_export(connection: Connection, ledger_id: UUID, export_id: UUID) -> Export | None:
    """An export of a ledger, or None."""
    columns = ", ".join(Export.__struct_fields__)
    sql = f"SELECT {columns} FROM exports WHERE {_THIS}"
    row = connection.one(sql, ledger_id=ledger_id, id=export_id)
    return None if row is None else as_record(row, Export)


def take_over(connection: Connection, export: Export) -> bool:
    """From here on only the run `export.run_id` writes this file; False when it is gone."""
    sql = f"""UPDATE exports SET run_id = :run_id, version = :version, size_bytes = 0, digest = NULL
        WHERE {_THIS}"""
    given = {name: getattr(export, name) for name in ("ledger_id", "id", "run_id", "version")}
    return connection.run(sql, **given) == 1


def is_written_by(connection: Connection, export: Export) -> bool:
    """Whether this run still writes the file; for whoever has locked the ledger."""
    found = find_export(connection, export.ledger_id, export.id)
    return found is not None and found.run_id == export.run_id


def add_chunk(connection: Connection, export: Export, number: int, content: bytes) -> None:
    """Keep the next piece of the file."""
    connection.run(
        f"UPDATE exports SET size_bytes = size_bytes + :more WHERE {_THIS}",
        more=len(content),
        ledger_id=export.ledger_id,
        id=export.id,
    )
    connection.run(
        """
        INSERT INTO export_chunks (ledger_id, export_id, number, content)
        VALUES (:ledger_id, :id, :number, :content)
        """,
        ledger_id=export.ledger_id,
        id=export.id,
        number=number,
        # Text is a fifth of its size then: it is the writing that others wait for.
        content=zlib.compress(content, _QUICKLY),
    )


def finish(connection: Connection, export: Export, digest: bytes) -> None:
    """The file is whole."""
    sql = f"UPDATE exports SET digest = :digest WHERE {_THIS}"
    connection.run(sql, digest=digest, ledger_id=export.ledger_id, id=export.id)


def read_chunk(
    connection: Connection, ledger_id: UUID, export_id: UUID, number: int
) -> bytes | None:
    """A piece of the file, counted from 0, or None behind the last."""
    row = connection.one(
        """
        SELECT content FROM export_chunks
        WHERE ledger_id = :ledger_id AND export_id = :export_id AND number = :number
        """,
        ledger_id=ledger_id,
        export_id=export_id,
        number=number,
    )
    return None if row is None else zlib.decompress(row["content"])


def remove_chunks(connection: Connection, ledger_id: UUID, export_id: UUID) -> int:
    """Forget the first few pieces that are still kept; how many there were."""
    return connection.run(
        """
        DELETE FROM export_chunks
        WHERE ledger_id = :ledger_id AND export_id = :export_id AND number IN (
            SELECT number FROM export_chunks
            WHERE ledger_id = :ledger_id AND export_id = :export_id ORDER BY number LIMIT :most
        )
        """,
        ledger_id=ledger_id,
        export_id=export_id,
        most=REMOVED_CHUNKS,
    )


def remove_export(connection: Connection, ledger_id: UUID, export_id: UUID) -> None:
    """Forget what was wanted; its pieces are to be gone."""
    connection.run(f"DELETE FROM exports WHERE {_THIS}", ledger_id=ledger_id, id=export_id)
