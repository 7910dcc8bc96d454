"""Sets of rows on SQLite: a large ledger's are built beside those that are read, in short steps.

SQLite has one writer: whoever writes a hundred thousand rows at once keeps everybody waiting.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID, uuid4

import msgspec

from domain.store.codec import read_event
from domain.store.database import Connection, Database
from domain.store.ledgers import Head, LedgerMissing, read_head, utc_now
from projections.categories import as_uuid
from projections.folding import Fold
from projections.images import TABLES, Row, Table, add_rows, image
from projections.rows import LedgerRows

T = TypeVar("T")

STEP_SECONDS: Final = 0.015
"""With what a step's commit takes, nobody waits for longer than 20 ms."""

FIRST_ROWS: Final = 200
FEWEST_ROWS: Final = 100
CAUGHT_UP: Final = 40
"""Events that are followed in one step; as many as a person may record in a second."""

NEGLECTED_AFTER: Final = dt.timedelta(hours=1)

_BEGIN: Final = """
    INSERT INTO row_sets (ledger_id, rows_id, state, begun_at)
    VALUES (:ledger_id, :rows_id, :state, :now)
"""
_END: Final = "DELETE FROM row_sets WHERE ledger_id = :ledger_id AND rows_id = :rows_id"
_IS_THERE: Final = """
    SELECT 1 AS found FROM row_sets
    WHERE ledger_id = :ledger_id AND rows_id = :rows_id AND state = 'building'
"""
_RETIRE: Final = """
    UPDATE row_sets SET state = 'retired' WHERE ledger_id = :ledger_id AND rows_id = :rows_id
"""
_NEGLECTED: Final = "SELECT ledger_id, rows_id FROM row_sets WHERE begun_at < :before"


class Overtaken(Exception):
    """The set that was being built is gone: it was taken for one that nobody builds any more."""


class Pace:
    """How many rows fit in a step, learnt from the steps before."""

    def __init__(self) -> None:
        self.rows = FIRST_ROWS

    def take(self, database: Database, work: Callable[[Connection], T]) -> T:
        """One step, in a transaction of its own."""
        begun = 0.0

        def timed(connection: Connection) -> T:
            nonlocal begun
            begun = time.perf_counter()
            return work(connection)

        result = database.write(timed)
        seconds = time.perf_counter() - begun
        if seconds > STEP_SECONDS:
            self.rows = max(FEWEST_ROWS, self.rows // 2)
        elif seconds < STEP_SECONDS / 2:
            self.rows += self.rows // 4
        return result


class NewRows:
    """A set of rows that is being built for one ledger."""

    def __init__(self, database: Database, fold: Fold) -> None:
        self.rows_id = uuid4()
        self._database = database
        self._fold = fold
        self._pace = Pace()

    def build(self, finish: Callable[[Connection, Head, UUID], None]) -> UUID:
        """Build the rows, and let the ledger be read from them; gives what it was read from.

        `finish` moves the head in the last step. Raises `LedgerMissing`, `Overtaken`, `Poison`.
        """
        self._pace.take(self._database, self._begin)
        for table in TABLES:
            rows = image(table, self._fold.state, self._database.dialect)
            while batch := list(islice(rows, self._pace.rows)):
                self._pace.take(self._database, partial(self._add, table=table, rows=batch))
        while (old := self._database.write(partial(self._catch_up, finish=finish))) is None:
            pass
        return old

    def _begin(self, connection: Connection) -> None:
        read_head(connection, self._fold.ledger_id, lock=True)
        self._note(connection, self.rows_id, "building")

    def _add(self, connection: Connection, table: Table, rows: list[Row]) -> None:
        self._lock(connection)
        add_rows(connection, table, self.rows_id, rows)

    def _catch_up(
        self, connection: Connection, finish: Callable[[Connection, Head, UUID], None]
    ) -> UUID | None:
        """Follow what came meanwhile; when nothing is left, others read the new rows."""
        head, fold = self._lock(connection), self._fold
        totals = msgspec.structs.asdict(fold.state.totals)
        so_far = msgspec.structs.replace(head, rows_id=self.rows_id, version=fold.version, **totals)
        rows = LedgerRows(connection, so_far)
        came = fold.follow_some(connection, CAUGHT_UP)
        for event in came:
            rows.apply(read_event(fold.ledger_id, *event))
        if len(came) == CAUGHT_UP:
            return None
        fold.check(connection, head)
        finish(connection, head, self.rows_id)
        connection.run(_END, ledger_id=fold.ledger_id, rows_id=self.rows_id)
        self._note(connection, head.rows_id, "retired")
        return head.rows_id

    def _lock(self, connection: Connection) -> Head:
        head = read_head(connection, self._fold.ledger_id, lock=True)
        if connection.one(_IS_THERE, ledger_id=head.ledger_id, rows_id=self.rows_id) is None:
            raise Overtaken(head.ledger_id)
        return head

    def _note(self, connection: Connection, rows_id: UUID, state: str) -> None:
        connection.run(
            _BEGIN, ledger_id=self._fold.ledger_id, rows_id=rows_id, state=state, now=utc_now()
        )


def clear(database: Database, ledger_id: UUID, rows_id: UUID) -> None:
    """Remove a set of rows that nobody reads, in short steps. It may be killed anywhere."""
    pace = Pace()
    try:
        for table in TABLES:
            remove = partial(_remove_some, ledger_id=ledger_id, rows_id=rows_id, table=table)
            while pace.take(database, partial(remove, most=pace.rows)):
                pass
        end = {"ledger_id": ledger_id, "rows_id": rows_id}
        database.write(lambda connection: connection.run(_END, **end))
    except LedgerMissing:
        return  # an erasure took all of them


def clear_neglected(database: Database, now: dt.datetime) -> int:
    """Remove what rebuilds that were killed left behind; how many sets it was."""
    found = list(database.read(partial(_neglected, before=now - NEGLECTED_AFTER)))
    for ledger_id, rows_id in found:
        # Who still builds it, and stood still for long, is not to have it read half removed.
        if database.write(partial(_retire, ledger_id=ledger_id, rows_id=rows_id)):
            clear(database, ledger_id, rows_id)
    return len(found)


def _retire(connection: Connection, ledger_id: UUID, rows_id: UUID) -> bool:
    return connection.run(_RETIRE, ledger_id=ledger_id, rows_id=rows_id) == 1


def _neglected(connection: Connection, before: dt.datetime) -> Iterator[tuple[UUID, UUID]]:
    rows = connection.all(_NEGLECTED, before=before)
    return ((as_uuid(row["ledger_id"]), as_uuid(row["rows_id"])) for row in rows)


def _remove_some(
    connection: Connection, ledger_id: UUID, rows_id: UUID, table: Table, most: int
) -> int:
    head = read_head(connection, ledger_id, lock=True)
    assert head.rows_id != rows_id, "somebody reads them"
    key = ", ".join(table.columns[: table.key])
    some = f"SELECT {key} FROM {table.name} WHERE ledger_id = :rows_id LIMIT :most"
    return connection.run(
        f"DELETE FROM {table.name} WHERE ledger_id = :rows_id AND ({key}) IN ({some})",
        ledger_id=ledger_id,
        rows_id=rows_id,
        most=most,
    )
