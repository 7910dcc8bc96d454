"""Proofs: that a checkpoint holds a ledger, that one goes on from another, that one is ours."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

import msgspec

from domain.merkle import Growth, consistency_path, inclusion_path
from domain.store.checkpoints import Checkpoint, checkpoint_of, latest_checkpoint
from domain.store.codec import digest
from domain.store.database import Connection, as_record
from domain.store.leaf_log import Leaf, last_leaf, stretch_hashes
from domain.verifier import Proof, flaws_of_checkpoint, read_checkpoint, read_key

_LEAVES_WITH_EVENTS: Final = """
    SELECT leaf_index, kind, leaves.ledger_id, leaves.version, leaves.digest, topic, state,
        tombstones.version AS ended_at, tombstones.digest AS ended_with
    FROM leaves
    LEFT JOIN events ON originator_id = leaves.ledger_id AND originator_version = leaves.version
    LEFT JOIN tombstones ON tombstones.ledger_id = leaves.ledger_id
    WHERE leaf_index < :size ORDER BY leaf_index
"""


class CheckpointMissing(Exception):
    """No checkpoint of this size was signed, or none at all yet."""


class LedgerNotProven(Exception):
    """The checkpoint knows nothing of this ledger."""


class LogFinding(msgspec.Struct, frozen=True):
    """Something that is not as a checkpoint says; of a ledger's version, where it is of one."""

    code: str
    ledger_id: UUID | None = None
    version: int | None = None


class _Vouched(Leaf, frozen=True):
    """A leaf beside what is stored of what it vouches for."""

    topic: str | None
    state: bytes | None
    ended_at: int | None
    ended_with: bytes | None

    def flaw(self) -> str | None:
        """Why the store is not as the leaf says, if it is not."""
        ended = (self.ended_at, self.ended_with)
        if self.kind == "tombstone":
            return None if ended == (self.version, self.digest) else "tombstone_changed"
        if self.topic is not None and self.state is not None:
            found = digest(self.ledger_id, self.version, self.topic, self.state)
            return None if found == self.digest else "event_changed"
        if self.ended_at is None or self.ended_at < self.version:
            return "event_missing"
        is_end = self.ended_at == self.version
        return "tombstone_changed" if is_end and self.ended_with != self.digest else None


def signed_checkpoint(connection: Connection, size: int | None = None) -> Checkpoint:
    """The checkpoint of a size, or the latest. Raises `CheckpointMissing`."""
    found = latest_checkpoint(connection) if size is None else checkpoint_of(connection, size)
    if found is None:
        raise CheckpointMissing(size)
    return found


def prove_ledger(connection: Connection, ledger_id: UUID, size: int | None = None) -> Proof:
    """That a checkpoint, or the latest, holds a ledger as it stood then.

    Raises `CheckpointMissing` and `LedgerNotProven`.
    """
    checkpoint = signed_checkpoint(connection, size)
    leaf = last_leaf(connection, ledger_id, checkpoint.size)
    if leaf is None:
        raise LedgerNotProven(ledger_id)
    path = stretch_hashes(connection, inclusion_path(leaf.leaf_index, checkpoint.size))
    return Proof(
        ledger_id,
        leaf.kind,
        leaf.version,
        leaf.digest,
        leaf.leaf_index,
        checkpoint.size,
        path,
        checkpoint.note,
    )


def prove_consistency(connection: Connection, first: int, second: int) -> list[bytes]:
    """That the later of two checkpoints goes on from the earlier. Raises `CheckpointMissing`."""
    sizes = [signed_checkpoint(connection, size).size for size in (first, second)]
    return stretch_hashes(connection, consistency_path(*sizes))


def check_checkpoint(connection: Connection, note: bytes, public_key: str) -> Iterator[LogFinding]:
    """Whether all that a checkpoint vouches for is stored here: each leaf is read, none is kept.

    Raises `Unreadable` for what is not a checkpoint or a key.
    """
    checkpoint = read_checkpoint(note)
    if flaws_of_checkpoint(checkpoint, read_key(public_key)):
        yield LogFinding("checkpoint_not_ours")
        return
    growth = Growth(0, {})
    for row in connection.stream(_LEAVES_WITH_EVENTS, size=checkpoint.size):
        try:
            leaf = as_record(row, _Vouched)
            growth.add(leaf.hash)
        except (msgspec.ValidationError, OverflowError):
            yield LogFinding("leaves_changed")  # into what could never be a leaf
            return
        if (flaw := leaf.flaw()) is not None:
            yield LogFinding(flaw, leaf.ledger_id, leaf.version)
    if growth.size < checkpoint.size:
        yield LogFinding("leaves_missing")
    elif growth.root != checkpoint.root:
        yield LogFinding("leaves_changed")
    elif not _has_root(connection, checkpoint.size, checkpoint.root):
        yield LogFinding("tree_changed")


def _has_root(connection: Connection, size: int, root: bytes) -> bool:
    try:
        return stretch_hashes(connection, [(0, size)]) == [root]
    except KeyError:
        return False  # a node is not there
