"""Growth: months and years side by side."""

import datetime as dt
from itertools import accumulate

import msgspec

from domain.calendar import (
    FIRST_YEAR,
    first_day,
    from_jalali,
    jalali_parts,
    last_day,
    month_number,
)
from projections.readings import Reading
from projections.reports import Changes, added, changes
from projections.sums import KindSums

Months = dict[int, KindSums]


class SideBySide(msgspec.Struct, frozen=True):
    """The sums of a stretch of days, and those of its like; None before the year 1300."""

    now: KindSums
    before: KindSums | None

    @property
    def change(self) -> Changes:
        """How much more it is now."""
        return changes(self.now, self.before or KindSums())


class MonthGrowth(msgspec.Struct, frozen=True):
    """A month of both years; `cumulative` is from the first of the year to the month's end."""

    month: int
    is_complete: bool
    sums: SideBySide
    cumulative: SideBySide


class YearGrowth(msgspec.Struct, frozen=True):
    """A year, against the one before it."""

    year: int
    is_complete: bool
    sums: SideBySide


class Growth(msgspec.Struct, frozen=True):
    """A year beside another one, and years in a row, the oldest first.

    `to_date` is from the first of the year until a day, beside the same days of the other year;
    both are None for a year that has not begun.
    """

    months: list[MonthGrowth]
    total: SideBySide
    until: dt.date | None
    to_date: SideBySide | None
    years: list[YearGrowth]


def growth(reading: Reading, year: int, other: int, years: int, today: dt.date) -> Growth:
    """A year beside another one, and `years` years up to it, as they look on a day."""
    first, last = min(other, year - years), max(other, year)
    months = reading.by_month(month_number(first, 1), month_number(last, 12))
    until = min(today, _last_day(year)) if first_day(month_number(year, 1)) <= today else None
    return Growth(
        months=_lines(months, year, other, today),
        total=_year(months, year, other),
        until=until,
        to_date=None if until is None else _to_date(reading, until, other),
        years=[
            YearGrowth(one, _last_day(one) < today, _year(months, one, one - 1))
            for one in range(max(year - years + 1, FIRST_YEAR), year + 1)
        ],
    )


def same_day(day: dt.date, year: int) -> dt.date:
    """A day's like in another Jalali year; the like of a month's last day is the month's last."""
    _, month, number = jalali_parts(day)
    like = month_number(year, month)
    is_last = day == last_day(month_number(jalali_parts(day)[0], month))
    return last_day(like) if is_last else from_jalali(year, month, number)


def _lines(months: Months, year: int, other: int, today: dt.date) -> list[MonthGrowth]:
    now, before = _months_of(months, year), _months_of(months, other)
    sums = _beside(now, before, other)
    cumulative = _beside(_cumulative(now), _cumulative(before), other)
    return [
        MonthGrowth(
            month=month,
            is_complete=last_day(month_number(year, month)) < today,
            sums=sums[month - 1],
            cumulative=cumulative[month - 1],
        )
        for month in range(1, 13)
    ]


def _beside(now: list[KindSums], before: list[KindSums], other: int) -> list[SideBySide]:
    return [
        SideBySide(one, like if other >= FIRST_YEAR else None)
        for one, like in zip(now, before, strict=True)
    ]


def _cumulative(months: list[KindSums]) -> list[KindSums]:
    return list(accumulate(months, KindSums.plus))


def _year(months: Months, year: int, other: int) -> SideBySide:
    now, before = added(_months_of(months, year)), added(_months_of(months, other))
    return _beside([now], [before], other)[0]


def _to_date(reading: Reading, until: dt.date, other: int) -> SideBySide:
    year = jalali_parts(until)[0]
    now = reading.by_kind(first_day(month_number(year, 1)), until)
    if other < FIRST_YEAR:
        return SideBySide(now, None)
    start = first_day(month_number(other, 1))
    return SideBySide(now, reading.by_kind(start, same_day(until, other)))


def _months_of(months: Months, year: int) -> list[KindSums]:
    return [months.get(month_number(year, month), KindSums()) for month in range(1, 13)]


def _last_day(year: int) -> dt.date:
    return last_day(month_number(year, 12))
