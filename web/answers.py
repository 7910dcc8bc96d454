"""Answers: any value as a JSON response."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from flask import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import Headers

_encoder = msgspec.json.Encoder()


class Whole(Response):
    """An answer that is sent as it was made: its length is known, and its headers are ASCII.

    Werkzeug copies the headers of others, to complete them.
    """

    def __init__(self, body: bytes, status: int, headers: list[tuple[str, str]]) -> None:
        super().__init__([body], status, headers)
        if status in (204, 304):
            # They tell of no body (RFC 9110, 8.6 and 15.4.5); Werkzeug thinks of HTML.
            del self.headers["Content-Type"]
        else:
            self.headers.add("Content-Length", str(len(body)))

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> "Headers":
        """The headers as they are."""
        return self.headers


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
