"""The largest entries over HTTP."""

from typing import Any, Final

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from projections.largest import Asked, KindLine, largest_of_rows, largest_of_state
from projections.reports import KINDS
from web.blueprint import Blueprint
from web.fields import QueryInteger
from web.messages import Language, preferred_language
from web.moments import read_folded_at
from web.reads import Found
from web.rendering import show_transaction
from web.reports import CategoriesQuery
from web.transactions import TransactionSchema

MOST_LARGEST: Final = 100

blueprint = Blueprint(
    "largest", __name__, url_prefix="/v1/reports/largest", description="The largest entries"
)


class LargestQuery(CategoriesQuery):
    """Of which days, both included, of which kind, and how many of each kind."""

    limit = QueryInteger(1, MOST_LARGEST, load_default=10)


class LargeEntrySchema(TransactionSchema):
    """A transaction; `share` is its percentage of its kind's total in these days."""

    share = ma.fields.Float(required=True, allow_none=True)


class LargestOfKindSchema(ma.Schema):
    """A kind's total in these days, and its largest entries."""

    kind = ma.fields.String(required=True, metadata={"enum": list(KINDS)})
    amount = ma.fields.Integer(required=True)
    entries = ma.fields.List(ma.fields.Nested(LargeEntrySchema), required=True)


class LargestReportSchema(ma.Schema):
    """The largest entries of each kind that was asked for."""

    items = ma.fields.List(ma.fields.Nested(LargestOfKindSchema), required=True)


@blueprint.route("")
class Largest(MethodView):
    """The largest entries."""

    @blueprint.signed_in
    @blueprint.arguments(LargestQuery, location="query")
    @blueprint.response(200, LargestReportSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show the largest incomes, expenses and deposits, the newest first of equal ones."""
        kinds = [query["kind"]] if "kind" in query else KINDS
        asked = Asked(query["start"], query["end"], kinds, query["limit"])
        language = preferred_language()
        return read_folded_at(
            query,
            lambda connection, head: _found(
                largest_of_rows(connection, head.rows_id, asked), language
            ),
            lambda state: _found(largest_of_state(state, asked), language),
        )


def _found(lines: list[KindLine], language: Language) -> Found:
    return Found({"items": [_show_line(line, language) for line in lines]})


def _show_line(line: KindLine, language: Language) -> dict[str, Any]:
    entries = [
        {**show_transaction(one.entry, one.entry.category_name, language), "share": one.share}
        for one in line.entries
    ]
    return {"kind": line.kind, "amount": line.amount, "entries": entries}
