"""Categories over HTTP."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from domain.categories import (
    AddCategory,
    AddStarterCategories,
    CategoryAdded,
    ChangeCategory,
    RemoveCategory,
)
from domain.ledger import Category
from domain.refusals import CategoryNotFound
from domain.store.ledgers import Bracket
from projections.categories import find_category, list_categories
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform, require_match
from web.fields import (
    Amount,
    Boolean,
    Choice,
    Colour,
    MoneySchema,
    QueryBoolean,
    Text,
    Uuid,
)
from web.reads import Found, PageQuery, one, paged, read
from web.rendering import show_category
from web.schemas import page_schema

KINDS = ("income", "expense", "savings")
MAX_NAME_LENGTH = 100

blueprint = Blueprint(
    "categories", __name__, url_prefix="/v1", description="Headings that money is put under"
)


class NewCategorySchema(MoneySchema):
    """A category to add."""

    name = Text(MAX_NAME_LENGTH, minimum=1, required=True)
    kind = Choice(*KINDS, required=True)
    color = Colour()
    default_amount = Amount(allow_none=True)
    id = Uuid()


class CategoryChangeSchema(MoneySchema):
    """What to change about a category; its kind is for ever."""

    name = Text(MAX_NAME_LENGTH, minimum=1)
    color = Colour()
    default_amount = Amount(allow_none=True)
    is_active = Boolean()


class CategoryQuery(PageQuery):
    """Which categories to list."""

    kind = Choice(*KINDS)
    is_active = QueryBoolean()


class CategorySchema(ma.Schema):
    """A category. `version` is the ledger's when it last changed."""

    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": list(KINDS)})
    color = ma.fields.String(required=True)
    default_amount = ma.fields.Integer(required=True, allow_none=True)
    is_active = ma.fields.Boolean(required=True)
    version = ma.fields.Integer(required=True)
    created_at = ma.fields.DateTime(required=True)
    updated_at = ma.fields.DateTime(required=True)


class StarterSchema(ma.Schema):
    """The categories that were added."""

    items = ma.fields.List(ma.fields.Nested(CategorySchema), required=True)


@blueprint.route("/categories")
class Categories(MethodView):
    """All categories."""

    @blueprint.signed_in
    @blueprint.arguments(CategoryQuery, location="query")
    @blueprint.response(200, page_schema(CategorySchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List categories, oldest first."""
        return read(
            lambda connection, head: paged(
                lambda: list_categories(connection, head.rows_id, **query), show_category
            ),
            follows_ledger="cursor" not in query,
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(NewCategorySchema)
    @blueprint.response(201, CategorySchema)
    def post(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Add a category."""
        return perform(lambda bracket: _add(bracket, AddCategory(**asked)), **query)


@blueprint.route("/categories/starter")
class StarterCategories(MethodView):
    """The Persian starter set."""

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(201, StarterSchema)
    def post(self, query: dict[str, Any]) -> Response:
        """Add the starter set, skipping names that exist."""
        return perform(_add_starter_set, **query)


@blueprint.route("/categories/<uuid:category_id>")
class OneCategory(MethodView):
    """One category."""

    @blueprint.signed_in
    @blueprint.response(200, CategorySchema)
    def get(self, category_id: UUID) -> Response:
        """Show a category."""
        return read(
            lambda connection, head: _found(
                one(find_category(connection, head.rows_id, category_id), CategoryNotFound)
            )
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(CategoryChangeSchema)
    @blueprint.response(200, CategorySchema)
    def patch(self, query: dict[str, Any], asked: dict[str, Any], category_id: UUID) -> Response:
        """Change a category."""
        command = ChangeCategory(category_id=category_id, **asked)
        return perform(lambda bracket: _change(bracket, command), **query)

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(204)
    def delete(self, query: dict[str, Any], category_id: UUID) -> Response:
        """Remove a category that nothing names."""
        command = RemoveCategory(category_id=category_id)
        return perform(lambda bracket: _remove(bracket, command), **query)


def _found(category: Category) -> Found:
    return Found(show_category(category), category.version)


def _add(bracket: Bracket, command: AddCategory) -> Made:
    added = [recorded.event for recorded in bracket.record(command)]
    if added and isinstance(added[0], CategoryAdded):
        return _made(bracket, added[0].category_id, 201)
    assert command.id is not None, "only a chosen id can have been recorded before"
    return _made(bracket, command.id, 200)


def _add_starter_set(bracket: Bracket) -> Made:
    added = [recorded.event for recorded in bracket.record(AddStarterCategories())]
    items = [
        show_category(one(bracket.ledger.category(event.category_id), CategoryNotFound))
        for event in added
        if isinstance(event, CategoryAdded)
    ]
    return Made({"items": items}, 201 if items else 200)


def _change(bracket: Bracket, command: ChangeCategory) -> Made:
    category = one(bracket.ledger.category(command.category_id), CategoryNotFound)
    require_match(category.version)
    bracket.record(command)
    return _made(bracket, category.id, 200)


def _remove(bracket: Bracket, command: RemoveCategory) -> Made:
    category = one(bracket.ledger.category(command.category_id), CategoryNotFound)
    require_match(category.version)
    bracket.record(command)
    return Made(None)


def _made(bracket: Bracket, category_id: UUID, status: int) -> Made:
    category = one(bracket.ledger.category(category_id), CategoryNotFound)
    location = f"/v1/categories/{category.id}" if status == 201 else None
    return Made(show_category(category), status, category.version, location)
