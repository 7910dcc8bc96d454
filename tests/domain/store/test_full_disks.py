"""A disk that is full, for real: nothing half done, and it goes on when there is room."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from domain.categories import AddCategory
from domain.store.database import Database, StoreUnavailable, open_database
from tests.books import Book
from tests.conftest import DIALECTS
from tests.crowds import FOOD, assert_in_order, held_up, spend, spending
from tests.domain.store.full_disks import fill, leave_room, put_on_disk, small_disk
from tests.keeper import ROOT
from tests.servers import PostgresDatabases

sqlite_only = pytest.mark.parametrize("database_url", DIALECTS[:1], indirect=True)

AMPLE_PAGES: Final = 1_000_000


class Pages:
    """How many pages the file may have: more of them are a full disk to SQLite."""

    def __init__(self, database: Database) -> None:
        self.most = AMPLE_PAGES
        original = database._begin

        def first(raw: Any, begin: str) -> None:
            raw.execute(f"PRAGMA max_page_count = {self.most}").fetchall()
            original(raw, begin)

        database._begin = first  # type: ignore[method-assign]
        self._database = database

    def allow(self, more: int) -> None:
        """So many more than there are."""
        row = self._database.read(lambda connection: connection.one("PRAGMA page_count"))
        assert row is not None
        self.most = row["page_count"] + more


@sqlite_only
def test_a_database_that_may_not_grow(database_url: str) -> None:
    pages: list[Pages] = []

    def begin(book: Book) -> None:
        pages.append(Pages(book.database))
        pages[0].allow(60)

    fill(database_url, begin, lambda: pages[0].allow(AMPLE_PAGES))


@sqlite_only
def test_a_process_whose_files_may_not_grow(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    command = [sys.executable, "-m", "tests.domain.store.full_disks", database_url, str(path)]
    came = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120
    )
    assert came.returncode == 0, came.stderr


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk of its own."""
    with small_disk() as disk:
        if disk is None:
            pytest.skip("only root may mount a disk")
        yield disk


@sqlite_only
def test_a_disk_without_room(database_url: str, disk: Path, tmp_path: Path) -> None:
    path = disk / "ledger.sqlite3"
    shutil.copyfile(tmp_path / "ledger.sqlite3", path)
    ballast = leave_room(disk, 1_500_000)
    fill(f"sqlite:///{path}", lambda _book: None, ballast.unlink)


@pytest.mark.postgresql
def test_a_server_whose_disk_has_no_room(
    postgres_url: str, postgres_databases: PostgresDatabases, disk: Path
) -> None:
    url = postgres_databases.fresh()
    if not put_on_disk(postgres_url, url, disk):
        pytest.skip("the server is not on this machine")
    ballasts: list[Path] = []
    try:
        fill(
            url,
            lambda _book: ballasts.append(leave_room(disk, 500_000)),
            lambda: ballasts.pop().unlink(),
        )
    finally:
        postgres_databases.drop(url)
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("DROP TABLESPACE small")


@sqlite_only
def test_each_of_a_group_hears_that_the_disk_is_full(database_url: str) -> None:
    book = Book(open_database(database_url))
    book.record(AddCategory(id=FOOD, name="خوراک", kind="expense"))
    pages = Pages(book.database)
    before = book.head()
    with held_up(book.store) as ask:
        outcomes = [ask(spending(book, n, description="پر" * 5000)) for n in range(1, 9)]
        pages.allow(1)
    assert [type(outcome()) for outcome in outcomes] == [StoreUnavailable] * 8
    assert book.head() == before
    pages.allow(AMPLE_PAGES)
    book.record(spend(3))
    assert book.head().expense == 3
    assert_in_order(book)
    book.database.close()
