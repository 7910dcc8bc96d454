"""Searching descriptions: which transactions have every three letters of a text in a row.

What is found this way is only a candidate: whoever asks compares the description itself, so a
place that was left by an older description does no harm.
"""

from struct import pack, unpack
from typing import Final
from uuid import UUID

import msgspec

from domain.store.database import Connection, Row
from domain.store.ledgers import Head

GRAM_LENGTH: Final = 3
BLOCK_VERSIONS: Final = 16384

# A long text has more grams than are worth looking up, and a common one says little more.
_GRAMS_SIZED: Final = 8
_GRAMS_READ: Final = 4
_TIMES_THE_RAREST: Final = 32

_BLOCKS: Final = f"""
    WITH RECURSIVE blocks (number, last) AS (
        SELECT 0, version / {BLOCK_VERSIONS} FROM search_marks WHERE ledger_id = :ledger_id
        UNION ALL
        SELECT number + 1, last FROM blocks WHERE number < last
    )
"""
_SIZES: Final = """
    SELECT m.version, sized.gram, sized.bytes FROM search_marks AS m LEFT JOIN (
        SELECT g.gram, CAST(sum(length(g.places)) AS BIGINT) AS bytes
        FROM blocks CROSS JOIN search_grams AS g
        WHERE g.ledger_id = :ledger_id AND g.block = blocks.number AND g.gram IN ({names})
        GROUP BY g.gram
    ) AS sized ON TRUE
    WHERE m.ledger_id = :ledger_id
"""
_PLACES: Final = """
    SELECT g.block, g.places FROM blocks CROSS JOIN search_grams AS g
    WHERE g.ledger_id = :ledger_id AND g.block = blocks.number AND g.gram IN ({names})
"""
# Each correction finds its own entry: PostgreSQL would rather read the ledger and join.
_SINCE: Final = """
    SELECT created_version FROM transactions
    WHERE ledger_id = :rows_id AND is_voided = :is_voided AND created_version > :until
    UNION
    SELECT (
        SELECT t.created_version FROM transactions AS t
        WHERE t.ledger_id = c.ledger_id AND t.id = c.transaction_id
    ) FROM transaction_changes AS c WHERE c.ledger_id = :rows_id AND c.version > :until
"""


class Candidates(msgspec.Struct, frozen=True):
    """The created versions of all that may match, and up to which version the index told them."""

    created_versions: list[int]
    until: int


def find_candidates(
    connection: Connection, head: Head, is_voided: bool, folded: str
) -> Candidates | None:
    """What may hold a folded text; None when it is too short, or nothing is indexed yet."""
    grams = _spread(sorted(grams_of(folded)))
    if not grams:
        return None
    rows = _for_grams(connection, _SIZES, head.ledger_id, grams)
    if not rows:
        return None
    until: int = rows[0]["version"]
    sizes = {row["gram"]: row["bytes"] for row in rows}
    found = connection.all(_SINCE, rows_id=head.rows_id, is_voided=is_voided, until=until)
    versions = {row["created_version"] for row in found}
    if all(gram in sizes for gram in grams):
        rarest = sorted(grams, key=sizes.__getitem__)
        read = [gram for gram in rarest if sizes[gram] <= sizes[rarest[0]] * _TIMES_THE_RAREST]
        versions |= _in_all(connection, head.ledger_id, read[:_GRAMS_READ])
    return Candidates(list(versions), until)


def grams_of(folded: str) -> set[str]:
    """Every three letters in a row."""
    return {folded[at : at + GRAM_LENGTH] for at in range(len(folded) - GRAM_LENGTH + 1)}


def as_bytes(place: int) -> bytes:
    """A place within a block as it is stored."""
    return pack("<H", place)


def places_in(stored: bytes | bytearray) -> tuple[int, ...]:
    """The places within a block that are stored together."""
    return unpack(f"<{len(stored) // 2}H", stored)


def _in_all(connection: Connection, ledger_id: UUID, grams: list[str]) -> set[int]:
    blocks: dict[int, list[bytes]] = {}
    for row in _for_grams(connection, _PLACES, ledger_id, grams):
        blocks.setdefault(row["block"], []).append(row["places"])
    return {
        block * BLOCK_VERSIONS + place
        for block, found in blocks.items()
        if len(found) == len(grams)
        for place in _common(found)
    }


def _common(found: list[bytes]) -> set[int]:
    smallest, *others = (places_in(stored) for stored in sorted(found, key=len))
    return set(smallest).intersection(*others)


def _spread(grams: list[str]) -> list[str]:
    return grams[:: -(-len(grams) // _GRAMS_SIZED) or 1]


def _for_grams(
    connection: Connection, statement: str, ledger_id: UUID, grams: list[str]
) -> list[Row]:
    names = [f"gram_{number}" for number in range(len(grams))]
    sql = _BLOCKS + statement.format(names=", ".join(f":{name}" for name in names))
    return connection.all(sql, ledger_id=ledger_id, **dict(zip(names, grams, strict=True)))
