"""Goals: an amount that a savings category is to come to."""

import datetime as dt
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.base import Command, Event, RecordedEvent
from domain.categories import require_category
from domain.creation import Circumstances, is_repeated, was_said
from domain.ledger import Goal, Ledger, LedgerState
from domain.refusals import GoalExists, GoalNotFound, KindMismatch


class SetGoal(Command, frozen=True, kw_only=True):
    """Set a goal for a savings category."""

    id: UUID | None = None
    category_id: UUID
    name: str | None | UnsetType = UNSET
    target_amount_rials: int
    target_date: dt.date | None | UnsetType = UNSET


class ReviseGoal(Command, frozen=True, kw_only=True):
    """Change what was said and leave the rest; None takes a name or a date away."""

    goal_id: UUID
    category_id: UUID | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    target_amount_rials: int | UnsetType = UNSET
    target_date: dt.date | None | UnsetType = UNSET


class RemoveGoal(Command, frozen=True, kw_only=True):
    """Remove a goal; what was saved stays where it is."""

    goal_id: UUID


class GoalTerms(msgspec.Struct, frozen=True, gc=False):
    """All that can be revised about a goal."""

    category_id: UUID
    name: str | None
    target_amount_rials: int
    target_date: dt.date | None


class GoalSet(Event, frozen=True):
    """A goal was set."""

    goal_id: UUID
    terms: GoalTerms


class GoalRevised(Event, frozen=True):
    """A goal was revised; both sides are whole."""

    goal_id: UUID
    before: GoalTerms
    after: GoalTerms


class GoalRemoved(Event, frozen=True):
    """A goal was removed."""

    goal_id: UUID
    terms: GoalTerms


def set_goal(command: SetGoal, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Set a goal for a savings category that has none."""
    if is_repeated(command.id, ledger, lambda event: _is_as_said(event, command)):
        return []
    unsaid = GoalTerms(command.category_id, None, command.target_amount_rials, None)
    terms = _as_said(command, unsaid)
    _refuse_impossible(ledger, terms, None)
    return [GoalSet(command.id or given.new_id(), terms)]


def _is_as_said(event: Event, command: SetGoal) -> bool:
    return isinstance(event, GoalSet) and event.terms == _as_said(command, event.terms)


def _as_said(command: SetGoal | ReviseGoal, otherwise: GoalTerms) -> GoalTerms:
    """All that a command says, and other terms where it says nothing."""
    return GoalTerms(
        was_said(command.category_id, otherwise.category_id),
        was_said(command.name, otherwise.name),
        was_said(command.target_amount_rials, otherwise.target_amount_rials),
        was_said(command.target_date, otherwise.target_date),
    )


def revise_goal(command: ReviseGoal, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Revise a goal; nothing is recorded when nothing changes."""
    goal = require_goal(ledger, command.goal_id)
    before = terms_of(goal)
    after = _as_said(command, before)
    if after == before:
        return []
    _refuse_impossible(ledger, after, goal.id)
    return [GoalRevised(goal.id, before, after)]


def _refuse_impossible(ledger: Ledger, terms: GoalTerms, own_id: UUID | None) -> None:
    if require_category(ledger, terms.category_id).kind != "savings":
        raise KindMismatch("category_id")
    other = ledger.goal_for(terms.category_id)
    if other is not None and other.id != own_id:
        raise GoalExists()


def remove_goal(command: RemoveGoal, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Remove a goal."""
    goal = require_goal(ledger, command.goal_id)
    return [GoalRemoved(goal.id, terms_of(goal))]


def require_goal(ledger: Ledger, goal_id: UUID) -> Goal:
    """The goal, or the refusal `goal_not_found`."""
    goal = ledger.goal(goal_id)
    if goal is None:
        raise GoalNotFound()
    return goal


def terms_of(goal: Goal) -> GoalTerms:
    """All that can be revised about a goal, as it stands."""
    return GoalTerms(goal.category_id, goal.name, goal.target_amount_rials, goal.target_date)


def goal_set(ledger: LedgerState, recorded: RecordedEvent, event: GoalSet) -> None:
    """A new row."""
    ledger.creations[event.goal_id] = event
    ledger.goals[event.goal_id] = Goal(
        id=event.goal_id,
        **msgspec.structs.asdict(event.terms),
        is_removed=False,
        created_version=recorded.version,
        version=recorded.version,
        created_at=recorded.recorded_at,
        updated_at=recorded.recorded_at,
    )


def goal_revised(ledger: LedgerState, recorded: RecordedEvent, event: GoalRevised) -> None:
    """The row as it is after."""
    ledger.goals[event.goal_id] = msgspec.structs.replace(
        ledger.goals[event.goal_id],
        **msgspec.structs.asdict(event.after),
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )


def goal_removed(ledger: LedgerState, recorded: RecordedEvent, event: GoalRemoved) -> None:
    """The row stays, marked, since its id is taken for ever."""
    ledger.goals[event.goal_id] = msgspec.structs.replace(
        ledger.goals[event.goal_id],
        is_removed=True,
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )
