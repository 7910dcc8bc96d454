"""A calendar's days are what one would count, and add up to the month's report."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base import Command
from domain.calendar import first_day, jalali_month, last_day
from domain.store.database import Database
from projections.calendar import month_calendar
from projections.readings import RowsReading
from projections.reports import KINDS, monthly_report, trend
from projections.sums import ONE_DAY
from tests.books import Book
from tests.projections.counting import counted, live, live_entries, lives
from tests.projections.histories import DATES

MONTHS = sorted({jalali_month(day) for day in DATES} | {140507, 140510})


@given(life=lives, month=st.sampled_from(MONTHS))
@settings(max_examples=40)
def test_a_calendar_is_what_one_would_count(
    database: Database, life: list[Command], month: int
) -> None:
    book = Book(database)
    entries = live_entries(live(book, life))
    with database.reading() as connection:
        reading = RowsReading(connection, book.rows_id)
        found = month_calendar(reading, month)
        assert found.sums == monthly_report(reading, *divmod(month, 100)).sums
        assert found.days[-1].balance == trend(reading, month, 1)[0].cumulative_balance
    days = [line.date for line in found.days]
    assert (days[0], days[-1]) == (first_day(month), last_day(month))
    assert days == [days[0] + n * ONE_DAY for n in range(len(days))]
    before = counted(e for e in entries if e.date < days[0])
    assert found.opening_balance == before.balance
    for line in found.days:
        assert line.sums == counted(e for e in entries if e.date == line.date)
        assert line.balance == counted(e for e in entries if e.date <= line.date).balance
    for kind in KINDS:
        most = max(line.sums.of(kind) for line in found.days)
        greatest = found.greatest(kind)
        assert (greatest is None) == (most <= 0)
        if greatest is not None:
            assert greatest.sums.of(kind) == most
            assert all(
                line.sums.of(kind) < most for line in found.days if line.date < greatest.date
            )


@pytest.mark.parametrize(
    ("day", "weekday"),
    [("2026-11-21", 0), ("2026-11-22", 1), ("2026-11-27", 6), ("2026-11-28", 0)],
)
def test_weeks_begin_on_saturday(database: Database, day: str, weekday: int) -> None:
    book = Book(database)
    with database.reading() as connection:
        days = month_calendar(RowsReading(connection, book.rows_id), 140509).days
        days += month_calendar(RowsReading(connection, book.rows_id), 140508).days
    [line] = [line for line in days if line.date == dt.date.fromisoformat(day)]
    assert line.weekday == weekday
