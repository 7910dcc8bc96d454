"""Random histories: what people might ask of a ledger, sensible or not."""

import datetime as dt
from typing import Any
from uuid import UUID, uuid5

import msgspec
from hypothesis import strategies as st

from domain.auto_saving import SaveMonth, SetAutoSaving
from domain.base import Command
from domain.budgets import RemoveBudget, ReviseBudget, SetBudget
from domain.calendar import parse_jalali
from domain.categories import AddCategory, AddStarterCategories, ChangeCategory, RemoveCategory
from domain.drafts import ConfirmDraft, DismissDraft
from domain.goals import RemoveGoal, ReviseGoal, SetGoal
from domain.money import MAX_AMOUNT_RIALS
from domain.occurrences import RecordDue
from domain.periods import Repeat, Rollover
from domain.recurrences import RemoveRecurrence, ReviseRecurrence, SetRecurrence
from domain.recurring_days import WEEKDAYS
from domain.savings import SaveSurplus
from domain.transactions import (
    CorrectTransaction,
    RecordTransaction,
    RestoreTransaction,
    VoidTransaction,
)

# Few ids, names, dates and amounts, so that they meet; one id is everybody's.
SHARED_ID = UUID(int=0xAA)
CATEGORY_IDS = [UUID(int=0xC00 + n) for n in range(1, 7)]
TRANSACTION_IDS = [UUID(int=0x700 + n) for n in range(1, 8)]
GOAL_IDS = [UUID(int=0x600 + n) for n in range(1, 4)]
BUDGET_IDS = [UUID(int=0xB00 + n) for n in range(1, 4)]
RECURRENCE_IDS = [UUID(int=0xE00 + n) for n in range(1, 4)]
DRAFT_IDS = [uuid5(i, str(number)) for i in RECURRENCE_IDS for number in range(1, 5)]
NAMES = ["حقوق", "خوراک", "خوراك", "پس‌انداز", "پسانداز", "null", "123", "سفر", "کتاب", "قلک"]
DATES = [
    dt.date(1921, 3, 21),  # 1300-01-01, the first of all
    dt.date(2025, 3, 20),  # 1403-12-30, a leap day
    dt.date(2025, 3, 21),
    dt.date(2026, 3, 20),
    dt.date(2026, 3, 21),  # 1405-01-01
    dt.date(2026, 10, 22),
    dt.date(2026, 11, 21),
    dt.date(2026, 11, 22),  # 1405-09-01
    dt.date(2026, 11, 23),  # the day it is
    dt.date(2026, 11, 24),
    dt.date(2026, 12, 21),
    dt.date(2122, 3, 20),  # 1500-12-29, the last of all
]


def _entry(
    number: int, category: int, amount_rials: int, date: dt.date, **more: Any
) -> RecordTransaction:
    return RecordTransaction(
        id=TRANSACTION_IDS[number],
        category_id=CATEGORY_IDS[category],
        amount_rials=amount_rials,
        date=date,
        **more,
    )


HOUSEHOLD: list[Command] = [
    AddCategory(id=CATEGORY_IDS[0], name="درآمد", kind="income"),
    AddCategory(id=CATEGORY_IDS[1], name="هزینه", kind="expense", default_amount_rials=40),
    AddCategory(id=CATEGORY_IDS[2], name="هزینهٔ دیگر", kind="expense"),
    AddCategory(id=CATEGORY_IDS[3], name="اندوخته", kind="savings"),
    AddCategory(id=CATEGORY_IDS[4], name="اندوختهٔ دیگر", kind="savings", color="#000000"),
    _entry(0, 0, 500, DATES[4]),
    _entry(1, 1, 60, DATES[7]),
    _entry(2, 1, 90, DATES[7]),
    _entry(3, 3, 80, DATES[6]),
    _entry(4, 3, 30, DATES[8], direction="withdraw"),
    SetBudget(
        id=BUDGET_IDS[0],
        category_id=CATEGORY_IDS[1],
        max_amount_rials=100,
        start=DATES[4],
        end=DATES[5],
    ),
]
RECURRING: list[Command] = [
    SetRecurrence(
        id=RECURRENCE_IDS[0],
        category_id=CATEGORY_IDS[1],
        amount_rials=20,
        period="day",
        start=DATES[7],
        mode="draft",
    ),
    SetRecurrence(
        id=RECURRENCE_IDS[1],
        category_id=CATEGORY_IDS[3],
        direction="withdraw",
        total_amount_rials=100,
        description="قسط",
        period="month",
        start=DATES[6],
        count=3,
    ),
    RecordDue(),
]


class Asked(msgspec.Struct, frozen=True):
    """What is asked at once: all of it is recorded or none, or what is refused is left out.

    It is asked some hours after what was asked before.
    """

    commands: list[Command]
    is_atomic: bool
    is_dry_run: bool
    after_hours: int = 7


kinds = st.sampled_from(["income", "expense", "savings"])
category_ids = st.sampled_from([*CATEGORY_IDS[:5] * 3, CATEGORY_IDS[5], SHARED_ID])
transaction_ids = st.sampled_from([*TRANSACTION_IDS[:5] * 3, *TRANSACTION_IDS[5:], SHARED_ID])
new_transaction_ids = st.sampled_from([*TRANSACTION_IDS[4:], SHARED_ID])
budget_ids = st.sampled_from([*BUDGET_IDS, SHARED_ID])
dates = st.sampled_from(DATES) | st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31))
amounts = st.sampled_from([1, 10, 20, 30, 40, 60, 80, 90, 100, MAX_AMOUNT_RIALS])
directions = st.sampled_from(["deposit", "withdraw"])
unsaid = st.just(msgspec.UNSET)

records = st.builds(
    RecordTransaction,
    id=st.none() | new_transaction_ids,
    category_id=category_ids,
    amount_rials=amounts | unsaid,
    date=dates | unsaid,
    description=unsaid | st.sampled_from(["null", "نان و پنير", "12"]),
    direction=unsaid | unsaid | unsaid | directions,
)
moves_of_savings = st.builds(
    RecordTransaction,
    id=st.none() | new_transaction_ids,
    category_id=st.sampled_from(CATEGORY_IDS[3:5]),
    amount_rials=amounts,
    date=dates | unsaid,
    direction=directions,
)
corrections = st.builds(
    CorrectTransaction,
    transaction_id=transaction_ids,
    category_id=unsaid | unsaid | category_ids,
    amount_rials=unsaid | amounts,
    date=unsaid | dates,
    description=unsaid | st.sampled_from(["", "true"]),
)
corrections_of_savings = st.builds(
    CorrectTransaction,
    transaction_id=st.sampled_from(TRANSACTION_IDS[3:5]),
    category_id=unsaid | st.sampled_from(CATEGORY_IDS[3:5]),
    amount_rials=unsaid | amounts,
    date=unsaid | dates,
    direction=unsaid | directions,
)
voids = st.builds(VoidTransaction, transaction_id=transaction_ids)
restores = st.builds(RestoreTransaction, transaction_id=transaction_ids)
changes_of_categories = st.one_of(
    st.builds(
        AddCategory,
        id=st.none() | category_ids,
        name=st.sampled_from(NAMES),
        kind=kinds,
        color=unsaid | st.just("#FFFFFF"),
        default_amount_rials=unsaid | st.none() | amounts,
    ),
    st.builds(
        ChangeCategory,
        category_id=category_ids,
        name=unsaid | unsaid | st.sampled_from(NAMES),
        color=unsaid | st.just("#FFFFFF"),
        default_amount_rials=unsaid | st.none() | amounts,
        is_active=unsaid | st.booleans(),
    ),
    st.builds(RemoveCategory, category_id=category_ids),
    st.just(AddStarterCategories()),
)
starts, ends = st.sampled_from(DATES[4:6]), st.sampled_from(DATES[5:8])
# First periods that may repeat: months that begin on their first day, on their 15th, on a 31st, and
# years.
first_periods = st.sampled_from(
    [
        (parse_jalali(start), parse_jalali(end), repeat)
        for start, end, repeat in (
            ("1405-01-01", "1405-01-31", "month"),
            ("1404-11-15", "1404-12-14", "month"),
            ("1404-06-31", "1404-07-29", "month"),
            ("1403-12-30", "1404-12-28", "year"),
            ("1404-01-01", "1404-12-29", "year"),
            ("1404-01-01", "1404-12-29", "none"),
        )
    ]
)
rollovers = st.sampled_from(["none", "surplus", "deficit", "both"])


def _repeating(
    first: tuple[dt.date, dt.date, Repeat], rollover: Rollover, until: dt.date | None, **more: Any
) -> SetBudget:
    start, end, repeat = first
    return SetBudget(**more, start=start, end=end, repeat=repeat, rollover=rollover, until=until)


repeating_budgets = st.builds(
    _repeating,
    first_periods,
    rollovers,
    st.none() | st.sampled_from(DATES[4:10]),
    id=st.none() | st.sampled_from(BUDGET_IDS),
    category_id=st.sampled_from(CATEGORY_IDS[:5]),
    max_amount_rials=amounts,
)
changes_of_budgets = st.one_of(
    st.builds(
        SetBudget,
        id=st.none() | budget_ids,
        category_id=category_ids,
        min_amount_rials=unsaid | st.none() | st.integers(1, 20),
        max_amount_rials=amounts,
        start=starts,
        end=ends,
    ),
    repeating_budgets,
    st.builds(
        ReviseBudget,
        budget_id=budget_ids,
        category_id=unsaid | category_ids,
        min_amount_rials=unsaid | st.none() | amounts,
        max_amount_rials=unsaid | st.none() | amounts,
        start=unsaid | unsaid | starts,
        end=unsaid | unsaid | ends,
        repeat=unsaid | st.sampled_from(["none", "month", "year"]),
        rollover=unsaid | rollovers,
        until=unsaid | st.none() | st.sampled_from(DATES[4:10]),
    ),
    st.builds(RemoveBudget, budget_id=budget_ids),
)
automatic_savings = st.one_of(
    st.builds(
        SetAutoSaving,
        is_enabled=st.sampled_from([True, True, False]),
        keep_rials=st.integers(0, 300),
        category_id=st.none() | category_ids,
    ),
    st.just(SaveMonth()),
)
recurrence_ids = st.sampled_from([*RECURRENCE_IDS, SHARED_ID])
draft_ids = st.sampled_from([*DRAFT_IDS, SHARED_ID])
periods = st.sampled_from(["day", "week", "month", "year"])
intervals = st.sampled_from([1, 2, 7, 30])
weekdays = unsaid | unsaid | st.lists(st.sampled_from(WEEKDAYS), max_size=3).map(tuple)
recurring_starts = st.sampled_from(DATES[3:10])
untils = unsaid | st.none() | st.sampled_from(DATES[7:])
counts = unsaid | st.none() | st.integers(1, 4)
modes = unsaid | st.sampled_from(["record", "draft"])
changes_of_recurrences = st.one_of(
    st.builds(
        SetRecurrence,
        id=st.none() | recurrence_ids,
        category_id=category_ids,
        amount_rials=unsaid | amounts,
        total_amount_rials=unsaid | unsaid | amounts,
        direction=unsaid | unsaid | unsaid | directions,
        period=periods,
        interval=intervals,
        weekdays=weekdays,
        start=unsaid | recurring_starts,
        until=untils,
        count=counts,
        mode=modes,
        skip_past=st.booleans(),
    ),
    st.builds(
        ReviseRecurrence,
        recurrence_id=recurrence_ids,
        category_id=unsaid | unsaid | category_ids,
        amount_rials=unsaid | amounts,
        remaining_amount_rials=unsaid | unsaid | amounts,
        direction=unsaid | unsaid | unsaid | directions,
        period=unsaid | periods,
        interval=unsaid | intervals,
        weekdays=weekdays,
        start=unsaid | recurring_starts,
        until=untils,
        count=counts,
        mode=modes,
    ),
    st.builds(RemoveRecurrence, recurrence_id=recurrence_ids),
)
drafts_settled = st.one_of(
    st.builds(
        ConfirmDraft,
        draft_id=draft_ids,
        amount_rials=unsaid | amounts,
        date=unsaid | dates,
        description=unsaid | st.just("12"),
    ),
    st.builds(DismissDraft, draft_id=draft_ids),
)
what_is_due = st.builds(RecordDue, recurrence_id=st.none() | recurrence_ids)
changes_of_goals = st.one_of(
    st.builds(
        SetGoal,
        id=st.none() | st.sampled_from([*GOAL_IDS, SHARED_ID]),
        category_id=st.sampled_from(CATEGORY_IDS[2:6]),
        name=unsaid | st.sampled_from(NAMES),
        target_amount_rials=amounts,
        target_date=unsaid | dates,
    ),
    st.builds(
        ReviseGoal,
        goal_id=st.sampled_from(GOAL_IDS),
        category_id=unsaid | unsaid | category_ids,
        name=unsaid | st.none() | st.sampled_from(NAMES),
        target_amount_rials=unsaid | amounts,
        target_date=unsaid | st.none() | dates,
    ),
    st.builds(RemoveGoal, goal_id=st.sampled_from(GOAL_IDS)),
)
savings_of_surplus = st.builds(SaveSurplus, keep_rials=st.integers(0, 300))
commands = st.sampled_from(
    [
        *[records] * 4,
        *[moves_of_savings] * 2,
        *[corrections] * 4,
        *[corrections_of_savings] * 2,
        *[voids, restores] * 2,
        *[changes_of_categories] * 4,
        *[changes_of_budgets] * 2,
        *[changes_of_recurrences] * 2,
        *[drafts_settled] * 2,
        what_is_due,
        changes_of_goals,
        savings_of_surplus,
        *[automatic_savings] * 2,
    ]
).flatmap(lambda chosen: chosen)
asked = st.builds(
    Asked,
    commands=st.lists(commands, min_size=2, max_size=6),
    is_atomic=st.booleans(),
    is_dry_run=st.sampled_from([False, False, False, True]),
    after_hours=st.sampled_from([7, 7, 7, 30 * 24]),
)


def histories() -> st.SearchStrategy[list[Asked]]:
    """What a ledger is asked in its life, after a household was set up in it."""
    return st.lists(asked, min_size=6, max_size=12).map(
        lambda life: [Asked([*HOUSEHOLD, *RECURRING], is_atomic=True, is_dry_run=False), *life]
    )
