"""Webhooks: what a ledger was told becomes messages to whoever asked to hear of it."""

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from domain.base import RecordedEvent
from domain.store.database import Connection
from domain.store.deliveries import Delivery, add_deliveries, new_delivery
from domain.store.queue import Task
from domain.store.webhooks import list_webhooks
from projections.history import readable_recorded
from workers.following import Act, News

_NOTHING_TO_ENQUEUE: Final[tuple[Task, ...]] = ()


class _Told(NamedTuple):
    version: int
    kind: str
    body: bytes


def tell_webhooks(connection: Connection, news: News) -> Act:
    """Have the events sent to the webhooks that hear of them (`workers.following.Follower`).

    They wait in the database, where whoever sends them looks. They are written out once for all
    webhooks, while others may record: a webhook that is made meanwhile hears of none of them.
    """
    has_webhooks = bool(news.events) and bool(list_webhooks(connection, news.head.ledger_id))
    told = [_told(event) for event in news.events] if has_webhooks else []
    return partial(_add_messages, news=news, told=told)


def _add_messages(connection: Connection, news: News, told: Sequence[_Told]) -> tuple[Task, ...]:
    if not told:
        return _NOTHING_TO_ENQUEUE
    for webhook in list_webhooks(connection, news.head.ledger_id):
        messages = [
            msgspec.structs.replace(
                new_delivery(webhook, one.kind, one.body, news.now), version=one.version
            )
            for one in told
            if webhook.hears(one.kind, one.version)
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


def _told(event: RecordedEvent) -> _Told:
    readable = readable_recorded(event)
    kind = readable.topic.partition(".")[0]
    data = {"ledger_id": event.ledger_id, **msgspec.structs.asdict(readable)}
    body = {"type": kind, "timestamp": event.recorded_at, "data": data}
    return _Told(event.version, kind, msgspec.json.encode(body))
