"""The worker: RQ's own, with our logs, its jobs counted, and its failed ones tried again."""

import logging
from typing import Any, Final

import rq
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry
from rq.exceptions import DeserializationError
from rq.job import Job

from domain.store import tallies
from domain.store.logs import begin_lines, configure_logs
from domain.store.settings import read_settings
from workers import jobs as _jobs  # noqa: F401  # once, and not again in each job's own process

LOOK_AROUND_SECONDS: Final = 30
LISTEN_SECONDS: Final = 15  # RQ goes without a word for so much less than its `worker_ttl`
ASK_AGAIN_SECONDS: Final = 1
TRIES_TO_TELL: Final = 20


class Worker(rq.Worker):
    """Started as `rq worker --worker-class workers.worker.Worker`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        configure_logs(read_settings().app_env)
        super().__init__(*args, **kwargs)
        # How soon it is noticed that another worker died with a job, or that the scheduler did:
        # RQ's ten minutes are longer than a code lives.
        self.maintenance_interval = LOOK_AROUND_SECONDS
        self.worker_ttl = LOOK_AROUND_SECONDS + LISTEN_SECONDS
        self.log.addFilter(_is_news)

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Run jobs, and hand out again those whose pause is over: no option to be forgotten."""
        return super().work(*args, **{**kwargs, "with_scheduler": True})

    def _start_scheduler(self, *args: Any, **kwargs: Any) -> None:
        super()._start_scheduler(*args, **kwargs)
        # RQ waits for a Redis that is away while it looks for work, but ends when it has some.
        # The process that was just started does not listen while it waits: it ends, and is
        # started again.
        self.connection.set_retry(Retry(ConstantBackoff(ASK_AGAIN_SECONDS), -1))

    def handle_warm_shutdown_request(self) -> None:
        """When it is to stop, it does not wait for a Redis to say goodbye to."""
        self.connection.set_retry(Retry(NoBackoff(), 1))
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]

    def perform_job(self, job: Job, *args: Any, **kwargs: Any) -> bool:
        """Run a job; every line about it names it."""
        begin_lines(job=_name(job), job_id=job.id)
        # Its process may outlive the worker's, and is not to wait for ever to say that it is done.
        self.connection.set_retry(Retry(ConstantBackoff(ASK_AGAIN_SECONDS), TRIES_TO_TELL))
        try:
            return super().perform_job(job, *args, **kwargs)
        finally:
            begin_lines()

    def handle_job_success(self, job: Job, *args: Any, **kwargs: Any) -> None:
        """After the job returned."""
        super().handle_job_success(job, *args, **kwargs)
        tallies.count(self.connection, "jobs", _name(job), "done")

    def handle_job_failure(self, job: Job, *args: Any, **kwargs: Any) -> None:
        """After it raised, took too long, or was killed."""
        outcome = "retried" if job.should_retry else "failed"
        super().handle_job_failure(job, *args, **kwargs)
        tallies.count(self.connection, "jobs", _name(job), outcome)


def _is_news(line: logging.LogRecord) -> bool:
    return "cleaning" not in str(line.msg)  # said twice every half minute


def _name(job: Job) -> str:
    try:
        return (job.func_name or "").rpartition(".")[2]
    except DeserializationError:
        return "unreadable"
