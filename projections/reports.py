"""Reports: read from totals per category, month and day, so history does not slow them."""

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
)
from domain.money import Kind
from domain.store.database import Connection, as_record
from projections.rounding import average, change_percent, percent
from projections.sums import CategorySum, KindSums, sums_by_category

KINDS: Final[tuple[Kind, ...]] = ("income", "expense", "savings")

_MONTHS: Final = """
    SELECT jalali_month, kind, CAST(sum(amount_rials) AS BIGINT) AS amount_rials,
        CAST(sum(count) AS BIGINT) AS count
    FROM month_totals
    WHERE ledger_id = :ledger_id AND jalali_month BETWEEN :first AND :last
    GROUP BY jalali_month, kind
"""


class _MonthKind(msgspec.Struct, frozen=True):
    jalali_month: int
    kind: Kind
    amount_rials: int
    count: int


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


def monthly_report(connection: Connection, rows_id: UUID, year: int, month: int) -> PeriodReport:
    """A Jalali month against the one before."""
    this = month_number(year, month)
    before = add_months(this, -1)
    months = sums_by_month(connection, rows_id, before, this)
    previous = months.get(before, KindSums()) if before >= month_number(FIRST_YEAR, 1) else None
    return _period(connection, rows_id, this, this, months.get(this, KindSums()), previous)


def yearly_report(
    connection: Connection, rows_id: UUID, year: int
) -> tuple[PeriodReport, list[MonthLine]]:
    """A Jalali year against the one before, and its twelve months."""
    first, last = month_number(year, 1), month_number(year, 12)
    months = sums_by_month(connection, rows_id, add_months(first, -12), last)
    lines = _lines(months, first, 12, opening=0)
    before = [months.get(add_months(first, -12 + index), KindSums()) for index in range(12)]
    previous = _added(before) if year > FIRST_YEAR else None
    this = _added(line.sums for line in lines)
    return _period(connection, rows_id, first, last, this, previous), lines


def trend(connection: Connection, rows_id: UUID, until: int, count: int) -> list[MonthLine]:
    """`count` months up to the month `until`, oldest first, those without entries too."""
    first = max(add_months(until, 1 - count), month_number(FIRST_YEAR, 1))
    before = sums_by_month(connection, rows_id, 0, add_months(first, -1))
    opening = sum(sums.balance for sums in before.values())
    months = sums_by_month(connection, rows_id, first, until)
    length = (until // 100 - first // 100) * 12 + until % 100 - first % 100 + 1
    return _lines(months, first, length, opening)


def category_report(
    connection: Connection, rows_id: UUID, start: dt.date, end: dt.date, kind: Kind | None = None
) -> list[CategoryLine]:
    """Each category with entries from `start` to `end`, both included, largest sum first."""
    sums = sums_by_category(connection, rows_id, start, end)
    wanted = [found for found in sums if kind in (None, found.kind)]
    totals: dict[Kind, int] = defaultdict(int)
    for found in wanted:
        totals[found.kind] += found.amount_rials
    lines = [_line(found, totals[found.kind]) for found in wanted]
    return sorted(lines, key=lambda line: (KINDS.index(line.kind), -line.amount, line.name))


def sums_by_month(
    connection: Connection, rows_id: UUID, first: int, last: int
) -> dict[int, KindSums]:
    """What each kind adds up to, in every month from `first` to `last` that has entries."""
    rows = connection.all(_MONTHS, ledger_id=rows_id, first=first, last=last)
    months: dict[int, KindSums] = {}
    for row in rows:
        found = as_record(row, _MonthKind)
        sums = months.get(found.jalali_month, KindSums())
        months[found.jalali_month] = msgspec.structs.replace(
            sums, **{found.kind: found.amount_rials}, count=sums.count + found.count
        )
    return months


def _period(
    connection: Connection,
    rows_id: UUID,
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
        categories=category_report(connection, rows_id, start, end),
        previous=previous,
        change=_changes(sums, previous or KindSums()),
    )


def _changes(now: KindSums, before: KindSums) -> Changes:
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


def _added(parts: Iterable[KindSums]) -> KindSums:
    total = KindSums()
    for part in parts:
        total = KindSums(
            total.income + part.income,
            total.expense + part.expense,
            total.savings + part.savings,
            total.count + part.count,
        )
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
