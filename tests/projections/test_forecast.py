"""A forecast starts from what is recorded, and goes on as months usually do."""

import datetime as dt
from collections.abc import Container
from statistics import median

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base import Command
from domain.calendar import (
    add_months,
    days_in_month,
    first_day,
    from_jalali,
    jalali_month,
    jalali_parts,
    last_day,
)
from domain.categories import AddCategory
from domain.ledger import Draft, Recurrence, Transaction
from domain.occurrences import RecordDue
from domain.recurrences import RemoveRecurrence, SetRecurrence
from domain.recurring_plans import schedule_of, terms_of, upcoming
from domain.store.database import Database
from domain.store.ledgers import Bracket
from domain.transactions import CorrectTransaction, RecordTransaction
from projections import recurring
from projections.forecast import MOST_MONTHS, Forecast, forecast
from projections.readings import RowsReading
from projections.reports import KINDS, monthly_report, trend
from projections.sums import ONE_DAY
from tests.books import Book
from tests.projections.counting import counted, live, live_entries, lives
from tests.projections.histories import CATEGORY_IDS, RECURRENCE_IDS, RECURRING

days_of_looking = st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31))


def _forecast(database: Database, book: Book, month: int, today: dt.date) -> Forecast:
    with database.reading() as connection:
        return forecast(RowsReading(connection, book.rows_id), month, today)


@given(life=lives, today=days_of_looking)
@settings(max_examples=60)
def test_a_forecast_is_what_one_would_reckon(
    database: Database, life: list[Command], today: dt.date
) -> None:
    book = Book(database)
    state = live(book, [*RECURRING, *life])
    entries = live_entries(state)
    month = jalali_month(today)
    found = _forecast(database, book, month, today)
    own = [entry for entry in entries if jalali_month(entry.date) == month]
    assert found.so_far == counted(entry for entry in own if entry.date <= today)
    assert found.ahead == counted(entry for entry in own if entry.date > today)
    before = [entry for entry in entries if jalali_month(entry.date) < month]
    assert found.opening_balance == counted(before).balance
    assert found.days_elapsed == jalali_parts(today)[2]
    with_entries = sorted({jalali_month(entry.date) for entry in before})
    first = add_months(month, -MOST_MONTHS)
    assert found.months == [one for one in with_entries[1:] if one >= first]
    assert found.basis == ("past_months" if found.months else "this_month")
    still = [
        (one, sum(time.amount_rials for time in upcoming(one, *_days(month))))
        for one in state.recurrences.values()
        if not one.is_removed
    ]
    kinds = {one.id: one.kind for one in state.categories.values()}
    drafts = [
        draft
        for draft in state.drafts.values()
        if draft.status == "open" and jalali_month(draft.date) == month
    ]
    rests = [_rest(before, one, today) for one in found.months]
    for kind in KINDS:
        ahead = found.ahead.of(kind)
        to_come = [
            (one, _net(one, rials)) for one, rials in still if kinds[one.category_id] == kind
        ]
        drafted = sum(_net(d, d.amount_rials) for d in drafts if kinds[d.category_id] == kind)
        assert found.recurring.of(kind) == sum(rials for _, rials in to_come) + drafted
        if rests:
            lefts = [
                counted(rest).of(kind) - _recurred(rest, one, to_come, today)
                for one, rest in zip(found.months, rests, strict=True)
            ]
            assert abs(found.usual.of(kind) - _beyond(median(lefts), ahead)) <= 0.5
        parts = (found.so_far, found.ahead, found.recurring, found.usual)
        assert found.expected.of(kind) == sum(part.of(kind) for part in parts)
        amounts = [scenario.of(kind) for scenario in found.scenarios]
        assert min(amounts) <= found.expected.of(kind) <= max(amounts)
        assert len(amounts) == len(rests) + 1


def _beyond(amount: float, part: float) -> float:
    """What is left of an amount where a part is known; none of it where the part is more."""
    if amount * part <= 0:
        return amount
    return amount - part if abs(amount) > abs(part) else 0


def _net(entry: Recurrence | Draft, rials: int) -> int:
    return -rials if entry.direction == "withdraw" else rials


def _days(month: int) -> tuple[dt.date, dt.date]:
    return first_day(month), last_day(month)


def _recurred(
    rest: list[Transaction], month: int, to_come: list[tuple[Recurrence, int]], today: dt.date
) -> float:
    """How much of what was left of a month recurs, category by category, day by day."""
    days = [day for day in _every_day(month) if _like(day, month, today) > jalali_parts(today)[2]]
    recurred = 0.0
    for category_id in {one.category_id for one, _ in to_come}:
        came_to = sum(
            -e.amount_rials if e.direction == "withdraw" else e.amount_rials
            for e in rest
            if e.category_id == category_id
        )
        planned = 0
        for one, rials in to_come:
            if one.category_id == category_id and days:
                schedule = schedule_of(terms_of(one))
                done = [d for d in days if one.done_until is not None and d <= one.done_until]
                times = sum(schedule.day(schedule.index_after(d - ONE_DAY)) == d for d in done)
                happened = _net(one, times * one.amount_rials)
                planned += rials if days[-1] < one.start else happened
        recurred += came_to - _beyond(came_to, planned)
    return recurred


def _every_day(month: int) -> list[dt.date]:
    return [first_day(month) + number * ONE_DAY for number in range(days_in_month(month))]


def _like(day: dt.date, month: int, today: dt.date) -> int:
    """Which day of today's month a day of another is like: the last is like the last."""
    days, number = days_in_month(jalali_month(today)), jalali_parts(day)[2]
    return days if number == days_in_month(month) else min(number, days)


def _rest(entries: list[Transaction], month: int, today: dt.date) -> list[Transaction]:
    """The month's entries on the like of a day to come."""
    own = (entry for entry in entries if jalali_month(entry.date) == month)
    return [e for e in own if _like(e.date, month, today) > jalali_parts(today)[2]]


@given(life=lives, month=st.sampled_from([140412, 140501, 140508, 140509]))
@settings(max_examples=20)
def test_a_month_that_is_over_is_what_it_was(
    database: Database, life: list[Command], month: int
) -> None:
    book = Book(database)
    live(book, life)
    found = _forecast(database, book, month, from_jalali(1405, 10, 1))
    with database.reading() as connection:
        reading = RowsReading(connection, book.rows_id)
        assert found.expected == found.so_far == monthly_report(reading, *divmod(month, 100)).sums
        [line] = trend(reading, month, 1)
    assert found.opening_balance + found.expected.balance == line.cumulative_balance
    assert (found.basis, found.months, found.scenarios) == ("actual", [], [found.expected])
    assert found.days_elapsed == found.days


SALARY, RENT, FOOD, CAR = 5000, 1000, 10, 90_000


@pytest.fixture
def book(database: Database) -> Book:
    """Half a year of a salary on the first, a rent on the fifth, food each day, and one car."""
    made = Book(database)
    _half_a_year(made)
    return made


def _half_a_year(book: Book, until: int = 9, rents: Container[int] = range(13)) -> None:
    def work(bracket: Bracket) -> None:
        bracket.record(AddCategory(id=CATEGORY_IDS[0], name="حقوق", kind="income"))
        bracket.record(AddCategory(id=CATEGORY_IDS[1], name="خرج", kind="expense"))
        for month in range(2, until + 1):
            _spend(bracket, 0, SALARY, month, 1)
            if month in rents:
                _spend(bracket, 1, RENT, month, 5)
            for day in range(1, 31):
                if (month, day) <= (9, 10):
                    _spend(bracket, 1, FOOD, month, day)
        _spend(bracket, 1, CAR, 7, 20)

    book.store.transact(book.ledger_id, "a-test", work)


def _spend(bracket: Bracket, category: int, amount_rials: int, month: int, day: int) -> None:
    date = from_jalali(1405, month, day)
    bracket.record(
        RecordTransaction(category_id=CATEGORY_IDS[category], amount_rials=amount_rials, date=date)
    )


def test_neither_a_salary_nor_a_car_is_spread_over_every_day(
    database: Database, book: Book
) -> None:
    found = _forecast(database, book, 140509, from_jalali(1405, 9, 10))
    assert found.months == [140503, 140504, 140505, 140506, 140507, 140508]
    assert (found.so_far.income, found.usual.income) == (SALARY, 0)
    assert (found.so_far.expense, found.usual.expense) == (RENT + 10 * FOOD, 20 * FOOD)
    assert max(one.expense for one in found.scenarios) == RENT + 30 * FOOD + CAR


def test_what_is_recorded_ahead_is_part_of_what_is_usual(database: Database, book: Book) -> None:
    found = _forecast(database, book, 140509, from_jalali(1405, 9, 3))
    assert found.ahead.expense == RENT + 7 * FOOD
    assert found.expected.expense == RENT + 30 * FOOD
    likely = {scenario.expense for scenario in found.scenarios}
    assert likely == {RENT + 30 * FOOD, RENT + 30 * FOOD + CAR}
    assert found.usual.expense == 20 * FOOD


def test_the_ledger_s_first_month_tells_nothing(database: Database, book: Book) -> None:
    assert _forecast(database, book, 140504, from_jalali(1405, 4, 2)).months == [140503]
    first = _forecast(database, book, 140503, from_jalali(1405, 3, 6))
    assert (first.basis, first.months) == ("this_month", [])
    # So far 1060 in 6 of 31 days: 25/31 of that again, of which 240 is recorded already.
    assert first.so_far.expense == RENT + 6 * FOOD
    assert first.usual.expense == round(1060 * 25 / 31) - 24 * FOOD
    assert first.usual.income == 0


def test_on_the_last_day_nothing_is_left(database: Database, book: Book) -> None:
    found = _forecast(database, book, 140509, from_jalali(1405, 9, 30))
    assert (found.usual.expense, found.basis) == (0, "past_months")
    assert found.expected == found.so_far


RENTING = SetRecurrence(
    id=RECURRENCE_IDS[0],
    category_id=CATEGORY_IDS[1],
    amount_rials=RENT,
    period="month",
    start=from_jalali(1405, 9, 5),
)


def test_what_recurs_from_now_on_is_not_expected_twice(database: Database) -> None:
    """The rent was entered by hand until now, under the same heading as food."""
    book = Book(database)
    _half_a_year(book, until=8)
    today = from_jalali(1405, 9, 3)
    before = _forecast(database, book, 140509, today)
    assert (before.recurring.expense, before.usual.expense) == (0, RENT + 27 * FOOD)
    book.clock.now = dt.datetime.combine(today, dt.time(9), dt.UTC)
    book.record(RENTING)
    after = _forecast(database, book, 140509, today)
    assert (after.recurring.expense, after.usual.expense) == (RENT, 27 * FOOD)
    book.clock.now += dt.timedelta(days=2)
    assert _forecast(database, book, 140509, from_jalali(1405, 9, 5)).recurring.expense == RENT
    book.record(RecordDue())
    paid = _forecast(database, book, 140509, from_jalali(1405, 9, 5))
    assert (paid.so_far.expense, paid.recurring.expense) == (RENT, 0)
    assert paid.expected.expense == RENT + 25 * FOOD


def test_what_is_over_is_not_expected_again(database: Database) -> None:
    """An instalment that was paid for the last time leaves what is usual with it."""
    book = Book(database)
    _half_a_year(book, until=8, rents=())
    loan = msgspec.structs.replace(RENTING, start=from_jalali(1405, 4, 5), count=5)
    book.clock.now = dt.datetime.combine(from_jalali(1405, 9, 3), dt.time(9), dt.UTC)
    book.record(loan)
    book.record(RecordDue())
    found = _forecast(database, book, 140509, from_jalali(1405, 9, 3))
    assert (found.recurring.expense, found.usual.expense) == (0, 27 * FOOD)
    book.record(RemoveRecurrence(recurrence_id=RECURRENCE_IDS[0]))
    removed = _forecast(database, book, 140509, from_jalali(1405, 9, 3))
    assert removed.usual.expense == RENT + 27 * FOOD  # nobody knows any more that it recurred


def test_without_months_before_what_recurs_is_no_part_of_the_pace(database: Database) -> None:
    book = Book(database)
    book.clock.now = dt.datetime.combine(from_jalali(1405, 9, 10), dt.time(9), dt.UTC)
    book.record(AddCategory(id=CATEGORY_IDS[1], name="خرج", kind="expense"))
    book.record(RENTING)
    book.record(RecordDue())
    book.record(
        RecordTransaction(
            category_id=CATEGORY_IDS[1], amount_rials=90, date=from_jalali(1405, 9, 2)
        )
    )
    found = _forecast(database, book, 140509, from_jalali(1405, 9, 10))
    assert (found.so_far.expense, found.usual.expense) == (RENT + 90, 60)


def test_many_that_recur_are_read_in_turns(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(database)
    assert len(live(book, RECURRING).recurrences) > 1
    today = from_jalali(1405, 9, 2)
    at_once = _forecast(database, book, 140509, today)
    assert at_once.recurring.expense
    assert at_once.recurring.savings
    monkeypatch.setattr(recurring, "_AT_ONCE", 1)
    assert _forecast(database, book, 140509, today) == at_once


def test_no_more_is_taken_out_of_a_month_than_recurred_in_it(database: Database) -> None:
    """A loan of three months, paid late in the last, beside food and a yearly fee every month."""
    book = Book(database)
    _half_a_year(book, until=8, rents=())
    other = CATEGORY_IDS[2]
    book.record(AddCategory(id=other, name="وام", kind="expense"))
    for month in (3, 7, 8):
        date = from_jalali(1405, month, 15)
        book.record(RecordTransaction(category_id=other, amount_rials=RENT, date=date))
    loan = msgspec.structs.replace(
        RENTING, category_id=other, start=from_jalali(1405, 4, 5), count=3
    )
    book.clock.now = dt.datetime.combine(from_jalali(1405, 9, 3), dt.time(9), dt.UTC)
    book.record(loan)
    book.record(RecordDue())
    [last] = [
        entry
        for entry in book.state().transactions.values()
        if entry.date == from_jalali(1405, 6, 5) and entry.category_id == other
    ]
    book.record(CorrectTransaction(transaction_id=last.id, date=from_jalali(1405, 6, 1)))
    found = _forecast(database, book, 140509, from_jalali(1405, 9, 3))
    food = 27 * FOOD
    expected = [RENT + food, food, food, food, RENT + food + CAR, RENT + food]
    assert [rest.expense for rest in found.rests] == expected


def test_what_recurs_is_taken_out_of_its_own_category(database: Database) -> None:
    """A withdrawal each month and a deposit as large come to nothing; the deposit is usual."""
    book = Book(database)
    _half_a_year(book, until=8)
    chest, jar = CATEGORY_IDS[3:5]
    book.record(AddCategory(id=chest, name="صندوق", kind="savings"))
    book.record(AddCategory(id=jar, name="قلک", kind="savings"))
    date = from_jalali(1405, 2, 1)
    book.record(RecordTransaction(category_id=chest, amount_rials=900, date=date))
    for month in range(3, 9):
        date = from_jalali(1405, month, 20)
        book.record(RecordTransaction(category_id=jar, amount_rials=50, date=date))
    taken = msgspec.structs.replace(
        RENTING,
        category_id=chest,
        direction="withdraw",
        amount_rials=50,
        start=from_jalali(1405, 3, 20),
    )
    book.clock.now = dt.datetime.combine(from_jalali(1405, 9, 3), dt.time(9), dt.UTC)
    book.record(taken)
    book.record(RecordDue())
    found = _forecast(database, book, 140509, from_jalali(1405, 9, 3))
    assert (found.recurring.savings, found.usual.savings) == (-50, 50)
