"""Migrations: from nothing to the newest tables, however many start at once."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.store.database import open_database
from domain.store.migrate import current_revision, latest_revision, upgrade
from tests.conftest import DIALECTS
from tests.servers import PostgresDatabases


@pytest.fixture(params=DIALECTS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'ledger.sqlite3'}"
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    url = databases.empty()
    yield url
    databases.drop(url)


def test_an_empty_database_has_no_revision(empty_url: str) -> None:
    assert _revision(empty_url) is None


def test_upgrading_twice_is_upgrading_once(empty_url: str) -> None:
    upgrade(empty_url)
    upgrade(empty_url)
    assert _revision(empty_url) == latest_revision() is not None


def test_processes_that_start_together_take_turns(empty_url: str) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            upgrade(empty_url)
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _revision(empty_url) == latest_revision()


def test_every_sqlite_table_of_ours_is_strict(sqlite_template: Path) -> None:
    database = open_database(f"sqlite:///{sqlite_template}")
    tables = database.read(lambda c: c.all("SELECT name, strict FROM pragma_table_list"))
    database.close()
    lax = {row["name"] for row in tables if not row["strict"]}
    assert {name for name in lax if not name.startswith("sqlite_")} == {"alembic_version"}


def _revision(url: str) -> str | None:
    database = open_database(url)
    try:
        return current_revision(database)
    finally:
        database.close()
