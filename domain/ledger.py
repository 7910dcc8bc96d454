"""What the rules may ask of a ledger, and the fold of its history that answers them."""

import datetime as dt
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from domain.base import Event
from domain.calendar import add_months
from domain.money import Direction, Kind, Posting, Totals
from domain.periods import Repeat, Rollover
from domain.recurring_days import Period
from domain.text import fold


class Category(msgspec.Struct, frozen=True, gc=False):
    """A heading that money is put under. `version` is the ledger's when it last changed."""

    id: UUID
    name: str
    kind: Kind
    color: str
    default_amount_rials: int | None
    is_active: bool
    is_removed: bool
    created_version: int
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """Money that came in, went out, or was put aside or taken back."""

    id: UUID
    category_id: UUID
    kind: Kind
    direction: Direction | None
    amount_rials: int
    date: dt.date
    description: str
    is_voided: bool
    created_version: int
    version: int
    recorded_at: dt.datetime
    updated_at: dt.datetime


class Budget(msgspec.Struct, frozen=True, gc=False):
    """Least and most, in Rials, for one category from `start` to `end`, both included.

    These days repeat while a period begins up to `until`, and what is left over or missing rolls
    over into the next: see `domain.periods`.
    """

    id: UUID
    category_id: UUID
    min_amount_rials: int | None
    max_amount_rials: int | None
    start: dt.date
    end: dt.date
    repeat: Repeat
    rollover: Rollover
    until: dt.date | None
    is_removed: bool
    created_version: int
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime


class Goal(msgspec.Struct, frozen=True, gc=False):
    """What a savings category is to come to, in Rials, by `target_date` if it has one."""

    id: UUID
    category_id: UUID
    name: str | None
    target_amount_rials: int
    target_date: dt.date | None
    is_removed: bool
    created_version: int
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime


class SavingPolicy(msgspec.Struct, frozen=True, gc=False):
    """What is saved by itself when a Jalali month has ended; `version` 0 when that was never said.

    Months are numbers such as 140508. `last_month` is the last one that was done, and stays when
    saving is stopped; `last_transaction_id` is None when there was nothing to save in it.
    """

    is_enabled: bool = False
    keep_rials: int = 0
    category_id: UUID | None = None
    from_month: int | None = None
    last_month: int | None = None
    last_amount_rials: int | None = None
    last_transaction_id: UUID | None = None
    version: int = 0

    @property
    def next_month(self) -> int | None:
        """The month that is done next, whether it has ended or not; none while disabled."""
        if not self.is_enabled or self.from_month is None:
            return None
        if self.last_month is None:
            return self.from_month
        return max(self.from_month, add_months(self.last_month, 1))


RecurrenceMode = Literal["record", "draft"]


class Recurrence(msgspec.Struct, frozen=True, gc=False):
    """An entry that recurs. `last_amount_rials` is of the last of `count` times, where it differs.

    `weekdays` is a mask, as in `Schedule`. Nothing happens any more on `done_until` or before;
    what happens on `next_date` is the `next_number`th time. Without a next date it is over.
    """

    id: UUID
    category_id: UUID
    direction: Direction | None
    amount_rials: int
    last_amount_rials: int | None
    description: str
    period: Period
    interval: int
    weekdays: int
    start: dt.date
    until: dt.date | None
    count: int | None
    mode: RecurrenceMode
    next_number: int
    next_date: dt.date | None
    done_until: dt.date | None
    is_removed: bool
    created_version: int
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime


DraftStatus = Literal["open", "confirmed", "dismissed"]


class Draft(msgspec.Struct, frozen=True, gc=False):
    """What a recurrence would have recorded, held until somebody confirms it.

    Confirmed, it is the transaction with the same id. `reason` is the code of the refusal that
    kept it from being recorded, or None where it was to be a draft.
    """

    id: UUID
    recurrence_id: UUID
    number: int
    category_id: UUID
    direction: Direction | None
    amount_rials: int
    date: dt.date
    description: str
    reason: str | None
    status: DraftStatus
    created_version: int
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime


class Ledger(Protocol):
    """The facts a rule may ask for. What was removed is not found."""

    @property
    def version(self) -> int:
        """How many events were recorded."""

    @property
    def totals(self) -> Totals:
        """The running totals over all dates."""

    @property
    def saving_policy(self) -> SavingPolicy:
        """What is saved by itself."""

    def category(self, category_id: UUID) -> Category | None:
        """The category with this id."""

    def category_named(self, name: str) -> Category | None:
        """The category whose folded name equals this one's."""

    def oldest_active_savings(self) -> Category | None:
        """The first savings category that is still active."""

    def is_category_in_use(self, category_id: UUID) -> bool:
        """Whether anything names it: an entry, voided or not, a budget, a goal, the saving
        policy, a recurrence or an open draft."""

    def saved_in(self, category_id: UUID) -> int:
        """Deposits minus withdrawals of one savings category, over all dates, in Rials."""

    def transaction(self, transaction_id: UUID) -> Transaction | None:
        """The transaction with this id, voided or not."""

    def budget(self, budget_id: UUID) -> Budget | None:
        """The budget with this id."""

    def budget_for(self, category_id: UUID, start: dt.date, end: dt.date) -> Budget | None:
        """The budget of a category with exactly this first period."""

    def recurrence(self, recurrence_id: UUID) -> Recurrence | None:
        """The recurrence with this id."""

    def due_recurrences(self, day: dt.date, limit: int) -> list[Recurrence]:
        """Up to `limit` recurrences whose next date has come by a day, the earliest first."""

    def draft(self, draft_id: UUID) -> Draft | None:
        """The draft with this id, whatever became of it."""

    def open_drafts(self, recurrence_id: UUID) -> list[Draft]:
        """A recurrence's drafts that wait for somebody, oldest first."""

    def goal(self, goal_id: UUID) -> Goal | None:
        """The goal with this id."""

    def goal_for(self, category_id: UUID) -> Goal | None:
        """The goal of a category."""

    def balance_up_to(self, day: dt.date) -> int:
        """The balance in Rials of everything dated up to a day, that day included."""

    def creation(self, resource_id: UUID) -> Event | None:
        """The event that created the thing with this id, removed or not."""


class LedgerState:
    """A ledger folded in memory from its events; `evolve` changes it in place.

    Removed categories, budgets, goals and recurrences stay, marked, since their ids are taken
    for ever.
    `days` has for each category, by day, its net Rials and its entries.
    """

    def __init__(self) -> None:
        self.version = 0
        self.account_id: UUID | None = None
        self.totals = Totals()
        self.categories: dict[UUID, Category] = {}
        self.transactions: dict[UUID, Transaction] = {}
        self.budgets: dict[UUID, Budget] = {}
        self.goals: dict[UUID, Goal] = {}
        self.saving_policy = SavingPolicy()
        self.recurrences: dict[UUID, Recurrence] = {}
        self.drafts: dict[UUID, Draft] = {}
        self.creations: dict[UUID, Event] = {}
        self.changes: dict[UUID, list[int]] = {}
        self.days: dict[UUID, dict[dt.date, tuple[int, int]]] = {}

    def post(self, posting: Posting) -> None:
        """Add one posting to every total; a day without entries keeps no row."""
        self.totals = self.totals.plus(posting)
        days = self.days.get(posting.category_id)
        if days is None:
            days = self.days[posting.category_id] = {}
        amount, count = days.get(posting.date, (0, 0))
        count += posting.sign
        if count:
            days[posting.date] = (amount + posting.net_rials, count)
        else:
            del days[posting.date]

    def category(self, category_id: UUID) -> Category | None:
        """See `Ledger.category`."""
        found = self.categories.get(category_id)
        return None if found is None or found.is_removed else found

    def category_named(self, name: str) -> Category | None:
        """See `Ledger.category_named`."""
        wanted = fold(name)
        present = (c for c in self.categories.values() if not c.is_removed)
        return next((c for c in present if fold(c.name) == wanted), None)

    def oldest_active_savings(self) -> Category | None:
        """See `Ledger.oldest_active_savings`."""
        active = (
            category
            for category in self.categories.values()
            if category.kind == "savings" and category.is_active and not category.is_removed
        )
        return min(active, key=lambda category: category.created_version, default=None)

    def is_category_in_use(self, category_id: UUID) -> bool:
        """See `Ledger.is_category_in_use`."""
        return (
            any(t.category_id == category_id for t in self.transactions.values())
            or any(b.category_id == category_id and not b.is_removed for b in self.budgets.values())
            or self.goal_for(category_id) is not None
            or self.saving_policy.category_id == category_id
            or any(
                r.category_id == category_id and not r.is_removed for r in self.recurrences.values()
            )
            or any(
                d.category_id == category_id and d.status == "open" for d in self.drafts.values()
            )
        )

    def saved_in(self, category_id: UUID) -> int:
        """See `Ledger.saved_in`."""
        return sum(amount for amount, _ in self.days.get(category_id, {}).values())

    def transaction(self, transaction_id: UUID) -> Transaction | None:
        """See `Ledger.transaction`."""
        return self.transactions.get(transaction_id)

    def budget(self, budget_id: UUID) -> Budget | None:
        """See `Ledger.budget`."""
        found = self.budgets.get(budget_id)
        return None if found is None or found.is_removed else found

    def budget_for(self, category_id: UUID, start: dt.date, end: dt.date) -> Budget | None:
        """See `Ledger.budget_for`."""
        wanted = (category_id, start, end)
        present = (b for b in self.budgets.values() if not b.is_removed)
        return next((b for b in present if (b.category_id, b.start, b.end) == wanted), None)

    def recurrence(self, recurrence_id: UUID) -> Recurrence | None:
        """See `Ledger.recurrence`."""
        found = self.recurrences.get(recurrence_id)
        return None if found is None or found.is_removed else found

    def due_recurrences(self, day: dt.date, limit: int) -> list[Recurrence]:
        """See `Ledger.due_recurrences`."""
        due = [
            (recurrence.next_date, recurrence.created_version, recurrence)
            for recurrence in self.recurrences.values()
            if recurrence.next_date is not None and recurrence.next_date <= day
        ]
        return [recurrence for *_, recurrence in sorted(due, key=lambda one: one[:2])[:limit]]

    def draft(self, draft_id: UUID) -> Draft | None:
        """See `Ledger.draft`."""
        return self.drafts.get(draft_id)

    def open_drafts(self, recurrence_id: UUID) -> list[Draft]:
        """See `Ledger.open_drafts`."""
        return [
            draft
            for draft in self.drafts.values()
            if draft.recurrence_id == recurrence_id and draft.status == "open"
        ]

    def goal(self, goal_id: UUID) -> Goal | None:
        """See `Ledger.goal`."""
        found = self.goals.get(goal_id)
        return None if found is None or found.is_removed else found

    def goal_for(self, category_id: UUID) -> Goal | None:
        """See `Ledger.goal_for`."""
        present = (goal for goal in self.goals.values() if not goal.is_removed)
        return next((goal for goal in present if goal.category_id == category_id), None)

    def balance_up_to(self, day: dt.date) -> int:
        """See `Ledger.balance_up_to`."""
        balance = 0
        for category_id, days in self.days.items():
            amount = sum(amount for date, (amount, _) in days.items() if date <= day)
            balance += amount if self.categories[category_id].kind == "income" else -amount
        return balance

    def creation(self, resource_id: UUID) -> Event | None:
        """See `Ledger.creation`."""
        return self.creations.get(resource_id)
