"""Imports in the worker that people run: killed in the middle, and run twice at once."""

import io
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from uuid import uuid4

import psutil
import pytest
from redis import Redis
from rq import Queue, Retry

from domain.store import jobs
from domain.store.database import Database
from domain.store.imports import storage
from domain.store.imports.options import Options
from domain.store.imports.storage import Import
from domain.store.jobs import QUEUE, Job
from tests.benchmarks.imports import csv_file
from tests.books import NOON, Book
from tests.keeper import ROOT
from tests.servers import end_family, wait_until
from workers.group import worker_command
from workers.imports import run_import

ROWS = 6000


def bring(book: Book, content: bytes, options: Options) -> Job:
    """Keep a file as the web does."""
    job = Job(book.ledger_id, uuid4(), "import", "queued", 0, ROWS, None, NOON, NOON)
    wanted = Import(job.ledger_id, job.id, str(book.account_id), options)
    book.database.write(lambda c: jobs.add_job(c, job))
    book.database.write(lambda c: storage.add_import(c, wanted))
    file, number = io.BytesIO(content), 0
    while piece := file.read(storage.CHUNK_BYTES):
        keep = partial(storage.add_chunk, number=number, content=piece)
        book.database.write(partial(keep, ledger_id=job.ledger_id, import_id=job.id))
        number += 1
    return job


def reread(database: Database, job: Job) -> tuple[Job, Import]:
    """How far a job is, and what it counted."""
    found = database.read(lambda c: jobs.find_job(c, job.ledger_id, job.id))
    counted = database.read(lambda c: storage.find_import(c, job.ledger_id, job.id))
    assert found is not None
    assert counted is not None
    return found, counted


def is_beyond(database: Database, job: Job, done: int) -> bool:
    """Whether the job has come further than this."""
    return reread(database, job)[0].done > done


def assert_all_recorded_once(book: Book, job: Job) -> None:
    """Every row has one outcome and one transaction, and the ledger is in order."""
    found, counted = reread(book.database, job)
    assert (found.status, counted.recorded, counted.refused) == ("done", ROWS, 0)
    assert book.count("import_rows") == ROWS
    assert book.count("import_chunks") == 0
    assert len(book.state().transactions) == ROWS
    assert book.head().version == 1 + book.count("categories") + ROWS


@contextmanager
def worker(environ: dict[str, str]) -> Iterator[psutil.Process]:
    """The job worker as people run it."""
    env = {**os.environ, **environ, "RQ_REDIS_URL": environ["REDIS_URL"]}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        worker_command(), cwd=ROOT, env=env, stdout=quiet, stderr=quiet
    ) as process:
        family = psutil.Process(process.pid)
        try:
            yield family
        finally:
            end_family(family)


@pytest.mark.slow
def test_a_killed_job_is_resumed_and_doubles_nothing(
    database: Database, environ: dict[str, str]
) -> None:
    book = Book(database)
    job = bring(book, csv_file(ROWS), Options(missing_categories="create"))
    with Redis.from_url(environ["REDIS_URL"]) as connection:
        Queue(QUEUE, connection=connection).enqueue_call(
            "workers.jobs.run_import",
            args=(str(job.ledger_id), str(job.id)),
            result_ttl=0,
            retry=Retry(max=3),
        )
    with worker(environ) as process:
        for done in (500, 2500):
            wait_until(partial(is_beyond, database, job, done))
            # The work horse alone: its worker notices, and has the job run again.
            [horse] = [child for child in process.children() if os.getpgid(child.pid) == child.pid]
            horse.kill()
        wait_until(lambda: reread(database, job)[0].status == "done")
    assert_all_recorded_once(book, job)


def test_a_job_may_run_twice_at_once(database: Database) -> None:
    book = Book(database)
    job = bring(book, csv_file(ROWS), Options(missing_categories="create"))
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run_import, book.store, job.ledger_id, job.id) for _ in range(2)]
        for run in runs:
            run.result()
    assert_all_recorded_once(book, job)


def test_a_rehearsal_that_was_cut_short_comes_to_the_same_end(database: Database) -> None:
    book = Book(database)
    content = "date,amount,category,kind\n1405-09-01,10,قلک,savings\n"
    content += "1405-09-02,-3,قلک,\n" * 4
    job = bring(book, content.encode(), Options(missing_categories="create", dry_run=True))
    run_import(book.store, job.ledger_id, job.id)
    database.write(lambda c: c.run("UPDATE jobs SET status = 'running', done = 3"))
    database.write(lambda c: c.run("DELETE FROM import_rows WHERE row > 3"))
    database.write(lambda c: storage.add_chunk(c, job.ledger_id, job.id, 0, content.encode()))
    run_import(book.store, job.ledger_id, job.id)
    found = database.read(
        lambda c: storage.list_results(c, job.ledger_id, job.id, after=0, limit=10)
    )
    assert [result.status for result in found] == [*["would_record"] * 4, "refused"]
    assert book.head().version == 1


def test_no_bracket_keeps_others_waiting(database: Database) -> None:
    book = Book(database)
    job = bring(book, csv_file(ROWS), Options(missing_categories="create"))
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(run_import, book.store, job.ledger_id, job.id)
        versions = []
        while not run.done():
            versions.append(book.head().version)
            time.sleep(0.002)
        run.result()
    steps = [
        after - before for before, after in zip(versions, islice(versions, 1, None), strict=False)
    ]
    assert 0 < max(steps) < ROWS / 2
