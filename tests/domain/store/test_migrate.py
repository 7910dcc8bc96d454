"""Migrations: from nothing to the newest tables, however many start at once."""

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from alembic import command

from domain.store.database import Database, open_database
from domain.store.following import ledgers_ahead, seen_of
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


def test_what_was_told_before_anybody_listened_is_no_news(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        to = command.upgrade
        patch.setattr(command, "upgrade", lambda config, _: to(config, "0011"))
        upgrade(empty_url)
    database = open_database(empty_url)
    plain, budgeted = (_add_ledger(database, rows_id) for rows_id in (None, uuid4()))
    upgrade(empty_url)
    today = dt.datetime.now(dt.UTC).date()
    seen = database.read(lambda c: seen_of(c, budgeted))
    assert seen is not None
    assert (seen.version, (today - seen.day).days in (0, 1)) == (9, True)
    assert database.read(lambda c: seen_of(c, plain)) is None
    assert database.read(lambda c: ledgers_ahead(c, [plain, budgeted], seen.day)) == []
    database.close()


def _add_ledger(database: Database, rows_id: UUID | None) -> UUID:
    """A ledger of nine events; with an id for its rows, one of them is a budget."""
    ledger_id, now = uuid4(), dt.datetime.now(dt.UTC)
    ledger = """
        INSERT INTO ledgers (ledger_id, rows_id, version, digest, recorded_at)
        VALUES (:ledger_id, :rows_id, 9, :digest, :now)
    """
    budget = """
        INSERT INTO budgets (ledger_id, id, category_id, start_date, end_date, is_removed,
            created_version, version, created_at, updated_at)
        VALUES (:rows_id, :rows_id, :rows_id, :day, :day, FALSE, 2, 2, :now, :now)
    """
    given = {"ledger_id": ledger_id, "rows_id": rows_id, "now": now}
    database.write(lambda c: c.run(ledger, digest=b"", **given))
    if rows_id is not None:
        database.write(lambda c: c.run(budget, rows_id=rows_id, day=now.date(), now=now))
    return ledger_id


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
