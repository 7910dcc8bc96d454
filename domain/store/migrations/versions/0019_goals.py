"""Goals: what a savings category is to come to, projected from events."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SQLITE = """
    CREATE TABLE goals (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        category_id BLOB NOT NULL,
        name TEXT,
        target_amount_rials INTEGER NOT NULL,
        target_date TEXT,
        is_removed INTEGER NOT NULL,
        created_version INTEGER NOT NULL,
        version INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
"""

POSTGRESQL = """
    CREATE TABLE goals (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        category_id UUID NOT NULL,
        name TEXT,
        target_amount_rials BIGINT NOT NULL,
        target_date DATE,
        is_removed BOOLEAN NOT NULL,
        created_version BIGINT NOT NULL,
        version BIGINT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
"""


def upgrade() -> None:
    """Create the table and its index."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(SQLITE if is_sqlite else POSTGRESQL)
    op.execute("CREATE INDEX goals_by_category ON goals (ledger_id, category_id)")


def downgrade() -> None:
    """Refused: no older code knows this table when it erases a ledger."""
    raise NotImplementedError("restore a backup instead")
