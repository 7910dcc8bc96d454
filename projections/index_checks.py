"""Checking the index of descriptions against the fold: nothing may be missing from it.

What it holds beyond that does no harm: a search compares the description itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import Final
from uuid import UUID

from domain.ledger import Transaction
from domain.store.database import Connection, Database
from domain.store.ledgers import read_head
from domain.text import fold as folded
from projections.folding import Fold
from projections.indexing import ADD, MARK
from projections.search import BLOCK_VERSIONS, as_bytes, grams_of, places_in

Missing = dict[tuple[int, str], bytes]
"""Which places of a gram are not indexed, by block and gram."""

_MENDED_AT_ONCE: Final = 200
_STORED: Final = """
    SELECT gram, places FROM search_grams WHERE ledger_id = :ledger_id AND block = :block
"""
_ONE: Final = f"{_STORED} AND gram = :gram"
_REMOVE: Final = """
    DELETE FROM search_grams WHERE ledger_id = :ledger_id AND block = :block AND gram = :gram
"""
_LOWER_MARK: Final = """
    UPDATE search_marks SET version = :version WHERE ledger_id = :ledger_id AND version > :version
"""


def is_mark_ahead(connection: Connection, fold: Fold) -> bool:
    """Whether the index claims versions that there are not."""
    mark = connection.one(MARK, ledger_id=fold.ledger_id)
    return mark is not None and mark["version"] > fold.version


def missing(connection: Connection, fold: Fold) -> Missing:
    """What the index lacks of the entries it claims to have, or cannot be read of it."""
    mark = connection.one(MARK, ledger_id=fold.ledger_id)
    if mark is None:
        return {}
    found: Missing = {}
    claimed = [t for t in fold.state.transactions.values() if t.version <= mark["version"]]
    for block, entries in groupby(claimed, key=lambda t: t.created_version // BLOCK_VERSIONS):
        expected = _expected(entries)
        rows = connection.tuples(_STORED, ledger_id=fold.ledger_id, block=block)
        stored = dict(rows)
        for gram in _wrong(stored, expected):
            found[block, gram] = bytes(expected[gram])
    return found


def mend(database: Database, fold: Fold, lacking: Missing) -> None:
    """Add what is missing, in short transactions; others may be indexing meanwhile."""
    keys = list(lacking)
    for start in range(0, len(keys), _MENDED_AT_ONCE):
        some = {key: lacking[key] for key in keys[start : start + _MENDED_AT_ONCE]}
        database.write(partial(_add, ledger_id=fold.ledger_id, lacking=some))


def lower_mark(connection: Connection, ledger_id: UUID, version: int) -> None:
    """Have the index claim no more than there was: what came since is not indexed."""
    read_head(connection, ledger_id, lock=True)
    connection.run(_LOWER_MARK, ledger_id=ledger_id, version=version)


def _expected(entries: Iterable[Transaction]) -> dict[str, bytearray]:
    places: dict[str, bytearray] = defaultdict(bytearray)
    for entry in entries:
        place = as_bytes(entry.created_version % BLOCK_VERSIONS)
        for gram in grams_of(folded(entry.description)):
            places[gram] += place
    return places


def _wrong(stored: dict[str, bytes], expected: dict[str, bytearray]) -> Iterator[str]:
    for gram, places in expected.items():
        told = stored.get(gram, b"")
        if told != places and (
            _is_torn(told) or not set(places_in(places)) <= set(places_in(told))
        ):
            yield gram
    yield from (gram for gram, told in stored.items() if _is_torn(told) and gram not in expected)


def _is_torn(places: bytes) -> bool:
    return len(places) % 2 == 1


def _add(connection: Connection, ledger_id: UUID, lacking: Missing) -> None:
    read_head(connection, ledger_id, lock=True)
    rows = []
    for (block, gram), places in lacking.items():
        key = {"ledger_id": ledger_id, "block": block, "gram": gram}
        stored = connection.one(_ONE, **key)
        if stored is not None and _is_torn(stored["places"]):
            connection.run(_REMOVE, **key)
        if places:
            rows.append({**key, "places": places})
    connection.run_many(ADD[connection.dialect], rows)
