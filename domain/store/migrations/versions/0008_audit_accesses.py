"""What auditors looked at: a table that only grows, each row sealing the one before it."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# No row is changed or removed, not by us either. The trigger on INSERT is there for
# INSERT OR REPLACE, which removes rows without asking the trigger on DELETE.
SQLITE = (
    """
    CREATE TABLE audit_accesses (
        number INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        account_id BLOB NOT NULL,
        action TEXT NOT NULL,
        ledger_id BLOB,
        detail TEXT NOT NULL,
        request_id TEXT NOT NULL,
        digest BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TRIGGER audit_accesses_grow BEFORE INSERT ON audit_accesses
    WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit_accesses)
    BEGIN SELECT RAISE(ABORT, 'audit_accesses only grows'); END
    """,
    """
    CREATE TRIGGER audit_accesses_stay BEFORE UPDATE ON audit_accesses
    BEGIN SELECT RAISE(ABORT, 'audit_accesses only grows'); END
    """,
    """
    CREATE TRIGGER audit_accesses_remain BEFORE DELETE ON audit_accesses
    BEGIN SELECT RAISE(ABORT, 'audit_accesses only grows'); END
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE audit_accesses (
        number BIGINT PRIMARY KEY,
        at TIMESTAMPTZ NOT NULL,
        account_id UUID NOT NULL,
        action TEXT NOT NULL,
        ledger_id UUID,
        detail TEXT NOT NULL,
        request_id TEXT NOT NULL,
        digest BYTEA NOT NULL
    )
    """,
    """
    CREATE FUNCTION audit_accesses_only_grow() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'audit_accesses only grows'; END $$
    """,
    """
    CREATE TRIGGER audit_accesses_remain BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_accesses
    FOR EACH STATEMENT EXECUTE FUNCTION audit_accesses_only_grow()
    """,
)

INDEXES = (
    "CREATE INDEX audit_accesses_by_ledger ON audit_accesses (ledger_id, number)"
    " WHERE ledger_id IS NOT NULL",
)


def upgrade() -> None:
    """Create the table, what guards it, and its index."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (*(SQLITE if is_sqlite else POSTGRESQL), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refused: nobody takes back what auditors looked at."""
    raise NotImplementedError("restore a backup instead")
