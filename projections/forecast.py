"""The forecast: where a month will end, from what is recorded and what is usual.

What is usual is what the days that are left came to in the last full months: their median, so that
neither a salary on the first nor a car in one of them is spread over every day. What recurs is no
part of that: it is known.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final, Literal, get_args

import msgspec

from domain.calendar import add_months, days_in_month, first_day, last_day
from projections.readings import Reading
from projections.recurring import Days, Planned, Plans, in_both, plans_of, recurring_parts
from projections.reports import KINDS, added
from projections.rounding import average
from projections.sums import ONE_DAY, KindSums

MOST_MONTHS: Final = 6

Basis = Literal["past_months", "this_month", "actual"]
BASES: Final[tuple[Basis, ...]] = get_args(Basis)


class Forecast(msgspec.Struct, frozen=True):
    """Where a month will end. Its parts add up to what is expected.

    `so_far` is dated up to today, `ahead` later in the month; `recurring` is what is still to come
    of what recurs, and `usual` of the rest. `months` are those that tell what is usual, oldest
    first, and `rests` how it would be if what is left came as it did in each of them.
    """

    days: int
    days_elapsed: int
    basis: Basis
    months: list[int]
    opening_balance: int
    so_far: KindSums
    ahead: KindSums
    recurring: KindSums
    usual: KindSums
    rests: list[KindSums]

    @property
    def expected(self) -> KindSums:
        """What the month will come to."""
        return self._with(self.usual)

    @property
    def scenarios(self) -> list[KindSums]:
        """What it would come to after each of the months before, and what is expected."""
        return [*map(self._with, self.rests), self.expected]

    def _with(self, rest: KindSums) -> KindSums:
        return added([self.so_far, self.ahead, self.recurring, rest])


class _Month(msgspec.Struct, frozen=True):
    """The month, as far as it has gone by, and those that tell what is usual."""

    month: int
    elapsed: int
    left: int
    before: list[int]

    @property
    def stretches(self) -> list[Days]:
        """The days of each month before that are like those left; its last is like the last."""
        stretches = []
        for month in self.before:
            end = last_day(month)
            stretches.append((min(first_day(month) + self.elapsed * ONE_DAY, end), end))
        return stretches


def forecast(reading: Reading, month: int, today: dt.date) -> Forecast:
    """Where a month such as 140508 will end, as it looks on a day; it has begun by then."""
    start, end = first_day(month), last_day(month)
    before = reading.by_month(0, add_months(month, -1))
    is_over = end < today
    months = [] if is_over else _full_months(before, month)
    days = reading.by_day(first_day(months[0]) if months else start, end)
    so_far, ahead = _sum(days, (start, min(today, end))), _sum(days, (today + ONE_DAY, end))
    elapsed = min((today - start).days + 1, days_in_month(month))
    gone = _Month(month, elapsed, days_in_month(month) - elapsed, months)
    plans = Plans([], KindSums()) if is_over else plans_of(reading, (start, end))
    rests = _rests(reading, gone, plans.planned, days)
    usual = _median(rests) if rests else _like_so_far(reading, gone, plans.planned, so_far)
    return Forecast(
        days=elapsed + gone.left,
        days_elapsed=elapsed,
        basis="actual" if is_over else "past_months" if months else "this_month",
        months=months,
        opening_balance=sum(sums.balance for sums in before.values()),
        so_far=so_far,
        ahead=ahead,
        recurring=plans.to_come,
        usual=_without(usual, ahead),
        rests=[_without(rest, ahead) for rest in rests],
    )


def _full_months(before: dict[int, KindSums], month: int) -> list[int]:
    """Of the last months those with entries, but the ledger's first: it may have begun late."""
    latest = (add_months(month, -count) for count in range(MOST_MONTHS, 0, -1))
    return [one for one in latest if one in before and one > min(before)]


def _rests(
    reading: Reading, gone: _Month, planned: Sequence[Planned], days: dict[dt.date, KindSums]
) -> list[KindSums]:
    """What was left of each month before, without what recurs."""
    if not gone.left:
        return [KindSums() for _ in gone.before]
    parts = recurring_parts(reading, planned, gone.stretches)
    return [
        _minus(_sum(days, stretch), part)
        for stretch, part in zip(gone.stretches, parts, strict=True)
    ]


def _like_so_far(
    reading: Reading, gone: _Month, planned: Sequence[Planned], so_far: KindSums
) -> KindSums:
    """So large a part of this month's expense as days are left, without what recurs.

    Income and savings come at once: without months to tell from, no more of them is expected.
    """
    start = first_day(gone.month)
    [part] = recurring_parts(reading, planned, [(start, start + (gone.elapsed - 1) * ONE_DAY)])
    expense = _minus(so_far, part).expense
    return KindSums(expense=average(expense * gone.left, gone.elapsed + gone.left))


def _median(rests: Sequence[KindSums]) -> KindSums:
    """The middle one of each kind, or halfway between the two in the middle, half to even."""
    medians = {}
    for kind in KINDS:
        ordered = sorted(rest.of(kind) for rest in rests)
        low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
        medians[kind] = average(low + high, 2)
    return KindSums(**medians)


def _sum(days: dict[dt.date, KindSums], within: Days) -> KindSums:
    return added(sums for day, sums in days.items() if within[0] <= day <= within[1])


def _minus(sums: KindSums, part: KindSums) -> KindSums:
    return KindSums(**{kind: sums.of(kind) - part.of(kind) for kind in KINDS})


def _without(sums: KindSums, part: KindSums) -> KindSums:
    """What is left of sums where a part of them is known already."""
    left = {kind: sums.of(kind) - in_both(sums.of(kind), part.of(kind)) for kind in KINDS}
    return KindSums(**left)
