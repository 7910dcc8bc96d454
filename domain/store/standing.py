"""Standing: what tokens cannot know, kept for as long as one may be believed.

A session that ended is listed by its id alone; an account that changed, by `changed_at`. Both
are written in the transaction that does it. Web processes read the lists again and again, and not
by an id that grows: a lower one may be committed later.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import msgspec

from domain.store.database import Connection, Row, as_record

Role = Literal["person", "auditor", "operator"]


class ChangedAccount(msgspec.Struct, frozen=True):
    """An account as it is now, whatever its tokens say."""

    id: UUID
    role: Role
    is_suspended: bool


def list_ended(connection: Connection, sessions: Iterable[Row], now: dt.datetime) -> None:
    """Tell every process that these sessions (rows with an `id`) ended."""
    rows = [{"session_id": row["id"], "now": now} for row in sessions]
    connection.run_many(
        """
        INSERT INTO ended_sessions (session_id, ended_at) VALUES (:session_id, :now)
        ON CONFLICT (session_id) DO NOTHING
        """,
        rows,
    )


def ended_sessions(connection: Connection, since: dt.datetime) -> list[UUID]:
    """The sessions that ended after an instant, whose tokens are worth nothing any more."""
    rows = connection.all(
        "SELECT session_id FROM ended_sessions WHERE ended_at > :since", since=since
    )
    return [msgspec.convert(row["session_id"], UUID) for row in rows]


def changed_accounts(connection: Connection, since: dt.datetime) -> list[ChangedAccount]:
    """The accounts that changed after an instant, as they are now."""
    rows = connection.all(
        """
        SELECT id, role, suspended_at IS NOT NULL AS is_suspended
        FROM accounts WHERE changed_at > :since
        """,
        since=since,
    )
    return [as_record(row, ChangedAccount) for row in rows]


def remove_from_list(connection: Connection, before: dt.datetime) -> int:
    """Forget sessions that ended before an instant; how many there were."""
    return connection.run("DELETE FROM ended_sessions WHERE ended_at < :before", before=before)
