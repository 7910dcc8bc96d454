"""`python -m tests.benchmarks.rebuilds`: how long rebuilds take, what they need, who waits."""

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from rich.console import Console

from domain.base import Event
from domain.categories import AddCategory
from domain.store.codec import digest
from domain.store.database import Connection, Database
from domain.store.folding import fold
from domain.store.ledgers import LedgerStore, utc_now
from domain.store.rebuilds import begin_rebuild, ranges_of
from domain.transactions import RecordTransaction
from projections.images import TABLES
from projections.rows import LedgerRows
from tests.benchmarks.folds import databases
from tests.benchmarks.histories import A_WHILE, ACTOR, BEGAN, mixed_events, stored
from tests.keeper import ROOT

EVENTS_EACH: Final = 100
PAUSE_SECONDS: Final = 0.02
MADE_AT_ONCE: Final = 100
WORK: Final = """
import sys
from workers.jobs import run_rebuild_range
run_rebuild_range(*sys.argv[1:])
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""

_HEAD: Final = """
    INSERT INTO ledgers (ledger_id, version, digest, recorded_at, income, expense, deposits,
        withdrawals)
    VALUES (:ledger_id, :version, :digest, :recorded_at, :income, :expense, :deposits,
        :withdrawals)
"""


class Measured(NamedTuple):
    """One rebuild: seconds, how many events, a worker's peak, others' commands in ms."""

    name: str
    seconds: float
    events: int
    peak_mib: float
    others: list[float] = []  # noqa: RUF012  # a NamedTuple's default


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth, and once")
    parser.add_argument("--events", type=int, help="so many in ledgers of 100, to see the memory")
    asked = parser.parse_args()
    ledgers = 1_000 if asked.quick else 10_000
    large = 10_000 if asked.quick else 100_000
    rounds = 1 if asked.quick else 3
    console = Console(width=200)
    console.print("| what | seconds | events/s | worker's peak, MiB | others' p99, ms |")
    console.print("|---|---|---|---|---|")
    for name, database in databases():
        count = asked.events // EVENTS_EACH if asked.events else ledgers
        for measured in _many(name, database, count, 1 if asked.events else rounds):
            console.print(_shown(measured), markup=False)
        for measured in () if asked.events else _one(name, database, large, rounds):
            console.print(_shown(measured), markup=False)


def put_ledgers(database: Database, count: int, size: int) -> list[UUID]:
    """Store histories, and no row but their heads."""
    events = list(mixed_events(size))
    ids = [uuid4() for _ in range(count)]
    for start in range(0, count, MADE_AT_ONCE):
        database.write(partial(_put, ids=ids[start : start + MADE_AT_ONCE], events=events))
    return ids


def _put(connection: Connection, ids: list[UUID], events: list[Event]) -> None:
    for ledger_id in ids:
        rows = [
            (row.originator_version, row.topic, row.state)
            for row in stored(ledger_id, iter(events))
        ]
        columns = ("originator_id", "originator_version", "topic", "state")
        connection.add_rows("events", columns, ledger_id, rows)
        totals, last = fold(ledger_id, rows).totals, rows[-1]
        connection.run(
            _HEAD,
            ledger_id=ledger_id,
            version=last[0],
            digest=digest(ledger_id, *last),
            recorded_at=BEGAN + last[0] * A_WHILE,
            income=totals.income,
            expense=totals.expense,
            deposits=totals.deposits,
            withdrawals=totals.withdrawals,
        )


def _many(name: str, database: Database, count: int, rounds: int) -> Iterator[Measured]:
    put_ledgers(database, count, EVENTS_EACH)
    what = f"{name}, {count:,} ledgers of {EVENTS_EACH}, two workers"
    yield _median([_lost(database, f"{what}, no row left") for _ in range(rounds)])
    yield _median([_run(database, f"{what}, all right") for _ in range(rounds)])


def _one(name: str, database: Database, size: int, rounds: int) -> Iterator[Measured]:
    _forget_all(database)
    [ledger_id] = put_ledgers(database, 1, size)
    other = put_ledgers(database, 1, 1)[0]
    what = f"{name}, one ledger of {size:,}"
    yield _median(
        [_lost(database, f"{what}, no row left", ledger_id, other) for _ in range(rounds)]
    )
    yield _median([_run(database, f"{what}, all right", ledger_id, other) for _ in range(rounds)])


def _lost(
    database: Database, name: str, ledger_id: UUID | None = None, other: UUID | None = None
) -> Measured:
    for table in TABLES:
        database.write(partial(Connection.run, sql=f"DELETE FROM {table.name}"))
    return _run(database, name, ledger_id, other)


def _forget_all(database: Database) -> None:
    for table in (*(table.name for table in TABLES), "events", "ledgers"):
        database.write(partial(Connection.run, sql=f"DELETE FROM {table}"))


def _run(
    database: Database, name: str, ledger_id: UUID | None = None, other: UUID | None = None
) -> Measured:
    """Rebuild with two processes, or one for one ledger; somebody else records meanwhile."""
    begin = partial(begin_rebuild, requested_by=None, ledger_id=ledger_id, ranges=2)
    rebuild = database.write(partial(begin, now=utc_now()))
    waits: list[float] = []
    over = threading.Event()
    recording = threading.Thread(target=_record, args=(database, other, over, waits))
    if other is not None:
        recording.start()
    url = database.engine.url.set(drivername=database.dialect)
    env = {**os.environ, "DATABASE_URL": url.render_as_string(hide_password=False)}
    started = time.monotonic()
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORK, str(one.rebuild_id), str(one.number)],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in database.read(partial(ranges_of, rebuild_id=rebuild.id))
    ]
    peaks = [int(worker.communicate()[0].splitlines()[-1]) / 1024 for worker in workers]
    seconds = time.monotonic() - started
    over.set()
    if other is not None:
        recording.join()
    ranges = database.read(partial(ranges_of, rebuild_id=rebuild.id))
    assert all(one.is_done for one in ranges), ranges
    # Of one ledger, without what it takes to start Python.
    seconds = ranges[0].seconds if ledger_id is not None else seconds
    return Measured(name, seconds, sum(one.events for one in ranges), max(peaks), waits)


def _record(database: Database, ledger_id: UUID, over: threading.Event, waits: list[float]) -> None:
    store, food = LedgerStore(database, LedgerRows), uuid4()
    add = AddCategory(id=food, name=str(food), kind="expense")
    store.transact(ledger_id, ACTOR, lambda bracket: bracket.record(add))
    entry = RecordTransaction(category_id=food, amount_rials=1000)
    while not over.wait(PAUSE_SECONDS):
        started = time.monotonic()
        store.transact(ledger_id, ACTOR, lambda bracket: bracket.record(entry))
        waits.append((time.monotonic() - started) * 1000)


def _median(found: list[Measured]) -> Measured:
    """The one of median length, with the waits of all."""
    middle = sorted(found, key=lambda one: one.seconds)[len(found) // 2]
    peak = statistics.median(one.peak_mib for one in found)
    return middle._replace(peak_mib=peak, others=[wait for one in found for wait in one.others])


def _shown(measured: Measured) -> str:
    name, seconds, events, peak_mib, others = measured
    late = "–"
    if len(others) > 1:
        late = f"{statistics.quantiles(others, n=100, method='inclusive')[98]:.0f}"
    return f"| {name} | {seconds:.1f} | {events / seconds:,.0f} | {peak_mib:.0f} | {late} |"


if __name__ == "__main__":
    main()
