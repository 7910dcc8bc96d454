"""Saving policies: what is put aside by itself when a month has ended, projected from events."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# `next_month` follows from the rest: what is due is found by it, whatever is not is not touched.
# Rows name their set, so the ledgers that are due are found by theirs.
SQLITE = (
    """
    CREATE TABLE saving_policies (
        ledger_id BLOB PRIMARY KEY,
        version INTEGER NOT NULL,
        is_enabled INTEGER NOT NULL,
        keep_rials INTEGER NOT NULL,
        category_id BLOB,
        from_month INTEGER,
        next_month INTEGER,
        last_month INTEGER,
        last_amount_rials INTEGER,
        last_transaction_id BLOB
    ) STRICT, WITHOUT ROWID
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE saving_policies (
        ledger_id UUID PRIMARY KEY,
        version BIGINT NOT NULL,
        is_enabled BOOLEAN NOT NULL,
        keep_rials BIGINT NOT NULL,
        category_id UUID,
        from_month BIGINT,
        next_month BIGINT,
        last_month BIGINT,
        last_amount_rials BIGINT,
        last_transaction_id UUID
    )
    """,
)

INDEXES = (
    "CREATE INDEX saving_policies_by_next_month ON saving_policies (next_month)"
    " WHERE next_month IS NOT NULL",
    "CREATE INDEX ledgers_by_rows ON ledgers (coalesce(rows_id, ledger_id))",
)


def upgrade() -> None:
    """Create the table and the indexes."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: no older code knows the events that these rows are projected from."""
    raise NotImplementedError("restore a backup instead")
