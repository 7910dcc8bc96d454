"""Shapes that more than one resource's documentation needs."""

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
