"""A ledger in a real database, and what tests ask of it."""

import datetime as dt
from functools import reduce
from uuid import UUID, uuid4

from domain.base import Command, Event, RecordedEvent
from domain.decider import evolve
from domain.ledger import LedgerState
from domain.store.database import Database
from domain.store.ledgers import Head, LedgerStore, read_head
from projections.rows import LedgerRows
from projections.verify import Difference, differences, facts_of_rows, facts_of_state

NOON = dt.datetime(2026, 11, 23, 8, 30, tzinfo=dt.UTC)  # 1405-09-02


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> dt.datetime:
        """The time, in UTC."""
        return self.now


class Book:
    """One open ledger, whose rows are found under another id than its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.store = LedgerStore(database, LedgerRows, self.clock)
        self.account_id = uuid4()
        self.ledger_id = uuid4()
        database.write(
            lambda connection: self.store.open_ledger(connection, self.ledger_id, self.account_id)
        )
        keep_rows_elsewhere(database, self.ledger_id)

    @property
    def rows_id(self) -> UUID:
        """What its rows are found under."""
        return self.head().rows_id

    def record(self, command: Command, *, dry_run: bool = False) -> list[Event]:
        """Record one command in a bracket of its own."""
        return [
            recorded.event
            for recorded in self.store.transact(
                self.ledger_id,
                str(self.account_id),
                lambda bracket: bracket.record(command),
                dry_run=dry_run,
            )
        ]

    def events(self) -> list[RecordedEvent]:
        """All that the ledger was told."""
        return list(self.store.events.get(self.ledger_id))  # type: ignore[arg-type]

    def state(self) -> LedgerState:
        """The fold of all that the ledger was told."""
        return reduce(evolve, self.events(), LedgerState())

    def head(self) -> Head:
        """The ledger's row."""
        return self.database.read(lambda connection: read_head(connection, self.ledger_id))

    def differences(self) -> list[Difference]:
        """Where the rows tell something else than the fold."""
        told = self.database.read(lambda connection: facts_of_rows(connection, self.ledger_id))
        return differences(told, facts_of_state(self.state()))

    def count(self, table: str) -> int:
        """How many rows a table has, of all ledgers."""
        row = self.database.read(lambda c: c.one(f"SELECT count(*) AS count FROM {table}"))
        assert row is not None
        return int(row["count"])


def keep_rows_elsewhere(database: Database, ledger_id: UUID) -> None:
    """Have a new ledger's rows kept under an id of their own, as after a rebuild.

    Whoever takes one id for the other finds nothing then.
    """
    move = "UPDATE ledgers SET rows_id = :rows_id WHERE ledger_id = :ledger_id"
    database.write(lambda c: c.run(move, rows_id=uuid4(), ledger_id=ledger_id))
