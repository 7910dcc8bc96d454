"""Plans: when a recurrence comes next, how often it still does, and what that comes to."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.ledger import Recurrence, RecurrenceMode
from domain.money import Direction
from domain.recurring_days import (
    Period,
    Schedule,
    Weekday,
    weekdays_in,
    weekdays_mask,
)

ONE_DAY = dt.timedelta(days=1)


class RecurrenceTerms(msgspec.Struct, frozen=True, gc=False):
    """All that can be revised about a recurrence; `weekdays` are for weeks only."""

    category_id: UUID
    direction: Direction | None
    amount_rials: int
    last_amount_rials: int | None
    description: str
    period: Period
    interval: int
    weekdays: tuple[Weekday, ...]
    start: dt.date
    until: dt.date | None
    count: int | None
    mode: RecurrenceMode


class Occurrence(NamedTuple):
    """One time that an entry recurs, counted from 1. Its amount is in Rials."""

    number: int
    date: dt.date
    amount_rials: int


class Remaining(NamedTuple):
    """What is left of a recurrence that ends: how often, how much in Rials, and until when."""

    times: int
    amount_rials: int
    last_date: dt.date | None


def terms_of(recurrence: Recurrence) -> RecurrenceTerms:
    """All that can be revised about a recurrence, as it stands."""
    return RecurrenceTerms(
        recurrence.category_id,
        recurrence.direction,
        recurrence.amount_rials,
        recurrence.last_amount_rials,
        recurrence.description,
        recurrence.period,
        recurrence.interval,
        weekdays_in(recurrence.weekdays),
        recurrence.start,
        recurrence.until,
        recurrence.count,
        recurrence.mode,
    )


def schedule_of(terms: RecurrenceTerms) -> Schedule:
    """The days of a recurrence; its count is not among what a schedule knows."""
    mask = weekdays_mask(terms.weekdays)
    return Schedule(terms.period, terms.interval, mask, terms.start, terms.until)


def amount_of(terms: RecurrenceTerms | Recurrence, number: int) -> int:
    """What one time is, in Rials: the last of all takes the remainder."""
    if number == terms.count and terms.last_amount_rials is not None:
        return terms.last_amount_rials
    return terms.amount_rials


def next_after(terms: RecurrenceTerms, number: int, day: dt.date | None) -> dt.date | None:
    """The date of the `number`th time, which is the first one after a day; None after the end."""
    if terms.count is not None and number > terms.count:
        return None
    schedule = schedule_of(terms)
    return schedule.day(0 if day is None else schedule.index_after(day))


def times_until(terms: RecurrenceTerms, number: int, date: dt.date, day: dt.date) -> int:
    """How often something recurs from its `number`th time, on `date`, to a day, both included."""
    schedule = schedule_of(terms)
    times = schedule.index_after(min(day, schedule.last_day)) - schedule.index_after(date - ONE_DAY)
    return times if terms.count is None else min(times, terms.count - number + 1)


def remaining(recurrence: Recurrence) -> Remaining | None:
    """What is left of a recurrence, or None of one without an end."""
    terms, number, date = terms_of(recurrence), recurrence.next_number, recurrence.next_date
    if date is None:
        return Remaining(0, 0, None)
    if terms.until is None and terms.count is None:
        return None
    schedule = schedule_of(terms)
    times = times_until(terms, number, date, schedule.last_day)
    amount_rials = terms.amount_rials * (times - 1) + amount_of(terms, number + times - 1)
    last_date = schedule.day(schedule.index_after(date - ONE_DAY) + times - 1)
    return Remaining(times, amount_rials, last_date)


def upcoming(recurrence: Recurrence, start: dt.date, end: dt.date) -> Iterator[Occurrence]:
    """What is still to come of a recurrence in a range of days, both included, oldest first."""
    terms, first = terms_of(recurrence), recurrence.next_date
    if first is None:
        return
    schedule = schedule_of(terms)
    at_next = schedule.index_after(first - ONE_DAY)
    index = at_next if start <= first else schedule.index_after(start - ONE_DAY)
    while (day := schedule.day(index)) is not None and day <= end:
        number = recurrence.next_number + index - at_next
        if terms.count is not None and number > terms.count:
            return
        yield Occurrence(number, day, amount_of(terms, number))
        index += 1
