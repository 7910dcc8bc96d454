"""Idempotency keys: the answer to a command, frozen with it and kept for ever."""

from typing import Final
from uuid import UUID

import msgspec

from domain.base import Refusal
from domain.store.database import Connection
from domain.store.pending import insert_into

_RECALL: Final = """
    SELECT fingerprint, status, headers, body FROM idempotency_keys
    WHERE ledger_id = :ledger_id AND key = :key
"""
_KEYS: Final = insert_into(
    "idempotency_keys",
    {
        "ledger_id": "uuid",
        "key": "text",
        "fingerprint": "bytes",
        "version": "bigint",
        "status": "bigint",
        "headers": "text",
        "body": "json",
    },
)


class IdempotencyKeyReused(Refusal):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class Frozen(msgspec.Struct, frozen=True):
    """An answer to the byte: status, headers and body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Request(msgspec.Struct, frozen=True):
    """A key (1 to 255 visible ASCII characters) and the SHA-256 of what was asked with it."""

    key: str
    fingerprint: bytes


def recall(connection: Connection, ledger_id: UUID, request: Request) -> Frozen | None:
    """The answer that was given to this request before, or None.

    Raises `IdempotencyKeyReused` when the key came with another request.
    """
    row = connection.one(_RECALL, ledger_id=ledger_id, key=request.key)
    if row is None:
        return None
    if row["fingerprint"] != request.fingerprint:
        raise IdempotencyKeyReused("Idempotency-Key")
    return Frozen(row["status"], msgspec.json.decode(row["headers"]), row["body"])


def remember(
    connection: Connection, ledger_id: UUID, version: int, request: Request, answer: Frozen
) -> None:
    """Keep an answer in the same transaction as what it tells of."""
    headers = msgspec.json.encode(answer.headers).decode()
    row = (ledger_id, request.key, request.fingerprint, version, answer.status, headers)
    connection.later(_KEYS, (*row, answer.body))
