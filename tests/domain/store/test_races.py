"""Races: real threads on one ledger, on both databases."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest

from domain.base import Command, Event, Refusal
from domain.categories import AddCategory
from domain.refusals import CategoryNameTaken, SavingsTooLow
from domain.savings import SaveSurplus, SurplusSaved
from domain.transactions import RecordTransaction
from tests.books import Book

WAGES, NEST_EGG = UUID(int=0xC1), UUID(int=0xC2)


@pytest.fixture
def household(book: Book) -> Book:
    """A ledger with a category for income and one for savings."""
    book.record(AddCategory(id=WAGES, name="حقوق", kind="income"))
    book.record(AddCategory(id=NEST_EGG, name="پس‌انداز", kind="savings"))
    return book


def _at_once(book: Book, commands: list[Command]) -> list[list[Event] | Refusal]:
    """What came of commands that were all asked at the same moment."""
    outcomes: list[list[Event] | Refusal] = []
    ready = threading.Barrier(len(commands))

    def ask(command: Command) -> Callable[[], None]:
        def asked() -> None:
            ready.wait(timeout=30)
            try:
                outcomes.append(book.record(command))
            except Refusal as refusal:
                outcomes.append(refusal)

        return asked

    threads = [threading.Thread(target=ask(command)) for command in commands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == len(commands)
    assert book.differences() == []
    versions = [recorded.version for recorded in book.events()]
    assert versions == list(range(1, book.head().version + 1))
    return outcomes


def test_thirty_two_commands_at_once_are_all_recorded_once(household: Book) -> None:
    came = _at_once(
        household,
        [RecordTransaction(category_id=WAGES, amount_rials=2**n) for n in range(32)],
    )
    assert all(isinstance(events, list) and len(events) == 1 for events in came)
    assert household.head().income == 2**32 - 1
    assert household.head().version == 3 + 32


def test_a_surplus_saved_by_eight_at_once_is_saved_once(household: Book) -> None:
    household.record(RecordTransaction(category_id=WAGES, amount_rials=1_000))
    came = _at_once(household, [SaveSurplus(keep_rials=100)] * 8)
    saved = [events for events in came if events]
    assert len(saved) == 1
    assert isinstance(saved[0], list)
    assert isinstance(saved[0][0], SurplusSaved)
    assert (household.head().deposits, household.head().totals.balance) == (900, 100)


def test_an_id_chosen_by_eight_at_once_is_created_once(household: Book) -> None:
    asked = RecordTransaction(id=UUID(int=7), category_id=WAGES, amount_rials=5)
    came = _at_once(household, [asked] * 8)
    assert sorted(len(events) for events in came if isinstance(events, list)) == [0] * 7 + [1]
    assert household.head().income == 5


def test_a_name_wanted_by_eight_at_once_is_taken_once(household: Book) -> None:
    came = _at_once(household, [AddCategory(name="کتاب", kind="expense")] * 8)
    assert sum(isinstance(refused, CategoryNameTaken) for refused in came) == 7


def test_savings_are_not_withdrawn_twice(household: Book) -> None:
    household.record(RecordTransaction(category_id=NEST_EGG, amount_rials=100))
    withdraw = RecordTransaction(category_id=NEST_EGG, amount_rials=60, direction="withdraw")
    came = _at_once(household, [withdraw] * 8)
    assert sum(isinstance(refused, SavingsTooLow) for refused in came) == 7
    assert household.head().totals.savings == 40


def test_ledgers_do_not_wait_for_each_others_facts(household: Book) -> None:
    """Commands on two ledgers at once: each gets its own."""
    other = Book(household.database)
    other.record(AddCategory(id=WAGES, name="حقوق", kind="income"))
    ask = RecordTransaction(category_id=WAGES, amount_rials=1)
    threads = [
        threading.Thread(target=lambda book=book: book.record(ask))
        for book in (household, other) * 8
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (household.head().income, other.head().income) == (8, 8)
