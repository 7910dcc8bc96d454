"""Ids of new things: UUIDs that sort by the time they were made."""

import secrets
import time
from typing import Final
from uuid import UUID

_VERSION_AND_VARIANT: Final = (7 << 76) | (0b10 << 62)
_RANDOM: Final = ~((0b1111 << 76) | (0b11 << 62))


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then 74 random ones.

    New rows land beside each other in an index: random ids dirty a page each, and every dirty
    page is written and synced with the commit.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | secrets.randbits(80)
    return UUID(int=(value & _RANDOM) | _VERSION_AND_VARIANT)
