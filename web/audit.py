"""Auditing over HTTP: every ledger for auditors, and for people who looked at theirs."""

from typing import Any

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.store.accesses import NumberedAccess, accesses_of
from projections.ledgers import KnownLedger, list_ledgers
from projections.paging import MAX_KEY, Page
from web.auth import current_account
from web.blueprint import Blueprint
from web.fields import QueryBoolean, QueryInteger
from web.reads import LimitQuery, PageQuery, not_kept, paged
from web.schemas import page_schema
from web.services import services

blueprint = Blueprint("audit", __name__, url_prefix="/v1", description="Auditing")


class LedgersQuery(PageQuery):
    """Which page; only ledgers that are `erased`, or only those that are not."""

    erased = QueryBoolean()


class LedgerSchema(ma.Schema):
    """Where a ledger stands, or stood when it was erased."""

    ledger_id = ma.fields.UUID(required=True)
    version = ma.fields.Integer(required=True)
    digest = ma.fields.String(required=True, metadata={"pattern": "^[0-9a-f]{64}$"})
    recorded_at = ma.fields.DateTime(required=True, allow_none=True)
    erased_at = ma.fields.DateTime(required=True, allow_none=True)


class AccessesQuery(LimitQuery):
    """Which page, newest first."""

    cursor = QueryInteger(1, 2**53 - 1)


class AccessSchema(ma.Schema):
    """One look of an auditor: what was asked (an operation's name), and with which values."""

    at = ma.fields.DateTime(required=True)
    auditor_id = ma.fields.UUID(required=True)
    action = ma.fields.String(required=True)
    detail = ma.fields.String(required=True)
    request_id = ma.fields.String(required=True)


@blueprint.route("/audit/ledgers")
class Ledgers(MethodView):
    """All there are and were."""

    @blueprint.for_role("auditor")
    @blueprint.arguments(LedgersQuery, location="query")
    @blueprint.response(200, page_schema(LedgerSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List every ledger by its id, erased ones with their tombstone."""
        with services().database.reading() as connection:
            return not_kept(
                paged(
                    lambda: list_ledgers(
                        connection,
                        query.get("cursor"),
                        query["limit"],
                        erased=query.get("erased"),
                    ),
                    _show_ledger,
                )
            )


@blueprint.route("/me/accesses")
class Accesses(MethodView):
    """Who looked at one's ledger."""

    @blueprint.signed_in
    @blueprint.arguments(AccessesQuery, location="query")
    @blueprint.response(200, page_schema(AccessSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List what auditors looked at of one's own ledger, newest first."""
        ledger_id, limit = current_account().ledger_id, query["limit"]
        before = query.get("cursor", MAX_KEY)
        found = services().database.read(
            lambda connection: accesses_of(connection, ledger_id, before, limit + 1)
        )
        more = str(found[limit - 1].number) if len(found) > limit else None
        return not_kept(paged(lambda: Page(found[:limit], more), _show_access))


def _show_ledger(ledger: KnownLedger) -> dict[str, object]:
    return {
        "ledger_id": ledger.ledger_id,
        "version": ledger.version,
        "digest": ledger.digest.hex(),
        "recorded_at": ledger.recorded_at,
        "erased_at": ledger.erased_at,
    }


def _show_access(access: NumberedAccess) -> dict[str, object]:
    return {
        "at": access.at,
        "auditor_id": access.account_id,
        "action": access.action,
        "detail": access.detail,
        "request_id": access.request_id,
    }
