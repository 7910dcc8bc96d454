"""Checkpoints: where every ledger stands goes into the leaf log, and its tree's head is signed."""

import base64
import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.store.database import Connection, Database, as_record
from domain.store.leaf_log import (
    LeafKind,
    append_leaves,
    lock_log,
    log_size,
    stretch_hashes,
)
from domain.store.settings import Settings
from domain.verifier import key_id, written_key

LOOK_AT_ONCE: Final = 200
"""Ledgers that one transaction looks at, so that others who write do not wait for long."""

_NOBODY: Final = UUID(int=0)
_SELECT: Final = "SELECT size, root, signed_at, note, public_key FROM checkpoints"
_INSERT: Final = """
    INSERT INTO checkpoints (size, root, signed_at, note, public_key)
    VALUES (:size, :root, :signed_at, :note, :public_key)
"""
_LAST_VERSION: Final = """
    SELECT leaves.version FROM leaves WHERE leaves.ledger_id = few.ledger_id
    ORDER BY leaf_index DESC LIMIT 1
"""
_HAS_TOMBSTONE: Final = """
    SELECT 1 FROM leaves WHERE leaves.ledger_id = few.ledger_id AND kind = 'tombstone'
"""


class Checkpoint(msgspec.Struct, frozen=True):
    """A signed tree head: `note` is all of it as others read it, and `public_key` checks it."""

    size: int
    root: bytes
    signed_at: dt.datetime
    note: str
    public_key: str


class Signer:
    """Signs tree heads under the log's name, with an Ed25519 key made of 32 bytes."""

    def __init__(self, origin: str, seed: bytes) -> None:
        self._origin = origin
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()

    @property
    def public_key(self) -> str:
        """What others check our signatures with, as C2SP signed-note writes a key."""
        return written_key(self._origin, self._public)

    def note(self, size: int, root: bytes) -> str:
        """A tree head as C2SP tlog-checkpoint writes it, signed as in signed-note.

        It holds no time: one size has one note, and whoever keeps it knows since when.
        """
        text = f"{self._origin}\n{size}\n{_encoded(root)}\n"
        signature = key_id(self._origin, self._public) + self._key.sign(text.encode())
        return f"{text}\n\u2014 {self._origin} {_encoded(signature)}\n"


def new_signer(settings: Settings) -> Signer:
    """The signer that the settings name."""
    return Signer(settings.checkpoint_origin, settings.checkpoint_signing_key)


def sign_checkpoint(
    database: Database,
    signer: Signer,
    now: dt.datetime,
    looked_at: Callable[[int], object] = lambda _count: None,
) -> Checkpoint | None:
    """Take every ledger that changed into the log, and sign its head; None when it is empty.

    In many short transactions: whoever is cut off leaves leaves that the next one signs. When
    nothing changed since the last checkpoint, that is the one. `looked_at` is told of how many
    more ledgers each time.
    """
    for source in _SOURCES:
        for count in _take_in(database, source):
            looked_at(count)
    return database.write(partial(_sign, signer=signer, now=now))


def latest_checkpoint(connection: Connection) -> Checkpoint | None:
    """The checkpoint that was signed last."""
    row = connection.one(f"{_SELECT} ORDER BY size DESC LIMIT 1")
    return None if row is None else as_record(row, Checkpoint)


def checkpoint_of(connection: Connection, size: int) -> Checkpoint | None:
    """The checkpoint over so many leaves, if one was signed."""
    row = connection.one(f"{_SELECT} WHERE size = :size", size=size)
    return None if row is None else as_record(row, Checkpoint)


def checkpoints_before(connection: Connection, size: int, limit: int) -> list[Checkpoint]:
    """Up to `limit` checkpoints over fewer leaves than `size`, newest first."""
    sql = f"{_SELECT} WHERE size < :size ORDER BY size DESC LIMIT :limit"
    return [as_record(row, Checkpoint) for row in connection.all(sql, size=size, limit=limit)]


class _Stood(msgspec.Struct, frozen=True):
    """Where a ledger stands or ended, and whether the log does not know yet."""

    ledger_id: UUID
    version: int
    digest: bytes
    is_due: bool


class _Source(msgspec.Struct, frozen=True):
    """A table that leaves are made of, and the condition that a row of it is not in the log."""

    kind: LeafKind
    table: str
    is_due: str

    def look(self, connection: Connection, after: UUID) -> list[_Stood]:
        """The few ledgers that follow an id."""
        few = f"""
            SELECT ledger_id, version, digest FROM {self.table} WHERE ledger_id > :after
            ORDER BY ledger_id LIMIT :limit
        """
        sql = f"""
            SELECT ledger_id, version, digest, {self.is_due} AS is_due
            FROM ({few}) AS few ORDER BY ledger_id
        """
        rows = connection.all(sql, after=after, limit=LOOK_AT_ONCE)
        return [as_record(row, _Stood) for row in rows]

    def append(self, connection: Connection, after: UUID) -> None:
        """Append a leaf for those of them that are due."""
        # Asked again with the log locked: another signer may have been here meanwhile.
        lock_log(connection)
        due = [one for one in self.look(connection, after) if one.is_due]
        append_leaves(
            connection, self.kind, [(one.ledger_id, one.version, one.digest) for one in due]
        )


_SOURCES: Final = (
    _Source("ledger", "ledgers", f"few.version > COALESCE(({_LAST_VERSION}), 0)"),
    # Last, so that of a ledger that is erased meanwhile the tombstone is the last word.
    _Source("tombstone", "tombstones", f"NOT EXISTS ({_HAS_TOMBSTONE})"),
)


def _take_in(database: Database, source: _Source) -> Iterator[int]:
    after: UUID | None = _NOBODY
    while after is not None:
        seen = database.read(partial(source.look, after=after))
        if any(one.is_due for one in seen):
            database.write(partial(source.append, after=after))
        yield len(seen)
        after = seen[-1].ledger_id if len(seen) == LOOK_AT_ONCE else None


def _sign(connection: Connection, signer: Signer, now: dt.datetime) -> Checkpoint | None:
    lock_log(connection)
    size = log_size(connection)
    if not size:
        return None
    found = checkpoint_of(connection, size)
    if found is None:
        [root] = stretch_hashes(connection, [(0, size)])
        found = Checkpoint(size, root, now, signer.note(size, root), signer.public_key)
        connection.run(_INSERT, **msgspec.structs.asdict(found))
    return found


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
