"""The SQL of recurrences and drafts, like `projections.statements`, and what their events write."""

from collections.abc import Iterator
from typing import Any, Final, get_args

import msgspec

from domain.drafts import DraftConfirmed, DraftDismissed
from domain.occurrences import RecurrenceHappened
from domain.recurrences import (
    RecurrenceRemoved,
    RecurrenceRevised,
    RecurrenceSet,
    columns_of,
)

RecurringEvent = (
    RecurrenceSet
    | RecurrenceRevised
    | RecurrenceRemoved
    | RecurrenceHappened
    | DraftConfirmed
    | DraftDismissed
)
EVENTS: Final[tuple[type[RecurringEvent], ...]] = get_args(RecurringEvent)

RECURRENCE_COLUMNS: Final = """id, category_id, direction, amount_rials, last_amount_rials,
    description, period, interval, weekdays, start_date AS "start", until_date AS "until", count,
    mode, next_number, next_date, done_until, is_removed, created_version, version,
    created_at, updated_at"""
DRAFT_COLUMNS: Final = """id, recurrence_id, number, category_id, direction, amount_rials, date,
    description, reason, status, created_version, version, created_at, updated_at"""

RECURRENCE: Final = f"""
    SELECT {RECURRENCE_COLUMNS} FROM recurrences
    WHERE ledger_id = :ledger_id AND id = :id AND NOT is_removed
"""
DUE_RECURRENCES: Final = f"""
    SELECT {RECURRENCE_COLUMNS} FROM recurrences
    WHERE ledger_id = :ledger_id AND next_date <= :day
    ORDER BY next_date, created_version LIMIT :rows
"""
DRAFT: Final = f"""
    SELECT {DRAFT_COLUMNS} FROM drafts WHERE ledger_id = :ledger_id AND id = :id
"""
OPEN_DRAFTS_OF: Final = f"""
    SELECT {DRAFT_COLUMNS} FROM drafts
    WHERE ledger_id = :ledger_id AND status = 'open' AND recurrence_id = :recurrence_id
    ORDER BY created_version
"""

ADD_RECURRENCE: Final = """
    INSERT INTO recurrences (ledger_id, id, category_id, direction, amount_rials,
        last_amount_rials, description, period, interval, weekdays, start_date, until_date, count,
        mode, next_number, next_date, done_until, is_removed, created_version, version,
        created_at, updated_at)
    VALUES (:ledger_id, :id, :category_id, :direction, :amount_rials,
        :last_amount_rials, :description, :period, :interval, :weekdays, :start, :until, :count,
        :mode, :next_number, :next_date, :done_until, FALSE, :version, :version,
        :recorded_at, :recorded_at)
"""
REVISE_RECURRENCE: Final = """
    UPDATE recurrences SET category_id = :category_id, direction = :direction,
        amount_rials = :amount_rials, last_amount_rials = :last_amount_rials,
        description = :description, period = :period, interval = :interval, weekdays = :weekdays,
        start_date = :start, until_date = :until, count = :count, mode = :mode,
        next_date = :next_date, version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
MOVE_RECURRENCE: Final = """
    UPDATE recurrences SET next_number = :next_number, next_date = :next_date,
        done_until = :done_until, version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
REMOVE_RECURRENCE: Final = """
    UPDATE recurrences SET is_removed = TRUE, next_date = NULL, version = :version,
        updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
ADD_DRAFT: Final = """
    INSERT INTO drafts (ledger_id, id, recurrence_id, number, category_id, direction,
        amount_rials, date, description, reason, status, created_version, version,
        created_at, updated_at)
    VALUES (:ledger_id, :id, :recurrence_id, :number, :category_id, :direction,
        :amount_rials, :date, :description, :reason, 'open', :version, :version,
        :recorded_at, :recorded_at)
"""
MARK_DRAFT: Final = """
    UPDATE drafts SET status = :status, version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""

ADDITIONS: Final = frozenset({ADD_RECURRENCE, ADD_DRAFT})
"""Statements that make a row of something new."""


def writes(event: RecurringEvent) -> Iterator[tuple[str, dict[str, Any]]]:
    """The statements that an event runs, each with what it says of it; `id` names the row."""
    match event:
        case RecurrenceSet(recurrence_id, terms, number, date, done_until):
            going_on = {"next_number": number, "next_date": date, "done_until": done_until}
            yield ADD_RECURRENCE, {"id": recurrence_id, **columns_of(terms), **going_on}
        case RecurrenceRevised(recurrence_id, _, after, date):
            yield REVISE_RECURRENCE, {"id": recurrence_id, **columns_of(after), "next_date": date}
        case RecurrenceRemoved(recurrence_id):
            yield REMOVE_RECURRENCE, {"id": recurrence_id}
        case RecurrenceHappened():
            yield from _of_occurrence(event)
        case DraftConfirmed(draft_id):
            yield MARK_DRAFT, {"id": draft_id, "status": "confirmed"}
        case DraftDismissed(draft_id):
            yield MARK_DRAFT, {"id": draft_id, "status": "dismissed"}


def _of_occurrence(event: RecurrenceHappened) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        MOVE_RECURRENCE,
        {
            "id": event.recurrence_id,
            "next_number": event.number + 1,
            "next_date": event.next_date,
            "done_until": event.entry.date,
        },
    )
    if event.outcome == "drafted":
        yield (
            ADD_DRAFT,
            {
                "id": event.transaction_id,
                "recurrence_id": event.recurrence_id,
                "number": event.number,
                "reason": event.reason,
                **msgspec.structs.asdict(event.entry),
            },
        )
