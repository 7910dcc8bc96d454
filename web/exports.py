"""Exports over HTTP: a job writes the ledger to a file, which is fetched when it is whole."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView

from domain.calendar import (
    FIRST_YEAR,
    LAST_YEAR,
    first_day,
    format_jalali,
    last_day,
    month_number,
    today_in_tehran,
)
from domain.store import exports, jobs
from domain.store.database import Connection, StoreUnavailable
from domain.store.exports import FORMATS, Export, Format
from domain.store.jobs import Job
from domain.store.ledgers import read_head
from domain.store.logs import get_logger
from domain.store.queue import task_of
from web.auth import current_account
from web.blueprint import Blueprint
from web.body import refuse_unread_query
from web.commands import VERSION_HEADER
from web.days import refuse_reversed
from web.errors import Flaw, Problem
from web.events import NDJSON
from web.fields import Choice, Integer, JalaliDate, Schema
from web.jobs import (
    RETRY_AFTER_SECONDS,
    JobAcceptedSchema,
    accepted,
    refuse_too_many_jobs,
)
from web.messages import LANGUAGES, preferred_language
from web.queue import enqueue, require_queue
from web.reads import is_known
from web.services import services
from web.streams import admit, take_turn

log = get_logger()


class _Kind(NamedTuple):
    content_type: str
    ending: str
    shape: tuple[tuple[str, str], ...] = ()


KINDS: Final[dict[Format, _Kind]] = {
    "csv": _Kind("text/csv; charset=utf-8; header=present", "csv"),
    "xlsx": _Kind(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
        (("format", "binary"),),
    ),
    "beancount": _Kind("text/plain; charset=utf-8", "beancount"),
    "events": _Kind(NDJSON, "ndjson"),
    "pdf": _Kind("application/pdf", "pdf", (("format", "binary"),)),
}
"""How each format is called on the way, and on the disk of whoever fetches it."""

_FILE: Final = {
    "description": "The file",
    "content": {
        kind.content_type.partition(";")[0]: {"schema": {"type": "string", **dict(kind.shape)}}
        for kind in KINDS.values()
    },
}

_DAYS: Final = {"start_date": "from", "end_date": "to"}
_MONTH: Final = ("year", "month")

blueprint = Blueprint("exports", __name__, url_prefix="/v1", description="A ledger to take away")


class NewExportSchema(Schema):
    """What to take away; `from` and `to` are days of entries, both included.

    A `pdf` is the statement of a Jalali month, which is said by `year` and `month` instead.
    Without `language` a file speaks the one of the request.
    """

    format = Choice(*FORMATS, required=True)
    start_date = JalaliDate(data_key="from")
    end_date = JalaliDate(data_key="to")
    year = Integer(FIRST_YEAR, LAST_YEAR)
    month = Integer(1, 12)
    language = Choice(*LANGUAGES)

    @ma.post_load
    def refuse_bad_ranges(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The data, unless the range is empty, or is asked of a history, which is whole."""
        if flaws := _misplaced(data):
            raise ma.ValidationError(flaws)
        refuse_reversed(data, "start_date", "end_date", "to")
        return _with_days(data) if data["format"] == "pdf" else data


def _misplaced(data: dict[str, Any]) -> dict[str, Any]:
    """What is said that the format has no use for, and what it cannot do without."""
    days = [name for field, name in _DAYS.items() if field in data]
    month = [name for name in _MONTH if name in data]
    if data["format"] == "pdf":
        missing = {name: [Flaw("required")] for name in _MONTH if name not in data}
        return missing | {name: [Flaw("statement_is_monthly")] for name in days}
    whole = days if data["format"] == "events" else []
    return {name: [Flaw("only_of_statements")] for name in month} | {
        name: [Flaw("history_is_whole")] for name in whole
    }


def _with_days(data: dict[str, Any]) -> dict[str, Any]:
    """The same with the month's days for its year and number."""
    month = month_number(data.pop("year"), data.pop("month"))
    return {**data, "start_date": first_day(month), "end_date": last_day(month)}


@blueprint.route("/exports")
class Exports(MethodView):
    """Files wanted."""

    @blueprint.signed_in
    @blueprint.arguments(NewExportSchema)
    @blueprint.response(202, JobAcceptedSchema)
    def post(self, asked: dict[str, Any]) -> Response:
        """Have the ledger written to a file, as it stands when a worker begins with it."""
        refuse_unread_query(request)
        require_queue()
        return accepted(_queued(asked))


@blueprint.route("/exports/<uuid:export_id>")
class OneExport(MethodView):
    """One file."""

    @blueprint.signed_in
    @blueprint.doc(responses={200: _FILE, 304: {"description": "As it was"}, 409: "CONFLICT"})
    def get(self, export_id: UUID) -> Response:
        """Fetch the file of an export, when it is whole."""
        refuse_unread_query(request)
        job, export = services().database.read(partial(_finished, export_id=export_id))
        assert export.digest is not None, "the file is whole"
        tag = export.digest.hex()
        answer = Response(status=304) if is_known(request, tag) else _file(export)
        answer.headers.update(_headers(job, export))
        answer.set_etag(tag)
        return answer


def _queued(asked: dict[str, Any]) -> Job:
    """Write an export down and queue it; nothing stays if that fails."""
    ledger_id, database = current_account().ledger_id, services().database
    job = database.write(partial(_add, ledger_id=ledger_id, asked=asked))
    try:
        enqueue(task_of(job))
    except BaseException:
        database.write(partial(_forget, job=job))
        raise
    return job


def _add(connection: Connection, ledger_id: UUID, asked: dict[str, Any]) -> Job:
    head, now = read_head(connection, ledger_id, lock=True), services().ledgers.clock()
    refuse_too_many_jobs(connection, ledger_id)
    job = Job(ledger_id, uuid4(), "export", "queued", 0, head.version, None, now, now)
    jobs.add_job(connection, job)
    wanted = Export(ledger_id, job.id, **{"language": preferred_language(), **asked})
    exports.add_export(connection, wanted)
    return job


def _forget(connection: Connection, job: Job) -> None:
    exports.remove_export(connection, job.ledger_id, job.id)
    jobs.remove_job(connection, job)


def _finished(connection: Connection, export_id: UUID) -> tuple[Job, Export]:
    ledger_id = current_account().ledger_id
    job = jobs.find_job(connection, ledger_id, export_id)
    export = exports.find_export(connection, ledger_id, export_id)
    if job is None or export is None:
        raise Problem("export_not_found")
    if job.status == "failed":
        raise Problem("export_failed")
    if job.status != "done":
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        raise Problem("export_not_ready", headers=headers)
    return job, export


def _file(export: Export) -> Response:
    """The file, a piece in memory at a time, each read in a transaction of its own."""
    turn = take_turn()
    answer = Response(_pieces(export, turn))
    answer.content_length = export.size_bytes
    answer.call_on_close(turn.close)
    return answer


def _pieces(export: Export, turn: ExitStack) -> Iterator[bytes]:
    database, session_id = services().database, current_account().session_id

    def read(connection: Connection, number: int) -> bytes | None:
        admit(connection, session_id)
        return exports.read_chunk(connection, export.ledger_id, export.id, number)

    def pieces() -> Iterator[bytes]:
        sent = 0
        with turn:
            for number in range(export.size_bytes):
                try:
                    piece = database.read(partial(read, number=number))
                except (Problem, StoreUnavailable) as error:
                    log.warning("download broken off", reason=str(error))
                    return  # shorter than its Content-Length: whoever fetches it can tell
                if piece is None:
                    return
                yield piece
                sent += len(piece)
                if sent >= export.size_bytes:
                    return

    return pieces()


def _headers(job: Job, export: Export) -> dict[str, str]:
    return {
        "Content-Type": KINDS[export.format].content_type,
        "Content-Disposition": f'attachment; filename="{_name(job, export)}"',
        "Cache-Control": "private, no-cache",
        VERSION_HEADER: str(export.version),
    }


def _name(job: Job, export: Export) -> str:
    ending = KINDS[export.format].ending
    if export.format == "pdf" and export.start_date is not None:
        return f"statement-{format_jalali(export.start_date)[:7]}.{ending}"
    day = format_jalali(today_in_tehran(job.created_at))
    return f"dakhl-o-kharj-{day}-v{export.version}.{ending}"
