"""Portable: the lines in which a ledger leaves one store and can enter another."""

import re
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


CSV_HEADER: Final = (
    *("id", "date", "date_gregorian", "kind", "category", "amount", "direction", "description"),
    *("voided", "recorded_at", "updated_at", "version"),
)
"""The columns of a CSV export; a file that begins with them is read back to the letter."""

_ACTIVE: Final = re.compile(r"\s*[=+\-@'\t\r\n＝＋－＠]")


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe goes before what could be one.

    After OWASP's advice on CSV injection; `unguarded` takes exactly that apostrophe away.
    """
    return f"'{text}" if _ACTIVE.match(text) else text


def unguarded(text: str) -> str:
    """What was `guarded`, as it was."""
    return text.removeprefix("'")
