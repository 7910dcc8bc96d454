"""Spoiling what is projected: every way in which a row can be wrong."""

import datetime as dt
from typing import Any, Final
from uuid import UUID

from domain.auto_saving import SetAutoSaving
from domain.budgets import ReviseBudget
from domain.categories import ChangeCategory, RemoveCategory
from domain.goals import SetGoal
from domain.store.database import Connection
from domain.transactions import CorrectTransaction, VoidTransaction
from projections.images import TABLES
from tests.books import Book
from tests.projections.histories import (
    BUDGET_IDS,
    CATEGORY_IDS,
    GOAL_IDS,
    HOUSEHOLD,
    RECURRING,
    TRANSACTION_IDS,
)

DAY: Final = dt.date(2001, 1, 1)
INSTANT: Final = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
OTHERS: Final[dict[str, Any]] = {
    "name": "نو",
    "folded_name": "نو",
    "color": "نو",
    "description": "نو",
    "folded_description": "نو",
    "date": DAY,
    "start_date": DAY,
    "end_date": DAY,
    "target_date": DAY,
    "last_date": DAY,
    "repeat": "year",
    "rollover": "deficit",
    "created_at": INSTANT,
    "updated_at": INSTANT,
    "recorded_at": INSTANT,
    "category_id": UUID(int=0xDEAD),
    "id": UUID(int=0xDEAD),
    "transaction_id": UUID(int=0xDEAD),
    "recurrence_id": UUID(int=0xDEAD),
    "until_date": DAY,
    "next_date": DAY,
    "done_until": DAY,
    "reason": "نو",
    "last_transaction_id": UUID(int=0xDEAD),
}
EXPRESSIONS: Final = {
    "is_active": "NOT is_active",
    "is_enabled": "NOT is_enabled",
    "is_removed": "NOT is_removed",
    "is_voided": "NOT is_voided",
    "kind": "CASE kind WHEN 'income' THEN 'expense' ELSE 'income' END",
    "direction": "CASE direction WHEN 'deposit' THEN 'withdraw' ELSE 'deposit' END",
    "jalali_month": "jalali_month + 1000",
    "period": "CASE period WHEN 'day' THEN 'year' ELSE 'day' END",
    "mode": "CASE mode WHEN 'record' THEN 'draft' ELSE 'record' END",
    "status": "CASE status WHEN 'open' THEN 'dismissed' ELSE 'open' END",
}
"""What a column is made to say; all others are numbers."""

COLUMNS: Final = {
    f"{table.name}.{column}": (table.name, column) for table in TABLES for column in table.columns
}


def live(book: Book) -> None:
    """A life with a row in every projected table."""
    for command in (*HOUSEHOLD, *RECURRING):
        book.record(command)
    book.record(CorrectTransaction(transaction_id=TRANSACTION_IDS[1], amount_rials=70))
    book.record(VoidTransaction(transaction_id=TRANSACTION_IDS[2]))
    book.record(ChangeCategory(category_id=CATEGORY_IDS[0], name="حقوق", default_amount_rials=9))
    book.record(RemoveCategory(category_id=CATEGORY_IDS[4]))
    book.record(SetGoal(id=GOAL_IDS[0], category_id=CATEGORY_IDS[3], target_amount_rials=1000))
    book.record(SetAutoSaving(is_enabled=True, keep_rials=9, category_id=CATEGORY_IDS[3]))
    book.record(ReviseBudget(budget_id=BUDGET_IDS[0], max_amount_rials=120, min_amount_rials=3))


def spoil(connection: Connection, rows_id: UUID, table: str, column: str) -> int:
    """Have a column of every row say something else; how many rows it was."""
    other = EXPRESSIONS.get(column, ":other" if column in OTHERS else f"coalesce({column}, 0) + 1")
    [of] = [one for one in TABLES if one.name == table]
    key = ", ".join(of.columns[: of.key])
    one = f"SELECT {key} FROM {table} WHERE ledger_id = :ledger_id ORDER BY 1, 2 LIMIT 1"
    # What names a row: only one can be given another.
    only = f" AND ({key}) IN ({one.replace(', 2', '') if of.key == 1 else one})"
    only = only if column in of.columns[: of.key] else ""
    return connection.run(
        f"UPDATE {table} SET {column} = {other} WHERE ledger_id = :ledger_id{only}",
        ledger_id=rows_id,
        other=OTHERS.get(column),
    )


def empty(connection: Connection, rows_id: UUID) -> None:
    """Delete every projected row."""
    for table in TABLES:
        connection.run(f"DELETE FROM {table.name} WHERE ledger_id = :rows_id", rows_id=rows_id)
