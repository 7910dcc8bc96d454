"""The days on which something recurs: every so many days, weeks, Jalali months or years."""

import datetime as dt
from collections.abc import Iterable
from typing import Final, Literal, get_args

import msgspec

from domain.calendar import LAST_DAY, days_in_month, from_jalali, jalali_parts, month_number

Period = Literal["day", "week", "month", "year"]
Weekday = Literal["saturday", "sunday", "monday", "tuesday", "wednesday", "thursday", "friday"]

WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
_ONE_DAY: Final = dt.timedelta(days=1)
_LAST_MONTH: Final = jalali_parts(LAST_DAY)[0] * 12 + jalali_parts(LAST_DAY)[1] - 1


class Schedule(msgspec.Struct, frozen=True):
    """Days counted from `start`, 0 upwards; none is after `until`, or after the year 1500.

    `weekdays` is a mask, bit 0 for Saturday: which days of a week count, where weeks are. Weeks
    begin on Saturday. Months and years keep to the day of the month that `start` is, or to the
    month's last where it has no such day: they never drift.
    """

    period: Period
    interval: int
    weekdays: int
    start: dt.date
    until: dt.date | None

    def day(self, index: int) -> dt.date | None:
        """The day with an index, unless that is too late."""
        found = self._day(index)
        return None if found is None or found > self.last_day else found

    def index_after(self, day: dt.date) -> int:
        """The index of the first day after a day, whether or not that is too late."""
        if self.period == "day":
            return max(0, (day - self.start).days // self.interval + 1)
        if self.period == "week":
            return self._week_index_after(day)
        if day < self.start:
            return 0
        index = (_month_index(day) - _month_index(self.start)) // self._months
        found = self._day(index)
        return index if found is None or found > day else index + 1

    @property
    def last_day(self) -> dt.date:
        """The last day that is not too late; nothing need happen on it."""
        return LAST_DAY if self.until is None else min(self.until, LAST_DAY)

    @property
    def _months(self) -> int:
        return self.interval * (12 if self.period == "year" else 1)

    def _day(self, index: int) -> dt.date | None:
        if self.period == "day":
            return _from_ordinal(self.start.toordinal() + index * self.interval)
        if self.period == "week":
            offsets = _offsets(self.weekdays)
            weeks, place = divmod(index + self._missed, len(offsets))
            first = _week_of(self.start).toordinal()
            return _from_ordinal(first + weeks * 7 * self.interval + offsets[place])
        month_index = _month_index(self.start) + index * self._months
        if month_index > _LAST_MONTH:
            return None
        year, month = divmod(month_index, 12)
        most = days_in_month(month_number(year, month + 1))
        return from_jalali(year, month + 1, min(jalali_parts(self.start)[2], most))

    def _week_index_after(self, day: dt.date) -> int:
        offsets = _offsets(self.weekdays)
        weeks, rest = divmod((day - _week_of(self.start)).days, 7 * self.interval)
        gone = weeks * len(offsets) + sum(offset <= rest for offset in offsets)
        return max(0, gone - self._missed)

    @property
    def _missed(self) -> int:
        """How many days that count are in the first week before the start."""
        first = _weekday_index(self.start)
        return sum(offset < first for offset in _offsets(self.weekdays))


def weekdays_mask(weekdays: Iterable[Weekday]) -> int:
    """Days of the week as a mask, bit 0 for Saturday."""
    return sum(1 << WEEKDAYS.index(weekday) for weekday in set(weekdays))


def weekdays_in(mask: int) -> tuple[Weekday, ...]:
    """The days of the week in a mask, Saturday first."""
    return tuple(WEEKDAYS[offset] for offset in _offsets(mask))


def weekday_of(day: dt.date) -> Weekday:
    """Which day of the week a day is."""
    return WEEKDAYS[_weekday_index(day)]


def _offsets(mask: int) -> list[int]:
    return [offset for offset in range(7) if mask >> offset & 1]


def _weekday_index(day: dt.date) -> int:
    return (day.weekday() + 2) % 7


def _week_of(day: dt.date) -> dt.date:
    return day - _weekday_index(day) * _ONE_DAY


def _month_index(day: dt.date) -> int:
    year, month, _ = jalali_parts(day)
    return year * 12 + month - 1


def _from_ordinal(ordinal: int) -> dt.date | None:
    return dt.date.fromordinal(ordinal) if ordinal <= LAST_DAY.toordinal() else None
