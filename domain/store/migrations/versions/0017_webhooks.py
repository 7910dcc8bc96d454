"""Where people want their events sent, and what became of each."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# `due_at` is when something is to be sent, or when whoever sends it must have lost the `lease`.
# `since_version` is where the ledger stood: what came before is not told. `failures` are tries in
# a row. Secrets are sealed.
SQLITE = (
    """
    CREATE TABLE webhooks (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        url TEXT NOT NULL,
        description TEXT,
        events TEXT NOT NULL,
        secret TEXT NOT NULL,
        old_secret TEXT,
        old_secret_until TEXT,
        since_version INTEGER NOT NULL,
        version INTEGER NOT NULL,
        paused_at TEXT,
        pause_reason TEXT,
        failures INTEGER NOT NULL DEFAULT 0,
        failing_since TEXT,
        skipped INTEGER NOT NULL DEFAULT 0,
        due_at TEXT,
        lease BLOB,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE webhook_deliveries (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        webhook_id BLOB NOT NULL,
        version INTEGER,
        type TEXT NOT NULL,
        body TEXT NOT NULL,
        status TEXT NOT NULL,
        attempts TEXT NOT NULL,
        tries INTEGER NOT NULL,
        trying_since TEXT,
        next_try_at TEXT,
        created_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
)
POSTGRESQL = (
    """
    CREATE TABLE webhooks (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        url TEXT NOT NULL,
        description TEXT,
        events TEXT NOT NULL,
        secret TEXT NOT NULL,
        old_secret TEXT,
        old_secret_until TIMESTAMPTZ,
        since_version BIGINT NOT NULL,
        version INTEGER NOT NULL,
        paused_at TIMESTAMPTZ,
        pause_reason TEXT,
        failures INTEGER NOT NULL DEFAULT 0,
        failing_since TIMESTAMPTZ,
        skipped BIGINT NOT NULL DEFAULT 0,
        due_at TIMESTAMPTZ,
        lease UUID,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
    """,
    """
    CREATE TABLE webhook_deliveries (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        webhook_id UUID NOT NULL,
        version BIGINT,
        type TEXT NOT NULL,
        body TEXT NOT NULL,
        status TEXT NOT NULL,
        attempts TEXT NOT NULL,
        tries INTEGER NOT NULL,
        trying_since TIMESTAMPTZ,
        next_try_at TIMESTAMPTZ,
        created_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
    """,
)
INDEXES = (
    "CREATE INDEX webhooks_due ON webhooks (due_at) WHERE due_at IS NOT NULL",
    """
    CREATE UNIQUE INDEX webhook_deliveries_by_version
    ON webhook_deliveries (ledger_id, webhook_id, version)
    """,
    """
    CREATE INDEX webhook_deliveries_of_one ON webhook_deliveries (ledger_id, webhook_id, id)
    """,
    """
    CREATE INDEX webhook_deliveries_due ON webhook_deliveries (ledger_id, webhook_id, next_try_at)
    WHERE next_try_at IS NOT NULL
    """,
    "CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at)",
)


def upgrade() -> None:
    """Create the tables."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: no older code knows these tables when it erases a ledger."""
    raise NotImplementedError("restore a backup instead")
