"""A long mixed history, as events of a ledger that was never anywhere: to be folded, or copied."""

import datetime as dt
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from domain.base import Event, RecordedEvent
from domain.budgets import BudgetRevised, BudgetSet, BudgetTerms
from domain.categories import COLORS, STARTER_SET, CategoryAdded, CategoryChanged, CategoryDetails
from domain.decider import LedgerOpened
from domain.money import Kind
from domain.store.codec import digest, first_prev, to_stored
from domain.transactions import (
    Entry,
    ExpenseRecorded,
    IncomeRecorded,
    SavingDeposited,
    TransactionCorrected,
    TransactionRecorded,
    TransactionRestored,
    TransactionVoided,
)
from tests.benchmarks.books import amount_rials, day

ACTOR: Final = "0192f3a0-0000-7000-8000-000000000001"
BEGAN: Final = dt.datetime(2021, 3, 21, 8, 30, tzinfo=dt.UTC)
A_WHILE: Final = dt.timedelta(minutes=17, microseconds=123)
RECORDED: Final[dict[Kind, type[TransactionRecorded]]] = {
    "income": IncomeRecorded,
    "expense": ExpenseRecorded,
    "savings": SavingDeposited,
}


def mixed_events(size: int) -> Iterator[Event]:
    """So many events: of ten, seven entries and a correction, a void and one restored.

    Twenty-eight are the ledger's opening, its categories and a budget for each; every
    thousandth afterwards renames a category or revises a budget.
    """
    made: list[Event] = [LedgerOpened(UUID(ACTOR)), *_headings()]
    yield from made[:size]
    budgets = [event for event in made if isinstance(event, BudgetSet)]
    recorded: list[TransactionRecorded] = []
    for number in range(len(made), size):
        if number % 1000 == 0:
            yield _aside(number, budgets[number // 1000 % len(budgets)])
        elif number % 10 < 7 or len(recorded) < 3:
            recorded.append(_entry(number))
            yield recorded[-1]
        else:
            yield _second_thought(number, recorded)


def stored(ledger_id: UUID, events: Iterator[Event]) -> Iterator[StoredEvent]:
    """Events as a ledger stores them, each sealing those before it."""
    prev = first_prev(ledger_id)
    for version, event in enumerate(events, 1):
        at = BEGAN + version * A_WHILE
        command_id = UUID(int=(0xC0FFEE << 64) + version)
        sealed = RecordedEvent(ledger_id, version, at, ACTOR, command_id, prev.hex(), event)
        row = to_stored(sealed)
        prev = digest(ledger_id, version, row.topic, row.state)
        yield row


def _category(number: int) -> tuple[UUID, Kind]:
    place = number % len(STARTER_SET)
    return UUID(int=(0xCA7 << 64) + place), STARTER_SET[place][1]


def _headings() -> Iterator[Event]:
    for number, (name, kind) in enumerate(STARTER_SET):
        details = CategoryDetails(name, COLORS[kind], None, is_active=True)
        yield CategoryAdded(_category(number)[0], kind, details)
    for number in range(len(STARTER_SET)):
        start = dt.date(2024, 1, 1 + number)
        terms = BudgetTerms(
            _category(number)[0],
            10**7,
            10**8,
            start,
            start.replace(year=2025),
            "none",
            "none",
            None,
        )
        yield BudgetSet(UUID(int=(0xB0D << 64) + number), terms)


def _aside(number: int, budget: BudgetSet) -> Event:
    if number % 2000:
        return BudgetRevised(budget.budget_id, budget.terms, budget.terms)
    category_id, kind = _category(number)
    details = CategoryDetails(f"نام {number}", COLORS[kind], None, is_active=True)
    return CategoryChanged(category_id, details, details)


def _entry(number: int) -> TransactionRecorded:
    category_id, kind = _category(number)
    return RECORDED[kind](
        UUID(int=(0x7A << 96) + number * 0x9E3779B97F4A7C15),
        category_id,
        amount_rials(number),
        day(number),
        f"خرید شمارهٔ {number}",
    )


def _second_thought(number: int, recorded: list[TransactionRecorded]) -> Event:
    """A correction of something of late; or the one before the last voided, then restored."""
    about = recorded[-1 - number // 10 % 2]
    if number % 10 == 7:
        found = recorded[-3]
        before = found.entry()
        after = Entry(
            before.category_id, before.direction, before.amount_rials, before.date, "درست شد"
        )
        return TransactionCorrected(found.transaction_id, found.kind, before, after)
    how = TransactionVoided if number % 10 == 8 else TransactionRestored
    return how(about.transaction_id, about.kind, about.entry())
