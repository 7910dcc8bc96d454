"""Reading which ledgers there are, and which there were."""

import datetime as dt
from typing import Final
from uuid import UUID

import msgspec

from domain.store.database import Connection, as_record
from projections.paging import Page, decode_cursor, page_of

FIRST: Final = UUID(int=0)
"""Before the id of every ledger."""

_ORDER: Final = "ledgers"
_LIVING: Final = """
    SELECT * FROM (
        SELECT ledger_id, version, digest, recorded_at, CAST(NULL AS TIMESTAMPTZ) AS erased_at
        FROM ledgers WHERE ledger_id > :after ORDER BY ledger_id LIMIT :limit
    ) AS living
"""
_ERASED: Final = """
    SELECT * FROM (
        SELECT ledger_id, version, digest, CAST(NULL AS TIMESTAMPTZ) AS recorded_at, erased_at
        FROM tombstones WHERE ledger_id > :after ORDER BY ledger_id LIMIT :limit
    ) AS erased
"""
_OF: Final = {False: _LIVING, True: _ERASED, None: f"{_LIVING} UNION ALL {_ERASED}"}


class KnownLedger(msgspec.Struct, frozen=True):
    """Where a ledger stands, or stood when it was erased; either instant may be unknown."""

    ledger_id: UUID
    version: int
    digest: bytes
    recorded_at: dt.datetime | None
    erased_at: dt.datetime | None


def list_ledgers(
    connection: Connection, cursor: str | None, limit: int, *, erased: bool | None = None
) -> Page[KnownLedger]:
    """A page of all ledgers by id; `erased` for only those that are, or are not.

    Raises `InvalidCursor`.
    """
    after = FIRST if cursor is None else decode_cursor(cursor, _ORDER, [UUID])[0]
    sql = f"{_OF[erased]} ORDER BY ledger_id LIMIT :limit"
    rows = connection.all(sql, after=after, limit=limit + 1)
    found = [as_record(row, KnownLedger) for row in rows]
    return page_of(found, limit, _ORDER, lambda ledger: [ledger.ledger_id])
