"""A small household: the events that the rules' tests begin with."""

import datetime as dt
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from domain.auto_saving import AutoSavingDone, AutoSavingSet, AutoSavingTerms
from domain.base import Event
from domain.budgets import BudgetRemoved, BudgetRevised, BudgetSet, BudgetTerms
from domain.categories import (
    COLORS,
    CategoryAdded,
    CategoryChanged,
    CategoryDetails,
    CategoryRemoved,
)
from domain.decider import LedgerOpened
from domain.drafts import DraftConfirmed, DraftDismissed
from domain.goals import GoalRemoved, GoalRevised, GoalSet, GoalTerms
from domain.money import Kind
from domain.occurrences import RecurrenceHappened
from domain.recurrences import RecurrenceRemoved, RecurrenceRevised, RecurrenceSet
from domain.recurring_plans import RecurrenceTerms, amount_of
from domain.savings import SurplusSaved
from domain.transactions import (
    Entry,
    ExpenseRecorded,
    IncomeRecorded,
    SavingDeposited,
    SavingWithdrawn,
    TransactionCorrected,
    TransactionRecorded,
    TransactionRestored,
    TransactionVoided,
)

UNKNOWN: Final = UUID(int=0xBAD)
YESTERDAY: Final = dt.date(2026, 11, 22)  # 1405-09-01
TOMORROW: Final = dt.date(2026, 11, 24)


def category(
    number: int, name: str, kind: Kind, default_amount_rials: int | None = None
) -> CategoryAdded:
    """A category with an easy id."""
    details = CategoryDetails(name, COLORS[kind], default_amount_rials, is_active=True)
    return CategoryAdded(UUID(int=0xC00 + number), kind, details)


opened: Final = LedgerOpened(UUID(int=0xA))
salary: Final = category(1, "حقوق", "income")
groceries: Final = category(2, "خوراک", "expense")
rent: Final = category(3, "اجاره", "expense", 120_000_000)
nest_egg: Final = category(4, "پس‌انداز", "savings")
travel_fund: Final = category(5, "سفر", "savings")
household: Final = (opened, salary, groceries, rent, nest_egg, travel_fund)


def changed(category: CategoryAdded, **to: object) -> CategoryChanged:
    """A category that was just added, with some details changed."""
    after = msgspec.structs.replace(category.details, **to)
    return CategoryChanged(category.category_id, category.details, after)


def retired(category: CategoryAdded) -> CategoryChanged:
    """A category made inactive."""
    return changed(category, is_active=False)


def removed(category: CategoryAdded) -> CategoryRemoved:
    """A category removed."""
    return CategoryRemoved(category.category_id, category.kind, category.details)


def income(number: int, amount_rials: int, date: dt.date = YESTERDAY) -> IncomeRecorded:
    """Salary came in."""
    return IncomeRecorded(_transaction(number), salary.category_id, amount_rials, date, "")


def expense(
    number: int,
    amount_rials: int,
    date: dt.date = YESTERDAY,
    category: CategoryAdded = groceries,
    description: str = "نان",
) -> ExpenseRecorded:
    """Money was spent, on groceries unless said."""
    return ExpenseRecorded(
        _transaction(number), category.category_id, amount_rials, date, description
    )


def deposit(
    number: int,
    amount_rials: int,
    date: dt.date = YESTERDAY,
    category: CategoryAdded = nest_egg,
) -> SavingDeposited:
    """Money was put aside."""
    return SavingDeposited(_transaction(number), category.category_id, amount_rials, date, "")


def withdrawal(
    number: int,
    amount_rials: int,
    date: dt.date = YESTERDAY,
    category: CategoryAdded = nest_egg,
) -> SavingWithdrawn:
    """Money that was put aside was taken back."""
    return SavingWithdrawn(_transaction(number), category.category_id, amount_rials, date, "")


def surplus(number: int, amount_rials: int, date: dt.date = YESTERDAY) -> SurplusSaved:
    """The surplus was put aside."""
    return SurplusSaved(_transaction(number), nest_egg.category_id, amount_rials, date, "", 0)


def corrected(event: TransactionRecorded, **to: object) -> TransactionCorrected:
    """An entry that was just recorded, with some fields corrected."""
    before = event.entry()
    after: Entry = msgspec.structs.replace(before, **to)
    return TransactionCorrected(event.transaction_id, event.kind, before, after)


def voided(event: TransactionRecorded) -> TransactionVoided:
    """An entry voided as it was recorded."""
    return TransactionVoided(event.transaction_id, event.kind, event.entry())


def restored(event: TransactionRecorded) -> TransactionRestored:
    """A voided entry put back as it was recorded."""
    return TransactionRestored(event.transaction_id, event.kind, event.entry())


def budget(
    number: int,
    min_amount_rials: int | None = None,
    max_amount_rials: int | None = 1_000_000,
    start: dt.date = dt.date(2026, 11, 22),
    end: dt.date = dt.date(2026, 12, 21),
    category: CategoryAdded = groceries,
) -> BudgetSet:
    """A budget for a Jalali month of groceries, unless said."""
    limits = (min_amount_rials, max_amount_rials)
    terms = BudgetTerms(category.category_id, *limits, start, end, "none", "none", None)
    return BudgetSet(UUID(int=0xB00 + number), terms)


def revised(event: BudgetSet, **to: object) -> BudgetRevised:
    """A budget that was just set, with some terms revised."""
    after = msgspec.structs.replace(event.terms, **to)
    return BudgetRevised(event.budget_id, event.terms, after)


def budget_removed(event: BudgetSet) -> BudgetRemoved:
    """A budget that was just set, removed."""
    return BudgetRemoved(event.budget_id, event.terms)


NO_SAVING: Final = AutoSavingTerms(
    is_enabled=False, keep_rials=0, category_id=None, from_month=None
)


def saving_set(
    from_month: int | None = 140508,
    keep_rials: int = 0,
    category: CategoryAdded | None = None,
    before: AutoSavingTerms = NO_SAVING,
) -> AutoSavingSet:
    """Automatic saving begun with a month, or stopped with none."""
    category_id = None if category is None else category.category_id
    is_enabled = from_month is not None
    after = AutoSavingTerms(is_enabled, keep_rials, category_id, from_month)
    return AutoSavingSet(before, after)


def month_saved(month: int, amount_rials: int = 0, number: int | None = None) -> AutoSavingDone:
    """A month marked as done, with the deposit of this number if there is one."""
    return AutoSavingDone(month, amount_rials, None if number is None else _transaction(number))


def recurrence(
    number: int, start: dt.date, category: CategoryAdded = rent, **terms: Any
) -> RecurrenceSet:
    """Rent, 100 Rials every month, unless said; set on a day on which nothing had happened."""
    said: dict[str, Any] = {
        "direction": None,
        "amount_rials": 100,
        "last_amount_rials": None,
        "description": "اجاره",
        "period": "month",
        "interval": 1,
        "weekdays": (),
        "until": None,
        "count": None,
        "mode": "record",
        **terms,
    }
    whole = RecurrenceTerms(category_id=category.category_id, start=start, **said)
    return RecurrenceSet(UUID(int=0xE00 + number), whole, 1, start, None)


def rerevised(
    event: RecurrenceSet, next_date: dt.date | None = None, **to: object
) -> RecurrenceRevised:
    """A recurrence that was just set, with some terms revised."""
    after = msgspec.structs.replace(event.terms, **to)
    return RecurrenceRevised(event.recurrence_id, event.terms, after, next_date or event.next_date)


def recurrence_removed(event: RecurrenceSet) -> RecurrenceRemoved:
    """A recurrence that was just set, removed."""
    return RecurrenceRemoved(event.recurrence_id, event.terms)


def happened(
    event: RecurrenceSet,
    number: int,
    date: dt.date,
    next_date: dt.date | None,
    reason: str | None = None,
    *,
    is_draft: bool = False,
) -> RecurrenceHappened:
    """A recurrence that came to a day; with a reason, held as a draft."""
    terms = event.terms
    amount_rials = amount_of(terms, number)
    entry = Entry(terms.category_id, terms.direction, amount_rials, date, terms.description)
    return RecurrenceHappened(
        event.recurrence_id,
        number,
        "drafted" if reason or is_draft else "recorded",
        reason,
        uuid5(event.recurrence_id, str(number)),
        entry,
        next_date,
    )


def recurred(event: RecurrenceHappened) -> ExpenseRecorded:
    """The expense that an occurrence was recorded as."""
    entry = event.entry
    return ExpenseRecorded(
        event.transaction_id, entry.category_id, entry.amount_rials, entry.date, entry.description
    )


def confirmed(event: RecurrenceHappened) -> DraftConfirmed:
    """An occurrence that was held, confirmed."""
    return DraftConfirmed(event.transaction_id, event.recurrence_id)


def let_go(event: RecurrenceHappened) -> DraftDismissed:
    """An occurrence that was held, dismissed."""
    return DraftDismissed(event.transaction_id, event.recurrence_id, event.entry)


def goal(
    number: int,
    target_amount_rials: int = 900_000_000,
    target_date: dt.date | None = dt.date(2027, 3, 20),
    category: CategoryAdded = travel_fund,
    name: str | None = "سفر به شیراز",
) -> GoalSet:
    """A goal for the travel fund, to be reached by the end of the year, unless said."""
    terms = GoalTerms(category.category_id, name, target_amount_rials, target_date)
    return GoalSet(UUID(int=0x600 + number), terms)


def goal_revised(event: GoalSet, **to: object) -> GoalRevised:
    """A goal that was just set, with some terms revised."""
    return GoalRevised(event.goal_id, event.terms, msgspec.structs.replace(event.terms, **to))


def goal_removed(event: GoalSet) -> GoalRemoved:
    """A goal that was just set, removed."""
    return GoalRemoved(event.goal_id, event.terms)


def _transaction(number: int) -> UUID:
    return UUID(int=0x700 + number)


tuition: Final = recurrence(
    1, YESTERDAY, period="day", count=3, amount_rials=33, last_amount_rials=34, mode="draft"
)
first_tuition: Final = happened(
    tuition, 1, YESTERDAY, dt.date(2026, 11, 23), reason="category_inactive"
)
second_tuition: Final = happened(tuition, 2, dt.date(2026, 11, 23), TOMORROW)
third_tuition: Final = happened(tuition, 3, TOMORROW, None, is_draft=True)

every_event: Final[tuple[Event, ...]] = (
    *household,
    changed(rent, name="اجارهٔ خانه", color="#000000", default_amount_rials=None),
    income(1, 500_000_000),
    expense(2, 250_000),
    deposit(3, 40_000_000),
    withdrawal(4, 10_000_000),
    surplus(5, 459_750_000),
    corrected(expense(2, 250_000), amount_rials=275_000, description="نان و شیر"),
    voided(deposit(3, 40_000_000)),
    restored(deposit(3, 40_000_000)),
    budget(1, 100_000),
    revised(budget(1, 100_000), repeat="month", rollover="both", until=dt.date(2027, 3, 20)),
    budget(2, None, 5_000_000),
    budget_removed(budget(2, None, 5_000_000)),
    removed(travel_fund),
    saving_set(140508, 1000, nest_egg),
    surplus(6, 5, dt.date(2026, 11, 21)),
    month_saved(140508, 5, 6),
    goal(1, category=nest_egg),
    goal_revised(goal(1, category=nest_egg), name=None, target_date=None),
    goal_removed(goal(1, target_date=None, category=nest_egg, name=None)),
    tuition,
    first_tuition,
    recurred(second_tuition),
    second_tuition,
    recurred(first_tuition),
    confirmed(first_tuition),
    third_tuition,
    let_go(third_tuition),
    rerevised(tuition, None, count=4, weekdays=("saturday", "friday"), period="week"),
    recurrence_removed(tuition),
)
"""One history, with every event in it."""
