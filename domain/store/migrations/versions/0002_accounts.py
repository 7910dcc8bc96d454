"""People and the devices they are signed in on; mutable, outside every stream."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE = (
    """
    CREATE TABLE accounts (
        id BLOB PRIMARY KEY,
        phone TEXT NOT NULL UNIQUE,
        first_name TEXT,
        last_name TEXT,
        role TEXT NOT NULL CHECK (role IN ('person', 'auditor', 'operator')),
        ledger_id BLOB NOT NULL UNIQUE,
        created_at TEXT NOT NULL,
        suspended_at TEXT
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE sessions (
        id BLOB PRIMARY KEY,
        account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        device TEXT,
        created_at TEXT NOT NULL,
        last_used_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        ended_at TEXT,
        refresh_id BLOB NOT NULL,
        refresh_issued_at TEXT NOT NULL,
        previous_refresh_id BLOB,
        rotated_at TEXT
    ) STRICT, WITHOUT ROWID
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE accounts (
        id UUID PRIMARY KEY,
        phone TEXT NOT NULL UNIQUE,
        first_name TEXT,
        last_name TEXT,
        role TEXT NOT NULL CHECK (role IN ('person', 'auditor', 'operator')),
        ledger_id UUID NOT NULL UNIQUE,
        created_at TIMESTAMPTZ NOT NULL,
        suspended_at TIMESTAMPTZ
    )
    """,
    """
    CREATE TABLE sessions (
        id UUID PRIMARY KEY,
        account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        device TEXT,
        created_at TIMESTAMPTZ NOT NULL,
        last_used_at TIMESTAMPTZ NOT NULL,
        expires_at TIMESTAMPTZ NOT NULL,
        ended_at TIMESTAMPTZ,
        refresh_id UUID NOT NULL,
        refresh_issued_at TIMESTAMPTZ NOT NULL,
        previous_refresh_id UUID,
        rotated_at TIMESTAMPTZ
    )
    """,
)

INDEXES = (
    "CREATE INDEX sessions_by_account ON sessions (account_id)",
    "CREATE INDEX sessions_by_expiry ON sessions (expires_at)",
)


def upgrade() -> None:
    """Create the tables and their indexes."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: dropping the accounts would leave ledgers that nobody can open."""
    raise NotImplementedError("restore a backup instead")
