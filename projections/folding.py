"""Folding a stored stream for a rebuild: as far as its events can be followed, and no further."""

import datetime as dt
from typing import Final
from uuid import UUID

from domain.ledger import LedgerState
from domain.store.codec import digest
from domain.store.database import Connection
from domain.store.folding import READ_AT_ONCE, StoredTriple, triples_after
from domain.store.ledgers import Head
from projections.chain import Chain, Findings

HARMLESS: Final = frozenset({"time_reversed", "opening_misplaced"})
"""Findings of an audit that leave no doubt what the rows have to be."""


class Poison(Exception):
    """The events of a ledger cannot be followed past a version; `reason` is an audit's code."""

    def __init__(self, version: int, reason: str) -> None:
        super().__init__(f"version {version}: {reason}")
        self.version = version
        self.reason = reason


class Fold:
    """A stream as far as it was followed: its state, and the digest of its last event."""

    def __init__(self, ledger_id: UUID) -> None:
        self.ledger_id = ledger_id
        self._findings = Findings()
        self._chain = Chain(ledger_id, self._findings)

    @property
    def state(self) -> LedgerState:
        """What the events come to."""
        assert self._chain.state is not None, "it would have been poison"
        return self._chain.state

    @property
    def version(self) -> int:
        """How many events were followed."""
        return self._chain.version

    @property
    def digest(self) -> bytes:
        """What seals the last of them."""
        return self._chain.digest

    @property
    def recorded_at(self) -> dt.datetime | None:
        """When the last of them was recorded."""
        return self._chain.recorded_at

    def follow(self, connection: Connection) -> None:
        """Follow all that the connection sees of the stream. Raises `Poison`."""
        while self.follow_some(connection, READ_AT_ONCE):
            pass

    def follow_some(self, connection: Connection, most: int) -> list[StoredTriple]:
        """Follow the next events, and give them. Raises `Poison`."""
        rows = triples_after(connection, self.ledger_id, self.version, most)
        self._chain.follow(rows)
        for finding in self._findings.kept:
            if finding.code not in HARMLESS:
                raise Poison(finding.version or 0, finding.code)
        return rows

    def check(self, connection: Connection, head: Head) -> None:
        """Raise `Poison` when the head was sealed over something else than these events.

        The head alone says how many events there are, and seals the last one. It may lag behind;
        where it says more, or another digest, events were lost or changed: to make it say what
        they say would hide that.
        """
        if head.version > self.version:
            raise Poison(self.version + 1, "event_missing")
        sealed = self.digest
        if 0 < head.version < self.version:
            [last] = triples_after(connection, self.ledger_id, head.version - 1, 1)
            sealed = digest(self.ledger_id, *last)
        if head.version and head.digest != sealed:
            raise Poison(head.version, "head_digest")
