"""The forecast of a month over HTTP."""

from collections.abc import Iterable
from typing import Any, Final

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.calendar import FIRST_YEAR, LAST_YEAR, jalali_month, month_number
from projections.forecast import BASES, Forecast, forecast
from projections.rounding import average
from projections.sums import KindSums
from web.blueprint import Blueprint
from web.errors import FieldError, Flaw, flaw, flawed
from web.fields import QueryInteger
from web.growth import CountedSumsSchema
from web.messages import Language, month_name, preferred_language, say
from web.moments import MomentQuery, read_at
from web.reads import Found, today
from web.reports import SumsSchema, show_counted, show_sums, verdict

_RANGED: Final = ("income", "expense", "savings", "net", "balance")
_FEWEST_MONTHS: Final = 2
"""One month alone tells nothing of how far months differ."""

blueprint = Blueprint(
    "forecast", __name__, url_prefix="/v1/reports/forecast", description="Where a month will end"
)


class ForecastQuery(MomentQuery):
    """Which Jalali month; this one where it is left out."""

    year = QueryInteger(FIRST_YEAR, LAST_YEAR)
    month = QueryInteger(1, 12)

    @ma.validates_schema
    def refuse_half(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Raise ValidationError when only one of them is given."""
        for name, other in (("year", "month"), ("month", "year")):
            if name in data and other not in data:
                raise flaw("required", other)


class BalancedSumsSchema(SumsSchema):
    """Totals, and the balance they leave: of everything dated up to then."""

    balance = ma.fields.Integer(required=True)


class SoFarSchema(CountedSumsSchema, BalancedSumsSchema):
    """What is dated up to today."""


class BasisMonthSchema(ma.Schema):
    """A month that tells what is usual."""

    year = ma.fields.Integer(required=True)
    month = ma.fields.Integer(required=True)
    month_name = ma.fields.String(required=True)


class ForecastReportSchema(ma.Schema):
    """Where a month will end. `expected` is all four parts of it together."""

    year = ma.fields.Integer(required=True)
    month = ma.fields.Integer(required=True)
    month_name = ma.fields.String(required=True)
    days = ma.fields.Integer(required=True)
    days_elapsed = ma.fields.Integer(required=True)
    is_complete = ma.fields.Boolean(required=True)
    basis = ma.fields.String(required=True, metadata={"enum": list(BASES)})
    months = ma.fields.List(ma.fields.Nested(BasisMonthSchema), required=True)
    so_far = ma.fields.Nested(SoFarSchema, required=True)
    pace = ma.fields.Nested(SumsSchema, required=True)
    ahead = ma.fields.Nested(CountedSumsSchema, required=True)
    recurring = ma.fields.Nested(SumsSchema, required=True)
    usual = ma.fields.Nested(SumsSchema, required=True)
    expected = ma.fields.Nested(BalancedSumsSchema, required=True)
    low = ma.fields.Nested(BalancedSumsSchema, required=True, allow_none=True)
    high = ma.fields.Nested(BalancedSumsSchema, required=True, allow_none=True)
    message = ma.fields.String(required=True)


@blueprint.route("")
class ForecastReport(MethodView):
    """Where a month will end."""

    @blueprint.signed_in
    @blueprint.arguments(ForecastQuery, location="query")
    @blueprint.response(200, ForecastReportSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show where this month will end, or how a past one did."""
        day = today()
        month = jalali_month(day)
        if "month" in query:
            month = month_number(query["year"], query["month"])
        if month > jalali_month(day):
            raise flawed([FieldError("month", Flaw("month_not_begun"))])
        return read_at(query, lambda reading, _: _found(month, forecast(reading, month, day)))


def _found(month: int, found: Forecast) -> Found:
    language = preferred_language()
    balance = found.opening_balance + found.so_far.balance
    is_complete = found.basis == "actual"
    return Found(
        {
            **_show_month(month, language),
            "days": found.days,
            "days_elapsed": found.days_elapsed,
            "is_complete": is_complete,
            "basis": found.basis,
            "months": [_show_month(one, language) for one in found.months],
            "so_far": {**show_counted(found.so_far), "balance": balance},
            "pace": _pace(found),
            "ahead": show_counted(found.ahead),
            "recurring": show_sums(found.recurring),
            "usual": show_sums(found.usual),
            "expected": _ranged(found, [found.expected])[0],
            **_range(found),
            "message": verdict(found.expected) if is_complete else _expectation(found.expected),
        }
    )


def _show_month(month: int, language: Language) -> dict[str, Any]:
    year, number = divmod(month, 100)
    return {"year": year, "month": number, "month_name": month_name(number, language)}


def _pace(found: Forecast) -> dict[str, int]:
    so_far = show_sums(found.so_far)
    return {name: average(amount, found.days_elapsed) for name, amount in so_far.items()}


def _range(found: Forecast) -> dict[str, Any]:
    if found.basis != "actual" and len(found.months) < _FEWEST_MONTHS:
        return {"low": None, "high": None}
    scenarios = _ranged(found, found.scenarios)
    return {
        "low": {name: min(one[name] for one in scenarios) for name in _RANGED},
        "high": {name: max(one[name] for one in scenarios) for name in _RANGED},
    }


def _ranged(found: Forecast, scenarios: Iterable[KindSums]) -> list[dict[str, int]]:
    return [
        {**show_sums(sums), "balance": found.opening_balance + sums.balance} for sums in scenarios
    ]


def _expectation(sums: KindSums) -> str:
    word = "surplus" if sums.net > 0 else "deficit" if sums.net < 0 else "even"
    return say(f"report_expect_{word}", amount=abs(sums.net))
