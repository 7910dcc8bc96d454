"""What a command looks at does not grow with the history behind it."""

import datetime as dt
import sqlite3
from pathlib import Path
from uuid import uuid4

import pytest

from domain.categories import AddCategory, CategoryAdded
from domain.store.database import Connection, Database
from domain.transactions import RecordTransaction, TransactionRecorded, VoidTransaction
from projections import statements as sql
from tests.books import Book

DAY = dt.date(2026, 11, 23)


def test_the_largest_of_a_day_is_sought_among_that_day_only(sqlite_template: Path) -> None:
    where = {"ledger_id": b"", "category_id": b"", "date": "2026-11-23", "left_rials": 1}
    with sqlite3.connect(sqlite_template) as raw:
        plan = raw.execute(f"EXPLAIN QUERY PLAN {sql.RESTATE_LARGEST_OF_DAY}", where).fetchall()
    [sought] = [line[3] for line in plan if "SEARCH transactions" in line[3]]
    assert "category_id=? AND is_voided=? AND date=?" in sought


def test_an_entry_that_was_not_the_largest_leaves_without_a_search(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(database)
    [added] = book.record(AddCategory(name="نان", kind="expense"))
    assert isinstance(added, CategoryAdded)
    small, large = (_spend(book, added, amount_rials) for amount_rials in (10, 90))
    changed: list[tuple[str, int]] = []
    run = Connection.run

    def noting(self: Connection, statement: str, **params: object) -> int:
        count = run(self, statement, **params)
        changed.append((statement, count))
        return count

    monkeypatch.setattr(Connection, "run", noting)
    book.record(VoidTransaction(transaction_id=small.transaction_id))
    assert [n for statement, n in changed if statement == sql.RESTATE_LARGEST_OF_DAY] == [0]
    book.record(VoidTransaction(transaction_id=large.transaction_id))
    assert not book.differences()


def _spend(book: Book, category: CategoryAdded, amount_rials: int) -> TransactionRecorded:
    command = RecordTransaction(
        id=uuid4(), category_id=category.category_id, amount_rials=amount_rials, date=DAY
    )
    [recorded] = book.record(command)
    assert isinstance(recorded, TransactionRecorded)
    return recorded
