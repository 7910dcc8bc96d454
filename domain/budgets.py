"""Budgets: least and most for a category over a stretch of days."""

import datetime as dt
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.base import Command, Event, RecordedEvent
from domain.calendar import format_jalali, months_after
from domain.categories import require_category
from domain.creation import Circumstances, is_repeated, was_said
from domain.ledger import Budget, Ledger, LedgerState
from domain.periods import MONTHS, ONE_DAY, Repeat, Rollover
from domain.refusals import (
    BudgetAmountMissing,
    BudgetAmountsReversed,
    BudgetExists,
    BudgetNotFound,
    BudgetPeriodReversed,
    BudgetPeriodUneven,
    BudgetRepeatMissing,
    BudgetRolloverUnlimited,
    BudgetUntilTooEarly,
)


class SetBudget(Command, frozen=True, kw_only=True):
    """Set a budget; `start` and `end`, of its first period, are both included.

    The last day on which a period may begin is `until`: None repeats it for ever.
    """

    id: UUID | None = None
    category_id: UUID
    min_amount_rials: int | None | UnsetType = UNSET
    max_amount_rials: int | None | UnsetType = UNSET
    start: dt.date
    end: dt.date
    repeat: Repeat | UnsetType = UNSET
    rollover: Rollover | UnsetType = UNSET
    until: dt.date | None | UnsetType = UNSET


class ReviseBudget(Command, frozen=True, kw_only=True):
    """Change what was said, of every period, and leave the rest; None takes an amount away."""

    budget_id: UUID
    category_id: UUID | UnsetType = UNSET
    min_amount_rials: int | None | UnsetType = UNSET
    max_amount_rials: int | None | UnsetType = UNSET
    start: dt.date | UnsetType = UNSET
    end: dt.date | UnsetType = UNSET
    repeat: Repeat | UnsetType = UNSET
    rollover: Rollover | UnsetType = UNSET
    until: dt.date | None | UnsetType = UNSET


class RemoveBudget(Command, frozen=True, kw_only=True):
    """Remove a budget."""

    budget_id: UUID


class BudgetTerms(msgspec.Struct, frozen=True, gc=False):
    """All that can be revised about a budget."""

    category_id: UUID
    min_amount_rials: int | None
    max_amount_rials: int | None
    start: dt.date
    end: dt.date
    repeat: Repeat
    rollover: Rollover
    until: dt.date | None


class BudgetSet(Event, frozen=True):
    """A budget was set."""

    budget_id: UUID
    terms: BudgetTerms


class BudgetRevised(Event, frozen=True):
    """A budget was revised; both sides are whole."""

    budget_id: UUID
    before: BudgetTerms
    after: BudgetTerms


class BudgetRemoved(Event, frozen=True):
    """A budget was removed."""

    budget_id: UUID
    terms: BudgetTerms


def set_budget(command: SetBudget, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Set a budget for a category and a first period that has none."""
    if is_repeated(command.id, ledger, lambda event: _is_as_said(event, command)):
        return []
    category = require_category(ledger, command.category_id)
    unsaid = BudgetTerms(category.id, None, None, command.start, command.end, "none", "none", None)
    terms = _as_said(command, unsaid)
    _refuse_impossible(terms)
    _refuse_namesake(ledger, terms, None)
    return [BudgetSet(command.id or given.new_id(), terms)]


def _is_as_said(event: Event, command: SetBudget) -> bool:
    return isinstance(event, BudgetSet) and event.terms == _as_said(command, event.terms)


def _as_said(command: SetBudget | ReviseBudget, otherwise: BudgetTerms) -> BudgetTerms:
    """All that a command says, and other terms where it says nothing."""
    names = BudgetTerms.__struct_fields__
    return BudgetTerms(
        *(was_said(getattr(command, name), getattr(otherwise, name)) for name in names)
    )


def revise_budget(command: ReviseBudget, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Revise a budget; nothing is recorded when nothing changes."""
    budget = require_budget(ledger, command.budget_id)
    before = terms_of(budget)
    after = _as_said(command, before)
    if after == before:
        return []
    require_category(ledger, after.category_id)
    _refuse_impossible(after)
    _refuse_namesake(ledger, after, budget.id)
    return [BudgetRevised(budget.id, before, after)]


def _refuse_impossible(terms: BudgetTerms) -> None:
    least, most = terms.min_amount_rials, terms.max_amount_rials
    if least is None and most is None:
        raise BudgetAmountMissing("max_amount")
    if least is not None and most is not None and least >= most:
        raise BudgetAmountsReversed("min_amount")
    if terms.start >= terms.end:
        raise BudgetPeriodReversed("end")
    _refuse_impossible_repetition(terms)


def _refuse_impossible_repetition(terms: BudgetTerms) -> None:
    if terms.repeat == "none":
        for field, is_said in (("rollover", terms.rollover != "none"), ("until", terms.until)):
            if is_said:
                raise BudgetRepeatMissing(field)
        return
    end = months_after(terms.start, MONTHS[terms.repeat]) - ONE_DAY
    if terms.end != end:
        raise BudgetPeriodUneven("end", end=format_jalali(end))
    if terms.until is not None and terms.until < terms.start:
        raise BudgetUntilTooEarly("until")
    if terms.rollover != "none" and terms.max_amount_rials is None:
        raise BudgetRolloverUnlimited("rollover")


def _refuse_namesake(ledger: Ledger, terms: BudgetTerms, own_id: UUID | None) -> None:
    namesake = ledger.budget_for(terms.category_id, terms.start, terms.end)
    if namesake is not None and namesake.id != own_id:
        raise BudgetExists()


def remove_budget(command: RemoveBudget, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Remove a budget."""
    budget = require_budget(ledger, command.budget_id)
    return [BudgetRemoved(budget.id, terms_of(budget))]


def require_budget(ledger: Ledger, budget_id: UUID) -> Budget:
    """The budget, or the refusal `budget_not_found`."""
    budget = ledger.budget(budget_id)
    if budget is None:
        raise BudgetNotFound()
    return budget


def terms_of(budget: Budget) -> BudgetTerms:
    """All that can be revised about a budget, as it stands."""
    return BudgetTerms(*(getattr(budget, name) for name in BudgetTerms.__struct_fields__))


def budget_set(ledger: LedgerState, recorded: RecordedEvent, event: BudgetSet) -> None:
    """A new row."""
    ledger.creations[event.budget_id] = event
    ledger.budgets[event.budget_id] = Budget(
        id=event.budget_id,
        **msgspec.structs.asdict(event.terms),
        is_removed=False,
        created_version=recorded.version,
        version=recorded.version,
        created_at=recorded.recorded_at,
        updated_at=recorded.recorded_at,
    )


def budget_revised(ledger: LedgerState, recorded: RecordedEvent, event: BudgetRevised) -> None:
    """The row as it is after."""
    ledger.budgets[event.budget_id] = msgspec.structs.replace(
        ledger.budgets[event.budget_id],
        **msgspec.structs.asdict(event.after),
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )


def budget_removed(ledger: LedgerState, recorded: RecordedEvent, event: BudgetRemoved) -> None:
    """The row stays, marked, since its id is taken for ever."""
    ledger.budgets[event.budget_id] = msgspec.structs.replace(
        ledger.budgets[event.budget_id],
        is_removed=True,
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )
