"""The forecast: where a month will end, from what is recorded and what is usual.

What is usual is what the days that are left came to in the last full months: their median, so that
neither a salary on the first nor a car in one of them is spread over every day.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final, Literal, get_args

import msgspec

from domain.calendar import add_months, days_in_month, first_day, last_day
from projections.readings import Reading
from projections.reports import KINDS, added
from projections.rounding import average
from projections.sums import ONE_DAY, KindSums

MOST_MONTHS: Final = 6

Days = dict[dt.date, KindSums]
Basis = Literal["past_months", "this_month", "actual"]
BASES: Final[tuple[Basis, ...]] = get_args(Basis)


class Forecast(msgspec.Struct, frozen=True):
    """Where a month will end. Its parts add up to what is expected.

    `so_far` is dated up to today, `ahead` later in the month; `usual` is what is not recorded yet.
    `months` are those that tell what is usual, oldest first, and `rests` how it would be if what is
    left came as it did in each of them.
    """

    days: int
    days_elapsed: int
    basis: Basis
    months: list[int]
    opening_balance: int
    so_far: KindSums
    ahead: KindSums
    usual: KindSums
    rests: list[KindSums]

    @property
    def expected(self) -> KindSums:
        """What the month will come to."""
        return added([self.so_far, self.ahead, self.usual])

    @property
    def scenarios(self) -> list[KindSums]:
        """What it would come to after each of the months before, and what is expected."""
        return [*(added([self.so_far, self.ahead, rest]) for rest in self.rests), self.expected]


def forecast(reading: Reading, month: int, today: dt.date) -> Forecast:
    """Where a month such as 140508 will end, as it looks on a day; it has begun by then."""
    start, end = first_day(month), last_day(month)
    before = reading.by_month(0, add_months(month, -1))
    months = _full_months(before, month) if today <= end else []
    days = reading.by_day(first_day(months[0]) if months else start, end)
    so_far, ahead = _sum(days, start, min(today, end)), _sum(days, today + ONE_DAY, end)
    elapsed = min((today - start).days + 1, days_in_month(month))
    left = days_in_month(month) - elapsed
    rests = [_rest(days, one, elapsed, left) for one in months]
    return Forecast(
        days=days_in_month(month),
        days_elapsed=elapsed,
        basis="actual" if end < today else "past_months" if months else "this_month",
        months=months,
        opening_balance=sum(sums.balance for sums in before.values()),
        so_far=so_far,
        ahead=ahead,
        usual=_without(_usual(rests, so_far, elapsed, left), ahead),
        rests=[_without(rest, ahead) for rest in rests],
    )


def _full_months(before: dict[int, KindSums], month: int) -> list[int]:
    """Of the last months those with entries, but the ledger's first: it may have begun late."""
    latest = (add_months(month, -count) for count in range(MOST_MONTHS, 0, -1))
    return [one for one in latest if one in before and one > min(before)]


def _usual(rests: Sequence[KindSums], so_far: KindSums, elapsed: int, left: int) -> KindSums:
    """The median of what was left; else so much of this month's expense as days are left.

    Income and savings come at once: without months to tell from, no more of them is expected.
    """
    if not rests:
        return KindSums(expense=average(so_far.expense * left, elapsed + left))
    return KindSums(**{kind: _median([rest.of(kind) for rest in rests]) for kind in KINDS})


def _rest(days: Days, month: int, elapsed: int, left: int) -> KindSums:
    """What a month came to in the days that are left of another; its last day is that one's."""
    end = last_day(month)
    start = min(first_day(month) + elapsed * ONE_DAY, end)
    return _sum(days, start, end) if left else KindSums()


def _sum(days: Days, start: dt.date, end: dt.date) -> KindSums:
    return added(sums for day, sums in days.items() if start <= day <= end)


def _without(rest: KindSums, part: KindSums) -> KindSums:
    """What is left of a rest where a part of it is recorded already."""
    return KindSums(**{kind: _less(rest.of(kind), part.of(kind)) for kind in KINDS})


def _less(amount: int, part: int) -> int:
    if amount * part <= 0:
        return amount
    return 0 if abs(part) >= abs(amount) else amount - part


def _median(amounts: Sequence[int]) -> int:
    """The middle one, or halfway between the two in the middle, half to even."""
    ordered = sorted(amounts)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return average(low + high, 2)
