"""Where imports are kept: the file in pieces until it is read, then what became of each row."""

from collections import Counter
from collections.abc import Sequence
from typing import IO, Final, Literal
from uuid import UUID

import msgspec

from domain.store.database import Connection, Database, Row, as_record
from domain.store.imports.lines import Flaw
from domain.store.imports.options import Options
from domain.store.jobs import UNFINISHED

RowStatus = Literal["recorded", "would_record", "unchanged", "refused"]

CHUNK_BYTES: Final = 512 * 1024
"""Small enough that writing one keeps nobody waiting on SQLite."""


class Import(msgspec.Struct, frozen=True):
    """An import: who asked for it, how to read the file, and how many rows became what."""

    ledger_id: UUID
    id: UUID
    actor: str
    options: Options
    recorded: int = 0
    unchanged: int = 0
    refused: int = 0


class RowResult(msgspec.Struct, frozen=True):
    """What became of a row; `row` is its number in the file."""

    row: int
    status: RowStatus
    transaction_id: UUID | None
    flaws: tuple[Flaw, ...] = ()


def add_import(connection: Connection, wanted: Import) -> None:
    """Write an import down; its file comes in pieces."""
    connection.run(
        """
        INSERT INTO imports (ledger_id, id, actor, options, recorded, unchanged, refused)
        VALUES (:ledger_id, :id, :actor, :options, 0, 0, 0)
        """,
        ledger_id=wanted.ledger_id,
        id=wanted.id,
        actor=wanted.actor,
        options=msgspec.json.encode(wanted.options).decode(),
    )


def find_import(connection: Connection, ledger_id: UUID, import_id: UUID) -> Import | None:
    """An import of a ledger, or None."""
    row = connection.one(
        """
        SELECT ledger_id, id, actor, options, recorded, unchanged, refused FROM imports
        WHERE ledger_id = :ledger_id AND id = :id
        """,
        ledger_id=ledger_id,
        id=import_id,
    )
    if row is None:
        return None
    return as_record({**row, "options": msgspec.json.decode(row["options"])}, Import)


def add_chunk(
    connection: Connection, ledger_id: UUID, import_id: UUID, number: int, content: bytes
) -> None:
    """Keep one piece of the file."""
    connection.run(
        """
        INSERT INTO import_chunks (ledger_id, import_id, number, content)
        VALUES (:ledger_id, :import_id, :number, :content)
        """,
        ledger_id=ledger_id,
        import_id=import_id,
        number=number,
        content=content,
    )


def copy_file(database: Database, ledger_id: UUID, import_id: UUID, target: IO[bytes]) -> None:
    """Write the kept file to another, one piece in memory at a time."""
    sql = """
        SELECT content FROM import_chunks
        WHERE ledger_id = :ledger_id AND import_id = :import_id AND number = :number
    """
    number = 0
    while True:
        with database.reading() as connection:
            row = connection.one(sql, ledger_id=ledger_id, import_id=import_id, number=number)
        if row is None:
            return
        target.write(row["content"])
        number += 1


def remove_file(connection: Connection, ledger_id: UUID, import_id: UUID) -> None:
    """Forget the file; what became of its rows stays."""
    _remove(connection, "import_chunks", "import_id", ledger_id, import_id)


def remove_import(connection: Connection, ledger_id: UUID, import_id: UUID) -> None:
    """Forget an import altogether; what it recorded stays in the ledger."""
    for table in ("import_rows", "import_chunks"):
        _remove(connection, table, "import_id", ledger_id, import_id)
    _remove(connection, "imports", "id", ledger_id, import_id)


def add_results(
    connection: Connection, ledger_id: UUID, import_id: UUID, results: Sequence[RowResult]
) -> None:
    """Keep what became of rows, and count them."""
    connection.run_many(
        """
        INSERT INTO import_rows (ledger_id, import_id, row, status, transaction_id, flaws)
        VALUES (:ledger_id, :import_id, :row, :status, :transaction_id, :flaws)
        """,
        [
            {
                "ledger_id": ledger_id,
                "import_id": import_id,
                "row": result.row,
                "status": result.status,
                "transaction_id": result.transaction_id,
                "flaws": msgspec.json.encode(result.flaws).decode() if result.flaws else "[]",
            }
            for result in results
        ],
    )
    counts = Counter(result.status for result in results)
    connection.run(
        """
        UPDATE imports SET recorded = recorded + :recorded, unchanged = unchanged + :unchanged,
            refused = refused + :refused
        WHERE ledger_id = :ledger_id AND id = :id
        """,
        ledger_id=ledger_id,
        id=import_id,
        recorded=counts["recorded"] + counts["would_record"],
        unchanged=counts["unchanged"],
        refused=counts["refused"],
    )


def list_results(
    connection: Connection,
    ledger_id: UUID,
    import_id: UUID,
    *,
    after: int,
    limit: int,
    status: RowStatus | None = None,
) -> list[RowResult]:
    """What became of the rows that follow row `after`, in order of the file."""
    wanted = "" if status is None else "AND status = :status"
    rows = connection.all(
        f"""
        SELECT row, status, transaction_id, flaws FROM import_rows
        WHERE ledger_id = :ledger_id AND import_id = :import_id AND row > :after {wanted}
        ORDER BY row LIMIT :limit
        """,
        ledger_id=ledger_id,
        import_id=import_id,
        after=after,
        status=status,
        limit=limit,
    )
    return [_as_result(row) for row in rows]


def imports_with_results(connection: Connection, ledger_id: UUID) -> list[UUID]:
    """The imports of a ledger that are over and whose rows are kept, the newest first."""
    rows = connection.all(
        f"""
        SELECT id FROM jobs
        WHERE ledger_id = :ledger_id AND status NOT IN {UNFINISHED} AND EXISTS (
            SELECT 1 FROM import_rows
            WHERE import_rows.ledger_id = :ledger_id AND import_rows.import_id = jobs.id
        )
        ORDER BY created_at DESC, id DESC
        """,
        ledger_id=ledger_id,
    )
    return msgspec.convert([row["id"] for row in rows], list[UUID], strict=False)


def remove_results(connection: Connection, ledger_id: UUID, import_id: UUID, *, most: int) -> int:
    """Forget what became of the first rows that are still kept; how many there were."""
    return connection.run(
        """
        DELETE FROM import_rows WHERE ledger_id = :ledger_id AND import_id = :import_id
            AND row IN (
                SELECT row FROM import_rows
                WHERE ledger_id = :ledger_id AND import_id = :import_id ORDER BY row LIMIT :most
            )
        """,
        ledger_id=ledger_id,
        import_id=import_id,
        most=most,
    )


def _as_result(row: Row) -> RowResult:
    return as_record({**row, "flaws": msgspec.json.decode(row["flaws"])}, RowResult)


def _remove(
    connection: Connection, table: str, column: str, ledger_id: UUID, import_id: UUID
) -> None:
    sql = f"DELETE FROM {table} WHERE ledger_id = :ledger_id AND {column} = :import_id"
    connection.run(sql, ledger_id=ledger_id, import_id=import_id)
