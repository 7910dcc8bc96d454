"""Erasing oneself: the person and the ledger go, a tombstone stays."""

from typing import Any

from flask import Response
from flask.views import MethodView

from domain.store import accounts
from domain.store.database import StoreUnavailable
from domain.store.erasure import erase
from web.answers import no_content
from web.auth import current_account, refused_token, sessions_changed
from web.blueprint import Blueprint
from web.fields import Schema, Uuid
from web.identity import CodeField, sign_in_codes
from web.phones import Phone
from web.services import services

blueprint = Blueprint("erasure", __name__, url_prefix="/v1", description="Being forgotten")


class EraseQuery(Schema):
    """No parameter: there is no trying this out (`dry_run` is 422)."""


class EraseSchema(Schema):
    """A fresh code that was sent to one's own phone, and its request."""

    phone = Phone()
    code = CodeField(40, required=True, metadata={"pattern": "^[0-9]{6}$"})
    request_id = Uuid(required=True)


@blueprint.route("/me")
class Erasure(MethodView):
    """One's own end."""

    @blueprint.signed_in
    @blueprint.arguments(EraseQuery, location="query")
    @blueprint.arguments(EraseSchema)
    @blueprint.response(204)
    def delete(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Erase oneself and all that one recorded, for ever; asks for a fresh code.

        The code is one that `POST /v1/auth/otp` sent to this account's own phone; `phone` may be
        left out. `Idempotency-Key` has no meaning here: once erased, every token is 401
        `session_ended`.
        """
        _check_code(asked)
        given = services()
        ledger_id, now = current_account().ledger_id, given.ledgers.clock()
        try:
            given.database.write(lambda connection: erase(connection, ledger_id, now))
        except StoreUnavailable:
            sign_in_codes().give_back(asked["request_id"])
            raise
        sessions_changed()
        given.database.truncate_log()
        return no_content()


def _check_code(asked: dict[str, Any]) -> None:
    account_id = current_account().account_id
    account = services().database.read(
        lambda connection: accounts.account_by_id(connection, account_id)
    )
    if account is None:
        raise refused_token("session_ended")
    is_own = asked.get("phone", account.phone) == account.phone
    if not is_own or not sign_in_codes().redeem(asked["request_id"], account.phone, asked["code"]):
        raise refused_token("otp_invalid")
