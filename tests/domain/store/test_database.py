"""The database: explicit transactions, and plain words when it is away."""

import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest

from domain.categories import AddCategory
from domain.store import sqlite as sqlite_module
from domain.store.database import (
    POOL_SIZE,
    Connection,
    Database,
    StoreUnavailable,
    for_psycopg,
    open_database,
)
from domain.store.ledgers import Bracket
from tests.books import Book
from tests.conftest import DIALECTS
from tests.servers import free_port

on_postgresql_only = pytest.mark.parametrize("database_url", DIALECTS[1:], indirect=True)


def _kill_connections(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as admin:
        killed = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    return len(killed)


def _use_every_connection(database: Database) -> None:
    everyone_in = threading.Barrier(POOL_SIZE)

    def read() -> None:
        with database.reading() as connection:
            connection.one("SELECT 1 AS one")
            everyone_in.wait(timeout=30)

    threads = [threading.Thread(target=read) for _ in range(POOL_SIZE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@on_postgresql_only
def test_a_restarted_server_is_not_noticed(book: Book, database_url: str) -> None:
    _use_every_connection(book.database)
    assert _kill_connections(database_url) == POOL_SIZE
    assert len(book.record(AddCategory(name="خوراک", kind="expense"))) == 1
    assert book.head().version == 2


@on_postgresql_only
def test_a_connection_lost_in_a_bracket_is_the_stores_fault_and_leaves_nothing(
    book: Book, database_url: str
) -> None:

    def work(bracket: Bracket) -> None:
        bracket.record(AddCategory(name="خوراک", kind="expense"))
        _kill_connections(database_url)
        bracket.record(AddCategory(name="کتاب", kind="expense"))

    with pytest.raises(StoreUnavailable):
        book.store.transact(book.ledger_id, "a-test", work)
    assert (book.head().version, book.count("events")) == (1, 1)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    database = open_database(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    with pytest.raises(StoreUnavailable):
        database.read(lambda connection: connection.one("SELECT 1"))
    database.close()


def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}")
    with pytest.raises(StoreUnavailable):
        database.read(lambda connection: connection.one("SELECT 1"))
    database.close()


def test_only_the_two_databases_are_opened() -> None:
    with pytest.raises(ValueError, match="sqlite or postgresql"):
        open_database("mysql://localhost/ledger")


def test_another_process_that_holds_the_file_makes_it_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "BUSY_TIMEOUT_SECONDS", 0.1)
    path = tmp_path / "ledger.sqlite3"
    database = open_database(f"sqlite:///{path}")
    database.write(lambda connection: connection.run("CREATE TABLE notes (text TEXT)"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        database.write(lambda connection: connection.run("INSERT INTO notes VALUES ('ما')"))
    other.execute("ROLLBACK")
    other.close()
    assert database.write(lambda c: c.run("INSERT INTO notes VALUES ('ما')")) == 1
    database.close()


def test_a_reader_sees_one_snapshot(book: Book) -> None:
    with book.database.reading() as connection:
        before = _events(connection)
        thread = threading.Thread(
            target=lambda: book.record(AddCategory(name="خوراک", kind="expense"))
        )
        thread.start()
        thread.join()
        assert _events(connection) == before
    with book.database.reading() as connection:
        assert _events(connection) == before + 1


def _events(connection: Connection) -> int:
    row = connection.one("SELECT count(*) AS count FROM events")
    assert row is not None
    return int(row["count"])


@on_postgresql_only
def test_a_reader_on_postgresql_cannot_write(book: Book) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        book.database.read(lambda connection: connection.run("DELETE FROM ledgers"))


def test_no_failure_uses_up_the_pool(book: Book) -> None:
    def fail(connection: Connection) -> None:
        connection.run("UPDATE ledgers SET version = 9")
        raise RuntimeError

    for _ in range(2 * POOL_SIZE):
        with pytest.raises(RuntimeError):
            book.database.write(fail)
        with pytest.raises(RuntimeError):
            book.database.read(lambda _: (_ for _ in ()).throw(RuntimeError()))
    assert book.head().version == 1


def test_a_stream_reads_every_row(book: Book) -> None:
    for name in ("یک", "دو", "سه"):
        book.record(AddCategory(name=name, kind="income"))
    sql = "SELECT originator_version AS v FROM events WHERE originator_id = :id ORDER BY v"
    with book.database.reading() as connection:
        streamed = [row["v"] for row in connection.stream(sql, id=book.ledger_id)]
    assert streamed == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("ours", "psycopgs"),
    [
        ("a = :a AND b = :b_2", "a = %(a)s AND b = %(b_2)s"),
        ("a::text = :a", "a::text = %(a)s"),
        ("x LIKE '%y'", "x LIKE '%%y'"),
        ("coalesce(:a::bigint, 0)", "coalesce(%(a)s::bigint, 0)"),
    ],
)
def test_parameters_are_written_for_each_driver(ours: str, psycopgs: str) -> None:
    assert for_psycopg(ours) == psycopgs
