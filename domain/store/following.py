"""Following: how far workers have heard each ledger, and which of them has news.

The version that was seen stands beside the ledger, outside what is projected: who builds rows anew
makes no news of it. A ledger is followed from the first budget that it ever had, or from when
`begin_following` was called for it; the others cost nobody anything.
"""

import datetime as dt
from collections.abc import Collection
from typing import Final
from uuid import UUID

import msgspec

from domain.store.database import Connection, as_record
from domain.store.ledgers import Head

TOLD_AT_ONCE: Final = 10_000
ASKED_AT_ONCE: Final = 500
COMPARED_AT_ONCE: Final = 2000

_TOLD: Final = """
    SELECT notification_id, originator_id FROM events
    WHERE notification_id > :after ORDER BY notification_id LIMIT :limit
"""
_IS_AHEAD: Final = """
    CASE WHEN f.ledger_id IS NULL THEN EXISTS (
        SELECT 1 FROM budgets AS b WHERE b.ledger_id = coalesce(l.rows_id, l.ledger_id)
    ) ELSE l.version > f.version OR f.day < :day END
"""
_NEXT: Final = f"""
    SELECT l.ledger_id, {_IS_AHEAD} AS is_ahead FROM (
        SELECT ledger_id, rows_id, version FROM ledgers
        WHERE ledger_id > :after ORDER BY ledger_id LIMIT :limit
    ) AS l LEFT JOIN followed AS f ON f.ledger_id = l.ledger_id
    ORDER BY l.ledger_id
"""
_FIRST_BUDGET: Final = """
    SELECT min(created_version) AS version FROM budgets WHERE ledger_id = :rows_id
"""
_BEGIN: Final = """
    INSERT INTO followed (ledger_id, version, day) VALUES (:ledger_id, :version, :day)
    ON CONFLICT (ledger_id) DO NOTHING
"""


class Seen(msgspec.Struct, frozen=True):
    """What is known of a ledger: its events up to a version, and that a day is over."""

    ledger_id: UUID
    version: int
    day: dt.date


def last_event(connection: Connection) -> int:
    """The highest notification id there is, 0 before the first."""
    row = connection.one("SELECT max(notification_id) AS id FROM events")
    return 0 if row is None or row["id"] is None else int(row["id"])


def ledgers_told(connection: Connection, after: int) -> tuple[set[UUID], int]:
    """The ledgers that were told something since a notification id, and the highest there is.

    A hint, not the truth: a transaction that holds a lower id may commit later.
    """
    found: set[UUID] = set()
    while True:
        rows = connection.tuples(_TOLD, after=after, limit=TOLD_AT_ONCE)
        found.update(_as_id(ledger_id) for _, ledger_id in rows)
        after = rows[-1][0] if rows else after
        if len(rows) < TOLD_AT_ONCE:
            return found, after


def ledgers_ahead(connection: Connection, ids: Collection[UUID], day: dt.date) -> list[UUID]:
    """Those of these ledgers that have news; `day` is the last one that is over."""
    ahead = []
    ordered = sorted(ids)
    for place in range(0, len(ordered), ASKED_AT_ONCE):
        some = ordered[place : place + ASKED_AT_ONCE]
        names = {f"id_{number}": ledger_id for number, ledger_id in enumerate(some)}
        rows = connection.tuples(
            f"""
            SELECT l.ledger_id FROM ledgers AS l LEFT JOIN followed AS f USING (ledger_id)
            WHERE l.ledger_id IN ({", ".join(f":{name}" for name in names)}) AND {_IS_AHEAD}
            """,
            **names,
            day=day,
        )
        ahead += [_as_id(ledger_id) for (ledger_id,) in rows]
    return ahead


def next_ledgers_ahead(
    connection: Connection, after: UUID, day: dt.date
) -> tuple[list[UUID], UUID | None]:
    """Which of the next ledgers in order of id have news, and the last one looked at, or None."""
    rows = connection.tuples(_NEXT, after=after, limit=COMPARED_AT_ONCE, day=day)
    ahead = [_as_id(ledger_id) for ledger_id, is_ahead in rows if is_ahead]
    return ahead, _as_id(rows[-1][0]) if len(rows) == COMPARED_AT_ONCE else None


def lock_free_ledgers(connection: Connection, ids: Collection[UUID]) -> list[UUID]:
    """Lock those of these ledgers that nobody else is at. On SQLite the file is locked already."""
    names = {f"id_{number}": ledger_id for number, ledger_id in enumerate(ids)}
    listed = ", ".join(f":{name}" for name in names)
    skipping = " FOR UPDATE SKIP LOCKED" if connection.dialect == "postgresql" else ""
    rows = connection.tuples(
        f"SELECT ledger_id FROM ledgers WHERE ledger_id IN ({listed}) ORDER BY ledger_id{skipping}",
        **names,
    )
    return [_as_id(ledger_id) for (ledger_id,) in rows]


def seen_of(connection: Connection, ledger_id: UUID) -> Seen | None:
    """How far a ledger is followed, or None."""
    sql = "SELECT ledger_id, version, day FROM followed WHERE ledger_id = :ledger_id"
    row = connection.one(sql, ledger_id=ledger_id)
    return None if row is None else as_record(row, Seen)


def first_seen(connection: Connection, head: Head, yesterday: dt.date) -> Seen:
    """Where a ledger is followed from that nobody follows: with budgets, from its first one."""
    row = connection.one(_FIRST_BUDGET, rows_id=head.rows_id)
    first = None if row is None else row["version"]
    return Seen(head.ledger_id, head.version if first is None else first - 1, yesterday)


def begin_following(connection: Connection, head: Head, yesterday: dt.date) -> Seen:
    """Follow a locked ledger from here on, if nobody does; gives how far it is followed by now."""
    return begin_at(connection, first_seen(connection, head, yesterday))


def begin_at(connection: Connection, first: Seen) -> Seen:
    """Follow a locked ledger from a version on, if nobody does; gives how far it is by now."""
    connection.run(_BEGIN, **msgspec.structs.asdict(first))
    seen = seen_of(connection, first.ledger_id)
    assert seen is not None
    return seen


def see(connection: Connection, seen: Seen) -> None:
    """Note how far a locked ledger is followed by now."""
    connection.run(
        "UPDATE followed SET version = :version, day = :day WHERE ledger_id = :ledger_id",
        **msgspec.structs.asdict(seen),
    )


def _as_id(value: UUID | bytes) -> UUID:
    return value if isinstance(value, UUID) else UUID(bytes=value)
