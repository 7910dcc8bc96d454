"""A month's calendar: what every day of it came to."""

import datetime as dt

import msgspec

from domain.calendar import days_in_month, first_day, last_day, weekday
from domain.money import Kind
from projections.readings import Reading
from projections.reports import added, balance_before
from projections.sums import ONE_DAY, KindSums


class DayLine(msgspec.Struct, frozen=True):
    """One day; `balance` is that at its end. The `weekday` of a Saturday is 0, a Friday's 6."""

    date: dt.date
    weekday: int
    sums: KindSums
    balance: int


class MonthCalendar(msgspec.Struct, frozen=True):
    """Every day of a month, and their sums. `opening_balance` is that before its first day."""

    opening_balance: int
    sums: KindSums
    days: list[DayLine]

    def greatest(self, kind: Kind) -> DayLine | None:
        """The day with the most of a kind, the earliest of equals; None where none has any."""
        most = max(self.days, key=lambda day: day.sums.of(kind))
        return most if most.sums.of(kind) > 0 else None


def month_calendar(reading: Reading, month: int) -> MonthCalendar:
    """The calendar of a month such as 140508."""
    start = first_day(month)
    sums_of_days = reading.by_day(start, last_day(month))
    opening = balance = balance_before(reading, month)
    days = []
    for index in range(days_in_month(month)):
        day = start + index * ONE_DAY
        sums = sums_of_days.get(day, KindSums())
        balance += sums.balance
        days.append(DayLine(day, weekday(day), sums, balance))
    return MonthCalendar(opening, added(sums_of_days.values()), days)
