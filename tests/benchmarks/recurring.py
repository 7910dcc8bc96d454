"""`python -m tests.benchmarks.recurring`: what it costs that things recur, due or not."""

import argparse
import datetime as dt
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from rich.console import Console

from domain.calendar import today_in_tehran
from domain.categories import AddCategory
from domain.occurrences import MOST_AT_ONCE, RecordDue
from domain.recurrences import SetRecurrence
from domain.store.chores import wanted_ranges
from domain.store.database import Connection, Database
from domain.store.ledgers import Bracket, LedgerStore, utc_now
from projections.due import due_ledgers
from projections.images import NAMED
from projections.rows import LedgerRows
from tests.benchmarks.folds import databases
from tests.books import Clock
from workers.chores import begin_chores, run_range

ROUNDS: Final = 3
ADDED_AT_ONCE: Final = 2000

_HEAD: Final = """
    INSERT INTO ledgers (ledger_id, version, digest, recorded_at)
    SELECT :id, version, digest, recorded_at FROM ledgers WHERE ledger_id = :model
"""


class Measured(NamedTuple):
    """Of one database: ledgers that wait and that are due; seconds, or ms where it says so."""

    name: str
    waiting: int
    find_none_ms: float
    due: int
    chores: float
    whole_ms: float


def measure(name: str, database: Database, waiting: int, due: int) -> Measured:
    """All of it, with so many ledgers in which something recurs later, and so many where now."""
    today = today_in_tehran(utc_now())
    _have_others_wait(database, waiting, today)
    if database.dialect == "postgresql":
        database.write(lambda c: c.run("ANALYZE"))
    find_none = _median(lambda: _find(database, today, 0))
    for _ in range(due):
        _live(database, today, days=1)
    _find(database, today, due)
    started = time.perf_counter()
    store = LedgerStore(database, LedgerRows)
    begin_chores(store)
    for found in database.read(wanted_ranges):
        run_range(store, found.day, found.number)
    chores = time.perf_counter() - started
    _find(database, today, 0)
    longest = iter([_live(database, today, days=MOST_AT_ONCE) for _ in range(ROUNDS)])
    whole = _median(lambda: store.transact(next(longest), "worker:recurring", _record_due))
    return Measured(name, waiting, find_none * 1000, due, chores, whole * 1000)


def _record_due(bracket: Bracket) -> None:
    assert len(bracket.record(RecordDue())) == 2 * MOST_AT_ONCE


def _median(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _find(database: Database, today: dt.date, expected: int) -> None:
    with database.reading() as connection:
        assert sum(1 for _ in due_ledgers(connection, today)) == expected


def _live(database: Database, today: dt.date, days: int) -> UUID:
    """A ledger in which something recurs daily, and so many days are due."""
    clock, ledger_id, food = Clock(), uuid4(), uuid4()
    start = today - dt.timedelta(days=days - 1)
    clock.now = dt.datetime.combine(start - dt.timedelta(days=1), clock.now.timetz())
    store = LedgerStore(database, LedgerRows, clock)
    database.write(lambda c: store.open_ledger(c, ledger_id, uuid4()))
    for command in (
        AddCategory(id=food, name="نان", kind="expense"),
        SetRecurrence(category_id=food, amount_rials=5, period="day", start=start),
    ):
        store.transact(ledger_id, "a-person", lambda b, command=command: b.record(command))  # type: ignore[misc]
    return ledger_id


def _have_others_wait(database: Database, count: int, today: dt.date) -> None:
    """Heads and rows of one whose next day is tomorrow, so many times."""
    model = _live(database, today + dt.timedelta(days=1), days=1)
    columns = ", ".join(NAMED["recurrences"].columns)
    rows = f"""
        INSERT INTO recurrences (ledger_id, {columns})
        SELECT :id, {columns} FROM recurrences WHERE ledger_id = :model
    """

    def add(connection: Connection, of: list[dict[str, UUID]]) -> None:
        connection.run_many(_HEAD, of)
        connection.run_many(rows, of)

    for batch in _batches(count - 1):
        of = [{"id": uuid4(), "model": model} for _ in range(batch)]
        database.write(partial(add, of=of))


def _batches(count: int) -> Iterator[int]:
    for first in range(0, count, ADDED_AT_ONCE):
        yield min(ADDED_AT_ONCE, count - first)


def main() -> None:
    """Measure on both databases, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the ledgers")
    waiting, due = (2000, 50) if parser.parse_args().quick else (100_000, 1000)
    measured = [measure(name, database, waiting, due) for name, database in databases()]
    out = Console(width=200, soft_wrap=True)
    out.print(
        "| | ledgers waiting | none due: find out | ledgers due | all their chores"
        f" | {MOST_AT_ONCE} days of one ledger |"
    )
    out.print("|---|---|---|---|---|---|")
    for found in measured:
        out.print(
            f"| {found.name} | {found.waiting:,} | {found.find_none_ms:.1f} ms | {found.due:,}"
            f" | {found.chores:.1f} s, {found.due / found.chores:,.0f} a second"
            f" | {found.whole_ms:.0f} ms |"
        )


if __name__ == "__main__":
    main()
