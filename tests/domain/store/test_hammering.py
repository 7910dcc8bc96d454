"""Hundreds at once, with every kind of end: each is answered, and told the truth."""

import random
import sqlite3
import threading
import time
from collections import Counter
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.categories import AddCategory
from domain.refusals import CategoryNotFound
from domain.store import groups
from domain.store.database import Connection, Database, Overloaded, StoreUnavailable
from domain.store.ledgers import Bracket, LedgerMissing, read_head
from domain.transactions import RecordTransaction, VoidTransaction
from tests.books import Book
from tests.crowds import FOOD, PATIENCE_SECONDS, assert_in_order, spend

pytestmark = pytest.mark.slow

THREADS: Final = 200
SECONDS: Final = 4
BOOKS: Final = 5
LONGEST_SECONDS: Final = 15


class Bug(BaseException):
    """Not even an Exception."""


class Hammer:
    """Threads that ask without a pause, and what they were told."""

    def __init__(self, books: list[Book]) -> None:
        self.books = books
        self.store = books[0].store
        self.spent: Counter[UUID] = Counter()
        self.told: Counter[str] = Counter()
        self.longest_seconds = 0.0
        self._lock = threading.Lock()

    def strike(self) -> None:
        """All of them, for some seconds; every one comes back."""
        deadline = time.monotonic() + SECONDS
        threads = [
            threading.Thread(target=self._work, args=[random.Random(n), deadline], daemon=True)
            for n in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        assert not [thread for thread in threads if thread.is_alive()], "somebody was forgotten"

    def _work(self, chance: random.Random, deadline: float) -> None:
        while time.monotonic() < deadline:
            book, amount_rials = chance.choice(self.books), chance.randrange(1, 100)
            began = time.monotonic()
            told = self._ask(chance.randrange(12), book.ledger_id, amount_rials)
            took = time.monotonic() - began
            with self._lock:
                self.told[told] += 1
                self.longest_seconds = max(self.longest_seconds, took)
                if told == "recorded":
                    self.spent[book.ledger_id] += amount_rials

    def _ask(self, kind: int, ledger_id: UUID, amount_rials: int) -> str:
        def work(bracket: Bracket) -> None:
            entry = uuid4()
            bracket.record(spend(amount_rials, id=entry))
            if kind == 1:
                bracket.record(VoidTransaction(transaction_id=entry))
            if kind in (1, 2):
                raise Bug
            if kind == 3:
                bracket.record(RecordTransaction(category_id=uuid4(), amount_rials=1))
            if kind == 4:
                bracket.connection.run("UPDATE ledgers SET nothing_like_it = 1")

        if kind == 5:
            self.store.database.write(lambda connection: _look(connection, ledger_id))
            return "written"
        try:
            asked = uuid4() if kind == 6 else ledger_id
            self.store.transact(asked, "a-test", work, dry_run=kind == 7)
        except (Bug, CategoryNotFound, LedgerMissing, Overloaded) as error:
            return type(error).__name__
        except (sqlite3.Error, psycopg.Error, StoreUnavailable):
            assert kind == 4
            return "bad SQL"
        return "rehearsed" if kind == 7 else "recorded"


def _look(connection: Connection, ledger_id: UUID) -> None:
    read_head(connection, ledger_id, lock=True)


@pytest.fixture
def hammer(database: Database) -> Hammer:
    """Some ledgers with a category."""
    books = [Book(database) for _ in range(BOOKS)]
    for book in books:
        book.record(AddCategory(id=FOOD, name="خوراک", kind="expense"))
    return Hammer(books)


def test_everybody_is_answered_and_told_the_truth(hammer: Hammer) -> None:
    hammer.strike()
    assert hammer.told.keys() == {
        "recorded",
        "rehearsed",
        "written",
        "bad SQL",
        "Bug",
        "CategoryNotFound",
        "LedgerMissing",
    }
    assert hammer.longest_seconds < LONGEST_SECONDS
    _assert_as_told(hammer)


def test_a_queue_that_is_too_short_turns_people_away_and_loses_nobody(
    hammer: Hammer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MOST_WAITING", 20)
    monkeypatch.setattr(groups, "WAIT_SECONDS", 0.02)
    hammer.strike()
    assert hammer.told["Overloaded"]
    assert hammer.told["recorded"]
    _assert_as_told(hammer)


def _assert_as_told(hammer: Hammer) -> None:
    spent: dict[UUID, Any] = {book.ledger_id: book.head().expense for book in hammer.books}
    assert spent == dict(hammer.spent)
    assert_in_order(*hammer.books)
    assert not hammer.store._queue._waiting
    assert not hammer.store._queue._is_led
