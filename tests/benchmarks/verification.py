"""`python -m tests.benchmarks.verification`: how fast ledgers are verified, digests and all."""

import argparse
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final
from uuid import UUID

from rich.console import Console

from domain.store.database import Database
from domain.store.folding import StoredTriple, stored_triples, without_cycles
from domain.store.ledgers import LedgerStore
from projections.chain import Chain, Findings
from projections.rebuild import rebuild_ledger
from projections.rows import LedgerRows
from projections.verification import verify_ledger
from projections.whole_store import verify_store
from tests.benchmarks.folds import databases, median_seconds, put_events
from tests.benchmarks.histories import ACTOR, mixed_events, stored

LEDGER_ID: Final = UUID(int=0xAD17 << 64)
SMALL: Final = 300


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    size = 30_000 if parser.parse_args().quick else 300_000
    console = Console()
    console.print("| what | events/s |\n|---|---|", markup=False)
    for name, events, seconds in measured(size):
        console.print(f"| {name} | {events / seconds:,.0f} |", markup=False)


def measured(size: int) -> Iterator[tuple[str, int, float]]:
    """What was verified, how many events that was, and in how many seconds: medians of three."""
    rows = list(stored(LEDGER_ID, mixed_events(size)))
    triples = [(row.originator_version, row.topic, row.state) for row in rows]
    yield "digests and totals, from memory", size, median_seconds(partial(_follow, triples))
    for name, database in databases():
        put_ledger(database, LEDGER_ID, size)
        seconds = median_seconds(partial(_follow_stored, database, size))
        yield f"digests and totals, {name}", size, seconds
        seconds = median_seconds(partial(_verify, database))
        yield f"digests, totals and every row, {name}", size, seconds
    many = size // SMALL
    for name, database in databases():
        for number in range(1, many + 1):
            put_ledger(database, UUID(int=number), SMALL)
        seconds = median_seconds(partial(_verify_all, database, many))
        yield f"a store of {many:,} ledgers of {SMALL}, {name}", many * SMALL, seconds


def put_ledger(database: Database, ledger_id: UUID, size: int) -> None:
    """Open a ledger, store its history, and have its rows made of that."""
    store = LedgerStore(database, LedgerRows)
    database.write(lambda connection: store.open_ledger(connection, ledger_id, UUID(ACTOR)))
    forget = "DELETE FROM events WHERE originator_id = :ledger_id"
    database.write(lambda connection: connection.run(forget, ledger_id=ledger_id))
    put_events(database, ledger_id, list(stored(ledger_id, mixed_events(size))))
    rebuild_ledger(database, ledger_id)


def _follow_stored(database: Database, size: int) -> Chain:
    with database.reading() as connection:
        return _follow(stored_triples(connection, LEDGER_ID, size))


def _follow(triples: Iterable[StoredTriple]) -> Chain:
    findings = Findings()
    chain = Chain(LEDGER_ID, findings)
    with without_cycles():
        chain.follow(triples)
    assert findings.count == 0, findings.kept
    return chain


def _verify(database: Database) -> None:
    result = verify_ledger(database, LEDGER_ID)
    assert result.ok, result.findings[:3]


def _verify_all(database: Database, many: int) -> None:
    results = list(verify_store(database, lambda _events: None))
    assert (len(results), all(result.ok for result in results)) == (many, True)


if __name__ == "__main__":
    main()
