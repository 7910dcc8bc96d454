"""The two functions everything else serves: `decide` and `evolve`."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from domain import (
    auto_saving,
    budgets,
    categories,
    drafts,
    goals,
    occurrences,
    recurrences,
    savings,
    transactions,
)
from domain.base import Command, Event, RecordedEvent
from domain.creation import Circumstances
from domain.ledger import Ledger, LedgerState
from domain.refusals import TotalTooLarge


class OpenLedger(Command, frozen=True, kw_only=True):
    """Begin a ledger for an account."""

    account_id: UUID


class LedgerOpened(Event, frozen=True):
    """A ledger was begun: always version 1, and nothing else is."""

    account_id: UUID


def open_ledger(command: OpenLedger, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Begin a ledger once."""
    return [] if ledger.version else [LedgerOpened(command.account_id)]


def ledger_opened(ledger: LedgerState, recorded: RecordedEvent, event: LedgerOpened) -> None:
    """The ledger has an owner."""
    ledger.account_id = event.account_id


Rule = Callable[[Any, Ledger, Circumstances], list[Event]]
Change = Callable[[LedgerState, RecordedEvent, Any], None]

RULES: Final[dict[type[Command], Rule]] = {
    OpenLedger: open_ledger,
    categories.AddCategory: categories.add_category,
    categories.AddStarterCategories: categories.add_starter_categories,
    categories.ChangeCategory: categories.change_category,
    categories.RemoveCategory: categories.remove_category,
    transactions.RecordTransaction: transactions.record_transaction,
    transactions.CorrectTransaction: transactions.correct_transaction,
    transactions.VoidTransaction: transactions.void_transaction,
    transactions.RestoreTransaction: transactions.restore_transaction,
    budgets.SetBudget: budgets.set_budget,
    budgets.ReviseBudget: budgets.revise_budget,
    budgets.RemoveBudget: budgets.remove_budget,
    recurrences.SetRecurrence: recurrences.set_recurrence,
    recurrences.ReviseRecurrence: recurrences.revise_recurrence,
    recurrences.RemoveRecurrence: recurrences.remove_recurrence,
    occurrences.RecordDue: occurrences.record_due,
    drafts.ConfirmDraft: drafts.confirm_draft,
    drafts.DismissDraft: drafts.dismiss_draft,
    goals.SetGoal: goals.set_goal,
    goals.ReviseGoal: goals.revise_goal,
    goals.RemoveGoal: goals.remove_goal,
    savings.SaveSurplus: savings.save_surplus,
    auto_saving.SetAutoSaving: auto_saving.set_auto_saving,
    auto_saving.SaveMonth: auto_saving.save_month,
}

CHANGES: Final[dict[type[Event], Change]] = {
    LedgerOpened: ledger_opened,
    categories.CategoryAdded: categories.category_added,
    categories.CategoryChanged: categories.category_changed,
    categories.CategoryRemoved: categories.category_removed,
    transactions.IncomeRecorded: transactions.transaction_recorded,
    transactions.ExpenseRecorded: transactions.transaction_recorded,
    transactions.SavingDeposited: transactions.transaction_recorded,
    transactions.SavingWithdrawn: transactions.transaction_recorded,
    savings.SurplusSaved: transactions.transaction_recorded,
    transactions.TransactionCorrected: transactions.transaction_corrected,
    transactions.TransactionVoided: transactions.transaction_voided,
    transactions.TransactionRestored: transactions.transaction_restored,
    budgets.BudgetSet: budgets.budget_set,
    budgets.BudgetRevised: budgets.budget_revised,
    budgets.BudgetRemoved: budgets.budget_removed,
    goals.GoalSet: goals.goal_set,
    goals.GoalRevised: goals.goal_revised,
    goals.GoalRemoved: goals.goal_removed,
    auto_saving.AutoSavingSet: auto_saving.auto_saving_changed,
    auto_saving.AutoSavingDone: auto_saving.auto_saving_changed,
    recurrences.RecurrenceSet: recurrences.recurrence_set,
    recurrences.RecurrenceRevised: recurrences.recurrence_revised,
    recurrences.RecurrenceRemoved: recurrences.recurrence_removed,
    occurrences.RecurrenceHappened: occurrences.recurrence_happened,
    drafts.DraftConfirmed: drafts.draft_confirmed,
    drafts.DraftDismissed: drafts.draft_dismissed,
}


def decide(command: Command, ledger: Ledger, given: Circumstances) -> list[Event]:
    """What happens when a person asks for something; may raise one `Refusal`.

    An empty list means that everything already is as asked.
    """
    events = RULES[type(command)](command, ledger, given)
    _refuse_too_large_totals(ledger, events)
    savings.refuse_overdrawn_savings(ledger, events)
    return events


def _refuse_too_large_totals(ledger: Ledger, events: Sequence[Event]) -> None:
    totals = ledger.totals
    for event in events:
        for posting in event.postings():
            totals = totals.plus(posting)
    if not totals.is_within_bounds():
        raise TotalTooLarge("amount")


def evolve(ledger: LedgerState, recorded: RecordedEvent) -> LedgerState:
    """The ledger after one more event; never refuses, since the past is not judged.

    The state is changed in place and returned, so that a fold costs the same per event
    however long the history is.
    """
    event = recorded.event
    CHANGES[type(event)](ledger, recorded, event)
    for posting in event.postings():
        ledger.post(posting)
    ledger.version = recorded.version
    return ledger
