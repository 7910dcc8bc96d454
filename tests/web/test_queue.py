"""The queue: what becomes of a job whose database is away for some seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from rq import Queue

from domain.store import tallies
from domain.store.jobs import QUEUE
from domain.store.queue import RETRY_SECONDS, Task
from tests.servers import wait_until
from tests.workers.test_imports import worker
from web.queue import enqueue

TASK = Task("any-1", "remove_stale_sessions", (), 60)


@contextmanager
def away(database_url: str) -> Iterator[None]:
    """A database that takes nobody in for a while."""
    url = sa.make_url(database_url)
    assert url.database is not None
    if url.drivername == "sqlite":
        file, aside = Path(url.database), Path(f"{url.database}.aside")
        file.rename(aside)
        file.mkdir()
        yield
        file.rmdir()
        aside.rename(file)
        return
    server = url.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS false")
        yield
        admin.execute(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS true")


def outcomes(valkey: Redis) -> dict[str, int]:
    """How the tries of jobs ended."""
    return {outcome: number for (_job, outcome), number in tallies.counted(valkey, "jobs")}


@pytest.mark.slow
def test_a_job_waits_for_a_database_that_is_away(
    app: Flask, environ: dict[str, str], valkey: Redis
) -> None:
    with app.app_context():
        enqueue(TASK)
    with worker(environ):
        with away(environ["DATABASE_URL"]):
            wait_until(lambda: outcomes(valkey) == {"retried": 1})
        wait_until(lambda: outcomes(valkey) == {"retried": 1, "done": 1})


def test_the_last_try_comes_long_after_the_first(app: Flask, valkey: Redis) -> None:
    with app.app_context():
        enqueue(TASK)
    (job,) = Queue(QUEUE, connection=valkey).jobs
    assert (job.retries_left, job.retry_intervals) == (len(RETRY_SECONDS), RETRY_SECONDS)
    assert sum(RETRY_SECONDS) > 30 * 60
    assert job.ttl is None
