"""`python -m tests.benchmarks.chores`: a month's end for everybody, by workers that are killed."""

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import psutil
import psycopg
from redis import Redis
from rich.console import Console

from domain.auto_saving import SetAutoSaving
from domain.base import RecordedEvent
from domain.calendar import add_months, first_day, jalali_month, today_in_tehran
from domain.categories import AddCategory, AddStarterCategories
from domain.store.chores import rounds
from domain.store.codec import digest, first_prev, to_stored
from domain.store.database import Connection, Database
from domain.store.ledgers import LedgerStore, utc_now
from domain.store.queue import Task, enqueue
from domain.transactions import RecordTransaction
from projections.images import TABLES
from projections.rows import LedgerRows
from projections.whole_store import verify_store
from tests.benchmarks.folds import databases
from tests.books import Clock
from tests.keeper import ROOT, running_valkey
from tests.servers import end_family
from workers.group import worker_command

WORKERS: Final = 2
KILLED_AT: Final = (0.2, 0.45, 0.7)
"""The parts of all ledgers that are done when both workers get SIGKILL."""

INCOME_RIALS: Final = 90_000_000
SPENT_RIALS: Final = 20_000_000
KEPT_RIALS: Final = 10_000_000
SAVED_RIALS: Final = INCOME_RIALS - SPENT_RIALS - KEPT_RIALS
FILLED_AT_ONCE: Final = 2000
LOOK_SECONDS: Final = 0.02
PAUSE_SECONDS: Final = 0.02
MOST_SECONDS: Final = 1800

_EVENT: Final = """
    INSERT INTO events (originator_id, originator_version, topic, state)
    VALUES (:originator_id, :originator_version, :topic, :state)
"""
_HEAD: Final = """
    INSERT INTO ledgers (ledger_id, version, digest, recorded_at, income, expense, deposits,
        withdrawals)
    SELECT :ledger_id, version, :digest, recorded_at, income, expense, deposits, withdrawals
    FROM ledgers WHERE ledger_id = :model_id
"""
_DUE: Final = "SELECT count(*) AS count FROM saving_policies WHERE next_month < :month"
_NOT_ONCE: Final = """
    SELECT count(*) AS count FROM ledgers AS l WHERE ledger_id <> :other AND (
        deposits <> :saved OR income - expense - deposits + withdrawals <> :kept
        OR 1 <> (SELECT count(*) FROM events WHERE originator_id = l.ledger_id
            AND topic = 'auto-saving-done.1')
        OR 1 <> (SELECT count(*) FROM events WHERE originator_id = l.ledger_id
            AND topic = 'surplus-saved.1'))
"""


class Measured(NamedTuple):
    """A month's end: seconds to fill, to do and to verify, and others' commands in ms."""

    name: str
    ledgers: int
    filled_seconds: float
    seconds: float
    others: list[float]
    verified_seconds: float


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 ledgers instead of 100,000")
    parser.add_argument("--ledgers", type=int, help="so many")
    asked = parser.parse_args()
    count = asked.ledgers or (2_000 if asked.quick else 100_000)
    console = Console(width=200)
    console.print(
        "| database | ledgers | filled in, s | done in, s | ledgers/s | killed | saved once |"
        " others' p50 / p99, ms | verified in, s |"
    )
    console.print("|---|---|---|---|---|---|---|---|---|")
    for name, database in databases():
        if database.dialect == "postgresql":
            _sync(database)
        console.print(_shown(_month_end(name, database, count)), markup=False)


def fill(database: Database, count: int) -> list[UUID]:
    """So many ledgers with a policy since last month, and a surplus in it; all of them alike.

    One is recorded as people do; the others are its events, sealed anew, and its rows.
    """
    clock = Clock()
    last_month = add_months(jalali_month(today_in_tehran(utc_now())), -1)
    clock.now = clock.now.combine(first_day(last_month), clock.now.timetz())
    store = LedgerStore(database, LedgerRows, clock)
    model = live(store)
    events: list[RecordedEvent] = list(store.events.get(model))  # type: ignore[arg-type]
    ids = [uuid4() for _ in range(count - 1)]
    left = iter(ids)
    while batch := list(islice(left, FILLED_AT_ONCE)):
        database.write(partial(_copy_events, model=model, events=events, ids=batch))
    for table in TABLES:
        database.write(partial(_copy_rows, table=table.name, columns=table.columns, model=model))
    if database.dialect == "postgresql":
        database.write(lambda c: c.run("ANALYZE"))
    return [model, *ids]


def live(store: LedgerStore) -> UUID:
    """A ledger with an income, an expense and a policy, all as of today."""
    ledger_id, pay, food = uuid4(), uuid4(), uuid4()
    store.database.write(lambda c: store.open_ledger(c, ledger_id, uuid4()))
    for command in (
        AddCategory(id=pay, name="درآمد", kind="income"),
        AddCategory(id=food, name="نان", kind="expense"),
        AddStarterCategories(),
        RecordTransaction(category_id=pay, amount_rials=INCOME_RIALS),
        RecordTransaction(category_id=food, amount_rials=SPENT_RIALS),
        SetAutoSaving(is_enabled=True, keep_rials=KEPT_RIALS),
    ):
        store.transact(ledger_id, "a-person", lambda b, command=command: b.record(command))  # type: ignore[misc]
    return ledger_id


def _copy_events(
    connection: Connection, model: UUID, events: Sequence[RecordedEvent], ids: Sequence[UUID]
) -> None:
    rows, heads = [], []
    for ledger_id in ids:
        prev = first_prev(ledger_id)
        for one in events:
            sealed = RecordedEvent(
                ledger_id,
                one.version,
                one.recorded_at,
                one.actor,
                one.command_id,
                prev.hex(),
                one.event,
            )
            row = to_stored(sealed)
            prev = digest(ledger_id, one.version, row.topic, row.state)
            rows.append(vars(row))
        heads.append({"ledger_id": ledger_id, "digest": prev, "model_id": model})
    connection.run_many(_EVENT, rows)
    connection.run_many(_HEAD, heads)


def _copy_rows(connection: Connection, table: str, columns: Sequence[str], model: UUID) -> None:
    names = ", ".join(columns)
    connection.run(
        f"INSERT INTO {table} (ledger_id, {names})"
        f" SELECT l.ledger_id, {', '.join(f'm.{name}' for name in columns)}"
        f" FROM ledgers AS l CROSS JOIN {table} AS m"
        " WHERE m.ledger_id = :model AND l.ledger_id <> :model",
        model=model,
    )


class Crew:
    """The workers and the scheduler that people run."""

    def __init__(self, database: Database, redis_url: str) -> None:
        url = database.engine.url.set(drivername=database.dialect)
        self._env = {
            **os.environ,
            "DATABASE_URL": url.render_as_string(hide_password=False),
            "REDIS_URL": redis_url,
            "RQ_REDIS_URL": redis_url,
            "TZ": "Asia/Tehran",
        }
        self._redis_url = redis_url
        self.workers: list[subprocess.Popen[bytes]] = []
        self._scheduler = self._start([sys.executable, "-m", "workers.schedule"])

    def start_workers(self) -> None:
        """Two of them."""
        self.workers = [self._start(worker_command()) for _ in range(WORKERS)]

    def begin(self) -> None:
        """What the schedule does a minute after midnight."""
        with Redis.from_url(self._redis_url) as redis:
            enqueue(redis, Task("daily-chores", "begin_chores", (), 3600))

    def kill_workers(self) -> None:
        """SIGKILL to both, and to what they are at."""
        for worker in self.workers:
            _end(worker)

    def stop(self) -> None:
        """Nothing of it runs any more."""
        self.kill_workers()
        _end(self._scheduler)

    def _start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=quiet, stderr=quiet)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        end_family(psutil.Process(process.pid))
        process.wait()


@contextmanager
def crew(database: Database, redis_url: str) -> Iterator[Crew]:
    """Workers that end with us."""
    found = Crew(database, redis_url)
    found.start_workers()
    try:
        yield found
    finally:
        found.stop()


def count_due(database: Database) -> int:
    """How many ledgers are owed a month."""
    month = jalali_month(today_in_tehran(utc_now()))
    row = database.glance(_DUE, month=month)
    assert row is not None
    return int(row["count"])


def is_over(database: Database) -> bool:
    """Whether the round was begun, and nothing is left of it."""
    found = database.read(lambda c: rounds(c, 1))
    return bool(found) and not found[0].left


def assert_saved_once(database: Database, other: UUID) -> None:
    """Every ledger but one was saved: one mark, one deposit, and what was to be kept is left."""
    row = database.glance(_NOT_ONCE, other=other, saved=SAVED_RIALS, kept=KEPT_RIALS)
    assert row is not None
    assert row["count"] == 0, f"{row['count']} ledgers were not saved once"


def assert_in_order(database: Database) -> None:
    """What `flask audit verify` says of the whole store."""
    for verified in verify_store(database, lambda _events: None):
        assert verified.ok, verified


def _month_end(name: str, database: Database, count: int) -> Measured:
    started = time.monotonic()
    fill(database, count)
    filled = time.monotonic() - started
    other = live(LedgerStore(database, LedgerRows))
    with (
        running_valkey() as redis_url,
        crew(database, redis_url) as workers,
        _somebody_else(database, other) as others,
    ):
        seconds = _run(database, workers, count)
    assert_saved_once(database, other)
    started = time.monotonic()
    assert_in_order(database)
    return Measured(name, count, filled, seconds, others, time.monotonic() - started)


def _run(database: Database, workers: Crew, count: int) -> float:
    started = time.monotonic()
    workers.begin()
    for part in KILLED_AT:
        while count - count_due(database) < part * count:
            assert time.monotonic() - started < MOST_SECONDS
            time.sleep(LOOK_SECONDS)
        assert count_due(database), "it was done before it could be killed"
        workers.kill_workers()
        workers.start_workers()
    while not is_over(database) or count_due(database):
        assert time.monotonic() - started < MOST_SECONDS
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - started


@contextmanager
def _somebody_else(database: Database, ledger_id: UUID) -> Iterator[list[float]]:
    """A person who records one thing after the other; gives how long each took, in ms."""
    store, over, waits = LedgerStore(database, LedgerRows), threading.Event(), list[float]()

    def record() -> None:
        category = database.read(
            lambda c: c.one(
                "SELECT id FROM categories WHERE ledger_id = :id AND kind = 'income'", id=ledger_id
            )
        )
        assert category is not None
        own = category["id"] if isinstance(category["id"], UUID) else UUID(bytes=category["id"])
        entry = RecordTransaction(category_id=own, amount_rials=1)
        while not over.wait(PAUSE_SECONDS):
            started = time.monotonic()
            store.transact(ledger_id, "a-person", lambda bracket: bracket.record(entry))
            waits.append((time.monotonic() - started) * 1000)

    thread = threading.Thread(target=record)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()


def _sync(database: Database) -> None:
    """The tests' PostgreSQL does without the disk; people's do not."""
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as admin:
        for setting in ("fsync", "full_page_writes"):
            admin.execute(f"ALTER SYSTEM SET {setting} = on".encode())
        admin.execute("SELECT pg_reload_conf()")


def _shown(measured: Measured) -> str:
    ends = statistics.quantiles(measured.others, n=100, method="inclusive")
    return (
        f"| {measured.name} | {measured.ledgers:,} | {measured.filled_seconds:.0f}"
        f" | {measured.seconds:.0f} | {measured.ledgers / measured.seconds:,.0f}"
        f" | {len(KILLED_AT)} times | all | {ends[49]:.1f} / {ends[98]:.0f}"
        f" | {measured.verified_seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
