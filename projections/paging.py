"""Keyset paging: a page starts after the last row seen, so page 1,000 costs what page 1 does."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

T = TypeVar("T")

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
MAX_KEY: Final = 2**63 - 1


class InvalidCursor(Exception):
    """A cursor that no page of this list gave out."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Up to `limit` rows, and the cursor of the next page, or None at the end."""

    items: list[T]
    next_cursor: str | None


def page_of(
    rows: Sequence[T], limit: int, order: str, key: Callable[[T], Sequence[object]]
) -> Page[T]:
    """A page from up to `limit + 1` rows; `key` gives what a row is ordered by."""
    if len(rows) <= limit:
        return Page(list(rows), None)
    return Page(list(rows[:limit]), encode_cursor(order, key(rows[limit - 1])))


def encode_cursor(order: str, key: Sequence[object]) -> str:
    """The place after a row in a list with this order."""
    return base64.urlsafe_b64encode(msgspec.json.encode([order, *key])).decode().rstrip("=")


def decode_cursor(cursor: str, order: str, kinds: Sequence[type]) -> list[Any]:
    """The key in a cursor; raises `InvalidCursor` when it is another order's, or nobody's."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(found, list) or found[:1] != [order] or len(found) != len(kinds) + 1:
            raise InvalidCursor(cursor)
        return [_part(part, kind) for part, kind in zip(found[1:], kinds, strict=True)]
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidCursor(cursor) from error


def _part(value: object, kind: type) -> Any:
    converted: Any = msgspec.convert(value, kind)
    if isinstance(converted, int) and abs(converted) > MAX_KEY:
        raise ValueError("beyond what a database can compare")
    return converted
