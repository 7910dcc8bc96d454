"""The Jalali calendar, day by day from 1300 to 1500, and the day it is in Tehran."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import (
    FIRST_DAY,
    FIRST_YEAR,
    LAST_DAY,
    LAST_YEAR,
    MONTH_NAMES,
    add_months,
    days_in_month,
    first_day,
    format_jalali,
    from_jalali,
    jalali_month,
    jalali_parts,
    last_day,
    month_number,
    parse_jalali,
    today_in_tehran,
)

DAYS = st.dates(FIRST_DAY, LAST_DAY)
MONTHS = st.builds(month_number, st.integers(FIRST_YEAR, LAST_YEAR), st.integers(1, 12))
# Years whose Esfand has 30 days, as the 33-year cycle has them, which agrees with the
# astronomical calendar from 1178 to 1633 (Heydari-Malayeri, "A concise review of the Iranian
# calendar", 2004).
LEAP_YEARS = {
    year for year in range(FIRST_YEAR, LAST_YEAR + 1) if year % 33 in {1, 5, 9, 13, 17, 22, 26, 30}
}


@pytest.mark.parametrize(
    ("jalali", "gregorian"),
    [
        ("1300-01-01", "1921-03-21"),
        ("1348-10-11", "1970-01-01"),
        ("1357-11-22", "1979-02-11"),
        ("1399-12-30", "2021-03-20"),
        ("1400-01-01", "2021-03-21"),
        ("1403-12-30", "2025-03-20"),
        ("1404-01-01", "2025-03-21"),
        ("1404-12-29", "2026-03-20"),
        ("1405-01-01", "2026-03-21"),
        ("1405-06-31", "2026-09-22"),
        ("1405-07-01", "2026-09-23"),
        ("1405-09-02", "2026-11-23"),
        ("1408-12-30", "2030-03-20"),
        ("1412-12-30", "2034-03-20"),
        ("1500-12-29", "2122-03-20"),
    ],
)
def test_days_that_are_known(jalali: str, gregorian: str) -> None:
    day = dt.date.fromisoformat(gregorian)
    assert parse_jalali(jalali) == day
    assert format_jalali(day) == jalali


def test_every_day_follows_the_day_before() -> None:
    """All 73,413 days: round trips, months of 31x6, 30x5 and Esfand, and no day left out."""
    day = FIRST_DAY
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        for month in range(1, 13):
            esfand = 30 if year in LEAP_YEARS else 29
            days = 31 if month <= 6 else 30 if month <= 11 else esfand
            assert days_in_month(month_number(year, month)) == days
            for number in range(1, days + 1):
                assert jalali_parts(day) == (year, month, number)
                assert from_jalali(year, month, number) == day
                day += dt.timedelta(days=1)
    assert day == LAST_DAY + dt.timedelta(days=1)


@given(DAYS)
def test_a_day_survives_being_written_and_read(day: dt.date) -> None:
    assert parse_jalali(format_jalali(day)) == day


@given(DAYS)
def test_a_day_is_in_its_month(day: dt.date) -> None:
    month = jalali_month(day)
    assert first_day(month) <= day <= last_day(month)
    assert jalali_month(first_day(month)) == jalali_month(last_day(month)) == month


@given(MONTHS, st.integers(-2400, 2400))
def test_months_are_added_and_taken_away(month: int, count: int) -> None:
    assert add_months(add_months(month, count), -count) == month
    assert 1 <= add_months(month, count) % 100 <= 12


@given(MONTHS)
def test_months_follow_each_other_without_a_gap(month: int) -> None:
    following = first_day(add_months(month, 1))
    assert last_day(month) + dt.timedelta(days=1) == following


@pytest.mark.parametrize(
    "text",
    ["1405-09-02", "1405/09/02", "1405/9/2", "1405-9-02", "۱۴۰۵-۰۹-۰۲", "۱۴۰۵/۹/۲", "١٤٠٥/٠٩/٠٢"],
)
def test_a_date_is_read_however_it_is_typed(text: str) -> None:
    assert parse_jalali(text) == dt.date(2026, 11, 23)


@pytest.mark.parametrize(
    "text",
    [
        "1404-12-30",
        "1405-12-30",
        "1405-07-31",
        "1405-01-32",
        "1405-13-01",
        "1405-00-01",
        "1405-01-00",
        "1299-12-29",
        "1501-01-01",
        "2026-11-23",
        "0000-00-00",
        "05-09-02",
        "14050902",
        "1405-09",
        "1405-09-02 ",
        " 1405-09-02",
        "1405-09-02\n",
        "1405-09-002",
        "1405--9-2",
        "1405-09-02T00:00:00Z",
        "۱۴۰۵-۰۹-०२",
        "امروز",
        "",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_jalali(text)


@given(st.text(max_size=12))
def test_nothing_but_a_value_error_comes_of_any_text(text: str) -> None:
    try:
        assert FIRST_DAY <= parse_jalali(text) <= LAST_DAY
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-11-23T20:29:59+00:00", "2026-11-23"),
        ("2026-11-23T20:30:00+00:00", "2026-11-24"),
        ("2026-07-01T20:29:59+00:00", "2026-07-01"),
        ("2026-07-01T20:30:00+00:00", "2026-07-02"),
        ("2026-11-23T21:00:00-05:00", "2026-11-24"),
        # Summer time, last kept in 1401, was +04:30.
        ("2022-07-01T19:29:59+00:00", "2022-07-01"),
        ("2022-07-01T19:30:00+00:00", "2022-07-02"),
        ("2022-09-22T20:00:00+00:00", "2022-09-22"),
    ],
)
def test_a_day_begins_at_midnight_in_tehran(instant: str, day: str) -> None:
    assert today_in_tehran(dt.datetime.fromisoformat(instant)) == dt.date.fromisoformat(day)


def test_every_month_has_a_name_in_both_languages() -> None:
    assert [len(set(names)) for names in MONTH_NAMES.values()] == [12, 12]
    assert (MONTH_NAMES["fa"][0], MONTH_NAMES["fa"][11]) == ("فروردین", "اسفند")
