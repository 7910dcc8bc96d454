"""Sets of rows: a ledger can have others than those it is read from."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The rows that are projected from a ledger name their set where they say `ledger_id`: the
# ledger's own id, unless `rows_id` names another. `generation` counts how often rows were put
# right without an event. `row_sets` are those that nobody reads: half built, or put aside.
SQLITE = (
    "ALTER TABLE ledgers ADD COLUMN rows_id BLOB",
    "ALTER TABLE ledgers ADD COLUMN generation INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE row_sets (
        ledger_id BLOB NOT NULL,
        rows_id BLOB NOT NULL,
        state TEXT NOT NULL,
        begun_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, rows_id)
    ) STRICT, WITHOUT ROWID
    """,
)

POSTGRESQL = (
    "ALTER TABLE ledgers ADD COLUMN rows_id UUID",
    "ALTER TABLE ledgers ADD COLUMN generation BIGINT NOT NULL DEFAULT 0",
    """
    CREATE TABLE row_sets (
        ledger_id UUID NOT NULL,
        rows_id UUID NOT NULL,
        state TEXT NOT NULL,
        begun_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, rows_id)
    )
    """,
)


def upgrade() -> None:
    """Add the columns, and create the table."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)
