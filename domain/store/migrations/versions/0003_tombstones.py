"""What stays of an erased ledger: where it stood, and nothing about whose it was."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQLITE = """
    CREATE TABLE tombstones (
        ledger_id BLOB PRIMARY KEY,
        version INTEGER NOT NULL,
        digest BLOB NOT NULL,
        erased_at TEXT NOT NULL,
        scrubbed_at TEXT
    ) STRICT, WITHOUT ROWID
"""

POSTGRESQL = """
    CREATE TABLE tombstones (
        ledger_id UUID PRIMARY KEY,
        version BIGINT NOT NULL,
        digest BYTEA NOT NULL,
        erased_at TIMESTAMPTZ NOT NULL,
        scrubbed_at TIMESTAMPTZ
    )
"""


def upgrade() -> None:
    """Create the table."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(SQLITE if is_sqlite else POSTGRESQL)


def downgrade() -> None:
    """Refused: without the tombstones nobody could tell an erased ledger from a lost one."""
    raise NotImplementedError("restore a backup instead")
