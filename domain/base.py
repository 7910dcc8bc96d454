"""What every command, event and refusal has in common."""

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

import msgspec

from domain.money import Posting


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person asks for. `msgspec.UNSET` in a field means that it was not said."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something that happened. Its stored name is given in `domain.store.codec`."""

    def postings(self) -> "Sequence[Posting]":
        """What this event adds to the totals, or takes from them; from itself alone."""
        return ()


class RecordedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event in its place in a ledger's history.

    `version` counts from 1 without a gap, `recorded_at` is UTC and never goes back, `actor`
    is an account id or `worker:…`, and `prev` is the hex digest of the event before.
    """

    ledger_id: UUID
    version: int
    recorded_at: dt.datetime
    actor: str
    command_id: UUID
    prev: str
    event: Event

    @property
    def originator_id(self) -> UUID:
        """The ledger id, by the name `eventsourcing` knows it."""
        return self.ledger_id

    @property
    def originator_version(self) -> int:
        """The version, by the name `eventsourcing` knows it."""
        return self.version


class Refusal(Exception):
    """A command that the rules turn down.

    `code` is stable; `field` names the request field at fault, where there is one; `details`
    fill the message.
    """

    code: ClassVar[str]

    def __init__(self, field: str | None = None, **details: object) -> None:
        super().__init__(self.code, field, details)
        self.field = field
        self.details = details
