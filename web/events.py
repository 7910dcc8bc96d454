"""The history over HTTP: for people by the page, and whole in its portable form."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

import marshmallow as ma
import msgspec
from flask import Response, copy_current_request_context, request
from flask.views import MethodView

from domain.store.codec import UnknownEvent
from domain.store.database import Connection, StoreUnavailable
from domain.store.ledgers import Head, LedgerMissing, read_head
from domain.store.logs import get_logger
from domain.store.portable import portable_line
from domain.store.standing import Role
from projections.history import StoredRow, events_after, stream_events
from projections.paging import Page
from web.auth import current_account
from web.blueprint import Blueprint
from web.commands import VERSION_HEADER
from web.errors import Problem, event_unreadable, problem_body
from web.fields import QueryInteger
from web.reads import Found, LimitQuery, paged, read
from web.rendering import show_event
from web.request_ids import request_id
from web.schemas import page_schema
from web.services import services
from web.streams import admit, take_turn

log = get_logger()

NDJSON: Final = "application/x-ndjson"
MAX_VERSION: Final = 2**53 - 1

blueprint = Blueprint("events", __name__, url_prefix="/v1", description="The history itself")


class EventQuery(LimitQuery):
    """Where to start: after this version. A `cursor` says the same."""

    after = QueryInteger(0, MAX_VERSION, load_default=0)
    cursor = QueryInteger(0, MAX_VERSION)


class HistoryQuery(LimitQuery):
    """Which page of one transaction's events."""

    cursor = QueryInteger(0, MAX_VERSION, load_default=0)


class EventSchema(ma.Schema):
    """An event; `digest` seals it and everything before it (docs/events.md)."""

    version = ma.fields.Integer(required=True)
    topic = ma.fields.String(required=True)
    recorded_at = ma.fields.DateTime(required=True)
    actor = ma.fields.String(required=True)
    digest = ma.fields.String(required=True, metadata={"pattern": "^[0-9a-f]{64}$"})
    data = ma.fields.Dict(required=True)


@blueprint.route("/events")
class Events(MethodView):
    """One's own events."""

    @blueprint.signed_in
    @blueprint.arguments(EventQuery, location="query")
    @blueprint.response(200, page_schema(EventSchema))
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=NDJSON)
    def get(self, query: dict[str, Any]) -> Response:
        """List events in order; as `application/x-ndjson`, stream all of them."""
        return show_events(query, Source(current_account().ledger_id))


class Source(NamedTuple):
    """A ledger that is read, and the role without which nobody reads it but its owner."""

    ledger_id: UUID
    role: Role | None = None

    @property
    def missing(self) -> str:
        """What is said when it is not there any more."""
        return "session_ended" if self.role is None else "ledger_not_found"


def show_events(query: dict[str, Any], source: Source) -> Response:
    """The events of a ledger as `EventQuery` asks for them, in the form that is accepted.

    Raises `LedgerMissing`.
    """
    after, limit = query.get("cursor", query["after"]), query["limit"]
    if _wants_lines():
        answer = _stream(after, source)
    else:
        answer = read(
            lambda connection, head: _listed(connection, head, after, limit), of=source.ledger_id
        )
    answer.vary.add("Accept")
    return answer


def _listed(connection: Connection, head: Head, after: int, limit: int) -> Found:
    return found_events(events_after(connection, head.ledger_id, after, limit + 1), limit)


def found_events(rows: list[StoredRow], limit: int) -> Found:
    """A page of events from up to `limit + 1` rows; its cursor is the last one's version."""
    more = str(rows[limit - 1].version) if len(rows) > limit else None
    return paged(lambda: Page(rows[:limit], more), show_event)


def _wants_lines() -> bool:
    return request.accept_mimetypes.best_match(("application/json", NDJSON)) == NDJSON


def _stream(after: int, source: Source) -> Response:
    """Stream up to the version that the header tells, whatever is recorded meanwhile."""
    turn = take_turn()
    database, ledger_id = services().database, source.ledger_id
    admitted = partial(admit, session_id=current_account().session_id, role=source.role)
    told = partial(_last_line, asked_as=request_id(), missing=source.missing)
    tell = copy_current_request_context(told)

    def lines() -> Iterator[bytes]:
        with turn:
            try:
                rows = stream_events(database, ledger_id, after, version, admitted)
                yield from map(_line, rows)
            except Exception as error:  # noqa: BLE001  # Granian would end the body as if it were whole
                yield tell(error)

    with ExitStack() as unless_it_streams:
        unless_it_streams.push(turn)
        version = database.read(lambda connection: read_head(connection, ledger_id).version)
        unless_it_streams.pop_all()
    answer = Response(lines(), content_type=NDJSON, headers={VERSION_HEADER: str(version)})
    answer.call_on_close(turn.close)
    return answer


def _last_line(error: Exception, asked_as: str, missing: str) -> bytes:
    """What is said in the place of events that do not come: the problem."""
    if isinstance(error, LedgerMissing):
        problem = Problem(missing)
    elif isinstance(error, UnknownEvent):
        problem = event_unreadable(error)
    else:
        problem = error if isinstance(error, Problem) else Problem(_code(error))
    if problem.code == "internal_error":
        log.error("unexpected error", exc_info=error, request_id=asked_as)
    else:
        log.warning("stream broken off", problem=problem.code, request_id=asked_as)
    return msgspec.json.encode({**problem_body(problem), "request_id": asked_as}) + b"\n"


def _code(error: Exception) -> str:
    return "store_unavailable" if isinstance(error, StoreUnavailable) else "internal_error"


def _line(row: StoredRow) -> bytes:
    try:
        return portable_line(row.ledger_id, row.version, row.topic, row.state, row.digest)
    except UnicodeDecodeError as error:
        raise UnknownEvent(row.ledger_id, row.version, row.topic, str(error)) from error
