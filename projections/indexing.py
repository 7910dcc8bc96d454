"""Keeping the index of descriptions: what changed in a ledger is added some while later."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Final
from uuid import UUID

from domain.store.database import Connection, Database, Row
from domain.store.ledgers import LedgerMissing, read_head
from projections.categories import as_uuid
from projections.search import BLOCK_VERSIONS, as_bytes, grams_of

UNINDEXED: Final = 1000
"""A search looks at so many changes one by one in a millisecond or two: fewer may wait."""

_VERSIONS_AT_ONCE: Final = 256
_GRAMS_AT_ONCE: Final = 50_000
"""What is held in memory; ordinary descriptions have half as many in a block."""

_ROWS_AT_ONCE: Final = 1000

Places = defaultdict[tuple[int, str], bytearray]

_BEHIND: Final = """
    SELECT l.ledger_id FROM ledgers AS l
    LEFT JOIN search_marks AS m ON m.ledger_id = l.ledger_id
    WHERE l.version - coalesce(m.version, 0) >= :unindexed
"""
MARK: Final = "SELECT version FROM search_marks WHERE ledger_id = :ledger_id"
# Each value of is_voided by itself: the index orders versions below it.
_CHANGED: Final = """
    SELECT created_version, folded_description FROM transactions
    WHERE ledger_id = :ledger_id AND is_voided = FALSE
        AND created_version > :after AND created_version <= :until
    UNION ALL
    SELECT created_version, folded_description FROM transactions
    WHERE ledger_id = :ledger_id AND is_voided = TRUE
        AND created_version > :after AND created_version <= :until
    UNION ALL
    SELECT t.created_version, t.folded_description FROM transaction_changes AS c
    CROSS JOIN transactions AS t
    WHERE c.ledger_id = :ledger_id AND c.version > :after AND c.version <= :until
        AND t.ledger_id = c.ledger_id AND t.id = c.transaction_id
"""
_ADD: Final = """
    INSERT INTO search_grams (ledger_id, block, gram, places)
    VALUES (:ledger_id, :block, :gram, :places)
    ON CONFLICT (ledger_id, block, gram) DO UPDATE SET places = {joined}
"""
ADD: Final = {
    "sqlite": _ADD.format(joined="CAST(search_grams.places || excluded.places AS BLOB)"),
    "postgresql": _ADD.format(joined="search_grams.places || excluded.places"),
}
_MOVE_MARK: Final = """
    INSERT INTO search_marks (ledger_id, version) VALUES (:ledger_id, :version)
    ON CONFLICT (ledger_id) DO UPDATE SET version = excluded.version
    WHERE search_marks.version < excluded.version
"""


def ledgers_behind(connection: Connection) -> list[UUID]:
    """The ledgers of which so much is not indexed that searching them is slow."""
    rows = connection.all(_BEHIND, unindexed=UNINDEXED)
    return [as_uuid(row["ledger_id"]) for row in rows]


def index_descriptions(database: Database, ledger_id: UUID) -> None:
    """Index all that a ledger was told, in short transactions.

    It may be killed anywhere, and run twice at once: places are added before the mark moves, and
    a place that is there twice is found once.
    """
    mark = database.read(lambda connection: connection.one(MARK, ledger_id=ledger_id))
    until = 0 if mark is None else int(mark["version"])
    try:
        while (reached := _index_next(database, ledger_id, until)) > until:
            until = reached
    except LedgerMissing:
        return  # erased


def _index_next(database: Database, ledger_id: UUID, after: int) -> int:
    """Index what the next versions changed, up to the end of a block; the last of them."""
    places: Places = defaultdict(bytearray)
    until, block_end = after, after // BLOCK_VERSIONS * BLOCK_VERSIONS + BLOCK_VERSIONS - 1
    while len(places) < _GRAMS_AT_ONCE:
        reached, changed = database.read(partial(_changed, ledger_id=ledger_id, after=until))
        for row in changed:
            block, place = divmod(row["created_version"], BLOCK_VERSIONS)
            for gram in grams_of(row["folded_description"]):
                places[block, gram] += as_bytes(place)
        if reached == until:
            break
        until = reached
        if until > block_end:
            break
    rows = [
        {"ledger_id": ledger_id, "block": block, "gram": gram, "places": bytes(found)}
        for (block, gram), found in sorted(places.items())
    ]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        _add(database, ledger_id, rows[start : start + _ROWS_AT_ONCE])
    if until > after:
        _move_mark(database, ledger_id, until)
    return until


def _changed(connection: Connection, ledger_id: UUID, after: int) -> tuple[int, list[Row]]:
    """The descriptions that the next few versions changed, as they are now; the last of those."""
    head = read_head(connection, ledger_id)
    until = min(after + _VERSIONS_AT_ONCE, head.version)
    return until, connection.all(_CHANGED, ledger_id=head.rows_id, after=after, until=until)


def _add(database: Database, ledger_id: UUID, rows: Sequence[Row]) -> None:
    def add(connection: Connection) -> None:
        read_head(connection, ledger_id, lock=True)
        connection.run_many(ADD[connection.dialect], rows)

    database.write(add)


def _move_mark(database: Database, ledger_id: UUID, until: int) -> None:
    def move(connection: Connection) -> None:
        read_head(connection, ledger_id, lock=True)
        connection.run(_MOVE_MARK, ledger_id=ledger_id, version=until)

    database.write(move)
