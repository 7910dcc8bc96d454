"""Changes over HTTP: what a phone that was away has to hear."""

from typing import Any, Final

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.store.database import Connection
from domain.store.ledgers import Head
from projections.changes import Changes, changes_since
from web.blueprint import Blueprint
from web.budgets import BudgetSchema
from web.categories import CategorySchema
from web.drafts import DraftSchema
from web.errors import FieldError, Flaw, flawed
from web.events import MAX_VERSION
from web.fields import QueryInteger, Schema
from web.goals import GoalSchema
from web.messages import preferred_language
from web.reads import Found, read, today
from web.recurrences import RecurrenceSchema
from web.rendering import (
    show_budget,
    show_category,
    show_draft,
    show_goal,
    show_recurrence,
    show_saving_policy,
    show_transaction,
)
from web.saving_policy import SavingPolicySchema
from web.transactions import TransactionSchema

MOST_CHANGES: Final = 1000
USUAL_CHANGES: Final = 200

blueprint = Blueprint("changes", __name__, url_prefix="/v1", description="For phones that sync")


class ChangesQuery(Schema):
    """From which version on, and how many versions at once."""

    since = QueryInteger(0, MAX_VERSION, required=True)
    limit = QueryInteger(1, MOST_CHANGES, load_default=USUAL_CHANGES)


class RemovedSchema(ma.Schema):
    """Ids of what is to be forgotten: removed, voided and so in no total, or no draft any more."""

    categories = ma.fields.List(ma.fields.UUID(), required=True)
    transactions = ma.fields.List(ma.fields.UUID(), required=True)
    budgets = ma.fields.List(ma.fields.UUID(), required=True)
    recurrences = ma.fields.List(ma.fields.UUID(), required=True)
    drafts = ma.fields.List(ma.fields.UUID(), required=True)
    goals = ma.fields.List(ma.fields.UUID(), required=True)


class ChangesSchema(ma.Schema):
    """What changed after `since`, up to and with `version`: the next `since`.

    `saving_policy` is null unless it changed.
    """

    version = ma.fields.Integer(required=True)
    has_more = ma.fields.Boolean(required=True)
    categories = ma.fields.List(ma.fields.Nested(CategorySchema), required=True)
    transactions = ma.fields.List(ma.fields.Nested(TransactionSchema), required=True)
    budgets = ma.fields.List(ma.fields.Nested(BudgetSchema), required=True)
    recurrences = ma.fields.List(ma.fields.Nested(RecurrenceSchema), required=True)
    drafts = ma.fields.List(ma.fields.Nested(DraftSchema), required=True)
    goals = ma.fields.List(ma.fields.Nested(GoalSchema), required=True)
    saving_policy = ma.fields.Nested(SavingPolicySchema, required=True, allow_none=True)
    removed = ma.fields.Nested(RemovedSchema, required=True)


@blueprint.route("/changes")
class ChangesSince(MethodView):
    """What changed."""

    @blueprint.signed_in
    @blueprint.arguments(ChangesQuery, location="query")
    @blueprint.response(200, ChangesSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Show what changed after a version, some versions at a time."""
        return read(lambda connection, head: _changes(connection, head, **query))


def _changes(connection: Connection, head: Head, since: int, limit: int) -> Found:
    if since > head.version:
        raise flawed([FieldError("since", Flaw("version_not_reached", version=head.version))])
    return Found(_show(changes_since(connection, head, since, limit, today())))


def _show(changes: Changes) -> dict[str, Any]:
    language, policy = preferred_language(), changes.saving_policy
    return {
        "version": changes.version,
        "has_more": changes.has_more,
        "categories": [show_category(category) for category in changes.categories],
        "transactions": [
            show_transaction(entry, entry.category_name, language) for entry in changes.transactions
        ],
        "budgets": [show_budget(used) for used in changes.budgets],
        "recurrences": [show_recurrence(one) for one in changes.recurrences],
        "drafts": [show_draft(draft) for draft in changes.drafts],
        "goals": [show_goal(found) for found in changes.goals],
        "saving_policy": None if policy is None else show_saving_policy(policy),
        "removed": {
            "categories": changes.removed_categories,
            "transactions": changes.removed_transactions,
            "budgets": changes.removed_budgets,
            "recurrences": changes.removed_recurrences,
            "drafts": changes.removed_drafts,
            "goals": changes.removed_goals,
        },
    }
