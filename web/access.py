"""Access: one line in the log and a few counts for every request."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from uuid import UUID

from flask import Flask, Response
from flask.globals import app_ctx, request_ctx

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
    app_ctx.g.command_outcome = outcome


def _begin() -> None:
    notes, asked = app_ctx.g, request_ctx.request
    # The rule, never the path: paths name things, and there is no end to them.
    notes.route = UNMATCHED if asked.url_rule is None else asked.url_rule.rule
    notes.method = asked.method if asked.method in METHODS else OTHER
    notes.problem = notes.command_outcome = None
    begin_lines(request_id=request_id(), route=notes.route, method=notes.method)
    notes.started = time.perf_counter()


def _end(response: Response) -> Response:
    notes = app_ctx.g
    seconds = time.perf_counter() - notes.started
    status, problem = response.status_code, notes.problem
    count, observe = _counters(notes.route, notes.method, status // 100)
    count()
    observe(seconds)
    if problem is not None:
        PROBLEMS.labels(problem).inc()
    if notes.command_outcome is not None:
        outcome = notes.command_outcome if problem is None else f"refused:{problem}"
        _command_counter(notes.route, notes.method, outcome)()
    if notes.route in STEPS and notes.method == "POST":
        step, good_end = STEPS[notes.route]
        SIGN_INS.labels(step, good_end if problem is None else f"refused:{problem}").inc()
    if status >= 500 or notes.route not in QUIET:
        write = log.warning if status >= 500 else log.info
        details = {} if problem is None else {"problem": problem}
        write("request", status=status, duration_ms=round(seconds * 1000, 2), **details)
    return response


# Routes, methods and outcomes are few. To look a series up costs as much as to count in it.
@lru_cache(maxsize=1000)
def _counters(
    route: str, method: str, hundreds: int
) -> tuple[Callable[[], None], Callable[[float], None]]:
    requests = REQUESTS.labels(route, method, f"{hundreds}xx")
    return requests.inc, REQUEST_SECONDS.labels(route, method).observe


@lru_cache(maxsize=1000)
def _command_counter(route: str, method: str, outcome: str) -> Callable[[], None]:
    return COMMANDS.labels(operation_id(method, route) or OTHER, outcome).inc
