"""Budgets over HTTP."""

from typing import Any, Final, get_args
from uuid import UUID

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.budgets import BudgetSet, RemoveBudget, ReviseBudget, SetBudget
from domain.periods import Repeat, Rollover
from domain.refusals import BudgetNotFound
from domain.store.ledgers import Bracket
from projections.budgets import Status, UsedBudget, find_budget, list_budgets, list_periods
from projections.readings import RowsReading
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform, require_match
from web.days import one_day, one_day_or_none
from web.fields import Amount, Choice, GregorianDate, JalaliDate, MoneySchema, Uuid
from web.reads import Found, PageQuery, one, paged, read, today
from web.rendering import show_budget, show_period
from web.schemas import page_schema

REPEATS: Final = get_args(Repeat)
ROLLOVERS: Final = get_args(Rollover)

blueprint = Blueprint(
    "budgets", __name__, url_prefix="/v1", description="Least and most for a category"
)


class TermsSchema(MoneySchema):
    """What can be said about a budget; null takes an amount, or the end of repeating, away."""

    min_amount = Amount(allow_none=True)
    max_amount = Amount(allow_none=True)
    start = JalaliDate()
    start_gregorian = GregorianDate()
    end = JalaliDate()
    end_gregorian = GregorianDate()
    repeat = Choice(*REPEATS)
    rollover = Choice(*ROLLOVERS)
    until = JalaliDate(allow_none=True)
    until_gregorian = GregorianDate(allow_none=True)

    @ma.post_load
    def as_fields(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The fields of a command."""
        for name in ("start", "end"):
            one_day(data, name, is_required=self.needs_period)
        one_day_or_none(data, "until")
        return data

    needs_period = False


class NewBudgetSchema(TermsSchema):
    """A budget to set; `start` and `end`, of its first period, are both included."""

    category_id = Uuid(required=True)
    id = Uuid()

    needs_period = True


class RevisionSchema(TermsSchema):
    """What to revise about a budget."""

    category_id = Uuid()


class BudgetQuery(PageQuery):
    """Which budgets to list."""

    category_id = Uuid()
    active_on = JalaliDate()


class UtilisationSchema(ma.Schema):
    """How far a budget is used today."""

    used = ma.fields.Integer(required=True)
    remaining = ma.fields.Integer(required=True, allow_none=True)
    percent = ma.fields.Float(required=True, allow_none=True)
    min_met = ma.fields.Boolean(required=True, allow_none=True)
    expected_by_now = ma.fields.Integer(required=True)
    status = ma.fields.String(required=True, metadata={"enum": list(get_args(Status))})
    status_name = ma.fields.String(required=True)


class LimitsSchema(ma.Schema):
    """A period of a budget, and what holds in it: the maximum is with what was carried over."""

    number = ma.fields.Integer(required=True)
    start = ma.fields.String(required=True)
    end = ma.fields.String(required=True)
    start_gregorian = ma.fields.Date(required=True)
    end_gregorian = ma.fields.Date(required=True)
    carried = ma.fields.Integer(required=True)
    min_amount = ma.fields.Integer(required=True, allow_none=True)
    max_amount = ma.fields.Integer(required=True, allow_none=True)


class BudgetPeriodSchema(LimitsSchema):
    """A period of a budget, and how far that is used in it."""

    utilisation = ma.fields.Nested(UtilisationSchema, required=True)


class BudgetSchema(ma.Schema):
    """A budget, in the period that holds today. `version` is the ledger's when it last changed."""

    id = ma.fields.UUID(required=True)
    category_id = ma.fields.UUID(required=True)
    min_amount = ma.fields.Integer(required=True, allow_none=True)
    max_amount = ma.fields.Integer(required=True, allow_none=True)
    start = ma.fields.String(required=True)
    end = ma.fields.String(required=True)
    start_gregorian = ma.fields.Date(required=True)
    end_gregorian = ma.fields.Date(required=True)
    repeat = ma.fields.String(required=True, metadata={"enum": list(REPEATS)})
    rollover = ma.fields.String(required=True, metadata={"enum": list(ROLLOVERS)})
    until = ma.fields.String(required=True, allow_none=True)
    until_gregorian = ma.fields.Date(required=True, allow_none=True)
    version = ma.fields.Integer(required=True)
    period = ma.fields.Nested(LimitsSchema, required=True)
    utilisation = ma.fields.Nested(UtilisationSchema, required=True)


@blueprint.route("/budgets")
class Budgets(MethodView):
    """All budgets."""

    @blueprint.signed_in
    @blueprint.arguments(BudgetQuery, location="query")
    @blueprint.response(200, page_schema(BudgetSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List budgets, oldest first, each with its utilisation."""
        return read(
            lambda connection, head: paged(
                lambda: list_budgets(RowsReading(connection, head.rows_id), today=today(), **query),
                show_budget,
            ),
            follows_ledger="cursor" not in query,
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(NewBudgetSchema)
    @blueprint.response(201, BudgetSchema)
    def post(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Set a budget."""
        command = SetBudget(**asked)
        return perform(lambda bracket: _set(bracket, command), **query)


@blueprint.route("/budgets/<uuid:budget_id>")
class OneBudget(MethodView):
    """One budget."""

    @blueprint.signed_in
    @blueprint.response(200, BudgetSchema)
    def get(self, budget_id: UUID) -> Response:
        """Show a budget and its utilisation."""
        return read(
            lambda connection, head: _found(
                one(find_budget(connection, head.rows_id, budget_id, today()), BudgetNotFound)
            )
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(RevisionSchema)
    @blueprint.response(200, BudgetSchema)
    def patch(self, query: dict[str, Any], asked: dict[str, Any], budget_id: UUID) -> Response:
        """Revise a budget, in all of its periods."""
        command = ReviseBudget(budget_id=budget_id, **asked)
        return perform(lambda bracket: _revised(bracket, command), **query)

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(204)
    def delete(self, query: dict[str, Any], budget_id: UUID) -> Response:
        """Remove a budget."""
        command = RemoveBudget(budget_id=budget_id)
        return perform(lambda bracket: _removed(bracket, command), **query)


@blueprint.route("/budgets/<uuid:budget_id>/periods")
class Periods(MethodView):
    """A budget's periods."""

    @blueprint.signed_in
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(BudgetPeriodSchema))
    def get(self, query: dict[str, Any], budget_id: UUID) -> Response:
        """List the periods up to the one that holds today, newest first, each with its use."""
        return read(
            lambda connection, head: paged(
                lambda: one(
                    list_periods(connection, head.rows_id, budget_id, today=today(), **query),
                    BudgetNotFound,
                ),
                show_period,
            )
        )


def _found(used: UsedBudget) -> Found:
    return Found(show_budget(used), used.budget.version)


def _set(bracket: Bracket, command: SetBudget) -> Made:
    events = [recorded.event for recorded in bracket.record(command)]
    if events and isinstance(events[0], BudgetSet):
        return _made(bracket, events[0].budget_id, 201)
    assert command.id is not None, "only a chosen id can have been recorded before"
    return _made(bracket, command.id, 200)


def _revised(bracket: Bracket, command: ReviseBudget) -> Made:
    budget = one(bracket.ledger.budget(command.budget_id), BudgetNotFound)
    require_match(budget.version)
    bracket.record(command)
    return _made(bracket, budget.id, 200)


def _removed(bracket: Bracket, command: RemoveBudget) -> Made:
    require_match(one(bracket.ledger.budget(command.budget_id), BudgetNotFound).version)
    bracket.record(command)
    return Made(None)


def _made(bracket: Bracket, budget_id: UUID, status: int) -> Made:
    found = find_budget(bracket.connection, bracket.rows_id, budget_id, bracket.today)
    used = one(found, BudgetNotFound)
    location = f"/v1/budgets/{budget_id}" if status == 201 else None
    return Made(show_budget(used), status, used.budget.version, location)
