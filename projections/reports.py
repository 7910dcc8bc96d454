"""Reports: made from totals per category, month and day, of now or of a ledger's past."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from domain.calendar import (
    FIRST_YEAR,
    add_months,
    first_day,
    last_day,
    month_number,
    months_between,
)
from domain.money import Kind
from projections.readings import Reading
from projections.rounding import average, change_percent, percent
from projections.sums import CategorySum, KindSums

KINDS: Final[tuple[Kind, ...]] = ("income", "expense", "savings")


class CategoryLine(msgspec.Struct, frozen=True):
    """One category of a report; `share` is its percentage of its kind's total."""

    category_id: UUID
    name: str
    kind: Kind
    amount: int
    count: int
    share: float | None
    average: int
    largest: int


class MonthLine(msgspec.Struct, frozen=True):
    """One month of a report; `cumulative_balance` is the balance at its end."""

    jalali_month: int
    sums: KindSums
    cumulative_balance: int


class Changes(msgspec.Struct, frozen=True):
    """Percentages against the period before; None where that was 0."""

    income: float | None
    expense: float | None
    savings: float | None
    net: float | None


class PeriodReport(msgspec.Struct, frozen=True):
    """A month or a year: sums, daily averages, categories, and the period before.

    `previous` is None when the period before began before the year 1300.
    """

    sums: KindSums
    days: int
    average_daily_income: int
    average_daily_expense: int
    categories: list[CategoryLine]
    previous: KindSums | None
    change: Changes


def monthly_report(reading: Reading, year: int, month: int) -> PeriodReport:
    """A Jalali month against the one before."""
    this = month_number(year, month)
    before = add_months(this, -1)
    months = reading.by_month(before, this)
    previous = months.get(before, KindSums()) if before >= month_number(FIRST_YEAR, 1) else None
    return _period(reading, this, this, months.get(this, KindSums()), previous)


def yearly_report(reading: Reading, year: int) -> tuple[PeriodReport, list[MonthLine]]:
    """A Jalali year against the one before, and its twelve months."""
    first, last = month_number(year, 1), month_number(year, 12)
    months = reading.by_month(add_months(first, -12), last)
    lines = _lines(months, first, 12, opening=0)
    before = [months.get(add_months(first, -12 + index), KindSums()) for index in range(12)]
    previous = added(before) if year > FIRST_YEAR else None
    this = added(line.sums for line in lines)
    return _period(reading, first, last, this, previous), lines


def trend(reading: Reading, until: int, count: int) -> list[MonthLine]:
    """`count` months up to the month `until`, oldest first, those without entries too."""
    first = max(add_months(until, 1 - count), month_number(FIRST_YEAR, 1))
    opening = balance_before(reading, first)
    months = reading.by_month(first, until)
    length = months_between(first, until) + 1
    return _lines(months, first, length, opening)


def balance_before(reading: Reading, month: int) -> int:
    """The balance at the end of the month before `month`, in Rials."""
    before = reading.by_month(0, add_months(month, -1))
    return sum(sums.balance for sums in before.values())


def category_report(
    reading: Reading, start: dt.date, end: dt.date, kind: Kind | None = None
) -> list[CategoryLine]:
    """Each category with entries from `start` to `end`, both included, largest sum first."""
    sums = reading.by_category(start, end)
    wanted = [found for found in sums if kind in (None, found.kind)]
    totals: dict[Kind, int] = defaultdict(int)
    for found in wanted:
        totals[found.kind] += found.amount_rials
    lines = [_line(found, totals[found.kind]) for found in wanted]
    return sorted(lines, key=lambda line: (KINDS.index(line.kind), -line.amount, line.name))


def _period(
    reading: Reading,
    first: int,
    last: int,
    sums: KindSums,
    previous: KindSums | None,
) -> PeriodReport:
    start, end = first_day(first), last_day(last)
    days = (end - start).days + 1
    return PeriodReport(
        sums=sums,
        days=days,
        average_daily_income=average(sums.income, days),
        average_daily_expense=average(sums.expense, days),
        categories=category_report(reading, start, end),
        previous=previous,
        change=changes(sums, previous or KindSums()),
    )


def changes(now: KindSums, before: KindSums) -> Changes:
    """How much more than before, of each."""
    return Changes(
        change_percent(now.income, before.income),
        change_percent(now.expense, before.expense),
        change_percent(now.savings, before.savings),
        change_percent(now.net, before.net),
    )


def _lines(months: dict[int, KindSums], first: int, count: int, opening: int) -> list[MonthLine]:
    lines = []
    for index in range(count):
        month = add_months(first, index)
        sums = months.get(month, KindSums())
        opening += sums.balance
        lines.append(MonthLine(month, sums, opening))
    return lines


def added(parts: Iterable[KindSums]) -> KindSums:
    """All of them together."""
    total = KindSums()
    for part in parts:
        total = total.plus(part)
    return total


def _line(found: CategorySum, total: int) -> CategoryLine:
    return CategoryLine(
        category_id=found.category_id,
        name=found.name,
        kind=found.kind,
        amount=found.amount_rials,
        count=found.count,
        share=percent(found.amount_rials, total),
        average=average(found.amount_rials, found.count),
        largest=found.largest_rials,
    )
