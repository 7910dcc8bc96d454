"""Recurrences: entries that come again every so many days, weeks, months or years."""

import datetime as dt
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.base import Command, Event, RecordedEvent
from domain.categories import require_category
from domain.creation import Circumstances, is_repeated, was_said
from domain.drafts import dismissed
from domain.ledger import Category, Ledger, LedgerState, Recurrence, RecurrenceMode
from domain.money import Direction
from domain.recurring_days import (
    Period,
    Weekday,
    weekday_of,
    weekdays_in,
    weekdays_mask,
)
from domain.recurring_plans import (
    ONE_DAY,
    RecurrenceTerms,
    next_after,
    schedule_of,
    terms_of,
    times_until,
)
from domain.refusals import (
    AmountMissing,
    AmountSaidTwice,
    CategoryInactive,
    CountMissing,
    DirectionNotAllowed,
    EndSaidTwice,
    NeverHappens,
    RecurrenceNotFound,
    SplitTooSmall,
    TooManyPast,
    WeekdaysNotAllowed,
)
from domain.transactions import refuse_move

MOST_PAST: Final = 366
"""Occurrences that may be due at once when a recurrence is set: a year of days."""


class SetRecurrence(Command, frozen=True, kw_only=True):
    """Have an entry recur; `amount_rials` is each one's, `total_amount_rials` that of all.

    What lies between `start` and today happened too, unless `skip_past`.
    """

    id: UUID | None = None
    category_id: UUID
    amount_rials: int | UnsetType = UNSET
    total_amount_rials: int | UnsetType = UNSET
    description: str | UnsetType = UNSET
    direction: Direction | UnsetType = UNSET
    period: Period
    interval: int | UnsetType = UNSET
    weekdays: tuple[Weekday, ...] | UnsetType = UNSET
    start: dt.date | UnsetType = UNSET
    until: dt.date | None | UnsetType = UNSET
    count: int | None | UnsetType = UNSET
    mode: RecurrenceMode | UnsetType = UNSET
    skip_past: bool = False


class ReviseRecurrence(Command, frozen=True, kw_only=True):
    """Change what was said and leave the rest; what happened stays.

    `remaining_amount_rials` is split over the times that are left. An `until` takes the place
    of a `count`, and the other way round.
    """

    recurrence_id: UUID
    category_id: UUID | UnsetType = UNSET
    amount_rials: int | UnsetType = UNSET
    remaining_amount_rials: int | UnsetType = UNSET
    description: str | UnsetType = UNSET
    direction: Direction | UnsetType = UNSET
    period: Period | UnsetType = UNSET
    interval: int | UnsetType = UNSET
    weekdays: tuple[Weekday, ...] | UnsetType = UNSET
    start: dt.date | UnsetType = UNSET
    until: dt.date | None | UnsetType = UNSET
    count: int | None | UnsetType = UNSET
    mode: RecurrenceMode | UnsetType = UNSET


class RemoveRecurrence(Command, frozen=True, kw_only=True):
    """Remove a recurrence and its open drafts; what it recorded stays."""

    recurrence_id: UUID


class RecurrenceSet(Event, frozen=True):
    """An entry recurs, for the first time as the `next_number`th on `next_date`.

    With `skip_past`, `done_until` is the day before it was set.
    """

    recurrence_id: UUID
    terms: RecurrenceTerms
    next_number: int
    next_date: dt.date
    done_until: dt.date | None


class RecurrenceRevised(Event, frozen=True):
    """A recurrence was revised, and goes on to `next_date`; both sides are whole."""

    recurrence_id: UUID
    before: RecurrenceTerms
    after: RecurrenceTerms
    next_date: dt.date | None


class RecurrenceRemoved(Event, frozen=True):
    """A recurrence was removed."""

    recurrence_id: UUID
    terms: RecurrenceTerms


def set_recurrence(command: SetRecurrence, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Set a recurrence in an active category, with a day to come or a few behind it."""
    if is_repeated(command.id, ledger, lambda event: _is_as_said(event, command)):
        return []
    category = require_category(ledger, command.category_id)
    if not category.is_active:
        raise CategoryInactive("category_id", name=category.name)
    terms = _terms_said(command, category, given.today)
    done_until = given.today - ONE_DAY if command.skip_past else None
    number = schedule_of(terms).index_after(done_until) + 1 if done_until is not None else 1
    next_date = next_after(terms, number, done_until)
    if next_date is None:
        raise NeverHappens("count" if terms.count is not None else "until")
    _refuse_long_past(terms, number, next_date, given.today)
    return [RecurrenceSet(command.id or given.new_id(), terms, number, next_date, done_until)]


def _terms_said(command: SetRecurrence, category: Category, today: dt.date) -> RecurrenceTerms:
    start = was_said(command.start, today)
    until, count = was_said(command.until, None), was_said(command.count, None)
    amount_rials, last_amount_rials = _amounts_said(command, category, count)
    terms = RecurrenceTerms(
        category.id,
        _direction(category, command.direction, "deposit"),
        amount_rials,
        last_amount_rials,
        was_said(command.description, ""),
        command.period,
        was_said(command.interval, 1),
        _weekdays(command.period, command.weekdays, (), start),
        start,
        until,
        count,
        was_said(command.mode, "record"),
    )
    if until is not None and count is not None:
        raise EndSaidTwice("until")
    return terms


def _amounts_said(
    command: SetRecurrence, category: Category, count: int | None
) -> tuple[int, int | None]:
    if command.total_amount_rials is not UNSET:
        if command.amount_rials is not UNSET:
            raise AmountSaidTwice("total_amount")
        return _split(command.total_amount_rials, count, "total_amount")
    amount_rials = was_said(command.amount_rials, category.default_amount_rials)
    if amount_rials is None:
        raise AmountMissing("amount")
    return amount_rials, None


def _split(total_rials: int, count: int | None, field: str) -> tuple[int, int | None]:
    """What each time is, and what the last one is where that differs: it takes the remainder."""
    if not count or count < 1:
        raise CountMissing("count")
    each, rest = divmod(total_rials, count)
    if not each:
        raise SplitTooSmall(field)
    return each, each + rest if rest else None


def _direction(
    category: Category, said: Direction | UnsetType, otherwise: Direction | None
) -> Direction | None:
    if category.kind == "savings":
        return was_said(said, otherwise)
    if said is not UNSET:
        raise DirectionNotAllowed("direction")
    return None


def _weekdays(
    period: Period,
    said: tuple[Weekday, ...] | UnsetType,
    before: tuple[Weekday, ...],
    start: dt.date,
) -> tuple[Weekday, ...]:
    """Which weekdays count, Saturday first; the start's where nobody says."""
    if period == "week":
        return weekdays_in(weekdays_mask(was_said(said, before) or (weekday_of(start),)))
    if was_said(said, ()):
        raise WeekdaysNotAllowed("weekdays")
    return ()


def _is_as_said(event: Event, command: SetRecurrence) -> bool:
    if not isinstance(event, RecurrenceSet):
        return False
    terms = event.terms
    each, last = was_said(command.amount_rials, terms.amount_rials), terms.last_amount_rials
    if command.total_amount_rials is not UNSET and terms.count:
        total = terms.amount_rials * (terms.count - 1) + (last or terms.amount_rials)
        is_same_amount = total == command.total_amount_rials
    else:
        is_same_amount = each == terms.amount_rials and (
            command.amount_rials is UNSET or last is None
        )
    weekdays = weekdays_mask(was_said(command.weekdays, terms.weekdays))
    return (
        is_same_amount
        and weekdays == weekdays_mask(terms.weekdays)
        and command.skip_past == (event.done_until is not None)
        and all(
            was_said(getattr(command, name), getattr(terms, name)) == getattr(terms, name)
            for name in (
                *("category_id", "description", "direction", "period", "interval"),
                *("start", "until", "count", "mode"),
            )
        )
    )


def revise_recurrence(
    command: ReviseRecurrence, ledger: Ledger, given: Circumstances
) -> list[Event]:
    """Revise a recurrence; nothing is recorded when nothing changes."""
    recurrence = require_recurrence(ledger, command.recurrence_id)
    before = terms_of(recurrence)
    after = _revised(command, before, ledger, recurrence.next_number)
    if after == before:
        return []
    day = _done_until(recurrence, before, after, given.today)
    next_date = next_after(after, recurrence.next_number, day)
    return [RecurrenceRevised(recurrence.id, before, after, next_date)]


def _done_until(
    recurrence: Recurrence, before: RecurrenceTerms, after: RecurrenceTerms, today: dt.date
) -> dt.date:
    """The day after which it goes on: where its days stay, what is next does; else it is today."""
    is_elsewhere = any(
        getattr(before, name) != getattr(after, name)
        for name in ("period", "interval", "weekdays", "start")
    )
    if recurrence.next_date is not None and not is_elsewhere:
        return recurrence.next_date - ONE_DAY
    yesterday = today - ONE_DAY
    return max(recurrence.done_until or yesterday, yesterday)


def _revised(
    command: ReviseRecurrence, before: RecurrenceTerms, ledger: Ledger, next_number: int
) -> RecurrenceTerms:
    category = _category_said(command, before, ledger)
    until, count = _end_said(command, before)
    period, start = was_said(command.period, before.period), was_said(command.start, before.start)
    kept = before.weekdays if period == before.period else ()
    after = RecurrenceTerms(
        category.id,
        _direction(category, command.direction, before.direction),
        was_said(command.amount_rials, before.amount_rials),
        before.last_amount_rials if command.amount_rials is UNSET and count else None,
        was_said(command.description, before.description),
        period,
        was_said(command.interval, before.interval),
        _weekdays(period, command.weekdays, kept, start),
        start,
        until,
        count,
        was_said(command.mode, before.mode),
    )
    if command.remaining_amount_rials is UNSET:
        return after
    if command.amount_rials is not UNSET:
        raise AmountSaidTwice("remaining_amount")
    left = None if count is None else count - next_number + 1
    each, last = _split(command.remaining_amount_rials, left, "remaining_amount")
    return msgspec.structs.replace(after, amount_rials=each, last_amount_rials=last)


def _category_said(command: ReviseRecurrence, before: RecurrenceTerms, ledger: Ledger) -> Category:
    category = require_category(ledger, before.category_id)
    if command.category_id in (UNSET, category.id):
        return category
    moved = require_category(ledger, was_said(command.category_id, category.id))
    refuse_move(moved, category.kind)
    return moved


def _end_said(
    command: ReviseRecurrence, before: RecurrenceTerms
) -> tuple[dt.date | None, int | None]:
    until, count = was_said(command.until, before.until), was_said(command.count, before.count)
    if until is None or count is None:
        return until, count
    if command.count is UNSET:
        return until, None
    if command.until is UNSET:
        return None, count
    raise EndSaidTwice("until")


def _refuse_long_past(
    terms: RecurrenceTerms, number: int, next_date: dt.date, today: dt.date
) -> None:
    past = times_until(terms, number, next_date, today)
    if past > MOST_PAST:
        raise TooManyPast("start", maximum=MOST_PAST)


def remove_recurrence(
    command: RemoveRecurrence, ledger: Ledger, given: Circumstances
) -> list[Event]:
    """Let a recurrence's open drafts go, and remove it."""
    recurrence = require_recurrence(ledger, command.recurrence_id)
    drafts = [dismissed(draft) for draft in ledger.open_drafts(recurrence.id)]
    return [*drafts, RecurrenceRemoved(recurrence.id, terms_of(recurrence))]


def require_recurrence(ledger: Ledger, recurrence_id: UUID) -> Recurrence:
    """The recurrence, or the refusal `recurrence_not_found`."""
    recurrence = ledger.recurrence(recurrence_id)
    if recurrence is None:
        raise RecurrenceNotFound()
    return recurrence


def recurrence_set(ledger: LedgerState, recorded: RecordedEvent, event: RecurrenceSet) -> None:
    """A new row."""
    ledger.creations[event.recurrence_id] = event
    ledger.recurrences[event.recurrence_id] = Recurrence(
        id=event.recurrence_id,
        **columns_of(event.terms),
        next_number=event.next_number,
        next_date=event.next_date,
        done_until=event.done_until,
        is_removed=False,
        created_version=recorded.version,
        version=recorded.version,
        created_at=recorded.recorded_at,
        updated_at=recorded.recorded_at,
    )


def recurrence_revised(
    ledger: LedgerState, recorded: RecordedEvent, event: RecurrenceRevised
) -> None:
    """The row as it is after."""
    ledger.recurrences[event.recurrence_id] = msgspec.structs.replace(
        ledger.recurrences[event.recurrence_id],
        **columns_of(event.after),
        next_date=event.next_date,
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )


def recurrence_removed(
    ledger: LedgerState, recorded: RecordedEvent, event: RecurrenceRemoved
) -> None:
    """The row stays, marked, since its id is taken for ever; nothing is due any more."""
    ledger.recurrences[event.recurrence_id] = msgspec.structs.replace(
        ledger.recurrences[event.recurrence_id],
        is_removed=True,
        next_date=None,
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )


def columns_of(terms: RecurrenceTerms) -> dict[str, Any]:
    """Terms by the names that a `Recurrence` has for them."""
    return {**msgspec.structs.asdict(terms), "weekdays": weekdays_mask(terms.weekdays)}
