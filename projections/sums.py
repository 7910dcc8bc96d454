"""Sums over any stretch of days: whole months from monthly totals, edge days from daily ones."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from domain.calendar import (
    FIRST_DAY,
    LAST_DAY,
    add_months,
    day_of_month,
    first_day,
    jalali_month,
    last_day,
    months_between,
)
from domain.money import Kind
from domain.store.database import Connection, as_record

T = TypeVar("T")

ONE_DAY: Final = dt.timedelta(days=1)

_TOTALS: Final = """
    SELECT category_id, kind, amount_rials, count, largest_rials FROM month_totals
    WHERE ledger_id = :ledger_id AND jalali_month BETWEEN :first_month AND :last_month
    UNION ALL
    SELECT category_id, kind, amount_rials, count, largest_rials FROM day_totals
    WHERE ledger_id = :ledger_id AND date BETWEEN :head_start AND :head_end
    UNION ALL
    SELECT category_id, kind, amount_rials, count, largest_rials FROM day_totals
    WHERE ledger_id = :ledger_id AND date BETWEEN :tail_start AND :tail_end
"""
_BY_CATEGORY: Final = f"""
    SELECT category_id, c.name, sums.kind, amount_rials, count, largest_rials FROM (
        SELECT category_id, kind, CAST(sum(amount_rials) AS BIGINT) AS amount_rials,
            CAST(sum(count) AS BIGINT) AS count, max(largest_rials) AS largest_rials
        FROM ({_TOTALS}) AS totals
        GROUP BY category_id, kind
    ) AS sums CROSS JOIN categories AS c
    WHERE c.ledger_id = :ledger_id AND c.id = category_id
"""
_BY_KIND: Final = f"""
    SELECT kind, CAST(sum(amount_rials) AS BIGINT) AS amount_rials,
        CAST(sum(count) AS BIGINT) AS count
    FROM ({_TOTALS}) AS totals
    GROUP BY kind
"""
_BY_MONTH: Final = """
    SELECT jalali_month, kind, CAST(sum(amount_rials) AS BIGINT) AS amount_rials,
        CAST(sum(count) AS BIGINT) AS count
    FROM month_totals
    WHERE ledger_id = :ledger_id AND jalali_month BETWEEN :first AND :last
    GROUP BY jalali_month, kind
"""
_BY_DAY: Final = """
    SELECT date, kind, CAST(sum(amount_rials) AS BIGINT) AS amount_rials,
        CAST(sum(count) AS BIGINT) AS count
    FROM day_totals
    WHERE ledger_id = :ledger_id AND date BETWEEN :start AND :end
    GROUP BY date, kind
"""
# A subquery for each part, so that PostgreSQL walks to its days and does not join whole ledgers.
_OF_CATEGORIES: Final = """
    WITH wanted (number, category_id, first_month, last_month,
        head_start, head_end, tail_start, tail_end) AS (VALUES {rows})
    SELECT number, CAST((
        SELECT coalesce(sum(amount_rials), 0) FROM month_totals
        WHERE ledger_id = :ledger_id AND category_id = wanted.category_id
            AND jalali_month BETWEEN first_month AND last_month
    ) + (
        SELECT coalesce(sum(amount_rials), 0) FROM day_totals
        WHERE ledger_id = :ledger_id AND category_id = wanted.category_id
            AND date BETWEEN head_start AND head_end
    ) + (
        SELECT coalesce(sum(amount_rials), 0) FROM day_totals
        WHERE ledger_id = :ledger_id AND category_id = wanted.category_id
            AND date BETWEEN tail_start AND tail_end
    ) AS BIGINT) AS amount_rials
    FROM wanted ORDER BY number
"""

_MONTHLY: Final = """
    SELECT category_id, jalali_month, amount_rials FROM month_totals
    WHERE ledger_id = :ledger_id AND jalali_month BETWEEN :first AND :last
        AND category_id IN ({ids})
"""
# Months that do not begin on their first day, from days: `cuts` says where each begins and ends.
_MONTHLY_FROM: Final = """
    WITH cuts (jalali_month, start_date, end_date) AS (VALUES {cuts})
    SELECT d.category_id, cuts.jalali_month, CAST(sum(d.amount_rials) AS BIGINT) AS amount_rials
    FROM cuts CROSS JOIN day_totals AS d
    WHERE d.ledger_id = :ledger_id AND d.category_id IN ({ids})
        AND d.date BETWEEN cuts.start_date AND cuts.end_date
    GROUP BY d.category_id, cuts.jalali_month
"""
WANTED_AT_ONCE: Final = 1000
"""Each takes eight parameters, of which SQLite takes 32,766."""


class Wanted(msgspec.Struct, frozen=True):
    """A category, and from which day to which it is to be added up, both included."""

    category_id: UUID
    start: dt.date
    end: dt.date


class CategorySum(msgspec.Struct, frozen=True):
    """What a category adds up to: net Rials, entries, and the largest single entry."""

    category_id: UUID
    name: str
    kind: Kind
    amount_rials: int
    count: int
    largest_rials: int


class KindSums(msgspec.Struct, frozen=True):
    """Net Rials per kind, and the number of entries."""

    income: int = 0
    expense: int = 0
    savings: int = 0
    count: int = 0

    def of(self, kind: Kind) -> int:
        """Those of one kind."""
        return {"income": self.income, "expense": self.expense, "savings": self.savings}[kind]

    def plus(self, other: "KindSums") -> "KindSums":
        """Both together."""
        return KindSums(
            self.income + other.income,
            self.expense + other.expense,
            self.savings + other.savings,
            self.count + other.count,
        )

    @property
    def net(self) -> int:
        """Income minus expense."""
        return self.income - self.expense

    @property
    def balance(self) -> int:
        """Income minus expense minus savings."""
        return self.income - self.expense - self.savings


class _OfKind(msgspec.Struct, frozen=True):
    kind: Kind
    amount_rials: int
    count: int


class _MonthKind(_OfKind, frozen=True):
    jalali_month: int


class _DayKind(_OfKind, frozen=True):
    date: dt.date


class Stretch(msgspec.Struct, frozen=True):
    """Days from the first to the last as whole months and the days at either edge.

    A part that is empty starts after it ends.
    """

    first_month: int
    last_month: int
    head_start: dt.date
    head_end: dt.date
    tail_start: dt.date
    tail_end: dt.date


@lru_cache(maxsize=1000)
def stretch(start: dt.date, end: dt.date) -> Stretch:
    """Split the days from `start` to `end`, both included; both within the years 1300 to 1500."""
    first, last = jalali_month(start), jalali_month(end)
    first_whole = first if start == first_day(first) else add_months(first, 1)
    last_whole = last if end == last_day(last) else add_months(last, -1)
    if first_whole > last_whole:
        return Stretch(1, 0, start, end, LAST_DAY, FIRST_DAY)
    return Stretch(
        first_month=first_whole,
        last_month=last_whole,
        head_start=start,
        head_end=first_day(first_whole) - ONE_DAY,
        tail_start=last_day(last_whole) + ONE_DAY,
        tail_end=end,
    )


def sums_by_category(
    connection: Connection, rows_id: UUID, start: dt.date, end: dt.date
) -> list[CategorySum]:
    """What each category with entries from `start` to `end` adds up to."""
    parts = msgspec.structs.asdict(stretch(start, end))
    rows = connection.all(_BY_CATEGORY, ledger_id=rows_id, **parts)
    return [as_record(row, CategorySum) for row in rows]


def sums_by_kind(connection: Connection, rows_id: UUID, start: dt.date, end: dt.date) -> KindSums:
    """What each kind adds up to from `start` to `end`."""
    parts = msgspec.structs.asdict(stretch(start, end))
    rows = connection.all(_BY_KIND, ledger_id=rows_id, **parts)
    amounts = {row["kind"]: row["amount_rials"] for row in rows}
    return KindSums(**amounts, count=sum(row["count"] for row in rows))


def sums_by_month(
    connection: Connection, rows_id: UUID, first: int, last: int
) -> dict[int, KindSums]:
    """What each kind adds up to, in every month from `first` to `last` that has entries."""
    rows = connection.all(_BY_MONTH, ledger_id=rows_id, first=first, last=last)
    found = (as_record(row, _MonthKind) for row in rows)
    return _together((one.jalali_month, one) for one in found)


def sums_by_day(
    connection: Connection, rows_id: UUID, start: dt.date, end: dt.date
) -> dict[dt.date, KindSums]:
    """What each kind adds up to, on every day from `start` to `end` that has entries."""
    rows = connection.all(_BY_DAY, ledger_id=rows_id, start=start, end=end)
    found = (as_record(row, _DayKind) for row in rows)
    return _together((one.date, one) for one in found)


def _together(found: Iterable[tuple[T, _OfKind]]) -> dict[T, KindSums]:
    sums: dict[T, KindSums] = {}
    for when, one in found:
        part = KindSums(**{one.kind: one.amount_rials}, count=one.count)
        sums[when] = sums[when].plus(part) if when in sums else part
    return sums


def sums_of(connection: Connection, rows_id: UUID, wanted: Sequence[Wanted]) -> list[int]:
    """What each category adds up to in its days, in Rials: one statement for up to 1,000."""
    found: list[int] = []
    for first in range(0, len(wanted), WANTED_AT_ONCE):
        found += _sums_of(connection, rows_id, wanted[first : first + WANTED_AT_ONCE])
    return found


def _sums_of(connection: Connection, rows_id: UUID, wanted: Sequence[Wanted]) -> list[int]:
    rows, params = as_values(
        [
            (number, one.category_id, *msgspec.structs.astuple(stretch(one.start, one.end)))
            for number, one in enumerate(wanted)
        ]
    )
    sql = _OF_CATEGORIES.format(rows=rows)
    return [row["amount_rials"] for row in connection.all(sql, ledger_id=rows_id, **params)]


def monthly_of(
    connection: Connection,
    rows_id: UUID,
    category_ids: Collection[UUID],
    first: int,
    last: int,
    day: int = 1,
) -> dict[UUID, dict[int, int]]:
    """What each category adds up to in each month with entries, in Rials, by category and month.

    One that begins on another `day` of the month, or on the last of a shorter one, ends before the
    next: it has the number of the month in which it begins.
    """
    found: dict[UUID, dict[int, int]] = {}
    ids = list(category_ids)
    for place in range(0, len(ids), WANTED_AT_ONCE):
        some = ids[place : place + WANTED_AT_ONCE]
        found |= _monthly_of(connection, rows_id, some, first, last, day)
    return found


def _monthly_of(
    connection: Connection,
    rows_id: UUID,
    category_ids: Sequence[UUID],
    first: int,
    last: int,
    day: int,
) -> dict[UUID, dict[int, int]]:
    params: dict[str, object] = {f"id_{number}": one for number, one in enumerate(category_ids)}
    ids = ", ".join(f":{name}" for name in params)
    if day == 1:
        sql = _MONTHLY.format(ids=ids)
        params |= {"first": first, "last": last}
    else:
        cuts, of_cuts = as_values(
            [
                (month, day_of_month(month, day), day_of_month(add_months(month, 1), day) - ONE_DAY)
                for month in (add_months(first, n) for n in range(months_between(first, last) + 1))
            ]
        )
        sql = _MONTHLY_FROM.format(cuts=cuts, ids=ids)
        params |= of_cuts
    known = {one.bytes: one for one in category_ids}
    found: dict[UUID, dict[int, int]] = {}
    for category_id, month, amount_rials in connection.tuples(sql, ledger_id=rows_id, **params):
        category = known[category_id] if isinstance(category_id, bytes) else category_id
        found.setdefault(category, {})[month] = amount_rials
    return found


def as_values(rows: Sequence[Sequence[object]]) -> tuple[str, dict[str, object]]:
    """What goes behind VALUES for rows of a statement's own, and the parameters in it."""
    params: dict[str, object] = {}
    written = []
    for number, row in enumerate(rows):
        names = [f"value_{number}_{place}" for place in range(len(row))]
        params.update(zip(names, row, strict=True))
        written.append(f"({', '.join(f':{name}' for name in names)})")
    return ", ".join(written), params
