"""Every command against every state that the thing it names can be in: one table each."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import pytest

from domain.auto_saving import SaveMonth, SetAutoSaving
from domain.base import Command, Event, Refusal
from domain.budgets import RemoveBudget, ReviseBudget, SetBudget
from domain.categories import AddCategory, ChangeCategory, RemoveCategory
from domain.goals import RemoveGoal, ReviseGoal, SetGoal
from domain.transactions import (
    CorrectTransaction,
    RecordTransaction,
    RestoreTransaction,
    VoidTransaction,
)
from tests.domain.examples import (
    budget,
    budget_removed,
    corrected,
    deposit,
    expense,
    goal,
    goal_removed,
    goal_revised,
    groceries,
    income,
    month_saved,
    nest_egg,
    opened,
    removed,
    rent,
    restored,
    retired,
    revised,
    salary,
    saving_set,
    surplus,
    travel_fund,
    voided,
    withdrawal,
)
from tests.domain.given import Given, given

# "-" records nothing; otherwise the class of the event or of the refusal.

CATEGORY_TABLE: Final = """
groceries:        | active              | inactive          | with an entry       | with a voided one   | with a budget       | removed           | never added
add it again      | -                   | -                 | -                   | -                   | -                   | IdTaken           | CategoryAdded
add its namesake  | CategoryNameTaken   | CategoryNameTaken | CategoryNameTaken   | CategoryNameTaken   | CategoryNameTaken   | CategoryAdded     | CategoryAdded
rename it         | CategoryChanged     | CategoryChanged   | CategoryChanged     | CategoryChanged     | CategoryChanged     | CategoryNotFound  | CategoryNotFound
deactivate it     | CategoryChanged     | -                 | CategoryChanged     | CategoryChanged     | CategoryChanged     | CategoryNotFound  | CategoryNotFound
activate it       | -                   | CategoryChanged   | -                   | -                   | -                   | CategoryNotFound  | CategoryNotFound
remove it         | CategoryRemoved     | CategoryRemoved   | CategoryInUse       | CategoryInUse       | CategoryInUse       | CategoryNotFound  | CategoryNotFound
spend on it       | ExpenseRecorded     | CategoryInactive  | ExpenseRecorded     | ExpenseRecorded     | ExpenseRecorded     | CategoryNotFound  | CategoryNotFound
move rent to it   | TransactionCorrected| CategoryInactive  | TransactionCorrected| TransactionCorrected| TransactionCorrected| CategoryNotFound  | CategoryNotFound
move income to it | KindMismatch        | KindMismatch      | KindMismatch        | KindMismatch        | KindMismatch        | CategoryNotFound  | CategoryNotFound
budget for it     | BudgetSet           | BudgetSet         | BudgetSet           | BudgetSet           | BudgetExists        | CategoryNotFound  | CategoryNotFound
move budget to it | BudgetRevised       | BudgetRevised     | BudgetRevised       | BudgetRevised       | BudgetExists        | CategoryNotFound  | CategoryNotFound
"""  # noqa: E501

TRANSACTION_TABLE: Final = """
bread:            | live                | corrected           | voided              | restored            | category inactive   | never recorded
record it again   | -                   | -                   | -                   | -                   | -                   | ExpenseRecorded
its id, not it    | IdTaken             | IdTaken             | IdTaken             | IdTaken             | IdTaken             | ExpenseRecorded
correct it        | TransactionCorrected| TransactionCorrected| TransactionIsVoided | TransactionCorrected| TransactionCorrected| TransactionNotFound
as it first was   | -                   | TransactionCorrected| TransactionIsVoided | -                   | -                   | TransactionNotFound
give a direction  | DirectionNotAllowed | DirectionNotAllowed | TransactionIsVoided | DirectionNotAllowed | DirectionNotAllowed | TransactionNotFound
move it to rent   | TransactionCorrected| TransactionCorrected| TransactionIsVoided | TransactionCorrected| TransactionCorrected| TransactionNotFound
void it           | TransactionVoided   | TransactionVoided   | -                   | TransactionVoided   | TransactionVoided   | TransactionNotFound
restore it        | -                   | -                   | TransactionRestored | -                   | -                   | TransactionNotFound
"""  # noqa: E501

SAVINGS_TABLE: Final = """
nest egg:         | a deposit           | partly taken out    | all taken out       | deposit voided      | surplus saved       | inactive
withdraw it all   | SavingWithdrawn     | SavingsTooLow       | SavingsTooLow       | SavingsTooLow       | SavingWithdrawn     | CategoryInactive
withdraw a rial   | SavingWithdrawn     | SavingWithdrawn     | SavingsTooLow       | SavingsTooLow       | SavingWithdrawn     | CategoryInactive
void the deposit  | TransactionVoided   | SavingsTooLow       | SavingsTooLow       | -                   | TransactionVoided   | TransactionVoided
halve the deposit | TransactionCorrected| TransactionCorrected| SavingsTooLow       | TransactionIsVoided | TransactionCorrected| TransactionCorrected
flip the deposit  | SavingsTooLow       | SavingsTooLow       | SavingsTooLow       | TransactionIsVoided | SavingsTooLow       | SavingsTooLow
double the deposit| TransactionCorrected| TransactionCorrected| TransactionCorrected| TransactionIsVoided | TransactionCorrected| TransactionCorrected
restore it        | -                   | -                   | -                   | TransactionRestored | -                   | -
"""  # noqa: E501

BUDGET_TABLE: Final = """
azar:             | set                 | revised             | repeating               | removed             | category inactive   | never set
set it again      | -                   | -                   | -                       | IdTaken             | -                   | BudgetSet
its id, not it    | IdTaken             | IdTaken             | IdTaken                 | IdTaken             | IdTaken             | BudgetSet
set its namesake  | BudgetExists        | BudgetExists        | BudgetExists            | BudgetSet           | BudgetExists        | BudgetSet
revise it         | BudgetRevised       | BudgetRevised       | BudgetRevised           | BudgetNotFound      | BudgetRevised       | BudgetNotFound
as it first was   | -                   | BudgetRevised       | -                       | BudgetNotFound      | -                   | BudgetNotFound
take its maximum  | BudgetAmountMissing | BudgetAmountMissing | BudgetAmountMissing     | BudgetNotFound      | BudgetAmountMissing | BudgetNotFound
remove it         | BudgetRemoved       | BudgetRemoved       | BudgetRemoved           | BudgetNotFound      | BudgetRemoved       | BudgetNotFound
"""  # noqa: E501

SAVING_TABLE: Final = """
nest egg's policy:| never set           | on since last month | on since this month | last month done     | off                 | nest egg inactive   | on, and its category gone inactive
set it, as it is  | AutoSavingSet       | -                   | -                   | -                   | AutoSavingSet       | CategoryInactive    | -
keep more         | AutoSavingSet       | AutoSavingSet       | AutoSavingSet       | AutoSavingSet       | AutoSavingSet       | CategoryInactive    | AutoSavingSet
name no category  | AutoSavingSet       | AutoSavingSet       | AutoSavingSet       | AutoSavingSet       | AutoSavingSet       | AutoSavingSet       | AutoSavingSet
save in groceries | KindMismatch        | KindMismatch        | KindMismatch        | KindMismatch        | KindMismatch        | KindMismatch        | KindMismatch
stop it           | -                   | AutoSavingSet       | AutoSavingSet       | AutoSavingSet       | -                   | -                   | AutoSavingSet
save a month      | -                   | AutoSavingDone      | -                   | -                   | -                   | -                   | AutoSavingDone
remove nest egg   | CategoryRemoved     | CategoryInUse       | CategoryInUse       | CategoryInUse       | CategoryRemoved     | CategoryRemoved     | CategoryInUse
"""  # noqa: E501

GOAL_TABLE: Final = """
trip:             | set                 | revised             | removed             | category inactive   | never set
set it again      | -                   | -                   | IdTaken             | -                   | GoalSet
its id, not it    | IdTaken             | IdTaken             | IdTaken             | IdTaken             | GoalSet
set another       | GoalExists          | GoalExists          | GoalSet             | GoalExists          | GoalSet
revise it         | GoalRevised         | GoalRevised         | GoalNotFound        | GoalRevised         | GoalNotFound
as it first was   | -                   | GoalRevised         | GoalNotFound        | -                   | GoalNotFound
move it to rent   | KindMismatch        | KindMismatch        | GoalNotFound        | KindMismatch        | GoalNotFound
move it elsewhere | GoalExists          | GoalExists          | GoalNotFound        | GoalExists          | GoalNotFound
remove it         | GoalRemoved         | GoalRemoved         | GoalNotFound        | GoalRemoved         | GoalNotFound
remove category   | CategoryInUse       | CategoryInUse       | CategoryRemoved     | CategoryInUse       | CategoryRemoved
"""  # noqa: E501

paid_rent = expense(8, 5, category=rent)
wages = income(9, 5)
rents_budget = budget(7, category=rent)
CATEGORY_STATES: Final[Mapping[str, Sequence[Event]]] = {
    "active": (groceries,),
    "inactive": (groceries, retired(groceries)),
    "with an entry": (groceries, expense(1, 5)),
    "with a voided one": (groceries, expense(1, 5), voided(expense(1, 5))),
    "with a budget": (groceries, budget(1)),
    "removed": (groceries, removed(groceries)),
    "never added": (),
}
CATEGORY_COMMANDS: Final[Mapping[str, Command]] = {
    "add it again": AddCategory(
        id=groceries.category_id, name=groceries.details.name, kind="expense"
    ),
    "add its namesake": AddCategory(name=groceries.details.name, kind="savings"),
    "rename it": ChangeCategory(category_id=groceries.category_id, name="خوردنی"),
    "deactivate it": ChangeCategory(category_id=groceries.category_id, is_active=False),
    "activate it": ChangeCategory(category_id=groceries.category_id, is_active=True),
    "remove it": RemoveCategory(category_id=groceries.category_id),
    "spend on it": RecordTransaction(category_id=groceries.category_id, amount_rials=5),
    "move rent to it": CorrectTransaction(
        transaction_id=paid_rent.transaction_id, category_id=groceries.category_id
    ),
    "move income to it": CorrectTransaction(
        transaction_id=wages.transaction_id, category_id=groceries.category_id
    ),
    "budget for it": SetBudget(
        category_id=groceries.category_id,
        max_amount_rials=7,
        start=budget(1).terms.start,
        end=budget(1).terms.end,
    ),
    "move budget to it": ReviseBudget(
        budget_id=rents_budget.budget_id, category_id=groceries.category_id
    ),
}

bread = expense(1, 250_000)
buy_bread = RecordTransaction(
    id=bread.transaction_id,
    category_id=bread.category_id,
    amount_rials=bread.amount_rials,
    date=bread.date,
    description=bread.description,
)
TRANSACTION_STATES: Final[Mapping[str, Sequence[Event]]] = {
    "live": (bread,),
    "corrected": (bread, corrected(bread, amount_rials=1)),
    "voided": (bread, voided(bread)),
    "restored": (bread, voided(bread), restored(bread)),
    "category inactive": (bread, retired(groceries)),
    "never recorded": (),
}
TRANSACTION_COMMANDS: Final[Mapping[str, Command]] = {
    "record it again": buy_bread,
    "its id, not it": msgspec.structs.replace(buy_bread, amount_rials=9),
    "correct it": CorrectTransaction(transaction_id=bread.transaction_id, amount_rials=9),
    "as it first was": CorrectTransaction(
        transaction_id=bread.transaction_id, amount_rials=bread.amount_rials
    ),
    "give a direction": CorrectTransaction(
        transaction_id=bread.transaction_id, direction="deposit"
    ),
    "move it to rent": CorrectTransaction(
        transaction_id=bread.transaction_id, category_id=rent.category_id
    ),
    "void it": VoidTransaction(transaction_id=bread.transaction_id),
    "restore it": RestoreTransaction(transaction_id=bread.transaction_id),
}

egg = deposit(1, 100)
withdraw_all = RecordTransaction(
    category_id=nest_egg.category_id, amount_rials=100, direction="withdraw"
)
SAVINGS_STATES: Final[Mapping[str, Sequence[Event]]] = {
    "a deposit": (egg,),
    "partly taken out": (egg, withdrawal(2, 50)),
    "all taken out": (egg, withdrawal(2, 100)),
    "deposit voided": (egg, voided(egg)),
    "surplus saved": (surplus(1, 100),),
    "inactive": (egg, retired(nest_egg)),
}
SAVINGS_COMMANDS: Final[Mapping[str, Command]] = {
    "withdraw it all": withdraw_all,
    "withdraw a rial": msgspec.structs.replace(withdraw_all, amount_rials=1),
    "void the deposit": VoidTransaction(transaction_id=egg.transaction_id),
    "halve the deposit": CorrectTransaction(transaction_id=egg.transaction_id, amount_rials=50),
    "flip the deposit": CorrectTransaction(transaction_id=egg.transaction_id, direction="withdraw"),
    "double the deposit": CorrectTransaction(transaction_id=egg.transaction_id, amount_rials=200),
    "restore it": RestoreTransaction(transaction_id=egg.transaction_id),
}

azar = budget(1)
set_azar = SetBudget(
    id=azar.budget_id,
    category_id=groceries.category_id,
    max_amount_rials=1_000_000,
    start=azar.terms.start,
    end=azar.terms.end,
)
BUDGET_STATES: Final[Mapping[str, Sequence[Event]]] = {
    "set": (azar,),
    "revised": (azar, revised(azar, max_amount_rials=2_000_000)),
    "repeating": (azar, revised(azar, repeat="month", rollover="both")),
    "removed": (azar, budget_removed(azar)),
    "category inactive": (azar, retired(groceries)),
    "never set": (),
}
BUDGET_COMMANDS: Final[Mapping[str, Command]] = {
    "set it again": set_azar,
    "its id, not it": msgspec.structs.replace(set_azar, max_amount_rials=9),
    "set its namesake": msgspec.structs.replace(set_azar, id=None, max_amount_rials=9),
    "revise it": ReviseBudget(budget_id=azar.budget_id, max_amount_rials=9),
    "as it first was": ReviseBudget(budget_id=azar.budget_id, max_amount_rials=1_000_000),
    "take its maximum": ReviseBudget(budget_id=azar.budget_id, max_amount_rials=None),
    "remove it": RemoveBudget(budget_id=azar.budget_id),
}

begun = saving_set(140508, 0, nest_egg)
SAVING_STATES: Final[Mapping[str, Sequence[Event]]] = {
    "never set": (),
    "on since last month": (begun,),
    "on since this month": (saving_set(140509, 0, nest_egg),),
    "last month done": (begun, month_saved(140508)),
    "off": (begun, saving_set(None, before=begun.after)),
    "nest egg inactive": (retired(nest_egg),),
    "on, and its category gone inactive": (begun, retired(nest_egg)),
}
SAVING_COMMANDS: Final[Mapping[str, Command]] = {
    "set it, as it is": SetAutoSaving(
        is_enabled=True, keep_rials=0, category_id=nest_egg.category_id
    ),
    "keep more": SetAutoSaving(is_enabled=True, keep_rials=5, category_id=nest_egg.category_id),
    "name no category": SetAutoSaving(is_enabled=True, keep_rials=0),
    "save in groceries": SetAutoSaving(
        is_enabled=True, keep_rials=0, category_id=groceries.category_id
    ),
    "stop it": SetAutoSaving(is_enabled=False, keep_rials=0),
    "save a month": SaveMonth(),
    "remove nest egg": RemoveCategory(category_id=nest_egg.category_id),
}


trip = goal(1, 500)
set_trip = SetGoal(
    id=trip.goal_id,
    category_id=travel_fund.category_id,
    name=trip.terms.name,
    target_amount_rials=500,
)
GOAL_STATES: Final[Mapping[str, Sequence[Event]]] = {
    "set": (trip,),
    "revised": (trip, goal_revised(trip, target_amount_rials=600)),
    "removed": (trip, goal_removed(trip)),
    "category inactive": (trip, retired(travel_fund)),
    "never set": (),
}
GOAL_COMMANDS: Final[Mapping[str, Command]] = {
    "set it again": set_trip,
    "its id, not it": msgspec.structs.replace(set_trip, target_amount_rials=9),
    "set another": msgspec.structs.replace(set_trip, id=None, name="خانه"),
    "revise it": ReviseGoal(goal_id=trip.goal_id, target_date=None),
    "as it first was": ReviseGoal(goal_id=trip.goal_id, target_amount_rials=500),
    "move it to rent": ReviseGoal(goal_id=trip.goal_id, category_id=rent.category_id),
    "move it elsewhere": ReviseGoal(goal_id=trip.goal_id, category_id=nest_egg.category_id),
    "remove it": RemoveGoal(goal_id=trip.goal_id),
    "remove category": RemoveCategory(category_id=travel_fund.category_id),
}


def cells(table: str) -> list[tuple[str, str, str]]:
    """Every (command, state, expected) of a table."""
    header, *lines = (
        [cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()
    )
    return [
        (command, state, expected)
        for command, *outcomes in lines
        for state, expected in zip(header[1:], outcomes, strict=True)
    ]


def outcome(past: Given, command: Command) -> str:
    """What came of it, as the tables write it."""
    came = past.when(command).came
    if isinstance(came, Refusal):
        return type(came).__name__
    return ", ".join(type(event).__name__ for event in came) or "-"


@pytest.mark.parametrize(("command", "state", "expected"), cells(CATEGORY_TABLE))
def test_categories(command: str, state: str, expected: str) -> None:
    past = given(opened, salary, rent, wages, paid_rent, rents_budget, *CATEGORY_STATES[state])
    assert outcome(past, CATEGORY_COMMANDS[command]) == expected


@pytest.mark.parametrize(("command", "state", "expected"), cells(TRANSACTION_TABLE))
def test_transactions(command: str, state: str, expected: str) -> None:
    past = given(opened, salary, groceries, rent, *TRANSACTION_STATES[state])
    assert outcome(past, TRANSACTION_COMMANDS[command]) == expected


@pytest.mark.parametrize(("command", "state", "expected"), cells(SAVINGS_TABLE))
def test_savings(command: str, state: str, expected: str) -> None:
    past = given(opened, nest_egg, *SAVINGS_STATES[state])
    assert outcome(past, SAVINGS_COMMANDS[command]) == expected


@pytest.mark.parametrize(("command", "state", "expected"), cells(BUDGET_TABLE))
def test_budgets(command: str, state: str, expected: str) -> None:
    past = given(opened, groceries, *BUDGET_STATES[state])
    assert outcome(past, BUDGET_COMMANDS[command]) == expected


@pytest.mark.parametrize(("command", "state", "expected"), cells(SAVING_TABLE))
def test_automatic_saving(command: str, state: str, expected: str) -> None:
    past = given(opened, groceries, nest_egg, *SAVING_STATES[state])
    assert outcome(past, SAVING_COMMANDS[command]) == expected


@pytest.mark.parametrize(("command", "state", "expected"), cells(GOAL_TABLE))
def test_goals(command: str, state: str, expected: str) -> None:
    others = (goal(2, category=nest_egg),)
    past = given(opened, rent, nest_egg, travel_fund, *others, *GOAL_STATES[state])
    assert outcome(past, GOAL_COMMANDS[command]) == expected


@pytest.mark.parametrize(
    ("table", "commands", "states"),
    [
        (CATEGORY_TABLE, CATEGORY_COMMANDS, CATEGORY_STATES),
        (TRANSACTION_TABLE, TRANSACTION_COMMANDS, TRANSACTION_STATES),
        (SAVINGS_TABLE, SAVINGS_COMMANDS, SAVINGS_STATES),
        (BUDGET_TABLE, BUDGET_COMMANDS, BUDGET_STATES),
        (SAVING_TABLE, SAVING_COMMANDS, SAVING_STATES),
        (GOAL_TABLE, GOAL_COMMANDS, GOAL_STATES),
    ],
)
def test_no_cell_is_missing(
    table: str, commands: Mapping[str, Command], states: Mapping[str, Sequence[Event]]
) -> None:
    assert {(command, state) for command, state, _ in cells(table)} == {
        (command, state) for command in commands for state in states
    }
