"""Portable: the lines in which a ledger leaves one store and can enter another."""

from typing import Final
from uuid import UUID

import msgspec


class PortableEvent(msgspec.Struct, frozen=True):
    """An event as exports and imports write it; `state` is the exact stored text."""

    ledger_id: UUID
    version: int
    topic: str
    state: str
    digest: str


_write: Final = msgspec.json.Encoder().encode


def portable_line(ledger_id: UUID, version: int, topic: str, state: bytes, digest: str) -> bytes:
    """One event as a line of JSON, its newline included."""
    return _write(PortableEvent(ledger_id, version, topic, state.decode(), digest)) + b"\n"
