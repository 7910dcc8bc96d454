"""The log of accesses only grows, and shows where somebody mended it."""

import datetime as dt
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.store.accesses import (
    Access,
    NumberedAccess,
    accesses_of,
    all_accesses,
    broken_seals,
    note,
)
from domain.store.database import Connection, Database

NOW = dt.datetime(2026, 11, 23, 10, 0, 0, 123456, dt.UTC)
REFUSED = (sqlite3.IntegrityError, psycopg.errors.RaiseException)
GUARDS = {
    "sqlite": [f"DROP TRIGGER audit_accesses_{name}" for name in ("grow", "stay", "remain")],
    "postgresql": ["DROP TRIGGER audit_accesses_remain ON audit_accesses"],
}


def look(ledger_id: UUID | None = None, detail: str = "") -> Access:
    return Access(NOW, uuid4(), "listLedgers", ledger_id, detail, "r")


def noted(database: Database, *looks: Access) -> list[NumberedAccess]:
    for one in looks:
        database.write(lambda connection, one=one: note(connection, one))  # type: ignore[misc]
    return database.read(lambda connection: list(all_accesses(connection)))


def broken(database: Database) -> list[tuple[int, str]]:
    found = database.read(lambda connection: list(broken_seals(all_accesses(connection))))
    return [(one.number, one.code) for one in found]


def unguarded(database: Database, tampering: str) -> None:
    def work(connection: Connection) -> None:
        for guard in GUARDS[database.dialect]:
            connection.run(guard)
        assert connection.run(tampering) == 1

    database.write(work)


def test_accesses_are_numbered_and_read_as_they_were_noted(database: Database) -> None:
    ledger_id = uuid4()
    looks = [look(), look(ledger_id, "limit=5"), look(uuid4()), look(ledger_id)]
    found = noted(database, *looks)
    assert [one.number for one in found] == [1, 2, 3, 4]
    assert [one.detail for one in found] == ["", "limit=5", "", ""]
    assert {one.at for one in found} == {NOW}
    of_ledger = database.read(lambda c: accesses_of(c, ledger_id, 2**53, 10))
    assert of_ledger == [found[3], found[1]]
    assert database.read(lambda c: accesses_of(c, ledger_id, 4, 10)) == [found[1]]
    assert broken(database) == []


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_accesses SET detail = 'x'",
        "DELETE FROM audit_accesses",
        "DELETE FROM audit_accesses WHERE number = 1",
    ],
)
def test_no_access_is_changed_or_removed(database: Database, tampering: str) -> None:
    before = noted(database, look(), look())
    with pytest.raises(REFUSED, match="only grows"):
        database.write(lambda connection: connection.run(tampering))
    assert noted(database) == before


def test_no_access_is_replaced_by_inserting_it_again(database: Database) -> None:
    before = noted(database, look(), look())
    columns = "number, at, account_id, action, ledger_id, detail, request_id, digest"
    select = f"SELECT {columns.replace('detail', chr(39) + 'x' + chr(39))} FROM audit_accesses"
    select += " WHERE number = 1"
    word = "INSERT OR REPLACE" if database.dialect == "sqlite" else "INSERT"
    sql = f"{word} INTO audit_accesses ({columns}) {select}"
    if database.dialect == "postgresql":
        sql += " ON CONFLICT (number) DO UPDATE SET detail = 'x'"
    with pytest.raises(REFUSED, match="only grows"):
        database.write(lambda connection: connection.run(sql))
    assert noted(database) == before


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_log_is_not_emptied(database: Database) -> None:
    before = noted(database, look())
    with pytest.raises(REFUSED, match="only grows"):
        database.write(lambda connection: connection.run("TRUNCATE audit_accesses"))
    assert noted(database) == before


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE audit_accesses SET detail = 'x' WHERE number = 2", (2, "access_changed")),
        ("UPDATE audit_accesses SET action = 'x' WHERE number = 1", (1, "access_changed")),
        ("UPDATE audit_accesses SET ledger_id = NULL WHERE number = 2", (2, "access_changed")),
        ("UPDATE audit_accesses SET request_id = 'x' WHERE number = 3", (3, "access_changed")),
        ("DELETE FROM audit_accesses WHERE number = 2", (2, "access_missing")),
        ("DELETE FROM audit_accesses WHERE number = 1", (1, "access_missing")),
    ],
)
def test_whoever_gets_past_the_guards_leaves_a_broken_seal(
    database: Database, tampering: str, found: tuple[int, str]
) -> None:
    noted(database, look(), look(uuid4()), look())
    unguarded(database, tampering)
    assert broken(database) == [found]


def test_looks_at_the_same_moment_are_noted_one_after_the_other(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: database.write(lambda c: note(c, look())), range(24)))
    assert [one.number for one in noted(database)] == list(range(1, 25))
    assert broken(database) == []
