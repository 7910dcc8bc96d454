"""`python -m tests.benchmarks.statement`: how long a statement takes, and its worker's peak."""

import argparse
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID, uuid4

from domain.calendar import first_day, from_jalali, last_day
from domain.store.database import open_database
from domain.store.exports import Export
from domain.store.migrate import upgrade
from domain.transactions import RecordTransaction
from tests.benchmarks.exports import exported, ledger_of
from tests.keeper import running_postgres

ROUNDS: Final = 3
SIZES: Final = (50, 500, 5_000, 100_000)
MONTH: Final = 140508


def main() -> None:
    """Measure on SQLite and on PostgreSQL, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="One round of small months.")
    quick = parser.parse_args().quick
    sizes, rounds = (SIZES[:2], 1) if quick else (SIZES, ROUNDS)
    print(f"| entries in the month | {' | '.join(f'{size:,}' for size in sizes)} |")
    print("|---|" + "---:|" * len(sizes))
    with TemporaryDirectory(prefix="dakhl-bench-") as home:
        _measure("SQLite", f"sqlite:///{home}/ledger.sqlite3", sizes, rounds)
        with running_postgres() as url:
            _measure("PostgreSQL", url, sizes, rounds)


def _measure(name: str, url: str, sizes: tuple[int, ...], rounds: int) -> None:
    upgrade(url)
    database = open_database(url)
    ledgers = [ledger_of(database, size, _entry) for size in sizes]
    found = [exported(url, _statement(ledger_id), rounds) for ledger_id in ledgers]
    cells = [f"{seconds:.1f} s, {peak:.0f} MiB" for seconds, peak in found]
    print(f"| {name}: seconds, worker's peak | {' | '.join(cells)} |", flush=True)
    database.close()


def _statement(ledger_id: UUID) -> Export:
    return Export(ledger_id, uuid4(), "pdf", "fa", first_day(MONTH), last_day(MONTH))


def _entry(number: int) -> RecordTransaction:
    return RecordTransaction(
        category_id=UUID(int=number % 20),
        amount_rials=10_000 + number * 137 % 9_000_000,
        date=from_jalali(MONTH // 100, MONTH % 100, 1 + number % 30),
        description=f"خرید شمارهٔ {number} از فروشگاه سر کوچه",
    )


if __name__ == "__main__":
    main()
