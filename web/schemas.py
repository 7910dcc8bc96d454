"""Shapes that more than one resource's documentation needs."""

from functools import cache
from typing import Any

import marshmallow as ma


class FieldErrorSchema(ma.Schema):
    """One value at fault; `field` is a dotted path, "" for the body itself."""

    field = ma.fields.String(required=True)
    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class ProblemSchema(ma.Schema):
    """A problem (RFC 9457). `code` is stable; the sentences follow Accept-Language."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    code = ma.fields.String(required=True)
    request_id = ma.fields.String(required=True)
    errors = ma.fields.List(ma.fields.Nested(FieldErrorSchema))


@cache
def page_schema(item: type[ma.Schema]) -> type[ma.Schema]:
    """The shape of a page of a list; one class for each kind of item."""
    fields: dict[str, ma.fields.Field[Any]] = {
        "items": ma.fields.List(ma.fields.Nested(item), required=True),
        "next_cursor": ma.fields.String(required=True, allow_none=True),
        "has_more": ma.fields.Boolean(required=True),
    }
    return ma.Schema.from_dict(fields, name=f"{item.__name__.removesuffix('Schema')}PageSchema")
