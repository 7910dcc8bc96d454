"""Images: the rows that a ledger should have, compared with those it has, and put right."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain.ledger import LedgerState
from domain.periods import last_day_of
from domain.store.connection import Connection, Dialect
from domain.text import fold
from projections.folding import Poison
from projections.verify import day_totals, month_totals

Row = tuple[Any, ...]


class Difference(NamedTuple):
    """A row that is not as it should be; None where there is none, or should be none."""

    table: str
    key: Row
    told: Row | None
    expected: Row | None


class _Written(NamedTuple):
    """How a driver gives and takes ids, days and instants."""

    id: Callable[[UUID], Any]
    day: Callable[[dt.date], Any]
    instant: Callable[[dt.datetime], Any]


def _as_it_is(value: Any) -> Any:
    return value


_WRITTEN: Final[dict[Dialect, _Written]] = {
    "sqlite": _Written(
        attrgetter("bytes"),
        dt.date.isoformat,
        lambda instant: instant.isoformat(timespec="microseconds"),
    ),
    "postgresql": _Written(_as_it_is, _as_it_is, _as_it_is),
}


class Table(NamedTuple):
    """The rows of one table: `columns` begin with the `key` many that name a row of a ledger."""

    name: str
    key: int
    columns: tuple[str, ...]
    rows: Callable[[LedgerState, _Written], Iterator[Row]]


def _categories(state: LedgerState, written: _Written) -> Iterator[Row]:
    for found in state.categories.values():
        yield (
            written.id(found.id),
            found.name,
            fold(found.name),
            found.kind,
            found.color,
            found.default_amount_rials,
            found.is_active,
            found.is_removed,
            found.created_version,
            found.version,
            written.instant(found.created_at),
            written.instant(found.updated_at),
        )


def _transactions(state: LedgerState, written: _Written) -> Iterator[Row]:
    as_id, as_day, as_instant = written
    for found in state.transactions.values():
        recorded_at = updated_at = as_instant(found.recorded_at)
        if found.updated_at != found.recorded_at:
            updated_at = as_instant(found.updated_at)
        yield (
            as_id(found.id),
            as_id(found.category_id),
            found.kind,
            found.direction,
            found.amount_rials,
            as_day(found.date),
            found.description,
            fold(found.description) if found.description else "",
            found.is_voided,
            found.created_version,
            found.version,
            recorded_at,
            updated_at,
        )


def _changes(state: LedgerState, written: _Written) -> Iterator[Row]:
    for transaction_id, versions in state.changes.items():
        for version in versions:
            yield written.id(transaction_id), version


def _budgets(state: LedgerState, written: _Written) -> Iterator[Row]:
    for found in state.budgets.values():
        until, last = found.until, last_day_of(found)
        yield (
            written.id(found.id),
            written.id(found.category_id),
            found.min_amount_rials,
            found.max_amount_rials,
            written.day(found.start),
            written.day(found.end),
            found.repeat,
            found.rollover,
            None if until is None else written.day(until),
            None if last is None else written.day(last),
            found.is_removed,
            found.created_version,
            found.version,
            written.instant(found.created_at),
            written.instant(found.updated_at),
        )


def _goals(state: LedgerState, written: _Written) -> Iterator[Row]:
    for found in state.goals.values():
        target = found.target_date
        yield (
            written.id(found.id),
            written.id(found.category_id),
            found.name,
            found.target_amount_rials,
            None if target is None else written.day(target),
            found.is_removed,
            found.created_version,
            found.version,
            written.instant(found.created_at),
            written.instant(found.updated_at),
        )


def _saving_policies(state: LedgerState, written: _Written) -> Iterator[Row]:
    policy = state.saving_policy
    if policy.version:
        ids = (policy.category_id, policy.last_transaction_id)
        category_id, transaction_id = (None if one is None else written.id(one) for one in ids)
        yield (
            policy.version,
            policy.is_enabled,
            policy.keep_rials,
            category_id,
            policy.from_month,
            policy.next_month,
            policy.last_month,
            policy.last_amount_rials,
            transaction_id,
        )


def _recurrences(state: LedgerState, written: _Written) -> Iterator[Row]:
    for found in state.recurrences.values():
        yield (
            written.id(found.id),
            written.id(found.category_id),
            found.direction,
            found.amount_rials,
            found.last_amount_rials,
            found.description,
            found.period,
            found.interval,
            found.weekdays,
            written.day(found.start),
            _day(found.until, written),
            found.count,
            found.mode,
            found.next_number,
            _day(found.next_date, written),
            _day(found.done_until, written),
            found.is_removed,
            found.created_version,
            found.version,
            written.instant(found.created_at),
            written.instant(found.updated_at),
        )


def _drafts(state: LedgerState, written: _Written) -> Iterator[Row]:
    for found in state.drafts.values():
        yield (
            written.id(found.id),
            written.id(found.recurrence_id),
            found.number,
            written.id(found.category_id),
            found.direction,
            found.amount_rials,
            written.day(found.date),
            found.description,
            found.reason,
            found.status,
            found.created_version,
            found.version,
            written.instant(found.created_at),
            written.instant(found.updated_at),
        )


def _day(day: dt.date | None, written: _Written) -> Any:
    return None if day is None else written.day(day)


def _days(state: LedgerState, written: _Written) -> Iterator[Row]:
    for total in day_totals(state):
        yield (
            written.day(total.date),
            written.id(total.category_id),
            total.kind,
            total.amount_rials,
            total.count,
            total.largest_rials,
        )


def _months(state: LedgerState, written: _Written) -> Iterator[Row]:
    for total in month_totals(day_totals(state)):
        yield (
            total.jalali_month,
            written.id(total.category_id),
            total.kind,
            total.amount_rials,
            total.count,
            total.largest_rials,
        )


_WHEN: Final = ("created_version", "version", "created_at", "updated_at")
_SUMS: Final = ("category_id", "kind", "amount_rials", "count", "largest_rials")

TABLES: Final = (
    Table(
        "categories",
        1,
        (
            *("id", "name", "folded_name", "kind", "color", "default_amount_rials"),
            *("is_active", "is_removed", *_WHEN),
        ),
        _categories,
    ),
    Table(
        "transactions",
        1,
        (
            *("id", "category_id", "kind", "direction", "amount_rials", "date", "description"),
            *("folded_description", "is_voided", "created_version", "version"),
            *("recorded_at", "updated_at"),
        ),
        _transactions,
    ),
    Table("transaction_changes", 2, ("transaction_id", "version"), _changes),
    Table(
        "budgets",
        1,
        (
            *("id", "category_id", "min_amount_rials", "max_amount_rials"),
            *("start_date", "end_date", "repeat", "rollover", "until_date", "last_date"),
            *("is_removed", *_WHEN),
        ),
        _budgets,
    ),
    Table(
        "goals",
        1,
        (
            *("id", "category_id", "name", "target_amount_rials", "target_date"),
            *("is_removed", *_WHEN),
        ),
        _goals,
    ),
    Table(
        "saving_policies",
        1,
        (
            *("version", "is_enabled", "keep_rials", "category_id", "from_month", "next_month"),
            *("last_month", "last_amount_rials", "last_transaction_id"),
        ),
        _saving_policies,
    ),
    Table(
        "recurrences",
        1,
        (
            *("id", "category_id", "direction", "amount_rials", "last_amount_rials"),
            *("description", "period", "interval", "weekdays", "start_date", "until_date", "count"),
            *("mode", "next_number", "next_date", "done_until", "is_removed", *_WHEN),
        ),
        _recurrences,
    ),
    Table(
        "drafts",
        1,
        (
            *("id", "recurrence_id", "number", "category_id", "direction", "amount_rials"),
            *("date", "description", "reason", "status", *_WHEN),
        ),
        _drafts,
    ),
    Table("day_totals", 2, ("date", *_SUMS), _days),
    Table("month_totals", 2, ("jalali_month", *_SUMS), _months),
)
"""Every projected table, but for the search index and the head."""

NAMED: Final = {table.name: table for table in TABLES}


def image(table: Table, state: LedgerState, dialect: Dialect) -> Iterator[Row]:
    """The rows that a table should have of a ledger. Raises `Poison` when there can be none."""
    try:
        yield from table.rows(state, _WRITTEN[dialect])
    except (KeyError, ValueError, OverflowError) as error:
        raise Poison(state.version, "fold_impossible") from error


def differences(connection: Connection, rows_id: UUID, state: LedgerState) -> Iterator[Difference]:
    """Each row of a set that is not what a state says. Memory grows with one table."""
    for table in TABLES:
        wanted = {row[: table.key]: row for row in image(table, state, connection.dialect)}
        select = f"SELECT {', '.join(table.columns)} FROM {table.name}"
        for told in connection.tuples(f"{select} WHERE ledger_id = :ledger_id", ledger_id=rows_id):
            key = told[: table.key]
            expected = wanted.pop(key, None)
            if told != expected:
                yield Difference(table.name, key, told, expected)
        for key, row in wanted.items():
            yield Difference(table.name, key, None, row)


def count_astray(connection: Connection, rows_id: UUID, state: LedgerState) -> int:
    """By how many the transactions of a set are too few or too many."""
    sql = "SELECT count(*) FROM transactions WHERE ledger_id = :ledger_id"
    [(count,)] = connection.tuples(sql, ledger_id=rows_id)
    return abs(len(state.transactions) - int(count))


def put_right(connection: Connection, rows_id: UUID, found: Iterable[Difference]) -> None:
    """Write what differs, and nothing else."""
    away: dict[str, list[Row]] = {}
    there: dict[str, list[Row]] = {}
    for difference in found:
        if difference.told is not None:
            away.setdefault(difference.table, []).append(difference.key)
        if difference.expected is not None:
            there.setdefault(difference.table, []).append(difference.expected)
    for name, keys in away.items():
        table = NAMED[name]
        connection.remove_rows(name, ("ledger_id", *table.columns[: table.key]), rows_id, keys)
    for name, rows in there.items():
        add_rows(connection, NAMED[name], rows_id, rows)


def add_rows(connection: Connection, table: Table, rows_id: UUID, rows: Iterable[Row]) -> None:
    """Insert rows of a set."""
    connection.add_rows(table.name, ("ledger_id", *table.columns), rows_id, rows)
