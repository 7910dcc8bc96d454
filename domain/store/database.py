"""One way to talk SQL to SQLite and to PostgreSQL: explicit transactions, plain rows."""

import sqlalchemy as sa

from domain.store.connection import Connection, Row, as_record, for_psycopg
from domain.store.failures import OutcomeUnknown, Overloaded, StoreUnavailable
from domain.store.pools import POOL_SIZE, Database, Observe, Stage
from domain.store.postgres import open_postgres
from domain.store.sqlite import open_sqlite

__all__ = [
    "POOL_SIZE",
    "Connection",
    "Database",
    "Observe",
    "OutcomeUnknown",
    "Overloaded",
    "Row",
    "Stage",
    "StoreUnavailable",
    "as_record",
    "for_psycopg",
    "open_database",
]


def open_database(url: str, *, is_synced: bool = True) -> Database:
    """Open `sqlite:///path` or `postgresql://…`; nothing is created but the SQLite files.

    What is written where it is not `is_synced` may be lost, the latest first, when a machine that
    holds a SQLite file loses its power: for what can be computed again.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return open_sqlite(parsed, is_synced=is_synced)
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        return open_postgres(parsed)
    raise ValueError(f"DATABASE_URL must begin with sqlite or postgresql, not {parsed.drivername}")
