"""The leaf log: where each ledger stood at each checkpoint, for ever, and the tree over it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal
from uuid import UUID

import msgspec

from domain.merkle import Growth, Stretch, Subtree, perfect_subtrees, stretch_hash, wanted
from domain.store.connection import Dialect
from domain.store.database import Connection, as_record
from domain.store.pending import insert_into
from domain.verifier import leaf_hash

LeafKind = Literal["ledger", "tombstone"]

_LEAF: Final = "SELECT leaf_index, kind, ledger_id, version, digest FROM leaves"
_INSERT_LEAF: Final = insert_into(
    "leaves",
    {
        "leaf_index": "bigint",
        "kind": "text",
        "ledger_id": "uuid",
        "version": "bigint",
        "digest": "bytes",
    },
)
_INSERT_NODE: Final = insert_into(
    "tree_nodes", {"level": "bigint", "position": "bigint", "hash": "bytes"}
)
# One statement for all that a proof needs. The inner one makes every planner look each of them up.
_LOOK_UP: Final = """
    SELECT level, position, (
        SELECT hash FROM tree_nodes
        WHERE tree_nodes.level = asked.level AND tree_nodes.position = asked.position
    ) AS hash
"""
_NODES: Final[Mapping[Dialect, str]] = {
    "sqlite": f"""
        {_LOOK_UP} FROM (
            SELECT value ->> 0 AS level, value ->> 1 AS position FROM json_each(:wanted)
        ) AS asked
    """,
    "postgresql": f"""
        {_LOOK_UP} FROM (
            SELECT (value ->> 0)::integer AS level, (value ->> 1)::bigint AS position
            FROM json_array_elements(:wanted)
        ) AS asked
    """,
}


class Leaf(msgspec.Struct, frozen=True):
    """Where a ledger stood: its version and the digest of its last event (32 bytes).

    A tombstone's leaf says where an erased ledger ended.
    """

    leaf_index: int
    kind: LeafKind
    ledger_id: UUID
    version: int
    digest: bytes

    @property
    def hash(self) -> bytes:
        """What the tree holds of it."""
        return leaf_hash(self.kind, self.ledger_id, self.version, self.digest)


class Known(msgspec.Struct, frozen=True):
    """A place of a ledger's history that the log vouches for."""

    version: int
    digest: bytes
    kind: LeafKind


def log_size(connection: Connection) -> int:
    """How many leaves there are."""
    row = connection.one("SELECT MAX(leaf_index) AS last FROM leaves")
    assert row is not None
    return 0 if row["last"] is None else int(row["last"]) + 1


def lock_log(connection: Connection) -> None:
    """Have nobody else append until the transaction ends; everybody reads on."""
    if connection.dialect == "postgresql":
        connection.run("LOCK TABLE leaves IN EXCLUSIVE MODE")


def append_leaves(
    connection: Connection, kind: LeafKind, stood: Sequence[tuple[UUID, int, bytes]]
) -> None:
    """Append a leaf for each ledger, version and digest; the log is locked."""
    size = log_size(connection)
    growth = Growth(size, read_subtrees(connection, perfect_subtrees((0, size))))
    for where in stood:
        leaf = Leaf(growth.size, kind, *where)
        connection.later(_INSERT_LEAF, msgspec.structs.astuple(leaf))
        for (level, position), node in growth.add(leaf.hash):
            connection.later(_INSERT_NODE, (level, position, node))
    connection.flush()


def last_leaf(connection: Connection, ledger_id: UUID, size: int) -> Leaf | None:
    """The last leaf of a ledger among the first `size` of the log."""
    sql = f"""
        {_LEAF} WHERE ledger_id = :ledger_id AND leaf_index < :size
        ORDER BY leaf_index DESC LIMIT 1
    """
    row = connection.one(sql, ledger_id=ledger_id, size=size)
    return None if row is None else as_record(row, Leaf)


def known(connection: Connection, ledger_id: UUID) -> list[Known]:
    """All that the log says of a ledger, oldest first."""
    sql = f"{_LEAF} WHERE ledger_id = :ledger_id ORDER BY leaf_index"
    return [as_record(row, Known) for row in connection.all(sql, ledger_id=ledger_id)]


def leaves_after(connection: Connection, after: int, until: int, limit: int) -> list[Leaf]:
    """Up to `limit` leaves with indexes from `after` to before `until`, in their order."""
    sql = f"""
        {_LEAF} WHERE leaf_index >= :after AND leaf_index < :until
        ORDER BY leaf_index LIMIT :limit
    """
    rows = connection.all(sql, after=after, until=until, limit=limit)
    return [as_record(row, Leaf) for row in rows]


def all_leaves(connection: Connection, until: int) -> Iterator[Leaf]:
    """The leaves before an index, in their order, a few at a time."""
    sql = f"{_LEAF} WHERE leaf_index < :until ORDER BY leaf_index"
    for row in connection.stream(sql, until=until):
        yield as_record(row, Leaf)


def stretch_hashes(connection: Connection, stretches: Sequence[Stretch]) -> list[bytes]:
    """The hashes over stretches of the log."""
    hashes = read_subtrees(connection, wanted(stretches))
    return [stretch_hash(stretch, hashes) for stretch in stretches]


def read_subtrees(connection: Connection, subtrees: Sequence[Subtree]) -> dict[Subtree, bytes]:
    """The hashes of perfect subtrees: one statement, and one for each that is a single leaf.

    Of a proof, those are two at most. What is not there is left out.
    """
    found: dict[Subtree, bytes] = {}
    nodes = [subtree for subtree in subtrees if subtree[0]]
    if nodes:
        asked = msgspec.json.encode(nodes).decode()
        rows = connection.all(_NODES[connection.dialect], wanted=asked)
        found = {
            (row["level"], row["position"]): bytes(row["hash"])
            for row in rows
            if row["hash"] is not None
        }
    for level, place in subtrees:
        if not level:
            row = connection.one(f"{_LEAF} WHERE leaf_index = :place", place=place)
            assert row is not None
            found[level, place] = as_record(row, Leaf).hash
    return found
