"""Drafts over HTTP: what recurred and waits for somebody to say that it did."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.drafts import ConfirmDraft, DismissDraft, require_draft
from domain.store.ledgers import Bracket
from projections.recurrences import list_drafts
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform, require_match
from web.days import one_day
from web.fields import Amount, GregorianDate, JalaliDate, MoneySchema, Text, Uuid
from web.reads import PageQuery, paged, read
from web.rendering import show_draft
from web.schemas import page_schema
from web.transactions import (
    DIRECTIONS,
    MAX_DESCRIPTION_LENGTH,
    TransactionSchema,
    show_in,
)

blueprint = Blueprint(
    "drafts", __name__, url_prefix="/v1", description="What waits to be confirmed"
)


class ConfirmationSchema(MoneySchema):
    """What was otherwise than the draft says."""

    amount = Amount()
    date = JalaliDate()
    date_gregorian = GregorianDate()
    description = Text(MAX_DESCRIPTION_LENGTH)

    @ma.post_load
    def as_fields(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The fields of a command."""
        one_day(data, "date")
        return data


class DraftQuery(PageQuery):
    """Which drafts to list."""

    recurrence_id = Uuid()


class DraftSchema(ma.Schema):
    """What a recurrence would have recorded. Confirmed, it is the transaction with its id.

    `reason` is the code of the refusal that kept it from being recorded, null for one that was
    to be a draft.
    """

    id = ma.fields.UUID(required=True)
    recurrence_id = ma.fields.UUID(required=True)
    number = ma.fields.Integer(required=True)
    category_id = ma.fields.UUID(required=True)
    direction = ma.fields.String(
        required=True, allow_none=True, metadata={"enum": [*DIRECTIONS, None]}
    )
    amount = ma.fields.Integer(required=True)
    description = ma.fields.String(required=True)
    date = ma.fields.String(required=True)
    date_gregorian = ma.fields.Date(required=True)
    reason = ma.fields.String(required=True, allow_none=True)
    version = ma.fields.Integer(required=True)
    created_at = ma.fields.DateTime(required=True)


@blueprint.route("/drafts")
class Drafts(MethodView):
    """All open drafts."""

    @blueprint.signed_in
    @blueprint.arguments(DraftQuery, location="query")
    @blueprint.response(200, page_schema(DraftSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List what waits to be confirmed, oldest first."""
        return read(
            lambda connection, head: paged(
                lambda: list_drafts(connection, head.rows_id, **query), show_draft
            ),
            follows_ledger="cursor" not in query,
        )


@blueprint.route("/drafts/<uuid:draft_id>/confirm")
class Confirmation(MethodView):
    """A draft that happened."""

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(ConfirmationSchema)
    @blueprint.response(201, TransactionSchema)
    def post(self, query: dict[str, Any], asked: dict[str, Any], draft_id: UUID) -> Response:
        """Record a draft as a transaction."""
        command = ConfirmDraft(draft_id=draft_id, **asked)
        return perform(lambda bracket: _confirmed(bracket, command), **query)


@blueprint.route("/drafts/<uuid:draft_id>")
class OneDraft(MethodView):
    """One draft."""

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(204)
    def delete(self, query: dict[str, Any], draft_id: UUID) -> Response:
        """Dismiss a draft: it did not happen."""
        command = DismissDraft(draft_id=draft_id)
        return perform(lambda bracket: _dismissed(bracket, command), **query)


def _confirmed(bracket: Bracket, command: ConfirmDraft) -> Made:
    status = 201 if bracket.record(command) else 200
    found = bracket.ledger.transaction(command.draft_id)
    assert found is not None, "a confirmed draft is a transaction"
    location = f"/v1/transactions/{found.id}" if status == 201 else None
    return Made(show_in(bracket.ledger, found), status, found.version, location)


def _dismissed(bracket: Bracket, command: DismissDraft) -> Made:
    require_match(require_draft(bracket.ledger, command.draft_id).version)
    bracket.record(command)
    return Made(None)
