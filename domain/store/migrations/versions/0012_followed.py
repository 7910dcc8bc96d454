"""How far workers have followed each ledger."""

import datetime as dt

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# `day` is the last one that is known to be over.
SQLITE = """
    CREATE TABLE followed (
        ledger_id BLOB PRIMARY KEY,
        version INTEGER NOT NULL,
        day TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
"""
POSTGRESQL = """
    CREATE TABLE followed (
        ledger_id UUID PRIMARY KEY,
        version BIGINT NOT NULL,
        day DATE NOT NULL
    )
"""

# What was told before there was anybody to hear it is no news.
BEGIN = """
    INSERT INTO followed (ledger_id, version, day)
    SELECT ledger_id, version, '{yesterday}' FROM ledgers WHERE EXISTS (
        SELECT 1 FROM budgets
        WHERE budgets.ledger_id = coalesce(ledgers.rows_id, ledgers.ledger_id)
    )
"""


def upgrade() -> None:
    """Create the table; ledgers that there is something to say about begin where they stand."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(SQLITE if is_sqlite else POSTGRESQL)
    in_tehran = dt.datetime.now(dt.UTC) + dt.timedelta(hours=3, minutes=30)
    op.execute(BEGIN.format(yesterday=in_tehran.date() - dt.timedelta(days=1)))


def downgrade() -> None:
    """Refused: no older code knows this table when it erases a ledger."""
    raise NotImplementedError("restore a backup instead")
