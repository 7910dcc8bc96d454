"""The daily schedule, on a real Valkey and with the real worker."""

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from redis import Redis
from rq.job import Job, JobStatus
from rq_scheduler import Scheduler

from domain.store.database import open_database
from tests.keeper import ROOT
from tests.servers import flush
from workers.group import worker_command
from workers.schedule import DAILY, TIMEZONE, Daily, new_scheduler, register

JOB_ID = "daily-remove-stale-sessions"


@pytest.fixture
def connection(valkey_url: str) -> Iterator[Redis]:
    """An empty job queue."""
    with Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def scheduler(connection: Redis, sqlite_template: Path) -> Iterator[Scheduler]:
    """The scheduler that people run."""
    database = open_database(f"sqlite:///{sqlite_template}")
    yield new_scheduler(connection, database)
    database.close()


@pytest.fixture(autouse=True)
def in_tehran(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `workers.schedule.main` does to its own process."""
    monkeypatch.setenv("TZ", TIMEZONE)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_registering_twice_schedules_each_job_once(scheduler: Scheduler) -> None:
    register(scheduler)
    register(scheduler)
    assert _scheduled(scheduler) == sorted(daily.job_id for daily in DAILY)


def test_sessions_are_cleared_at_half_past_three_in_tehran(scheduler: Scheduler) -> None:
    register(scheduler)
    due = _due(scheduler).astimezone(ZoneInfo(TIMEZONE))
    assert (due.hour, due.minute) == (3, 30)
    assert timedelta(0) < due - datetime.now(UTC) <= timedelta(days=1)


def test_a_run_missed_while_nothing_ran_is_kept_by_the_next_start(
    connection: Redis, scheduler: Scheduler
) -> None:
    register(scheduler)
    _make_due(connection)
    register(scheduler)
    assert _due(scheduler) < datetime.now(UTC)


def test_what_redis_forgot_is_on_the_schedule_again(scheduler: Scheduler, valkey_url: str) -> None:
    scheduler.enqueue_jobs()
    flush(valkey_url)
    scheduler.enqueue_jobs()
    assert _scheduled(scheduler) == sorted(daily.job_id for daily in DAILY)


@pytest.mark.parametrize("daily", DAILY, ids=lambda daily: str(daily.job_id))
def test_what_runs_when_is_written_down(daily: Daily) -> None:
    minute, hour, *every_day = daily.cron.split()
    assert every_day == ["*"] * 3
    told = (ROOT / "docs" / "chores.md").read_text(encoding="utf-8")
    assert f"\n| {int(hour):02}:{int(minute):02} | `{daily.function.__name__}` |" in told


@pytest.mark.slow
def test_the_worker_runs_what_the_scheduler_hands_out_day_after_day(
    connection: Redis, scheduler: Scheduler, environ: dict[str, str]
) -> None:
    register(scheduler)
    for _day in range(2):
        _make_due(connection)
        scheduler.enqueue_jobs()
        _work_until_the_queue_is_empty(environ)
        job = Job.fetch(JOB_ID, connection=connection)
        assert job.get_status() == JobStatus.FINISHED
        assert _due(scheduler) > datetime.now(UTC)


def _scheduled(scheduler: Scheduler) -> list[str]:
    """Sorted: the scheduler gives what is due next first, which depends on the hour."""
    return sorted(job.id for job in scheduler.get_jobs())


def _due(scheduler: Scheduler) -> datetime:
    [due] = [due for job, due in scheduler.get_jobs(with_times=True) if job.id == JOB_ID]
    assert isinstance(due, datetime)
    return due.replace(tzinfo=UTC)


def _make_due(connection: Redis) -> None:
    connection.zadd(Scheduler.scheduled_jobs_key, {JOB_ID: time.time() - 60})


def _work_until_the_queue_is_empty(environ: dict[str, str]) -> None:
    env = {**os.environ, **environ, "RQ_REDIS_URL": environ["REDIS_URL"]}
    command = worker_command()
    subprocess.run([*command, "--burst"], cwd=ROOT, env=env, check=True, capture_output=True)
