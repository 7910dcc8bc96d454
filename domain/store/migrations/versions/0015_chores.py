"""Chores: how far a day's round is, and how far ledgers were verified in a night."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Ranges are of ledger ids, done up to `reached`. A night's verification goes on where the one
# before it stopped, and begins anew after the last ledger.
SQLITE = (
    """
    CREATE TABLE chore_rounds (
        day TEXT PRIMARY KEY,
        due INTEGER NOT NULL,
        begun_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE chore_ranges (
        day TEXT NOT NULL,
        number INTEGER NOT NULL,
        after BLOB NOT NULL,
        until BLOB NOT NULL,
        reached BLOB NOT NULL,
        is_done INTEGER NOT NULL,
        done INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (day, number)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE verification_nights (
        night TEXT PRIMARY KEY,
        share INTEGER NOT NULL,
        reached BLOB NOT NULL,
        verified INTEGER NOT NULL,
        astray INTEGER NOT NULL,
        is_done INTEGER NOT NULL,
        updated_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE chore_rounds (
        day DATE PRIMARY KEY,
        due BIGINT NOT NULL,
        begun_at TIMESTAMPTZ NOT NULL
    )
    """,
    """
    CREATE TABLE chore_ranges (
        day DATE NOT NULL,
        number INTEGER NOT NULL,
        after UUID NOT NULL,
        until UUID NOT NULL,
        reached UUID NOT NULL,
        is_done BOOLEAN NOT NULL,
        done BIGINT NOT NULL,
        failed BIGINT NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (day, number)
    )
    """,
    """
    CREATE TABLE verification_nights (
        night DATE PRIMARY KEY,
        share BIGINT NOT NULL,
        reached UUID NOT NULL,
        verified BIGINT NOT NULL,
        astray BIGINT NOT NULL,
        is_done BOOLEAN NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Create the tables."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables: what is due is known without them."""
    for table in ("chore_rounds", "chore_ranges", "verification_nights"):
        op.execute(f"DROP TABLE {table}")
