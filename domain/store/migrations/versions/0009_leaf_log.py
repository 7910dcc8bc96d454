"""The leaf log, the tree over it, and the checkpoints that were signed: all of it only grows."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SQLITE = (
    """
    CREATE TABLE leaves (
        leaf_index INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        ledger_id BLOB NOT NULL,
        version INTEGER NOT NULL,
        digest BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE tree_nodes (
        level INTEGER NOT NULL,
        position INTEGER NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (level, position)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE checkpoints (
        size INTEGER PRIMARY KEY,
        root BLOB NOT NULL,
        signed_at TEXT NOT NULL,
        note TEXT NOT NULL,
        public_key TEXT NOT NULL
    ) STRICT
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE leaves (
        leaf_index BIGINT PRIMARY KEY,
        kind TEXT NOT NULL,
        ledger_id UUID NOT NULL,
        version BIGINT NOT NULL,
        digest BYTEA NOT NULL
    )
    """,
    """
    CREATE TABLE tree_nodes (
        level INTEGER NOT NULL,
        position BIGINT NOT NULL,
        hash BYTEA NOT NULL,
        PRIMARY KEY (level, position)
    )
    """,
    """
    CREATE TABLE checkpoints (
        size BIGINT PRIMARY KEY,
        root BYTEA NOT NULL,
        signed_at TIMESTAMPTZ NOT NULL,
        note TEXT NOT NULL,
        public_key TEXT NOT NULL
    )
    """,
    """
    CREATE FUNCTION the_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% only grows', TG_TABLE_NAME; END $$
    """,
)

KEYS = {"leaves": ("leaf_index",), "tree_nodes": ("level", "position"), "checkpoints": ("size",)}


def upgrade() -> None:
    """Create the tables, and have them refuse every change but growth."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)
    op.execute("CREATE INDEX leaves_by_ledger ON leaves (ledger_id, leaf_index)")
    for table, key in KEYS.items():
        for guard in _guards_on_sqlite(table, key) if is_sqlite else [_guard(table)]:
            op.execute(guard)


def _guards_on_sqlite(table: str, key: tuple[str, ...]) -> list[str]:
    # INSERT OR REPLACE removes a row without asking the trigger on DELETE.
    same = " AND ".join(f"{column} = NEW.{column}" for column in key)
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
    return [
        f"CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_remain BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_grow BEFORE INSERT ON {table}"
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) {refuse}",
    ]


def _guard(table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_remain BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION the_log_only_grows()"
    )


def downgrade() -> None:
    """Refused: what was signed could not be proven any more."""
    raise NotImplementedError("restore a backup instead")
