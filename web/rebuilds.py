"""Rebuilds over HTTP: operators start them, watch them, and call them off."""

import datetime as dt
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView

from domain.store import rebuilds
from domain.store.database import Connection
from domain.store.quarantines import Quarantine, quarantines_among
from domain.store.rebuilds import MOST_RANGES, Rebuild, begin_rebuild, ranges_of, task_of_range
from projections.paging import decode_cursor, page_of
from web.answers import answer
from web.auth import current_account
from web.blueprint import Blueprint
from web.body import refuse_unread_body, refuse_unread_query
from web.errors import Problem
from web.fields import Integer, Schema, Uuid
from web.queue import enqueue, require_queue
from web.reads import PageQuery, not_kept, paged
from web.schemas import page_schema
from web.services import services

DEFAULT_JOBS: Final = 4
MOST_UNFINISHED: Final = 5
RETRY_SECONDS: Final = 60
NO_STORE: Final = {"Cache-Control": "no-store"}
_ORDER: Final = "rebuilds"

blueprint = Blueprint("rebuilds", __name__, url_prefix="/v1/ops", description="Operating")


class AskedSchema(Schema):
    """Which ledger, or all of them; in how many jobs."""

    ledger_id = Uuid()
    jobs = Integer(1, MOST_RANGES, load_default=DEFAULT_JOBS)


class QuarantineSchema(ma.Schema):
    """A ledger whose events cannot be followed past a version, and why (docs/rebuilding.md)."""

    ledger_id = ma.fields.UUID(required=True)
    version = ma.fields.Integer(required=True)
    reason = ma.fields.String(required=True)
    since = ma.fields.DateTime(required=True)


class RebuildSchema(ma.Schema):
    """How far a rebuild is. `repaired` counts ledgers of which something was wrong."""

    id = ma.fields.UUID(required=True)
    status = ma.fields.String(
        required=True, metadata={"enum": ["queued", "running", "done", "cancelled", "failed"]}
    )
    done = ma.fields.Integer(required=True)
    total = ma.fields.Integer(required=True)
    events = ma.fields.Integer(required=True)
    events_per_second = ma.fields.Integer(required=True)
    eta_seconds = ma.fields.Integer(required=True, allow_none=True)
    repaired = ma.fields.Integer(required=True)
    quarantined = ma.fields.List(ma.fields.Nested(QuarantineSchema), required=True)
    created_at = ma.fields.DateTime(required=True)
    updated_at = ma.fields.DateTime(required=True)


@blueprint.route("/rebuilds")
class Rebuilds(MethodView):
    """Rebuilds that were asked for."""

    @blueprint.for_role("operator")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(RebuildSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List rebuilds, the latest first."""
        with services().database.reading() as connection:
            return not_kept(paged(lambda: _page(connection, **query), lambda shown: shown))

    @blueprint.for_role("operator")
    @blueprint.arguments(AskedSchema)
    @blueprint.response(202, RebuildSchema)
    def post(self, asked: dict[str, Any]) -> Response:
        """Have workers compare all rows with their events, or one ledger's, and mend them."""
        refuse_unread_query(request)
        require_queue()
        begun, shown = services().database.write(lambda connection: _begin(connection, **asked))
        for found in begun:
            enqueue(task_of_range(found))
        headers = {"Location": f"/v1/ops/rebuilds/{shown['id']}", **NO_STORE}
        return answer(shown, 202, headers=headers)


@blueprint.route("/rebuilds/<uuid:rebuild_id>")
class OneRebuild(MethodView):
    """One rebuild."""

    @blueprint.for_role("operator")
    @blueprint.response(200, RebuildSchema)
    def get(self, rebuild_id: UUID) -> Response:
        """Show how far a rebuild is, and which ledgers are in quarantine."""
        refuse_unread_query(request)
        with services().database.reading() as connection:
            return answer(_show(connection, _find(connection, rebuild_id)), headers=NO_STORE)

    @blueprint.for_role("operator")
    @blueprint.response(204)
    def delete(self, rebuild_id: UUID) -> Response:
        """Call a rebuild off; workers stop within a second. What is mended stays mended."""
        refuse_unread_body(request)
        refuse_unread_query(request)
        services().database.write(lambda connection: _cancel(connection, rebuild_id))
        return Response(status=204)


def _begin(
    connection: Connection, jobs: int, ledger_id: UUID | None = None
) -> tuple[list[rebuilds.Range], dict[str, Any]]:
    if rebuilds.count_unfinished(connection) >= MOST_UNFINISHED:
        headers = {"Retry-After": str(RETRY_SECONDS)}
        raise Problem("too_many_rebuilds", {"maximum": MOST_UNFINISHED}, headers=headers)
    if ledger_id is not None and not rebuilds.is_there(connection, ledger_id):
        raise Problem("ledger_not_found")
    rebuild = begin_rebuild(
        connection,
        requested_by=current_account().account_id,
        ledger_id=ledger_id,
        ranges=jobs,
        now=services().ledgers.clock(),
    )
    return ranges_of(connection, rebuild.id), _show(connection, rebuild)


def _page(connection: Connection, limit: int, cursor: str | None = None) -> Any:
    before = None
    if cursor is not None:
        at, rebuild_id = decode_cursor(cursor, _ORDER, [dt.datetime, UUID])
        before = (at, rebuild_id)
    found = rebuilds.list_rebuilds(connection, before, limit + 1)
    shown = [_show(connection, rebuild) for rebuild in found]
    return page_of(shown, limit, _ORDER, lambda one: [one["created_at"], one["id"]])


def _find(connection: Connection, rebuild_id: UUID) -> Rebuild:
    found = rebuilds.find_rebuild(connection, rebuild_id)
    if found is None:
        raise Problem("rebuild_not_found")
    return found


def _cancel(connection: Connection, rebuild_id: UUID) -> None:
    _find(connection, rebuild_id)
    rebuilds.end_rebuild(connection, rebuild_id, "cancelled", services().ledgers.clock())


def _show(connection: Connection, rebuild: Rebuild) -> dict[str, Any]:
    ranges = ranges_of(connection, rebuild.id)
    progress = rebuilds.progress_of(rebuild, ranges)
    return {
        "id": rebuild.id,
        "status": rebuild.status,
        "done": progress.done,
        "total": rebuild.total,
        "events": progress.events,
        "events_per_second": progress.events_per_second,
        "eta_seconds": progress.eta_seconds,
        "repaired": progress.repaired,
        "quarantined": _quarantined(connection, ranges),
        "created_at": rebuild.created_at,
        "updated_at": rebuild.updated_at,
    }


def _quarantined(connection: Connection, ranges: list[rebuilds.Range]) -> list[Quarantine]:
    """Of all ledgers that it has come to so far."""
    found = (quarantines_among(connection, one.after, one.reached) for one in ranges)
    return [one for among in found for one in among]
