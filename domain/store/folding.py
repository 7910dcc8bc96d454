"""Folding: from events as they are stored to the state that they leave."""

import gc
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from domain.decider import evolve
from domain.ledger import LedgerState
from domain.store.codec import read_event
from domain.store.connection import Connection

READ_AT_ONCE: Final = 2000
FREED_AT_ONCE: Final = 1000

StoredTriple = tuple[int, str, bytes]
"""A stored event of a ledger that is known: version, topic, state."""

_EVENTS: Final = """
    SELECT originator_version, topic, state FROM events
    WHERE originator_id = :ledger_id AND originator_version > :after
    ORDER BY originator_version LIMIT :limit
"""


def stored_triples(
    connection: Connection, ledger_id: UUID, until: int, *, after: int = 0
) -> Iterator[StoredTriple]:
    """The events of a ledger that follow version `after`, up to and with version `until`.

    They are read a few at a time: memory does not grow with their number.
    """
    while after < until:
        rows = triples_after(connection, ledger_id, after, min(READ_AT_ONCE, until - after))
        if not rows:
            return
        yield from rows
        after = rows[-1][0]


def triples_after(
    connection: Connection, ledger_id: UUID, after: int, limit: int
) -> list[StoredTriple]:
    """Up to `limit` events of a ledger that follow version `after`."""
    return connection.tuples(_EVENTS, ledger_id=ledger_id, after=after, limit=limit)


def fold(
    ledger_id: UUID, events: Iterable[StoredTriple], ledger: LedgerState | None = None
) -> LedgerState:
    """A ledger (none yet, when it is left out) after events that follow what it was told.

    Raises `UnknownEvent`.
    """
    state = LedgerState() if ledger is None else ledger
    with without_cycles():
        for version, topic, stored in events:
            evolve(state, read_event(ledger_id, version, topic, stored))
    return state


def let_go(state: LedgerState) -> None:
    """Free a large state piece by piece: at once, nobody else would have the interpreter."""
    for kept in (state.creations, state.transactions):
        while kept:
            for _ in range(min(FREED_AT_ONCE, len(kept))):
                kept.popitem()
            time.sleep(0)


@contextmanager
def without_cycles() -> Iterator[None]:
    """Keep Python from looking for reference cycles where many objects are made and none dies.

    A fold makes no cycles, and would be walked through whole again and again as it grows: a third
    of its time. Memory is freed as always.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
