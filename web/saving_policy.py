"""The saving policy over HTTP: what is put aside by itself when a Jalali month has ended."""

from contextlib import suppress
from typing import Any

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.auto_saving import SaveMonth, SetAutoSaving
from domain.base import Refusal
from domain.calendar import jalali_month
from domain.ledger import SavingPolicy
from domain.occurrences import RecordDue
from domain.store.ledgers import Bracket
from projections.savings import saving_policy
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform, require_match
from web.fields import Amount, Boolean, MoneySchema, Uuid
from web.reads import Found, read
from web.rendering import show_saving_policy

blueprint = Blueprint(
    "saving_policy", __name__, url_prefix="/v1/savings", description="Saving by itself"
)

_MONTH = {"example": "1405-08"}


class PolicyRequestSchema(MoneySchema):
    """What the saving policy is to be: whatever is left out of it goes."""

    enabled = Boolean(required=True, attribute="is_enabled")
    keep = Amount(minimum=0, required=True)
    category_id = Uuid(allow_none=True, load_default=None)


class LastSavedSchema(ma.Schema):
    """The last month that was saved; no transaction where there was nothing to save."""

    month = ma.fields.String(required=True, metadata=_MONTH)
    amount = ma.fields.Integer(required=True)
    transaction_id = ma.fields.UUID(required=True, allow_none=True)


class SavingPolicySchema(ma.Schema):
    """The saving policy; amounts are Rials. Of a disabled one, the months are null.

    `version` is the ledger's when it was last set or a month was saved; 0 before both.
    """

    enabled = ma.fields.Boolean(required=True)
    keep = ma.fields.Integer(required=True)
    category_id = ma.fields.UUID(required=True, allow_none=True)
    from_month = ma.fields.String(required=True, allow_none=True, metadata=_MONTH)
    next_month = ma.fields.String(required=True, allow_none=True, metadata=_MONTH)
    last = ma.fields.Nested(LastSavedSchema, required=True, allow_none=True)
    version = ma.fields.Integer(required=True)


@blueprint.route("/policy")
class Policy(MethodView):
    """Saving at the end of each month."""

    @blueprint.signed_in
    @blueprint.response(200, SavingPolicySchema)
    def get(self) -> Response:
        """Show what is saved by itself at the end of each Jalali month."""
        return read(lambda connection, head: _found(saving_policy(connection, head.rows_id)))

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(PolicyRequestSchema)
    @blueprint.response(200, SavingPolicySchema)
    def put(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Say what is to be saved by itself, from this Jalali month on, or that nothing is."""
        command = SetAutoSaving(**asked)
        return perform(lambda bracket: _set(bracket, command), **query)


def _found(policy: SavingPolicy) -> Found:
    return Found(show_saving_policy(policy), policy.version)


def _set(bracket: Bracket, command: SetAutoSaving) -> Made:
    require_match(bracket.ledger.saving_policy.version)
    _save_what_is_due(bracket)
    bracket.record(command)
    policy = bracket.ledger.saving_policy
    return Made(show_saving_policy(policy), 200, policy.version)


def _save_what_is_due(bracket: Bracket) -> None:
    """By the terms that were so far, should the daily tick be late."""
    month = bracket.ledger.saving_policy.next_month
    if month is None or month >= jalali_month(bracket.today):
        return
    # As the tick does: what recurs is part of what is left over.
    while bracket.record(RecordDue()):
        pass
    # What cannot be saved is no reason to go on saving.
    with suppress(Refusal):
        while bracket.record(SaveMonth()):
            pass
