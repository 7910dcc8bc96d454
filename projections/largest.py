"""The largest entries of any stretch of days, found by way of the totals.

A total knows the largest entry in it. So the largest entries are in the months with the largest, of
those in the days with the largest, and only the entries of these days are looked at: as many as
are asked for, however long the ledger is.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from heapq import nlargest
from typing import Final
from uuid import UUID

import msgspec

from domain.calendar import first_day, last_day
from domain.ledger import LedgerState, Transaction
from domain.money import Kind
from domain.store.database import Connection, Row, as_record
from projections.readings import RowsReading
from projections.reports import KINDS
from projections.rounding import percent
from projections.sums import KindSums, as_values, stretch
from projections.transactions import COLUMNS, NAMED, NamedTransaction

# Of equal ones the newest: of the latest day, and on that day what was recorded last. Totals know
# no more than their month or day, so those that are equal even in that are all taken (`rank`).
_MONTHS: Final = """
    SELECT kind, jalali_month, largest_rials FROM (
        SELECT kind, jalali_month, largest_rials, rank() OVER (
            PARTITION BY kind ORDER BY largest_rials DESC, jalali_month DESC) AS place
        FROM month_totals
        WHERE ledger_id = :ledger_id AND jalali_month BETWEEN :first_month AND :last_month
            AND largest_rials > 0
    ) AS months WHERE place <= :limit
"""
# Joined by ranges alone, which leaves PostgreSQL no way but to walk to each of them.
_DAYS: Final = """
    WITH wanted (first, last) AS (VALUES {rows})
    SELECT kind, date, category_id, largest_rials FROM (
        SELECT d.kind, d.date, d.category_id, d.largest_rials, rank() OVER (
            PARTITION BY d.kind ORDER BY d.largest_rials DESC, d.date DESC) AS place
        FROM wanted CROSS JOIN day_totals AS d
        WHERE d.ledger_id = :ledger_id AND d.date BETWEEN wanted.first AND wanted.last
            AND d.largest_rials >= CASE d.kind
                WHEN 'income' THEN CAST(:income AS BIGINT)
                WHEN 'expense' THEN CAST(:expense AS BIGINT)
                ELSE CAST(:savings AS BIGINT) END
    ) AS days WHERE place <= :limit
"""
# The sum keeps SQLite from walking along the amounts of the whole ledger instead of the day.
ENTRIES: Final = f"""
    WITH wanted (category_id, date, least_rials) AS (VALUES {{rows}})
    SELECT {COLUMNS} FROM (
        SELECT e.*, row_number() OVER (
            PARTITION BY e.kind ORDER BY e.amount_rials DESC, e.date DESC, e.created_version DESC
        ) AS place
        FROM wanted CROSS JOIN transactions AS e
        WHERE e.ledger_id = :ledger_id AND e.category_id = wanted.category_id
            AND e.is_voided = FALSE AND e.date = wanted.date
            AND e.amount_rials + 0 >= wanted.least_rials AND coalesce(e.direction, '') <> 'withdraw'
    ) AS t {NAMED} WHERE t.place <= :limit ORDER BY t.kind, t.place
"""


class Asked(msgspec.Struct, frozen=True):
    """How many entries of which kinds, from which day to which, both included."""

    start: dt.date
    end: dt.date
    kinds: Sequence[Kind]
    limit: int


class LargeEntry(msgspec.Struct, frozen=True):
    """An entry with its percentage of its kind's total, None where that is not above 0."""

    entry: NamedTransaction
    share: float | None


class KindLine(msgspec.Struct, frozen=True):
    """A kind's total, in net Rials, and its largest entries, the largest first."""

    kind: Kind
    amount: int
    entries: list[LargeEntry]


class _Month(msgspec.Struct, frozen=True):
    kind: Kind
    jalali_month: int
    largest_rials: int


class _Day(msgspec.Struct, frozen=True):
    kind: Kind
    date: dt.date
    category_id: UUID
    largest_rials: int


def largest_of_rows(connection: Connection, rows_id: UUID, asked: Asked) -> list[KindLine]:
    """The largest incomes, expenses and deposits, of equal ones the newest."""
    sums = RowsReading(connection, rows_id).by_kind(asked.start, asked.end)
    entries = _entries(connection, rows_id, asked, _days(connection, rows_id, asked))
    return _lines(asked, sums, entries)


def largest_of_state(state: LedgerState, asked: Asked) -> list[KindLine]:
    """The same, of a ledger that was folded."""
    sums = dict.fromkeys(KINDS, 0)
    entries: dict[Kind, list[Transaction]] = {kind: [] for kind in KINDS}
    for entry in state.transactions.values():
        if entry.is_voided or not asked.start <= entry.date <= asked.end:
            continue
        if entry.direction == "withdraw":
            sums[entry.kind] -= entry.amount_rials
        else:
            sums[entry.kind] += entry.amount_rials
            entries[entry.kind].append(entry)
    largest = (nlargest(asked.limit, entries[kind], key=_size) for kind in asked.kinds)
    return _lines(asked, KindSums(**sums), (_named(e, state) for own in largest for e in own))


def _days(connection: Connection, rows_id: UUID, asked: Asked) -> list[_Day]:
    parts = stretch(asked.start, asked.end)
    rows = connection.all(
        _MONTHS,
        ledger_id=rows_id,
        first_month=parts.first_month,
        last_month=parts.last_month,
        limit=asked.limit,
    )
    months = [month for row in rows if (month := as_record(row, _Month)).kind in asked.kinds]
    edges = [(parts.head_start, parts.head_end), (parts.tail_start, parts.tail_end)]
    whole = [(first_day(month), last_day(month)) for month in {one.jalali_month for one in months}]
    # A kind that is not asked for has no least, and nothing is as much as that.
    least = dict.fromkeys(KINDS) | {kind: _least(asked, months, kind) for kind in asked.kinds}
    wanted = [days for days in edges + whole if days[0] <= days[1]]
    found = _found(connection, rows_id, _DAYS, wanted, limit=asked.limit, **least)
    return [as_record(row, _Day) for row in found]


def _entries(
    connection: Connection, rows_id: UUID, asked: Asked, days: list[_Day]
) -> list[NamedTransaction]:
    least = {kind: _least(asked, days, kind) for kind in asked.kinds}
    wanted = [(day.category_id, day.date, least[day.kind]) for day in days]
    found = _found(connection, rows_id, ENTRIES, wanted, limit=asked.limit)
    return [as_record(row, NamedTransaction) for row in found]


def _least(asked: Asked, found: Sequence[_Month | _Day], kind: Kind) -> int:
    """So much has each of as many entries as are asked for; no smaller one is among them."""
    amounts = [one.largest_rials for one in found if one.kind == kind]
    return min(amounts) if len(amounts) >= asked.limit else 1


def _found(
    connection: Connection,
    rows_id: UUID,
    sql: str,
    wanted: Sequence[Sequence[object]],
    **params: object,
) -> list[Row]:
    if not wanted:
        return []
    rows, values = as_values(wanted)
    return connection.all(sql.format(rows=rows), ledger_id=rows_id, **params, **values)


def _lines(asked: Asked, sums: KindSums, entries: Iterable[NamedTransaction]) -> list[KindLine]:
    found: dict[Kind, list[LargeEntry]] = {kind: [] for kind in asked.kinds}
    for entry in entries:
        total = max(sums.of(entry.kind), 0)
        found[entry.kind].append(LargeEntry(entry, percent(entry.amount_rials, total)))
    return [KindLine(kind, sums.of(kind), found[kind]) for kind in asked.kinds]


def _size(entry: Transaction) -> tuple[int, dt.date, int]:
    return entry.amount_rials, entry.date, entry.created_version


def _named(entry: Transaction, state: LedgerState) -> NamedTransaction:
    name = state.categories[entry.category_id].name
    return NamedTransaction(**msgspec.structs.asdict(entry), category_name=name)
