"""Rebuilds of what is projected, the ranges of ledgers they are made of, and quarantines."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# A range is of the ledgers whose ids follow `after`, up to and with `until`; `reached` is the
# last one that is done.
SQLITE = (
    """
    CREATE TABLE rebuilds (
        id BLOB PRIMARY KEY,
        requested_by BLOB,
        status TEXT NOT NULL,
        total INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE rebuild_ranges (
        rebuild_id BLOB NOT NULL,
        number INTEGER NOT NULL,
        after BLOB NOT NULL,
        until BLOB NOT NULL,
        reached BLOB NOT NULL,
        is_done INTEGER NOT NULL,
        ledgers INTEGER NOT NULL,
        events INTEGER NOT NULL,
        repaired INTEGER NOT NULL,
        seconds REAL NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (rebuild_id, number)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE quarantines (
        ledger_id BLOB PRIMARY KEY,
        version INTEGER NOT NULL,
        reason TEXT NOT NULL,
        since TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE rebuilds (
        id UUID PRIMARY KEY,
        requested_by UUID,
        status TEXT NOT NULL,
        total BIGINT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL
    )
    """,
    """
    CREATE TABLE rebuild_ranges (
        rebuild_id UUID NOT NULL,
        number INTEGER NOT NULL,
        after UUID NOT NULL,
        until UUID NOT NULL,
        reached UUID NOT NULL,
        is_done BOOLEAN NOT NULL,
        ledgers BIGINT NOT NULL,
        events BIGINT NOT NULL,
        repaired BIGINT NOT NULL,
        seconds DOUBLE PRECISION NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (rebuild_id, number)
    )
    """,
    """
    CREATE TABLE quarantines (
        ledger_id UUID PRIMARY KEY,
        version BIGINT NOT NULL,
        reason TEXT NOT NULL,
        since TIMESTAMPTZ NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Create the tables."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)
