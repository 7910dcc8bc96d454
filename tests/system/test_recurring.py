"""What recurs, recorded by the workers that people run, who die in the middle of it."""

import datetime as dt
from uuid import UUID, uuid4

import pytest
from redis import Redis

from domain.calendar import today_in_tehran
from domain.categories import AddCategory
from domain.occurrences import RecurrenceHappened
from domain.recurrences import SetRecurrence
from domain.store.database import Database
from domain.store.ledgers import LedgerStore, utc_now
from domain.store.queue import known_tasks
from projections.due import due_ledgers
from projections.rows import LedgerRows
from tests.benchmarks.chores import assert_in_order, crew, is_over
from tests.books import Clock
from tests.servers import flush, wait_until
from workers.sweep import sweep

pytestmark = pytest.mark.slow

LEDGERS = 60
DAYS = 250
"""More than are recorded in one transaction."""


def test_every_day_comes_once_whoever_dies(database: Database, valkey_url: str) -> None:
    ids = [_live(database) for _ in range(LEDGERS)]
    with crew(database, valkey_url) as workers:
        workers.begin()
        wait_until(lambda: _count_due(database) <= LEDGERS - 5)
        workers.kill_workers()
        flush(valkey_url)
        assert _count_due(database), "it was done before it could be killed"
        workers.start_workers()
        with Redis.from_url(valkey_url) as redis:
            assert sweep(database, redis, dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1))
            assert known_tasks(redis)
        wait_until(lambda: is_over(database))
    store = LedgerStore(database, LedgerRows)
    expected = list(range(1, DAYS + 1))
    for ledger_id in ids:
        events = [one.event for one in store.events.get(ledger_id)]  # type: ignore[attr-defined]
        marks = [one.number for one in events if isinstance(one, RecurrenceHappened)]
        assert marks == expected
    assert_in_order(database)


def _count_due(database: Database) -> int:
    today = today_in_tehran(utc_now())
    with database.reading() as connection:
        return len(list(due_ledgers(connection, today)))


def _live(database: Database) -> UUID:
    """A ledger in which something has recurred daily since long ago, and nobody looked."""
    clock, ledger_id, food = Clock(), uuid4(), uuid4()
    start = today_in_tehran(utc_now()) - dt.timedelta(days=DAYS - 1)
    clock.now = dt.datetime.combine(start - dt.timedelta(days=1), clock.now.timetz())
    store = LedgerStore(database, LedgerRows, clock)
    database.write(lambda c: store.open_ledger(c, ledger_id, uuid4()))
    for command in (
        AddCategory(id=food, name="نان", kind="expense"),
        SetRecurrence(category_id=food, amount_rials=5, period="day", start=start),
    ):
        store.transact(ledger_id, "a-person", lambda b, command=command: b.record(command))  # type: ignore[misc]
    return ledger_id
