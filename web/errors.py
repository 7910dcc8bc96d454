"""Problems: everything that goes wrong, as RFC 9457 problem+json."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import marshmallow as ma
import msgspec
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WsgiResponse

from domain.base import Refusal
from domain.store.codec import UnknownEvent
from domain.store.database import OutcomeUnknown, Overloaded, StoreUnavailable
from domain.store.logs import get_logger
from web.messages import Language, message, preferred_language, status_title
from web.request_ids import request_id

log = get_logger()

MAX_FIELD_ERRORS: Final = 100
STORE_RETRY_SECONDS: Final = 1

STATUSES: Final[Mapping[str, int]] = {
    "bad_request": 400,
    "malformed_json": 400,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "body_too_large": 413,
    "file_too_large": 413,
    "unsupported_media_type": 415,
    "form_expected": 415,
    "validation_failed": 422,
    "too_many_requests": 429,
    "internal_error": 500,
    "event_unreadable": 500,
    "store_unavailable": 503,
    "outcome_unknown": 503,
    "overloaded": 503,
    "not_migrated": 503,
    "queue_unavailable": 503,
    "job_not_found": 404,
    "import_not_found": 404,
    "ledger_not_found": 404,
    "checkpoint_not_found": 404,
    "proof_not_found": 404,
    "export_not_found": 404,
    "notification_not_found": 404,
    "export_not_ready": 409,
    "export_failed": 409,
    "too_many_jobs": 429,
    "webhook_not_found": 404,
    "delivery_not_found": 404,
    "too_many_webhooks": 409,
    "rebuild_not_found": 404,
    "too_many_rebuilds": 429,
    "otp_invalid": 401,
    "otp_cooldown": 429,
    "otp_quota": 429,
    "auth_unavailable": 503,
    "token_missing": 401,
    "token_invalid": 401,
    "token_expired": 401,
    "session_ended": 401,
    "refresh_reused": 401,
    "account_suspended": 403,
    "session_not_found": 404,
    "idempotency_key_reused": 422,
    "version_mismatch": 412,
    "category_not_found": 404,
    "category_inactive": 409,
    "category_name_taken": 409,
    "category_in_use": 409,
    "transaction_not_found": 404,
    "transaction_voided": 409,
    "amount_missing": 422,
    "direction_not_allowed": 422,
    "kind_mismatch": 409,
    "savings_too_low": 409,
    "budget_not_found": 404,
    "budget_exists": 409,
    "budget_amount_missing": 422,
    "budget_amounts_reversed": 422,
    "budget_period_reversed": 422,
    "budget_period_uneven": 422,
    "budget_repeat_missing": 422,
    "budget_rollover_unlimited": 422,
    "budget_until_too_early": 422,
    "recurrence_not_found": 404,
    "draft_not_found": 404,
    "draft_confirmed": 409,
    "amount_said_twice": 422,
    "end_said_twice": 422,
    "count_missing": 422,
    "split_too_small": 422,
    "weekdays_not_allowed": 422,
    "never_happens": 422,
    "too_many_past": 422,
    "goal_not_found": 404,
    "goal_exists": 409,
    "id_taken": 409,
    "total_too_large": 409,
}
"""The HTTP status of every code a problem can have."""

HTTP_CODES: Final[Mapping[int, str]] = {
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    415: "unsupported_media_type",
    500: "internal_error",
}
"""What Flask and Werkzeug turn down by themselves; any other 4xx is `bad_request`."""


class Flaw:
    """Why one value is refused: a stable code, and what fills its message."""

    def __init__(self, code: str, **details: object) -> None:
        self.code = code
        self.details = details


class FieldError(msgspec.Struct, frozen=True):
    """A flaw and the dotted path of the value it was found in; "" is the body itself."""

    field: str
    flaw: Flaw


class Problem(Exception):
    """A request the web turns down. `details` fill the message of its code."""

    def __init__(
        self,
        code: str,
        details: Mapping[str, object] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.headers = headers or {}
        self.errors = errors
        self.details = details or {}


def flaw(code: str, field: str = ma.exceptions.SCHEMA, **details: object) -> ma.ValidationError:
    """The error that a schema raises about one of its fields, or about itself."""
    # marshmallow hands on whatever it is given as a message; its types say strings only.
    return ma.ValidationError(Flaw(code, **details), field_name=field)  # type: ignore[arg-type]


def flawed(errors: Sequence[FieldError]) -> Problem:
    """The 422 that names every field at fault."""
    return Problem("validation_failed", errors=errors)


def field_errors(messages: object, path: str = "") -> Iterator[FieldError]:
    """marshmallow's nested messages as a flat series with dotted paths."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from field_errors(inner, _inner_path(path, name))
    elif isinstance(messages, list):
        for inner in messages:
            yield from field_errors(inner, path)
    else:
        yield FieldError(path, messages if isinstance(messages, Flaw) else Flaw("invalid"))


def _inner_path(path: str, name: object) -> str:
    if name == ma.exceptions.SCHEMA:
        return path
    shown = str(name)[:100]
    return f"{path}.{shown}" if path else shown


def problem_response(problem: Problem) -> Response:
    """A problem as an answer; `web.access` reads its code from `g.problem`."""
    g.problem = problem.code
    return Response(
        msgspec.json.encode(problem_body(problem)),
        STATUSES[problem.code],
        headers=problem.headers,
        content_type="application/problem+json",
    )


def problem_body(problem: Problem) -> dict[str, Any]:
    """A problem as the client reads it."""
    language = preferred_language()
    status = STATUSES[problem.code]
    body: dict[str, Any] = {
        "type": f"urn:dakhl-o-kharj:problem:{problem.code}",
        "title": status_title(status, language),
        "status": status,
        "detail": message(problem.code, language, problem.details),
        "code": problem.code,
        "request_id": request_id(),
    }
    if problem.errors:
        body["errors"] = [_shown(error, language) for error in problem.errors[:MAX_FIELD_ERRORS]]
    return body


def _shown(error: FieldError, language: Language) -> dict[str, str]:
    return {
        "field": error.field,
        "code": error.flaw.code,
        "message": message(error.flaw.code, language, error.flaw.details),
    }


def refusal_problem(refusal: Refusal, errors: Sequence[FieldError] = ()) -> Problem:
    """A rule's refusal as a problem; the field it is about is named when the status is 422."""
    if not errors and STATUSES[refusal.code] == 422:
        errors = [FieldError(refusal.field or "", Flaw(refusal.code, **refusal.details))]
    return Problem(refusal.code, refusal.details, errors=errors)


def register_error_handlers(app: Flask) -> None:
    """Answer every exception with a problem; log those nobody expected."""
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(Refusal, _handle_refusal)
    app.register_error_handler(StoreUnavailable, _handle_store_unavailable)
    app.register_error_handler(UnknownEvent, _handle_unknown_event)
    app.register_error_handler(HTTPException, _handle_http)
    app.register_error_handler(Exception, _handle_unexpected)


def _handle_refusal(refusal: Refusal) -> Response:
    return problem_response(refusal_problem(refusal))


def _handle_store_unavailable(error: StoreUnavailable) -> Response:
    log.warning("store unavailable", reason=str(error))
    headers = {"Retry-After": str(STORE_RETRY_SECONDS)}
    codes = {OutcomeUnknown: "outcome_unknown", Overloaded: "overloaded"}
    code = codes.get(type(error), "store_unavailable")
    return problem_response(Problem(code, headers=headers))


def _handle_unknown_event(error: UnknownEvent) -> Response:
    log.error("event unreadable", reason=str(error))
    return problem_response(event_unreadable(error))


def event_unreadable(error: UnknownEvent) -> Problem:
    """The problem that names an event which cannot be read, in whatever was asked."""
    return Problem("event_unreadable", {"version": error.version})


def _handle_http(error: HTTPException) -> WsgiResponse:
    if error.code is not None and error.code < 400:
        return error.get_response()
    headers = {
        name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")
    }
    code = HTTP_CODES.get(error.code or 500, "bad_request")
    return problem_response(Problem(code, headers=headers))


def _handle_unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return problem_response(Problem("internal_error"))
