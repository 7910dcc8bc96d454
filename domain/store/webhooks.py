"""Webhooks: where people want their events sent; outside the stream.

Whoever changes one locks first the ledger, then the webhook, then its deliveries, as far as needed.
"""

import base64
import datetime as dt
import secrets
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from domain.store.codec import NAMES
from domain.store.database import Connection, as_record

PauseReason = Literal["asked", "failing", "gone", "secret_lost"]

KINDS: Final = tuple(sorted({name.partition(".")[0] for name in NAMES}))
"""What people can hear of: the events' lasting names, whatever their shape."""

ALL: Final = "*"
MOST_WEBHOOKS: Final = 10
SEALED_FOR: Final = "webhook secrets"
OLD_SECRET_LIVES: Final = dt.timedelta(hours=24)
MOST_OLD_SECRETS: Final = 3

_SECRET_BYTES: Final = 32
_PREFIX: Final = "whsec_"
_COLUMNS: Final = """
    ledger_id, id, url, description, events, secret, old_secret, old_secret_until, since_version,
    version, paused_at, pause_reason, failures, failing_since, skipped, created_at, updated_at
"""
_THIS: Final = "ledger_id = :ledger_id AND id = :id"


class Webhook(msgspec.Struct, frozen=True):
    """Where events are sent. `secret` is sealed, as is each of `old_secret`, which spaces part.

    `failures` are in a row.

    `skipped` counts events that came while too many others waited.
    """

    ledger_id: UUID
    id: UUID
    url: str
    description: str | None
    events: tuple[str, ...]
    secret: str
    since_version: int
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime
    old_secret: str | None = None
    old_secret_until: dt.datetime | None = None
    paused_at: dt.datetime | None = None
    pause_reason: PauseReason | None = None
    failures: int = 0
    failing_since: dt.datetime | None = None
    skipped: int = 0

    def hears(self, kind: str, version: int) -> bool:
        """Whether an event of this kind, at this version of the ledger, is for it."""
        return version > self.since_version and (ALL in self.events or kind in self.events)


def new_secret() -> str:
    """32 random bytes as Standard Webhooks writes them."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sealed_secret(seal: Fernet, secret: str) -> str:
    """A secret as it is stored."""
    return seal.encrypt(secret.encode()).decode()


def replaced_secret(webhook: Webhook, sealed: str, now: dt.datetime) -> Webhook:
    """The webhook with another secret; those that were in use live on for a day.

    All of them: who lost the answer asks again, and their receiver knows the first one only.
    """
    is_alive = webhook.old_secret_until is not None and now < webhook.old_secret_until
    older = (webhook.old_secret or "").split() if is_alive else []
    return msgspec.structs.replace(
        webhook,
        secret=sealed,
        old_secret=" ".join([webhook.secret, *older][:MOST_OLD_SECRETS]),
        old_secret_until=now + OLD_SECRET_LIVES,
        version=webhook.version + 1,
        updated_at=now,
    )


def signing_keys(seal: Fernet, webhook: Webhook, now: dt.datetime) -> list[bytes]:
    """The keys that a message is signed with now, the newest first; none when they are lost."""
    kept = [webhook.secret]
    if webhook.old_secret is not None and webhook.old_secret_until is not None:
        kept += webhook.old_secret.split() if now < webhook.old_secret_until else []
    keys = []
    for one in kept:
        try:
            plain = seal.decrypt(one).decode()
        except InvalidToken:
            continue
        keys.append(base64.b64decode(plain.removeprefix(_PREFIX)))
    return keys


def add_webhook(connection: Connection, webhook: Webhook) -> None:
    """Write a new webhook down. Its ledger is to be locked, or an erasure could miss the row."""
    connection.run(
        """
        INSERT INTO webhooks (ledger_id, id, url, description, events, secret, since_version,
            version, created_at, updated_at)
        VALUES (:ledger_id, :id, :url, :description, :events, :secret, :since_version,
            :version, :created_at, :updated_at)
        """,
        ledger_id=webhook.ledger_id,
        id=webhook.id,
        url=webhook.url,
        description=webhook.description,
        events=_written(webhook.events),
        secret=webhook.secret,
        since_version=webhook.since_version,
        version=webhook.version,
        created_at=webhook.created_at,
        updated_at=webhook.updated_at,
    )


def list_webhooks(connection: Connection, ledger_id: UUID) -> list[Webhook]:
    """The webhooks of a ledger, oldest first: there are few."""
    sql = f"SELECT {_COLUMNS} FROM webhooks WHERE ledger_id = :ledger_id ORDER BY created_at, id"
    return [_as_webhook(row) for row in connection.all(sql, ledger_id=ledger_id)]


def find_webhook(
    connection: Connection, ledger_id: UUID, webhook_id: UUID, *, lock: bool = False
) -> Webhook | None:
    """A webhook of a ledger, or None."""
    locking = " FOR UPDATE" if lock and connection.dialect == "postgresql" else ""
    sql = f"SELECT {_COLUMNS} FROM webhooks WHERE {_THIS}{locking}"
    row = connection.one(sql, ledger_id=ledger_id, id=webhook_id)
    return None if row is None else _as_webhook(row)


def change_webhook(connection: Connection, webhook: Webhook) -> None:
    """Write down what somebody changed of a webhook."""
    connection.run(
        f"""
        UPDATE webhooks SET url = :url, description = :description, events = :events,
            secret = :secret, old_secret = :old_secret, old_secret_until = :old_secret_until,
            version = :version, updated_at = :updated_at
        WHERE {_THIS}
        """,
        ledger_id=webhook.ledger_id,
        id=webhook.id,
        url=webhook.url,
        description=webhook.description,
        events=_written(webhook.events),
        secret=webhook.secret,
        old_secret=webhook.old_secret,
        old_secret_until=webhook.old_secret_until,
        version=webhook.version,
        updated_at=webhook.updated_at,
    )


def pause_webhook(
    connection: Connection, webhook: Webhook, reason: PauseReason, now: dt.datetime
) -> None:
    """Send nothing any more; what becomes of a message that is on its way is still noted."""
    connection.run(
        f"""
        UPDATE webhooks SET paused_at = :now, pause_reason = :reason, due_at = NULL
        WHERE {_THIS}
        """,
        ledger_id=webhook.ledger_id,
        id=webhook.id,
        reason=reason,
        now=now,
    )


def resume_webhook(connection: Connection, webhook: Webhook, now: dt.datetime) -> None:
    """Send again, and what waits first."""
    connection.run(
        f"""
        UPDATE webhooks SET paused_at = NULL, pause_reason = NULL, failures = 0,
            failing_since = NULL, due_at = :now, lease = NULL, rest_until = NULL
        WHERE {_THIS}
        """,
        ledger_id=webhook.ledger_id,
        id=webhook.id,
        now=now,
    )


def remove_webhook(connection: Connection, webhook: Webhook) -> None:
    """Forget a webhook and all that was sent to it."""
    ids = {"ledger_id": webhook.ledger_id, "id": webhook.id}
    connection.run(f"DELETE FROM webhooks WHERE {_THIS}", **ids)
    connection.run(
        "DELETE FROM webhook_deliveries WHERE ledger_id = :ledger_id AND webhook_id = :id", **ids
    )


def _written(events: tuple[str, ...]) -> str:
    return msgspec.json.encode(events).decode()


def _as_webhook(row: dict[str, Any]) -> Webhook:
    return as_record({**row, "events": msgspec.json.decode(row["events"])}, Webhook)
