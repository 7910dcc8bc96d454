"""Transactions over HTTP."""

from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.ledger import Ledger, Transaction
from domain.refusals import TransactionNotFound
from domain.store.database import Connection
from domain.store.ledgers import Bracket, Head
from domain.transactions import (
    CorrectTransaction,
    RecordTransaction,
    RestoreTransaction,
    TransactionRecorded,
    VoidTransaction,
    as_recorded,
)
from projections.transactions import (
    SORTS,
    Filter,
    NamedTransaction,
    find_transaction,
    list_transactions,
    transaction_history,
)
from web.blueprint import Blueprint
from web.categories import KINDS
from web.commands import CommandQuery, Made, perform, require_match
from web.days import one_day, refuse_reversed
from web.events import EventSchema, HistoryQuery, found_events
from web.fields import (
    Amount,
    Choice,
    GregorianDate,
    JalaliDate,
    MoneySchema,
    QueryAmount,
    QueryBoolean,
    Text,
    Uuid,
)
from web.messages import preferred_language
from web.reads import Found, PageQuery, one, paged, read
from web.rendering import show_transaction
from web.schemas import page_schema

DIRECTIONS: Final = ("deposit", "withdraw")
MAX_DESCRIPTION_LENGTH: Final = 1000
MAX_SEARCH_LENGTH: Final = 200

blueprint = Blueprint(
    "transactions", __name__, url_prefix="/v1", description="Money in, out, and put aside"
)


class EntrySchema(MoneySchema):
    """What can be said about a transaction."""

    amount = Amount()
    date = JalaliDate()
    date_gregorian = GregorianDate()
    description = Text(MAX_DESCRIPTION_LENGTH)
    direction = Choice(*DIRECTIONS)

    @ma.post_load
    def as_fields(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The fields of a command."""
        one_day(data, "date")
        return data


class NewTransactionSchema(EntrySchema):
    """A transaction to record; its kind follows its category."""

    category_id = Uuid(required=True)
    id = Uuid()


class CorrectionSchema(EntrySchema):
    """What to correct about a transaction."""

    category_id = Uuid()


class TransactionQuery(PageQuery):
    """Which transactions to list; dates and amounts are inclusive."""

    start = JalaliDate(data_key="from")
    end = JalaliDate(data_key="to")
    kind = Choice(*KINDS)
    category_id = Uuid()
    min_amount_rials = QueryAmount(data_key="min_amount")
    max_amount_rials = QueryAmount(data_key="max_amount")
    text = Text(MAX_SEARCH_LENGTH, data_key="q")
    sort = Choice(*SORTS, load_default="-date")
    is_voided = QueryBoolean(data_key="voided", load_default=False)

    @ma.post_load
    def refuse_empty_ranges(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The data, unless a range ends before it starts."""
        refuse_reversed(data, "start", "end", "to")
        refuse_reversed(data, "min_amount_rials", "max_amount_rials", "max_amount")
        return data


class JalaliPartsSchema(ma.Schema):
    """A Jalali date taken apart."""

    year = ma.fields.Integer(required=True)
    month = ma.fields.Integer(required=True)
    day = ma.fields.Integer(required=True)
    month_name = ma.fields.String(required=True)


class TransactionSchema(ma.Schema):
    """A transaction. `version` is the ledger's when it last changed."""

    id = ma.fields.UUID(required=True)
    category_id = ma.fields.UUID(required=True)
    category_name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": list(KINDS)})
    direction = ma.fields.String(
        required=True, allow_none=True, metadata={"enum": [*DIRECTIONS, None]}
    )
    amount = ma.fields.Integer(required=True)
    description = ma.fields.String(required=True)
    date = ma.fields.String(required=True)
    date_gregorian = ma.fields.Date(required=True)
    jalali = ma.fields.Nested(JalaliPartsSchema, required=True)
    version = ma.fields.Integer(required=True)
    recorded_at = ma.fields.DateTime(required=True)
    updated_at = ma.fields.DateTime(required=True)
    voided = ma.fields.Boolean(required=True)


@blueprint.route("/transactions")
class Transactions(MethodView):
    """All transactions."""

    @blueprint.signed_in
    @blueprint.arguments(TransactionQuery, location="query")
    @blueprint.response(200, page_schema(TransactionSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List transactions, newest first unless sorted otherwise."""
        page = {name: query.pop(name) for name in ("sort", "limit", "cursor") if name in query}
        wanted, language = Filter(**query), preferred_language()
        return read(
            lambda connection, head: paged(
                lambda: list_transactions(connection, head, wanted, **page),
                lambda found: show_transaction(found, found.category_name, language),
            ),
            follows_ledger="cursor" not in page,
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(NewTransactionSchema)
    @blueprint.response(201, TransactionSchema)
    def post(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Record an income, expense or saving."""
        command = RecordTransaction(**asked)
        return perform(lambda bracket: record_one(bracket, command), **query)


@blueprint.route("/transactions/<uuid:transaction_id>")
class OneTransaction(MethodView):
    """One transaction."""

    @blueprint.signed_in
    @blueprint.response(200, TransactionSchema)
    def get(self, transaction_id: UUID) -> Response:
        """Show a transaction, voided or not."""
        return read(
            lambda connection, head: _found(
                one(
                    find_transaction(connection, head.rows_id, transaction_id),
                    TransactionNotFound,
                )
            )
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(CorrectionSchema)
    @blueprint.response(200, TransactionSchema)
    def patch(self, query: dict[str, Any], asked: dict[str, Any], transaction_id: UUID) -> Response:
        """Correct a transaction."""
        command = CorrectTransaction(transaction_id=transaction_id, **asked)
        return perform(lambda bracket: _changed(bracket, command), **query)

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(204)
    def delete(self, query: dict[str, Any], transaction_id: UUID) -> Response:
        """Void a transaction: it leaves every total and stays in the history."""
        command = VoidTransaction(transaction_id=transaction_id)
        return perform(lambda bracket: _voided(bracket, command), **query)


@blueprint.route("/transactions/<uuid:transaction_id>/restore")
class Restoration(MethodView):
    """A voided transaction put back."""

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(200, TransactionSchema)
    def post(self, query: dict[str, Any], transaction_id: UUID) -> Response:
        """Restore a voided transaction."""
        command = RestoreTransaction(transaction_id=transaction_id)
        return perform(lambda bracket: _changed(bracket, command), **query)


@blueprint.route("/transactions/<uuid:transaction_id>/history")
class History(MethodView):
    """The events of one transaction."""

    @blueprint.signed_in
    @blueprint.arguments(HistoryQuery, location="query")
    @blueprint.response(200, page_schema(EventSchema))
    def get(self, query: dict[str, Any], transaction_id: UUID) -> Response:
        """Show what happened to a transaction, oldest first."""
        return read(lambda connection, head: _history(connection, head, transaction_id, **query))


def record_one(bracket: Bracket, command: RecordTransaction) -> Made:
    """Record a transaction, and show it."""
    recorded = bracket.record(command)
    if not recorded:
        assert command.id is not None, "only a chosen id can have been recorded before"
        return _made(bracket.ledger, bracket.ledger.transaction(command.id), 200)
    event = recorded[0].event
    assert isinstance(event, TransactionRecorded)
    return _made(bracket.ledger, as_recorded(recorded[0], event), 201)


def show_in(ledger: Ledger, transaction: Transaction) -> dict[str, Any]:
    """A transaction with the name of its category."""
    category = ledger.category(transaction.category_id)
    assert category is not None, "a category that transactions name is never removed"
    return show_transaction(transaction, category.name)


def _changed(bracket: Bracket, command: CorrectTransaction | RestoreTransaction) -> Made:
    before = one(bracket.ledger.transaction(command.transaction_id), TransactionNotFound)
    require_match(before.version)
    bracket.record(command)
    return _made(bracket.ledger, bracket.ledger.transaction(before.id), 200)


def _history(
    connection: Connection, head: Head, transaction_id: UUID, limit: int, cursor: int
) -> Found:
    one(find_transaction(connection, head.rows_id, transaction_id), TransactionNotFound)
    rows = transaction_history(connection, head, transaction_id, after=cursor, limit=limit + 1)
    return found_events(rows, limit)


def _voided(bracket: Bracket, command: VoidTransaction) -> Made:
    before = one(bracket.ledger.transaction(command.transaction_id), TransactionNotFound)
    require_match(before.version)
    bracket.record(command)
    return Made(None)


def _made(ledger: Ledger, transaction: Transaction | None, status: int) -> Made:
    found = one(transaction, TransactionNotFound)
    location = f"/v1/transactions/{found.id}" if status == 201 else None
    return Made(show_in(ledger, found), status, found.version, location)


def _found(transaction: NamedTransaction) -> Found:
    return Found(show_transaction(transaction, transaction.category_name), transaction.version)
