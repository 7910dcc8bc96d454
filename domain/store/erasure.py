"""Erasure: everything of a person and their ledger goes, and a tombstone stays."""

import datetime as dt
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec

from domain.store.accounts import end_all_sessions
from domain.store.database import Connection, Database, as_record
from domain.store.ledgers import Head, LedgerMissing, read_head

PROJECTED_TABLES: Final[Mapping[str, str]] = {
    "categories": "ledger_id",
    "transactions": "ledger_id",
    "transaction_changes": "ledger_id",
    "budgets": "ledger_id",
    "goals": "ledger_id",
    "saving_policies": "ledger_id",
    "recurrences": "ledger_id",
    "drafts": "ledger_id",
    "day_totals": "ledger_id",
    "month_totals": "ledger_id",
}
"""Every table of rows that are projected from a ledger; the column holds the id of their set."""

LEDGER_TABLES: Final[Mapping[str, str]] = {
    **PROJECTED_TABLES,
    "row_sets": "ledger_id",
    "quarantines": "ledger_id",
    "followed": "ledger_id",
    "notifications": "ledger_id",
    "notification_settings": "ledger_id",
    "webhooks": "ledger_id",
    "webhook_deliveries": "ledger_id",
    "events": "originator_id",
    "idempotency_keys": "ledger_id",
    "search_grams": "ledger_id",
    "search_marks": "ledger_id",
    "import_rows": "ledger_id",
    "import_chunks": "ledger_id",
    "imports": "ledger_id",
    "export_chunks": "ledger_id",
    "exports": "ledger_id",
    "jobs": "ledger_id",
    "ledgers": "ledger_id",
}
"""Every table that holds something of a ledger, and the column that says whose it is.

Who inserts into one of them locks the ledger's head first (`read_head(lock=True)`), or an erasure
at the same moment would miss the row.
"""

ACCOUNT_TABLES: Final[Mapping[str, str]] = {
    "sessions": "account_id",
    "rebuilds": "requested_by",
    "accounts": "id",
}
"""Every table that holds something of a person; those that point at others come first."""

IMPERSONAL_TABLES: Final = frozenset(
    {
        "alembic_version",
        "audit_accesses",
        "checkpoints",
        "chore_ranges",
        "chore_rounds",
        "ended_sessions",
        "leaves",
        "rebuild_ranges",
        "tombstones",
        "tree_nodes",
        "verification_nights",
    }
)
"""What an erasure leaves alone: it names nobody but by ids that lead nowhere any more."""

_LEAVE: Final = """
    INSERT INTO tombstones (ledger_id, version, digest, erased_at)
    VALUES (:ledger_id, :version, :digest, :erased_at)
    ON CONFLICT (ledger_id) DO NOTHING
"""
_SELECT: Final = "SELECT ledger_id, version, digest, erased_at FROM tombstones"


class Tombstone(msgspec.Struct, frozen=True):
    """What is left of a ledger: where it stood when it was erased. Nobody can be told from it."""

    ledger_id: UUID
    version: int
    digest: bytes
    erased_at: dt.datetime


def erase(connection: Connection, ledger_id: UUID, now: dt.datetime) -> Tombstone:
    """Purge a ledger and the person it belongs to, within an open transaction.

    The head is locked like a command's, so that each command is recorded before, and purged too,
    or finds no ledger. Raises `LedgerMissing`.
    """
    head = read_head(connection, ledger_id, lock=True)
    tombstone = Tombstone(ledger_id, head.version, head.digest, now)
    connection.run(_LEAVE, **msgspec.structs.asdict(tombstone))
    _purge(connection, head, now)
    return tombstone


def erase_again(connection: Connection, tombstone: Tombstone, now: dt.datetime) -> bool:
    """Apply a tombstone to a database that was restored from an older backup.

    False when the ledger is not there; the tombstone is, either way.
    """
    connection.run(_LEAVE, **msgspec.structs.asdict(tombstone))
    try:
        head = read_head(connection, tombstone.ledger_id, lock=True)
    except LedgerMissing:
        return False
    _purge(connection, head, now)
    return True


def tombstones(connection: Connection) -> list[Tombstone]:
    """Every tombstone, oldest first."""
    rows = connection.all(f"{_SELECT} ORDER BY erased_at, ledger_id")
    return [as_record(row, Tombstone) for row in rows]


def scrub_after_erasures(database: Database, now: dt.datetime) -> int:
    """Clear what erased rows left in the database's files, if anybody was erased since last time.

    Gives the number of erasures it cleared up after; 0 also when others were in its way.
    """
    pending = database.read(
        lambda connection: connection.all(f"{_SELECT} WHERE scrubbed_at IS NULL")
    )
    if not pending or not database.scrub([*LEDGER_TABLES, *ACCOUNT_TABLES]):
        return 0
    done = [{"ledger_id": row["ledger_id"], "now": now} for row in pending]
    update = "UPDATE tombstones SET scrubbed_at = :now WHERE ledger_id = :ledger_id"
    database.write(lambda connection: connection.run_many(update, done))
    return len(done)


def _purge(connection: Connection, head: Head, now: dt.datetime) -> None:
    ledger_id = head.ledger_id
    # Locked, so that nobody signs a device in to an account that is about to go.
    locking = " FOR UPDATE" if connection.dialect == "postgresql" else ""
    find = f"SELECT id FROM accounts WHERE ledger_id = :ledger_id{locking}"
    owners = connection.all(find, ledger_id=ledger_id)
    find_others = "SELECT rows_id FROM row_sets WHERE ledger_id = :ledger_id"
    others = {row["rows_id"] for row in connection.all(find_others, ledger_id=ledger_id)}
    for rows_id in others | {head.rows_id}:
        _delete(connection, PROJECTED_TABLES, rows_id)
    _delete(connection, LEDGER_TABLES, ledger_id)
    for owner in owners:
        end_all_sessions(connection, owner["id"], now)
        _delete(connection, ACCOUNT_TABLES, owner["id"])


def _delete(connection: Connection, tables: Mapping[str, str], owner_id: UUID | bytes) -> None:
    for table, column in tables.items():
        connection.run(f"DELETE FROM {table} WHERE {column} = :owner_id", owner_id=owner_id)
