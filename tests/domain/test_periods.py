"""Periods: days that repeat by Jalali months and years, and what rolls over."""

import datetime as dt
from itertools import islice
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import (
    days_in_month,
    format_jalali,
    jalali_month,
    jalali_parts,
    months_after,
    parse_jalali,
)
from domain.money import MAX_TOTAL_RIALS
from domain.periods import (
    MONTHS,
    ONE_DAY,
    Repeat,
    Rollover,
    carried_over,
    ended_between,
    is_for,
    last_day_of,
    number_on,
    period,
    period_at,
    touching,
)

FIRST: Final = parse_jalali("1380-01-01")
LAST: Final = parse_jalali("1420-12-29")
days = st.dates(FIRST, LAST)
repeats = st.sampled_from(["month", "year"])


class Days(msgspec.Struct, frozen=True):
    """Days that repeat."""

    start: dt.date
    end: dt.date
    repeat: Repeat
    until: dt.date | None = None


def repeating(start: dt.date, repeat: Repeat, until: dt.date | None = None) -> Days:
    """Days of exactly one month or year."""
    return Days(start, months_after(start, MONTHS[repeat]) - ONE_DAY, repeat, until)


def starts(start: str, repeat: Repeat, count: int) -> list[str]:
    """On which days the first periods begin."""
    of = repeating(parse_jalali(start), repeat)
    return [format_jalali(period(of, number).start) for number in range(1, count + 1)]


def test_a_31st_is_clamped_and_comes_back() -> None:
    assert starts("1403-05-31", "month", 10) == [
        *("1403-05-31", "1403-06-31", "1403-07-30", "1403-08-30", "1403-09-30", "1403-10-30"),
        *("1403-11-30", "1403-12-30", "1404-01-31", "1404-02-31"),
    ]


def test_a_30th_is_clamped_in_esfand_of_a_common_year_only() -> None:
    assert starts("1404-11-30", "month", 3) == ["1404-11-30", "1404-12-29", "1405-01-30"]
    assert starts("1403-11-30", "month", 3) == ["1403-11-30", "1403-12-30", "1404-01-30"]


def test_a_leap_day_comes_back_with_the_next_leap_year() -> None:
    assert starts("1403-12-30", "year", 6) == [
        *("1403-12-30", "1404-12-29", "1405-12-29", "1406-12-29", "1407-12-29", "1408-12-30"),
    ]


@given(days, repeats, st.integers(1, 60))
def test_periods_follow_each_other_without_a_gap(
    start: dt.date, repeat: Repeat, number: int
) -> None:
    of = repeating(start, repeat)
    this, following = period(of, number), period(of, number + 1)
    assert this.start <= this.end
    assert following.start == this.end + ONE_DAY
    assert period(of, 1).start == of.start
    assert period(of, 1).end == of.end
    day, wanted = jalali_parts(this.start)[2], jalali_parts(start)[2]
    assert day == min(wanted, days_in_month(jalali_month(this.start)))


@given(days, repeats, days)
def test_the_period_at_a_day_holds_it(start: dt.date, repeat: Repeat, day: dt.date) -> None:
    of = repeating(start, repeat)
    found = period_at(of, day)
    assert found == period(of, found.number)
    if day < start:
        assert found.number == 1
        assert not is_for(of, day)
    else:
        assert found.start <= day <= found.end
        assert is_for(of, day)
    assert last_day_of(of) is None


@given(days, repeats, st.integers(0, 3000), days)
def test_none_begins_after_until(start: dt.date, repeat: Repeat, until: int, day: dt.date) -> None:
    last_begin = start + dt.timedelta(days=until)
    of = repeating(start, repeat, last_begin)
    last = last_day_of(of)
    assert last is not None
    found = period_at(of, day)
    assert found.start <= last_begin
    assert found.end <= last
    assert is_for(of, day) == (found.start <= day <= found.end)
    assert period_at(of, last + ONE_DAY) == period(of, number_on(of, last))
    assert period(of, number_on(of, last) + 1).start > last_begin


@given(days, repeats, days, st.integers(0, 900), st.none() | st.integers(0, 900))
def test_those_of_some_days_are_those_that_end_or_are_there(
    start: dt.date, repeat: Repeat, first: dt.date, length: int, until: int | None
) -> None:
    of = repeating(start, repeat, None if until is None else start + dt.timedelta(days=until))
    end = first + dt.timedelta(days=length)
    last = period_at(of, end).number
    every = [period(of, number) for number in range(1, last + 1)]
    expected = [one for one in every if first <= one.end <= end]
    assert list(ended_between(of, first, end)) == expected
    theirs = [one for one in every if one.start <= end and first <= one.end]
    assert list(touching(of, first, end)) == theirs


@pytest.mark.parametrize("day", ["1405-08-30", "1405-09-01", "1405-09-15", "1406-01-01"])
def test_days_that_do_not_repeat_are_one_period(day: str) -> None:
    of = Days(parse_jalali("1405-09-01"), parse_jalali("1405-09-15"), "none")
    at = parse_jalali(day)
    found = period_at(of, at)
    assert (found.number, found.start, found.end) == (1, of.start, of.end)
    assert is_for(of, at) == (of.start <= at <= of.end)
    assert list(ended_between(of, at, at)) == ([found] if at == of.end else [])
    assert list(touching(of, at, at)) == ([found] if is_for(of, at) else [])


@pytest.mark.parametrize(
    ("rollover", "expected"),
    [
        ("none", [0, 0, 0, 0, 0, 0]),
        ("surplus", [0, 60, 160, 0, 80, 80]),
        ("deficit", [0, 0, 0, -200, -120, -120]),
        ("both", [0, 60, 160, -40, 40, 40]),
    ],
)
def test_what_is_left_or_missing_comes_over(rollover: Rollover, expected: list[int]) -> None:
    used = {1: 40, 3: 300, 4: 20, 5: 100}
    assert list(islice(carried_over(100, rollover, used), 6)) == expected


def test_no_more_is_carried_than_a_client_can_count() -> None:
    over = list(islice(carried_over(10**15, "surplus", {}), 2400))
    assert over[:3] == [0, 10**15, 2 * 10**15]
    assert over[-1] + 10**15 == MAX_TOTAL_RIALS
    spent = list(islice(carried_over(10**15, "both", {2399: MAX_TOTAL_RIALS}), 2400))
    assert spent[-1] == 0
