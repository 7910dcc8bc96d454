"""Reports over HTTP."""

from typing import Any, Final

import marshmallow as ma
import msgspec
from flask import Response
from flask.views import MethodView

from domain.calendar import (
    FIRST_DAY,
    FIRST_YEAR,
    LAST_DAY,
    LAST_YEAR,
    add_months,
    jalali_month,
    month_number,
)
from projections.budgets import list_budgets
from projections.readings import Reading
from projections.reports import (
    CategoryLine,
    MonthLine,
    PeriodReport,
    category_report,
    monthly_report,
    trend,
    yearly_report,
)
from projections.sums import KindSums
from web.blueprint import Blueprint
from web.budgets import BudgetSchema
from web.categories import KINDS
from web.days import refuse_reversed
from web.fields import Choice, JalaliDate, JalaliMonth, QueryInteger
from web.messages import Language, month_name, preferred_language, say
from web.moments import MomentQuery, read_at
from web.reads import Found, PageQuery, paged, today
from web.rendering import show_budget
from web.schemas import page_schema

MAX_TREND_MONTHS: Final = 240
_SHARE: Final = ("category_id", "name", "kind", "amount", "count", "share")

blueprint = Blueprint(
    "reports", __name__, url_prefix="/v1/reports", description="Months, years, categories"
)


class MonthQuery(MomentQuery):
    """Which Jalali month."""

    year = QueryInteger(FIRST_YEAR, LAST_YEAR, required=True)
    month = QueryInteger(1, 12, required=True)


class YearQuery(MomentQuery):
    """Which Jalali year."""

    year = QueryInteger(FIRST_YEAR, LAST_YEAR, required=True)


class CategoriesQuery(MomentQuery):
    """Which days, both included, and which kind."""

    start = JalaliDate(data_key="from", load_default=FIRST_DAY)
    end = JalaliDate(data_key="to", load_default=LAST_DAY)
    kind = Choice(*KINDS)

    @ma.post_load
    def refuse_empty_range(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The data, unless the range ends before it starts."""
        refuse_reversed(data, "start", "end", "to")
        return data


class BudgetsQuery(MomentQuery, PageQuery):
    """On which day the budgets are looked at; today when it is left out."""

    on = JalaliDate()


class TrendQuery(MomentQuery):
    """How many months, and up to which; up to this month when it is left out."""

    months = QueryInteger(1, MAX_TREND_MONTHS, load_default=12)
    until = JalaliMonth()


class SumsSchema(ma.Schema):
    """Totals in Rials; `net` is income minus expense."""

    income = ma.fields.Integer(required=True)
    expense = ma.fields.Integer(required=True)
    savings = ma.fields.Integer(required=True)
    net = ma.fields.Integer(required=True)


class ChangeSchema(ma.Schema):
    """Percentages against the period before; null where that was 0."""

    income = ma.fields.Float(required=True, allow_none=True)
    expense = ma.fields.Float(required=True, allow_none=True)
    savings = ma.fields.Float(required=True, allow_none=True)
    net = ma.fields.Float(required=True, allow_none=True)


class CategoryShareSchema(ma.Schema):
    """One category's part in its kind's total."""

    category_id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": list(KINDS)})
    amount = ma.fields.Integer(required=True)
    count = ma.fields.Integer(required=True)
    share = ma.fields.Float(required=True, allow_none=True)


class CategoryAnalysisSchema(CategoryShareSchema):
    """One category's entries; `largest` is its largest income, expense or deposit."""

    average = ma.fields.Integer(required=True)
    largest = ma.fields.Integer(required=True)


class CategoryReportSchema(ma.Schema):
    """Every category with entries in a range of days."""

    items = ma.fields.List(ma.fields.Nested(CategoryAnalysisSchema), required=True)


class PeriodSchema(SumsSchema):
    """A month or a year."""

    year = ma.fields.Integer(required=True)
    days = ma.fields.Integer(required=True)
    average_daily_income = ma.fields.Integer(required=True)
    average_daily_expense = ma.fields.Integer(required=True)
    count = ma.fields.Integer(required=True)
    categories = ma.fields.List(ma.fields.Nested(CategoryShareSchema), required=True)
    change = ma.fields.Nested(ChangeSchema, required=True)
    message = ma.fields.String(required=True)


class PreviousMonthSchema(SumsSchema):
    """The month before."""

    year = ma.fields.Integer(required=True)
    month = ma.fields.Integer(required=True)


class PreviousYearSchema(SumsSchema):
    """The year before."""

    year = ma.fields.Integer(required=True)


class MonthlyReportSchema(PeriodSchema):
    """A Jalali month."""

    month = ma.fields.Integer(required=True)
    month_name = ma.fields.String(required=True)
    previous = ma.fields.Nested(PreviousMonthSchema, required=True, allow_none=True)


class MonthLineSchema(SumsSchema):
    """A month in a year."""

    month = ma.fields.Integer(required=True)
    month_name = ma.fields.String(required=True)
    count = ma.fields.Integer(required=True)


class YearlyReportSchema(PeriodSchema):
    """A Jalali year and its twelve months."""

    months = ma.fields.List(ma.fields.Nested(MonthLineSchema), required=True)
    previous = ma.fields.Nested(PreviousYearSchema, required=True, allow_none=True)


class TrendLineSchema(MonthLineSchema):
    """A month in a trend."""

    year = ma.fields.Integer(required=True)
    cumulative_balance = ma.fields.Integer(required=True)


class TrendReportSchema(ma.Schema):
    """Months in a row, oldest first."""

    items = ma.fields.List(ma.fields.Nested(TrendLineSchema), required=True)


@blueprint.route("/monthly")
class Monthly(MethodView):
    """A Jalali month."""

    @blueprint.signed_in
    @blueprint.arguments(MonthQuery, location="query")
    @blueprint.response(200, MonthlyReportSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show a month against the one before."""
        return read_at(query, lambda reading, _: _month(reading, **query))


@blueprint.route("/yearly")
class Yearly(MethodView):
    """A Jalali year."""

    @blueprint.signed_in
    @blueprint.arguments(YearQuery, location="query")
    @blueprint.response(200, YearlyReportSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show a year and its months against the year before."""
        return read_at(query, lambda reading, _: _year(reading, **query))


@blueprint.route("/categories")
class Categories(MethodView):
    """Every category's part."""

    @blueprint.signed_in
    @blueprint.arguments(CategoriesQuery, location="query")
    @blueprint.response(200, CategoryReportSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show what each category adds up to in a range of days."""
        return read_at(
            query,
            lambda reading, _: Found(
                {"items": [_show_analysis(line) for line in category_report(reading, **query)]}
            ),
        )


@blueprint.route("/budgets")
class Budgets(MethodView):
    """Every budget of a day."""

    @blueprint.signed_in
    @blueprint.arguments(BudgetsQuery, location="query")
    @blueprint.response(200, page_schema(BudgetSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """Show every budget active on a day, as it looks on that day."""
        on = query.pop("on", None) or today()
        return read_at(
            query,
            lambda reading, _: paged(
                lambda: list_budgets(reading, active_on=on, today=on, **query), show_budget
            ),
            follows_ledger="cursor" not in query,
        )


@blueprint.route("/trend")
class Trend(MethodView):
    """Months in a row."""

    @blueprint.signed_in
    @blueprint.arguments(TrendQuery, location="query")
    @blueprint.response(200, TrendReportSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show a row per month, oldest first, with the balance at its end."""
        until, language = query.get("until") or jalali_month(today()), preferred_language()
        return read_at(
            query,
            lambda reading, _: Found(
                {
                    "items": [
                        _show_trend(line, language)
                        for line in trend(reading, until, query["months"])
                    ]
                }
            ),
        )


def _month(reading: Reading, year: int, month: int) -> Found:
    report = monthly_report(reading, year, month)
    before = add_months(month_number(year, month), -1)
    previous = {"year": before // 100, "month": before % 100}
    return Found(
        {
            "year": year,
            "month": month,
            "month_name": month_name(month, preferred_language()),
            **_show_period(report, previous),
        }
    )


def _year(reading: Reading, year: int) -> Found:
    report, months = yearly_report(reading, year)
    language = preferred_language()
    return Found(
        {
            "year": year,
            **_show_period(report, {"year": year - 1}),
            "months": [_show_month(line, language) for line in months],
        }
    )


def _show_period(report: PeriodReport, previous: dict[str, int]) -> dict[str, Any]:
    return {
        "days": report.days,
        **show_sums(report.sums),
        "average_daily_income": report.average_daily_income,
        "average_daily_expense": report.average_daily_expense,
        "count": report.sums.count,
        "categories": [_show_share(line) for line in report.categories],
        "previous": report.previous and {**previous, **show_sums(report.previous)},
        "change": report.change,
        "message": verdict(report.sums),
    }


def show_sums(sums: KindSums) -> dict[str, int]:
    """Totals as every report has them."""
    return {
        "income": sums.income,
        "expense": sums.expense,
        "savings": sums.savings,
        "net": sums.net,
    }


def show_counted(sums: KindSums) -> dict[str, int]:
    """Totals with the number of entries behind them."""
    return {**show_sums(sums), "count": sums.count}


def _show_month(line: MonthLine, language: Language) -> dict[str, Any]:
    month = line.jalali_month % 100
    name = month_name(month, language)
    return {"month": month, "month_name": name, **show_counted(line.sums)}


def _show_trend(line: MonthLine, language: Language) -> dict[str, Any]:
    shown = _show_month(line, language)
    year = line.jalali_month // 100
    return {"year": year, **shown, "cumulative_balance": line.cumulative_balance}


def _show_share(line: CategoryLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in _SHARE}


def _show_analysis(line: CategoryLine) -> dict[str, Any]:
    return msgspec.structs.asdict(line)


def verdict(sums: KindSums) -> str:
    """What a stretch of days came to, in a sentence."""
    if sums.count == 0:
        return say("report_empty")
    word = "surplus" if sums.net > 0 else "deficit" if sums.net < 0 else "even"
    return say(f"report_{word}", amount=abs(sums.net))
