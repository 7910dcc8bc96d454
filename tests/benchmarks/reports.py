"""`python -m tests.benchmarks.reports`: what reports cost on a short ledger and on a long one.

Only the projections are asked, without HTTP: the statements and what is made of their rows.
"""

import argparse
import datetime as dt
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final
from uuid import UUID, uuid4

from rich.console import Console

from domain.base import Command
from domain.calendar import FIRST_DAY, LAST_DAY, from_jalali
from domain.categories import AddStarterCategories, CategoryAdded
from domain.store.database import Connection, Database
from domain.store.ledgers import LedgerStore, read_head
from domain.transactions import RecordTransaction
from projections.calendar import month_calendar
from projections.forecast import forecast
from projections.growth import growth
from projections.largest import Asked, largest_of_rows
from projections.readings import RowsReading
from projections.reports import KINDS, monthly_report, yearly_report
from projections.rows import LedgerRows
from tests.benchmarks.books import amount_rials, day
from tests.benchmarks.folds import databases

ROUNDS: Final = 15
A_BATCH: Final = 1000
TODAY: Final = from_jalali(1404, 12, 15)
"""The entries are of the five years from 1400 on."""

EVERYTHING: Final = (FIRST_DAY, LAST_DAY)
SIX_WEEKS: Final = (from_jalali(1403, 5, 3), from_jalali(1403, 6, 15))

Ask = Callable[[Connection, UUID], object]


def _largest(days: tuple[dt.date, dt.date], limit: int) -> Ask:
    asked = Asked(*days, KINDS, limit)
    return lambda connection, rows_id: largest_of_rows(connection, rows_id, asked)


REPORTS: Final[dict[str, Ask]] = {
    "monthly": lambda *at: monthly_report(RowsReading(*at), 1403, 6),
    "yearly": lambda *at: yearly_report(RowsReading(*at), 1403),
    "growth": lambda *at: growth(RowsReading(*at), 1404, 1403, 5, TODAY),
    "forecast": lambda *at: forecast(RowsReading(*at), 140412, TODAY),
    "calendar": lambda *at: month_calendar(RowsReading(*at), 140306),
    "largest 10 of everything": _largest(EVERYTHING, 10),
    "largest 100 of everything": _largest(EVERYTHING, 100),
    "largest 10 of six weeks": _largest(SIX_WEEKS, 10),
}


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the entries")
    sizes = (1_000, 10_000) if parser.parse_args().quick else (1_000, 100_000)
    console = Console()
    heads = " | ".join(f"{size:,} entries, ms" for size in sizes)
    console.print(f"| report | database | {heads} |\n|---|---|---|---|", markup=False)
    for name, database in databases():
        ledgers = [_filled(database, size) for size in sizes]
        settle(database)
        for report, ask in REPORTS.items():
            cells = " | ".join(f"{median_ms(database, one, ask):.1f}" for one in ledgers)
            console.print(f"| {report} | {name} | {cells} |", markup=False)


def _filled(database: Database, size: int) -> UUID:
    store, ledger_id = LedgerStore(database, LedgerRows), uuid4()
    database.write(lambda connection: store.open_ledger(connection, ledger_id, uuid4()))
    recorded = record(store, ledger_id, [AddStarterCategories()])
    categories = [event.category_id for event in recorded if isinstance(event, CategoryAdded)]
    left = _entries(categories, size)
    while batch := list(islice(left, A_BATCH)):
        record(store, ledger_id, batch)
    return ledger_id


def record(store: LedgerStore, ledger_id: UUID, batch: Sequence[Command]) -> list[object]:
    """Record commands in one transaction; the events they came to."""
    recorded = store.transact(
        ledger_id,
        "worker:benchmark",
        lambda bracket: [one for command in batch for one in bracket.record(command)],
    )
    return [one.event for one in recorded]


def _entries(categories: list[UUID], size: int) -> Iterator[Command]:
    for number in range(size):
        yield RecordTransaction(
            category_id=categories[number % len(categories)],
            amount_rials=amount_rials(number),
            date=day(number),
        )


def settle(database: Database) -> None:
    """What autovacuum would do within a minute; SQLite has nobody who does."""
    if database.dialect == "postgresql":
        database.write(lambda connection: connection.run("ANALYZE"))


def median_ms(database: Database, ledger_id: UUID, ask: Ask) -> float:
    """How long asking takes, within a snapshot that is open."""
    taken = []
    for _ in range(ROUNDS):
        with database.reading() as connection:
            rows_id = read_head(connection, ledger_id).rows_id
            started = time.perf_counter()
            ask(connection, rows_id)
            taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
