"""The schedule: what runs every day by itself, in Tehran's time, and a sweep twice a minute."""

import os
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq_scheduler import Scheduler

from domain.store.database import Database, StoreUnavailable, open_database
from domain.store.jobs import QUEUE
from domain.store.logs import configure_logs, get_logger
from domain.store.settings import read_settings
from workers import jobs
from workers.sweep import sweep

log = get_logger()

TIMEZONE: Final = "Asia/Tehran"
LOOK_EVERY_SECONDS: Final = 30
AWAY_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Daily:
    """A job and the minute it runs at. The id is what keeps it from being doubled."""

    job_id: str
    cron: str
    function: Callable[[], object]
    timeout_seconds: int = 180


DAILY: Final = (
    # A minute after midnight: a worker whose clock is slow is past it too.
    Daily("daily-chores", "1 0 * * *", jobs.begin_chores, 3600),
    Daily("daily-verify-share", "30 1 * * *", jobs.verify_share),
    Daily("daily-remove-stale-sessions", "30 3 * * *", jobs.remove_stale_sessions),
    # It may have to write a whole database anew.
    Daily("daily-scrub-after-erasures", "45 3 * * *", jobs.scrub_after_erasures, 3600),
    Daily("daily-tend-imports", "0 4 * * *", jobs.tend_imports, 3600),
    Daily("daily-tend-exports", "5 4 * * *", jobs.tend_exports, 3600),
    Daily("daily-index-descriptions", "15 4 * * *", jobs.index_descriptions, 3600),
    Daily("daily-remove-old-notices", "25 4 * * *", jobs.remove_old_notices, 3600),
    Daily("daily-tend-rebuilds", "20 4 * * *", jobs.tend_rebuilds, 3600),
    Daily("daily-remove-old-deliveries", "35 4 * * *", jobs.remove_old_deliveries, 3600),
    Daily("daily-sign-checkpoint", "30 4 * * *", jobs.sign_checkpoint, 3600),
)


def main() -> None:
    """`python -m workers.schedule`: keep the schedule registered, hand out its jobs when due."""
    # rq-scheduler reads cron lines in the process's time zone, whatever else it is told.
    os.environ["TZ"] = TIMEZONE
    time.tzset()
    settings = read_settings()
    configure_logs(settings.app_env)
    # It announces a change of that reading; test_schedule.py would notice one.
    warnings.filterwarnings("ignore", category=FutureWarning, module="rq_scheduler")
    database = open_database(settings.database_url)
    while True:
        try:
            # The library's own ten tries would keep whoever stops us waiting.
            connection = Redis.from_url(settings.redis_url, retry=Retry(NoBackoff(), 1))
            new_scheduler(connection, database).run()
        except RedisError as error:
            log.warning("redis away", reason=str(error))
            time.sleep(AWAY_SECONDS)


class DailyScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler has no types
    """Registers the schedule whenever it looks: a Redis that was emptied has forgotten it.

    It has forgotten the jobs of the day, too: the sweep finds them.
    """

    def __init__(self, database: Database, **options: object) -> None:
        super().__init__(**options)
        self._database = database

    def enqueue_jobs(self) -> object:
        """Hand out what is due, and what is unfinished and nobody has."""
        register(self)
        handed_out = super().enqueue_jobs()
        try:
            sweep(self._database, self.connection, datetime.now(UTC))
        except StoreUnavailable as error:
            log.warning("not swept", reason=str(error))
        return handed_out

    def register_death(self) -> None:
        """Say goodbye, if anybody is there to hear it."""
        with suppress(RedisError):
            super().register_death()

    def remove_lock(self) -> None:
        """Let another one look; a lock that is left behind goes by itself."""
        with suppress(RedisError):
            super().remove_lock()


def new_scheduler(connection: Redis, database: Database) -> Scheduler:
    """The scheduler of our queue."""
    return DailyScheduler(
        database, queue_name=QUEUE, connection=connection, interval=LOOK_EVERY_SECONDS
    )


def register(scheduler: Scheduler) -> None:
    """Put every daily job on the schedule. One that is there, and perhaps overdue, stays."""
    for daily in DAILY:
        if not _is_registered(scheduler, daily):
            scheduler.cron(
                daily.cron,
                daily.function,
                id=daily.job_id,
                queue_name=QUEUE,
                timeout=daily.timeout_seconds,
                description=daily.job_id,
            )


def _is_registered(scheduler: Scheduler, daily: Daily) -> bool:
    if daily.job_id not in scheduler:
        return False
    try:
        job = Job.fetch(daily.job_id, connection=scheduler.connection)
    except NoSuchJobError:
        return False
    return bool(job.meta.get("cron_string") == daily.cron)


if __name__ == "__main__":
    main()
