"""Access: one line in the log and a few counts for every request."""

import time
from typing import Final
from uuid import UUID

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from domain.store.logs import get_logger
from web.metrics import COMMANDS, PROBLEMS, REQUEST_SECONDS, REQUESTS, SIGN_INS
from web.operations import operation_id
from web.request_ids import request_id

log = get_logger("web")

QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked for every few seconds by machines: counted, and logged only when they fail."""

UNMATCHED: Final = "unmatched"
OTHER: Final = "other"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STEPS: Final = {
    "/v1/auth/otp": ("otp", "issued"),
    "/v1/auth/token": ("token", "verified"),
    "/v1/auth/refresh": ("refresh", "rotated"),
    "/v1/auth/logout": ("logout", "ended"),
}
"""The steps of signing in, and what a good end of each is called."""


def register_access(app: Flask) -> None:
    """Note every request; to be registered before anything that may answer one."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(lambda _error: clear_contextvars())


def tell_account(account_id: UUID) -> None:
    """Have every further line about this request name the account."""
    bind_contextvars(account_id=str(account_id))


def tell_outcome(outcome: str) -> None:
    """What became of this request's command, unless it is refused: `recorded`, …"""
    g.command_outcome = outcome


def _begin() -> None:
    g.started = time.perf_counter()
    for name in ("problem", "command_outcome"):
        g.pop(name, None)
    clear_contextvars()
    bind_contextvars(request_id=request_id(), route=_route(), method=_method())


def _end(response: Response) -> Response:
    seconds = time.perf_counter() - g.started
    _count(response.status_code, seconds)
    is_failure = response.status_code >= 500
    if is_failure or _route() not in QUIET:
        write = log.warning if is_failure else log.info
        details = {"problem": g.problem} if "problem" in g else {}
        write(
            "request", status=response.status_code, duration_ms=round(seconds * 1000, 2), **details
        )
    return response


def _count(status: int, seconds: float) -> None:
    route, method, problem = _route(), _method(), g.get("problem")
    REQUESTS.labels(route, method, f"{status // 100}xx").inc()
    REQUEST_SECONDS.labels(route, method).observe(seconds)
    if problem is not None:
        PROBLEMS.labels(problem).inc()
    if "command_outcome" in g:
        outcome = f"refused:{problem}" if problem else g.command_outcome
        COMMANDS.labels(operation_id(method, route) or OTHER, outcome).inc()
    if route in STEPS and method == "POST":
        step, good_end = STEPS[route]
        SIGN_INS.labels(step, f"refused:{problem}" if problem else good_end).inc()


def _route() -> str:
    """The rule, never the path: paths name things, and there is no end to them."""
    return UNMATCHED if request.url_rule is None else request.url_rule.rule


def _method() -> str:
    return request.method if request.method in METHODS else OTHER
