"""Reading what changed in a ledger after a version: what a phone that syncs has to hear."""

import datetime as dt
from collections.abc import Mapping
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from domain.ledger import Budget, Category, Draft, Goal, Recurrence, SavingPolicy
from domain.store.connection import Dialect
from domain.store.database import Connection, as_record
from domain.store.ledgers import Head
from projections.budgets import UsedBudget, with_use
from projections.categories import as_uuid
from projections.goals import GoalProgress, with_progress
from projections.readings import RowsReading
from projections.recurring_statements import DRAFT_COLUMNS, RECURRENCE_COLUMNS
from projections.savings import saving_policy
from projections.statements import BUDGET_COLUMNS, CATEGORY_COLUMNS, GOAL_COLUMNS
from projections.transactions import COLUMNS, NAMED, NamedTransaction

T = TypeVar("T")

_CATEGORIES: Final = f"""
    SELECT {CATEGORY_COLUMNS} FROM categories
    WHERE ledger_id = :ledger_id AND version > :since AND version <= :until ORDER BY version
"""
_BUDGETS: Final = f"""
    SELECT {BUDGET_COLUMNS} FROM budgets
    WHERE ledger_id = :ledger_id AND version > :since AND version <= :until ORDER BY version
"""
_GOALS: Final = f"""
    SELECT {GOAL_COLUMNS} FROM goals
    WHERE ledger_id = :ledger_id AND version > :since AND version <= :until ORDER BY version
"""
_RECURRENCES: Final = f"""
    SELECT {RECURRENCE_COLUMNS} FROM recurrences
    WHERE ledger_id = :ledger_id AND version > :since AND version <= :until ORDER BY version
"""
_DRAFTS: Final = f"""
    SELECT {DRAFT_COLUMNS}, status <> 'open' AS is_removed FROM drafts
    WHERE ledger_id = :ledger_id AND version > :since AND version <= :until ORDER BY version
"""
# An entry is here where it changed last: as it was recorded, or by its last change. What is voided
# was changed.
_TRANSACTIONS: Final = f"""
    SELECT {COLUMNS} FROM (
        SELECT * FROM transactions WHERE ledger_id = :ledger_id AND is_voided = FALSE
            AND created_version > :since AND created_version <= :until
            AND version = created_version
    ) AS t {NAMED}
    UNION ALL
    SELECT {COLUMNS} FROM transaction_changes AS n CROSS JOIN {{entry}} AS t {NAMED}
    WHERE n.ledger_id = :ledger_id AND n.version > :since AND n.version <= :until
        AND t.ledger_id = n.ledger_id AND t.id = n.transaction_id AND t.version = n.version
"""
# One by one, by their ids: PostgreSQL would rather read a middling ledger whole.
_OWN_ENTRY: Final = """LATERAL (
    SELECT * FROM transactions WHERE ledger_id = n.ledger_id AND id = n.transaction_id OFFSET 0
)"""
TRANSACTIONS: Final[Mapping[Dialect, str]] = {
    "sqlite": _TRANSACTIONS.format(entry="transactions"),
    "postgresql": _TRANSACTIONS.format(entry=_OWN_ENTRY),
}


class Changes(msgspec.Struct, frozen=True):
    """All that last changed after one version, up to and with `version`; the ids of what went.

    The saving policy is None unless it did.
    """

    version: int
    has_more: bool
    categories: list[Category]
    transactions: list[NamedTransaction]
    budgets: list[UsedBudget]
    recurrences: list[Recurrence]
    drafts: list[Draft]
    goals: list[GoalProgress]
    saving_policy: SavingPolicy | None
    removed_categories: list[UUID]
    removed_transactions: list[UUID]
    removed_budgets: list[UUID]
    removed_recurrences: list[UUID]
    removed_drafts: list[UUID]
    removed_goals: list[UUID]


def changes_since(
    connection: Connection, head: Head, since: int, limit: int, today: dt.date
) -> Changes:
    """What the next `limit` versions after `since` changed, as far as no later one did again.

    Each version changes one thing, and what recurs with the draft that it leaves: a page holds
    `limit` of them, twice at most, and costs the same wherever it begins. A thing is on the page
    of the version that changed it last.
    """
    until = min(since + limit, head.version)
    within = {"ledger_id": head.rows_id, "since": since, "until": until}
    categories, removed_categories = _changed(connection, _CATEGORIES, within, Category)
    budgets, removed_budgets = _changed(connection, _BUDGETS, within, Budget)
    recurrences, removed_recurrences = _changed(connection, _RECURRENCES, within, Recurrence)
    drafts, removed_drafts = _changed(connection, _DRAFTS, within, Draft)
    goals, removed_goals = _changed(connection, _GOALS, within, Goal)
    rows = connection.all(TRANSACTIONS[connection.dialect], **within)
    rows.sort(key=lambda row: int(row["version"]))
    transactions = [as_record(row, NamedTransaction) for row in rows]
    policy = saving_policy(connection, head.rows_id)
    return Changes(
        version=until,
        has_more=until < head.version,
        categories=categories,
        transactions=transactions,
        budgets=with_use(RowsReading(connection, head.rows_id), budgets, today),
        recurrences=recurrences,
        drafts=drafts,
        goals=with_progress(connection, head.rows_id, goals, today),
        saving_policy=policy if since < policy.version <= until else None,
        removed_categories=removed_categories,
        removed_transactions=[entry.id for entry in transactions if entry.is_voided],
        removed_budgets=removed_budgets,
        removed_recurrences=removed_recurrences,
        removed_drafts=removed_drafts,
        removed_goals=removed_goals,
    )


def _changed(
    connection: Connection, sql: str, within: Mapping[str, object], record: type[T]
) -> tuple[list[T], list[UUID]]:
    """What is there, and the ids of what was removed."""
    rows = connection.all(sql, **within)
    there = [as_record(row, record) for row in rows if not row["is_removed"]]
    return there, [as_uuid(row["id"]) for row in rows if row["is_removed"]]
