"""Rehearsals: commands decided as if those before them were recorded, and nothing is."""

import datetime as dt
from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid4

import msgspec

from domain.base import Command, Event
from domain.categories import CategoryAdded
from domain.creation import Circumstances
from domain.decider import decide
from domain.ledger import (
    Budget,
    Category,
    Draft,
    Goal,
    Ledger,
    Recurrence,
    SavingPolicy,
    Transaction,
)
from domain.money import Totals
from domain.text import fold

NEVER: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
"""When a rehearsed category was added; no rule asks."""


class RehearsedLedger:
    """A ledger as it would stand: `rows`, and the new categories and sums since.

    It keeps sums of entries and not the entries: whoever rehearses an id twice has to notice
    that, as `Rehearsal` does.
    """

    def __init__(self, rows: Ledger | None = None) -> None:
        self.rows = rows
        self._added: dict[UUID, Category] = {}
        self._named: dict[str, Category] = {}
        self._since = Totals()
        self._saved: dict[UUID, int] = {}

    @property
    def _base(self) -> Ledger:
        assert self.rows is not None, "it is lent the rows of a snapshot first"
        return self.rows

    @property
    def version(self) -> int:
        return self._base.version

    @property
    def totals(self) -> Totals:
        before, since = self._base.totals, self._since
        return Totals(*(getattr(before, n) + getattr(since, n) for n in Totals.__struct_fields__))

    @property
    def saving_policy(self) -> SavingPolicy:
        return self._base.saving_policy

    def category(self, category_id: UUID) -> Category | None:
        return self._added.get(category_id) or self._base.category(category_id)

    def category_named(self, name: str) -> Category | None:
        return self._named.get(fold(name)) or self._base.category_named(name)

    def oldest_active_savings(self) -> Category | None:
        return self._base.oldest_active_savings()

    def is_category_in_use(self, category_id: UUID) -> bool:
        return self._base.is_category_in_use(category_id)

    def saved_in(self, category_id: UUID) -> int:
        return self._base.saved_in(category_id) + self._saved.get(category_id, 0)

    def transaction(self, transaction_id: UUID) -> Transaction | None:
        return self._base.transaction(transaction_id)

    def budget(self, budget_id: UUID) -> Budget | None:
        return self._base.budget(budget_id)

    def budget_for(self, category_id: UUID, start: dt.date, end: dt.date) -> Budget | None:
        return self._base.budget_for(category_id, start, end)

    def recurrence(self, recurrence_id: UUID) -> Recurrence | None:
        return self._base.recurrence(recurrence_id)

    def due_recurrences(self, day: dt.date, limit: int) -> list[Recurrence]:
        return self._base.due_recurrences(day, limit)

    def draft(self, draft_id: UUID) -> Draft | None:
        return self._base.draft(draft_id)

    def open_drafts(self, recurrence_id: UUID) -> list[Draft]:
        return self._base.open_drafts(recurrence_id)

    def goal(self, goal_id: UUID) -> Goal | None:
        return self._base.goal(goal_id)

    def goal_for(self, category_id: UUID) -> Goal | None:
        return self._base.goal_for(category_id)

    def balance_up_to(self, day: dt.date) -> int:
        return self._base.balance_up_to(day)

    def creation(self, resource_id: UUID) -> Event | None:
        return self._base.creation(resource_id)

    def add(self, event: Event) -> None:
        """Stand as after one more event."""
        for posting in event.postings():
            self._since = self._since.plus(posting)
            saved = self._saved.get(posting.category_id, 0)
            self._saved[posting.category_id] = saved + posting.net_rials
        if isinstance(event, CategoryAdded):
            category = Category(
                id=event.category_id,
                kind=event.kind,
                **msgspec.structs.asdict(event.details),
                is_removed=False,
                created_version=0,
                version=0,
                created_at=NEVER,
                updated_at=NEVER,
            )
            self._added[category.id] = self._named[fold(category.name)] = category


class Rehearsal:
    """A bracket that only decides. Of each command it remembers 8 bytes, and none of its words."""

    def __init__(self, today: dt.date, rows: Ledger | None = None) -> None:
        self.ledger = RehearsedLedger(rows)
        self._given = Circumstances(today, uuid4)
        self._heard: set[int] = set()

    @property
    def today(self) -> dt.date:
        """The day in Tehran on which this is rehearsed."""
        return self._given.today

    def record(self, command: Command) -> Sequence[Event]:
        """What would happen, nothing where it did already; raises one `Refusal`."""
        mark = hash(command)
        if mark in self._heard:
            return []
        events = decide(command, self.ledger, self._given)
        for event in events:
            self.ledger.add(event)
        self._heard.add(mark)
        return events
