"""Migrations: bring a database's tables to what this code expects."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from domain.store.database import Connection, Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"
POSTGRES_LOCK: Final = 14050902  # any number that nothing else of ours locks


def upgrade(database_url: str) -> None:
    """Run every migration not yet run. Processes that start together take turns."""
    url = sa.make_url(database_url)
    if url.get_backend_name() == "sqlite":
        _upgrade_sqlite(url)
    else:
        _upgrade_postgres(url.set(drivername="postgresql+psycopg"))


def current_revision(database: Database) -> str | None:
    """The migration the tables stand at; None before the first."""
    return database.read(_recorded_revision)


def latest_revision() -> str | None:
    """The newest migration in the code."""
    # Alembic takes a tenth of a second to import, and a web process need not wait for it.
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _recorded_revision(connection: Connection) -> str | None:
    catalogue = {
        "sqlite": "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'",
        "postgresql": "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL",
    }
    if connection.one(catalogue[connection.dialect]) is None:
        return None
    row = connection.one("SELECT version_num FROM alembic_version")
    return None if row is None else str(row["version_num"])


def _upgrade_sqlite(url: sa.URL) -> None:
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _file_lock(path.with_name(f"{path.name}.migrating")), _connection(url) as connection:
        _run(connection)


def _upgrade_postgres(url: sa.URL) -> None:
    # The lock belongs to the connection, so that a killed process cannot leave it behind.
    with _connection(url) as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({POSTGRES_LOCK})")
        _run(connection)


def _run(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def _connection(url: sa.URL) -> Iterator[sa.Connection]:
    """A connection on which BEGIN and COMMIT are ours to say."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
