"""Reading the events themselves, as they are stored."""

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec

from domain.base import RecordedEvent
from domain.store.codec import Envelope, UnknownEvent, digest, own_fields, to_stored
from domain.store.database import Connection, Database, as_record
from domain.store.ledgers import LedgerMissing

STREAMED_AT_ONCE: Final = 500

_SELECT: Final = """
    SELECT originator_id AS ledger_id, originator_version AS version, topic, state FROM events
"""


class StoredRow(msgspec.Struct, frozen=True):
    """One stored event; `state` is its exact bytes."""

    ledger_id: UUID
    version: int
    topic: str
    state: bytes

    @property
    def digest(self) -> str:
        """The hex digest that seals it."""
        return digest(self.ledger_id, self.version, self.topic, self.state).hex()


class ReadableEvent(msgspec.Struct, frozen=True):
    """One event for people: envelope and own fields apart."""

    version: int
    topic: str
    recorded_at: dt.datetime
    actor: str
    data: dict[str, Any]


def stored_rows(
    connection: Connection, where: str, limit: int, **params: object
) -> list[StoredRow]:
    """Up to `limit` events that match, in order of version."""
    sql = f"{_SELECT} WHERE {where} ORDER BY originator_version LIMIT :limit"
    rows = connection.all(sql, limit=limit, **params)
    return [as_record(row, StoredRow) for row in rows]


def stream_events(
    database: Database,
    ledger_id: UUID,
    after: int,
    until: int,
    admit: Callable[[Connection], None],
) -> Iterator[StoredRow]:
    """The events of a ledger that follow version `after`, up to and with version `until`.

    A few are read at a time, each time in a transaction of its own, since events never change:
    whoever reads slowly keeps neither a connection nor a snapshot. `admit` is asked in each of
    them, and raises when the reader may read no more. Raises `LedgerMissing` after an erasure.
    """

    def read(connection: Connection, after: int) -> list[StoredRow]:
        admit(connection)
        return events_after(connection, ledger_id, after, min(STREAMED_AT_ONCE, until - after))

    while after < until:
        rows = database.read(partial(read, after=after))
        if not rows:
            raise LedgerMissing(ledger_id)
        yield from rows
        after = rows[-1].version


def events_after(
    connection: Connection, ledger_id: UUID, after: int, limit: int
) -> list[StoredRow]:
    """Up to `limit` events of a ledger that follow version `after`."""
    where = "originator_id = :ledger_id AND originator_version > :after"
    return stored_rows(connection, where, limit, ledger_id=ledger_id, after=after)


def readable(row: StoredRow) -> ReadableEvent:
    """A stored event for people. Raises `UnknownEvent` where its bytes are none."""
    try:
        envelope = msgspec.json.decode(row.state, type=Envelope)
        data = own_fields(row.state)
    except (UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise UnknownEvent(row.ledger_id, row.version, row.topic, str(error)) from error
    return ReadableEvent(row.version, row.topic, envelope.recorded_at, envelope.actor, data)


def readable_recorded(recorded: RecordedEvent) -> ReadableEvent:
    """An event that was just recorded, or would be, for people."""
    stored = to_stored(recorded)
    return readable(StoredRow(recorded.ledger_id, recorded.version, stored.topic, stored.state))
