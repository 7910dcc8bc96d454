"""What tests of the store are given: a ledger in a real database."""

import pytest

from domain.categories import AddCategory
from domain.store import pools
from domain.store.database import Database
from tests.books import Book
from tests.crowds import BREAD, FOOD, spend


@pytest.fixture
def book(database: Database) -> Book:
    """An open ledger in a fresh database."""
    return Book(database)


@pytest.fixture
def stocked(book: Book) -> Book:
    """A ledger with a category, and one entry in it."""
    book.record(AddCategory(id=FOOD, name="خوراک", kind="expense"))
    book.record(spend(5, id=BREAD))
    return book


@pytest.fixture
def one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, a group is not cut short."""
    monkeypatch.setattr(pools, "TOGETHER_SECONDS", 60)
