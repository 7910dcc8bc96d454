"""Jobs people ask for, the files they bring, and what became of each row."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQLITE = (
    """
    CREATE TABLE jobs (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        done INTEGER NOT NULL,
        total INTEGER NOT NULL,
        error TEXT,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE imports (
        ledger_id BLOB NOT NULL,
        id BLOB NOT NULL,
        actor TEXT NOT NULL,
        options TEXT NOT NULL,
        recorded INTEGER NOT NULL,
        unchanged INTEGER NOT NULL,
        refused INTEGER NOT NULL,
        PRIMARY KEY (ledger_id, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE import_chunks (
        ledger_id BLOB NOT NULL,
        import_id BLOB NOT NULL,
        number INTEGER NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (ledger_id, import_id, number)
    ) STRICT
    """,
    """
    CREATE TABLE import_rows (
        ledger_id BLOB NOT NULL,
        import_id BLOB NOT NULL,
        row INTEGER NOT NULL,
        status TEXT NOT NULL,
        transaction_id BLOB,
        flaws TEXT NOT NULL,
        PRIMARY KEY (ledger_id, import_id, row)
    ) STRICT, WITHOUT ROWID
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE jobs (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        done INTEGER NOT NULL,
        total INTEGER NOT NULL,
        error TEXT,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
    """,
    """
    CREATE TABLE imports (
        ledger_id UUID NOT NULL,
        id UUID NOT NULL,
        actor TEXT NOT NULL,
        options TEXT NOT NULL,
        recorded INTEGER NOT NULL,
        unchanged INTEGER NOT NULL,
        refused INTEGER NOT NULL,
        PRIMARY KEY (ledger_id, id)
    )
    """,
    """
    CREATE TABLE import_chunks (
        ledger_id UUID NOT NULL,
        import_id UUID NOT NULL,
        number INTEGER NOT NULL,
        content BYTEA NOT NULL,
        PRIMARY KEY (ledger_id, import_id, number)
    )
    """,
    """
    CREATE TABLE import_rows (
        ledger_id UUID NOT NULL,
        import_id UUID NOT NULL,
        row INTEGER NOT NULL,
        status TEXT NOT NULL,
        transaction_id UUID,
        flaws TEXT NOT NULL,
        PRIMARY KEY (ledger_id, import_id, row)
    )
    """,
)

INDEXES = ("CREATE INDEX jobs_by_status ON jobs (status, updated_at)",)


def upgrade() -> None:
    """Create the tables and their index."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: it would drop files that are still being read."""
    raise NotImplementedError("restore a backup instead")
