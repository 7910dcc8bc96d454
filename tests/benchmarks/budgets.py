"""`python -m tests.benchmarks.budgets`: what ten years of rolling over cost to read.

A ledger of fifty categories and ten years; for each category budgets that repeat by the month, in
120 periods of which something rolls over. Only the projections are asked, without HTTP.
"""

import argparse
import datetime as dt
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final
from uuid import UUID, uuid4

from rich.console import Console

from domain.base import Command
from domain.budgets import BudgetSet, SetBudget
from domain.calendar import from_jalali, months_after
from domain.categories import AddCategory, CategoryAdded
from domain.periods import ONE_DAY, Rollover
from domain.store.database import Connection, Database
from domain.store.ledgers import LedgerStore
from domain.transactions import RecordTransaction
from projections.budgets import find_budget, list_budgets, list_periods
from projections.readings import RowsReading
from projections.rows import LedgerRows
from tests.benchmarks.books import amount_rials
from tests.benchmarks.folds import databases
from tests.benchmarks.reports import A_BATCH, Ask, median_ms, record, settle

CATEGORIES: Final = 50
A_PAGE: Final = 50
FIRST: Final = from_jalali(1395, 1, 1)
TODAY: Final = from_jalali(1404, 12, 15)
DAY_STEP: Final = 1009
KINDS: Final[dict[str, tuple[int, Rollover]]] = {
    "no rollover": (1, "none"),
    "rolling over, from the first of a month": (1, "both"),
    "rolling over, from the 15th": (15, "both"),
}


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the entries")
    sizes = (1_000, 10_000) if parser.parse_args().quick else (10_000, 100_000)
    console = Console(width=160)
    heads = " | ".join(f"{size:,} entries, ms" for size in sizes)
    console.print(f"| budgets | read | database | {heads} |\n|---|---|---|---|---|", markup=False)
    for name, database in databases():
        for kind, (day_of_month, rollover) in KINDS.items():
            ledgers = [_filled(database, size, day_of_month, rollover) for size in sizes]
            settle(database)
            for read in ("one", "its last 50 periods", "a page of 50"):
                cells = " | ".join(
                    f"{median_ms(database, ledger, _asked(read, one)):.1f}"
                    for ledger, one in ledgers
                )
                console.print(f"| {kind} | {read} | {name} | {cells} |", markup=False)


def _asked(read: str, budget_id: UUID) -> Ask:
    if read == "one":
        return partial(_one, budget_id=budget_id)
    if read == "a page of 50":
        return _page
    return partial(_periods, budget_id=budget_id)


def _one(connection: Connection, rows_id: UUID, budget_id: UUID) -> object:
    return find_budget(connection, rows_id, budget_id, TODAY)


def _page(connection: Connection, rows_id: UUID) -> object:
    return list_budgets(RowsReading(connection, rows_id), today=TODAY, limit=A_PAGE)


def _periods(connection: Connection, rows_id: UUID, budget_id: UUID) -> object:
    return list_periods(connection, rows_id, budget_id, today=TODAY, limit=A_PAGE)


def _filled(
    database: Database, size: int, day_of_month: int, rollover: Rollover
) -> tuple[UUID, UUID]:
    """A ledger, and one of its budgets."""
    store, ledger_id = LedgerStore(database, LedgerRows), uuid4()
    database.write(lambda connection: store.open_ledger(connection, ledger_id, uuid4()))
    added = [AddCategory(name=f"{number}", kind="expense") for number in range(CATEGORIES)]
    made = record(store, ledger_id, added)
    categories = [event.category_id for event in made if isinstance(event, CategoryAdded)]
    start = FIRST + (day_of_month - 1) * ONE_DAY
    made = record(
        store,
        ledger_id,
        [
            SetBudget(
                category_id=category_id,
                max_amount_rials=10**7,
                start=start,
                end=months_after(start, 1) - ONE_DAY,
                repeat="month",
                rollover=rollover,
            )
            for category_id in categories
        ],
    )
    left = _entries(categories, size)
    while batch := list(islice(left, A_BATCH)):
        record(store, ledger_id, batch)
    return ledger_id, next(event.budget_id for event in made if isinstance(event, BudgetSet))


def _entries(categories: list[UUID], size: int) -> Iterator[Command]:
    days = (TODAY - FIRST).days
    for number in range(size):
        yield RecordTransaction(
            category_id=categories[number % len(categories)],
            amount_rials=amount_rials(number),
            date=FIRST + dt.timedelta(days=number * DAY_STEP % days),
        )


if __name__ == "__main__":
    main()
