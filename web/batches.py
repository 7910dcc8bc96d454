"""Batches: up to 1,000 transactions in one command, all or each for itself."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.base import Refusal
from domain.store.ledgers import Bracket
from domain.transactions import RecordTransaction
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform
from web.errors import (
    STATUSES,
    FieldError,
    Flaw,
    Problem,
    field_errors,
    flawed,
    problem_body,
    refusal_problem,
)
from web.fields import Boolean, ListOf, Nested, Schema
from web.schemas import ProblemSchema
from web.transactions import NewTransactionSchema, TransactionSchema, record_one

MAX_ITEMS: Final = 1000
MAX_ITEM_ERRORS: Final = 10
"""More than an item has fields. All items' errors are kept with the Idempotency-Key."""

blueprint = Blueprint(
    "batches", __name__, url_prefix="/v1", description="Many transactions at once"
)


class EachItem(ListOf):
    """A list whose flawed items come as the errors they have, beside the good ones."""

    def _each(self, value: list[Any], *_args: Any, **_kwargs: Any) -> list[Any]:
        return [self._one(item) for item in value]

    def _one(self, item: Any) -> Any:
        try:
            return self.inner.deserialize(item)
        except ma.ValidationError as error:
            return error


class BatchSchema(Schema):
    """Transactions to record, and whether one refusal refuses them all."""

    items = EachItem(Nested(NewTransactionSchema), MAX_ITEMS, minimum=1, required=True)
    atomic = Boolean(load_default=True)


class BatchItemSchema(ma.Schema):
    """What became of one item: its status, and its transaction or its problem."""

    status = ma.fields.Integer(required=True)
    transaction = ma.fields.Nested(TransactionSchema)
    problem = ma.fields.Nested(ProblemSchema)


class BatchResultSchema(ma.Schema):
    """What became of every item, in the order they came."""

    items = ma.fields.List(ma.fields.Nested(BatchItemSchema), required=True)


@blueprint.route("/transactions/batch")
class Batches(MethodView):
    """Many transactions at once."""

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(BatchSchema)
    @blueprint.response(201, BatchResultSchema)
    @blueprint.alt_response(207, schema=BatchResultSchema)
    def post(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Record up to 1,000 transactions in one transaction of the database."""
        items = asked["items"]
        if not asked["atomic"]:
            return perform(lambda bracket: Made(_each(bracket, items), 207), **query)
        errors = [error for index, item in enumerate(items) for error in _flaws(index, item)]
        if errors:
            raise flawed(errors)
        return perform(lambda bracket: Made(_all(bracket, items), 201), **query)


def _each(bracket: Bracket, items: list[Any]) -> dict[str, Any]:
    return {"items": [_result(bracket, item) for item in items]}


def _result(bracket: Bracket, item: Mapping[str, Any] | ma.ValidationError) -> dict[str, Any]:
    try:
        if isinstance(item, ma.ValidationError):
            raise flawed(list(islice(field_errors(item.messages), MAX_ITEM_ERRORS)))
        made = record_one(bracket, RecordTransaction(**item))
    except Problem as problem:
        return _refused(problem)
    except Refusal as refusal:
        return _refused(refusal_problem(refusal))
    return {"status": made.status, "transaction": made.body}


def _refused(problem: Problem) -> dict[str, Any]:
    return {"status": STATUSES[problem.code], "problem": problem_body(problem)}


def _all(bracket: Bracket, items: list[Mapping[str, Any]]) -> dict[str, Any]:
    results = []
    for index, item in enumerate(items):
        try:
            made = record_one(bracket, RecordTransaction(**item))
        except Refusal as refusal:
            raise _batch_problem(index, refusal) from refusal
        results.append({"status": made.status, "transaction": made.body})
    return {"items": results}


def _batch_problem(index: int, refusal: Refusal) -> Problem:
    """The whole batch is refused, by a 409 or a 422 that names the item."""
    field = f"items.{index}" + (f".{refusal.field}" if refusal.field else "")
    error = FieldError(field, Flaw(refusal.code, **refusal.details))
    if STATUSES[refusal.code] == 409:
        return refusal_problem(refusal, [error])
    return flawed([error])


def _flaws(index: int, item: Any) -> list[FieldError]:
    if not isinstance(item, ma.ValidationError):
        return []
    return list(field_errors(item.messages, f"items.{index}"))
