"""Nights of verification: each goes on where the one before it stopped; outside the stream."""

import datetime as dt
from collections.abc import Iterable
from math import ceil
from typing import Final
from uuid import UUID

import msgspec

from domain.store.database import Connection, as_record
from domain.store.queue import Task

ROTATION_NIGHTS: Final = 28
"""In which every ledger has its turn: within 30 days, should a night or two be missed."""

NIGHT_SECONDS: Final = 24 * 3600
KEPT: Final = dt.timedelta(days=90)
FIRST: Final = UUID(int=0)

_NIGHT: Final = """
    SELECT night, share, reached, verified, astray, is_done, updated_at FROM verification_nights
"""


class Night(msgspec.Struct, frozen=True):
    """A night's share of ledgers, done up to `reached`; `astray` are those with findings."""

    night: dt.date
    share: int
    reached: UUID
    verified: int
    astray: int
    is_done: bool
    updated_at: dt.datetime


def begin_night(connection: Connection, night: dt.date, now: dt.datetime) -> Night:
    """A night as far as it is, begun now unless it was, with what earlier ones have missed."""
    connection.run("DELETE FROM verification_nights WHERE night < :before", before=night - KEPT)
    found = find_night(connection, night)
    if found is None:
        share, reached = _share(connection, night)
        connection.run(
            """
            INSERT INTO verification_nights (night, share, reached, verified, astray, is_done,
                updated_at)
            VALUES (:night, :share, :reached, 0, 0, FALSE, :now) ON CONFLICT (night) DO NOTHING
            """,
            night=night,
            share=share,
            reached=reached,
            now=now,
        )
        found = find_night(connection, night)
        assert found is not None
    return found


def _share(connection: Connection, night: dt.date) -> tuple[int, UUID]:
    """How many ledgers are to be verified, and after which."""
    row = connection.one("SELECT count(*) AS count FROM ledgers")
    total = 0 if row is None else int(row["count"])
    last = next(iter(nights(connection, 1)), None)
    if last is None:
        return ceil(total / ROTATION_NIGHTS), FIRST
    missed = max(1, (night - last.night).days)
    share = ceil(total * missed / ROTATION_NIGHTS) + last.share - last.verified
    return min(total, share), last.reached


def find_night(connection: Connection, night: dt.date) -> Night | None:
    """A night, or None."""
    row = connection.one(f"{_NIGHT} WHERE night = :night", night=night)
    return None if row is None else as_record(row, Night)


def nights(connection: Connection, limit: int) -> list[Night]:
    """The latest nights, the last one first."""
    rows = connection.all(f"{_NIGHT} ORDER BY night DESC LIMIT :limit", limit=limit)
    return [as_record(row, Night) for row in rows]


def task_of(found: Night) -> Task:
    """The task that does a night's share."""
    night = found.night.isoformat()
    return Task(f"verify-{night}", "verify_night", (night,), NIGHT_SECONDS)


def advance(connection: Connection, before: Night, after: Night) -> bool:
    """Note how far a night is; False when somebody else goes on with it."""
    changed = connection.run(
        """
        UPDATE verification_nights SET reached = :reached, verified = :verified,
            astray = :astray, is_done = :is_done, updated_at = :updated_at
        WHERE night = :night AND verified = :expected AND NOT is_done
        """,
        expected=before.verified,
        night=after.night,
        reached=after.reached,
        verified=after.verified,
        astray=after.astray,
        is_done=after.is_done,
        updated_at=after.updated_at,
    )
    return changed == 1


def lost_nights(connection: Connection, before: dt.datetime) -> Iterable[Task]:
    """The latest night, when it is not done and nothing has touched it since an instant."""
    for one in nights(connection, 1):
        if not one.is_done and one.updated_at < before:
            yield task_of(one)
