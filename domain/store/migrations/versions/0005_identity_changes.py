"""What every web process must learn soon: sessions that ended, accounts that changed."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Sessions are listed apart, by an id that points at nobody: the list outlives an erased account.
SQLITE = (
    "CREATE TABLE ended_sessions (session_id BLOB PRIMARY KEY, ended_at TEXT NOT NULL) STRICT",
    "ALTER TABLE accounts ADD COLUMN changed_at TEXT",
)

POSTGRESQL = (
    "CREATE TABLE ended_sessions (session_id UUID PRIMARY KEY, ended_at TIMESTAMPTZ NOT NULL)",
    "ALTER TABLE accounts ADD COLUMN changed_at TIMESTAMPTZ",
)

INDEXES = (
    "CREATE INDEX ended_sessions_by_time ON ended_sessions (ended_at)",
    "CREATE INDEX accounts_by_change ON accounts (changed_at) WHERE changed_at IS NOT NULL",
)


def upgrade() -> None:
    """Create the table, the column and their indexes."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: a process of the older code would go on trusting ended sessions."""
    raise NotImplementedError("restore a backup instead")
