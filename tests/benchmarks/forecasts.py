"""How far forecasts are from what months came to: `python -m tests.benchmarks.forecasts`.

On three years of the household of `make demo`, on every day of every month but the first seven:
as it is told, and with every entry up to so many days earlier or later. It needs no database, and
takes some seconds.
"""

import argparse
import datetime as dt
from collections.abc import Callable, Iterator
from random import Random
from statistics import fmean, median
from typing import Final
from uuid import UUID, uuid5

from domain.calendar import (
    LAST_DAY,
    add_months,
    days_in_month,
    first_day,
    jalali_parts,
    last_day,
)
from domain.ledger import Category, LedgerState
from domain.money import Kind, Posting
from projections.forecast import forecast
from projections.past import Past
from projections.reports import KINDS
from projections.sums import ONE_DAY, KindSums
from web.demo.household import CATEGORIES, FIRST_MONTH, month_of_entries

MONTHS: Final = 36
FEWEST_BEFORE: Final = 7
NOON: Final = dt.datetime(2024, 3, 20, 12, tzinfo=dt.UTC)

Method = Callable[[Past, int, dt.date], KindSums]


def of_its_pace(past: Past, month: int, today: dt.date) -> KindSums:
    """The month goes on as it began."""
    so_far, elapsed = past.by_kind(first_day(month), today), jalali_parts(today)[2]
    days = days_in_month(month)
    return KindSums(**{kind: round(so_far.of(kind) / elapsed * days) for kind in KINDS})


def of_blended_paces(past: Past, month: int, today: dt.date) -> KindSums:
    """The pace of the last three months, giving way to that of this one as it goes by."""
    so_far, elapsed = past.by_kind(first_day(month), today), jalali_parts(today)[2]
    start, days = first_day(add_months(month, -3)), days_in_month(month)
    before = past.by_kind(start, first_day(month) - ONE_DAY)
    length, share = (first_day(month) - start).days, elapsed / days

    def total(kind: Kind) -> int:
        pace = (1 - share) * before.of(kind) / length + share * so_far.of(kind) / elapsed
        return round(so_far.of(kind) + pace * (days - elapsed))

    return KindSums(**{kind: total(kind) for kind in KINDS})


class Seen(Past):
    """What was recorded by a day, all of it on its day."""

    until = LAST_DAY

    def by_day(self, start: dt.date, end: dt.date) -> dict[dt.date, KindSums]:
        """See `Reading.by_day`."""
        return super().by_day(start, min(end, self.until))


METHODS: Final[dict[str, Method]] = {
    "this month's pace": of_its_pace,
    "blended with the last three months'": of_blended_paces,
    "the forecast": lambda past, month, today: forecast(past, month, today).expected,
}


def household(days_off: int) -> Seen:
    """Its ledger, with every entry up to so many days off within its month."""
    random, state = Random(days_off), LedgerState()  # a story, not a secret
    for name, kind in CATEGORIES.items():
        one = _id(name)
        state.categories[one] = Category(
            one, name, kind, "#000000", None, True, False, 1, 1, NOON, NOON
        )
    for month in _months():
        for entry in month_of_entries(month):
            date = entry.date + random.randint(-days_off, days_off) * ONE_DAY
            date = min(max(date, first_day(month)), last_day(month))
            kind = CATEGORIES[entry.category]
            state.post(
                Posting(kind, entry.direction, _id(entry.category), date, entry.amount_rials, 1)
            )
    return Seen(state)


def errors(past: Seen, method: Method, kind: Kind) -> Iterator[float]:
    """On every day of every month, how far off it is, as a percentage of what it came to."""
    for month in list(_months())[FEWEST_BEFORE:]:
        came_to = past.by_kind(first_day(month), last_day(month)).of(kind)
        for day in range(days_in_month(month) - 1):
            past.until = first_day(month) + day * ONE_DAY
            told = method(past, month, past.until).of(kind)
            yield abs(told - came_to) * 100 / abs(came_to)


def _months() -> list[int]:
    return [add_months(FIRST_MONTH, number) for number in range(MONTHS)]


def _id(name: str) -> UUID:
    return uuid5(UUID(int=0), name)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the household as it is told")
    arguments = parser.parse_args()
    print("| days off | of | mean and median error: income | expense | savings |")
    print("|---|---|---|---|---|")
    for days_off in (0,) if arguments.quick else (0, 2, 5):
        past = household(days_off)
        for name, method in METHODS.items():
            found = [list(errors(past, method, kind)) for kind in KINDS]
            cells = " | ".join(f"{fmean(one):.0f}%, {median(one):.0f}%" for one in found)
            print(f"| {days_off} | {name} | {cells} |")


if __name__ == "__main__":
    main()
