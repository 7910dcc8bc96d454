"""Webhooks: what a ledger was told becomes messages to whoever asked to hear of it."""

from functools import partial
from typing import Final

import msgspec

from domain.base import RecordedEvent
from domain.store.database import Connection
from domain.store.deliveries import Delivery, add_deliveries, new_delivery
from domain.store.queue import Task
from domain.store.webhooks import Webhook, list_webhooks
from projections.history import readable_recorded
from workers.following import Act, News

_NOTHING_TO_ENQUEUE: Final[tuple[Task, ...]] = ()


def tell_webhooks(_connection: Connection, news: News) -> Act:
    """Have the events sent to the webhooks that hear of them (`workers.following.Follower`).

    They wait in the database, where whoever sends them looks.
    """
    return partial(_add_messages, news=news)


def _add_messages(connection: Connection, news: News) -> tuple[Task, ...]:
    if not news.events:
        return _NOTHING_TO_ENQUEUE
    for webhook in list_webhooks(connection, news.head.ledger_id):
        messages = [
            message
            for event in news.events
            if (message := _message(webhook, event, news)) is not None
        ]
        if messages:
            add_deliveries(connection, webhook, _in_order(messages), news.now)
    return _NOTHING_TO_ENQUEUE


def _in_order(messages: list[Delivery]) -> list[Delivery]:
    """The same, their ids in the order of their events: they sort by time no finer than by ms."""
    ids = sorted(message.id for message in messages)
    return [
        msgspec.structs.replace(message, id=message_id)
        for message, message_id in zip(messages, ids, strict=True)
    ]


def _message(webhook: Webhook, event: RecordedEvent, news: News) -> Delivery | None:
    readable = readable_recorded(event)
    kind = readable.topic.partition(".")[0]
    if not webhook.hears(kind, event.version):
        return None
    told = {"ledger_id": event.ledger_id, **msgspec.structs.asdict(readable)}
    body = {"type": kind, "timestamp": event.recorded_at, "data": told}
    message = new_delivery(webhook, kind, msgspec.json.encode(body), news.now)
    return msgspec.structs.replace(message, version=event.version)
