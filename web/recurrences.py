"""What recurs, over HTTP: instalments, rents, wages."""

from typing import Any, Final, get_args
from uuid import UUID

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.ledger import Recurrence, RecurrenceMode
from domain.occurrences import RecordDue
from domain.recurrences import (
    RecurrenceSet,
    RemoveRecurrence,
    ReviseRecurrence,
    SetRecurrence,
)
from domain.recurring_days import WEEKDAYS, Period
from domain.refusals import RecurrenceNotFound
from domain.store.database import Connection
from domain.store.ledgers import Bracket
from projections.readings import RowsReading
from projections.recurrences import find_recurrence, list_recurrences, list_upcoming
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform, require_match
from web.days import one_day
from web.fields import (
    Amount,
    Boolean,
    Choice,
    GregorianDate,
    Integer,
    JalaliDate,
    ListOf,
    MoneySchema,
    Text,
    Uuid,
)
from web.reads import Found, PageQuery, one, paged, read
from web.rendering import show_occurrence, show_recurrence
from web.schemas import page_schema
from web.transactions import DIRECTIONS, MAX_DESCRIPTION_LENGTH

PERIODS: Final = get_args(Period)
MODES: Final = get_args(RecurrenceMode)
MOST_PERIODS: Final = 366
MOST_TIMES: Final = 1000

blueprint = Blueprint(
    "recurrences", __name__, url_prefix="/v1", description="What comes again and again"
)


class PlanSchema(MoneySchema):
    """What can be said about a recurrence; null takes an end away."""

    amount = Amount()
    description = Text(MAX_DESCRIPTION_LENGTH)
    direction = Choice(*DIRECTIONS)
    interval = Integer(1, MOST_PERIODS)
    weekdays = ListOf(Choice(*WEEKDAYS), len(WEEKDAYS), 1)
    start = JalaliDate()
    start_gregorian = GregorianDate()
    until = JalaliDate(allow_none=True)
    until_gregorian = GregorianDate(allow_none=True)
    count = Integer(1, MOST_TIMES, allow_none=True)
    mode = Choice(*MODES)

    @ma.post_load
    def as_fields(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The fields of a command."""
        is_endless = {"until", "until_gregorian"} & data.keys()
        one_day(data, "start")
        one_day(data, "until")
        if is_endless:
            data.setdefault("until", None)
        if "weekdays" in data:
            data["weekdays"] = tuple(data["weekdays"])
        return data


class NewRecurrenceSchema(PlanSchema):
    """A recurrence to set. Times that lie in the past are recorded too, unless skipped."""

    category_id = Uuid(required=True)
    id = Uuid()
    total_amount = Amount()
    period = Choice(*PERIODS, required=True)
    skip_past = Boolean(load_default=False)


class PlanRevisionSchema(PlanSchema):
    """What to revise about a recurrence."""

    category_id = Uuid()
    remaining_amount = Amount()
    period = Choice(*PERIODS)


class RecurrenceQuery(PageQuery):
    """Which recurrences to list."""

    category_id = Uuid()


class RecurrenceSchema(ma.Schema):
    """A recurrence, and what is to come of it. `version` is the ledger's when it last changed.

    What is left of it is null where it has no end; what comes next is null where it is over.
    """

    id = ma.fields.UUID(required=True)
    category_id = ma.fields.UUID(required=True)
    direction = ma.fields.String(
        required=True, allow_none=True, metadata={"enum": [*DIRECTIONS, None]}
    )
    amount = ma.fields.Integer(required=True)
    last_amount = ma.fields.Integer(required=True, allow_none=True)
    description = ma.fields.String(required=True)
    period = ma.fields.String(required=True, metadata={"enum": list(PERIODS)})
    interval = ma.fields.Integer(required=True)
    weekdays = ma.fields.List(ma.fields.String(metadata={"enum": list(WEEKDAYS)}), required=True)
    start = ma.fields.String(required=True)
    start_gregorian = ma.fields.Date(required=True)
    until = ma.fields.String(required=True, allow_none=True)
    until_gregorian = ma.fields.Date(required=True, allow_none=True)
    count = ma.fields.Integer(required=True, allow_none=True)
    mode = ma.fields.String(required=True, metadata={"enum": list(MODES)})
    next_number = ma.fields.Integer(required=True, allow_none=True)
    next_date = ma.fields.String(required=True, allow_none=True)
    next_date_gregorian = ma.fields.Date(required=True, allow_none=True)
    next_amount = ma.fields.Integer(required=True, allow_none=True)
    remaining_count = ma.fields.Integer(required=True, allow_none=True)
    remaining_amount = ma.fields.Integer(required=True, allow_none=True)
    last_date = ma.fields.String(required=True, allow_none=True)
    last_date_gregorian = ma.fields.Date(required=True, allow_none=True)
    version = ma.fields.Integer(required=True)
    created_at = ma.fields.DateTime(required=True)
    updated_at = ma.fields.DateTime(required=True)


class OccurrenceSchema(ma.Schema):
    """One time that something recurs, counted from 1."""

    number = ma.fields.Integer(required=True)
    date = ma.fields.String(required=True)
    date_gregorian = ma.fields.Date(required=True)
    amount = ma.fields.Integer(required=True)


@blueprint.route("/recurrences")
class Recurrences(MethodView):
    """All recurrences."""

    @blueprint.signed_in
    @blueprint.arguments(RecurrenceQuery, location="query")
    @blueprint.response(200, page_schema(RecurrenceSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List what recurs, oldest first."""
        return read(
            lambda connection, head: paged(
                lambda: list_recurrences(RowsReading(connection, head.rows_id), **query),
                show_recurrence,
            ),
            follows_ledger="cursor" not in query,
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(NewRecurrenceSchema)
    @blueprint.response(201, RecurrenceSchema)
    def post(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Have an entry recur, and record what is due of it."""
        command = SetRecurrence(**asked)
        return perform(lambda bracket: _set(bracket, command), **query)


@blueprint.route("/recurrences/<uuid:recurrence_id>")
class OneRecurrence(MethodView):
    """One recurrence."""

    @blueprint.signed_in
    @blueprint.response(200, RecurrenceSchema)
    def get(self, recurrence_id: UUID) -> Response:
        """Show a recurrence, and what is left of it."""

        def show(recurrence: Recurrence) -> Found:
            return Found(show_recurrence(recurrence), recurrence.version)

        return read(lambda connection, head: show(_find(connection, head.rows_id, recurrence_id)))

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(PlanRevisionSchema)
    @blueprint.response(200, RecurrenceSchema)
    def patch(self, query: dict[str, Any], asked: dict[str, Any], recurrence_id: UUID) -> Response:
        """Revise a recurrence from here on; what happened stays."""
        command = ReviseRecurrence(recurrence_id=recurrence_id, **asked)
        return perform(lambda bracket: _revised(bracket, command), **query)

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(204)
    def delete(self, query: dict[str, Any], recurrence_id: UUID) -> Response:
        """Remove a recurrence and its drafts; what it recorded stays."""
        command = RemoveRecurrence(recurrence_id=recurrence_id)
        return perform(lambda bracket: _removed(bracket, command), **query)


@blueprint.route("/recurrences/<uuid:recurrence_id>/upcoming")
class Upcoming(MethodView):
    """What is to come of one recurrence."""

    @blueprint.signed_in
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(OccurrenceSchema))
    def get(self, query: dict[str, Any], recurrence_id: UUID) -> Response:
        """List the next dates of a recurrence, and how much each is."""

        def show(recurrence: Recurrence) -> Found:
            return paged(lambda: list_upcoming(recurrence, **query), show_occurrence)

        return read(lambda connection, head: show(_find(connection, head.rows_id, recurrence_id)))


def _find(connection: Connection, rows_id: UUID, recurrence_id: UUID) -> Recurrence:
    return one(find_recurrence(connection, rows_id, recurrence_id), RecurrenceNotFound)


def _set(bracket: Bracket, command: SetRecurrence) -> Made:
    events = [recorded.event for recorded in bracket.record(command)]
    if not events:
        assert command.id is not None, "only a chosen id can have been recorded before"
        return _made(bracket, command.id, 200)
    assert isinstance(events[0], RecurrenceSet)
    return _made(bracket, events[0].recurrence_id, 201)


def _revised(bracket: Bracket, command: ReviseRecurrence) -> Made:
    before = one(bracket.ledger.recurrence(command.recurrence_id), RecurrenceNotFound)
    require_match(before.version)
    # By the terms that were so far, should the daily tick be late.
    _record_due(bracket, before.id)
    bracket.record(command)
    return _made(bracket, before.id, 200)


def _removed(bracket: Bracket, command: RemoveRecurrence) -> Made:
    before = one(bracket.ledger.recurrence(command.recurrence_id), RecurrenceNotFound)
    require_match(before.version)
    bracket.record(command)
    return Made(None)


def _made(bracket: Bracket, recurrence_id: UUID, status: int) -> Made:
    """Record what is due of a recurrence, and show where that leaves it."""
    _record_due(bracket, recurrence_id)
    found = one(bracket.ledger.recurrence(recurrence_id), RecurrenceNotFound)
    location = f"/v1/recurrences/{recurrence_id}" if status == 201 else None
    return Made(show_recurrence(found), status, found.version, location)


def _record_due(bracket: Bracket, recurrence_id: UUID) -> None:
    while bracket.record(RecordDue(recurrence_id=recurrence_id)):
        pass
