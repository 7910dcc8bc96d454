"""Ledgers to take away: what was asked for, and the file in pieces until it is forgotten."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# `run_id` is of the worker that writes the file: another one, with the same job, takes it over.
SQLITE = (
    """
    CREATE TABLE exports (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        format TEXT NOT NULL,
        language TEXT NOT NULL,
        start_date TEXT,
        end_date TEXT,
        run_id BLOB,
        version INTEGER,
        size_bytes INTEGER NOT NULL DEFAULT 0,
        digest BLOB,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE export_chunks (
        ledger_id BLOB NOT NULL,
        export_id BLOB NOT NULL,
        number INTEGER NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (ledger_id, export_id, number)
    ) STRICT
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE exports (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        format TEXT NOT NULL,
        language TEXT NOT NULL,
        start_date DATE,
        end_date DATE,
        run_id UUID,
        version BIGINT,
        size_bytes BIGINT NOT NULL DEFAULT 0,
        digest BYTEA,
        PRIMARY KEY (ledger_id, id)
    )
    """,
    """
    CREATE TABLE export_chunks (
        ledger_id UUID NOT NULL,
        export_id UUID NOT NULL,
        number INTEGER NOT NULL,
        content BYTEA NOT NULL,
        PRIMARY KEY (ledger_id, export_id, number)
    )
    """,
)


def upgrade() -> None:
    """Create the tables."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Refused: no older code knows these tables when it erases a ledger."""
    raise NotImplementedError("restore a backup instead")
