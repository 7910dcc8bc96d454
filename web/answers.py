"""Answers: any value as a JSON response."""

from collections.abc import Mapping

import msgspec
from flask import Response

_encoder = msgspec.json.Encoder()


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response: Structs, dataclasses, UUIDs, dates and UTC instants encode themselves."""
    return Response(
        _encoder.encode(value), status, headers=headers, content_type="application/json"
    )


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    """A 204 without a body."""
    response = Response(status=204, headers=headers)
    del response.headers["Content-Type"]
    return response
