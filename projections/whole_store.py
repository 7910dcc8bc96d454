"""Verifying a whole store: every ledger, every tombstone, and that there is nothing beside them."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from domain.store.database import Connection, Database
from domain.store.erasure import LEDGER_TABLES, PROJECTED_TABLES, Tombstone, tombstones
from domain.store.ledgers import LedgerMissing
from projections.chain import Finding
from projections.ledgers import FIRST
from projections.verification import Advance, Verification, verify_ledger

AT_ONCE: Final = 1000

_IDS: Final = """
    SELECT ledger_id FROM ledgers WHERE ledger_id > :after ORDER BY ledger_id LIMIT :limit
"""
_STRAY_EVENTS: Final = """
    SELECT DISTINCT originator_id AS id FROM events WHERE originator_id NOT IN (
        SELECT ledger_id FROM ledgers UNION SELECT ledger_id FROM tombstones)
"""
_STRAY_ACCOUNTS: Final = """
    SELECT ledger_id AS id FROM accounts WHERE ledger_id NOT IN (SELECT ledger_id FROM ledgers)
"""
_STRAY_ROWS: Final = """
    SELECT DISTINCT ledger_id AS id FROM {table} WHERE ledger_id NOT IN (
        SELECT coalesce(rows_id, ledger_id) FROM ledgers UNION SELECT rows_id FROM row_sets
        UNION SELECT ledger_id FROM tombstones)
"""
_STRAYS: Final = (
    ("ledger_missing", "events", _STRAY_EVENTS),
    ("ledger_missing", "accounts", _STRAY_ACCOUNTS),
    *(("rows_astray", table, _STRAY_ROWS.format(table=table)) for table in PROJECTED_TABLES),
)


def count_events(database: Database) -> int:
    """How many events the heads of all ledgers tell of."""
    sql = "SELECT CAST(coalesce(sum(version), 0) AS BIGINT) AS events FROM ledgers"
    row = database.glance(sql)
    assert row is not None
    return int(row["events"])


def verify_store(database: Database, advance: Advance) -> Iterator[Verification]:
    """Verify every ledger and tombstone, by id; then whatever belongs to none of them.

    `advance` is told how many events were followed. A ledger that is erased meanwhile is looked
    at with the tombstones.
    """
    after = FIRST
    while ids := database.read(partial(ids_after, after=after)):
        for ledger_id in ids:
            with suppress(LedgerMissing):
                yield verify_ledger(database, ledger_id, advance)
        after = ids[-1]
    for stone in database.read(tombstones):
        yield verify_tombstone(database, stone)
    yield from database.read(_strays)


def verify_tombstone(database: Database, stone: Tombstone) -> Verification:
    """Whether nothing is left of an erased ledger."""
    findings = database.read(lambda connection: list(_left(connection, stone.ledger_id)))
    told = (stone.ledger_id, stone.version, stone.digest, 0, None)
    return Verification(*told, findings, len(findings), "tombstone")


def ids_after(connection: Connection, after: UUID) -> list[UUID]:
    """The next ledgers in order of id."""
    rows = connection.all(_IDS, after=after, limit=AT_ONCE)
    return [msgspec.convert(row["ledger_id"], UUID) for row in rows]


def _left(connection: Connection, ledger_id: UUID) -> Iterator[Finding]:
    for table, column in LEDGER_TABLES.items():
        find = f"SELECT count(*) AS count FROM {table} WHERE {column} = :ledger_id"
        row = connection.one(find, ledger_id=ledger_id)
        if row is not None and row["count"]:
            yield Finding("rows_left", table, None, row["count"], 0)


def _strays(connection: Connection) -> list[Verification]:
    found: dict[UUID, list[Finding]] = {}
    for code, table, find in _STRAYS:
        for row in connection.all(find):
            findings = found.setdefault(msgspec.convert(row["id"], UUID), [])
            findings.append(Finding(code, table))
    return [
        Verification(ledger_id, 0, b"", 0, None, findings, len(findings), "stray")
        for ledger_id, findings in found.items()
    ]
