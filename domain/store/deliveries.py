"""Deliveries: what is sent to webhooks, every try of it, and whose turn it is.

Who sends to a webhook holds a lease on it, so that it is sent one thing at a time. `due_at` of the
webhook then is when the lease ends: whoever comes later may think its holder dead.
"""

import datetime as dt
from typing import Any, Final, Literal, NamedTuple, get_args
from uuid import UUID

import msgspec

from domain.store.database import Connection, as_record
from domain.store.ids import new_id
from domain.store.webhooks import Webhook, find_webhook

Status = Literal["pending", "failed", "succeeded", "gave_up"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

MOST_WAITING: Final = 10_000
"""Of one webhook; events that come while so many wait are skipped."""

KEPT: Final = dt.timedelta(days=30)
LEASE: Final = dt.timedelta(seconds=40)
_REMOVED_AT_ONCE: Final = 500
_ATTEMPTS_KEPT: Final = 50

_SELECT: Final = """
    SELECT ledger_id, id, webhook_id, version, type, body, status, attempts, tries, trying_since,
        next_try_at, created_at FROM webhook_deliveries
"""
_ONE: Final = "ledger_id = :ledger_id AND webhook_id = :webhook_id AND id = :id"
_OF_ONE: Final = "ledger_id = :ledger_id AND webhook_id = :webhook_id"
_HOOK: Final = "ledger_id = :ledger_id AND id = :webhook_id"
_NEXT: Final = f"{_OF_ONE} AND next_try_at IS NOT NULL"

_ADD: Final = """
    INSERT INTO webhook_deliveries (ledger_id, id, webhook_id, version, type, body, status,
        attempts, tries, next_try_at, created_at)
    VALUES (:ledger_id, :id, :webhook_id, :version, :type, :body, 'pending', '[]', 0, :now,
        :now)
    ON CONFLICT (ledger_id, webhook_id, version) DO NOTHING
"""


class Attempt(msgspec.Struct, frozen=True):
    """One try: what was answered, or the code of what went wrong, or both."""

    at: dt.datetime
    http_status: int | None
    latency_ms: int
    error: str | None


class Delivery(msgspec.Struct, frozen=True):
    """A message to a webhook; `body` is sent to the byte. A ping has no version.

    `tries` and `trying_since` are of this run of tries: a replay begins another.
    """

    ledger_id: UUID
    id: UUID
    webhook_id: UUID
    version: int | None
    type: str
    body: str
    status: Status
    attempts: tuple[Attempt, ...]
    tries: int
    trying_since: dt.datetime | None
    next_try_at: dt.datetime | None
    created_at: dt.datetime


class Turn(NamedTuple):
    """What its holder is to send, to where."""

    webhook: Webhook
    delivery: Delivery


class Outcome(NamedTuple):
    """What a try came to, and what follows of it for the delivery and for its webhook."""

    attempt: Attempt
    status: Status
    next_try_at: dt.datetime | None
    rest_until: dt.datetime | None


def new_delivery(webhook: Webhook, kind: str, body: bytes, now: dt.datetime) -> Delivery:
    """A message that is to be sent as soon as possible."""
    return Delivery(
        webhook.ledger_id,
        new_id(),
        webhook.id,
        None,
        kind,
        body.decode(),
        "pending",
        (),
        0,
        None,
        now,
        now,
    )


def add_deliveries(
    connection: Connection, webhook: Webhook, deliveries: list[Delivery], now: dt.datetime
) -> None:
    """Have messages sent to a webhook; one that is there already stays as it is.

    Its ledger is to be locked, or an erasure could miss the rows. Those that come while too many
    wait are skipped, and counted.
    """
    room = max(0, MOST_WAITING - _count_waiting(connection, webhook)) if deliveries else 0
    connection.run_many(
        _ADD,
        [
            {
                "ledger_id": webhook.ledger_id,
                "id": one.id,
                "webhook_id": webhook.id,
                "version": one.version,
                "type": one.type,
                "body": one.body,
                "now": now,
            }
            for one in deliveries[:room]
        ],
    )
    # Who holds the lease looks again before giving it back; who rests is not woken.
    connection.run(
        f"""
        UPDATE webhooks SET skipped = skipped + :skipped,
            due_at = CASE
                WHEN paused_at IS NOT NULL OR lease IS NOT NULL THEN due_at
                WHEN rest_until > :now THEN rest_until
                ELSE :now
            END
        WHERE {_HOOK}
        """,
        ledger_id=webhook.ledger_id,
        webhook_id=webhook.id,
        skipped=len(deliveries[room:]),
        now=now,
    )


def list_deliveries(
    connection: Connection, webhook: Webhook, before: UUID | None, limit: int, status: Status | None
) -> list[Delivery]:
    """Up to `limit` deliveries that came before one, the newest first."""
    sql = f"{_SELECT} WHERE {_OF_ONE}"
    sql += "" if status is None else " AND status = :status"
    sql += "" if before is None else " AND id < :before"
    sql += " ORDER BY id DESC LIMIT :limit"
    rows = connection.all(
        sql,
        ledger_id=webhook.ledger_id,
        webhook_id=webhook.id,
        before=before,
        limit=limit,
        status=status,
    )
    return [_as_delivery(row) for row in rows]


def find_delivery(connection: Connection, webhook: Webhook, delivery_id: UUID) -> Delivery | None:
    """A delivery to a webhook, or None."""
    sql = f"{_SELECT} WHERE {_ONE}"
    row = connection.one(sql, ledger_id=webhook.ledger_id, webhook_id=webhook.id, id=delivery_id)
    return None if row is None else _as_delivery(row)


def find_waiting_ping(connection: Connection, webhook: Webhook) -> Delivery | None:
    """The ping that is to be sent already, if there is one."""
    sql = f"{_SELECT} WHERE {_NEXT} AND version IS NULL LIMIT 1"
    row = connection.one(sql, ledger_id=webhook.ledger_id, webhook_id=webhook.id)
    return None if row is None else _as_delivery(row)


def replay(connection: Connection, webhook: Webhook, delivery: Delivery, now: dt.datetime) -> None:
    """Have a message sent again, the same to the byte."""
    connection.run(
        f"""
        UPDATE webhook_deliveries SET status = 'pending', tries = 0, trying_since = NULL,
            next_try_at = :now
        WHERE {_ONE}
        """,
        ledger_id=webhook.ledger_id,
        webhook_id=webhook.id,
        id=delivery.id,
        now=now,
    )
    add_deliveries(connection, webhook, [], now)


def due_webhooks(connection: Connection, now: dt.datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """The ledgers and ids of webhooks that something is to be sent to, the longest due first.

    Nothing is sent for somebody who is suspended; it waits.
    """
    sql = """
        SELECT w.ledger_id, w.id FROM webhooks AS w
        WHERE w.due_at <= :now AND NOT EXISTS (
            SELECT 1 FROM accounts AS a
            WHERE a.ledger_id = w.ledger_id AND a.suspended_at IS NOT NULL
        )
        ORDER BY w.due_at LIMIT :limit
    """
    rows = connection.all(sql, now=now, limit=limit)
    return [
        (msgspec.convert(row["ledger_id"], UUID), msgspec.convert(row["id"], UUID)) for row in rows
    ]


def take_turn(
    connection: Connection, ledger_id: UUID, webhook_id: UUID, lease: UUID, now: dt.datetime
) -> Turn | None:
    """Take the lease on a webhook that is due, and what is to be sent first."""
    webhook = find_webhook(connection, ledger_id, webhook_id, lock=True)
    if webhook is None:
        return None
    sql = f"SELECT 1 FROM webhooks WHERE {_HOOK} AND due_at <= :now"
    ids = {"ledger_id": ledger_id, "webhook_id": webhook_id}
    if connection.one(sql, now=now, **ids) is None:
        return None
    return _next_turn(connection, webhook, lease, now)


def settle(
    connection: Connection,
    turn: Turn,
    outcome: Outcome,
    lease: UUID,
    now: dt.datetime,
    *,
    goes_on: bool,
) -> Turn | None:
    """Write down what a try came to. Gives what is to be sent next, if its holder `goes_on`.

    Nothing is written when the lease was lost: somebody else has sent it again, or it is gone.
    """
    delivery = turn.delivery
    found = find_webhook(connection, delivery.ledger_id, delivery.webhook_id, lock=True)
    if found is None or not _is_held(connection, found, lease):
        return None
    _note(connection, delivery, outcome)
    found = _count_failure(connection, found, outcome)
    if goes_on and outcome.rest_until is None and found.paused_at is None:
        return _next_turn(connection, found, lease, now)
    _give_back(connection, found, outcome.rest_until, now)
    return None


def remove_old_deliveries(connection: Connection, now: dt.datetime) -> int:
    """Forget a few that are a month old, whatever became of them; how many there were."""
    return connection.run(
        """
        DELETE FROM webhook_deliveries WHERE (ledger_id, id) IN (
            SELECT ledger_id, id FROM webhook_deliveries WHERE created_at < :before LIMIT :most
        )
        """,
        before=now - KEPT,
        most=_REMOVED_AT_ONCE,
    )


def _note(connection: Connection, delivery: Delivery, outcome: Outcome) -> None:
    kept = (*delivery.attempts, outcome.attempt)[-_ATTEMPTS_KEPT:]
    connection.run(
        f"""
        UPDATE webhook_deliveries SET status = :status, attempts = :attempts, tries = tries + 1,
            trying_since = coalesce(trying_since, :at), next_try_at = :next_try_at
        WHERE {_ONE}
        """,
        ledger_id=delivery.ledger_id,
        webhook_id=delivery.webhook_id,
        id=delivery.id,
        status=outcome.status,
        attempts=msgspec.json.encode(kept).decode(),
        at=outcome.attempt.at,
        next_try_at=outcome.next_try_at,
    )


def _count_failure(connection: Connection, webhook: Webhook, outcome: Outcome) -> Webhook:
    """Note how often a webhook has failed in a row, and since when; gives it as it is now."""
    failures, since = 0, None
    if outcome.status != "succeeded":
        failures, since = webhook.failures + 1, webhook.failing_since or outcome.attempt.at
    connection.run(
        f"""
        UPDATE webhooks SET failures = :failures, failing_since = :since WHERE {_HOOK}
        """,
        ledger_id=webhook.ledger_id,
        webhook_id=webhook.id,
        failures=failures,
        since=since,
    )
    return msgspec.structs.replace(webhook, failures=failures, failing_since=since)


def _next_turn(
    connection: Connection, webhook: Webhook, lease: UUID, now: dt.datetime
) -> Turn | None:
    row = connection.one(
        f"{_SELECT} WHERE {_NEXT} AND next_try_at <= :now ORDER BY next_try_at, id LIMIT 1",
        ledger_id=webhook.ledger_id,
        webhook_id=webhook.id,
        now=now,
    )
    if row is None:
        _give_back(connection, webhook, None, now)
        return None
    connection.run(
        f"UPDATE webhooks SET lease = :lease, due_at = :until WHERE {_HOOK}",
        ledger_id=webhook.ledger_id,
        webhook_id=webhook.id,
        lease=lease,
        until=now + LEASE,
    )
    return Turn(webhook, _as_delivery(row))


def _give_back(
    connection: Connection, webhook: Webhook, rest_until: dt.datetime | None, now: dt.datetime
) -> None:
    """Let others send, when the next delivery is due and the webhook has rested."""
    ids = {"ledger_id": webhook.ledger_id, "webhook_id": webhook.id}
    sql = f"SELECT min(next_try_at) AS next FROM webhook_deliveries WHERE {_NEXT}"
    row = connection.one(sql, **ids)
    due = None if row is None else msgspec.convert(row["next"], dt.datetime | None)
    if due is not None:
        # Others that have waited meanwhile come first.
        due = max(due, rest_until or now)
    connection.run(
        f"""
        UPDATE webhooks SET lease = NULL, rest_until = :rest_until,
            due_at = CASE WHEN paused_at IS NULL THEN :due ELSE due_at END
        WHERE {_HOOK}
        """,
        due=due,
        rest_until=rest_until,
        **ids,
    )


def _is_held(connection: Connection, webhook: Webhook, lease: UUID) -> bool:
    sql = f"SELECT 1 FROM webhooks WHERE {_HOOK} AND lease = :lease"
    ids = {"ledger_id": webhook.ledger_id, "webhook_id": webhook.id}
    return connection.one(sql, lease=lease, **ids) is not None


def _count_waiting(connection: Connection, webhook: Webhook) -> int:
    sql = f"""
        SELECT count(*) AS count FROM (
            SELECT 1 FROM webhook_deliveries WHERE {_NEXT} LIMIT :most
        ) AS waiting
    """
    ids = {"ledger_id": webhook.ledger_id, "webhook_id": webhook.id}
    row = connection.one(sql, most=MOST_WAITING, **ids)
    return 0 if row is None else int(row["count"])


def _as_delivery(row: dict[str, Any]) -> Delivery:
    return as_record({**row, "attempts": msgspec.json.decode(row["attempts"])}, Delivery)
