"""Where three letters in a row are found among a ledger's descriptions."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# `places` are unsigned 16-bit numbers, little-endian: a transaction's created_version is
# block * 16384 + place. The block comes first in the key, so that what is added together lies
# together. A mark says up to which version of the ledger the places are complete.
SQLITE = (
    """
    CREATE TABLE search_grams (
        ledger_id BLOB NOT NULL,
        block INTEGER NOT NULL,
        gram TEXT NOT NULL,
        places BLOB NOT NULL,
        PRIMARY KEY (ledger_id, block, gram)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE search_marks (
        ledger_id BLOB PRIMARY KEY,
        version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE search_grams (
        ledger_id UUID NOT NULL,
        block BIGINT NOT NULL,
        gram TEXT COLLATE "C" NOT NULL,
        places BYTEA NOT NULL,
        PRIMARY KEY (ledger_id, block, gram)
    )
    """,
    """
    CREATE TABLE search_marks (
        ledger_id UUID PRIMARY KEY,
        version BIGINT NOT NULL
    )
    """,
)

INDEXES = (
    "CREATE INDEX transaction_changes_by_version ON transaction_changes (ledger_id, version)",
)


def upgrade() -> None:
    """Create the tables and the index."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: no older code knows these tables when it erases a ledger."""
    raise NotImplementedError("restore a backup instead")
