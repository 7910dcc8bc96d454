"""Several processes on one database: turns are fair, and end with whoever had one."""

import os
import signal
import time
from contextlib import ExitStack
from typing import Final

import pytest

from domain.categories import AddCategory
from domain.store import turns
from domain.store.database import Database, StoreUnavailable
from tests.books import Book
from tests.crowds import FOOD, spend
from tests.system.auditor import assert_file_is_sound
from tests.system.writers import writer

pytestmark = pytest.mark.slow

AT_ONCE_SECONDS: Final = 2
SQLITE_ONLY: Final = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def book(database: Database) -> Book:
    """A ledger with a category."""
    book = Book(database)
    book.record(AddCategory(id=FOOD, name="خوراک", kind="expense"))
    return book


def test_three_processes_take_fair_turns(book: Book, database_url: str) -> None:
    with ExitStack() as stack:
        others = [
            stack.enter_context(writer("go-on", database_url, book.ledger_id)) for _ in range(3)
        ]
        for other in others:
            assert other.says()
        time.sleep(3)
        waited = [[float(line) for line in other.rest()] for other in others]
    counts = [len(each) for each in waited]
    assert min(counts) * 4 > max(counts), counts
    assert max(map(max, waited)) < 1, "somebody waited for hundreds of turns"
    assert book.head().expense == sum(counts) + len(others)
    assert book.differences() == []


@pytest.mark.parametrize("when", ["in-the-middle", "before-the-commit"])
def test_who_is_killed_leaves_nothing_and_nobody_waits(
    book: Book, database_url: str, when: str
) -> None:
    with writer(when, database_url, book.ledger_id) as other:
        assert other.says() == "at it"
        other.process.send_signal(signal.SIGKILL)
        began = time.monotonic()
        book.record(spend(1))
        assert time.monotonic() - began < AT_ONCE_SECONDS
    assert book.head().expense == 1
    assert book.differences() == []
    assert_file_is_sound(database_url)


@SQLITE_ONLY
def test_a_child_of_whoever_was_killed_keeps_no_turn(book: Book, database_url: str) -> None:
    with writer("with-a-child", database_url, book.ledger_id) as other:
        child = int(other.says())
        try:
            other.process.kill()
            began = time.monotonic()
            book.record(spend(1))
            assert time.monotonic() - began < AT_ONCE_SECONDS
        finally:
            os.kill(child, signal.SIGKILL)


@SQLITE_ONLY
def test_nobody_waits_for_ever_for_a_process_that_was_stopped(
    book: Book, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.5)
    with writer("slowly", database_url, book.ledger_id) as other:
        assert other.says() == "at it"
        other.process.send_signal(signal.SIGSTOP)
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                book.record(spend(1_000))
            assert time.monotonic() - began < AT_ONCE_SECONDS
        assert book.head().expense == 0, "reading waits for nobody"
        other.process.send_signal(signal.SIGCONT)
        assert other.says() == "done"
        # What stood in line for us is not there any more, for us nor for others.
        book.record(spend(2))
        with writer("slowly", database_url, book.ledger_id) as another:
            assert [another.says(), another.says()] == ["at it", "done"]
    assert book.head().expense == 1 + 2 + 1
    assert book.differences() == []


@SQLITE_ONLY
def test_what_stood_in_line_for_nobody_lets_others_by(
    book: Book, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.3)
    with writer("slowly", database_url, book.ledger_id) as other:
        assert other.says() == "at it"
        with pytest.raises(StoreUnavailable):
            book.record(spend(1_000))
        assert other.says() == "done"
        time.sleep(0.2)  # our turn came, and nobody was there to take it
        with writer("slowly", database_url, book.ledger_id) as another:
            assert [another.says(), another.says()] == ["at it", "done"]
    book.record(spend(3))
    assert book.head().expense == 1 + 1 + 3
