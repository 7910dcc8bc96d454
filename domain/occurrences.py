"""Occurrences: what recurs, recorded once for each of its days, or held as a draft."""

import datetime as dt
from collections import Counter
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Literal
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET

from domain.base import Command, Event, RecordedEvent, Refusal
from domain.categories import require_category
from domain.creation import Circumstances
from domain.ledger import Draft, Ledger, LedgerState, Recurrence
from domain.money import Posting
from domain.recurring_plans import amount_of, next_after, terms_of
from domain.refusals import CategoryInactive, SavingsTooLow, TotalTooLarge
from domain.transactions import Entry, TransactionRecorded, recorded_as

MOST_AT_ONCE: Final = 50
"""Occurrences that are recorded in one go, which SQLite's other writers wait for: some 20 ms.
Whoever has more due asks again."""


class RecordDue(Command, frozen=True, kw_only=True):
    """Record what is due by today, oldest first: of one recurrence, or of all."""

    recurrence_id: UUID | None = None


class RecurrenceHappened(Event, frozen=True):
    """A recurrence came to one of its days, and goes on to `next_date`.

    `entry` was recorded just before as the transaction with this id, or is held as the draft
    with this id: for the `reason` that a refusal has as its code, if it was to be recorded.
    """

    recurrence_id: UUID
    number: int
    outcome: Literal["recorded", "drafted"]
    reason: str | None
    transaction_id: UUID
    entry: Entry
    next_date: dt.date | None


def record_due(command: RecordDue, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Record or hold every occurrence up to today, at most `MOST_AT_ONCE` of them."""
    waiting = [
        (recurrence.next_date, recurrence.created_version, recurrence)
        for recurrence in _due(command, ledger, given.today)
        if recurrence.next_date is not None
    ]
    heapify(waiting)
    told = _Told(ledger)
    for _ in range(MOST_AT_ONCE):
        if not waiting:
            break
        day, created_version, recurrence = heappop(waiting)
        after = told.tell(recurrence, day)
        if after.next_date is not None and after.next_date <= given.today:
            heappush(waiting, (after.next_date, created_version, after))
    return told.events


def _due(command: RecordDue, ledger: Ledger, today: dt.date) -> list[Recurrence]:
    if command.recurrence_id is None:
        return ledger.due_recurrences(today, MOST_AT_ONCE)
    found = ledger.recurrence(command.recurrence_id)
    is_due = found is not None and found.next_date is not None and found.next_date <= today
    return [found] if found is not None and is_due else []


class _Told:
    """What is told at once: each occurrence is judged as if those before it were recorded."""

    def __init__(self, ledger: Ledger) -> None:
        self.events: list[Event] = []
        self._ledger = ledger
        self._totals = ledger.totals
        self._saved: Counter[UUID] = Counter()

    def tell(self, recurrence: Recurrence, day: dt.date) -> Recurrence:
        """Tell an occurrence; the recurrence as it goes on."""
        entry = Entry(
            recurrence.category_id,
            recurrence.direction,
            amount_of(recurrence, recurrence.next_number),
            day,
            recurrence.description,
        )
        transaction_id = _free_id(self._ledger, recurrence)
        recorded, reason = None, None
        if recurrence.mode == "record":
            recorded, reason = self._recorded(entry, transaction_id)
        if recorded is not None:
            self.events.append(recorded)
        next_date = next_after(terms_of(recurrence), recurrence.next_number + 1, day)
        self.events.append(
            RecurrenceHappened(
                recurrence.id,
                recurrence.next_number,
                "drafted" if recorded is None else "recorded",
                reason,
                transaction_id,
                entry,
                next_date,
            )
        )
        return _gone_on(recurrence, day, next_date)

    def _recorded(
        self, entry: Entry, transaction_id: UUID
    ) -> tuple[TransactionRecorded | None, str | None]:
        try:
            category = require_category(self._ledger, entry.category_id)
            if not category.is_active:
                raise CategoryInactive()
            event = recorded_as(category, entry.direction or UNSET)(
                transaction_id, category.id, entry.amount_rials, entry.date, entry.description
            )
            self._post(event.postings()[0])
        except Refusal as refusal:
            return None, refusal.code
        return event, None

    def _post(self, posting: Posting) -> None:
        totals = self._totals.plus(posting)
        if not totals.is_within_bounds():
            raise TotalTooLarge()
        if posting.kind == "savings":
            saved = self._saved[posting.category_id] + posting.net_rials
            if posting.net_rials < 0 and self._ledger.saved_in(posting.category_id) + saved < 0:
                raise SavingsTooLow()
            self._saved[posting.category_id] = saved
        self._totals = totals


def _free_id(ledger: Ledger, recurrence: Recurrence) -> UUID:
    """The id of an occurrence's transaction: it follows from which occurrence it is.

    RFC 9562 version 5: the recurrence's id is the namespace, the number is the name. Should
    somebody have chosen that id for something else, the next name that is free.
    """
    names = (f"{recurrence.next_number}{'+' * tries}" for tries in count())
    ids = (uuid5(recurrence.id, name) for name in names)
    return next(one for one in ids if ledger.creation(one) is None)


def _gone_on(recurrence: Recurrence, day: dt.date, next_date: dt.date | None) -> Recurrence:
    return msgspec.structs.replace(
        recurrence,
        next_number=recurrence.next_number + 1,
        next_date=next_date,
        done_until=day,
    )


def recurrence_happened(
    ledger: LedgerState, recorded: RecordedEvent, event: RecurrenceHappened
) -> None:
    """The recurrence goes on; what is held is a new row."""
    going_on = _gone_on(ledger.recurrences[event.recurrence_id], event.entry.date, event.next_date)
    ledger.recurrences[event.recurrence_id] = msgspec.structs.replace(
        going_on,
        next_number=event.number + 1,
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )
    if event.outcome == "drafted":
        ledger.creations[event.transaction_id] = event
        ledger.drafts[event.transaction_id] = Draft(
            id=event.transaction_id,
            recurrence_id=event.recurrence_id,
            number=event.number,
            **msgspec.structs.asdict(event.entry),
            reason=event.reason,
            status="open",
            created_version=recorded.version,
            version=recorded.version,
            created_at=recorded.recorded_at,
            updated_at=recorded.recorded_at,
        )
