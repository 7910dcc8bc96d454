"""Exports: a ledger written to a file, and the file kept where every web process finds it."""

import datetime as dt
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import sha256
from typing import IO, Final, TypeVar
from uuid import UUID, uuid4

import msgspec

from domain.calendar import jalali_month
from domain.store import exports, jobs
from domain.store.database import Connection, Database, StoreUnavailable
from domain.store.exports import Export
from domain.store.imports.storage import CHUNK_BYTES
from domain.store.jobs import Job
from domain.store.ledgers import LedgerMissing, read_head, utc_now
from domain.store.notices import tell
from domain.store.portable import portable_line
from projections.history import stream_events
from projections.monthly import Statement, take_statement
from projections.picture import Picture, entries, take_picture
from workers.files.beancount import write_beancount
from workers.files.statement import write_statement
from workers.files.tables import write_csv
from workers.files.workbook import remove_left_behind, write_xlsx

T = TypeVar("T")

KEEP: Final = dt.timedelta(days=7)
KEEP_OF_LEDGER: Final = 5
"""Finished exports of one ledger that are kept; one more, and the oldest goes."""

PROGRESS_SECONDS: Final = 1.0


class _Overtaken(Exception):
    """Another worker writes this export, or it was forgotten."""


def run_export(database: Database, ledger_id: UUID, export_id: UUID) -> None:
    """Write the file of an export, from its beginning, and keep it.

    It may be killed anywhere and run twice at once: the run that began last is the one that is
    kept, and the other one stops.
    """
    found = database.read(lambda connection: _find(connection, ledger_id, export_id))
    if found is None or found[0].status not in ("queued", "running"):
        return
    try:
        _write_and_keep(database, *found)
    except (_Overtaken, LedgerMissing):
        return
    except StoreUnavailable:
        raise  # the queue tries again
    except Exception:
        database.write(partial(_settle, job=found[0], status="failed", error="internal_error"))
        raise
    _forget_beyond(database, ledger_id)


def tend_exports(database: Database) -> None:
    """Forget what is a week old, and what killed workers left on this machine."""
    remove_left_behind()
    before = utc_now() - KEEP
    over = database.read(
        lambda c: jobs.neglected_jobs(c, ("done", "failed"), before, kinds=("export",))
    )
    for job in over:
        _forget(database, job)


def _find(connection: Connection, ledger_id: UUID, export_id: UUID) -> tuple[Job, Export] | None:
    job = jobs.find_job(connection, ledger_id, export_id)
    wanted = exports.find_export(connection, ledger_id, export_id)
    return None if job is None or wanted is None else (job, wanted)


def _write_and_keep(database: Database, job: Job, wanted: Export) -> None:
    taken = database.read(partial(_take, job=job, wanted=wanted))
    picture = taken.picture if isinstance(taken, Statement) else taken
    export = msgspec.structs.replace(wanted, run_id=uuid4(), version=picture.head.version)
    _locked(database, job, partial(_take_over, job=job, export=export))

    def write(work: Callable[[Connection], T]) -> T:
        return _locked(database, job, lambda c: _if_still_ours(c, export, work))

    # What an earlier run has left.
    while write(lambda c: exports.remove_chunks(c, job.ledger_id, job.id)):
        pass
    # On this machine for this run only: what is kept is whole, or not there at all.
    with tempfile.TemporaryFile() as file:
        _write(database, export, taken, file, _Progress(database, job))
        digest, number = sha256(), 0
        file.seek(0)
        while content := file.read(CHUNK_BYTES):
            digest.update(content)
            write(partial(exports.add_chunk, export=export, number=number, content=content))
            number += 1
    write(partial(_finish, job=job, export=export, digest=digest.digest()))


def _take(connection: Connection, job: Job, wanted: Export) -> Picture | Statement:
    if wanted.format != "pdf":
        return take_picture(connection, job.ledger_id, wanted.start_date, wanted.end_date)
    assert wanted.start_date is not None, "it was asked for with its month"
    month = jalali_month(wanted.start_date)
    return take_statement(connection, job.ledger_id, month, job.created_at)


def _take_over(connection: Connection, job: Job, export: Export) -> None:
    begun = jobs.change_status(connection, job, "running", utc_now())
    if not begun or not exports.take_over(connection, export):
        raise _Overtaken


def _finish(connection: Connection, job: Job, export: Export, digest: bytes) -> None:
    exports.finish(connection, export, digest)
    _settle(connection, job, "done")
    data = {"export_id": str(job.id), "format": export.format}
    # Whoever wants an SMS gets it from the sweep: nobody waits here for Redis.
    tell(connection, job.ledger_id, "export_ready", str(job.id), data, utc_now())


def _settle(
    connection: Connection, job: Job, status: jobs.Status, error: str | None = None
) -> None:
    jobs.change_status(connection, job, status, utc_now(), error=error)


def _write(
    database: Database,
    export: Export,
    taken: Picture | Statement,
    file: IO[bytes],
    progress: "_Progress",
) -> None:
    picture = taken.picture if isinstance(taken, Statement) else taken
    if export.format == "events":
        _write_events(database, picture, file, progress)
        return
    found = progress.watching(entries(database, picture), lambda entry: entry.created_version)
    if isinstance(taken, Statement):
        write_statement(taken, found, file, export.language)
    elif export.format == "csv":
        write_csv(picture, found, file)
    elif export.format == "xlsx":
        write_xlsx(picture, found, file, export.language)
    else:
        write_beancount(picture, found, file)


def _write_events(
    database: Database, picture: Picture, file: IO[bytes], progress: "_Progress"
) -> None:
    head = picture.head
    rows = stream_events(database, head.ledger_id, 0, head.version, lambda _connection: None)
    for row in progress.watching(rows, lambda row: row.version):
        line = portable_line(row.ledger_id, row.version, row.topic, row.state, row.digest)
        file.write(line)


class _Progress:
    """Tells how far a job has come, once a second."""

    def __init__(self, database: Database, job: Job) -> None:
        self._database = database
        self._job = job
        self._told_at = time.monotonic()

    def watching(self, things: Iterable[T], version_of: Callable[[T], int]) -> Iterator[T]:
        """The same things; each is as far as its version."""
        for thing in things:
            if time.monotonic() - self._told_at > PROGRESS_SECONDS:
                self._tell(version_of(thing))
            yield thing

    def _tell(self, version: int) -> None:
        self._database.write(lambda c: jobs.tell_progress(c, self._job, version, utc_now()))
        self._told_at = time.monotonic()


def _if_still_ours(connection: Connection, export: Export, work: Callable[[Connection], T]) -> T:
    if not exports.is_written_by(connection, export):
        raise _Overtaken
    return work(connection)


def _locked(database: Database, job: Job, work: Callable[[Connection], T]) -> T:
    """Write with the ledger locked: it is not erased, nor the export taken over, meanwhile."""

    def write(connection: Connection) -> T:
        read_head(connection, job.ledger_id, lock=True)
        return work(connection)

    return database.write(write)


def _forget_beyond(database: Database, ledger_id: UUID) -> None:
    found = database.read(lambda c: jobs.jobs_by_age(c, ledger_id, "export"))
    over = [job for job in found if job.status in ("done", "failed")]
    for job in over[KEEP_OF_LEDGER:]:
        _forget(database, job)


def _forget(database: Database, job: Job) -> None:
    """The file first: should this be killed meanwhile, the job is found again tomorrow."""

    def forget(connection: Connection) -> None:
        jobs.remove_job(connection, job)
        exports.remove_export(connection, job.ledger_id, job.id)

    remove = partial(exports.remove_chunks, ledger_id=job.ledger_id, export_id=job.id)
    while database.write(remove):
        pass
    database.write(forget)
