"""Periods: the days that a budget is for, and those that follow when it repeats."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final, Literal, Protocol

import msgspec

from domain.calendar import jalali_month, months_after, months_between
from domain.money import MAX_TOTAL_RIALS

Repeat = Literal["none", "month", "year"]
Rollover = Literal["none", "surplus", "deficit", "both"]

ONE_DAY: Final = dt.timedelta(days=1)
MONTHS: Final[Mapping[Repeat, int]] = {"month": 1, "year": 12}
"""How many Jalali months a period has that repeats."""


class Repeating(Protocol):
    """Days from `start` to `end`, and how they repeat; none begin after `until`."""

    @property
    def start(self) -> dt.date:
        """The first day of the first period."""

    @property
    def end(self) -> dt.date:
        """The last day of the first period."""

    @property
    def repeat(self) -> Repeat:
        """How often."""

    @property
    def until(self) -> dt.date | None:
        """The last day on which a period may begin; None for ever."""


class Period(msgspec.Struct, frozen=True):
    """Days from `start` to `end`, both included; the first period has the number 1."""

    number: int
    start: dt.date
    end: dt.date


def period(of: Repeating, number: int) -> Period:
    """One of the periods.

    Each begins on the first one's day of the month, or on the last of a month that is shorter. It
    is counted from the first period, never from the one before, so that it does not drift: after
    31 Shahrivar comes 30 Mehr, and after 29 Esfand 31 Farvardin.
    """
    months = MONTHS.get(of.repeat)
    if months is None:
        return Period(1, of.start, of.end)
    start = months_after(of.start, (number - 1) * months)
    return Period(number, start, months_after(of.start, number * months) - ONE_DAY)


def period_at(of: Repeating, day: dt.date) -> Period:
    """The period that holds a day; the first before it, the last after it."""
    last = None if of.until is None else number_on(of, of.until)
    number = number_on(of, day)
    return period(of, number if last is None else min(number, last))


def last_day_of(of: Repeating) -> dt.date | None:
    """The last day of the last period; None where they never end."""
    if of.repeat == "none":
        return of.end
    return None if of.until is None else period(of, number_on(of, of.until)).end


def is_for(of: Repeating, day: dt.date) -> bool:
    """Whether a period holds this day."""
    last = last_day_of(of)
    return of.start <= day and (last is None or day <= last)


def ended_between(of: Repeating, start: dt.date, end: dt.date) -> Iterator[Period]:
    """The periods whose last day is one of these, oldest first."""
    found = period_at(of, start)
    while start <= found.end <= end:
        yield found
        following = period_at(of, found.end + ONE_DAY)
        if following.number == found.number:
            return
        found = following


def touching(of: Repeating, start: dt.date, end: dt.date) -> Iterator[Period]:
    """The periods with a day among these, oldest first."""
    for number in range(period_at(of, start).number, period_at(of, end).number + 1):
        found = period(of, number)
        if found.start <= end and start <= found.end:
            yield found


def number_on(of: Repeating, day: dt.date) -> int:
    """The number of the period that would hold a day, if they never ended; at least 1."""
    months = MONTHS.get(of.repeat)
    if months is None:
        return 1
    since = months_between(jalali_month(of.start), jalali_month(day)) // months
    is_begun = day >= months_after(of.start, since * months)
    return max(since + is_begun, 1)


def carried_over(
    most_rials: int, rollover: Rollover, used_rials: Mapping[int, int]
) -> Iterator[int]:
    """What comes over into the first period, the second and so on from all before it, in Rials.

    `used_rials` is by period. What is left over is more than zero; below zero is what was spent
    too much. No more is carried than makes 2^53 - 1 with the maximum.
    """
    carried, number = 0, 1
    while True:
        yield carried
        left = most_rials + carried - used_rials.get(number, 0)
        is_carried = rollover in ("both", "surplus" if left > 0 else "deficit")
        carried = min(left, MAX_TOTAL_RIALS - most_rials) if is_carried else 0
        number += 1
