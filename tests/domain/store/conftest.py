"""What tests of the store are given: a ledger in a real database."""

import pytest

from domain.store.database import Database
from tests.books import Book


@pytest.fixture
def book(database: Database) -> Book:
    """An open ledger in a fresh database."""
    return Book(database)
