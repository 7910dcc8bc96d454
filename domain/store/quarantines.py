"""Quarantines: ledgers whose events cannot be followed, and which stay as they were."""

import datetime as dt
from uuid import UUID

import msgspec

from domain.store.database import Connection, as_record


class Quarantine(msgspec.Struct, frozen=True):
    """A ledger, the version at which following it ended, and a code that says why."""

    ledger_id: UUID
    version: int
    reason: str
    since: dt.datetime


def quarantine(connection: Connection, found: Quarantine) -> None:
    """Put a ledger in quarantine; one that is there already stays there since then."""
    connection.run(
        """
        INSERT INTO quarantines (ledger_id, version, reason, since)
        VALUES (:ledger_id, :version, :reason, :since)
        ON CONFLICT (ledger_id) DO UPDATE
        SET version = excluded.version, reason = excluded.reason
        """,
        **msgspec.structs.asdict(found),
    )


def release(connection: Connection, ledger_id: UUID) -> None:
    """Its events could be followed."""
    connection.run("DELETE FROM quarantines WHERE ledger_id = :ledger_id", ledger_id=ledger_id)


def is_quarantined(connection: Connection, ledger_id: UUID) -> bool:
    """Whether a ledger is in quarantine."""
    find = "SELECT 1 AS found FROM quarantines WHERE ledger_id = :ledger_id"
    return connection.one(find, ledger_id=ledger_id) is not None


def quarantines_among(connection: Connection, after: UUID, until: UUID) -> list[Quarantine]:
    """The ledgers in quarantine whose ids follow one, up to and with another."""
    rows = connection.all(
        """
        SELECT ledger_id, version, reason, since FROM quarantines
        WHERE ledger_id > :after AND ledger_id <= :until ORDER BY ledger_id
        """,
        after=after,
        until=until,
    )
    return [as_record(row, Quarantine) for row in rows]
