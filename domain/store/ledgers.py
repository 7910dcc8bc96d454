"""Recording: one command, one transaction, from the lock to the last projected row."""

import datetime as dt
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeVar, cast
from uuid import UUID, uuid4

import msgspec
from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, Mapper, RecordConflictError
from eventsourcing.utils import Environment

from domain.base import Command, RecordedEvent
from domain.calendar import today_in_tehran
from domain.creation import Circumstances
from domain.decider import OpenLedger, decide
from domain.ledger import Ledger
from domain.money import Totals
from domain.store.codec import digest, first_prev
from domain.store.database import Connection, Database, as_record
from domain.store.recorder import EventMapper, LedgerFactory

T = TypeVar("T")

_HEAD: Final = """
    SELECT ledger_id, version, digest, recorded_at, income, expense, deposits, withdrawals
    FROM ledgers WHERE ledger_id = :ledger_id
"""
_BEGIN: Final = """
    INSERT INTO ledgers (ledger_id, version, digest, recorded_at)
    VALUES (:ledger_id, 0, :digest, :recorded_at)
"""
_ADVANCE: Final = """
    UPDATE ledgers
    SET version = :version, digest = :digest, recorded_at = :recorded_at,
        income = :income, expense = :expense, deposits = :deposits, withdrawals = :withdrawals
    WHERE ledger_id = :ledger_id AND version = :expected
"""


class LedgerMissing(Exception):
    """There is no ledger with this id."""


class Head(msgspec.Struct, frozen=True):
    """Where a ledger stands: its last version and digest, and its totals in Rials."""

    ledger_id: UUID
    version: int
    digest: bytes
    recorded_at: dt.datetime
    income: int
    expense: int
    deposits: int
    withdrawals: int

    @property
    def totals(self) -> Totals:
        """The running totals."""
        return Totals(self.income, self.expense, self.deposits, self.withdrawals)


class Projection(Ledger, Protocol):
    """The rows of one ledger: they answer the rules, and follow each event."""

    def apply(self, recorded: RecordedEvent) -> None:
        """Change the rows by one event."""


Projector = Callable[[Connection, Head], Projection]
Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)


def read_head(connection: Connection, ledger_id: UUID, *, lock: bool = False) -> Head:
    """Where a ledger stands; with `lock`, nobody else writes it until the transaction ends.

    Raises `LedgerMissing`.
    """
    locking = " FOR UPDATE" if lock and connection.dialect == "postgresql" else ""
    row = connection.one(_HEAD + locking, ledger_id=ledger_id)
    if row is None:
        raise LedgerMissing(ledger_id)
    return as_record(row, Head)


class Bracket:
    """One transaction on one locked ledger: ask it for facts, have it record commands."""

    def __init__(
        self,
        store: "LedgerStore",
        connection: Connection,
        head: Head,
        actor: str,
        now: dt.datetime,
    ) -> None:
        self.connection = connection
        self.ledger = store.projector(connection, head)
        self.recorded: list[RecordedEvent] = []
        self._store = store
        self._head = head
        self._actor = actor
        self._now = max(now, head.recorded_at)
        self._given = Circumstances(today_in_tehran(now), uuid4)
        self._digest = head.digest

    @property
    def ledger_id(self) -> UUID:
        """The ledger that is locked."""
        return self._head.ledger_id

    @property
    def today(self) -> dt.date:
        """The day in Tehran on which this is recorded."""
        return self._given.today

    def record(self, command: Command) -> list[RecordedEvent]:
        """Decide, append and project; an empty list when nothing had to change.

        Raises one `Refusal` and leaves everything as it was.
        """
        command_id = uuid4()
        events = decide(command, self.ledger, self._given)
        first = self.ledger.version + 1
        recorded = []
        for version, event in enumerate(events, first):
            sealed = RecordedEvent(
                self.ledger_id,
                version,
                self._now,
                self._actor,
                command_id,
                self._digest.hex(),
                event,
            )
            stored = self._store.mapper.to_stored_event(sealed)
            self._digest = digest(self.ledger_id, version, stored.topic, stored.state)
            self._store.recorder.insert_events([stored], connection=self.connection)
            self.ledger.apply(sealed)
            recorded.append(sealed)
        self.recorded += recorded
        return recorded

    def close(self) -> None:
        """Move the head of the ledger to where the last event left it."""
        if not self.recorded:
            return
        moved = self.connection.run(
            _ADVANCE,
            ledger_id=self.ledger_id,
            expected=self._head.version,
            version=self.ledger.version,
            digest=self._digest,
            recorded_at=self._now,
            **msgspec.structs.asdict(self.ledger.totals),
        )
        if moved != 1:
            raise RecordConflictError(self.ledger_id)


class LedgerStore(Application[UUID]):
    """The one door through which events are recorded, on `eventsourcing`'s Application."""

    def __init__(self, database: Database, projector: Projector, clock: Clock = utc_now) -> None:
        self.database = database
        self.projector = projector
        self.clock = clock
        super().__init__(env={})

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        """The factory of our own persistence module."""
        return LedgerFactory(env, self.database)

    def construct_mapper(self) -> Mapper[UUID]:
        """The mapper that knows our events' lasting names."""
        return EventMapper(self.construct_transcoder())

    def transact(
        self,
        ledger_id: UUID,
        actor: str,
        work: Callable[[Bracket], T],
        *,
        dry_run: bool = False,
    ) -> T:
        """Run `work` with the ledger locked; all it records is committed, or nothing is.

        `actor` is an account id or `worker:…`. A dry run does the same and rolls back. `work`
        may run more than once. Raises `LedgerMissing`, `StoreUnavailable`, and whatever `work`
        raises.
        """

        asked_at = time.perf_counter()

        def bracketed(connection: Connection) -> T:
            head = read_head(connection, ledger_id, lock=True)
            self.database.observe("lock", time.perf_counter() - asked_at)
            bracket = Bracket(self, connection, head, actor, self.clock())
            result = work(bracket)
            if dry_run:
                raise _RolledBack(result)
            bracket.close()
            return result

        try:
            with self.database.timed("bracket"):
                return self.database.write(bracketed)
        except _RolledBack as rolled_back:
            return cast(T, rolled_back.result)

    def open_ledger(self, connection: Connection, ledger_id: UUID, account_id: UUID) -> None:
        """Begin a ledger within an open transaction: its row, and its first event."""
        now = self.clock()
        connection.run(_BEGIN, ledger_id=ledger_id, digest=first_prev(ledger_id), recorded_at=now)
        head = read_head(connection, ledger_id)
        bracket = Bracket(self, connection, head, str(account_id), now)
        bracket.record(OpenLedger(account_id=account_id))
        bracket.close()


class _RolledBack(Exception):
    """Carries a dry run's result out of the transaction that it undoes."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.result = result
