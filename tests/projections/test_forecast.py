"""A forecast starts from what is recorded, and goes on as months usually do."""

import datetime as dt
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base import Command
from domain.calendar import add_months, days_in_month, from_jalali, jalali_month, jalali_parts
from domain.categories import AddCategory
from domain.ledger import Transaction
from domain.store.database import Database
from domain.store.ledgers import Bracket
from domain.transactions import RecordTransaction
from projections.forecast import MOST_MONTHS, Forecast, forecast
from projections.readings import RowsReading
from projections.reports import KINDS, monthly_report, trend
from tests.books import Book
from tests.projections.counting import counted, live, live_entries, lives
from tests.projections.histories import CATEGORY_IDS

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
    entries = live_entries(live(book, life))
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
    rests = [_rest(before, one, today) for one in found.months]
    for kind in KINDS:
        left = median(counted(rest).of(kind) for rest in rests) if rests else 0
        ahead = found.ahead.of(kind)
        if not rests:
            continue
        if left * ahead > 0:  # what is recorded already comes no second time
            left = left - ahead if abs(left) > abs(ahead) else 0
        assert abs(found.usual.of(kind) - left) <= 0.5
        expected = found.so_far.of(kind) + ahead + found.usual.of(kind)
        assert found.expected.of(kind) == expected
        amounts = [scenario.of(kind) for scenario in found.scenarios]
        assert min(amounts) <= expected <= max(amounts)
        assert len(amounts) == len(rests) + 1


def _rest(entries: list[Transaction], month: int, today: dt.date) -> list[Transaction]:
    """The month's entries on the like of a day to come; its last day is the last one's."""
    days = days_in_month(jalali_month(today))

    def like(day: dt.date) -> int:
        number = jalali_parts(day)[2]
        return days if number == days_in_month(month) else min(number, days)

    own = (entry for entry in entries if jalali_month(entry.date) == month)
    return [entry for entry in own if like(entry.date) > jalali_parts(today)[2]]


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

    def work(bracket: Bracket) -> None:
        bracket.record(AddCategory(id=CATEGORY_IDS[0], name="حقوق", kind="income"))
        bracket.record(AddCategory(id=CATEGORY_IDS[1], name="خرج", kind="expense"))
        for month in range(2, 10):
            _spend(bracket, 0, SALARY, month, 1)
            _spend(bracket, 1, RENT, month, 5)
            for day in range(1, 31):
                if (month, day) <= (9, 10):
                    _spend(bracket, 1, FOOD, month, day)
        _spend(bracket, 1, CAR, 7, 20)

    made.store.transact(made.ledger_id, "a-test", work)
    return made


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
