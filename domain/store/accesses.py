"""Accesses: what each auditor looked at, written down for good before it is answered."""

import datetime as dt
from collections.abc import Iterator
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from domain.store.database import Connection, Row, as_record

FIRST_PREV: Final = bytes(32)

_COLUMNS: Final = "number, at, account_id, action, ledger_id, detail, request_id, digest"
_SELECT: Final = f"SELECT {_COLUMNS} FROM audit_accesses"
_LAST: Final = f"{_SELECT} ORDER BY number DESC LIMIT 1"
_INSERT: Final = f"""
    INSERT INTO audit_accesses ({_COLUMNS})
    VALUES (:number, :at, :account_id, :action, :ledger_id, :detail, :request_id, :digest)
"""


class Access(msgspec.Struct, frozen=True):
    """One look of an auditor, named by opaque ids; `action` is an operation's lasting name."""

    at: dt.datetime
    account_id: UUID
    action: str
    ledger_id: UUID | None
    detail: str
    request_id: str


class NumberedAccess(Access, frozen=True):
    """An access in its place. Numbers have no gap; `digest` seals it and all before it."""

    number: int
    digest: bytes

    def seal(self, prev: bytes) -> bytes:
        """What its digest must be, after an access whose digest is `prev`.

        SHA-256 (FIPS 180-4) of: `prev` (32 bytes) and a JSON array of the number and the fields
        of `Access` in their order.
        """
        return sealed(self.number, self, prev)


class BrokenSeal(msgspec.Struct, frozen=True):
    """Where the log of accesses is not what it was."""

    number: int
    code: str


def sealed(number: int, access: Access, prev: bytes) -> bytes:
    """See `NumberedAccess.seal`."""
    told = [number, *(getattr(access, name) for name in Access.__struct_fields__)]
    return sha256(prev + msgspec.json.encode(told)).digest()


def note(connection: Connection, access: Access) -> None:
    """Add an access within an open transaction; they are added one after the other."""
    if connection.dialect == "postgresql":
        connection.run("LOCK TABLE audit_accesses IN SHARE ROW EXCLUSIVE MODE")
    last = connection.one(_LAST)
    number, prev = (1, FIRST_PREV) if last is None else (last["number"] + 1, last["digest"])
    fields = msgspec.structs.asdict(access)
    connection.run(_INSERT, number=number, digest=sealed(number, access, prev), **fields)


def accesses_of(
    connection: Connection, ledger_id: UUID, before: int, limit: int
) -> list[NumberedAccess]:
    """Up to `limit` accesses to a ledger with smaller numbers than `before`, newest first."""
    rows = connection.all(
        f"{_SELECT} WHERE ledger_id = :ledger_id AND number < :before"
        " ORDER BY number DESC LIMIT :limit",
        ledger_id=ledger_id,
        before=before,
        limit=limit,
    )
    return [_read(row) for row in rows]


def last_access(connection: Connection) -> NumberedAccess | None:
    """The newest access: whoever keeps its number and digest elsewhere sees a log cut short."""
    row = connection.one(_LAST)
    return None if row is None else _read(row)


def all_accesses(connection: Connection) -> Iterator[NumberedAccess]:
    """Every access, oldest first, a few at a time."""
    for row in connection.stream(f"{_SELECT} ORDER BY number"):
        yield _read(row)


def broken_seals(accesses: Iterator[NumberedAccess]) -> Iterator[BrokenSeal]:
    """Where accesses are missing or were changed. What was cut off at the end does not show."""
    number, prev = 0, FIRST_PREV
    for access in accesses:
        if access.number != number + 1:
            yield BrokenSeal(number + 1, "access_missing")
        elif access.digest != access.seal(prev):
            yield BrokenSeal(access.number, "access_changed")
        number, prev = access.number, access.digest


def _read(row: Row) -> NumberedAccess:
    return as_record(row, NumberedAccess)
