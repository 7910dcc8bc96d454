"""Entries that recur, and the drafts that they left to be confirmed."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Both are projected: `ledger_id` names a set of rows. `weekdays` is a mask, bit 0 for Saturday.
SQLITE = (
    """
    CREATE TABLE recurrences (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        category_id BLOB NOT NULL,
        direction TEXT,
        amount_rials INTEGER NOT NULL,
        last_amount_rials INTEGER,
        description TEXT NOT NULL,
        period TEXT NOT NULL,
        interval INTEGER NOT NULL,
        weekdays INTEGER NOT NULL,
        start_date TEXT NOT NULL,
        until_date TEXT,
        count INTEGER,
        mode TEXT NOT NULL,
        next_number INTEGER NOT NULL,
        next_date TEXT,
        done_until TEXT,
        is_removed INTEGER NOT NULL,
        created_version INTEGER NOT NULL,
        version INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE drafts (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        recurrence_id BLOB NOT NULL,
        number INTEGER NOT NULL,
        category_id BLOB NOT NULL,
        direction TEXT,
        amount_rials INTEGER NOT NULL,
        date TEXT NOT NULL,
        description TEXT NOT NULL,
        reason TEXT,
        status TEXT NOT NULL,
        created_version INTEGER NOT NULL,
        version INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE recurrences (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        category_id UUID NOT NULL,
        direction TEXT,
        amount_rials BIGINT NOT NULL,
        last_amount_rials BIGINT,
        description TEXT NOT NULL,
        period TEXT NOT NULL,
        interval INTEGER NOT NULL,
        weekdays INTEGER NOT NULL,
        start_date DATE NOT NULL,
        until_date DATE,
        count BIGINT,
        mode TEXT NOT NULL,
        next_number BIGINT NOT NULL,
        next_date DATE,
        done_until DATE,
        is_removed BOOLEAN NOT NULL,
        created_version BIGINT NOT NULL,
        version BIGINT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
    """,
    """
    CREATE TABLE drafts (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        recurrence_id UUID NOT NULL,
        number BIGINT NOT NULL,
        category_id UUID NOT NULL,
        direction TEXT,
        amount_rials BIGINT NOT NULL,
        date DATE NOT NULL,
        description TEXT NOT NULL,
        reason TEXT,
        status TEXT NOT NULL,
        created_version BIGINT NOT NULL,
        version BIGINT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
    """,
)

INDEXES = (
    # What is due in all ledgers: those that are over or removed have no next date.
    "CREATE INDEX recurrences_by_next_date ON recurrences (next_date) WHERE next_date IS NOT NULL",
    "CREATE INDEX drafts_by_status ON drafts (ledger_id, status, created_version)",
    "CREATE INDEX drafts_by_version ON drafts (ledger_id, version)",
)


def upgrade() -> None:
    """Create the tables and their indexes."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: no older code can read the events that these rows follow from."""
    raise NotImplementedError("restore a backup instead")
