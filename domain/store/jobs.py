"""Jobs: work that people ask for and that takes longer than a request; outside the stream."""

import datetime as dt
from collections.abc import Sequence
from typing import Final, Literal, get_args
from uuid import UUID

import msgspec

from domain.store.database import Connection, as_record

Status = Literal["uploading", "queued", "running", "done", "failed"]
Kind = Literal["import", "export"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

QUEUE: Final = "dakhl-o-kharj"
"""The name under which web and workers meet in Redis."""

UNFINISHED: Final[tuple[Status, ...]] = ("uploading", "queued", "running")


class Job(msgspec.Struct, frozen=True):
    """One piece of work: `done` of `total` steps, and a code where it failed."""

    ledger_id: UUID
    id: UUID
    kind: Kind
    status: Status
    done: int
    total: int
    error: str | None
    created_at: dt.datetime
    updated_at: dt.datetime

    @property
    def progress(self) -> float:
        """From 0 to 1, with three decimals."""
        if self.status == "done":
            return 1.0
        return round(min(1.0, self.done / self.total), 3) if self.total else 0.0


_SELECT: Final = """
    SELECT ledger_id, id, kind, status, done, total, error, created_at, updated_at FROM jobs
"""


def add_job(connection: Connection, job: Job) -> None:
    """Write a job down. The ledger is to be locked, or an erasure could miss the row."""
    connection.run(
        """
        INSERT INTO jobs (ledger_id, id, kind, status, done, total, created_at, updated_at)
        VALUES (:ledger_id, :id, :kind, :status, :done, :total, :created_at, :updated_at)
        """,
        **{name: value for name, value in msgspec.structs.asdict(job).items() if name != "error"},
    )


def find_job(connection: Connection, ledger_id: UUID, job_id: UUID) -> Job | None:
    """A job of a ledger, or None."""
    sql = f"{_SELECT} WHERE ledger_id = :ledger_id AND id = :id"
    row = connection.one(sql, ledger_id=ledger_id, id=job_id)
    return None if row is None else as_record(row, Job)


def unfinished_jobs(connection: Connection, ledger_id: UUID) -> list[Job]:
    """The jobs of a ledger that are still to be done."""
    sql = f"{_SELECT} WHERE ledger_id = :ledger_id AND status IN {UNFINISHED}"
    return [as_record(row, Job) for row in connection.all(sql, ledger_id=ledger_id)]


def neglected_jobs(
    connection: Connection,
    statuses: Sequence[Status],
    before: dt.datetime,
    kinds: Sequence[Kind] = KINDS,
) -> list[Job]:
    """The jobs in one of these states that nothing has touched since an instant."""
    sql = f"{_SELECT} WHERE status IN ({_names(statuses)}) AND kind IN ({_names(kinds)})"
    rows = connection.all(f"{sql} AND updated_at < :before", before=before)
    return [as_record(row, Job) for row in rows]


def _names(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def jobs_by_age(connection: Connection, ledger_id: UUID, kind: Kind) -> list[Job]:
    """The jobs of a ledger of one kind, the newest first."""
    sql = f"{_SELECT} WHERE ledger_id = :ledger_id AND kind = :kind"
    rows = connection.all(
        f"{sql} ORDER BY created_at DESC, id DESC", ledger_id=ledger_id, kind=kind
    )
    return [as_record(row, Job) for row in rows]


def change_status(
    connection: Connection,
    job: Job,
    status: Status,
    now: dt.datetime,
    *,
    error: str | None = None,
) -> bool:
    """Move an unfinished job to another state; False when it is over, or gone."""
    changed = connection.run(
        f"""
        UPDATE jobs SET status = :status, error = :error, updated_at = :now
        WHERE ledger_id = :ledger_id AND id = :id AND status IN {UNFINISHED}
        """,
        status=status,
        error=error,
        now=now,
        ledger_id=job.ledger_id,
        id=job.id,
    )
    return changed == 1


def advance(connection: Connection, job: Job, done: int, now: dt.datetime) -> bool:
    """Note that steps were done since `job` was read; False when somebody else did them."""
    advanced = connection.run(
        """
        UPDATE jobs SET done = :done, updated_at = :now
        WHERE ledger_id = :ledger_id AND id = :id AND status = 'running' AND done = :expected
        """,
        done=done,
        now=now,
        ledger_id=job.ledger_id,
        id=job.id,
        expected=job.done,
    )
    return advanced == 1


def tell_progress(connection: Connection, job: Job, done: int, now: dt.datetime) -> None:
    """Note how far a running job is, whoever runs it: for people to see."""
    connection.run(
        """
        UPDATE jobs SET done = :done, updated_at = :now
        WHERE ledger_id = :ledger_id AND id = :id AND status = 'running'
        """,
        done=done,
        now=now,
        ledger_id=job.ledger_id,
        id=job.id,
    )


def remove_job(connection: Connection, job: Job) -> None:
    """Forget a job."""
    sql = "DELETE FROM jobs WHERE ledger_id = :ledger_id AND id = :id"
    connection.run(sql, ledger_id=job.ledger_id, id=job.id)
