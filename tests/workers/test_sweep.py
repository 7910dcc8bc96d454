"""The sweep: a Redis that forgot everything keeps no unfinished job from being done."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job as RqJob

from domain.store import jobs, tallies
from domain.store.database import Database, StoreUnavailable
from domain.store.imports.options import Options
from domain.store.jobs import QUEUE, Job
from domain.store.ledgers import utc_now
from domain.store.queue import FAILED_TASK_SECONDS, RETRY_SECONDS, enqueue, known_tasks, task_of
from tests.benchmarks.imports import csv_file
from tests.books import NOON, Book
from tests.keeper import ROOT
from tests.servers import Valkey, flush, wait_until
from tests.system.auditor import audited
from tests.workers.test_imports import (
    ROWS,
    assert_all_recorded_once,
    bring,
    is_beyond,
    reread,
    worker,
)
from workers.schedule import DailyScheduler, new_scheduler
from workers.sweep import YOUNG, sweep

LATER = NOON + timedelta(minutes=1)
CREATE = Options(missing_categories="create")
LOOK_SECONDS = 1


@pytest.fixture
def connection(valkey_url: str) -> Iterator[Redis]:
    """An empty job queue."""
    with Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def job(database: Database) -> Job:
    """An import that is written down, and that Redis does not know of."""
    return bring(Book(database), csv_file(5), CREATE)


def test_what_redis_does_not_know_is_handed_out_once(
    database: Database, connection: Redis, job: Job
) -> None:
    assert sweep(database, connection, LATER) == 1
    assert sweep(database, connection, LATER) == 0
    assert known_tasks(connection) == {f"import-{job.id}"}
    [task] = Queue(QUEUE, connection=connection).jobs
    assert (task.func_name, task.timeout) == ("workers.jobs.run_import", 3600)
    assert (task.args, task.description) == ((str(job.ledger_id), str(job.id)), "run_import")
    assert (task.retries_left, task.failure_ttl) == (len(RETRY_SECONDS), FAILED_TASK_SECONDS)
    assert list(tallies.counted(connection, "jobs")) == [(["run_import", "recovered"], 1)]


def test_it_is_handed_out_again_whenever_redis_forgets(
    database: Database, connection: Redis, valkey_url: str, job: Job
) -> None:
    for _ in range(2):
        assert sweep(database, connection, LATER) == 1
        flush(valkey_url)


def test_two_sweeps_at_once_ask_for_one_thing(
    database: Database, connection: Redis, job: Job
) -> None:
    with ThreadPoolExecutor(2) as pool:
        swept = [pool.submit(sweep, database, connection, LATER) for _ in range(2)]
        assert 1 <= sum(one.result() for one in swept) <= 2
    assert set(Queue(QUEUE, connection=connection).job_ids) == {task_of(job).id}
    assert sweep(database, connection, LATER) == 0


def test_what_was_just_touched_is_left_alone(
    database: Database, connection: Redis, job: Job
) -> None:
    assert sweep(database, connection, NOON + YOUNG) == 0
    assert sweep(database, connection, NOON + YOUNG + timedelta(microseconds=1)) == 1


@pytest.mark.parametrize("status", ["uploading", "done", "failed"])
def test_what_is_not_for_workers_stays_away_from_them(
    database: Database, connection: Redis, job: Job, status: jobs.Status
) -> None:
    database.write(lambda c: jobs.change_status(c, job, status, NOON))
    assert sweep(database, connection, LATER) == 0


def test_a_job_that_was_being_done_is_handed_out(
    database: Database, connection: Redis, job: Job
) -> None:
    database.write(lambda c: jobs.change_status(c, job, "running", NOON))
    assert sweep(database, connection, LATER) == 1


def test_a_heartbeat_alone_is_no_job(database: Database, connection: Redis, job: Job) -> None:
    enqueue(connection, task_of(job))
    task = RqJob.fetch(f"import-{job.id}", connection=connection)
    connection.flushall()
    task.heartbeat(datetime.now(UTC), 60)
    assert connection.exists(task.key)
    assert sweep(database, connection, LATER) == 1


class Watching(SimpleWorker):
    """Looks around when a task has failed, and when it was put where failed ones are."""

    seen: list[set[str]]

    def handle_job_failure(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append(known_tasks(self.connection))
        super().handle_job_failure(*args, **kwargs)
        self.seen.append(known_tasks(self.connection))


def test_a_task_is_known_at_work_between_tries_and_when_it_failed_for_good(
    database: Database, connection: Redis, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/at/all")
    queue, task = Queue(QUEUE, connection=connection), task_of(job)
    enqueue(connection, task)
    worker = Watching([queue], connection=connection)
    worker.seen = []
    worker.work(burst=True)
    assert queue.scheduled_job_registry.get_job_ids() == [task.id]
    last_try = RqJob.fetch(task.id, connection=connection)
    last_try.retries_left = 0
    queue.scheduled_job_registry.remove(last_try)
    queue.enqueue_job(last_try)
    worker.work(burst=True)
    assert queue.failed_job_registry.get_job_ids() == [task.id]
    assert worker.seen == [{task.id}] * 4
    assert sweep(database, connection, LATER) == 0
    queue.failed_job_registry.remove(last_try)
    assert sweep(database, connection, LATER) == 1


def test_a_database_that_is_away_does_not_stop_the_schedule(
    connection: Redis, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_away(*_: object) -> None:
        raise StoreUnavailable

    scheduler = new_scheduler(connection, database)
    monkeypatch.setattr(database, "read", is_away)
    scheduler.enqueue_jobs()
    assert len(list(scheduler.get_jobs())) > 1


@contextmanager
def running_scheduler(environ: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """The scheduler as people run it, but that it looks more often."""
    program = f"from workers import schedule as s; s.LOOK_EVERY_SECONDS = {LOOK_SECONDS}; s.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **environ}
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def mortal() -> Iterator[Valkey]:
    """A Valkey server to be killed."""
    server = Valkey()
    server.start()
    yield server
    server.kill()


@pytest.mark.slow
def test_imports_survive_a_redis_that_comes_back_empty(
    database: Database, database_url: str, environ: dict[str, str], mortal: Valkey
) -> None:
    environ["REDIS_URL"] = mortal.url
    sizes = {bring(Book(database), csv_file(size), CREATE): size for size in (ROWS, 5)}
    begun, queued = sizes
    with Redis.from_url(mortal.url) as connection:
        for job in sizes:
            database.write(partial(jobs.change_status, job=job, status="queued", now=utc_now()))
            enqueue(connection, task_of(job))
        with running_scheduler(environ):
            with worker(environ):
                wait_until(partial(is_beyond, database, begun, 500))
            mortal.kill()
            mortal.start()
            assert known_tasks(connection) == set()
            before = reread(database, begun)[0]
            with worker(environ):
                wait_until(partial(is_done, database, queued))
                wait_until(partial(is_beyond, database, begun, before.done))
                wait_until(partial(is_done, database, begun))
    for job, size in sizes.items():
        counted = reread(database, job)[1]
        assert (counted.recorded, counted.unchanged, counted.refused) == (size, 0, 0)
        state = audited(database_url, job.ledger_id)
        assert len(state.transactions) == size


def is_done(database: Database, job: Job) -> bool:
    """Whether an import is over."""
    return reread(database, job)[0].status == "done"


@pytest.mark.slow
def test_who_works_goes_on_without_redis_and_with_an_empty_one(
    database: Database, environ: dict[str, str], mortal: Valkey
) -> None:
    environ["REDIS_URL"] = mortal.url
    book = Book(database)
    first = bring(book, csv_file(ROWS), CREATE)
    with Redis.from_url(mortal.url) as connection:
        enqueue(connection, task_of(first))
        with worker(environ) as process:
            wait_until(partial(is_beyond, database, first, 500))
            mortal.kill()
            wait_until(partial(is_done, database, first))
            mortal.start()
            assert_all_recorded_once(book, first)
            second = bring(book, csv_file(5), CREATE)
            enqueue(connection, task_of(second))
            wait_until(partial(is_done, database, second))
            assert process.is_running()


@pytest.mark.slow
def test_a_worker_outlives_redis_and_can_be_stopped_without_it(
    database: Database, environ: dict[str, str], mortal: Valkey
) -> None:
    environ["REDIS_URL"] = mortal.url
    with worker(environ) as process, Redis.from_url(mortal.url) as connection:
        for _ in range(2):
            job = bring(Book(database), csv_file(5), CREATE)
            enqueue(connection, task_of(job))
            wait_until(partial(is_done, database, job))
            wait_until(lambda: known_tasks(connection) == set())
            mortal.kill()
            mortal.start()
        mortal.kill()
        time.sleep(2 * LOOK_SECONDS)
        process.terminate()
        process.wait(9)


@pytest.mark.slow
def test_the_scheduler_outlives_redis_and_can_be_stopped_without_it(
    environ: dict[str, str], mortal: Valkey
) -> None:
    environ["REDIS_URL"] = mortal.url

    def is_scheduled() -> bool:
        with Redis.from_url(mortal.url) as connection:
            return bool(connection.exists(DailyScheduler.scheduled_jobs_key))

    with running_scheduler(environ) as process:
        wait_until(is_scheduled)
        mortal.kill()
        time.sleep(2 * LOOK_SECONDS)
        assert process.poll() is None
        mortal.start()
        wait_until(is_scheduled)
        mortal.kill()
        time.sleep(2 * LOOK_SECONDS)
        process.terminate()
        assert process.wait(5) == 0
