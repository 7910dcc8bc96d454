"""Transactions: money that came in, went out, or was put aside."""

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.base import Command, Event, RecordedEvent
from domain.categories import require_category
from domain.creation import Circumstances, is_repeated, was_said
from domain.ledger import Category, Ledger, LedgerState, Transaction
from domain.money import Direction, Kind, Posting
from domain.refusals import (
    AmountMissing,
    CategoryInactive,
    DirectionNotAllowed,
    KindMismatch,
    TransactionIsVoided,
    TransactionNotFound,
)


class RecordTransaction(Command, frozen=True, kw_only=True):
    """Record an entry; its kind follows the category's."""

    id: UUID | None = None
    category_id: UUID
    amount_rials: int | UnsetType = UNSET
    date: dt.date | UnsetType = UNSET
    description: str | UnsetType = UNSET
    direction: Direction | UnsetType = UNSET


class CorrectTransaction(Command, frozen=True, kw_only=True):
    """Correct what was said and leave the rest."""

    transaction_id: UUID
    category_id: UUID | UnsetType = UNSET
    amount_rials: int | UnsetType = UNSET
    date: dt.date | UnsetType = UNSET
    description: str | UnsetType = UNSET
    direction: Direction | UnsetType = UNSET


class VoidTransaction(Command, frozen=True, kw_only=True):
    """Take an entry out of every total; its history stays."""

    transaction_id: UUID


class RestoreTransaction(Command, frozen=True, kw_only=True):
    """Put a voided entry back."""

    transaction_id: UUID


class Entry(msgspec.Struct, frozen=True, gc=False):
    """All that can be corrected about a transaction. `direction` is for savings only."""

    category_id: UUID
    direction: Direction | None
    amount_rials: int
    date: dt.date
    description: str

    def posting(self, kind: Kind, sign: int) -> Posting:
        """This entry coming into the totals (1) or leaving them (-1)."""
        return Posting(
            kind,
            self.direction,
            self.category_id,
            self.date,
            self.amount_rials,
            1 if sign > 0 else -1,
        )


class TransactionRecorded(Event, frozen=True):
    """A new entry; the event's name says its kind and direction."""

    transaction_id: UUID
    category_id: UUID
    amount_rials: int
    date: dt.date
    description: str

    kind: ClassVar[Kind]
    direction: ClassVar[Direction | None] = None

    def entry(self) -> Entry:
        """The entry as it was first recorded."""
        return Entry(
            self.category_id, self.direction, self.amount_rials, self.date, self.description
        )

    def postings(self) -> Sequence[Posting]:
        """The entry comes in."""
        return (
            Posting(self.kind, self.direction, self.category_id, self.date, self.amount_rials, 1),
        )


class IncomeRecorded(TransactionRecorded, frozen=True):
    """Money came in."""

    kind = "income"


class ExpenseRecorded(TransactionRecorded, frozen=True):
    """Money went out."""

    kind = "expense"


class SavingDeposited(TransactionRecorded, frozen=True):
    """Money was put aside."""

    kind = "savings"
    direction = "deposit"


class SavingWithdrawn(TransactionRecorded, frozen=True):
    """Money that was put aside was taken back."""

    kind = "savings"
    direction = "withdraw"


class TransactionCorrected(Event, frozen=True):
    """An entry was corrected; both sides are whole."""

    transaction_id: UUID
    kind: Kind
    before: Entry
    after: Entry

    def postings(self) -> Sequence[Posting]:
        """The entry leaves as it was and comes in as it is."""
        return (self.before.posting(self.kind, -1), self.after.posting(self.kind, 1))


class TransactionVoided(Event, frozen=True):
    """An entry was taken out of every total."""

    transaction_id: UUID
    kind: Kind
    entry: Entry

    def postings(self) -> Sequence[Posting]:
        """The entry leaves."""
        return (self.entry.posting(self.kind, -1),)


class TransactionRestored(Event, frozen=True):
    """A voided entry was put back."""

    transaction_id: UUID
    kind: Kind
    entry: Entry

    def postings(self) -> Sequence[Posting]:
        """The entry comes in again."""
        return (self.entry.posting(self.kind, 1),)


def record_transaction(
    command: RecordTransaction, ledger: Ledger, given: Circumstances
) -> list[Event]:
    """Record an entry in an active category."""
    if is_repeated(command.id, ledger, lambda event: _is_as_said(event, command)):
        return []
    category = require_category(ledger, command.category_id)
    if not category.is_active:
        raise CategoryInactive("category_id", name=category.name)
    amount_rials = was_said(command.amount_rials, category.default_amount_rials)
    if amount_rials is None:
        raise AmountMissing("amount")
    event = recorded_as(category, command.direction)
    return [
        event(
            command.id or given.new_id(),
            category.id,
            amount_rials,
            was_said(command.date, given.today),
            was_said(command.description, ""),
        )
    ]


def recorded_as(category: Category, direction: Direction | UnsetType) -> type[TransactionRecorded]:
    """The event by which an entry in a category is recorded; may refuse its direction."""
    if category.kind == "savings":
        return SavingWithdrawn if direction == "withdraw" else SavingDeposited
    if direction is not UNSET:
        raise DirectionNotAllowed("direction")
    return IncomeRecorded if category.kind == "income" else ExpenseRecorded


def _is_as_said(event: Event, command: RecordTransaction) -> bool:
    if not isinstance(event, TransactionRecorded):
        return False
    entry = event.entry()
    return entry == Entry(
        command.category_id,
        was_said(command.direction, entry.direction),
        was_said(command.amount_rials, entry.amount_rials),
        was_said(command.date, entry.date),
        was_said(command.description, entry.description),
    )


def correct_transaction(
    command: CorrectTransaction, ledger: Ledger, given: Circumstances
) -> list[Event]:
    """Correct an entry; nothing is recorded when nothing changes."""
    transaction = require_transaction(ledger, command.transaction_id)
    if transaction.is_voided:
        raise TransactionIsVoided()
    before = entry_of(transaction)
    if command.direction is not UNSET and transaction.kind != "savings":
        raise DirectionNotAllowed("direction")
    after = Entry(
        was_said(command.category_id, before.category_id),
        was_said(command.direction, before.direction),
        was_said(command.amount_rials, before.amount_rials),
        was_said(command.date, before.date),
        was_said(command.description, before.description),
    )
    if after.category_id != before.category_id:
        refuse_move(require_category(ledger, after.category_id), transaction.kind)
    if after == before:
        return []
    return [TransactionCorrected(transaction.id, transaction.kind, before, after)]


def refuse_move(category: Category, kind: Kind) -> None:
    """Refuse that something of a kind moves to a category."""
    if category.kind != kind:
        raise KindMismatch("category_id", name=category.name)
    if not category.is_active:
        raise CategoryInactive("category_id", name=category.name)


def void_transaction(command: VoidTransaction, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Void an entry; voiding twice records once."""
    found = require_transaction(ledger, command.transaction_id)
    return [] if found.is_voided else [TransactionVoided(found.id, found.kind, entry_of(found))]


def restore_transaction(
    command: RestoreTransaction, ledger: Ledger, given: Circumstances
) -> list[Event]:
    """Put a voided entry back, even where its category has become inactive."""
    found = require_transaction(ledger, command.transaction_id)
    return [TransactionRestored(found.id, found.kind, entry_of(found))] if found.is_voided else []


def require_transaction(ledger: Ledger, transaction_id: UUID) -> Transaction:
    """The transaction, or the refusal `transaction_not_found`."""
    transaction = ledger.transaction(transaction_id)
    if transaction is None:
        raise TransactionNotFound()
    return transaction


def entry_of(transaction: Transaction) -> Entry:
    """All that can be corrected about a transaction, as it stands."""
    return Entry(
        transaction.category_id,
        transaction.direction,
        transaction.amount_rials,
        transaction.date,
        transaction.description,
    )


def transaction_recorded(
    ledger: LedgerState, recorded: RecordedEvent, event: TransactionRecorded
) -> None:
    """A new row."""
    ledger.creations[event.transaction_id] = event
    ledger.transactions[event.transaction_id] = as_recorded(recorded, event)


def as_recorded(recorded: RecordedEvent, event: TransactionRecorded) -> Transaction:
    """A transaction as it stood when it was first recorded."""
    # By position, since histories are folded by it: names take twice as long.
    return Transaction(
        event.transaction_id,
        event.category_id,
        event.kind,
        event.direction,
        event.amount_rials,
        event.date,
        event.description,
        False,
        recorded.version,
        recorded.version,
        recorded.recorded_at,
        recorded.recorded_at,
    )


def transaction_corrected(
    ledger: LedgerState, recorded: RecordedEvent, event: TransactionCorrected
) -> None:
    """The row as it is after."""
    found = ledger.transactions[event.transaction_id]
    _change(ledger, recorded, found, event.after, is_voided=found.is_voided)


def transaction_voided(
    ledger: LedgerState, recorded: RecordedEvent, event: TransactionVoided
) -> None:
    """The row stays, marked."""
    found = ledger.transactions[event.transaction_id]
    _change(ledger, recorded, found, found, is_voided=True)


def transaction_restored(
    ledger: LedgerState, recorded: RecordedEvent, event: TransactionRestored
) -> None:
    """The mark is gone."""
    found = ledger.transactions[event.transaction_id]
    _change(ledger, recorded, found, found, is_voided=False)


def _change(
    ledger: LedgerState,
    recorded: RecordedEvent,
    found: Transaction,
    entry: Entry | Transaction,
    *,
    is_voided: bool,
) -> None:
    ledger.changes.setdefault(found.id, []).append(recorded.version)
    ledger.transactions[found.id] = Transaction(
        found.id,
        entry.category_id,
        found.kind,
        entry.direction,
        entry.amount_rials,
        entry.date,
        entry.description,
        is_voided,
        found.created_version,
        recorded.version,
        found.recorded_at,
        recorded.recorded_at,
    )
