"""A disk that is full, for real: nothing half done, and it goes on when there is room."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy as sa

from domain.categories import AddCategory
from domain.store.database import Database, StoreUnavailable, open_database
from tests.books import Book
from tests.conftest import DIALECTS
from tests.crowds import FOOD, assert_in_order, held_up, spend, spending
from tests.domain.store.full_disks import fill
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
def small_disk() -> Iterator[Path]:
    """A disk of its own, where we may have one; beside no test's files, for PostgreSQL to enter."""
    disk = Path(tempfile.mkdtemp(prefix="dakhl-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", "size=32m,mode=0755", "none", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        disk.rmdir()
        pytest.skip("only root may mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
    disk.rmdir()


def _ballast(disk: Path, room_bytes: int) -> Path:
    """What leaves only so much room."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free - room_bytes))
    return ballast


@sqlite_only
def test_a_disk_without_room(database_url: str, small_disk: Path, tmp_path: Path) -> None:
    path = small_disk / "ledger.sqlite3"
    shutil.copyfile(tmp_path / "ledger.sqlite3", path)
    ballast = _ballast(small_disk, 1_500_000)
    fill(f"sqlite:///{path}", lambda _book: None, ballast.unlink)


@pytest.mark.postgresql
def test_a_server_whose_disk_has_no_room(
    postgres_url: str, postgres_databases: PostgresDatabases, small_disk: Path
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        row = admin.execute("SHOW data_directory").fetchone()
        assert row is not None
        if not Path(row[0]).exists():
            pytest.skip("the server is not on this machine")
        owner = Path(row[0]).stat()
        os.chown(small_disk, owner.st_uid, owner.st_gid)
        url = postgres_databases.fresh()
        name = sa.make_url(url).database
        admin.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'".encode())
        admin.execute(f"ALTER DATABASE {name} SET TABLESPACE small".encode())
        try:
            fill(url, lambda _book: _leave_room(small_disk), (small_disk / "ballast").unlink)
        finally:
            postgres_databases.drop(url)
            admin.execute("DROP TABLESPACE small")


def _leave_room(disk: Path) -> None:
    _ballast(disk, 500_000)


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
