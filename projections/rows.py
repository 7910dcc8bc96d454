"""The inline projection: a ledger's facts as rows, changed in the command's own transaction."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import msgspec

from domain.auto_saving import AutoSavingDone, AutoSavingSet, policy_after
from domain.base import Event, RecordedEvent
from domain.budgets import BudgetRemoved, BudgetRevised, BudgetSet, BudgetTerms
from domain.calendar import FIRST_DAY, first_day, jalali_month, last_day
from domain.categories import CategoryAdded, CategoryChanged, CategoryRemoved
from domain.decider import LedgerOpened
from domain.goals import GoalRemoved, GoalRevised, GoalSet
from domain.ledger import Budget, Category, Draft, Goal, Recurrence, SavingPolicy, Transaction
from domain.money import Posting, Totals
from domain.periods import last_day_of
from domain.savings import SurplusSaved
from domain.store.codec import from_stored
from domain.store.database import Connection, Row, as_record
from domain.store.ledgers import Head
from domain.store.recorder import as_stored
from domain.text import fold
from domain.transactions import (
    ExpenseRecorded,
    IncomeRecorded,
    SavingDeposited,
    SavingWithdrawn,
    TransactionCorrected,
    TransactionRecorded,
    TransactionRestored,
    TransactionVoided,
)
from projections import recurring_statements as recurring
from projections import statements as sql
from projections.recurring_statements import RecurringEvent
from projections.savings import saving_policy
from projections.sums import sums_by_kind


class LedgerRows:
    """The rows of one ledger inside a transaction: `domain.ledger.Ledger`, and `apply`."""

    def __init__(
        self, connection: Connection, head: Head, known: dict[UUID, Category] | None = None
    ) -> None:
        self.version = head.version
        self.totals: Totals = head.totals
        self.known: dict[UUID, Category] = {} if known is None else known
        self._connection = connection
        self._ledger_id = head.ledger_id
        self._rows_id = head.rows_id
        self._created: dict[UUID, Event] = {}
        self._policy: SavingPolicy | None = None

    @property
    def saving_policy(self) -> SavingPolicy:
        if self._policy is None:
            self._policy = saving_policy(self._connection, self._rows_id)
        return self._policy

    def category(self, category_id: UUID) -> Category | None:
        category = self.known.get(category_id)
        if category is None:
            row = self._one(sql.CATEGORY, id=category_id)
            if row is None:
                return None
            category = self.known[category_id] = as_record(row, Category)
        return category

    def category_named(self, name: str) -> Category | None:
        row = self._one(sql.CATEGORY_NAMED, folded_name=fold(name))
        return None if row is None else as_record(row, Category)

    def oldest_active_savings(self) -> Category | None:
        row = self._one(sql.OLDEST_ACTIVE_SAVINGS)
        return None if row is None else as_record(row, Category)

    def is_category_in_use(self, category_id: UUID) -> bool:
        return self._one(sql.CATEGORY_IN_USE, category_id=category_id) is not None

    def saved_in(self, category_id: UUID) -> int:
        row = self._one(sql.SAVED_IN, category_id=category_id)
        return 0 if row is None else int(row["saved"])

    def transaction(self, transaction_id: UUID) -> Transaction | None:
        # What others recorded is in the table already; looking there need not write our own.
        find = self._one if transaction_id in self._created else self._peek
        row = find(sql.TRANSACTION, id=transaction_id)
        return None if row is None else as_record(row, Transaction)

    def budget(self, budget_id: UUID) -> Budget | None:
        row = self._one(sql.BUDGET, id=budget_id)
        return None if row is None else as_record(row, Budget)

    def budget_for(self, category_id: UUID, start: dt.date, end: dt.date) -> Budget | None:
        row = self._one(sql.BUDGET_FOR, category_id=category_id, start_date=start, end_date=end)
        return None if row is None else as_record(row, Budget)

    def recurrence(self, recurrence_id: UUID) -> Recurrence | None:
        row = self._one(recurring.RECURRENCE, id=recurrence_id)
        return None if row is None else as_record(row, Recurrence)

    def due_recurrences(self, day: dt.date, limit: int) -> list[Recurrence]:
        rows = self._all(recurring.DUE_RECURRENCES, day=day, rows=limit)
        return [as_record(row, Recurrence) for row in rows]

    def draft(self, draft_id: UUID) -> Draft | None:
        row = self._one(recurring.DRAFT, id=draft_id)
        return None if row is None else as_record(row, Draft)

    def open_drafts(self, recurrence_id: UUID) -> list[Draft]:
        rows = self._all(recurring.OPEN_DRAFTS_OF, recurrence_id=recurrence_id)
        return [as_record(row, Draft) for row in rows]

    def goal(self, goal_id: UUID) -> Goal | None:
        row = self._one(sql.GOAL, id=goal_id)
        return None if row is None else as_record(row, Goal)

    def goal_for(self, category_id: UUID) -> Goal | None:
        row = self._one(sql.GOAL_FOR, category_id=category_id)
        return None if row is None else as_record(row, Goal)

    def balance_up_to(self, day: dt.date) -> int:
        return sums_by_kind(self._connection, self._rows_id, FIRST_DAY, day).balance

    def creation(self, resource_id: UUID) -> Event | None:
        if resource_id in self._created:
            return self._created[resource_id]
        row = self._connection.peek(
            sql.CREATION, ledger_id=self._ledger_id, rows_id=self._rows_id, id=resource_id
        )
        return None if row is None else from_stored(as_stored(row)).event

    def apply(self, recorded: RecordedEvent) -> None:
        """Change the rows by one event."""
        CHANGES[type(recorded.event)](self, recorded, recorded.event)
        for posting in recorded.event.postings():
            self._post(posting)
        self.version = recorded.version

    def _one(self, statement: str, **params: object) -> Row | None:
        return self._connection.one(statement, ledger_id=self._rows_id, **params)

    def _all(self, statement: str, **params: object) -> list[Row]:
        return self._connection.all(statement, ledger_id=self._rows_id, **params)

    def _peek(self, statement: str, **params: object) -> Row | None:
        return self._connection.peek(statement, ledger_id=self._rows_id, **params)

    def _run(self, statement: str, **params: object) -> None:
        self._connection.run(statement, ledger_id=self._rows_id, **params)

    def _record(self, statement: str, recorded: RecordedEvent, **params: object) -> None:
        at = {"version": recorded.version, "recorded_at": recorded.recorded_at}
        self._run(statement, **params, **at)

    def _post(self, posting: Posting) -> None:
        self.totals = self.totals.plus(posting)
        largest = 0 if posting.direction == "withdraw" else posting.amount_rials
        month = jalali_month(posting.date)
        largest = largest if posting.sign > 0 else 0
        of = (posting.category_id, posting.kind, posting.net_rials, posting.sign, largest)
        self._connection.later(sql.ADD_TO_DAY, (self._rows_id, posting.date, *of))
        self._connection.later(sql.ADD_TO_MONTH, (self._rows_id, month, *of))
        if posting.sign < 0:
            self._settle(posting, month)

    def _settle(self, left: Posting, month: int) -> None:
        """After an entry left: empty totals go, and if it was the largest, the next one is."""
        day = {"category_id": left.category_id, "date": left.date}
        of_month = {"category_id": left.category_id, "jalali_month": month}
        self._run(sql.DROP_EMPTY_DAY, **day)
        self._run(sql.DROP_EMPTY_MONTH, **of_month)
        if left.direction == "withdraw":
            return
        self._run(sql.RESTATE_LARGEST_OF_DAY, left_rials=left.amount_rials, **day)
        self._run(
            sql.RESTATE_LARGEST_OF_MONTH,
            left_rials=left.amount_rials,
            start=first_day(month),
            end=last_day(month),
            **of_month,
        )


def _ledger_opened(rows: LedgerRows, recorded: RecordedEvent, event: LedgerOpened) -> None:
    """The ledger's row is there already: it is what was locked."""


def _category_added(rows: LedgerRows, recorded: RecordedEvent, event: CategoryAdded) -> None:
    rows._created[event.category_id] = event
    rows.known = {}
    rows._record(
        sql.ADD_CATEGORY,
        recorded,
        id=event.category_id,
        kind=event.kind,
        folded_name=fold(event.details.name),
        **msgspec.structs.asdict(event.details),
    )


def _category_changed(rows: LedgerRows, recorded: RecordedEvent, event: CategoryChanged) -> None:
    rows.known = {}
    rows._record(
        sql.CHANGE_CATEGORY,
        recorded,
        id=event.category_id,
        folded_name=fold(event.after.name),
        **msgspec.structs.asdict(event.after),
    )


def _category_removed(rows: LedgerRows, recorded: RecordedEvent, event: CategoryRemoved) -> None:
    rows.known = {}
    rows._record(sql.REMOVE_CATEGORY, recorded, id=event.category_id)


def _transaction_recorded(
    rows: LedgerRows, recorded: RecordedEvent, event: TransactionRecorded
) -> None:
    rows._created[event.transaction_id] = event
    at = (recorded.version, recorded.version, recorded.recorded_at, recorded.recorded_at)
    row = (
        rows._rows_id,
        event.transaction_id,
        event.category_id,
        event.kind,
        event.direction,
        event.amount_rials,
        event.date,
        event.description,
        fold(event.description),
        False,
    )
    rows._connection.later(sql.ADD_TRANSACTION, (*row, *at))


def _transaction_corrected(
    rows: LedgerRows, recorded: RecordedEvent, event: TransactionCorrected
) -> None:
    rows._record(
        sql.CORRECT_TRANSACTION,
        recorded,
        id=event.transaction_id,
        folded_description=fold(event.after.description),
        **msgspec.structs.asdict(event.after),
    )
    rows._run(sql.NOTE_CHANGE, id=event.transaction_id, version=recorded.version)


def _transaction_marked(
    rows: LedgerRows, recorded: RecordedEvent, event: TransactionVoided | TransactionRestored
) -> None:
    rows._record(
        sql.MARK_TRANSACTION,
        recorded,
        id=event.transaction_id,
        is_voided=isinstance(event, TransactionVoided),
    )
    rows._run(sql.NOTE_CHANGE, id=event.transaction_id, version=recorded.version)


def _budget_set(rows: LedgerRows, recorded: RecordedEvent, event: BudgetSet) -> None:
    rows._created[event.budget_id] = event
    rows._record(sql.ADD_BUDGET, recorded, id=event.budget_id, **_of_terms(event.terms))


def _budget_revised(rows: LedgerRows, recorded: RecordedEvent, event: BudgetRevised) -> None:
    rows._record(sql.REVISE_BUDGET, recorded, id=event.budget_id, **_of_terms(event.after))


def _of_terms(terms: BudgetTerms) -> dict[str, object]:
    return {**msgspec.structs.asdict(terms), "last_day": last_day_of(terms)}


def _budget_removed(rows: LedgerRows, recorded: RecordedEvent, event: BudgetRemoved) -> None:
    rows._record(sql.REMOVE_BUDGET, recorded, id=event.budget_id)


def _goal_set(rows: LedgerRows, recorded: RecordedEvent, event: GoalSet) -> None:
    rows._created[event.goal_id] = event
    rows._record(sql.ADD_GOAL, recorded, id=event.goal_id, **msgspec.structs.asdict(event.terms))


def _goal_revised(rows: LedgerRows, recorded: RecordedEvent, event: GoalRevised) -> None:
    rows._record(sql.REVISE_GOAL, recorded, id=event.goal_id, **msgspec.structs.asdict(event.after))


def _goal_removed(rows: LedgerRows, recorded: RecordedEvent, event: GoalRemoved) -> None:
    rows._record(sql.REMOVE_GOAL, recorded, id=event.goal_id)


def _auto_saving_changed(
    rows: LedgerRows, recorded: RecordedEvent, event: AutoSavingSet | AutoSavingDone
) -> None:
    policy = policy_after(rows.saving_policy, recorded, event)
    rows._policy = policy
    row = (
        rows._rows_id,
        policy.version,
        policy.is_enabled,
        policy.keep_rials,
        policy.category_id,
        policy.from_month,
        policy.next_month,
        policy.last_month,
        policy.last_amount_rials,
        policy.last_transaction_id,
    )
    rows._connection.later(sql.KEEP_SAVING_POLICY, row)


def _recurring(rows: LedgerRows, recorded: RecordedEvent, event: RecurringEvent) -> None:
    for statement, params in recurring.writes(event):
        if statement in recurring.ADDITIONS:
            rows._created[params["id"]] = event
        rows._record(statement, recorded, **params)


CHANGES: Final[dict[type[Event], Callable[[LedgerRows, RecordedEvent, Any], None]]] = {
    LedgerOpened: _ledger_opened,
    CategoryAdded: _category_added,
    CategoryChanged: _category_changed,
    CategoryRemoved: _category_removed,
    IncomeRecorded: _transaction_recorded,
    ExpenseRecorded: _transaction_recorded,
    SavingDeposited: _transaction_recorded,
    SavingWithdrawn: _transaction_recorded,
    SurplusSaved: _transaction_recorded,
    TransactionCorrected: _transaction_corrected,
    TransactionVoided: _transaction_marked,
    TransactionRestored: _transaction_marked,
    BudgetSet: _budget_set,
    BudgetRevised: _budget_revised,
    BudgetRemoved: _budget_removed,
    GoalSet: _goal_set,
    GoalRevised: _goal_revised,
    GoalRemoved: _goal_removed,
    AutoSavingSet: _auto_saving_changed,
    AutoSavingDone: _auto_saving_changed,
    **dict.fromkeys(recurring.EVENTS, _recurring),
}
