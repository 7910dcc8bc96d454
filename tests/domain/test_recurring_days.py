"""The days on which something recurs, held against a calendar that is walked day by day."""

import datetime as dt
from collections.abc import Iterator
from itertools import islice

import jdatetime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import FIRST_DAY, LAST_DAY, format_jalali, parse_jalali
from domain.recurring_days import (
    WEEKDAYS,
    Period,
    Schedule,
    Weekday,
    weekday_of,
    weekdays_in,
    weekdays_mask,
)

ONE_DAY = dt.timedelta(days=1)
starts = st.dates(FIRST_DAY, parse_jalali("1499-12-29")) | st.sampled_from(
    [parse_jalali(day) for day in ("1403-12-30", "1405-01-31", "1405-06-31", "1405-11-30")]
)
units: st.SearchStrategy[Period] = st.sampled_from(["day", "week", "month", "year"])


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    period = draw(units)
    start = draw(starts)
    mask = draw(st.integers(1, 127)) if period == "week" else 0
    until = draw(st.none() | st.integers(-5, 900))
    return Schedule(
        period,
        draw(st.integers(1, 5) | st.integers(1, 366)),
        mask,
        start,
        None if until is None else start + until * ONE_DAY,
    )


def walked(schedule: Schedule) -> Iterator[dt.date]:
    """Every day of a schedule, found by looking at day after day."""
    day = schedule.start
    last = LAST_DAY if schedule.until is None else min(LAST_DAY, schedule.until)
    while day <= last:
        if _counts(schedule, day):
            yield day
        day += ONE_DAY


def _counts(schedule: Schedule, day: dt.date) -> bool:
    first, now = (jdatetime.date.fromgregorian(date=one) for one in (schedule.start, day))
    months = (now.year - first.year) * 12 + now.month - first.month
    match schedule.period:
        case "day":
            return (day - schedule.start).days % schedule.interval == 0
        case "week":
            # jdatetime counts the days of a week from Saturday, 0.
            weeks = (day - schedule.start).days + first.weekday() - now.weekday()
            is_in_week = weeks // 7 % schedule.interval == 0
            return is_in_week and bool(schedule.weekdays >> now.weekday() & 1)
        case "month":
            return months % schedule.interval == 0 and _is_its_day(now, first.day)
        case "year":
            return months % (12 * schedule.interval) == 0 and _is_its_day(now, first.day)


def _is_its_day(now: jdatetime.date, wanted: int) -> bool:
    tomorrow = now + ONE_DAY
    return bool(now.day == wanted or (now.day < wanted and tomorrow.month != now.month))


@given(schedules())
def test_the_days_are_those_that_one_finds_by_walking(schedule: Schedule) -> None:
    # Some years of it: whoever recurs yearly is looked for in 2,000 days only.
    short = min(schedule.last_day, schedule.start + 2000 * ONE_DAY)
    here = Schedule(schedule.period, schedule.interval, schedule.weekdays, schedule.start, short)
    found = list(islice(walked(here), 60))
    assert [here.day(index) for index in range(len(found))] == found
    if len(found) < 60:
        assert here.day(len(found)) is None


@given(schedules(), st.integers(0, 200), st.dates(FIRST_DAY, LAST_DAY))
def test_the_first_day_after_a_day(schedule: Schedule, index: int, day: dt.date) -> None:
    found = schedule.day(index)
    if found is not None:
        assert schedule.index_after(found) == index + 1
        assert schedule.index_after(found - ONE_DAY) == index
    after = schedule.index_after(day)
    later, before = schedule.day(after), schedule.day(after - 1) if after else None
    assert later is None or later > day
    assert before is None or before <= day
    assert schedule.index_after(schedule.start - ONE_DAY) == 0


@pytest.mark.parametrize(
    ("period", "interval", "start", "expected"),
    [
        ("day", 10, "1405-12-20", ["1405-12-20", "1406-01-01", "1406-01-11"]),
        ("month", 1, "1405-05-31", ["1405-05-31", "1405-06-31", "1405-07-30", "1405-08-30"]),
        ("month", 1, "1405-11-30", ["1405-11-30", "1405-12-29", "1406-01-30"]),
        ("month", 1, "1403-11-30", ["1403-11-30", "1403-12-30", "1404-01-30"]),
        ("month", 6, "1405-06-31", ["1405-06-31", "1405-12-29", "1406-06-31"]),
        ("year", 1, "1403-12-30", ["1403-12-30", "1404-12-29", "1405-12-29"]),
        ("year", 4, "1403-12-30", ["1403-12-30", "1407-12-29", "1411-12-29"]),
        ("year", 5, "1403-12-30", ["1403-12-30", "1408-12-30", "1413-12-29"]),
    ],
)
def test_a_day_that_a_month_has_not_is_its_last_and_nothing_drifts(
    period: Period, interval: int, start: str, expected: list[str]
) -> None:
    schedule = Schedule(period, interval, 0, parse_jalali(start), None)
    found = [schedule.day(index) for index in range(len(expected))]
    assert [format_jalali(day) for day in found if day] == expected


def test_a_week_begins_on_saturday() -> None:
    # 1405-09-02 is a Monday.
    mask = weekdays_mask(["friday", "saturday"])
    schedule = Schedule("week", 2, mask, parse_jalali("1405-09-02"), None)
    found = [schedule.day(index) for index in range(5)]
    assert [format_jalali(day) for day in found if day] == [
        *("1405-09-06", "1405-09-14", "1405-09-20", "1405-09-28", "1405-10-04"),
    ]


@given(st.sets(st.sampled_from(WEEKDAYS)))
def test_a_mask_keeps_days_of_the_week_in_their_order(weekdays: set[Weekday]) -> None:
    assert weekdays_in(weekdays_mask(weekdays)) == tuple(
        weekday for weekday in WEEKDAYS if weekday in weekdays
    )


@given(st.dates(FIRST_DAY, LAST_DAY))
def test_the_day_of_the_week(day: dt.date) -> None:
    assert weekday_of(day) == day.strftime("%A").lower()
