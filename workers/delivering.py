"""Delivering: each message to a webhook is tried until it is taken, or a day is over.

At least once: what was sent and not yet noted when a process died is sent again, under the same
`webhook-id`. Headers and signatures are those of Standard Webhooks 1.0.0 (standardwebhooks.com).
"""

import base64
import datetime as dt
import hmac
import random
import time
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID, uuid4

from cryptography.fernet import Fernet
from redis import Redis

from domain.store import tallies
from domain.store.database import Connection, Database
from domain.store.deliveries import Attempt, Delivery, Outcome, Turn, settle, take_turn
from domain.store.ledgers import LedgerMissing, read_head, utc_now
from domain.store.logs import get_logger
from domain.store.notices import tell
from domain.store.webhooks import PauseReason, Webhook, find_webhook, pause_webhook, signing_keys
from workers.outbound import Answer, Outbound, Undelivered

log = get_logger()

PAUSES_SECONDS: Final = (5, 30, 120, 600, 1800, 3600, 7200)
"""Between tries, give or take a fifth; the last one from then on."""

JITTER: Final = 0.2
GIVEN_UP_AFTER: Final = dt.timedelta(hours=24)
LONGEST_RETRY_AFTER_SECONDS: Final = 7200
SHORTEST_REST_SECONDS: Final = 1
LONGEST_REST_SECONDS: Final = 300
PAUSED_AFTER_FAILURES: Final = 20
PAUSED_AFTER: Final = dt.timedelta(hours=12)
SLICE_SECONDS: Final = 2
"""For so long one webhook is served before others that wait have their turn."""

GONE: Final = 410
HAVE_PATIENCE: Final = (429, 503)
USER_AGENT: Final = "Dakhl-o-Kharj"


class Delivering:
    """Sends what is due to one webhook at a time; any number may do so at once."""

    def __init__(
        self,
        database: Database,
        outbound: Outbound,
        seal: Fernet,
        count: Callable[[str, float], None],
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self._database = database
        self._outbound = outbound
        self._seal = seal
        self._count = count
        self._clock = clock

    def serve(self, ledger_id: UUID, webhook_id: UUID) -> float:
        """Send what is due to a webhook, unless somebody does; raises `StoreUnavailable`.

        Gives how long the longest try took, in seconds.
        """
        lease, now = uuid4(), self._clock()
        until = time.monotonic() + SLICE_SECONDS
        turn = self._database.write(lambda c: take_turn(c, ledger_id, webhook_id, lease, now))
        longest_ms = 0
        while turn is not None:
            outcome = self._try(turn)
            longest_ms = max(longest_ms, outcome.attempt.latency_ms)
            reason = _reason_to_pause(turn.webhook, outcome)
            turn = self._settle(turn, outcome, lease, reason, goes_on=time.monotonic() < until)
        return longest_ms / 1000

    def _try(self, turn: Turn) -> Outcome:
        webhook, delivery = turn
        at, started = self._clock(), time.perf_counter()
        answer = None
        try:
            answer = self._send(turn, at)
            error = None if 200 <= answer.status < 300 else "refused"
        except Undelivered as failure:
            error = failure.code
            answer = None if failure.http_status is None else Answer(failure.http_status)
        seconds = time.perf_counter() - started
        status = None if answer is None else answer.status
        attempt = Attempt(at, status, round(seconds * 1000), error)
        outcome = _outcome(webhook, delivery, attempt, answer, self._clock())
        self._count(outcome.status, seconds)
        log.info(
            "webhook",
            webhook_id=str(webhook.id),
            delivery_id=str(delivery.id),
            outcome=outcome.status,
            status=status,
            error=error,
            duration_ms=attempt.latency_ms,
        )
        return outcome

    def _send(self, turn: Turn, at: dt.datetime) -> Answer:
        webhook, delivery = turn
        keys = signing_keys(self._seal, webhook, at)
        if not keys:
            raise Undelivered("secret_lost")
        body = delivery.body.encode()
        return self._outbound.post(webhook.url, body, message_headers(delivery.id, at, body, keys))

    def _settle(
        self,
        turn: Turn,
        outcome: Outcome,
        lease: UUID,
        reason: PauseReason | None,
        *,
        goes_on: bool,
    ) -> Turn | None:
        def work(connection: Connection) -> Turn | None:
            now = self._clock()
            if reason is None:
                return settle(connection, turn, outcome, lease, now, goes_on=goes_on)
            try:
                # What people are told is a row of their ledger's, which is locked first.
                read_head(connection, turn.webhook.ledger_id, lock=True)
            except LedgerMissing:
                return None
            settle(connection, turn, outcome, lease, now, goes_on=False)
            _pause(connection, turn.webhook, reason, now)
            return None

        return self._database.write(work)


def message_headers(
    message_id: UUID, at: dt.datetime, body: bytes, keys: Sequence[bytes]
) -> dict[str, str]:
    """What tells a receiver that a message is ours, new, and whole; a signature for each key."""
    seconds = int(at.timestamp())
    signed = f"{message_id}.{seconds}.".encode() + body
    digests = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": str(message_id),
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{digest}" for digest in digests),
    }


def counted_in(redis: Redis) -> Callable[[str, float], None]:
    """Counts tries in Redis, by what came of them and by how long they took."""

    def count(outcome: str, seconds: float) -> None:
        tallies.count(redis, "webhooks", outcome)
        tallies.observe(redis, "webhook_seconds", seconds)

    return count


def _outcome(
    webhook: Webhook,
    delivery: Delivery,
    attempt: Attempt,
    answer: Answer | None,
    now: dt.datetime,
) -> Outcome:
    if attempt.error is None:
        return Outcome(attempt, "succeeded", None, None)
    asked = 0.0
    if answer is not None and answer.status in HAVE_PATIENCE:
        asked = min(answer.retry_after or 0.0, LONGEST_RETRY_AFTER_SECONDS)
    next_try_at = now + dt.timedelta(seconds=max(pause_seconds(delivery.tries), asked))
    rest = max(rest_seconds(webhook.failures), asked)
    rest_until = now + dt.timedelta(seconds=rest) if rest else None
    since = delivery.trying_since or attempt.at
    if next_try_at > since + GIVEN_UP_AFTER:
        return Outcome(attempt, "gave_up", None, rest_until)
    return Outcome(attempt, "failed", next_try_at, rest_until)


def pause_seconds(tries: int) -> float:
    """How long a message waits that was tried so often before, and failed once more."""
    pause = PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS) - 1)]
    return pause * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # no secret


def rest_seconds(failures: int) -> float:
    """How long a webhook is left alone that failed so often in a row, and once more.

    Not at all after the first: it may be that one message which is not to its taste.
    """
    if failures < 1:
        return 0.0
    rest: int = SHORTEST_REST_SECONDS * 2 ** min(failures - 1, 10)
    return min(rest, LONGEST_REST_SECONDS)


def _reason_to_pause(webhook: Webhook, outcome: Outcome) -> PauseReason | None:
    attempt = outcome.attempt
    if attempt.error is None:
        return None
    if attempt.http_status == GONE:
        return "gone"
    if attempt.error == "secret_lost":
        return "secret_lost"
    has_failed_long = attempt.at - (webhook.failing_since or attempt.at) >= PAUSED_AFTER
    has_failed_often = webhook.failures + 1 >= PAUSED_AFTER_FAILURES
    return "failing" if has_failed_long and has_failed_often else None


def _without_query(url: str) -> str:
    return url.partition("?")[0]


def _pause(connection: Connection, webhook: Webhook, reason: PauseReason, now: dt.datetime) -> None:
    found = find_webhook(connection, webhook.ledger_id, webhook.id, lock=True)
    if found is None or found.paused_at is not None or found.version != webhook.version:
        return
    pause_webhook(connection, found, reason, now)
    data = {"webhook_id": found.id, "url": _without_query(found.url), "reason": reason}
    # Its SMS, if one is wished for, is sent when the sweep finds it.
    key = f"{found.id}:{now.isoformat()}"
    tell(connection, found.ledger_id, "webhook_paused", key, data, now)
