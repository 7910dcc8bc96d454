"""Notices of budgets: what is nearly used, used or missed is told, once, and nothing else."""

import datetime as dt
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.budgets import RemoveBudget, ReviseBudget, SetBudget
from domain.calendar import format_jalali, from_jalali, today_in_tehran
from domain.categories import AddCategory
from domain.store import notices
from domain.store.database import Database
from domain.store.following import begin_following
from domain.store.notices import KINDS, Channels, Notice, Wishes
from domain.store.queue import Task
from domain.transactions import (
    CorrectTransaction,
    RecordTransaction,
    RestoreTransaction,
    VoidTransaction,
)
from projections.budgets import find_budget
from projections.rebuild import rebuild_ledger
from tests.books import NOON, Book
from workers.budget_notices import follow_budgets
from workers.follow import Look
from workers.following import Following

START, END = from_jalali(1405, 9, 1), from_jalali(1405, 9, 30)


class Home:
    """A ledger with a category, and somebody who follows it."""

    def __init__(self, database: Database) -> None:
        self.book = Book(database)
        self.food = uuid4()
        self.tasks: list[Task] = []
        self.book.record(AddCategory(id=self.food, name="خوراک", kind="expense"))
        following = Following(database, self.tasks.append, [follow_budgets], self.book.clock)
        self._look = Look(database, following)

    def budget(self, **terms: Any) -> UUID:
        """Set a budget of this month, unless other terms are said."""
        budget_id = uuid4()
        said = {"category_id": self.food, "start": START, "end": END, **terms}
        self.book.record(SetBudget(id=budget_id, **said))
        return budget_id

    def spend(self, amount: int, date: dt.date = START, category: UUID | None = None) -> UUID:
        """Record an expense."""
        entry = RecordTransaction(
            id=uuid4(), category_id=category or self.food, amount_rials=amount, date=date
        )
        self.book.record(entry)
        assert entry.id is not None
        return entry.id

    def told(self) -> list[Notice]:
        """All that was told by now, the oldest first."""
        self._look()
        found = self.book.database.read(
            lambda c: notices.list_notices(c, self.book.ledger_id, None, 100, unread=False)
        )
        return found[::-1]

    def kinds(self) -> list[str]:
        """The kinds of all that was told by now."""
        return [notice.kind for notice in self.told()]

    def pass_days(self, days: int) -> None:
        """Let time go by."""
        self.book.clock.now += dt.timedelta(days=days)


@pytest.fixture
def home(database: Database) -> Home:
    """Somebody at home."""
    return Home(database)


def test_most_of_it_and_all_of_it_are_told_once_each(home: Home) -> None:
    budget_id = home.budget(max_amount_rials=1000)
    home.spend(799)
    assert home.kinds() == []
    home.spend(1)
    [near] = home.told()
    assert (near.kind, near.created_at) == ("budget_near", NOON)
    assert near.data == {
        "budget_id": str(budget_id),
        "category_id": str(home.food),
        "category": "خوراک",
        "start": "1405-09-01",
        "end": "1405-09-30",
        "used": 800,
        "min_amount": None,
        "max_amount": 1000,
        "percent": 80,
    }
    home.spend(199)
    assert home.kinds() == ["budget_near"]
    home.spend(1)
    assert home.kinds() == ["budget_near", "budget_reached"]
    home.spend(5000)
    assert home.kinds() == ["budget_near", "budget_reached"]


def test_all_of_it_at_once_is_one_notice_whatever_is_taken_back(home: Home) -> None:
    home.budget(max_amount_rials=1000)
    home.spend(500)
    entry = home.spend(700)
    assert home.kinds() == ["budget_reached"]
    home.book.record(CorrectTransaction(transaction_id=entry, amount_rials=350))
    assert home.kinds() == ["budget_reached"]
    home.book.record(VoidTransaction(transaction_id=entry))
    home.told()
    home.book.record(RestoreTransaction(transaction_id=entry))
    home.book.record(CorrectTransaction(transaction_id=entry, amount_rials=900))
    assert home.kinds() == ["budget_reached"]


def test_a_revised_maximum_is_told_when_it_is_reached_too(home: Home) -> None:
    budget_id = home.budget(max_amount_rials=1000)
    home.spend(1000)
    assert home.kinds() == ["budget_reached"]
    home.book.record(ReviseBudget(budget_id=budget_id, max_amount_rials=1100))
    assert home.kinds() == ["budget_reached", "budget_near"]
    home.book.record(ReviseBudget(budget_id=budget_id, max_amount_rials=1000))
    assert len(home.kinds()) == 2


def test_only_the_period_of_today_and_the_categories_of_the_news_count(home: Home) -> None:
    other = uuid4()
    home.book.record(AddCategory(id=other, name="پوشاک", kind="expense"))
    last_month = {"start": from_jalali(1405, 8, 1), "end": from_jalali(1405, 8, 30)}
    home.budget(max_amount_rials=10, **last_month)
    home.budget(max_amount_rials=10, category_id=other)
    removed = home.budget(max_amount_rials=10)
    home.book.record(RemoveBudget(budget_id=removed))
    home.spend(5000, date=last_month["start"])
    home.spend(5000)
    assert home.kinds() == []
    home.spend(9, category=other)
    assert [notice.data["category"] for notice in home.told()] == ["پوشاک"]


def test_thousands_of_entries_tell_a_thing_once(home: Home) -> None:
    home.budget(max_amount_rials=100)
    for _ in range(300):
        home.spend(1)
    assert home.kinds() == ["budget_reached"]


def test_each_period_of_a_repeating_budget_is_told(home: Home) -> None:
    home.budget(max_amount_rials=1000, repeat="month")
    home.spend(1000)
    assert home.kinds() == ["budget_reached"]
    home.pass_days(30)
    assert home.kinds() == ["budget_reached"]
    home.spend(800, date=from_jalali(1405, 10, 1))
    assert home.kinds() == ["budget_reached", "budget_near"]
    assert home.told()[-1].data["start"] == "1405-10-01"


def test_what_was_entered_ahead_is_told_when_its_period_begins(home: Home) -> None:
    home.budget(max_amount_rials=1000, repeat="month")
    home.spend(1000, date=from_jalali(1405, 10, 5))
    assert home.kinds() == []
    home.pass_days(30)
    assert home.kinds() == ["budget_reached"]


def test_what_stood_when_somebody_began_to_look_is_no_news(home: Home, database: Database) -> None:
    home.budget(max_amount_rials=1000)
    home.spend(900)
    yesterday = today_in_tehran(NOON) - dt.timedelta(days=1)
    home.book.database.write(lambda c: begin_following(c, home.book.head(), yesterday))
    now = "UPDATE followed SET version = :version WHERE ledger_id = :ledger_id"
    version, ledger_id = home.book.head().version, home.book.ledger_id
    database.write(lambda c: c.run(now, version=version, ledger_id=ledger_id))
    home.pass_days(1)
    assert home.kinds() == []


def test_a_missed_minimum_is_told_on_the_day_after(home: Home) -> None:
    home.budget(min_amount_rials=1000)
    home.budget(min_amount_rials=100, max_amount_rials=100_000, end=END - dt.timedelta(days=1))
    home.spend(300)
    home.told()
    home.book.clock.now = dt.datetime.combine(END, dt.time(12), dt.UTC)
    assert home.kinds() == []
    home.pass_days(1)
    [missed] = home.told()
    assert (missed.kind, missed.data["used"], missed.data["min_amount"]) == (
        "budget_missed",
        300,
        1000,
    )
    home.pass_days(1)
    assert home.kinds() == ["budget_missed"]


def test_days_on_which_nobody_looked_are_caught_up_with(home: Home) -> None:
    home.budget(min_amount_rials=1000, repeat="month")
    home.told()
    home.pass_days(95)
    found = home.told()
    starts = sorted(notice.data["start"] for notice in found)
    assert starts == ["1405-09-01", "1405-10-01", "1405-11-01"]
    assert {notice.kind for notice in found} == {"budget_missed"}


def test_what_is_entered_before_the_day_is_looked_at_counts(home: Home) -> None:
    home.budget(min_amount_rials=1000)
    home.told()
    home.pass_days(40)
    home.spend(1000, date=END)
    assert home.kinds() == []


def test_rows_that_are_built_anew_make_no_news(home: Home, database: Database) -> None:
    home.budget(max_amount_rials=1000)
    home.spend(900)
    assert home.kinds() == ["budget_near"]
    rebuild_ledger(database, home.book.ledger_id)
    assert home.kinds() == ["budget_near"]
    home.spend(100)
    assert home.kinds() == ["budget_near", "budget_reached"]


def test_a_text_is_asked_for_where_it_is_wished(home: Home, database: Database) -> None:
    wishes = Wishes("fa", {kind: Channels(sms=kind == "budget_reached") for kind in KINDS})
    database.write(lambda c: notices.keep_wishes(c, home.book.ledger_id, wishes))
    home.budget(max_amount_rials=1000)
    home.spend(850)
    home.told()
    assert home.tasks == []
    home.spend(850)
    home.told()
    assert [task.function for task in home.tasks] == ["send_text"]


class Spends(NamedTuple):
    """So much is spent, or is to be."""

    amount: int
    days_ahead: int


class Takes(NamedTuple):
    """The entry of this number, counted round and round, is voided, or put back."""

    number: int


class Raises(NamedTuple):
    """The maximum becomes this."""

    amount: int


class Waits(NamedTuple):
    """So many days go by; the budget is of each month."""

    days: int


class Looks(NamedTuple):
    """Somebody looks."""


ACTS = st.one_of(
    st.builds(Spends, st.integers(1, 600), st.sampled_from([0, 0, 20])),
    st.builds(Takes, st.integers(0, 20)),
    st.builds(Raises, st.sampled_from([500, 1000, 2000])),
    st.builds(Waits, st.integers(1, 40)),
    st.just(Looks()),
)


@given(acts=st.lists(ACTS, max_size=25))
@settings(max_examples=30)
def test_whatever_happens_what_stands_is_told_and_nothing_twice(
    database: Database, acts: list[object]
) -> None:
    home = Home(database)
    budget_id = home.budget(max_amount_rials=1000, repeat="month")
    entries: list[UUID] = []
    for act in [*acts, Looks()]:
        if isinstance(act, Spends):
            date = today_in_tehran(home.book.clock.now) + dt.timedelta(days=act.days_ahead)
            entries.append(home.spend(act.amount, date=date))
        elif isinstance(act, Takes) and entries:
            _void_or_restore(home, entries[act.number % len(entries)])
        elif isinstance(act, Raises):
            home.book.record(ReviseBudget(budget_id=budget_id, max_amount_rials=act.amount))
        elif isinstance(act, Waits):
            home.pass_days(act.days)
        elif isinstance(act, Looks):
            _assert_what_stands_is_told(home, budget_id)


def _void_or_restore(home: Home, entry_id: UUID) -> None:
    entry = home.book.state().transactions[entry_id]
    undo = RestoreTransaction if entry.is_voided else VoidTransaction
    home.book.record(undo(transaction_id=entry_id))


def _assert_what_stands_is_told(home: Home, budget_id: UUID) -> None:
    told = home.told()
    today = today_in_tehran(home.book.clock.now)
    used = home.book.database.read(lambda c: find_budget(c, home.book.rows_id, budget_id, today))
    assert used is not None
    most, so_far = used.budget.max_amount_rials, used.utilisation.used
    assert most is not None
    here = {
        notice.kind
        for notice in told
        if (notice.data["start"], notice.data["max_amount"])
        == (format_jalali(used.period.start), most)
    }
    if so_far >= most:
        assert "budget_reached" in here
    elif so_far * 100 >= most * 80:
        assert here
    each = [(notice.kind, notice.data["start"], notice.data["max_amount"]) for notice in told]
    assert len(each) == len(set(each))
