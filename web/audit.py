"""Auditing over HTTP: every ledger for auditors, and for people who looked at theirs."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView

from domain.store.accesses import NumberedAccess, accesses_of
from domain.store.ledgers import LedgerMissing
from projections.ledgers import KnownLedger, list_ledgers
from projections.paging import MAX_KEY, Page
from projections.verification import Verification, verify_ledger
from web.admission import leave_turn
from web.answers import answer
from web.auth import current_account
from web.balance import BalanceQuery, BalanceSchema, answer_balance
from web.blueprint import Blueprint
from web.body import refuse_unread_query
from web.commands import VERSION_HEADER
from web.errors import Problem
from web.events import MAX_VERSION, NDJSON, EventQuery, EventSchema, Source, show_events
from web.fields import QueryBoolean, QueryInteger
from web.reads import LimitQuery, PageQuery, not_kept, paged
from web.schemas import page_schema
from web.services import services

VERIFY_RETRY_SECONDS: Final = 5

SWITCH_SECONDS: Final = 0.0005
"""Others wait so long for the interpreter while a ledger is verified, and not ten times that: it
halves how late their answers are."""

_verifying: Final = threading.Lock()

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

    cursor = QueryInteger(1, MAX_VERSION)


class AccessSchema(ma.Schema):
    """One look of an auditor: what was asked (an operation's name), and with which values."""

    at = ma.fields.DateTime(required=True)
    auditor_id = ma.fields.UUID(required=True)
    action = ma.fields.String(required=True)
    detail = ma.fields.String(required=True)
    request_id = ma.fields.String(required=True)


class FindingSchema(ma.Schema):
    """Something that is not as it should be; the codes are in docs/audit.md."""

    code = ma.fields.String(required=True)
    about = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True, allow_none=True)
    told = ma.fields.Raw(required=True, allow_none=True)
    expected = ma.fields.Raw(required=True, allow_none=True)


class DerivedBalanceSchema(ma.Schema):
    """Totals in Rials, as the events alone come to them."""

    income = ma.fields.Integer(required=True)
    expense = ma.fields.Integer(required=True)
    savings = ma.fields.Integer(required=True)
    balance = ma.fields.Integer(required=True)


class VerificationSchema(ma.Schema):
    """What verifying a ledger came to; of very many findings only the first are listed."""

    ledger_id = ma.fields.UUID(required=True)
    version = ma.fields.Integer(required=True)
    digest = ma.fields.String(required=True, metadata={"pattern": "^[0-9a-f]{64}$"})
    ok = ma.fields.Boolean(required=True)
    events = ma.fields.Integer(required=True)
    findings = ma.fields.List(ma.fields.Nested(FindingSchema), required=True)
    finding_count = ma.fields.Integer(required=True)
    balance = ma.fields.Nested(DerivedBalanceSchema, required=True, allow_none=True)


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


@blueprint.route("/audit/ledgers/<uuid:ledger_id>/events")
class LedgerEvents(MethodView):
    """Anybody's events."""

    @blueprint.for_role("auditor")
    @blueprint.arguments(EventQuery, location="query")
    @blueprint.response(200, page_schema(EventSchema))
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=NDJSON)
    def get(self, query: dict[str, Any], ledger_id: UUID) -> Response:
        """List a ledger's events in order; as `application/x-ndjson`, stream all of them."""
        with _which_is_there():
            return show_events(query, Source(ledger_id, "auditor"))


@blueprint.route("/audit/ledgers/<uuid:ledger_id>/balance")
class LedgerBalance(MethodView):
    """What is left in a ledger."""

    @blueprint.for_role("auditor")
    @blueprint.arguments(BalanceQuery, location="query")
    @blueprint.response(200, BalanceSchema)
    def get(self, query: dict[str, Any], ledger_id: UUID) -> Response:
        """Show a ledger's balance, of everything or as of a day, now or as it was once told."""
        with _which_is_there():
            return answer_balance(query, ledger_id)


@blueprint.route("/audit/ledgers/<uuid:ledger_id>/verify")
class LedgerVerification(MethodView):
    """Whether a ledger is as its events say."""

    @blueprint.for_role("auditor")
    @blueprint.response(200, VerificationSchema)
    def get(self, ledger_id: UUID) -> Response:
        """Recompute every digest and every total of a ledger, and compare all that is kept.

        One at a time in a web process: 429 with `Retry-After` while another is verified.
        """
        refuse_unread_query(request)
        with _which_is_there(), _one_at_a_time():
            # It takes as long as the ledger is; others need not wait for it.
            leave_turn()
            result = verify_ledger(services().database, ledger_id)
        headers = {VERSION_HEADER: str(result.version), "Cache-Control": "no-store"}
        return answer(_show_verification(result), headers=headers)


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


@contextmanager
def _which_is_there() -> Iterator[None]:
    """What else would be a session that ended is, of another's ledger, a 404."""
    try:
        yield
    except LedgerMissing as error:
        raise Problem("ledger_not_found") from error


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if not _verifying.acquire(blocking=False):
        headers = {"Retry-After": str(VERIFY_RETRY_SECONDS)}
        raise Problem("too_many_requests", {"retry_after": VERIFY_RETRY_SECONDS}, headers=headers)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
        _verifying.release()


def _show_verification(result: Verification) -> dict[str, object]:
    totals = result.totals
    return {
        "ledger_id": result.ledger_id,
        "version": result.version,
        "digest": result.digest.hex(),
        "ok": result.ok,
        "events": result.events,
        "findings": result.findings,
        "finding_count": result.found,
        "balance": None
        if totals is None
        else {
            "income": totals.income,
            "expense": totals.expense,
            "savings": totals.savings,
            "balance": totals.balance,
        },
    }


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
