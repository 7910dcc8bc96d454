"""One id for each request, in every answer and every line of the log."""

import re
from typing import Final
from uuid import uuid4

from flask.globals import app_ctx, request_ctx

HEADER: Final = "X-Request-Id"
_KEY: Final = "HTTP_X_REQUEST_ID"

_ACCEPTED: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id() -> str:
    """The client's own id when it sent a plain one, otherwise a new one."""
    notes = app_ctx.g
    if "request_id" not in notes:
        given = request_ctx.request.environ.get(_KEY, "")
        notes.request_id = given if _ACCEPTED.fullmatch(given) else str(uuid4())
    return str(notes.request_id)
