"""Accounts: people, and the devices they are signed in on. Mutable, outside the stream."""

import datetime as dt
from collections.abc import Iterator
from typing import Final, Literal
from uuid import UUID

import msgspec

from domain.store.database import Connection, as_record
from domain.store.standing import Role, list_ended, remove_from_list

RefusedRefresh = Literal["session_ended", "refresh_reused"]

GRACE: Final = dt.timedelta(seconds=10)
"""How long a client that lost the answer may refresh again with the same token."""

MOST_SESSIONS: Final = 100
"""Devices one account may be signed in on; one more signs out the one used longest ago."""


class Account(msgspec.Struct, frozen=True):
    """A person. `phone` is E.164."""

    id: UUID
    phone: str
    role: Role
    ledger_id: UUID
    created_at: dt.datetime
    first_name: str | None = None
    last_name: str | None = None
    suspended_at: dt.datetime | None = None


class Session(msgspec.Struct, frozen=True):
    """A device that is signed in, until `expires_at` unless it refreshes before."""

    id: UUID
    account_id: UUID
    device: str | None
    created_at: dt.datetime
    last_used_at: dt.datetime
    expires_at: dt.datetime


class Grant(msgspec.Struct, frozen=True):
    """The ids and times from which one pair of tokens is made, the same one every time."""

    account_id: UUID
    session_id: UUID
    refresh_id: UUID
    issued_at: dt.datetime
    expires_at: dt.datetime


class CurrentAccount(msgspec.Struct, frozen=True):
    """Whoever is asking, as one look-up finds them."""

    account_id: UUID
    session_id: UUID
    ledger_id: UUID
    role: Role
    is_suspended: bool


_ACCOUNT: Final = """
    SELECT id, phone, first_name, last_name, role, ledger_id, created_at, suspended_at
    FROM accounts
"""


def account_by_phone(connection: Connection, phone: str, *, lock: bool = False) -> Account | None:
    """The account with an E.164 number, or None; with `lock`, nobody erases it meanwhile."""
    locking = " FOR KEY SHARE" if lock and connection.dialect == "postgresql" else ""
    row = connection.one(f"{_ACCOUNT} WHERE phone = :phone{locking}", phone=phone)
    return None if row is None else as_record(row, Account)


def account_by_id(connection: Connection, account_id: UUID) -> Account | None:
    """The account with an id, or None."""
    row = connection.one(_ACCOUNT + "WHERE id = :id", id=account_id)
    return None if row is None else as_record(row, Account)


def account_by_ledger(connection: Connection, ledger_id: UUID) -> Account | None:
    """Whose ledger it is; None for one that was brought in without its person."""
    row = connection.one(_ACCOUNT + "WHERE ledger_id = :ledger_id", ledger_id=ledger_id)
    return None if row is None else as_record(row, Account)


def add_account(connection: Connection, account: Account) -> bool:
    """Add a person; False when somebody added the same number meanwhile."""
    added = connection.run(
        """
        INSERT INTO accounts (id, phone, role, ledger_id, created_at)
        VALUES (:id, :phone, :role, :ledger_id, :created_at)
        ON CONFLICT (phone) DO NOTHING
        """,
        id=account.id,
        phone=account.phone,
        role=account.role,
        ledger_id=account.ledger_id,
        created_at=account.created_at,
    )
    return added == 1


def rename(
    connection: Connection, account_id: UUID, first_name: str | None, last_name: str | None
) -> bool:
    """Change what a person is called; False when there is no such person any more."""
    renamed = connection.run(
        "UPDATE accounts SET first_name = :first_name, last_name = :last_name WHERE id = :id",
        first_name=first_name,
        last_name=last_name,
        id=account_id,
    )
    return renamed == 1


def start_session(connection: Connection, grant: Grant, device: str | None) -> None:
    """Sign a device in."""
    connection.run(
        """
        INSERT INTO sessions (id, account_id, device, created_at, last_used_at, expires_at,
            refresh_id, refresh_issued_at)
        VALUES (:session_id, :account_id, :device, :issued_at, :issued_at, :expires_at,
            :refresh_id, :issued_at)
        """,
        device=device,
        **msgspec.structs.asdict(grant),
    )
    _end(
        connection,
        """
        id IN (
            SELECT id FROM sessions
            WHERE account_id = :account_id AND ended_at IS NULL AND expires_at > :now
            ORDER BY last_used_at DESC, created_at DESC LIMIT 1000 OFFSET :most
        )
        """,
        grant.issued_at,
        account_id=grant.account_id,
        most=MOST_SESSIONS,
    )


def is_new_device(connection: Connection, grant: Grant, device: str | None) -> bool:
    """Whether no other session of a person that is still known was on a device of this name."""
    row = connection.one(
        """
        SELECT 1 AS found FROM sessions WHERE account_id = :account_id AND id <> :session_id
            AND coalesce(device, '') = :device LIMIT 1
        """,
        account_id=grant.account_id,
        session_id=grant.session_id,
        device=device or "",
    )
    return row is None


def current_account(connection: Connection, session_id: UUID) -> CurrentAccount | None:
    """Whose session this is, in one look-up; None when it is over."""
    row = connection.one(
        """
        SELECT s.account_id, s.id AS session_id, a.ledger_id, a.role,
            a.suspended_at IS NOT NULL AS is_suspended
        FROM sessions s JOIN accounts a ON a.id = s.account_id
        WHERE s.id = :session_id AND s.ended_at IS NULL
        """,
        session_id=session_id,
    )
    return None if row is None else as_record(row, CurrentAccount)


def rotate(
    connection: Connection, session_id: UUID, presented: UUID, successor: Grant, now: dt.datetime
) -> Grant | RefusedRefresh:
    """Exchange a refresh token's id for the next, or tell why not.

    The newest id gives `successor`. The id before it gives the newest again, for as long as
    `GRACE`: a client may not have received it. Any other id was used before and, since a thief
    may hold it, ends the session.
    """
    row = connection.one(
        """
        SELECT account_id, id AS session_id, refresh_id, refresh_issued_at AS issued_at,
            expires_at, previous_refresh_id, rotated_at
        FROM sessions WHERE id = :session_id AND ended_at IS NULL
        """
        + (" FOR UPDATE" if connection.dialect == "postgresql" else ""),
        session_id=session_id,
    )
    if row is None:
        return "session_ended"
    stored = as_record(row, _Stored)
    if presented == stored.refresh_id:
        _store_rotation(connection, presented, successor, now)
        return successor
    if presented == stored.previous_refresh_id and stored.is_fresh(now):
        return stored.newest()
    end_session(connection, stored.account_id, session_id, now)
    return "refresh_reused"


def live_sessions(connection: Connection, account_id: UUID, now: dt.datetime) -> list[Session]:
    """The devices a person is signed in on, last used first."""
    rows = connection.all(
        """
        SELECT id, account_id, device, created_at, last_used_at, expires_at
        FROM sessions WHERE account_id = :account_id AND ended_at IS NULL AND expires_at > :now
        ORDER BY last_used_at DESC, id
        """,
        account_id=account_id,
        now=now,
    )
    return [as_record(row, Session) for row in rows]


def end_session(
    connection: Connection, account_id: UUID, session_id: UUID, now: dt.datetime
) -> bool:
    """Sign one device of a person out; False when the person has no such session."""
    ids = {"session_id": session_id, "account_id": account_id}
    if _end(connection, "id = :session_id AND account_id = :account_id", now, **ids):
        return True
    ended = "SELECT 1 FROM sessions WHERE id = :session_id AND account_id = :account_id"
    return connection.one(ended, **ids) is not None


def end_other_sessions(
    connection: Connection, account_id: UUID, session_id: UUID, now: dt.datetime
) -> None:
    """Sign every device of a person out, but one."""
    others = "account_id = :account_id AND id <> :session_id"
    _end(connection, others, now, account_id=account_id, session_id=session_id)


def end_all_sessions(connection: Connection, account_id: UUID, now: dt.datetime) -> int:
    """Sign a person out everywhere, as before an erasure; how many devices it was."""
    return _end(connection, "account_id = :account_id", now, account_id=account_id)


def suspend(connection: Connection, account_id: UUID, now: dt.datetime) -> bool:
    """Let a person in nowhere, until they are resumed; False when that was so already."""
    return _change(
        connection, "suspended_at = :now", "suspended_at IS NULL", now, account_id=account_id
    )


def resume(connection: Connection, account_id: UUID, now: dt.datetime) -> bool:
    """End a suspension; False when there was none."""
    return _change(
        connection, "suspended_at = NULL", "suspended_at IS NOT NULL", now, account_id=account_id
    )


def set_role(connection: Connection, account_id: UUID, role: Role, now: dt.datetime) -> bool:
    """Give an account a role; False when it had it already."""
    return _change(
        connection, "role = :role", "role <> :role", now, account_id=account_id, role=role
    )


def accounts_by_age(connection: Connection) -> Iterator[Account]:
    """Every account, oldest first, a few at a time."""
    for row in connection.stream(f"{_ACCOUNT} ORDER BY created_at, id"):
        yield as_record(row, Account)


def remove_stale_sessions(connection: Connection, before: dt.datetime) -> int:
    """Forget sessions that ended or expired before an instant; how many there were."""
    remove_from_list(connection, before)
    return connection.run(
        "DELETE FROM sessions WHERE expires_at < :before OR ended_at < :before", before=before
    )


class _Stored(Grant, frozen=True):
    previous_refresh_id: UUID | None
    rotated_at: dt.datetime | None

    def is_fresh(self, now: dt.datetime) -> bool:
        return self.rotated_at is not None and now - self.rotated_at <= GRACE

    def newest(self) -> Grant:
        return Grant(
            self.account_id, self.session_id, self.refresh_id, self.issued_at, self.expires_at
        )


def _end(connection: Connection, which: str, now: dt.datetime, **params: object) -> int:
    """End the sessions that a condition names and that have not ended, and list them."""
    ended = connection.all(
        f"UPDATE sessions SET ended_at = :now WHERE ended_at IS NULL AND {which} RETURNING id",
        now=now,
        **params,
    )
    if ended:
        list_ended(connection, ended, now)
    return len(ended)


def _change(
    connection: Connection, change: str, unless: str, now: dt.datetime, **params: object
) -> bool:
    changed = connection.run(
        f"UPDATE accounts SET {change}, changed_at = :now WHERE id = :account_id AND {unless}",
        now=now,
        **params,
    )
    return changed == 1


def _store_rotation(
    connection: Connection, presented: UUID, successor: Grant, now: dt.datetime
) -> None:
    connection.run(
        """
        UPDATE sessions
        SET refresh_id = :refresh_id, refresh_issued_at = :issued_at, expires_at = :expires_at,
            last_used_at = :issued_at, previous_refresh_id = :presented, rotated_at = :now
        WHERE id = :session_id
        """,
        presented=presented,
        now=now,
        refresh_id=successor.refresh_id,
        issued_at=successor.issued_at,
        expires_at=successor.expires_at,
        session_id=successor.session_id,
    )
