"""Drafts: what a recurrence would have recorded, held until somebody confirms it."""

import datetime as dt
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.base import Command, Event, RecordedEvent
from domain.categories import require_category
from domain.creation import Circumstances, was_said
from domain.ledger import Draft, DraftStatus, Ledger, LedgerState
from domain.refusals import CategoryInactive, DraftIsConfirmed, DraftNotFound
from domain.transactions import Entry, TransactionRecorded, recorded_as


class ConfirmDraft(Command, frozen=True, kw_only=True):
    """Record what a draft holds, with what is said otherwise."""

    draft_id: UUID
    amount_rials: int | UnsetType = UNSET
    date: dt.date | UnsetType = UNSET
    description: str | UnsetType = UNSET


class DismissDraft(Command, frozen=True, kw_only=True):
    """Let a draft go: it did not happen."""

    draft_id: UUID


class DraftConfirmed(Event, frozen=True):
    """A draft became the transaction with the same id, recorded just before."""

    draft_id: UUID
    recurrence_id: UUID


class DraftDismissed(Event, frozen=True):
    """A draft was let go, by itself or with its recurrence."""

    draft_id: UUID
    recurrence_id: UUID
    entry: Entry


def confirm_draft(command: ConfirmDraft, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Record a draft in its category, if that is active; confirming twice records once."""
    draft = require_draft(ledger, command.draft_id)
    if draft.status == "confirmed":
        _refuse_other_words(command, ledger)
        return []
    category = require_category(ledger, draft.category_id)
    if not category.is_active:
        raise CategoryInactive("category_id", name=category.name)
    recorded = recorded_as(category, draft.direction or UNSET)(
        draft.id,
        category.id,
        was_said(command.amount_rials, draft.amount_rials),
        was_said(command.date, draft.date),
        was_said(command.description, draft.description),
    )
    return [recorded, DraftConfirmed(draft.id, draft.recurrence_id)]


def _refuse_other_words(command: ConfirmDraft, ledger: Ledger) -> None:
    recorded = ledger.creation(command.draft_id)
    assert isinstance(recorded, TransactionRecorded), "a confirmed draft was recorded"
    said = (command.amount_rials, command.date, command.description)
    first = (recorded.amount_rials, recorded.date, recorded.description)
    if any(one not in (UNSET, other) for one, other in zip(said, first, strict=True)):
        raise DraftIsConfirmed()


def dismiss_draft(command: DismissDraft, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Let an open draft go."""
    draft = require_draft(ledger, command.draft_id)
    if draft.status == "confirmed":
        raise DraftIsConfirmed()
    return [dismissed(draft)]


def dismissed(draft: Draft) -> DraftDismissed:
    """The event by which a draft goes."""
    return DraftDismissed(draft.id, draft.recurrence_id, entry_of_draft(draft))


def require_draft(ledger: Ledger, draft_id: UUID) -> Draft:
    """The draft, open or confirmed, or the refusal `draft_not_found`."""
    draft = ledger.draft(draft_id)
    if draft is None or draft.status == "dismissed":
        raise DraftNotFound()
    return draft


def entry_of_draft(draft: Draft) -> Entry:
    """What a draft would be recorded as."""
    return Entry(
        draft.category_id, draft.direction, draft.amount_rials, draft.date, draft.description
    )


def draft_confirmed(ledger: LedgerState, recorded: RecordedEvent, event: DraftConfirmed) -> None:
    """The row stays, marked."""
    _mark(ledger, recorded, event.draft_id, "confirmed")


def draft_dismissed(ledger: LedgerState, recorded: RecordedEvent, event: DraftDismissed) -> None:
    """The row stays, marked."""
    _mark(ledger, recorded, event.draft_id, "dismissed")


def _mark(
    ledger: LedgerState, recorded: RecordedEvent, draft_id: UUID, status: DraftStatus
) -> None:
    ledger.drafts[draft_id] = msgspec.structs.replace(
        ledger.drafts[draft_id],
        status=status,
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )
