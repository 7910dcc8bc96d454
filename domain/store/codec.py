"""Events as they are stored: lasting names, exact bytes, and the digests that chain them."""

import datetime as dt
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec
from eventsourcing.persistence import StoredEvent

from domain import (
    auto_saving,
    budgets,
    categories,
    decider,
    drafts,
    goals,
    occurrences,
    recurrences,
    savings,
    transactions,
)
from domain.base import Event, RecordedEvent
from domain.store import upgrades

NAMES: Final[Mapping[str, type[Event]]] = {
    "ledger-opened.1": decider.LedgerOpened,
    "category-added.1": categories.CategoryAdded,
    "category-changed.1": categories.CategoryChanged,
    "category-removed.1": categories.CategoryRemoved,
    "income-recorded.1": transactions.IncomeRecorded,
    "expense-recorded.1": transactions.ExpenseRecorded,
    "saving-deposited.1": transactions.SavingDeposited,
    "saving-withdrawn.1": transactions.SavingWithdrawn,
    "surplus-saved.1": savings.SurplusSaved,
    "transaction-corrected.1": transactions.TransactionCorrected,
    "transaction-voided.1": transactions.TransactionVoided,
    "transaction-restored.1": transactions.TransactionRestored,
    "budget-set.2": budgets.BudgetSet,
    "budget-revised.2": budgets.BudgetRevised,
    "budget-removed.2": budgets.BudgetRemoved,
    "goal-set.1": goals.GoalSet,
    "goal-revised.1": goals.GoalRevised,
    "goal-removed.1": goals.GoalRemoved,
    "auto-saving-set.1": auto_saving.AutoSavingSet,
    "auto-saving-done.1": auto_saving.AutoSavingDone,
    "recurrence-set.1": recurrences.RecurrenceSet,
    "recurrence-revised.1": recurrences.RecurrenceRevised,
    "recurrence-removed.1": recurrences.RecurrenceRemoved,
    "recurrence-happened.1": occurrences.RecurrenceHappened,
    "draft-confirmed.1": drafts.DraftConfirmed,
    "draft-dismissed.1": drafts.DraftDismissed,
}
"""Every event's lasting name. A changed shape gets a new name; the old one moves to UPGRADES."""

UPGRADES: Final[Mapping[str, Callable[[bytes], Event]]] = {
    "budget-set.1": upgrades.budget_set_1,
    "budget-revised.1": upgrades.budget_revised_1,
    "budget-removed.1": upgrades.budget_removed_1,
}
"""Names no longer written, each with the function that reads its bytes as an event of today."""

_TOPICS: Final = {event: name for name, event in NAMES.items()}
_READERS: Final[Mapping[str, Callable[[bytes], Event]]] = {
    **{name: msgspec.json.Decoder(event).decode for name, event in NAMES.items()},
    **UPGRADES,
}


class UnknownEvent(Exception):
    """A stored event whose name or bytes this version cannot read, for a `reason`."""

    def __init__(self, ledger_id: UUID, version: int, topic: str, reason: str) -> None:
        super().__init__(f"{topic!r} at {ledger_id} version {version}: {reason}")
        self.version = version
        self.reason = reason


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What the state of every event begins with. `prev` is a hex digest."""

    recorded_at: dt.datetime
    actor: str
    command_id: UUID
    prev: str


_ENVELOPE_KEYS: Final = frozenset(Envelope.__struct_fields__)
_read_envelope: Final = msgspec.json.Decoder(Envelope).decode
_write: Final = msgspec.json.Encoder().encode


def topic_of(event: Event) -> str:
    """The lasting name of an event."""
    return _TOPICS[type(event)]


def to_stored(recorded: RecordedEvent) -> StoredEvent:
    """An event as it is stored: `state` is compact UTF-8 JSON, the envelope first."""
    envelope = _write(
        Envelope(recorded.recorded_at, recorded.actor, recorded.command_id, recorded.prev)
    )
    state = envelope[:-1] + b"," + _write(recorded.event)[1:]
    return StoredEvent(recorded.ledger_id, recorded.version, topic_of(recorded.event), state)


def from_stored(stored: StoredEvent) -> RecordedEvent:
    """A stored event as a value, upgraded to today's shape; raises `UnknownEvent`."""
    ledger_id = stored.originator_id
    assert isinstance(ledger_id, UUID)
    return read_event(ledger_id, stored.originator_version, stored.topic, stored.state)


def read_event(ledger_id: UUID, version: int, topic: str, state: bytes) -> RecordedEvent:
    """What is stored of an event as a value, like `from_stored`."""
    try:
        event = _READERS[topic](state)
        envelope = _read_envelope(state)
    except (KeyError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise UnknownEvent(ledger_id, version, topic, str(error)) from error
    return RecordedEvent(
        ledger_id,
        version,
        envelope.recorded_at,
        envelope.actor,
        envelope.command_id,
        envelope.prev,
        event,
    )


def own_fields(state: bytes) -> dict[str, Any]:
    """The fields of a stored event that are not the envelope's, as plain JSON values."""
    fields: dict[str, Any] = msgspec.json.decode(state)
    return {name: value for name, value in fields.items() if name not in _ENVELOPE_KEYS}


def digest(ledger_id: UUID, version: int, topic: str, state: bytes) -> bytes:
    """The 32 bytes that seal an event and, through its `prev`, everything before it.

    SHA-256 (FIPS 180-4) of: ledger id (16 bytes), version (8 bytes, big-endian), topic
    (UTF-8), a zero byte, state.
    """
    return digester(ledger_id)(version, topic, state)


def digester(ledger_id: UUID) -> Callable[[int, str, bytes], bytes]:
    """`digest` for many events of one ledger."""
    of_ledger = ledger_id.bytes

    def digest_of(version: int, topic: str, state: bytes) -> bytes:
        head = of_ledger + version.to_bytes(8, "big") + topic.encode()
        return sha256(head + b"\x00" + state).digest()

    return digest_of


def first_prev(ledger_id: UUID) -> bytes:
    """What the first event of a ledger names as the digest before it."""
    return sha256(ledger_id.bytes).digest()
