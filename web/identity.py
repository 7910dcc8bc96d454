"""Identity: signing in by phone, the devices signed in, and one's own profile."""

from typing import Any, Final
from uuid import UUID, uuid4

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView

from domain.store import accounts
from domain.store.accounts import Account, Grant, Session
from domain.store.database import Connection, StoreUnavailable
from domain.store.ledgers import utc_now
from domain.store.notices import tell
from domain.store.queue import Task
from domain.store.registration import find_or_register
from domain.store.settings import CODE_SECONDS
from domain.text import ascii_digits
from web.access import tell_account
from web.answers import answer, no_content
from web.auth import (
    current_account,
    new_grant,
    presented_refresh,
    refused_token,
    sessions_changed,
    token_pair,
)
from web.blueprint import Blueprint
from web.codes import COOLDOWN_SECONDS, Codes, while_available
from web.devices import device_name
from web.errors import Problem, flaw
from web.fields import Schema, Text, Uuid
from web.limits import count_request
from web.phones import Phone
from web.queue import enqueue_or_leave
from web.schemas import page_schema
from web.services import services

NO_STORE: Final = {"Cache-Control": "no-store"}

blueprint = Blueprint(
    "identity", __name__, url_prefix="/v1", description="Signing in, devices, profile"
)


class CodeField(Text):
    """Six digits, Persian and Arabic ones too."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        code = ascii_digits(super()._deserialize(value, *args, **kwargs))
        if not (len(code) == 6 and code.isascii() and code.isdigit()):
            raise flaw("invalid_code")
        return code


class CodeRequestSchema(Schema):
    """Where to send a code."""

    phone = Phone(required=True)


class CodeRequestedSchema(ma.Schema):
    """A code is on its way. Times are seconds."""

    request_id = ma.fields.UUID(required=True)
    expires_in = ma.fields.Integer(required=True)
    retry_after = ma.fields.Integer(required=True)


class SignInSchema(Schema):
    """A code, and the request and phone it belongs to."""

    phone = Phone(required=True)
    code = CodeField(40, required=True, metadata={"pattern": "^[0-9]{6}$"})
    request_id = Uuid(required=True)
    device = Text(100, allow_none=True, load_default=None)


class TokensSchema(ma.Schema):
    """A pair of tokens. Times are seconds."""

    access_token = ma.fields.String(required=True)
    token_type = ma.fields.String(required=True, metadata={"enum": ["Bearer"]})
    expires_in = ma.fields.Integer(required=True)
    refresh_token = ma.fields.String(required=True)
    refresh_expires_in = ma.fields.Integer(required=True)


class ProfileSchema(ma.Schema):
    """A person, to themselves."""

    id = ma.fields.UUID(required=True)
    phone = ma.fields.String(required=True)
    first_name = ma.fields.String(required=True, allow_none=True)
    last_name = ma.fields.String(required=True, allow_none=True)
    role = ma.fields.String(required=True, metadata={"enum": ["person", "auditor", "operator"]})


class SignedInAccountSchema(ProfileSchema):
    """Who signed in; `is_new` when this was the first time."""

    is_new = ma.fields.Boolean(required=True)


class SignedInSchema(TokensSchema):
    """A pair of tokens and whose they are."""

    account = ma.fields.Nested(SignedInAccountSchema, required=True)


class MeSchema(ProfileSchema):
    """One's own profile and the ledger it opened."""

    ledger_id = ma.fields.UUID(required=True)
    created_at = ma.fields.DateTime(required=True)


class RenameSchema(Schema):
    """What a person wants to be called; what is left out stays."""

    first_name = Text(100, minimum=1, allow_none=True)
    last_name = Text(100, minimum=1, allow_none=True)


class SessionSchema(ma.Schema):
    """A device that is signed in."""

    id = ma.fields.UUID(required=True)
    device = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.DateTime(required=True)
    last_used_at = ma.fields.DateTime(required=True)
    expires_at = ma.fields.DateTime(required=True)
    is_current = ma.fields.Boolean(required=True)


@blueprint.route("/auth/otp")
class CodeRequests(MethodView):
    """Codes asked for."""

    @blueprint.arguments(CodeRequestSchema)
    @blueprint.response(202, CodeRequestedSchema)
    def post(self, asked: dict[str, Any]) -> Response:
        """Ask for a code; the answer is the same whether the number is known or not."""
        issued = sign_in_codes().issue(asked["phone"], request.remote_addr)
        with while_available():
            services().send_code(asked["phone"], issued.code)
        requested = {
            "request_id": issued.request_id,
            "expires_in": CODE_SECONDS,
            "retry_after": COOLDOWN_SECONDS,
        }
        return answer(requested, 202, NO_STORE)


@blueprint.route("/auth/token")
class Tokens(MethodView):
    """Codes turned into tokens."""

    @blueprint.arguments(SignInSchema)
    @blueprint.response(200, SignedInSchema)
    def post(self, asked: dict[str, Any]) -> Response:
        """Sign in with a code; the first time makes the account and opens its ledger."""
        if not sign_in_codes().redeem(asked["request_id"], asked["phone"], asked["code"]):
            raise refused_token("otp_invalid")
        device = asked["device"] or device_name(request.user_agent.string)
        try:
            account, is_new, grant, tasks = services().database.write(
                lambda connection: _sign_in(connection, asked["phone"], device)
            )
        except StoreUnavailable:
            sign_in_codes().give_back(asked["request_id"])
            raise
        tell_account(account.id)
        for task in tasks:
            enqueue_or_leave(task)
        profile = {**_profile(account), "is_new": is_new}
        tokens = token_pair(grant, account.ledger_id, account.role)
        return answer({**tokens, "account": profile}, headers=NO_STORE)


@blueprint.route("/auth/refresh")
class Refreshes(MethodView):
    """Tokens turned into newer ones."""

    @blueprint.response(200, TokensSchema)
    @blueprint.doc(security=[{"refresh": []}])
    def post(self) -> Response:
        """Exchange a refresh token, sent as the bearer token, for a new pair."""
        session_id, refresh_id = presented_refresh()
        me, now = current_account(), utc_now()
        count_request(me.account_id)
        successor = new_grant(me.account_id, session_id)
        outcome = services().database.write(
            lambda connection: accounts.rotate(connection, session_id, refresh_id, successor, now)
        )
        if not isinstance(outcome, Grant):
            sessions_changed()
            raise refused_token(outcome)
        return answer(token_pair(outcome, me.ledger_id, me.role), headers=NO_STORE)


@blueprint.route("/auth/logout")
class Logout(MethodView):
    """Signing out."""

    @blueprint.signed_in
    @blueprint.response(204)
    def post(self) -> Response:
        """End this session."""
        _end(current_account().session_id)
        return no_content()


@blueprint.route("/auth/sessions")
class Sessions(MethodView):
    """The devices signed in."""

    @blueprint.signed_in
    @blueprint.response(200, page_schema(SessionSchema))
    def get(self) -> Response:
        """List the devices signed in, last used first."""
        me = current_account()
        found = services().database.read(
            lambda connection: accounts.live_sessions(connection, me.account_id, utc_now())
        )
        items = [_shown(session, me.session_id) for session in found]
        return answer({"items": items, "next_cursor": None, "has_more": False})

    @blueprint.signed_in
    @blueprint.response(204)
    def delete(self) -> Response:
        """Sign every other device out."""
        me = current_account()
        services().database.write(
            lambda connection: accounts.end_other_sessions(
                connection, me.account_id, me.session_id, utc_now()
            )
        )
        sessions_changed()
        return no_content()


@blueprint.route("/auth/sessions/<uuid:session_id>")
class OneSession(MethodView):
    """One device."""

    @blueprint.signed_in
    @blueprint.response(204)
    def delete(self, session_id: UUID) -> Response:
        """Sign one device out."""
        if not _end(session_id):
            raise Problem("session_not_found")
        return no_content()


@blueprint.route("/me")
class Me(MethodView):
    """One's own profile."""

    @blueprint.signed_in
    @blueprint.response(200, MeSchema)
    def get(self) -> Response:
        """Read one's own profile."""
        return answer(services().database.read(_me))

    @blueprint.signed_in
    @blueprint.arguments(RenameSchema)
    @blueprint.response(200, MeSchema)
    def patch(self, asked: dict[str, Any]) -> Response:
        """Change one's own name."""
        return answer(services().database.write(lambda connection: _rename(connection, asked)))


def sign_in_codes() -> Codes:
    """The codes of this app."""
    given = services()
    return Codes(given.redis, given.settings.otp_pepper, given.settings.otp_address_quota)


def _sign_in(
    connection: Connection, phone: str, device: str | None
) -> tuple[Account, bool, Grant, list[Task]]:
    account, is_new = find_or_register(connection, services().ledgers, phone)
    if account.suspended_at is not None:
        raise Problem("account_suspended")
    grant = new_grant(account.id, uuid4())
    accounts.start_session(connection, grant, device)
    if is_new or not accounts.is_new_device(connection, grant, device):
        return account, is_new, grant, []
    session_id = str(grant.session_id)
    data = {"session_id": session_id, "device": device}
    tasks = tell(connection, account.ledger_id, "sign_in", session_id, data, grant.issued_at)
    return account, is_new, grant, tasks


def _end(session_id: UUID) -> bool:
    account_id = current_account().account_id
    is_known = services().database.write(
        lambda connection: accounts.end_session(connection, account_id, session_id, utc_now())
    )
    sessions_changed()
    return is_known


def _me(connection: Connection) -> dict[str, object]:
    account = accounts.account_by_id(connection, current_account().account_id)
    if account is None:
        raise refused_token("session_ended")
    extra = {"ledger_id": account.ledger_id, "created_at": account.created_at}
    return {**_profile(account), **extra}


def _rename(connection: Connection, asked: dict[str, Any]) -> dict[str, object]:
    names = {**_me(connection), **asked}
    account_id = current_account().account_id
    if not accounts.rename(connection, account_id, names["first_name"], names["last_name"]):
        raise refused_token("session_ended")
    return names


def _profile(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "phone": account.phone,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "role": account.role,
    }


def _shown(session: Session, current_id: UUID) -> dict[str, object]:
    return {
        "id": session.id,
        "device": session.device,
        "created_at": session.created_at,
        "last_used_at": session.last_used_at,
        "expires_at": session.expires_at,
        "is_current": session.id == current_id,
    }
