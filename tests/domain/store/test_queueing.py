"""The queue of commands: a bound, an end to waiting, and each in its own context."""

import threading
import time
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import pytest

from domain.categories import AddCategory
from domain.store import groups
from domain.store.database import Overloaded, StoreUnavailable
from domain.store.groups import CommandQueue
from domain.store.ledgers import Bracket
from tests.books import Book
from tests.crowds import (
    Ask,
    amounts,
    assert_in_order,
    held_up,
    recording,
    spend,
    spending,
    together,
    working,
)


def test_a_full_queue_takes_nobody_in(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_WAITING", 3)
    with held_up(book.store) as ask:
        waiting = [ask(recording(book.store, book.ledger_id)) for _ in range(3)]
        with pytest.raises(Overloaded):
            book.record(AddCategory(name="نان", kind="expense"))
    assert [outcome() for outcome in waiting] == [[], [], []]
    assert len(book.record(AddCategory(name="نان", kind="expense"))) == 1


def test_who_waits_too_long_is_told_so_and_never_recorded(
    stocked: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_up(stocked.store) as ask:
        patient = ask(spending(stocked, 1))
        monkeypatch.setattr(groups, "WAIT_SECONDS", 0.05)
        hasty = ask(spending(stocked, 1_000))
        assert isinstance(hasty(), Overloaded)
        monkeypatch.setattr(groups, "WAIT_SECONDS", 10)
        after = ask(spending(stocked, 2))
    assert amounts([patient(), after()]) == [1, 2]
    assert stocked.head().expense == 5 + 3
    assert_in_order(stocked)


def test_who_is_being_served_does_not_give_up(
    stocked: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was recorded has to be known."""
    may_end = threading.Event()

    def slow(bracket: Bracket) -> None:
        bracket.record(spend(1))
        assert may_end.wait(30)

    monkeypatch.setattr(groups, "WAIT_SECONDS", 0.2)
    with held_up(stocked.store) as ask:
        leader = ask(working(stocked.store, stocked.ledger_id, slow))
        served = ask(spending(stocked, 2))
    time.sleep(0.4)
    may_end.set()
    assert (leader(), *amounts([served()])) == (None, 2)
    assert_in_order(stocked)


def test_what_could_not_be_begun_befalls_all_that_wait_and_nobody_after_them() -> None:
    is_away = True

    def run(queue: CommandQueue) -> None:
        if is_away:
            raise StoreUnavailable
        for asked in queue.take():
            asked.run(None)  # type: ignore[arg-type]
            asked.settle()

    queue = CommandQueue(run)
    with pytest.raises(StoreUnavailable):
        groups.outcome(queue.ask(uuid4(), lambda _: 1))
    is_away = False
    assert groups.outcome(queue.ask(uuid4(), lambda _: 2)) == 2


def test_work_sees_the_context_of_whoever_asked(book: Book) -> None:
    who: ContextVar[str] = ContextVar("who")
    leaders: list[int] = []

    def asking(name: str) -> Ask:
        def ask() -> Any:
            who.set(name)

            def work(_bracket: Bracket) -> str:
                leaders.append(threading.get_ident())
                return who.get()

            return book.store.transact(book.ledger_id, "a-test", work)

        return ask

    assert together(book.store, asking("یک"), asking("دو"), asking("سه")) == ["یک", "دو", "سه"]
    assert len(set(leaders)) == 1
