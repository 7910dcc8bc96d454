"""Goals over HTTP."""

from typing import Any, Final, get_args
from uuid import UUID

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.goals import GoalSet, RemoveGoal, ReviseGoal, SetGoal
from domain.refusals import GoalNotFound
from domain.store.ledgers import Bracket
from projections.goals import GoalProgress, Status, find_goal, list_goals
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform, require_match
from web.days import one_day_or_none
from web.fields import Amount, GregorianDate, JalaliDate, MoneySchema, Text, Uuid
from web.reads import Found, PageQuery, one, paged, read, today
from web.rendering import show_goal
from web.schemas import page_schema

LONGEST_NAME: Final = 100

blueprint = Blueprint(
    "goals", __name__, url_prefix="/v1", description="What savings are to come to"
)


class GoalTermsSchema(MoneySchema):
    """What can be said about a goal; null takes a name or a date away."""

    name = Text(LONGEST_NAME, minimum=1, allow_none=True)
    target_date = JalaliDate(allow_none=True)
    target_date_gregorian = GregorianDate(allow_none=True)

    @ma.post_load
    def as_fields(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The fields of a command."""
        one_day_or_none(data, "target_date")
        return data


class NewGoalSchema(GoalTermsSchema):
    """A goal to set for a savings category."""

    category_id = Uuid(required=True)
    target_amount = Amount(required=True)
    id = Uuid()


class GoalRevisionSchema(GoalTermsSchema):
    """What to revise about a goal."""

    category_id = Uuid()
    target_amount = Amount()


class GoalQuery(PageQuery):
    """Which goals to list."""

    category_id = Uuid()


class GoalSchema(ma.Schema):
    """A goal, and how far it has come today. `version` is the ledger's when it last changed."""

    id = ma.fields.UUID(required=True)
    category_id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True, allow_none=True)
    target_amount = ma.fields.Integer(required=True)
    target_date = ma.fields.String(required=True, allow_none=True)
    target_date_gregorian = ma.fields.Date(required=True, allow_none=True)
    saved = ma.fields.Integer(required=True)
    remaining = ma.fields.Integer(required=True)
    percent = ma.fields.Float(required=True)
    pace = ma.fields.Integer(required=True)
    needed_per_month = ma.fields.Integer(required=True, allow_none=True)
    forecast_date = ma.fields.String(required=True, allow_none=True)
    forecast_date_gregorian = ma.fields.Date(required=True, allow_none=True)
    status = ma.fields.String(required=True, metadata={"enum": list(get_args(Status))})
    status_name = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True)


@blueprint.route("/goals")
class Goals(MethodView):
    """All goals."""

    @blueprint.signed_in
    @blueprint.arguments(GoalQuery, location="query")
    @blueprint.response(200, page_schema(GoalSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List goals, oldest first, each with how far it has come."""
        return read(
            lambda connection, head: paged(
                lambda: list_goals(connection, head.rows_id, today=today(), **query), show_goal
            ),
            follows_ledger="cursor" not in query,
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(NewGoalSchema)
    @blueprint.response(201, GoalSchema)
    def post(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Set a goal."""
        command = SetGoal(**asked)
        return perform(lambda bracket: _set(bracket, command), **query)


@blueprint.route("/goals/<uuid:goal_id>")
class OneGoal(MethodView):
    """One goal."""

    @blueprint.signed_in
    @blueprint.response(200, GoalSchema)
    def get(self, goal_id: UUID) -> Response:
        """Show a goal and how far it has come."""
        return read(
            lambda connection, head: _found(
                one(find_goal(connection, head.rows_id, goal_id, today()), GoalNotFound)
            )
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(GoalRevisionSchema)
    @blueprint.response(200, GoalSchema)
    def patch(self, query: dict[str, Any], asked: dict[str, Any], goal_id: UUID) -> Response:
        """Revise a goal."""
        command = ReviseGoal(goal_id=goal_id, **asked)
        return perform(lambda bracket: _revised(bracket, command), **query)

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(204)
    def delete(self, query: dict[str, Any], goal_id: UUID) -> Response:
        """Remove a goal; what was saved stays."""
        command = RemoveGoal(goal_id=goal_id)
        return perform(lambda bracket: _removed(bracket, command), **query)


def _found(progress: GoalProgress) -> Found:
    return Found(show_goal(progress), progress.goal.version)


def _set(bracket: Bracket, command: SetGoal) -> Made:
    events = [recorded.event for recorded in bracket.record(command)]
    if events and isinstance(events[0], GoalSet):
        return _made(bracket, events[0].goal_id, 201)
    assert command.id is not None, "only a chosen id can have been recorded before"
    return _made(bracket, command.id, 200)


def _revised(bracket: Bracket, command: ReviseGoal) -> Made:
    goal = one(bracket.ledger.goal(command.goal_id), GoalNotFound)
    require_match(goal.version)
    bracket.record(command)
    return _made(bracket, goal.id, 200)


def _removed(bracket: Bracket, command: RemoveGoal) -> Made:
    require_match(one(bracket.ledger.goal(command.goal_id), GoalNotFound).version)
    bracket.record(command)
    return Made(None)


def _made(bracket: Bracket, goal_id: UUID, status: int) -> Made:
    found = find_goal(bracket.connection, bracket.rows_id, goal_id, bracket.today)
    progress = one(found, GoalNotFound)
    location = f"/v1/goals/{goal_id}" if status == 201 else None
    return Made(show_goal(progress), status, progress.goal.version, location)
