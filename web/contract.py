"""What every operation has in common, said once for the whole OpenAPI document."""

from http import HTTPStatus
from typing import Any, Final

import marshmallow as ma
from apispec import APISpec, BasePlugin

from web.balance import BalanceSchema
from web.commands import KEY_HEADER

REHEARSAL: Final = "Rehearsal"

_READ_PROBLEMS: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_COMMAND_PROBLEMS: Final = (
    *_READ_PROBLEMS,
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


class RehearsedEventSchema(ma.Schema):
    """An event that would be recorded."""

    version = ma.fields.Integer(required=True)
    topic = ma.fields.String(required=True)
    recorded_at = ma.fields.DateTime(required=True)
    actor = ma.fields.String(required=True)
    data = ma.fields.Dict(required=True)


class RehearsalSchema(ma.Schema):
    """What a dry run answers: the events that would be, and the balance after them."""

    events = ma.fields.List(ma.fields.Nested(RehearsedEventSchema), required=True)
    balance = ma.fields.Nested(BalanceSchema, required=True)


class Manners(BasePlugin):
    """Adds to every signed-in operation its problems, its headers and its dry run."""

    def init_spec(self, spec: APISpec) -> None:
        """Keep the document, to add the shape of a dry run to it."""
        self._spec = spec

    def operation_helper(
        self, path: str | None = None, operations: dict[str, Any] | None = None, **_kwargs: Any
    ) -> None:
        """Complete the operations of one path."""
        for method, operation in (operations or {}).items():
            if operation.get("security") != [{"bearer": []}]:
                continue
            parameters = operation.setdefault("parameters", [])
            is_command = any(parameter.get("name") == "dry_run" for parameter in parameters)
            for status in _COMMAND_PROBLEMS if is_command else _READ_PROBLEMS:
                operation["responses"].setdefault(status.value, status.name)
            parameters.append(_LANGUAGE)
            if is_command:
                parameters.append(_KEY)
                self._add_dry_run(operation["responses"])
            if is_command and method in ("patch", "delete"):
                parameters.append(_IF_MATCH)

    def _add_dry_run(self, responses: dict[int, Any]) -> None:
        """A dry run, and a creation that is repeated, answer 200."""
        if REHEARSAL not in self._spec.components.schemas:
            self._spec.components.schema(REHEARSAL, schema=RehearsalSchema)
        shapes = [
            response["content"]["application/json"]["schema"]
            for status, response in responses.items()
            if status in (200, 201) and "content" in response
        ]
        different = [shape for index, shape in enumerate(shapes) if shape not in shapes[:index]]
        rehearsal = {"$ref": f"#/components/schemas/{REHEARSAL}"}
        responses[200] = {
            "description": "Done before, or unchanged, or a dry run",
            "content": {"application/json": {"schema": {"anyOf": [*different, rehearsal]}}},
        }


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "in": "header",
        "name": name,
        "description": description,
        "schema": {"type": "string", **schema},
    }


_LANGUAGE: Final = _header("Accept-Language", "`en` for English, otherwise Persian", example="en")
_KEY: Final = _header(
    KEY_HEADER,
    "The same key with the same request records once; 1 to 255 visible ASCII characters",
    minLength=1,
    maxLength=255,
    pattern="^[!-~]+$",
)
_IF_MATCH: Final = _header("If-Match", "The ETag this change was made for", example='"12"')
