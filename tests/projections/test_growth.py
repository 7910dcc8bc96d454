"""Growth adds up to the yearly and monthly reports, and compares like with like."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base import Command
from domain.calendar import FIRST_YEAR, first_day, format_jalali, jalali_month, parse_jalali
from domain.store.database import Database
from projections.growth import SideBySide, growth, same_day
from projections.readings import RowsReading
from projections.reports import changes, yearly_report
from projections.sums import KindSums
from tests.books import NOON, Book
from tests.projections.counting import counted, live, live_entries, lives
from tests.projections.histories import DATES

YEARS = sorted({jalali_month(day) // 100 for day in DATES} | {1301, 1499})
years_of_growth = st.sampled_from(YEARS)
days = st.sampled_from([*DATES, NOON.date()])


@given(
    life=lives,
    year=years_of_growth,
    other=years_of_growth | st.just(None),
    years=st.integers(1, 4),
    today=days,
)
@settings(max_examples=60)
def test_growth_is_what_one_would_count(
    database: Database,
    life: list[Command],
    year: int,
    other: int | None,
    years: int,
    today: dt.date,
) -> None:
    other = year - 1 if other is None else other
    book = Book(database)
    entries = live_entries(live(book, life))
    with database.reading() as connection:
        reading = RowsReading(connection, book.rows_id)
        found = growth(reading, year, other, years, today)
        yearly, months = yearly_report(reading, year)
    of_months = {
        month: counted(e for e in entries if jalali_month(e.date) == month)
        for of in (year, other)
        for month in range(of * 100 + 1, of * 100 + 13)
    }
    none_before = other < FIRST_YEAR

    def beside(now: KindSums, before: KindSums) -> SideBySide:
        return SideBySide(now, None if none_before else before)

    assert [line.sums.now for line in found.months] == [line.sums for line in months]
    assert found.total.now == yearly.sums
    assert [line.month for line in found.months] == list(range(1, 13))
    sums = [KindSums(), KindSums()]
    for line in found.months:
        this, like = (of_months[of * 100 + line.month] for of in (year, other))
        assert line.sums == beside(this, like)
        sums = [sums[0].plus(this), sums[1].plus(like)]
        assert line.cumulative == beside(*sums)
        assert line.sums.change == changes(this, KindSums() if none_before else like)
        whole = dt.date.fromordinal(first_day(year * 100 + line.month).toordinal() + 28)
        assert line.is_complete == (whole < today and jalali_month(today) != jalali_month(whole))
    assert found.total == found.months[-1].cumulative
    assert [line.year for line in found.years] == list(
        range(max(year - years + 1, FIRST_YEAR), year + 1)
    )
    for row in found.years:
        of_year = [counted(e for e in entries if _year(e.date) == row.year - n) for n in (0, 1)]
        assert row.sums.now == of_year[0]
        assert row.sums.before == (of_year[1] if row.year > FIRST_YEAR else None)
        assert row.is_complete == (row.year < _year(today))
    assert (found.until is None) == (year > _year(today)) == (found.to_date is None)
    if found.until is not None:
        assert found.until == max(
            day for day in _days_of(year) if day <= today or year < _year(today)
        )
        upto = format_jalali(found.until)[4:]
        is_whole = found.until == _days_of(year)[-1]
        to_date = [
            counted(
                e
                for e in entries
                if _year(e.date) == of and (is_whole or format_jalali(e.date)[4:] <= upto)
            )
            for of in (year, other)
        ]
        assert found.to_date == beside(to_date[0], to_date[1])


def _year(day: dt.date) -> int:
    return jalali_month(day) // 100


def _days_of(year: int) -> list[dt.date]:
    first = first_day(year * 100 + 1)
    every = [first + dt.timedelta(days=n) for n in range(366)]
    return [day for day in every if _year(day) == year]


@pytest.mark.parametrize(
    ("day", "year", "like"),
    [
        ("1405-09-02", 1404, "1404-09-02"),
        ("1404-12-29", 1403, "1403-12-30"),
        ("1403-12-30", 1404, "1404-12-29"),
        ("1403-12-29", 1404, "1404-12-29"),
        ("1405-06-31", 1300, "1300-06-31"),
        ("1408-12-30", 1412, "1412-12-30"),
        ("1405-12-29", 1500, "1500-12-29"),
    ],
)
def test_the_like_of_a_day(day: str, year: int, like: str) -> None:
    assert format_jalali(same_day(parse_jalali(day), year)) == like
