"""Changes: a phone that takes page after page has, in the end, what the ledger has."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.base import Command, Refusal
from domain.ledger import Budget, Category, Draft, Goal, Recurrence, SavingPolicy, Transaction
from domain.store.database import Connection, Database
from domain.store.ledgers import Bracket, read_head
from domain.transactions import RecordTransaction, VoidTransaction
from projections.changes import TRANSACTIONS, Changes, changes_since
from tests.books import Book
from tests.projections.histories import CATEGORY_IDS, HOUSEHOLD, RECURRING, Asked, histories

Thing = TypeVar("Thing", Category, Budget, Goal, Recurrence)
TODAY = dt.date(2026, 11, 23)
ENTRIES = 2000


class Phone:
    """A client: it knows what it was sent, and nothing else."""

    def __init__(self) -> None:
        self.version = 0
        self.categories: dict[UUID, Category] = {}
        self.transactions: dict[UUID, Transaction] = {}
        self.budgets: dict[UUID, Budget] = {}
        self.recurrences: dict[UUID, Recurrence] = {}
        self.drafts: dict[UUID, Draft] = {}
        self.goals: dict[UUID, Goal] = {}
        self.saving_policy = SavingPolicy()
        self.voided: set[UUID] = set()

    def sync(self, book: Book, limit: int, pages: int) -> None:
        """Ask for at most so many pages."""
        for _ in range(pages):
            changes = _ask(book, self.version, limit)
            self._apply(changes)
            assert changes.version > self.version or not changes.has_more
            self.version = changes.version
            if not changes.has_more:
                return

    def _apply(self, changes: Changes) -> None:
        self.categories |= {category.id: category for category in changes.categories}
        self.budgets |= {used.budget.id: used.budget for used in changes.budgets}
        self.goals |= {found.goal.id: found.goal for found in changes.goals}
        self.saving_policy = changes.saving_policy or self.saving_policy
        self.recurrences |= {one.id: one for one in changes.recurrences}
        self.drafts |= {draft.id: draft for draft in changes.drafts}
        for entry in changes.transactions:
            fields = {n: getattr(entry, n) for n in Transaction.__struct_fields__}
            self.transactions[entry.id] = Transaction(**fields)
            self.voided.discard(entry.id)
        self.voided |= set(changes.removed_transactions)
        _forget(self.categories, changes.removed_categories)
        _forget(self.budgets, changes.removed_budgets)
        _forget(self.recurrences, changes.removed_recurrences)
        _forget(self.drafts, changes.removed_drafts)
        _forget(self.goals, changes.removed_goals)


def _forget(known: dict[UUID, Any], ids: Iterable[UUID]) -> None:
    for one in ids:
        known.pop(one, None)


def _ask(book: Book, since: int, limit: int) -> Changes:
    return book.database.read(
        lambda connection: changes_since(
            connection, read_head(connection, book.ledger_id), since, limit, TODAY
        )
    )


def live(asked: Asked, book: Book) -> None:
    """Ask a ledger for something; what is refused is left out."""

    def work(bracket: Bracket) -> None:
        for command in asked.commands:
            try:
                bracket.record(command)
            except Refusal:
                continue

    book.store.transact(book.ledger_id, "a-test", work, dry_run=asked.is_dry_run)


@given(
    history=histories(),
    moments=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4)), min_size=13, max_size=13),
)
def test_a_phone_that_syncs_now_and_then_ends_with_what_the_ledger_has(
    database: Database, history: list[Asked], moments: list[tuple[int, int]]
) -> None:
    book, phone = Book(database), Phone()
    for asked, (limit, pages) in zip(history, moments, strict=False):
        book.clock.now += dt.timedelta(hours=asked.after_hours)
        live(asked, book)
        phone.sync(book, limit, pages)
    phone.sync(book, 7, 10_000)
    state = book.state()
    assert phone.version == state.version
    assert phone.transactions == state.transactions
    assert phone.voided == {t.id for t in state.transactions.values() if t.is_voided}
    assert phone.categories == _present(state.categories)
    assert phone.budgets == _present(state.budgets)
    assert phone.goals == _present(state.goals)
    assert phone.recurrences == _present(state.recurrences)
    assert phone.drafts == {d.id: d for d in state.drafts.values() if d.status == "open"}
    assert phone.saving_policy == state.saving_policy


def _present(things: Mapping[UUID, Thing]) -> dict[UUID, Thing]:
    return {one: thing for one, thing in things.items() if not thing.is_removed}


def test_nothing_comes_twice_and_no_page_is_longer_than_asked(database: Database) -> None:
    book = Book(database)
    live(Asked([*HOUSEHOLD, *RECURRING], is_atomic=True, is_dry_run=False), book)
    since = 0
    seen: list[UUID] = []
    while (page := _ask(book, since, 3)).has_more or page.version > since:
        found = [c.id for c in page.categories] + [t.id for t in page.transactions]
        found += [used.budget.id for used in page.budgets]
        found += [recurrence.id for recurrence in page.recurrences]
        found += [reached.goal.id for reached in page.goals]
        assert len(found) <= 3
        # A draft comes along with the recurrence that left it.
        found += [draft.id for draft in page.drafts]
        seen, since = seen + found, page.version
    state = book.state()
    budgets, recurrences = len(state.budgets), len(state.recurrences)
    things = len(state.categories) + len(state.transactions) + budgets + recurrences
    assert len(seen) == len(set(seen)) == things + len(state.drafts)


def test_what_is_looked_at_does_not_grow_with_the_history(database: Database) -> None:
    book = Book(database)
    live(Asked(HOUSEHOLD, is_atomic=True, is_dry_run=False), book)
    many: list[Command] = [_spend(number) for number in range(1, ENTRIES)]
    many += [VoidTransaction(transaction_id=UUID(int=n)) for n in range(1, ENTRIES, 2)]
    live(Asked(many, is_atomic=True, is_dry_run=False), book)
    head = book.head()
    within = {"ledger_id": head.rows_id, "since": head.version - 50, "until": head.version}
    database.write(lambda connection: connection.run("ANALYZE"))
    plan = database.read(lambda connection: _plan(connection, within))
    assert "transactions_by_version" in plan
    assert "transaction_changes_by_version" in plan
    assert not re.search(r"SCAN t\b|Seq Scan on transactions", plan), plan


def _spend(number: int) -> RecordTransaction:
    food = CATEGORY_IDS[1]
    return RecordTransaction(id=UUID(int=number), category_id=food, amount_rials=5, date=TODAY)


def _plan(connection: Connection, params: dict[str, object]) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.dialect == "sqlite" else "EXPLAIN"
    rows = connection.all(f"{explain} {TRANSACTIONS[connection.dialect]}", **params)
    return "\n".join(str(list(row.values())[-1]) for row in rows)


@pytest.mark.parametrize("limit", [1, 1000])
def test_an_empty_page_stands_at_the_head(database: Database, limit: int) -> None:
    book = Book(database)
    page = msgspec.structs.asdict(_ask(book, book.head().version, limit))
    assert (page.pop("version"), page.pop("has_more")) == (1, False)
    assert not any(page.values())
