"""Access: one line in the log and a few counts for every request."""

import time
from typing import Final
from uuid import UUID

from flask import Flask, Response, g, request

from domain.store.logs import begin_lines, get_logger, tell_lines
from web.metrics import COMMANDS, PROBLEMS, REQUEST_SECONDS, REQUESTS, SIGN_INS
from web.operations import operation_id
from web.request_ids import request_id

log = get_logger()

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
    app.teardown_request(lambda _error: begin_lines())


def tell_account(account_id: UUID) -> None:
    """Have every further line about this request name the account."""
    tell_lines(account_id=str(account_id))


def tell_outcome(outcome: str) -> None:
    """What became of this request's command, unless it is refused: `recorded`, …"""
    g.command_outcome = outcome


def _begin() -> None:
    # The rule, never the path: paths name things, and there is no end to them.
    g.route = UNMATCHED if request.url_rule is None else request.url_rule.rule
    g.method = request.method if request.method in METHODS else OTHER
    g.problem = g.command_outcome = None
    begin_lines(request_id=request_id(), route=g.route, method=g.method)
    g.started = time.perf_counter()


def _end(response: Response) -> Response:
    seconds = time.perf_counter() - g.started
    status, problem = response.status_code, g.problem
    _count(g.route, g.method, status, seconds)
    if status >= 500 or g.route not in QUIET:
        write = log.warning if status >= 500 else log.info
        details = {} if problem is None else {"problem": problem}
        write("request", status=status, duration_ms=round(seconds * 1000, 2), **details)
    return response


def _count(route: str, method: str, status: int, seconds: float) -> None:
    REQUESTS.labels(route, method, f"{status // 100}xx").inc()
    REQUEST_SECONDS.labels(route, method).observe(seconds)
    refused = f"refused:{g.problem}" if g.problem else None
    if g.problem:
        PROBLEMS.labels(g.problem).inc()
    if g.command_outcome:
        COMMANDS.labels(operation_id(method, route) or OTHER, refused or g.command_outcome).inc()
    if route in STEPS and method == "POST":
        step, good_end = STEPS[route]
        SIGN_INS.labels(step, refused or good_end).inc()
