"""Jobs, run as the worker runs them: settings from the environment, plain text in."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.store import accounts
from domain.store.database import Connection, Database
from workers import jobs

NOW = datetime.now(UTC)
PERSON = accounts.Account(
    id=uuid4(), phone="+989121234567", role="person", ledger_id=uuid4(), created_at=NOW
)


def sign_in(connection: Connection, *, expires_at: datetime) -> accounts.Grant:
    """A session of the person, from long ago."""
    grant = accounts.Grant(
        account_id=PERSON.id,
        session_id=uuid4(),
        refresh_id=uuid4(),
        issued_at=NOW - timedelta(days=60),
        expires_at=expires_at,
    )
    accounts.start_session(connection, grant, None)
    return grant


def test_only_sessions_over_for_thirty_days_are_forgotten(
    database: Database, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    long_ago, lately, later = (NOW + timedelta(days=days) for days in (-31, -29, 1))

    def sign_in_and_out(connection: Connection) -> None:
        accounts.add_account(connection, PERSON)
        sign_in(connection, expires_at=long_ago)
        sign_in(connection, expires_at=lately)
        for ended_at in (long_ago, lately):
            session = sign_in(connection, expires_at=later).session_id
            accounts.end_session(connection, PERSON.id, session, ended_at)
        sign_in(connection, expires_at=later)

    database.write(sign_in_and_out)
    assert jobs.remove_stale_sessions() == 2
    assert jobs.remove_stale_sessions() == 0
    assert database.read(_count_sessions) == 3


def _count_sessions(connection: Connection) -> int:
    row = connection.one("SELECT count(*) AS number FROM sessions")
    assert row is not None
    return int(row["number"])
