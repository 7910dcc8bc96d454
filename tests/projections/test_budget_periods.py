"""Budgets that repeat: their periods and what rolls over, against a plain model of both."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

import jdatetime
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base import Command, Refusal
from domain.ledger import Budget, LedgerState, Transaction
from domain.money import MAX_TOTAL_RIALS
from domain.store.database import Connection, Database
from domain.transactions import RecordTransaction
from projections.budgets import (
    UsedBudget,
    budgets_on,
    list_budgets,
    list_periods,
    periods_ended,
    utilisation,
    with_use,
)
from projections.past import past_at
from projections.readings import Reading, RowsReading
from tests.books import NOON, Book
from tests.projections.histories import (
    BUDGET_IDS,
    CATEGORY_IDS,
    DATES,
    HOUSEHOLD,
    changes_of_budgets,
    corrections,
    dates,
    moves_of_savings,
    records,
    repeating_budgets,
    restores,
    voids,
)

TODAY = NOON.date()
FEW = 3


class Plain(NamedTuple):
    """A period as one would work it out on paper."""

    number: int
    start: dt.date
    end: dt.date
    carried: int
    used: int


def plain_periods(budget: Budget, entries: list[Transaction], until: dt.date) -> list[Plain]:
    """Every period of a budget, the last being the one that holds a day."""
    found: list[Plain] = []
    carried = 0
    starts = _starts(budget)
    start = next(starts)
    while True:
        following = next(starts)
        end = budget.end if budget.repeat == "none" else following - dt.timedelta(days=1)
        used = sum(
            -entry.amount_rials if entry.direction == "withdraw" else entry.amount_rials
            for entry in entries
            if entry.category_id == budget.category_id and start <= entry.date <= end
        )
        found.append(Plain(len(found) + 1, start, end, carried, used))
        is_last = budget.until is not None and following > budget.until
        if budget.repeat == "none" or is_last or until <= end:
            return found
        most = budget.max_amount_rials or 0
        left = most + carried - used
        kept = {"none": 0, "surplus": max(0, left), "deficit": min(0, left), "both": left}
        carried = min(kept[budget.rollover], MAX_TOTAL_RIALS - most)
        start = following


def _starts(budget: Budget) -> Iterator[dt.date]:
    first = jdatetime.date.fromgregorian(date=budget.start)
    for count in range(100_000):
        months = first.month - 1 + count * (12 if budget.repeat == "year" else 1)
        year, month = first.year + months // 12, months % 12 + 1
        is_leap = jdatetime.date(year, 1, 1).isleap()
        length = 31 if month <= 6 else 30 if month <= 11 or is_leap else 29
        yield jdatetime.date(year, month, min(first.day, length)).togregorian()


def _agrees(found: UsedBudget, plain: Plain, today: dt.date) -> None:
    limits, most = found.period, found.budget.max_amount_rials
    assert (limits.number, limits.start, limits.end) == (plain.number, plain.start, plain.end)
    assert limits.carried == plain.carried
    assert limits.min_amount_rials == found.budget.min_amount_rials
    assert limits.max_amount_rials == (None if most is None else most + plain.carried)
    assert found.utilisation == utilisation(limits, plain.used, today)


# Two categories, so that entries and budgets meet.
of_two = st.sampled_from([CATEGORY_IDS[1], CATEGORY_IDS[3]])
entries_of_two = st.builds(
    RecordTransaction,
    category_id=of_two,
    amount_rials=st.sampled_from([1, 10, 30, 40, 100, 1000]),
    date=dates | st.dates(dt.date(2025, 1, 1), dt.date(2026, 12, 31)),
)
budgets_of_two = st.builds(
    lambda budget, category_id: msgspec.structs.replace(budget, category_id=category_id),
    repeating_budgets,
    of_two,
)
lives = st.tuples(
    st.lists(budgets_of_two, min_size=2, max_size=4),
    st.lists(
        st.one_of(entries_of_two, entries_of_two, moves_of_savings, corrections, voids, restores),
        min_size=5,
        max_size=25,
    ),
    st.lists(changes_of_budgets, max_size=3),
    st.lists(records | corrections, max_size=5),
).map(lambda parts: [command for part in parts for command in part])


def _live(book: Book, life: list[Command]) -> LedgerState:
    for command in (*HOUSEHOLD, *life):
        try:
            book.record(command)
        except Refusal:
            continue
    return book.state()


def _entries(state: LedgerState) -> list[Transaction]:
    return [entry for entry in state.transactions.values() if not entry.is_voided]


@given(life=lives, days=st.lists(dates, min_size=3, max_size=3))
@settings(max_examples=30)
def test_periods_are_what_one_would_work_out(
    database: Database, life: list[Command], days: list[dt.date]
) -> None:
    book = Book(database)
    state = _live(book, life)
    entries = _entries(state)
    present = [budget for budget in state.budgets.values() if not budget.is_removed]
    with database.reading() as connection:
        rows = RowsReading(connection, book.rows_id)
        past = past_at(connection, book.ledger_id, state.version)
        for day in [*days, TODAY, DATES[-1]]:
            found = with_use(rows, present, TODAY, on=day)
            assert found == with_use(past, present, TODAY, on=day)
            for one in found:
                _agrees(one, plain_periods(one.budget, entries, day)[-1], TODAY)
            _assert_active(rows, past, present, entries, day)
        for budget in present:
            expected = plain_periods(budget, entries, TODAY)[::-1]
            listed = list(_every_period(connection, book, budget))
            assert len(listed) == len(expected)
            for one, plain in zip(listed, expected, strict=True):
                _agrees(one, plain, TODAY)
        _assert_ended(rows, present, entries, *sorted(days[:2]))


def _assert_active(
    rows: Reading, past: Reading, present: list[Budget], entries: list[Transaction], day: dt.date
) -> None:
    """Those whose days hold a day, and no others, are active on it."""
    plain = {budget.id: plain_periods(budget, entries, day)[-1] for budget in present}
    active = [one for one in present if plain[one.id].start <= day <= plain[one.id].end]
    page = list_budgets(rows, active_on=day, today=day, limit=200)
    assert page == list_budgets(past, active_on=day, today=day, limit=200)
    assert [found.budget for found in page.items] == active
    for found in page.items:
        _agrees(found, plain[found.budget.id], day)
    of_some = set(CATEGORY_IDS[1:4])
    assert budgets_on(rows, day, of_some, day) == [
        found for found in page.items if found.budget.category_id in of_some
    ]


def _every_period(connection: Connection, book: Book, budget: Budget) -> Iterator[UsedBudget]:
    cursor = None
    while True:
        page = list_periods(
            connection, book.rows_id, budget.id, today=TODAY, limit=FEW, cursor=cursor
        )
        assert page is not None
        assert len(page.items) <= FEW
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _assert_ended(
    rows: Reading,
    present: list[Budget],
    entries: list[Transaction],
    start: dt.date,
    end: dt.date,
) -> None:
    after = end + dt.timedelta(days=1)
    expected = [
        (budget.id, plain)
        for budget in present
        for plain in plain_periods(budget, entries, end)
        if start <= plain.end <= end
    ]
    found = periods_ended(rows, start, end)
    assert [(one.budget.id, one.period.number) for one in found] == [
        (budget_id, plain.number) for budget_id, plain in expected
    ]
    for one, (_, plain) in zip(found, expected, strict=True):
        _agrees(one, plain, after)
        assert one.utilisation.status.startswith("ended")


def test_a_budget_that_is_not_there_has_no_periods(database: Database) -> None:
    book = Book(database)
    with database.reading() as connection:
        assert list_periods(connection, book.rows_id, BUDGET_IDS[0], today=TODAY, limit=5) is None
