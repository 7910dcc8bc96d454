"""Ledgers, their events, their idempotency keys, and the rows projected from them."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Projection tables carry primary keys and plain indexes only: every rule lives in the
# domain, so that a later rule can never make old history unprojectable.

SQLITE = (
    """
    CREATE TABLE events (
        notification_id INTEGER PRIMARY KEY AUTOINCREMENT,
        originator_id BLOB NOT NULL,
        originator_version INTEGER NOT NULL,
        topic TEXT NOT NULL,
        state BLOB NOT NULL,
        UNIQUE (originator_id, originator_version)
    ) STRICT
    """,
    """
    CREATE TABLE ledgers (
        ledger_id BLOB PRIMARY KEY,
        version INTEGER NOT NULL,
        digest BLOB NOT NULL,
        recorded_at TEXT NOT NULL,
        income INTEGER NOT NULL DEFAULT 0,
        expense INTEGER NOT NULL DEFAULT 0,
        deposits INTEGER NOT NULL DEFAULT 0,
        withdrawals INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE idempotency_keys (
        ledger_id BLOB NOT NULL,
        key TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        version INTEGER NOT NULL,
        status INTEGER NOT NULL,
        headers TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (ledger_id, key)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE categories (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        name TEXT NOT NULL,
        folded_name TEXT NOT NULL,
        kind TEXT NOT NULL,
        color TEXT NOT NULL,
        default_amount_rials INTEGER,
        is_active INTEGER NOT NULL,
        is_removed INTEGER NOT NULL,
        created_version INTEGER NOT NULL,
        version INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE transactions (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        category_id BLOB NOT NULL,
        kind TEXT NOT NULL,
        direction TEXT,
        amount_rials INTEGER NOT NULL,
        date TEXT NOT NULL,
        description TEXT NOT NULL,
        folded_description TEXT NOT NULL,
        is_voided INTEGER NOT NULL,
        created_version INTEGER NOT NULL,
        version INTEGER NOT NULL,
        recorded_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT
    """,
    """
    CREATE TABLE transaction_changes (
        ledger_id BLOB NOT NULL,
        transaction_id BLOB NOT NULL,
        version INTEGER NOT NULL,
        PRIMARY KEY (ledger_id, transaction_id, version)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE budgets (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        category_id BLOB NOT NULL,
        min_amount_rials INTEGER,
        max_amount_rials INTEGER,
        start_date TEXT NOT NULL,
        end_date TEXT NOT NULL,
        is_removed INTEGER NOT NULL,
        created_version INTEGER NOT NULL,
        version INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE day_totals (
        ledger_id BLOB NOT NULL,
        date TEXT NOT NULL,
        category_id BLOB NOT NULL,
        kind TEXT NOT NULL,
        amount_rials INTEGER NOT NULL,
        count INTEGER NOT NULL,
        largest_rials INTEGER NOT NULL,
        PRIMARY KEY (ledger_id, date, category_id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE month_totals (
        ledger_id BLOB NOT NULL,
        jalali_month INTEGER NOT NULL,
        category_id BLOB NOT NULL,
        kind TEXT NOT NULL,
        amount_rials INTEGER NOT NULL,
        count INTEGER NOT NULL,
        largest_rials INTEGER NOT NULL,
        PRIMARY KEY (ledger_id, jalali_month, category_id)
    ) STRICT, WITHOUT ROWID
    """,
)

POSTGRESQL = (
    # The notification id is indexed, not unique: uniqueness is the ledger's alone, so that
    # the table can be sharded by ledger.
    """
    CREATE TABLE events (
        notification_id BIGINT GENERATED ALWAYS AS IDENTITY,
        originator_id UUID NOT NULL,
        originator_version BIGINT NOT NULL,
        topic TEXT NOT NULL,
        state BYTEA NOT NULL,
        PRIMARY KEY (originator_id, originator_version)
    )
    """,
    "CREATE INDEX events_by_notification ON events (notification_id)",
    """
    CREATE TABLE ledgers (
        ledger_id UUID PRIMARY KEY,
        version BIGINT NOT NULL,
        digest BYTEA NOT NULL,
        recorded_at TIMESTAMPTZ NOT NULL,
        income BIGINT NOT NULL DEFAULT 0,
        expense BIGINT NOT NULL DEFAULT 0,
        deposits BIGINT NOT NULL DEFAULT 0,
        withdrawals BIGINT NOT NULL DEFAULT 0
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE idempotency_keys (
        ledger_id UUID NOT NULL,
        key TEXT NOT NULL,
        fingerprint BYTEA NOT NULL,
        version BIGINT NOT NULL,
        status INTEGER NOT NULL,
        headers TEXT NOT NULL,
        body BYTEA NOT NULL,
        PRIMARY KEY (ledger_id, key)
    )
    """,
    """
    CREATE TABLE categories (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        name TEXT NOT NULL,
        folded_name TEXT NOT NULL,
        kind TEXT NOT NULL,
        color TEXT NOT NULL,
        default_amount_rials BIGINT,
        is_active BOOLEAN NOT NULL,
        is_removed BOOLEAN NOT NULL,
        created_version BIGINT NOT NULL,
        version BIGINT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
    """,
    """
    CREATE TABLE transactions (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        category_id UUID NOT NULL,
        kind TEXT NOT NULL,
        direction TEXT,
        amount_rials BIGINT NOT NULL,
        date DATE NOT NULL,
        description TEXT NOT NULL,
        folded_description TEXT NOT NULL,
        is_voided BOOLEAN NOT NULL,
        created_version BIGINT NOT NULL,
        version BIGINT NOT NULL,
        recorded_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
    """,
    """
    CREATE TABLE transaction_changes (
        ledger_id UUID NOT NULL,
        transaction_id UUID NOT NULL,
        version BIGINT NOT NULL,
        PRIMARY KEY (ledger_id, transaction_id, version)
    )
    """,
    """
    CREATE TABLE budgets (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        category_id UUID NOT NULL,
        min_amount_rials BIGINT,
        max_amount_rials BIGINT,
        start_date DATE NOT NULL,
        end_date DATE NOT NULL,
        is_removed BOOLEAN NOT NULL,
        created_version BIGINT NOT NULL,
        version BIGINT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
    """,
    """
    CREATE TABLE day_totals (
        ledger_id UUID NOT NULL,
        date DATE NOT NULL,
        category_id UUID NOT NULL,
        kind TEXT NOT NULL,
        amount_rials BIGINT NOT NULL,
        count BIGINT NOT NULL,
        largest_rials BIGINT NOT NULL,
        PRIMARY KEY (ledger_id, date, category_id)
    )
    """,
    """
    CREATE TABLE month_totals (
        ledger_id UUID NOT NULL,
        jalali_month INTEGER NOT NULL,
        category_id UUID NOT NULL,
        kind TEXT NOT NULL,
        amount_rials BIGINT NOT NULL,
        count BIGINT NOT NULL,
        largest_rials BIGINT NOT NULL,
        PRIMARY KEY (ledger_id, jalali_month, category_id)
    )
    """,
)

INDEXES = (
    "CREATE INDEX categories_by_name ON categories (ledger_id, folded_name)",
    "CREATE INDEX transactions_by_date"
    " ON transactions (ledger_id, is_voided, date, created_version)",
    "CREATE INDEX transactions_by_kind"
    " ON transactions (ledger_id, is_voided, kind, date, created_version)",
    "CREATE INDEX transactions_by_category"
    " ON transactions (ledger_id, category_id, is_voided, date, created_version)",
    "CREATE INDEX transactions_by_amount"
    " ON transactions (ledger_id, is_voided, amount_rials, created_version)",
    "CREATE INDEX transactions_by_version ON transactions (ledger_id, is_voided, created_version)",
    "CREATE INDEX budgets_by_category ON budgets (ledger_id, category_id, start_date, end_date)",
)


def upgrade() -> None:
    """Create the tables and their indexes."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: dropping the events would drop people's history."""
    raise NotImplementedError("restore a backup instead")
