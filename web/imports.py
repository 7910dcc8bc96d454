"""Imports over HTTP: a file comes in, a job records its rows, each row has an outcome."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, Final
from uuid import UUID, uuid4

import marshmallow as ma
import msgspec
from flask import Response, request
from flask.views import MethodView

from domain.store import jobs
from domain.store.database import Connection
from domain.store.imports import storage
from domain.store.imports.columns import BadColumns
from domain.store.imports.lines import measure
from domain.store.imports.options import FIELDS, Options
from domain.store.imports.sheets import BadFile
from domain.store.imports.storage import CHUNK_BYTES, Import, RowResult
from domain.store.jobs import Job
from domain.store.ledgers import read_head
from domain.store.queue import task_of
from projections.paging import Page
from web.answers import answer
from web.auth import current_account
from web.blueprint import Blueprint
from web.body import refuse_unread_query
from web.categories import KINDS
from web.errors import FieldError, Flaw, Problem, flawed
from web.fields import Boolean, Choice, Column, Nested, QueryInteger, Schema
from web.jobs import (
    NO_STORE,
    JobAcceptedSchema,
    accepted,
    refuse_too_many_jobs,
    shown_status,
)
from web.messages import say
from web.queue import enqueue, require_queue
from web.reads import LimitQuery, not_kept, paged
from web.schemas import FieldErrorSchema, page_schema
from web.services import services
from web.uploads import read_upload

MOST_UPLOADS: Final = 2
UPLOAD_RETRY_SECONDS: Final = 5
MAX_ROW: Final = 2**31 - 1
ROW_STATUSES: Final = ("recorded", "would_record", "unchanged", "refused")

_uploads: Final = threading.BoundedSemaphore(MOST_UPLOADS)

blueprint = Blueprint(
    "imports", __name__, url_prefix="/v1", description="Entries brought from elsewhere"
)

ColumnsSchema = Schema.from_dict({name: Column(allow_none=True) for name in FIELDS}, name="Columns")


class ImportOptionsSchema(Schema):
    """How to read the file, and what to do with names it brings."""

    columns = Nested(ColumnsSchema)
    has_header = Boolean(load_default=True)
    calendar = Choice("jalali", "gregorian")
    unit = Choice("rial", "toman")
    missing_categories = Choice("create", "refuse", load_default="refuse")
    kind = Choice(*KINDS)
    dry_run = Boolean(load_default=False)


class ImportFormSchema(ma.Schema):
    """The file, CSV or XLSX, and how to read it."""

    file = ma.fields.Raw(required=True, metadata={"type": "string", "format": "binary"})
    options = ma.fields.Nested(ImportOptionsSchema)


class ImportSchema(ma.Schema):
    """An import: its rows of data, and how many of them became what so far."""

    id = ma.fields.UUID(required=True)
    status = ma.fields.String(
        required=True, metadata={"enum": ["queued", "running", "done", "failed"]}
    )
    dry_run = ma.fields.Boolean(required=True)
    total = ma.fields.Integer(required=True)
    recorded = ma.fields.Integer(required=True)
    unchanged = ma.fields.Integer(required=True)
    refused = ma.fields.Integer(required=True)


class ImportRowSchema(ma.Schema):
    """What became of a row; `row` is its number in the file, the header's included."""

    row = ma.fields.Integer(required=True)
    status = ma.fields.String(required=True, metadata={"enum": list(ROW_STATUSES)})
    transaction_id = ma.fields.UUID(required=True, allow_none=True)
    errors = ma.fields.List(ma.fields.Nested(FieldErrorSchema), required=True)


class ImportRowQuery(LimitQuery):
    """Which rows, from where on."""

    status = Choice(*ROW_STATUSES)
    cursor = QueryInteger(0, MAX_ROW, load_default=0)


@blueprint.route("/imports")
class Imports(MethodView):
    """Files brought."""

    @blueprint.signed_in
    @blueprint.doc(
        requestBody={
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": ImportFormSchema,
                    "encoding": {"options": {"contentType": "application/json"}},
                }
            },
        }
    )
    @blueprint.response(202, JobAcceptedSchema)
    def post(self) -> Response:
        """Bring a CSV or XLSX file of up to 32 MiB and 200,000 rows; a job records its rows."""
        refuse_unread_query(request)
        _refuse_too_many()
        with _one_of_few():
            upload = read_upload(request, ImportOptionsSchema())
            options = msgspec.convert(upload.options, Options)
            total = _measured(upload.file, options)
            require_queue()
            job = _kept(upload.file, options, total)
        return accepted(job)


@blueprint.route("/imports/<uuid:import_id>")
class OneImport(MethodView):
    """One import."""

    @blueprint.signed_in
    @blueprint.response(200, ImportSchema)
    def get(self, import_id: UUID) -> Response:
        """Show what became of an import."""
        refuse_unread_query(request)
        with services().database.reading() as connection:
            job, found = _find(connection, import_id)
        return answer(_show(job, found), headers=NO_STORE)


@blueprint.route("/imports/<uuid:import_id>/rows")
class ImportRows(MethodView):
    """The rows of one import."""

    @blueprint.signed_in
    @blueprint.arguments(ImportRowQuery, location="query")
    @blueprint.response(200, page_schema(ImportRowSchema))
    def get(self, query: dict[str, Any], import_id: UUID) -> Response:
        """List what became of each row, in the order of the file."""
        after, limit = query.pop("cursor"), query.pop("limit")
        with services().database.reading() as connection:
            _find(connection, import_id)
            rows = storage.list_results(
                connection,
                current_account().ledger_id,
                import_id,
                after=after,
                limit=limit + 1,
                **query,
            )
        more = str(rows[limit - 1].row) if len(rows) > limit else None
        return not_kept(paged(lambda: Page(rows[:limit], more), _show_row))


@contextmanager
def _one_of_few() -> Iterator[None]:
    """Files are read whole before they are queued, so a process reads few at a time."""
    if not _uploads.acquire(blocking=False):
        headers = {"Retry-After": str(UPLOAD_RETRY_SECONDS)}
        raise Problem("too_many_requests", {"retry_after": UPLOAD_RETRY_SECONDS}, headers=headers)
    try:
        yield
    finally:
        _uploads.release()


def _refuse_too_many() -> None:
    """Before anything is read, and again when the job is added."""
    ledger_id = current_account().ledger_id
    services().database.read(lambda connection: refuse_too_many_jobs(connection, ledger_id))


def _measured(file: IO[bytes], options: Options) -> int:
    """How many rows there are to record; Problem 422 for a file that cannot be read."""
    try:
        return measure(file, options)
    except BadFile as error:
        raise flawed([FieldError("file", Flaw(error.code, **error.details))]) from error
    except BadColumns as error:
        errors = [
            FieldError(f"options.columns.{field}", Flaw(code))
            for field, code in error.codes.items()
        ]
        raise flawed(errors) from error


def _kept(file: IO[bytes], options: Options, total: int) -> Job:
    """Keep the file where every worker finds it, and queue it; nothing stays if that fails."""
    account, now = current_account(), services().ledgers.clock()
    job = Job(account.ledger_id, uuid4(), "import", "uploading", 0, total, None, now, now)
    wanted = Import(job.ledger_id, job.id, str(account.account_id), options)
    _locked(job, lambda connection: _add(connection, job, wanted))
    try:
        _keep_file(job, file)
        _locked(job, lambda connection: jobs.change_status(connection, job, "queued", now))
        enqueue(task_of(job))
    except BaseException:
        services().database.write(lambda connection: _forget(connection, job))
        raise
    return job


def _keep_file(job: Job, file: IO[bytes]) -> None:
    file.seek(0)
    number = 0
    while content := file.read(CHUNK_BYTES):
        add = partial(
            storage.add_chunk,
            ledger_id=job.ledger_id,
            import_id=job.id,
            number=number,
            content=content,
        )
        _locked(job, add)
        number += 1


def _locked(job: Job, work: Any) -> None:
    """Write with the ledger locked: it is not erased between its parts."""

    def write(connection: Connection) -> None:
        read_head(connection, job.ledger_id, lock=True)
        work(connection)

    services().database.write(write)


def _add(connection: Connection, job: Job, wanted: Import) -> None:
    refuse_too_many_jobs(connection, job.ledger_id)
    jobs.add_job(connection, job)
    storage.add_import(connection, wanted)


def _forget(connection: Connection, job: Job) -> None:
    storage.remove_import(connection, job.ledger_id, job.id)
    jobs.remove_job(connection, job)


def _find(connection: Connection, import_id: UUID) -> tuple[Job, Import]:
    ledger_id = current_account().ledger_id
    job = jobs.find_job(connection, ledger_id, import_id)
    found = storage.find_import(connection, ledger_id, import_id)
    if job is None or found is None:
        raise Problem("import_not_found")
    return job, found


def _show(job: Job, found: Import) -> dict[str, Any]:
    settled = found.recorded + found.unchanged + found.refused
    return {
        "id": found.id,
        "status": shown_status(job),
        "dry_run": found.options.dry_run,
        "total": settled if job.status == "done" else job.total,
        "recorded": found.recorded,
        "unchanged": found.unchanged,
        "refused": found.refused,
    }


def _show_row(result: RowResult) -> dict[str, Any]:
    errors = [
        {"field": flaw.field, "code": flaw.code, "message": say(flaw.code, **flaw.details)}
        for flaw in result.flaws
    ]
    return {
        "row": result.row,
        "status": result.status,
        "transaction_id": result.transaction_id,
        "errors": errors,
    }
