"""The job queue as the web needs it: a job is named, and its arguments are plain text."""

from typing import Final

import redis
from rq import Queue, Retry

from domain.store.jobs import QUEUE
from web.errors import Problem
from web.services import services

RETRY_SECONDS: Final = [5, 60, 300, 1800]
"""A database that restarts is back at the first, one that is mended by hand at the last."""

FAILED_JOB_SECONDS: Final = 24 * 3600
RETRY_AFTER_SECONDS: Final = 5


def require_queue() -> None:
    """Raise Problem `queue_unavailable` (503) when nobody could be given work."""
    try:
        services().redis.ping()
    except redis.RedisError as error:
        raise _unavailable() from error


def enqueue(function: str, *arguments: str, timeout_seconds: int) -> None:
    """Have a worker run `workers.jobs.<function>`; Problem `queue_unavailable` (503).

    A worker that is killed in the middle has the job run again.
    """
    queue = Queue(QUEUE, connection=services().redis)
    try:
        queue.enqueue_call(
            f"workers.jobs.{function}",
            args=arguments,
            timeout=timeout_seconds,
            # RQ logs descriptions, and keeps what fails: neither tells anything of anybody.
            description=function,
            result_ttl=0,
            failure_ttl=FAILED_JOB_SECONDS,
            retry=Retry(max=len(RETRY_SECONDS), interval=RETRY_SECONDS),
        )
    except redis.RedisError as error:
        raise _unavailable() from error


def _unavailable() -> Problem:
    return Problem("queue_unavailable", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
