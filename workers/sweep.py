"""The sweep: what is unfinished, and Redis has forgotten, is handed out again."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Final

from redis import Redis

from domain.store import jobs, tallies
from domain.store.chores import lost_chores
from domain.store.database import Connection, Database
from domain.store.logs import get_logger
from domain.store.notices import waiting_texts
from domain.store.queue import Task, enqueue, known_tasks, task_of
from domain.store.rebuilds import lost_ranges
from domain.store.verification_nights import lost_nights

log = get_logger()

YOUNG: Final = dt.timedelta(seconds=10)
"""Who has just written a job down is about to enqueue it; who works on one writes more often."""


def _jobs(connection: Connection, before: dt.datetime) -> Iterable[Task]:
    return map(task_of, jobs.neglected_jobs(connection, ("queued", "running"), before))


UNFINISHED: Final[tuple[Callable[[Connection, dt.datetime], Iterable[Task]], ...]] = (
    _jobs,
    lost_ranges,
    lost_chores,
    lost_nights,
    waiting_texts,
)
"""Each gives what is to be done of its kind, and nothing has touched since an instant."""


def sweep(database: Database, redis: Redis, now: dt.datetime) -> int:
    """Hand out again what Redis knows nothing of; how much it was.

    What failed for good is known for a day, and tried again after it. Nothing is harmed by two
    sweeps at once: a job may run twice. Raises `StoreUnavailable` and `RedisError`.
    """
    before = now - YOUNG
    tasks = database.read(lambda c: [task for find in UNFINISHED for task in find(c, before)])
    known = known_tasks(redis) if tasks else set()
    lost = [task for task in tasks if task.id not in known]
    for task in lost:
        enqueue(redis, task)
        tallies.count(redis, "jobs", task.function, "recovered")
        log.warning("job handed out again", job=task.function, job_id=task.id)
    return len(lost)
