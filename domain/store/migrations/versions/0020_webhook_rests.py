"""Until when a webhook is left alone that failed or asked for patience, whatever else comes."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; who rests just now is tried once more."""
    kind = "TEXT" if op.get_bind().dialect.name == "sqlite" else "TIMESTAMPTZ"
    op.execute(f"ALTER TABLE webhooks ADD COLUMN rest_until {kind}")


def downgrade() -> None:
    """Refused: no older code knows the tables that were there before."""
    raise NotImplementedError("restore a backup instead")
