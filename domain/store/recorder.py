"""The persistence module: `eventsourcing`'s mapper, recorder and factory over our database."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Mapper,
    Notification,
    ProcessRecorder,
    ProgrammingError,
    StoredEvent,
    Subscription,
    TrackingRecorder,
)
from eventsourcing.utils import Environment

from domain.base import RecordedEvent
from domain.store.codec import from_stored, to_stored
from domain.store.database import Connection, Database, Row
from domain.store.pending import insert_into

_EVENTS: Final = insert_into(
    "events",
    {"originator_id": "uuid", "originator_version": "bigint", "topic": "text", "state": "json"},
)
_STORED: Final = "originator_id, originator_version, topic, state"


class EventMapper(Mapper[UUID]):
    """Events to stored events and back, by the lasting names of `domain.store.codec`.

    The library's own mapper reads `vars()` of an event, which a `msgspec.Struct` has none of.
    """

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """See `domain.store.codec.to_stored`."""
        assert isinstance(domain_event, RecordedEvent)
        return to_stored(domain_event)

    def to_domain_event(self, stored_event: StoredEvent) -> RecordedEvent:
        """See `domain.store.codec.from_stored`."""
        return from_stored(stored_event)


class EventRecorder(ApplicationRecorder):
    """Inserts and selects stored events; inserting needs the bracket's connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        """Append within the open transaction `connection`, the only way to append.

        Raises `ProgrammingError` without one: events are recorded by `LedgerStore.transact`,
        together with their projection.
        """
        connection = kwargs.get("connection")
        if not isinstance(connection, Connection):
            raise ProgrammingError("events are recorded by LedgerStore.transact only")
        for stored in stored_events:
            row = (stored.originator_id, stored.originator_version, stored.topic, stored.state)
            connection.later(_EVENTS, row)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one ledger, in order of version."""
        sql = f"SELECT {_STORED} FROM events WHERE originator_id = :originator_id"
        sql += "" if gt is None else " AND originator_version > :gt"
        sql += "" if lte is None else " AND originator_version <= :lte"
        sql += " ORDER BY originator_version" + (" DESC" if desc else "")
        sql += "" if limit is None else " LIMIT :limit"
        params = {"originator_id": originator_id, "gt": gt, "lte": lte, "limit": limit}
        with self._database.reading() as connection:
            return [as_stored(row) for row in connection.all(sql, **params)]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events of all ledgers by notification id.

        Not safe to tail on PostgreSQL: a transaction holding a lower id may commit later.
        Follow ledgers by version instead.
        """
        sql = f"SELECT notification_id, {_STORED} FROM events WHERE notification_id "
        sql += ">= :start" if inclusive_of_start else "> :start"
        sql += "" if stop is None else " AND notification_id <= :stop"
        names = {f"topic_{number}": topic for number, topic in enumerate(topics)}
        sql += f" AND topic IN ({', '.join(f':{name}' for name in names)})" if names else ""
        sql += " ORDER BY notification_id LIMIT :limit"
        params = {"start": start or 0, "stop": stop, "limit": limit, **names}
        with self._database.reading() as connection:
            rows = connection.all(sql, **params)
        return [Notification(**vars(as_stored(row)), id=row["notification_id"]) for row in rows]

    def max_notification_id(self) -> int | None:
        """The largest notification id, or None before the first event."""
        with self._database.reading() as connection:
            row = connection.one("SELECT max(notification_id) AS id FROM events")
        return None if row is None else row["id"]

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Not offered: a global subscription could skip events. Follow ledgers by version."""
        raise NotImplementedError("follow ledgers by version")


class LedgerFactory(InfrastructureFactory[TrackingRecorder]):
    """Makes the recorder of one database; ledgers need no other kind."""

    def __init__(self, env: Environment, database: Database) -> None:
        super().__init__(env)
        self._database = database

    def application_recorder(self) -> EventRecorder:
        """The recorder of every ledger's events."""
        return EventRecorder(self._database)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """The same recorder; there are no snapshots."""
        return EventRecorder(self._database)

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> TrackingRecorder:
        """Not offered: workers keep a version per ledger."""
        raise NotImplementedError("workers keep a version per ledger")

    def process_recorder(self) -> ProcessRecorder:
        """Not offered: workers keep a version per ledger."""
        raise NotImplementedError("workers keep a version per ledger")


def as_stored(row: Row) -> StoredEvent:
    """A row of `events` as the library's stored event."""
    ledger_id = row["originator_id"]
    return StoredEvent(
        ledger_id if isinstance(ledger_id, UUID) else UUID(bytes=ledger_id),
        row["originator_version"],
        row["topic"],
        row["state"],
    )
