"""Deliveries over HTTP: what was sent to a webhook, every try of it, and sending again."""

from typing import Any, Final
from uuid import UUID

import marshmallow as ma
import msgspec
from flask import Response
from flask.views import MethodView

from domain.store import deliveries
from domain.store.database import Connection
from domain.store.deliveries import STATUSES, Delivery, new_delivery
from domain.store.ledgers import Bracket, Head
from domain.store.webhooks import Webhook
from projections.paging import Page, decode_cursor, page_of
from web.blueprint import Blueprint
from web.commands import CommandQuery, Made, perform
from web.errors import Problem
from web.fields import Choice
from web.reads import Found, PageQuery, beside_ledger, paged, read
from web.schemas import page_schema
from web.services import services
from web.webhooks import locked_webhook, webhook_of

PING: Final = "ping"
_ORDER: Final = "delivery"

blueprint = Blueprint(
    "deliveries", __name__, url_prefix="/v1/webhooks", description="What was sent out"
)


class DeliveryQuery(PageQuery):
    """Which deliveries to list."""

    status = Choice(*STATUSES)


class AttemptSchema(ma.Schema):
    """One try. `error` is null when it was taken."""

    at = ma.fields.DateTime(required=True)
    http_status = ma.fields.Integer(required=True, allow_none=True)
    latency_ms = ma.fields.Integer(required=True)
    error = ma.fields.String(required=True, allow_none=True)


class DeliverySchema(ma.Schema):
    """A message: `body` is what is sent, to the byte; a ping has no `version`."""

    id = ma.fields.UUID(required=True)
    type = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True, allow_none=True)
    status = ma.fields.String(required=True, metadata={"enum": list(STATUSES)})
    next_try_at = ma.fields.DateTime(required=True, allow_none=True)
    attempts = ma.fields.List(ma.fields.Nested(AttemptSchema), required=True)
    body = ma.fields.String(required=True)
    created_at = ma.fields.DateTime(required=True)


@blueprint.route("/<uuid:webhook_id>/test")
class Test(MethodView):
    """A trial."""

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(202, DeliverySchema)
    def post(self, query: dict[str, Any], webhook_id: UUID) -> Response:
        """Send a `ping`; the one that waits already, where one does."""
        return perform(lambda bracket: _ping(bracket, webhook_id), **query)


@blueprint.route("/<uuid:webhook_id>/deliveries")
class Deliveries(MethodView):
    """What was sent."""

    @blueprint.signed_in
    @blueprint.arguments(DeliveryQuery, location="query")
    @blueprint.response(200, page_schema(DeliverySchema))
    def get(self, query: dict[str, Any], webhook_id: UUID) -> Response:
        """List what is sent to a webhook, the newest first, for 30 days."""

        def listed(connection: Connection, head: Head) -> Found:
            webhook = webhook_of(connection, head.ledger_id, webhook_id)
            return beside_ledger(paged(lambda: _page(connection, webhook, **query), _show_delivery))

        return read(listed)


@blueprint.route("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>")
class OneDelivery(MethodView):
    """One message."""

    @blueprint.signed_in
    @blueprint.response(200, DeliverySchema)
    def get(self, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Show a message and every try of it."""

        def found(connection: Connection, head: Head) -> Found:
            webhook = webhook_of(connection, head.ledger_id, webhook_id)
            return beside_ledger(Found(_show_delivery(_delivery(connection, webhook, delivery_id))))

        return read(found)


@blueprint.route("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/replay")
class Replay(MethodView):
    """Sending again."""

    @blueprint.signed_in
    @blueprint.arguments(CommandQuery, location="query")
    @blueprint.response(202, DeliverySchema)
    def post(self, query: dict[str, Any], webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send a message again: the same id, the same body, a new signature."""
        return perform(lambda bracket: _replay(bracket, webhook_id, delivery_id), **query)


def _ping(bracket: Bracket, webhook_id: UUID) -> Made:
    webhook, now = locked_webhook(bracket, webhook_id), services().ledgers.clock()
    ping = deliveries.find_waiting_ping(bracket.connection, webhook)
    if ping is None:
        told = {"ledger_id": webhook.ledger_id, "webhook_id": webhook.id}
        body = msgspec.json.encode({"type": PING, "timestamp": now, "data": told})
        ping = new_delivery(webhook, PING, body, now)
        deliveries.add_deliveries(bracket.connection, webhook, [ping], now)
    return _accepted(webhook, ping)


def _replay(bracket: Bracket, webhook_id: UUID, delivery_id: UUID) -> Made:
    webhook = locked_webhook(bracket, webhook_id)
    delivery = _delivery(bracket.connection, webhook, delivery_id)
    deliveries.replay(bracket.connection, webhook, delivery, services().ledgers.clock())
    return _accepted(webhook, _delivery(bracket.connection, webhook, delivery_id))


def _accepted(webhook: Webhook, delivery: Delivery) -> Made:
    location = f"/v1/webhooks/{webhook.id}/deliveries/{delivery.id}"
    return Made(_show_delivery(delivery), 202, location=location)


def _delivery(connection: Connection, webhook: Webhook, delivery_id: UUID) -> Delivery:
    found = deliveries.find_delivery(connection, webhook, delivery_id)
    if found is None:
        raise Problem("delivery_not_found")
    return found


def _page(
    connection: Connection,
    webhook: Webhook,
    limit: int,
    cursor: str | None = None,
    status: deliveries.Status | None = None,
) -> Page[Delivery]:
    before = None if cursor is None else decode_cursor(cursor, _ORDER, [UUID])[0]
    found = deliveries.list_deliveries(connection, webhook, before, limit + 1, status)
    return page_of(found, limit, _ORDER, lambda one: [one.id])


def _show_delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "type": delivery.type,
        "version": delivery.version,
        "status": delivery.status,
        "next_try_at": delivery.next_try_at,
        "attempts": delivery.attempts,
        "body": delivery.body,
        "created_at": delivery.created_at,
    }
