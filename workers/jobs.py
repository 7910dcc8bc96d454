"""Jobs: what the worker does. Arguments are plain text, and a job may run twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.store import accounts
from domain.store.database import Database, open_database
from domain.store.erasure import scrub_after_erasures as scrub
from domain.store.settings import read_settings

KEEP_ENDED_SESSIONS: Final = timedelta(days=30)


def remove_stale_sessions() -> int:
    """Forget sessions that expired or ended over 30 days ago; how many there were."""
    before = datetime.now(UTC) - KEEP_ENDED_SESSIONS
    with _open_database() as database:
        return database.write(lambda connection: accounts.remove_stale_sessions(connection, before))


def scrub_after_erasures() -> int:
    """Clear what erased people left in the database's files; how many erasures it was for."""
    with _open_database() as database:
        return scrub(database, datetime.now(UTC))


@contextmanager
def _open_database() -> Iterator[Database]:
    database = open_database(read_settings().database_url)
    try:
        yield database
    finally:
        database.close()
