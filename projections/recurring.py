"""What recurs: how much of it is to come in a stretch of days, and how much of others it was."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from domain.ledger import Draft, Recurrence
from domain.money import Kind
from domain.recurring_plans import schedule_of, terms_of, upcoming
from projections.readings import Reading
from projections.reports import KINDS
from projections.sums import ONE_DAY, KindSums, Wanted

_AT_ONCE: Final = 200

Days = tuple[dt.date, dt.date]
"""From the first to the last, both included."""


class Planned(msgspec.Struct, frozen=True):
    """A recurrence, its category's kind, and net Rials of it still to come since a day."""

    recurrence: Recurrence
    kind: Kind
    since: dt.date
    to_come_rials: int

    def happened_in(self, days: Days) -> int:
        """So many net Rials it was in past days, if it went by its plan.

        Days before it began are taken to have been like those to come: what recurs from now on
        was entered by hand until now.
        """
        start, end = days
        if end < self.since and end < self.recurrence.start:
            return self.to_come_rials
        if self.recurrence.done_until is None:
            return 0
        schedule = schedule_of(terms_of(self.recurrence))
        until = min(end, self.recurrence.done_until, schedule.last_day)
        times = schedule.index_after(until) - schedule.index_after(start - ONE_DAY)
        return _signed(self.recurrence, max(times, 0) * self.recurrence.amount_rials)


class Plans(msgspec.Struct, frozen=True):
    """What recurs in a ledger, and how much of it is to come since a day, drafts included."""

    planned: list[Planned]
    to_come: KindSums


def plans_of(reading: Reading, days: Days) -> Plans:
    """What recurs in a ledger, and is to come in these days: planned, or waiting as a draft."""
    recurrences = _recurrences(reading)
    if not recurrences:
        return Plans([], KindSums())
    kinds = reading.kinds()
    planned = [
        Planned(
            one,
            kinds[one.category_id],
            days[0],
            _signed(one, sum(time.amount_rials for time in upcoming(one, *days))),
        )
        for one in recurrences
    ]
    to_come = dict.fromkeys(KINDS, 0)
    for one in planned:
        to_come[one.kind] += one.to_come_rials
    for draft in reading.open_drafts(*days):
        to_come[kinds[draft.category_id]] += _signed(draft, draft.amount_rials)
    return Plans(planned, KindSums(**to_come))


def recurring_parts(
    reading: Reading, planned: Sequence[Planned], stretches: Sequence[Days]
) -> list[KindSums]:
    """How much of what each stretch of past days came to is what recurs.

    It is no more than its category came to, whoever entered it.
    """
    of_category: dict[UUID, list[Planned]] = defaultdict(list)
    for one in planned:
        of_category[one.recurrence.category_id].append(one)
    wanted = [Wanted(category_id, *days) for days in stretches for category_id in of_category]
    came_to = iter(_sums_of(reading, wanted))
    parts = []
    for days in stretches:
        sums = dict.fromkeys(KINDS, 0)
        for of_one in of_category.values():
            happened = sum(one.happened_in(days) for one in of_one)
            sums[of_one[0].kind] += in_both(next(came_to), happened)
        parts.append(KindSums(**sums))
    return parts


def in_both(amount: int, part: int) -> int:
    """The part of an amount, no more than all of it; 0 where one goes in and the other out."""
    return 0 if amount * part <= 0 else min(amount, part, key=abs)


def _signed(entry: Recurrence | Draft, amount_rials: int) -> int:
    return -amount_rials if entry.direction == "withdraw" else amount_rials


def _recurrences(reading: Reading) -> list[Recurrence]:
    found: list[Recurrence] = []
    while page := reading.recurrences(
        after=found[-1].created_version if found else 0, limit=_AT_ONCE
    ):
        found += page
        if len(page) < _AT_ONCE:
            break
    return found


def _sums_of(reading: Reading, wanted: Sequence[Wanted]) -> list[int]:
    sums: list[int] = []
    for place in range(0, len(wanted), _AT_ONCE):
        sums += reading.sums_of(wanted[place : place + _AT_ONCE])
    return sums
