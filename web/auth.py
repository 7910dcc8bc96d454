"""Sign-in: bearer tokens, and whoever holds one."""

import datetime as dt
import hmac
import math
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NoReturn, cast
from uuid import UUID, uuid4

import jwt
import msgspec
from flask import Flask, Response
from flask.globals import app_ctx, request_ctx
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_current_user,
    get_jwt,
    verify_jwt_in_request,
)

from domain.store import accounts
from domain.store.accounts import CurrentAccount, Grant
from domain.store.ledgers import LedgerMissing, utc_now
from domain.store.settings import Settings
from domain.store.standing import Role
from web.access import tell_account
from web.errors import Problem, problem_response
from web.limits import count_request
from web.services import Services, services
from web.standing import Standing

EXTENSION: Final = "dakhl-o-kharj-standing"
ISSUER: Final = "dakhl-o-kharj"
AUDIENCE: Final = "dakhl-o-kharj-api"
ALGORITHM: Final = "HS256"

_CLAIMS: Final = {
    "access": {"sub", "sid", "jti", "iat", "exp", "lid", "role"},
    "refresh": {"sub", "sid", "jti", "iat", "exp"},
}
_UUID_CLAIMS: Final = ("sub", "sid", "jti", "lid")

_CHALLENGE: Final = f'Bearer realm="{ISSUER}"'

_REMEMBERED: Final = "dakhl-o-kharj-tokens"
_MOST_REMEMBERED: Final = 10_000
_LONGEST_REMEMBERED: Final = 1000
"""Characters of a header; a token of ours has about 500. So memory has an end."""


class _Verified(msgspec.Struct, frozen=True):
    """What an access token says, which was found to be ours and whole; times as in the token."""

    claimed: CurrentAccount
    issued_at: float
    expires_at: int


def require_sign_in() -> None:
    """Let this request pass with a live access token only, and count it.

    Raises Problem: 401 with a challenge, 403 `account_suspended`, 429 `too_many_requests`; and
    StoreUnavailable when it cannot be known whether the session is over.
    """
    header = request_ctx.request.environ.get("HTTP_AUTHORIZATION", "")
    is_short = len(header) <= _LONGEST_REMEMBERED
    look_up = app_ctx.app.extensions[_REMEMBERED] if is_short else _verified
    account = _still(look_up(header))
    if account is None:
        # Good once, and no longer: what is wrong now is found as if it had never been seen.
        _verify()
        account = get_current_user()
    _let_in(account)
    count_request(account.account_id)


def require_role(role: Role) -> None:
    """Let this request pass for somebody with this role only, like `require_sign_in`.

    Raises Problem `not_found` (404) for anybody else who is signed in, as where nothing is.
    """
    require_sign_in()
    if current_account().role != role:
        raise Problem("not_found")


def current_account() -> CurrentAccount:
    """Whoever is signed in; for views behind `signed_in`."""
    return cast(CurrentAccount, app_ctx.g.account)


def presented_refresh() -> tuple[UUID, UUID]:
    """The session and the id of this request's refresh token; Problem 401 or 403 otherwise."""
    _verify(refresh=True)
    _let_in(get_current_user())
    claims = get_jwt()
    return UUID(claims["sid"]), UUID(claims["jti"])


def new_grant(account_id: UUID, session_id: UUID) -> Grant:
    """Ids and times for the next pair of tokens of a session."""
    # Tokens count in whole seconds; the row holds the same, to make the same token again.
    issued_at = utc_now().replace(microsecond=0)
    lifetime = dt.timedelta(seconds=services().settings.refresh_token_seconds)
    return Grant(account_id, session_id, uuid4(), issued_at, issued_at + lifetime)


def token_pair(grant: Grant, ledger_id: UUID, role: Role) -> dict[str, Any]:
    """The tokens of a grant as a client reads them; the same grant gives the same tokens."""
    seconds = services().settings.access_token_seconds
    access_until = grant.issued_at + dt.timedelta(seconds=seconds)
    identity = str(grant.account_id)
    headers = {"kid": key_id(services().settings.jwt_secret_key)}
    claims = {**_claims(grant, access_until), "lid": str(ledger_id), "role": role}
    access = create_access_token(identity, additional_claims=claims, additional_headers=headers)
    claims = _claims(grant, grant.expires_at)
    refresh = create_refresh_token(identity, additional_claims=claims, additional_headers=headers)
    return {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": _seconds_until(access_until),
        "refresh_token": refresh,
        "refresh_expires_in": _seconds_until(grant.expires_at),
    }


def sessions_changed() -> None:
    """Say that this process has ended sessions, or changed an account: it knows at once."""
    standing: Standing = app_ctx.app.extensions[EXTENSION]
    standing.distrust()


def key_id(key: str) -> str:
    """The name under which tokens say which key signed them."""
    return hmac.digest(key.encode(), b"kid", "sha256").hex()[:16]


def register_tokens(app: Flask, given: Services) -> None:
    """Pin what a token must be, and answer bad ones with problems."""
    settings = given.settings
    app.extensions[EXTENSION] = Standing(given.database, settings.access_token_seconds)
    # It remembers no refusal, and nothing of another app's keys.
    app.extensions[_REMEMBERED] = lru_cache(_MOST_REMEMBERED)(_verified)
    app.config.update(
        JWT_SECRET_KEY=settings.jwt_secret_key,
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_ENCODE_NBF=False,
        # It would put a random value into every token; there are no cookies to protect.
        JWT_COOKIE_CSRF_PROTECT=False,
        JWT_TOKEN_LOCATION=["headers"],
    )
    manager = JWTManager(app)
    manager.decode_key_loader(_chooser(settings))
    manager.unauthorized_loader(lambda _reason: _challenge("token_missing"))
    manager.invalid_token_loader(lambda _reason: _challenge("token_invalid"))
    manager.expired_token_loader(lambda _header, _claims: _challenge("token_expired"))
    manager.revoked_token_loader(lambda _header, _claims: _challenge("session_ended"))
    manager.needs_fresh_token_loader(lambda _header, _claims: _challenge("token_invalid"))
    manager.user_lookup_error_loader(lambda _header, _claims: _challenge("session_ended"))
    manager.token_verification_loader(_is_whole)
    manager.token_verification_failed_loader(lambda _header, _claims: _challenge("token_invalid"))
    manager.user_lookup_loader(_look_up)
    # Erased since the token was looked up: that is how a session ends, too.
    app.register_error_handler(LedgerMissing, lambda _error: _challenge("session_ended"))


def refused_token(code: str) -> Problem:
    """The 401 for a token, with its challenge (RFC 6750)."""
    error = "" if code == "token_missing" else ', error="invalid_token"'
    return Problem(code, headers={"WWW-Authenticate": _CHALLENGE + error})


def _verify(*, refresh: bool = False) -> None:
    try:
        verify_jwt_in_request(refresh=refresh)
    except (RecursionError, ValueError):
        # PyJWT parses what it has not verified yet: it may be nested without end. And a claim
        # that should be a UUID may be none.
        _refuse("token_invalid")


def _let_in(account: CurrentAccount) -> None:
    app_ctx.g.account = account
    tell_account(account.account_id)


def _verified(_header: str) -> _Verified:
    """What this request's access token says; remembered by its `Authorization` header."""
    _verify()
    claims = get_jwt()
    return _Verified(_claimed(claims), claims["iat"], int(claims["exp"]))


def _still(found: _Verified) -> CurrentAccount | None:
    """Whoever a token named when it was verified, if it still lets them in."""
    now = time.time()
    if not found.issued_at <= now < found.expires_at or _is_too_old(found.issued_at, now):
        return None
    standing: Standing = app_ctx.app.extensions[EXTENSION]
    account = standing.of(found.claimed)
    return None if account is None or account.is_suspended else account


def _refuse(code: str) -> NoReturn:
    raise refused_token(code) from None


def _challenge(code: str) -> Response:
    return problem_response(refused_token(code))


def _chooser(settings: Settings) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    keys = (settings.jwt_secret_key, *settings.jwt_previous_secret_keys)
    by_id = {key_id(key): key for key in keys}

    def choose(header: dict[str, Any], _claims: dict[str, Any]) -> str:
        kid = header.get("kid")
        if not isinstance(kid, str) or kid not in by_id:
            raise jwt.InvalidTokenError("signed by a key that is not ours")
        return by_id[kid]

    return choose


def _is_whole(_header: dict[str, Any], claims: dict[str, Any]) -> bool:
    # The library takes every type but "refresh" for an access token.
    if not claims.keys() >= _CLAIMS.get(claims["type"], {None}):
        return False
    return all(UUID(str(claims[name])) for name in _UUID_CLAIMS if name in claims)


def _look_up(_header: dict[str, Any], claims: dict[str, Any]) -> CurrentAccount | None:
    found = _at_refresh(claims) if claims["type"] == "refresh" else _at_request(claims)
    if found is not None and found.is_suspended:
        raise Problem("account_suspended")
    return found


def _at_refresh(claims: dict[str, Any]) -> CurrentAccount | None:
    session_id = UUID(claims["sid"])
    return services().database.read(
        lambda connection: accounts.current_account(connection, session_id)
    )


def _at_request(claims: dict[str, Any]) -> CurrentAccount | None:
    # A token of when tokens lived longer: its session may have left the list of ended ones.
    if _is_too_old(claims["iat"], time.time()):
        _refuse("token_expired")
    standing: Standing = app_ctx.app.extensions[EXTENSION]
    return standing.of(_claimed(claims))


def _is_too_old(issued_at: float, now: float) -> bool:
    return now - issued_at > services().settings.access_token_seconds


def _claimed(claims: dict[str, Any]) -> CurrentAccount:
    account_id, session_id, ledger_id = (UUID(claims[name]) for name in ("sub", "sid", "lid"))
    return CurrentAccount(account_id, session_id, ledger_id, claims["role"], is_suspended=False)


def _claims(grant: Grant, until: dt.datetime) -> dict[str, object]:
    return {
        "jti": str(grant.refresh_id),
        "sid": str(grant.session_id),
        "iat": int(grant.issued_at.timestamp()),
        "exp": int(until.timestamp()),
    }


def _seconds_until(instant: dt.datetime) -> int:
    return max(0, math.ceil((instant - utc_now()).total_seconds()))
