"""`python -m tests.benchmarks.folds`: how fast a stored history is read and folded."""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from rich.console import Console

from domain.ledger import LedgerState
from domain.store.codec import digest
from domain.store.database import Connection, Database, open_database
from domain.store.folding import StoredTriple, fold, stored_triples
from domain.store.migrate import upgrade
from tests.benchmarks.histories import BEGAN, mixed_events, stored
from tests.keeper import running_postgres

ROUNDS: Final = 3
LEDGER_ID: Final = UUID(int=0xF01D << 64)
A_BATCH: Final = 5000
SMALL: Final = 300

_INSERT: Final = """
    INSERT INTO events (originator_id, originator_version, topic, state)
    VALUES (:originator_id, :originator_version, :topic, :state)
"""
_HEAD: Final = """
    UPDATE ledgers SET version = :version, digest = :digest, recorded_at = :recorded_at
    WHERE ledger_id = :ledger_id
"""


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    size = 30_000 if parser.parse_args().quick else 300_000
    console = Console()
    console.print("| what | events/s |\n|---|---|", markup=False)
    for name, seconds in measured(size):
        console.print(f"| {name} | {size / seconds:,.0f} |", markup=False)


def measured(size: int) -> Iterator[tuple[str, float]]:
    """What was done with so many events, and in how many seconds: medians of three."""
    rows = list(stored(LEDGER_ID, mixed_events(size)))
    triples = _as_triples(rows)
    yield "folding bytes, one ledger", median_seconds(partial(fold, LEDGER_ID, triples))
    many = [_triples(UUID(int=number), SMALL) for number in range(size // SMALL)]
    yield f"folding bytes, ledgers of {SMALL}", median_seconds(partial(_fold_each, many))
    for name, database in databases():
        put_events(database, LEDGER_ID, rows)
        yield f"reading, {name}", median_seconds(partial(_read, database, size))
        yield f"reading and folding, {name}", median_seconds(partial(_fold, database, size))


def median_seconds(work: Callable[[], object]) -> float:
    """How long a piece of work takes; what it made is thrown away outside the measurement."""
    seconds = []
    for _ in range(ROUNDS):
        gc.collect()
        started = time.perf_counter()
        made = work()
        seconds.append(time.perf_counter() - started)
        del made
    return statistics.median(seconds)


def databases() -> Iterator[tuple[str, Database]]:
    """A new database of each kind, in turn."""
    with TemporaryDirectory(prefix="dakhl-bench-") as home:
        with _opened(f"sqlite:///{Path(home) / 'ledger.sqlite3'}") as database:
            yield "SQLite", database
        with running_postgres() as url, _opened(url) as database:
            yield "PostgreSQL", database


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    upgrade(url)
    database = open_database(url)
    yield database
    database.close()


def put_events(database: Database, ledger_id: UUID, rows: list[StoredEvent]) -> None:
    """Store a history, and have the ledger's head say so: what is not read is not made."""
    left = iter(rows)
    while batch := list(islice(left, A_BATCH)):
        database.write(partial(_insert, batch=batch))
    last = rows[-1]
    sealed = digest(ledger_id, last.originator_version, last.topic, last.state)
    head = {"version": last.originator_version, "digest": sealed, "recorded_at": BEGAN}
    database.write(lambda connection: connection.run(_HEAD, ledger_id=ledger_id, **head))


def _insert(connection: Connection, batch: list[StoredEvent]) -> None:
    connection.run_many(_INSERT, [vars(row) for row in batch])


def _triples(ledger_id: UUID, size: int) -> list[StoredTriple]:
    return _as_triples(stored(ledger_id, mixed_events(size)))


def _as_triples(rows: Iterable[StoredEvent]) -> list[StoredTriple]:
    return [(row.originator_version, row.topic, row.state) for row in rows]


def _fold_each(many: list[list[StoredTriple]]) -> None:
    for triples in many:
        fold(LEDGER_ID, triples)


def _read(database: Database, size: int) -> list[StoredTriple]:
    with database.reading() as connection:
        return list(stored_triples(connection, LEDGER_ID, size))


def _fold(database: Database, size: int) -> LedgerState:
    with database.reading() as connection:
        return fold(LEDGER_ID, stored_triples(connection, LEDGER_ID, size))


if __name__ == "__main__":
    main()
