"""The job queue: how workers hear of what is to be done, and what Redis knows of it by now.

The database says what is unfinished; Redis only hands it out, and may forget all of it.
"""

from typing import Final, NamedTuple

import msgspec
from redis import Redis
from rq import Queue, Retry
from rq.utils import as_text

from domain.store.jobs import QUEUE, Job, Kind

RETRY_SECONDS: Final = [5, 60, 300, 1800]
"""A database that restarts is back at the first, one that is mended by hand at the last."""

FAILED_TASK_SECONDS: Final = 24 * 3600


MESSAGES_QUEUE: Final = "dakhl-o-kharj-messages"
"""Of what goes out to people and their own servers, which are slow when they like."""


class Task(msgspec.Struct, frozen=True):
    """`workers.jobs.<function>` with plain text to work on. What is to be done has one id."""

    id: str
    function: str
    arguments: tuple[str, ...]
    timeout_seconds: int
    queue: str = QUEUE


class _Work(NamedTuple):
    function: str
    timeout_seconds: int


_WORK: Final[dict[Kind, _Work]] = {
    "import": _Work("run_import", 3600),
    "export": _Work("run_export", 3600),
}
"""What does the jobs of a kind; it is given the ledger's id and the job's."""


def task_of(job: Job) -> Task:
    """The task that does a job."""
    work = _WORK[job.kind]
    arguments = (str(job.ledger_id), str(job.id))
    return Task(f"{job.kind}-{job.id}", work.function, arguments, work.timeout_seconds)


def enqueue(redis: Redis, task: Task) -> None:
    """Have a worker do it; raises `RedisError`.

    A worker that is killed in the middle has it done again.
    """
    Queue(task.queue, connection=redis).enqueue_call(
        f"workers.jobs.{task.function}",
        args=task.arguments,
        job_id=task.id,
        timeout=task.timeout_seconds,
        # RQ logs descriptions, and keeps what fails: neither tells anything of anybody.
        description=task.function,
        result_ttl=0,
        failure_ttl=FAILED_TASK_SECONDS,
        retry=Retry(max=len(RETRY_SECONDS), interval=RETRY_SECONDS),
    )


def known_tasks(redis: Redis) -> set[str]:
    """The ids of what waits, is being done, is to be tried again, or failed for good lately.

    Raises `RedisError`. A job's own hash is no proof: the heartbeat of a worker whose Redis was
    emptied leaves one behind.
    """
    # At one moment: what moves from one to another meanwhile would be seen in neither.
    with redis.pipeline(transaction=True) as pipeline:
        for queue in (Queue(name, connection=redis) for name in (QUEUE, MESSAGES_QUEUE)):
            pipeline.lrange(queue.key, 0, -1)
            pipeline.lrange(queue.intermediate_queue.key, 0, -1)
            for registry in (
                queue.started_job_registry,
                queue.scheduled_job_registry,
                queue.failed_job_registry,
            ):
                pipeline.zrange(registry.key, 0, -1)
        found = pipeline.execute()
    # What is being done is listed as `task:execution`.
    return {as_text(entry).partition(":")[0] for entries in found for entry in entries}
