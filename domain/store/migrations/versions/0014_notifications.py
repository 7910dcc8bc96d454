"""What people are told, and how they want to hear it."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# `key` says what it is about: nothing is told twice. `text` is how far its SMS is, if it has one.
# The language is of a ledger, and the same in each of its rows.
SQLITE = (
    """
    CREATE TABLE notifications (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        data TEXT NOT NULL,
        is_shown INTEGER NOT NULL,
        text TEXT,
        created_at TEXT NOT NULL,
        read_at TEXT,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE notification_settings (
        ledger_id BLOB NOT NULL,
        kind TEXT NOT NULL,
        in_app INTEGER NOT NULL,
        sms INTEGER NOT NULL,
        language TEXT NOT NULL,
        PRIMARY KEY (ledger_id, kind)
    ) STRICT, WITHOUT ROWID
    """,
)
POSTGRESQL = (
    """
    CREATE TABLE notifications (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        data TEXT NOT NULL,
        is_shown BOOLEAN NOT NULL,
        text TEXT,
        created_at TIMESTAMPTZ NOT NULL,
        read_at TIMESTAMPTZ,
        PRIMARY KEY (ledger_id, id)
    )
    """,
    """
    CREATE TABLE notification_settings (
        ledger_id UUID NOT NULL,
        kind TEXT NOT NULL,
        in_app BOOLEAN NOT NULL,
        sms BOOLEAN NOT NULL,
        language TEXT NOT NULL,
        PRIMARY KEY (ledger_id, kind)
    )
    """,
)
INDEXES = (
    "CREATE UNIQUE INDEX notifications_by_key ON notifications (ledger_id, key)",
    """
    CREATE INDEX notifications_unread ON notifications (ledger_id, id)
    WHERE read_at IS NULL AND is_shown
    """,
    "CREATE INDEX notifications_to_send ON notifications (created_at) WHERE text = 'waiting'",
)


def upgrade() -> None:
    """Create the tables."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: no older code knows these tables when it erases a ledger."""
    raise NotImplementedError("restore a backup instead")
