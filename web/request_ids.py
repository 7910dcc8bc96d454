"""One id for each request, in every answer and every line of the log."""

import re
from typing import Final
from uuid import uuid4

from flask import g, request

HEADER: Final = "X-Request-Id"

_ACCEPTED: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id() -> str:
    """The client's own id when it sent a plain one, otherwise a new one."""
    if "request_id" not in g:
        given = request.headers.get(HEADER, "")
        g.request_id = given if _ACCEPTED.fullmatch(given) else str(uuid4())
    return str(g.request_id)
