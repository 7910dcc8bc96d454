"""Growth over HTTP: months and years side by side."""

from typing import Any, Final

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.calendar import FIRST_YEAR, LAST_YEAR, format_jalali, jalali_month
from projections.growth import Growth, SideBySide, growth
from web.blueprint import Blueprint
from web.fields import QueryInteger
from web.messages import month_name, preferred_language
from web.moments import MomentQuery, read_at
from web.reads import Found, today
from web.reports import ChangeSchema, SumsSchema, show_counted

MOST_YEARS: Final = 10

blueprint = Blueprint(
    "growth", __name__, url_prefix="/v1/reports/growth", description="Months and years side by side"
)


class GrowthQuery(MomentQuery):
    """Which Jalali year, beside which other one, and how many years in a row up to it.

    It is this year and the one before where they are left out.
    """

    year = QueryInteger(FIRST_YEAR, LAST_YEAR)
    compare = QueryInteger(FIRST_YEAR, LAST_YEAR)
    years = QueryInteger(1, MOST_YEARS, load_default=5)


class CountedSumsSchema(SumsSchema):
    """Totals, and the number of entries behind them."""

    count = ma.fields.Integer(required=True)


class SideBySideSchema(ma.Schema):
    """Two stretches of days; `before` is null where it would begin before the year 1300."""

    now = ma.fields.Nested(CountedSumsSchema, required=True)
    before = ma.fields.Nested(CountedSumsSchema, required=True, allow_none=True)
    change = ma.fields.Nested(ChangeSchema, required=True)


class MonthGrowthSchema(SideBySideSchema):
    """A month of both years; `cumulative` is from the first of the year to the month's end."""

    month = ma.fields.Integer(required=True)
    month_name = ma.fields.String(required=True)
    is_complete = ma.fields.Boolean(required=True)
    cumulative = ma.fields.Nested(SideBySideSchema, required=True)


class YearToDateSchema(SideBySideSchema):
    """From the first of the year until a day, beside the same days of the other year."""

    until = ma.fields.String(required=True)
    until_gregorian = ma.fields.Date(required=True)


class YearGrowthSchema(SideBySideSchema):
    """A year against the one before it."""

    year = ma.fields.Integer(required=True)
    is_complete = ma.fields.Boolean(required=True)


class GrowthReportSchema(ma.Schema):
    """A year beside another one, and years in a row, the oldest first."""

    year = ma.fields.Integer(required=True)
    compare = ma.fields.Integer(required=True, allow_none=True)
    months = ma.fields.List(ma.fields.Nested(MonthGrowthSchema), required=True)
    to_date = ma.fields.Nested(YearToDateSchema, required=True, allow_none=True)
    total = ma.fields.Nested(SideBySideSchema, required=True)
    years = ma.fields.List(ma.fields.Nested(YearGrowthSchema), required=True)


@blueprint.route("")
class GrowthReport(MethodView):
    """Months and years side by side."""

    @blueprint.signed_in
    @blueprint.arguments(GrowthQuery, location="query")
    @blueprint.response(200, GrowthReportSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show a year's months beside those of another year, and years in a row."""
        day = today()
        year = query.get("year", jalali_month(day) // 100)
        other, years = query.get("compare", year - 1), query["years"]
        return read_at(
            query,
            lambda reading, _: Found(
                {
                    "year": year,
                    "compare": other if other >= FIRST_YEAR else None,
                    **_show(growth(reading, year, other, years, day)),
                }
            ),
        )


def _show(found: Growth) -> dict[str, Any]:
    language = preferred_language()
    return {
        "months": [
            {
                "month": line.month,
                "month_name": month_name(line.month, language),
                "is_complete": line.is_complete,
                **_show_both(line.sums),
                "cumulative": _show_both(line.cumulative),
            }
            for line in found.months
        ],
        "to_date": _show_to_date(found),
        "total": _show_both(found.total),
        "years": [
            {"year": line.year, "is_complete": line.is_complete, **_show_both(line.sums)}
            for line in found.years
        ],
    }


def _show_to_date(found: Growth) -> dict[str, Any] | None:
    if found.until is None or found.to_date is None:
        return None
    until = {"until": format_jalali(found.until), "until_gregorian": found.until}
    return {**until, **_show_both(found.to_date)}


def _show_both(sums: SideBySide) -> dict[str, Any]:
    return {
        "now": show_counted(sums.now),
        "before": sums.before and show_counted(sums.before),
        "change": sums.change,
    }
