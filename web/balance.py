"""The balance over HTTP, and saving what is left of it."""

import datetime as dt
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.savings import SaveSurplus, SurplusSaved
from domain.store.ledgers import Bracket
from domain.transactions import as_recorded
from projections.balances import Balance, balance_as_of, balance_of
from projections.readings import Reading, Standing
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform
from web.errors import flaw
from web.fields import Amount, Boolean, JalaliDate, MoneySchema
from web.messages import say
from web.moments import MomentQuery, read_at
from web.reads import Found, read_at_head
from web.rendering import show_balance
from web.transactions import TransactionSchema, show_in

blueprint = Blueprint(
    "balance", __name__, url_prefix="/v1", description="What is left, and saving it"
)


class BalanceQuery(MomentQuery):
    """Up to which day, that day included (everything when it is left out), as of which moment."""

    as_of = JalaliDate()


class BalanceSchema(ma.Schema):
    """Totals in Rials: balance = income - expense - savings."""

    income = ma.fields.Integer(required=True)
    expense = ma.fields.Integer(required=True)
    savings = ma.fields.Integer(required=True)
    balance = ma.fields.Integer(required=True)
    status = ma.fields.String(required=True, metadata={"enum": ["positive", "zero", "negative"]})
    message = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True)


class SaveSchema(MoneySchema):
    """That the surplus is to be saved, and what to keep at hand."""

    confirm = Boolean(required=True)
    keep = Amount(minimum=0, load_default=0)

    @ma.validates_schema
    def refuse_unconfirmed(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Raise ValidationError unless `confirm` is true."""
        if not data["confirm"]:
            raise flaw("not_confirmed", "confirm")

    @ma.post_load
    def as_fields(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The fields of a command."""
        return {name: value for name, value in data.items() if name != "confirm"}


class SavedSchema(ma.Schema):
    """What was saved, in Rials; a message when there was nothing to save."""

    saved_amount = ma.fields.Integer(required=True)
    transaction = ma.fields.Nested(TransactionSchema)
    message = ma.fields.String()


@blueprint.route("/balance")
class CurrentBalance(MethodView):
    """What is left."""

    @blueprint.signed_in
    @blueprint.arguments(BalanceQuery, location="query")
    @blueprint.response(200, BalanceSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show the balance, of everything or as of a day, now or as it was once told."""
        if not query:
            return read_at_head(lambda head: show_balance(balance_of(head)))
        return answer_balance(query)


@blueprint.route("/savings/auto")
class AutomaticSaving(MethodView):
    """The surplus put aside."""

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(SaveSchema)
    @blueprint.response(201, SavedSchema)
    @blueprint.alt_response(200, schema=SavedSchema)
    def post(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Save what is left of everything dated up to today."""
        command = SaveSurplus(**asked)
        return perform(lambda bracket: _saved(bracket, command), **query)


def answer_balance(query: dict[str, Any], of: UUID | None = None) -> Response:
    """The balance as `BalanceQuery` asks for it, of one's own ledger or of another."""
    return read_at(query, lambda *told: Found(show_balance(_balance(*told, **query))), of=of)


def _balance(reading: Reading, standing: Standing, as_of: dt.date | None = None) -> Balance:
    if as_of is None:
        return balance_of(standing)
    return balance_as_of(reading, standing, as_of)


def _saved(bracket: Bracket, command: SaveSurplus) -> Made:
    recorded = bracket.record(command)
    if not recorded:
        return Made({"saved_amount": 0, "message": say("nothing_to_save")})
    event = recorded[-1].event
    assert isinstance(event, SurplusSaved)
    shown = show_in(bracket.ledger, as_recorded(recorded[-1], event))
    body = {"saved_amount": event.amount_rials, "transaction": shown}
    location = f"/v1/transactions/{event.transaction_id}"
    return Made(body, 201, recorded[-1].version, location)
