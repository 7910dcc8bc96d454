"""Sentences: what an event says, for a person who reads a history."""

import re
from typing import Final
from uuid import UUID

import msgspec

from domain.auto_saving import AutoSavingDone, AutoSavingSet, AutoSavingTerms
from domain.base import Event
from domain.budgets import BudgetRemoved, BudgetRevised, BudgetSet, BudgetTerms
from domain.calendar import format_jalali, format_month
from domain.categories import CategoryAdded, CategoryChanged, CategoryRemoved
from domain.decider import LedgerOpened
from domain.drafts import DraftConfirmed, DraftDismissed
from domain.goals import GoalRemoved, GoalRevised, GoalSet, GoalTerms
from domain.occurrences import RecurrenceHappened
from domain.recurrences import RecurrenceRemoved, RecurrenceRevised, RecurrenceSet
from domain.recurring_plans import RecurrenceTerms
from domain.transactions import (
    Entry,
    TransactionCorrected,
    TransactionRecorded,
    TransactionRestored,
    TransactionVoided,
)

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    """A person's text without what would move a terminal's cursor."""
    return _CONTROL.sub("\ufffd", text)


class Narrator:
    """Says what events say, one after the other; remembers what categories are called."""

    def __init__(self) -> None:
        self._names: dict[UUID, str] = {}

    def sentence(self, event: Event) -> str:
        """What happened, on one line."""
        return harmless(self._said(event))

    def _said(self, event: Event) -> str:
        match event:
            case RecurrenceSet() | RecurrenceRevised() | RecurrenceRemoved():
                return self._of_recurrence(event)
            case RecurrenceHappened() | DraftConfirmed() | DraftDismissed():
                return self._of_occurrence(event)
            case _:
                return self._of_money(event)

    def _of_money(self, event: Event) -> str:
        match event:
            case CategoryAdded() | CategoryChanged() | CategoryRemoved():
                return self._of_category(event)
            case BudgetSet() | BudgetRevised() | BudgetRemoved():
                return self._of_budget(event)
            case GoalSet() | GoalRevised() | GoalRemoved():
                return self._of_goal(event)
            case AutoSavingSet() | AutoSavingDone():
                return self._of_saving(event)
            case LedgerOpened():
                return "opened"
            case _:
                return self._of_transaction(event)

    def _of_transaction(self, event: Event) -> str:
        match event:
            case TransactionRecorded():
                return f"{event.direction or event.kind} {self._entry(event.entry())}"
            case TransactionCorrected(_, _, before, after):
                return f"corrected {self._entry(before)} to {self._entry(after)}"
            case TransactionVoided(_, _, entry):
                return f"voided {self._entry(entry)}"
            case TransactionRestored(_, _, entry):
                return f"restored {self._entry(entry)}"
            case _:
                raise AssertionError(type(event))

    def _of_category(self, event: CategoryAdded | CategoryChanged | CategoryRemoved) -> str:
        match event:
            case CategoryAdded(category_id, kind, details):
                self._names[category_id] = details.name
                return f"{kind} category {details.name}"
            case CategoryChanged(category_id, before, after):
                self._names[category_id] = after.name
                return f"category {before.name} changed: {_changes(before, after)}"
            case CategoryRemoved():
                return f"category {event.details.name} removed"

    def _of_budget(self, event: BudgetSet | BudgetRevised | BudgetRemoved) -> str:
        match event:
            case BudgetSet(_, terms):
                return f"budget {self._terms(terms)}"
            case BudgetRevised(_, before, after):
                return f"budget {self._terms(before)} revised to {self._terms(after)}"
            case BudgetRemoved():
                return f"budget {self._terms(event.terms)} removed"

    def _of_goal(self, event: GoalSet | GoalRevised | GoalRemoved) -> str:
        match event:
            case GoalSet(_, terms):
                return f"goal {self._goal(terms)}"
            case GoalRevised(_, before, after):
                return f"goal {self._goal(before)} revised to {self._goal(after)}"
            case GoalRemoved():
                return f"goal {self._goal(event.terms)} removed"

    def _of_saving(self, event: AutoSavingSet | AutoSavingDone) -> str:
        match event:
            case AutoSavingSet(before, after):
                return f"automatic saving {self._saving(before)} set to {self._saving(after)}"
            case AutoSavingDone(month, amount_rials, _):
                return f"automatic saving of {format_month(month)}: {amount_rials:,}"

    def _of_recurrence(self, event: RecurrenceSet | RecurrenceRevised | RecurrenceRemoved) -> str:
        match event:
            case RecurrenceSet(_, terms):
                return f"recurring {self._plan(terms)}"
            case RecurrenceRevised(_, before, after):
                return f"recurring {self._plan(before)} revised: {_changes(before, after)}"
            case RecurrenceRemoved():
                return f"recurring {self._plan(event.terms)} removed"

    def _of_occurrence(self, event: RecurrenceHappened | DraftConfirmed | DraftDismissed) -> str:
        match event:
            case RecurrenceHappened(_, number, outcome, _, _, entry):
                return f"occurrence {number} {outcome}: {self._entry(entry)}"
            case DraftConfirmed(draft_id):
                return f"draft {draft_id} confirmed"
            case DraftDismissed():
                return f"draft dismissed: {self._entry(event.entry)}"

    def _plan(self, terms: RecurrenceTerms) -> str:
        said = f"{terms.amount_rials:,} in {self._name(terms.category_id)}"
        return f"{said} every {terms.interval} {terms.period} from {format_jalali(terms.start)}"

    def _entry(self, entry: Entry) -> str:
        said = f"{entry.amount_rials:,} on {format_jalali(entry.date)}"
        said += f" in {self._name(entry.category_id)}"
        return f"{said} ({entry.description})" if entry.description else said

    def _terms(self, terms: BudgetTerms) -> str:
        least, most = (
            "…" if amount is None else f"{amount:,}"
            for amount in (terms.min_amount_rials, terms.max_amount_rials)
        )
        days = f"{format_jalali(terms.start)} to {format_jalali(terms.end)}"
        return f"for {self._name(terms.category_id)}, {least} to {most}, {days}{_repetition(terms)}"

    def _goal(self, terms: GoalTerms) -> str:
        called = "" if terms.name is None else f"{terms.name}, "
        by = "" if terms.target_date is None else f" by {format_jalali(terms.target_date)}"
        amount = f"{terms.target_amount_rials:,}"
        return f"{called}{amount} in {self._name(terms.category_id)}{by}"

    def _saving(self, terms: AutoSavingTerms) -> str:
        if not terms.is_enabled or terms.from_month is None:
            return "off"
        where = "" if terms.category_id is None else f" in {self._name(terms.category_id)}"
        return f"on{where}, keeping {terms.keep_rials:,}, from {format_month(terms.from_month)}"

    def _name(self, category_id: UUID) -> str:
        return self._names.get(category_id, str(category_id))


def _repetition(terms: BudgetTerms) -> str:
    if terms.repeat == "none":
        return ""
    over = "" if terms.rollover == "none" else f", rollover {terms.rollover}"
    until = "" if terms.until is None else f", until {format_jalali(terms.until)}"
    return f", every {terms.repeat}{over}{until}"


def _changes(before: msgspec.Struct, after: msgspec.Struct) -> str:
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return ", ".join(
        f"{name} {old[name]} to {value}" for name, value in new.items() if value != old[name]
    )
