"""Verification: whether a ledger's rows tell what the fold of its events tells."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from domain.calendar import jalali_month
from domain.ledger import (
    Budget,
    Category,
    Draft,
    Goal,
    LedgerState,
    Recurrence,
    SavingPolicy,
    Transaction,
)
from domain.money import Kind
from domain.periods import last_day_of
from domain.store.database import Connection, as_record
from domain.store.ledgers import read_head
from domain.text import fold
from projections.recurring_statements import DRAFT_COLUMNS, RECURRENCE_COLUMNS
from projections.statements import (
    BUDGET_COLUMNS,
    CATEGORY_COLUMNS,
    GOAL_COLUMNS,
    SAVING_POLICY_COLUMNS,
    TRANSACTION_COLUMNS,
)

Facts = dict[tuple[object, ...], object]
"""What is told of a ledger, each thing under its name: `("day", date, category_id)`."""

_SUMS: Final = "category_id, kind, amount_rials, count, largest_rials"
_OF_LEDGER: Final = "WHERE ledger_id = :ledger_id"


class Difference(msgspec.Struct, frozen=True):
    """One thing that is told differently; None where it is not told at all."""

    about: tuple[object, ...]
    told: object
    expected: object


class _Folded(msgspec.Struct, frozen=True):
    id: UUID
    text: str


class _Last(msgspec.Struct, frozen=True):
    id: UUID
    day: dt.date | None


class _Change(msgspec.Struct, frozen=True):
    transaction_id: UUID
    version: int


class _NextMonth(msgspec.Struct, frozen=True):
    next_month: int | None


class DayTotal(msgspec.Struct, frozen=True):
    """What a category adds up to on a day."""

    date: dt.date
    category_id: UUID
    kind: Kind
    amount_rials: int
    count: int
    largest_rials: int


class MonthTotal(msgspec.Struct, frozen=True):
    """What a category adds up to in a Jalali month."""

    jalali_month: int
    category_id: UUID
    kind: Kind
    amount_rials: int
    count: int
    largest_rials: int


class _Table(NamedTuple):
    """How the rows of one table become facts: what they are, and which fields name them."""

    about: str
    record: type[msgspec.Struct]
    key: tuple[str, ...]
    statement: str


_TABLES: Final = (
    _Table("category", Category, ("id",), f"SELECT {CATEGORY_COLUMNS} FROM categories"),
    _Table("transaction", Transaction, ("id",), f"SELECT {TRANSACTION_COLUMNS} FROM transactions"),
    _Table("budget", Budget, ("id",), f"SELECT {BUDGET_COLUMNS} FROM budgets"),
    _Table("last", _Last, ("id",), "SELECT id, last_date AS day FROM budgets"),
    _Table("goal", Goal, ("id",), f"SELECT {GOAL_COLUMNS} FROM goals"),
    _Table("policy", SavingPolicy, (), f"SELECT {SAVING_POLICY_COLUMNS} FROM saving_policies"),
    _Table("next month", _NextMonth, (), "SELECT next_month FROM saving_policies"),
    _Table("recurrence", Recurrence, ("id",), f"SELECT {RECURRENCE_COLUMNS} FROM recurrences"),
    _Table("draft", Draft, ("id",), f"SELECT {DRAFT_COLUMNS} FROM drafts"),
    _Table("folded", _Folded, ("id",), "SELECT id, folded_name AS text FROM categories"),
    _Table("folded", _Folded, ("id",), "SELECT id, folded_description AS text FROM transactions"),
    _Table(
        "change",
        _Change,
        ("transaction_id", "version"),
        "SELECT transaction_id, version FROM transaction_changes",
    ),
    _Table("day", DayTotal, ("date", "category_id"), f"SELECT date, {_SUMS} FROM day_totals"),
    _Table(
        "month",
        MonthTotal,
        ("jalali_month", "category_id"),
        f"SELECT jalali_month, {_SUMS} FROM month_totals",
    ),
)


def facts_of_rows(connection: Connection, ledger_id: UUID) -> Facts:
    """What the rows of a ledger tell. Raises `LedgerMissing`."""
    head = read_head(connection, ledger_id)
    facts: Facts = {("version",): head.version, ("totals",): head.totals}
    for about, record, key, statement in _TABLES:
        for row in connection.all(f"{statement} {_OF_LEDGER}", ledger_id=head.rows_id):
            fact = as_record(row, record)
            facts[about, *(getattr(fact, field) for field in key)] = fact
    return facts


def facts_of_state(state: LedgerState) -> Facts:
    """What the fold of a ledger's events tells."""
    facts: Facts = {("version",): state.version, ("totals",): state.totals}
    for category in state.categories.values():
        facts["category", category.id] = category
        facts["folded", category.id] = _Folded(category.id, fold(category.name))
    for entry in state.transactions.values():
        facts["transaction", entry.id] = entry
        facts["folded", entry.id] = _Folded(entry.id, fold(entry.description))
    for budget in state.budgets.values():
        facts["budget", budget.id] = budget
        facts["last", budget.id] = _Last(budget.id, last_day_of(budget))
    facts.update({("goal", goal.id): goal for goal in state.goals.values()})
    if state.saving_policy.version:
        facts["policy",] = state.saving_policy
        facts["next month",] = _NextMonth(state.saving_policy.next_month)
    facts.update({("recurrence", one.id): one for one in state.recurrences.values()})
    facts.update({("draft", draft.id): draft for draft in state.drafts.values()})
    for transaction_id, versions in state.changes.items():
        for version in versions:
            facts["change", transaction_id, version] = _Change(transaction_id, version)
    days = list(day_totals(state))
    facts.update({("day", day.date, day.category_id): day for day in days})
    for month in month_totals(days):
        facts["month", month.jalali_month, month.category_id] = month
    return facts


def differences(told: Facts, expected: Facts) -> list[Difference]:
    """Everything that two tellings do not tell alike."""
    return [
        Difference(about, told.get(about), expected.get(about))
        for about in {**told, **expected}
        if told.get(about) != expected.get(about)
    ]


def day_totals(state: LedgerState) -> Iterator[DayTotal]:
    """What each category adds up to on each day with entries."""
    largest: dict[tuple[dt.date, UUID], int] = {}
    for entry in state.transactions.values():
        if not entry.is_voided and entry.direction != "withdraw":
            key = (entry.date, entry.category_id)
            largest[key] = max(largest.get(key, 0), entry.amount_rials)
    for category_id, days in state.days.items():
        kind = state.categories[category_id].kind
        for date, (amount_rials, count) in days.items():
            largest_rials = largest.get((date, category_id), 0)
            yield DayTotal(date, category_id, kind, amount_rials, count, largest_rials)


def month_totals(days: Iterable[DayTotal]) -> Collection[MonthTotal]:
    """What the days of each month add up to, by category."""
    months: dict[tuple[int, UUID], MonthTotal] = {}
    for day in days:
        key = (jalali_month(day.date), day.category_id)
        months[key] = _with_day(months.get(key), day)
    return months.values()


def _with_day(month: MonthTotal | None, day: DayTotal) -> MonthTotal:
    if month is None:
        month = MonthTotal(jalali_month(day.date), day.category_id, day.kind, 0, 0, 0)
    return msgspec.structs.replace(
        month,
        amount_rials=month.amount_rials + day.amount_rials,
        count=month.count + day.count,
        largest_rials=max(month.largest_rials, day.largest_rials),
    )
