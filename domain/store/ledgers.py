"""Recording: one command, one transaction, from the lock to the last projected row."""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, NoReturn, Protocol, TypeVar, cast
from uuid import UUID, uuid4

import msgspec
from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, Mapper
from eventsourcing.utils import Environment

from domain.base import Command, RecordedEvent
from domain.calendar import today_in_tehran
from domain.creation import Circumstances
from domain.decider import OpenLedger, decide
from domain.ledger import Ledger
from domain.money import Totals
from domain.store.codec import digest, first_prev, from_stored
from domain.store.database import (
    Connection,
    Database,
    OutcomeUnknown,
    Row,
    StoreUnavailable,
    as_record,
)
from domain.store.groups import Asked, CommandQueue, outcome
from domain.store.ids import new_id
from domain.store.memory import LedgerMemory
from domain.store.pending import Write
from domain.store.recorder import EventMapper, LedgerFactory, as_stored

T = TypeVar("T")

_HEAD: Final = """
    SELECT ledger_id, coalesce(rows_id, ledger_id) AS rows_id, generation, version, digest,
        recorded_at, income, expense, deposits, withdrawals
    FROM ledgers
"""
_HEAD_OF: Final = f"{_HEAD} WHERE ledger_id = :ledger_id"
_BEGIN: Final = """
    INSERT INTO ledgers (ledger_id, version, digest, recorded_at)
    VALUES (:ledger_id, 0, :digest, :recorded_at)
"""
_ADVANCE: Final = Write(
    "ledgers",
    {
        "ledger_id": "uuid",
        "expected": "bigint",
        "version": "bigint",
        "digest": "bytes",
        "recorded_at": "timestamptz",
        "income": "bigint",
        "expense": "bigint",
        "deposits": "bigint",
        "withdrawals": "bigint",
    },
    """
    UPDATE ledgers
    SET version = given.version, digest = given.digest, recorded_at = given.recorded_at,
        income = given.income, expense = given.expense, deposits = given.deposits,
        withdrawals = given.withdrawals
    FROM given WHERE ledgers.ledger_id = given.ledger_id AND ledgers.version = given.expected
    """,
    key=1,
    # From where the first of several commands found the ledger to where the last one left it.
    merge=lambda first, last: (first[0], first[1], *last[2:]),
    must_touch_all=True,
)
_EVENT: Final = """
    SELECT originator_id, originator_version, topic, state FROM events
    WHERE originator_id = :ledger_id AND originator_version = :version
"""
_LOCK_TOGETHER: Final = f"{_HEAD} WHERE ledger_id = ANY(:ids) ORDER BY ledger_id FOR UPDATE"


class LedgerMissing(Exception):
    """There is no ledger with this id."""


class Head(msgspec.Struct, frozen=True):
    """Where a ledger stands: its last version and digest, and its totals in Rials.

    `rows_id` is what the rows projected from it are found under: the ledger's own id, until they
    were built anew. `generation` counts how often they were put right without an event.
    """

    ledger_id: UUID
    rows_id: UUID
    generation: int
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

    @property
    def known(self) -> Any:
        """What the next transaction may use, if the history is the same until then."""

    def apply(self, recorded: RecordedEvent) -> None:
        """Change the rows by one event."""


class Projector(Protocol):
    """Opens the rows of a ledger, with what an earlier transaction has known of them."""

    def __call__(self, connection: Connection, head: Head, known: Any = None) -> Projection:
        """The rows, as far as a command needs them."""


Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)


def read_head(connection: Connection, ledger_id: UUID, *, lock: bool = False) -> Head:
    """Where a ledger stands; with `lock`, nobody else writes it until the transaction ends.

    Raises `LedgerMissing`.
    """
    locking = " FOR UPDATE" if lock and connection.dialect == "postgresql" else ""
    return _head(connection.one(_HEAD_OF + locking, ledger_id=ledger_id), ledger_id)


def glance_at_head(database: Database, ledger_id: UUID) -> Head:
    """Where a ledger stands, when nothing else is asked. Raises `LedgerMissing`."""
    return _head(database.glance(_HEAD_OF, ledger_id=ledger_id), ledger_id)


def _head(row: Row | None, ledger_id: UUID) -> Head:
    if row is None:
        raise LedgerMissing(ledger_id)
    return as_record(row, Head)


class LockedLedger:
    """A locked ledger, as far as the transaction has come."""

    def __init__(self, head: Head, ledger: Projection) -> None:
        self.ledger_id = head.ledger_id
        self.rows_id = head.rows_id
        self.generation = head.generation
        self.ledger = ledger
        self.digest = head.digest
        self.recorded_at = head.recorded_at


class Bracket:
    """One command's part of a transaction: ask the ledger for facts, have it record commands."""

    def __init__(
        self,
        store: "LedgerStore",
        connection: Connection,
        locked: LockedLedger,
        actor: str,
        now: dt.datetime,
    ) -> None:
        self.connection = connection
        self.ledger = locked.ledger
        self.recorded: list[RecordedEvent] = []
        self._store = store
        self.locked = locked
        self._actor = actor
        self._now = max(now, locked.recorded_at)
        self._given = Circumstances(today_in_tehran(now), new_id)
        self._expected = locked.ledger.version

    @property
    def ledger_id(self) -> UUID:
        """The ledger that is locked."""
        return self.locked.ledger_id

    @property
    def rows_id(self) -> UUID:
        """What its rows are found under."""
        return self.locked.rows_id

    @property
    def today(self) -> dt.date:
        """The day in Tehran on which this is recorded."""
        return self._given.today

    def record(self, command: Command, *, actor: str | None = None) -> list[RecordedEvent]:
        """Decide, append and project; an empty list when nothing had to change.

        It is in the name of the bracket's actor unless another is given. Raises one `Refusal`
        and leaves everything as it was.
        """
        command_id = uuid4()
        events = decide(command, self.ledger, self._given)
        first = self.ledger.version + 1
        locked = self.locked
        recorded = []
        for version, event in enumerate(events, first):
            sealed = RecordedEvent(
                self.ledger_id,
                version,
                self._now,
                actor or self._actor,
                command_id,
                locked.digest.hex(),
                event,
            )
            stored = self._store.mapper.to_stored_event(sealed)
            # First of all: from here on there is something to take back.
            self.recorded.append(sealed)
            locked.digest = digest(self.ledger_id, version, stored.topic, stored.state)
            self._store.recorder.insert_events([stored], connection=self.connection)
            self.ledger.apply(sealed)
            recorded.append(sealed)
        return recorded

    def close(self) -> None:
        """Move the head of the ledger to where the last event left it."""
        if not self.recorded:
            return
        self.locked.recorded_at = self._now
        totals = self.ledger.totals
        where = (self.ledger_id, self._expected, self.ledger.version, self.locked.digest)
        sums = (totals.income, totals.expense, totals.deposits, totals.withdrawals)
        self.connection.later(_ADVANCE, (*where, self._now, *sums))


class LedgerStore(Application[UUID]):
    """The one door through which events are recorded, on `eventsourcing`'s Application."""

    def __init__(self, database: Database, projector: Projector, clock: Clock = utc_now) -> None:
        self.database = database
        self.projector = projector
        self.clock = clock
        super().__init__(env={})
        self._memory = LedgerMemory()
        self._queue = CommandQueue(lambda queue: database.run_together(queue, self._lock_together))

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
        done: list[tuple[Bracket, T]] = []

        def bracketed(connection: Connection) -> T:
            done.clear()
            with self._bracket(connection, ledger_id, actor) as bracket:
                self.database.observe("lock", time.perf_counter() - asked_at)
                result = work(bracket)
                if dry_run:
                    _roll_back(result)
            done.append((bracket, result))
            return result

        try:
            with self.database.timed("bracket"):
                return self._run(ledger_id, bracketed)
        except _RolledBack as rolled_back:
            return cast(T, rolled_back.result)
        except OutcomeUnknown:
            bracket, result = done[0]
            if self._is_recorded(bracket):
                return result
            # It certainly is not: nothing is done twice.
            return self.database.write(bracketed)

    @contextmanager
    def _bracket(self, connection: Connection, ledger_id: UUID, actor: str) -> Iterator[Bracket]:
        locked = self._locked(connection, ledger_id)
        bracket = Bracket(self, connection, locked, actor, self.clock())
        try:
            yield bracket
        except BaseException:
            # What is kept has moved on, and the rows are taken back.
            if bracket.recorded:
                del connection.kept[ledger_id]
            raise
        bracket.close()
        locked = bracket.locked
        as_it_stands = (locked.digest, locked.generation)
        self._memory.remember(ledger_id, as_it_stands, locked.ledger.known)

    def _is_recorded(self, bracket: Bracket) -> bool:
        """Whether a command was committed after all; raises `OutcomeUnknown` when nobody knows.

        Who was cut off may be committing still, and holds the ledger's lock until it is done.
        """
        if not bracket.recorded:
            return False
        first = bracket.recorded[0]

        def look(connection: Connection) -> bool:
            read_head(connection, first.ledger_id, lock=True)
            found = connection.one(_EVENT, ledger_id=first.ledger_id, version=first.version)
            return found is not None and (
                from_stored(as_stored(found)).command_id == first.command_id
            )

        try:
            return self.database.write(look)
        except (StoreUnavailable, LedgerMissing) as error:
            raise OutcomeUnknown(str(error)) from error

    def _run(self, ledger_id: UUID, work: Callable[[Connection], T]) -> T:
        asked = self._queue.ask(ledger_id, work)
        return outcome(asked) if asked.is_settled else self.database.write(work)

    def _locked(self, connection: Connection, ledger_id: UUID) -> LockedLedger:
        if ledger_id not in connection.kept:
            self._keep(connection, read_head(connection, ledger_id, lock=True))
        return cast(LockedLedger, connection.kept[ledger_id])

    def _lock_together(self, connection: Connection, asked: list[Asked[Any]]) -> list[Asked[Any]]:
        """Lock, in one statement, the ledgers that nobody else is at; see `Database`."""
        ids = list({one.ledger_id for one in asked})
        if connection.dialect == "sqlite":
            # The file is locked already: there are only the heads to read.
            named = {f"id_{number}": ledger_id for number, ledger_id in enumerate(ids)}
            rows = connection.all(_heads_of(len(ids)), **named)
        else:
            # Who holds one ledger and waits for another can be waited for in turn, for ever.
            otherwise = " SKIP LOCKED" if len(ids) > 1 else ""
            rows = connection.all(_LOCK_TOGETHER + otherwise, ids=ids)
        for row in rows:
            self._keep(connection, as_record(row, Head))
        return [one for one in asked if one.ledger_id in connection.kept]

    def _keep(self, connection: Connection, head: Head) -> None:
        known = self._memory.recall(head.ledger_id, (head.digest, head.generation))
        ledger = self.projector(connection, head, known)
        connection.kept[head.ledger_id] = LockedLedger(head, ledger)

    def open_ledger(self, connection: Connection, ledger_id: UUID, account_id: UUID) -> None:
        """Begin a ledger within an open transaction: its row, and its first event."""
        now = self.clock()
        connection.run(_BEGIN, ledger_id=ledger_id, digest=first_prev(ledger_id), recorded_at=now)
        with self._bracket(connection, ledger_id, str(account_id)) as bracket:
            bracket.record(OpenLedger(account_id=account_id))


@cache
def _heads_of(count: int) -> str:
    return f"{_HEAD} WHERE ledger_id IN ({', '.join(f':id_{number}' for number in range(count))})"


def _roll_back(result: object) -> NoReturn:
    raise _RolledBack(result)


class _RolledBack(Exception):
    """Carries a dry run's result out of the transaction that it undoes."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.result = result
