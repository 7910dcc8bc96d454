"""Repeating budgets: how a budget's days repeat, and what rolls over."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# `last_date` follows from the rest: those that a day falls into are found by it. None is for ever.
COLUMNS = (
    "repeat TEXT NOT NULL DEFAULT 'none'",
    "rollover TEXT NOT NULL DEFAULT 'none'",
    "until_date {day}",
    "last_date {day}",
)


def upgrade() -> None:
    """Add the columns; no budget repeated until now."""
    day = "TEXT" if op.get_bind().dialect.name == "sqlite" else "DATE"
    for column in COLUMNS:
        op.execute(f"ALTER TABLE budgets ADD COLUMN {column.format(day=day)}")
    op.execute("UPDATE budgets SET last_date = end_date")


def downgrade() -> None:
    """Refused: a budget that repeats would end with its first period."""
    raise NotImplementedError("restore a backup instead")
