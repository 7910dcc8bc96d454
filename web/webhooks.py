"""Webhooks over HTTP: where one's events are sent, what became of each, and sending again."""

import datetime as dt
from typing import Any, Final
from uuid import UUID, uuid4

import marshmallow as ma
import msgspec
from cryptography.fernet import Fernet
from flask import Response
from flask.views import MethodView

from domain.calendar import today_in_tehran
from domain.store import webhooks
from domain.store.database import Connection
from domain.store.following import begin_following
from domain.store.ledgers import Bracket, Head, read_head
from domain.store.sealing import sealer
from domain.store.webhooks import (
    ALL,
    KINDS,
    MOST_WEBHOOKS,
    SEALED_FOR,
    Webhook,
    new_secret,
    sealed_secret,
)
from domain.web_addresses import (
    LONGEST_URL,
    InvalidUrl,
    Target,
    is_among,
    is_public,
    literal_address,
    parse_target,
)
from projections.paging import Page
from web.answers import answer
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform, require_match
from web.errors import Problem, flaw
from web.fields import Boolean, Choice, ListOf, Schema, Text, Uuid
from web.reads import Found, beside_ledger, paged, read
from web.schemas import page_schema
from web.services import services

EVENTS: Final = (ALL, *KINDS)

blueprint = Blueprint("webhooks", __name__, url_prefix="/v1", description="Events sent out")


class Url(Text):
    """An address to send to. Whether it may be sent to is known when it is."""

    def __init__(self, **options: Any) -> None:
        shown = {"format": "uri", "pattern": "^https?://", "example": "https://example.ir/hook"}
        super().__init__(LONGEST_URL, metadata=shown, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        url = super()._deserialize(value, *args, **kwargs)
        try:
            target = parse_target(url)
        except InvalidUrl as error:
            raise flaw("invalid_url") from error
        if _is_out_of_bounds(target):
            raise flaw("address_refused")
        return url


class NewWebhookSchema(Schema):
    """Where to send which events: kinds as in the topics, without the number, or `*` for all."""

    url = Url(required=True)
    events = ListOf(Choice(*EVENTS), len(EVENTS), 1, required=True)
    description = Text(200, allow_none=True, load_default=None)
    id = Uuid(load_default=None)


class WebhookChangeSchema(Schema):
    """What to change; what is left out stays."""

    url = Url()
    events = ListOf(Choice(*EVENTS), len(EVENTS), 1)
    description = Text(200, allow_none=True)
    is_active = Boolean()


class WebhookSchema(ma.Schema):
    """A webhook. `failures` are tries in a row; `skipped` are events not kept for it."""

    id = ma.fields.UUID(required=True)
    url = ma.fields.String(required=True)
    events = ma.fields.List(
        ma.fields.String(metadata={"enum": list(EVENTS)}),
        required=True,
    )
    description = ma.fields.String(required=True, allow_none=True)
    is_active = ma.fields.Boolean(required=True)
    paused_at = ma.fields.DateTime(required=True, allow_none=True)
    pause_reason = ma.fields.String(required=True, allow_none=True)
    failures = ma.fields.Integer(required=True)
    skipped = ma.fields.Integer(required=True)
    since_version = ma.fields.Integer(required=True)
    old_secret_until = ma.fields.DateTime(required=True, allow_none=True)
    version = ma.fields.Integer(required=True)
    created_at = ma.fields.DateTime(required=True)
    updated_at = ma.fields.DateTime(required=True)


class WebhookSecretSchema(WebhookSchema):
    """A webhook and its secret, which is told once: null when the request is repeated."""

    secret = ma.fields.String(required=True, allow_none=True)


@blueprint.route("/webhooks")
class Webhooks(MethodView):
    """All webhooks."""

    @blueprint.signed_in
    @blueprint.response(200, page_schema(WebhookSchema))
    def get(self) -> Response:
        """List one's webhooks, oldest first."""
        return read(_listed)

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(NewWebhookSchema)
    @blueprint.response(201, WebhookSecretSchema)
    def post(self, query: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Have events sent to an address, from now on. The secret is told this once."""
        secret = new_secret()
        made = perform(lambda bracket: _add(bracket, asked, secret), **query)
        return _telling(secret, made) if made.status_code == 201 else made


@blueprint.route("/webhooks/<uuid:webhook_id>")
class OneWebhook(MethodView):
    """One webhook."""

    @blueprint.signed_in
    @blueprint.response(200, WebhookSchema)
    def get(self, webhook_id: UUID) -> Response:
        """Show a webhook."""
        return read(
            lambda connection, head: _found(webhook_of(connection, head.ledger_id, webhook_id))
        )

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.arguments(WebhookChangeSchema)
    @blueprint.response(200, WebhookSchema)
    def patch(self, query: dict[str, Any], asked: dict[str, Any], webhook_id: UUID) -> Response:
        """Change a webhook, pause it, or resume it."""
        return perform(lambda bracket: _change(bracket, webhook_id, asked), **query)

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(204)
    def delete(self, query: dict[str, Any], webhook_id: UUID) -> Response:
        """Remove a webhook, and what is known of its deliveries."""
        return perform(lambda bracket: _remove(bracket, webhook_id), **query)


@blueprint.route("/webhooks/<uuid:webhook_id>/secret")
class Secret(MethodView):
    """A webhook's secret."""

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(200, WebhookSecretSchema)
    def post(self, query: dict[str, Any], webhook_id: UUID) -> Response:
        """Replace the secret. For 24 hours messages are signed with the old one, too."""
        secret = new_secret()
        made = perform(lambda bracket: _rotate(bracket, webhook_id, secret), **query)
        return made if query["dry_run"] else _telling(secret, made)


def _is_out_of_bounds(target: Target) -> bool:
    """Whether it is certain by now that nothing will be sent there."""
    allowed = services().settings.webhook_allowed_networks
    address = literal_address(target.host)
    if address is not None and is_among(address, allowed):
        return False
    if target.scheme != "https" and not allowed:
        return True
    return address is not None and (target.scheme != "https" or not is_public(address))


def _listed(connection: Connection, head: Head) -> Found:
    found = webhooks.list_webhooks(connection, head.ledger_id)
    return beside_ledger(paged(lambda: Page(found, None), _show))


def _found(webhook: Webhook) -> Found:
    found = beside_ledger(Found(_show(webhook)))
    return msgspec.structs.replace(found, content=f"{webhook.version}.{found.content}")


def _add(bracket: Bracket, asked: dict[str, Any], secret: str) -> Made:
    connection, ledger_id, now = bracket.connection, bracket.ledger_id, _now()
    known = webhooks.list_webhooks(connection, ledger_id)
    events = _in_order(asked["events"])
    for one in known:
        if one.id == asked["id"]:
            if (one.url, one.events, one.description) != (
                asked["url"],
                events,
                asked["description"],
            ):
                raise Problem("id_taken")
            return Made({**_show(one), "secret": None}, 200, one.version)
    if len(known) >= MOST_WEBHOOKS:
        raise Problem("too_many_webhooks", {"maximum": MOST_WEBHOOKS})
    head = read_head(connection, ledger_id)
    webhook = Webhook(
        ledger_id,
        asked["id"] or uuid4(),
        asked["url"],
        asked["description"],
        events,
        sealed_secret(_seal(), secret),
        head.version,
        1,
        now,
        now,
    )
    webhooks.add_webhook(connection, webhook)
    begin_following(connection, head, today_in_tehran(now) - dt.timedelta(days=1))
    # The answer is kept with the request's key, the secret never.
    shown = {**_show(webhook), "secret": None}
    return Made(shown, 201, webhook.version, f"/v1/webhooks/{webhook.id}")


def _change(bracket: Bracket, webhook_id: UUID, asked: dict[str, Any]) -> Made:
    webhook = locked_webhook(bracket, webhook_id)
    require_match(webhook.version)
    connection, now = bracket.connection, _now()
    wants_active = asked.pop("is_active", None)
    if "events" in asked:
        asked["events"] = _in_order(asked["events"])
    changed = msgspec.structs.replace(webhook, **asked)
    is_active = webhook.paused_at is None
    if changed != webhook or wants_active not in (None, is_active):
        changed = msgspec.structs.replace(changed, version=webhook.version + 1, updated_at=now)
        webhooks.change_webhook(connection, changed)
    if wants_active is True and not is_active:
        webhooks.resume_webhook(connection, webhook, now)
    if wants_active is False and is_active:
        webhooks.pause_webhook(connection, webhook, "asked", now)
    return _made(bracket, webhook_id)


def _remove(bracket: Bracket, webhook_id: UUID) -> Made:
    webhook = locked_webhook(bracket, webhook_id)
    require_match(webhook.version)
    webhooks.remove_webhook(bracket.connection, webhook)
    return Made(None)


def _rotate(bracket: Bracket, webhook_id: UUID, secret: str) -> Made:
    webhook, now = locked_webhook(bracket, webhook_id), _now()
    changed = webhooks.replaced_secret(webhook, sealed_secret(_seal(), secret), now)
    webhooks.change_webhook(bracket.connection, changed)
    return Made({**_show(changed), "secret": None}, 200, changed.version)


def _made(bracket: Bracket, webhook_id: UUID) -> Made:
    webhook = webhook_of(bracket.connection, bracket.ledger_id, webhook_id)
    return Made(_show(webhook), 200, webhook.version)


def _telling(secret: str, made: Response) -> Response:
    """The answer with the secret, but where it repeats what was answered before."""
    if "Idempotency-Replayed" in made.headers:
        return made
    kept = {name: made.headers[name] for name in ("ETag", "Location") if name in made.headers}
    version = {"Ledger-Version": made.headers["Ledger-Version"], "Cache-Control": "no-store"}
    body = {**made.get_json(), "secret": secret}
    return answer(body, made.status_code, {**kept, **version})


def locked_webhook(bracket: Bracket, webhook_id: UUID) -> Webhook:
    """A webhook of the ledger that a command is for, locked; Problem `webhook_not_found`."""
    return webhook_of(bracket.connection, bracket.ledger_id, webhook_id, lock=True)


def webhook_of(
    connection: Connection, ledger_id: UUID, webhook_id: UUID, *, lock: bool = False
) -> Webhook:
    """A webhook of a ledger; Problem `webhook_not_found`."""
    found = webhooks.find_webhook(connection, ledger_id, webhook_id, lock=lock)
    if found is None:
        raise Problem("webhook_not_found")
    return found


def _in_order(events: list[str]) -> tuple[str, ...]:
    return (ALL,) if ALL in events else tuple(sorted(set(events)))


def _now() -> dt.datetime:
    return services().ledgers.clock()


def _seal() -> Fernet:
    return sealer(services().settings.webhook_key, SEALED_FOR)


def _show(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.events,
        "description": webhook.description,
        "is_active": webhook.paused_at is None,
        "paused_at": webhook.paused_at,
        "pause_reason": webhook.pause_reason,
        "failures": webhook.failures,
        "skipped": webhook.skipped,
        "since_version": webhook.since_version,
        "old_secret_until": webhook.old_secret_until,
        "version": webhook.version,
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
    }
