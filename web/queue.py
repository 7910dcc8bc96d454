"""The job queue as the web needs it: nobody is promised work that no worker would hear of."""

from typing import Final

import redis

from domain.store import queue
from domain.store.logs import get_logger
from domain.store.queue import Task
from web.errors import Problem
from web.services import services

log = get_logger()

RETRY_AFTER_SECONDS: Final = 5


def require_queue() -> None:
    """Raise Problem `queue_unavailable` (503) when nobody could be given work."""
    try:
        services().redis.ping()
    except redis.RedisError as error:
        raise _unavailable() from error


def enqueue(task: Task) -> None:
    """Have a worker do it; Problem `queue_unavailable` (503)."""
    try:
        queue.enqueue(services().redis, task)
    except redis.RedisError as error:
        raise _unavailable() from error


def enqueue_or_leave(task: Task) -> None:
    """Have a worker do at once what stands in the database, and what the sweep would find."""
    try:
        queue.enqueue(services().redis, task)
    except redis.RedisError as error:
        log.warning("redis away", reason=str(error))


def _unavailable() -> Problem:
    return Problem("queue_unavailable", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
