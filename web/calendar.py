"""A month's calendar over HTTP."""

from typing import Any

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.calendar import days_in_month, format_jalali, month_number
from projections.calendar import DayLine, MonthCalendar, month_calendar
from projections.readings import Reading
from projections.reports import KINDS
from web.blueprint import Blueprint
from web.messages import Language, month_name, preferred_language, weekday_name
from web.moments import read_at
from web.reads import Found
from web.reports import MonthQuery, SumsSchema, show_counted

blueprint = Blueprint(
    "calendar", __name__, url_prefix="/v1/reports/calendar", description="Every day of a month"
)


class CalendarDaySchema(SumsSchema):
    """One day. `weekday` is 0 for Saturday, 6 for Friday; `balance` is that at the day's end."""

    date = ma.fields.String(required=True)
    date_gregorian = ma.fields.Date(required=True)
    weekday = ma.fields.Integer(required=True)
    weekday_name = ma.fields.String(required=True)
    count = ma.fields.Integer(required=True)
    balance = ma.fields.Integer(required=True)


class GreatestDaySchema(ma.Schema):
    """The day with the most of a kind, and how much that is; the earliest of equals."""

    date = ma.fields.String(required=True)
    date_gregorian = ma.fields.Date(required=True)
    amount = ma.fields.Integer(required=True)


class GreatestDaysSchema(ma.Schema):
    """The greatest day of each kind; null where no day has any."""

    income = ma.fields.Nested(GreatestDaySchema, required=True, allow_none=True)
    expense = ma.fields.Nested(GreatestDaySchema, required=True, allow_none=True)
    savings = ma.fields.Nested(GreatestDaySchema, required=True, allow_none=True)


class CalendarSchema(SumsSchema):
    """A Jalali month, day by day."""

    year = ma.fields.Integer(required=True)
    month = ma.fields.Integer(required=True)
    month_name = ma.fields.String(required=True)
    days = ma.fields.Integer(required=True)
    first_weekday = ma.fields.Integer(required=True)
    count = ma.fields.Integer(required=True)
    opening_balance = ma.fields.Integer(required=True)
    balance = ma.fields.Integer(required=True)
    greatest = ma.fields.Nested(GreatestDaysSchema, required=True)
    items = ma.fields.List(ma.fields.Nested(CalendarDaySchema), required=True)


@blueprint.route("")
class Calendar(MethodView):
    """A Jalali month, day by day."""

    @blueprint.signed_in
    @blueprint.arguments(MonthQuery, location="query")
    @blueprint.response(200, CalendarSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show every day of a month, and its greatest days."""
        return read_at(query, lambda reading, _: _calendar(reading, **query))


def _calendar(reading: Reading, year: int, month: int) -> Found:
    number, language = month_number(year, month), preferred_language()
    found = month_calendar(reading, number)
    return Found(
        {
            "year": year,
            "month": month,
            "month_name": month_name(month, language),
            "days": days_in_month(number),
            "first_weekday": found.days[0].weekday,
            **show_counted(found.sums),
            "opening_balance": found.opening_balance,
            "balance": found.days[-1].balance,
            "greatest": _show_greatest(found),
            "items": [_show_day(day, language) for day in found.days],
        }
    )


def _show_greatest(found: MonthCalendar) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for kind in KINDS:
        day = found.greatest(kind)
        shown[kind] = day and {**_date(day), "amount": day.sums.of(kind)}
    return shown


def _show_day(day: DayLine, language: Language) -> dict[str, Any]:
    return {
        **_date(day),
        "weekday": day.weekday,
        "weekday_name": weekday_name(day.weekday, language),
        **show_counted(day.sums),
        "balance": day.balance,
    }


def _date(day: DayLine) -> dict[str, Any]:
    return {"date": format_jalali(day.date), "date_gregorian": day.date}
