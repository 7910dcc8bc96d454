"""A month's end by the workers that people run, who die in the middle of it again and again."""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psutil
import pytest
from redis import Redis

from domain.store.database import Database
from domain.store.ledgers import LedgerStore
from projections.categories import as_uuid
from projections.rows import LedgerRows
from tests.benchmarks.chores import (
    Crew,
    assert_in_order,
    assert_saved_once,
    count_due,
    crew,
    fill,
    is_over,
    live,
)
from tests.servers import flush, wait_until
from workers import chores
from workers.sweep import sweep

pytestmark = pytest.mark.slow

LEDGERS = 1600


def test_everybody_is_saved_once_whoever_dies(database: Database, valkey_url: str) -> None:
    """The process at work, then all workers, then all of them and Redis' memory."""
    fill(database, LEDGERS)
    other = live(LedgerStore(database, LedgerRows))
    with crew(database, valkey_url) as workers:
        workers.begin()
        _wait_for(database, 200)
        _kill_who_work(workers)
        _wait_for(database, 500)
        workers.kill_workers()
        workers.start_workers()
        _sweep(database, valkey_url)
        _wait_for(database, 800)
        workers.kill_workers()
        flush(valkey_url)
        assert count_due(database), "it was done before it could be killed"
        workers.start_workers()
        _sweep(database, valkey_url)
        wait_until(lambda: is_over(database))
        # Whoever else comes, and however often, finds nothing to do.
        workers.begin()
        for ledger_id in _some_ledgers(database):
            LedgerStore(database, LedgerRows).transact(ledger_id, "worker:test", chores.do_chores)
    assert_saved_once(database, other)
    assert_in_order(database)


def _wait_for(database: Database, done: int) -> None:
    wait_until(lambda: count_due(database) <= LEDGERS - done)
    assert count_due(database)


def _sweep(database: Database, valkey_url: str) -> None:
    """What the scheduler does, once nobody has touched a range for half a minute."""
    with Redis.from_url(valkey_url) as redis:
        assert sweep(database, redis, datetime.now(UTC) + timedelta(minutes=1))


def _kill_who_work(workers: Crew) -> None:
    """The processes that do the jobs: their workers notice, and have the jobs run again."""
    for worker in workers.workers:
        for child in psutil.Process(worker.pid).children():
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getpgid(child.pid) == child.pid:
                    child.kill()


def _some_ledgers(database: Database) -> list[UUID]:
    rows = database.read(lambda c: c.all("SELECT ledger_id FROM saving_policies LIMIT 20"))
    return [as_uuid(row["ledger_id"]) for row in rows]
