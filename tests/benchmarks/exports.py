"""`python -m tests.benchmarks.exports`: how long exports, an import of events and changes take."""

import argparse
import multiprocessing
import re
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from domain.categories import AddCategory
from domain.store import exports, jobs
from domain.store.database import Database, open_database
from domain.store.exports import FORMATS, Export
from domain.store.jobs import Job
from domain.store.ledgers import Bracket, read_head, utc_now
from domain.store.migrate import upgrade
from domain.store.portable import portable_line
from domain.transactions import RecordTransaction
from projections.arrivals import check_lines, take_in
from projections.changes import changes_since
from projections.history import stream_events
from tests.books import NOON, Book
from tests.keeper import running_postgres
from workers.exports import run_export

ROUNDS: Final = 3
SIZES: Final = (10_000, 100_000)
AT_ONCE: Final = 1000
DAY: Final = NOON.date()


def main() -> None:
    """Measure on SQLite and on PostgreSQL, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="One round of small ledgers.")
    quick = parser.parse_args().quick
    sizes, rounds = ((500, 2000), 1) if quick else (SIZES, ROUNDS)
    with TemporaryDirectory(prefix="dakhl-bench-") as home:
        _measure("SQLite", f"sqlite:///{home}/ledger.sqlite3", Path(home), sizes, rounds)
        with running_postgres() as url:
            _measure("PostgreSQL", url, Path(home), sizes, rounds)


def _measure(name: str, url: str, home: Path, sizes: tuple[int, int], rounds: int) -> None:
    upgrade(url)
    database = open_database(url)
    ledgers = [ledger_of(database, size, _entry) for size in sizes]
    print(f"\n**{name}**\n\n| | {sizes[0]:,} entries | {sizes[1]:,} entries |\n|---|---:|---:|")
    for kind in FORMATS:
        if kind == "pdf":
            continue  # it is of one month: see `tests.benchmarks.statement`
        cells = [exported(url, Export(ledger, uuid4(), kind, "fa"), rounds) for ledger in ledgers]
        _row(f"`{kind}`: seconds, worker's peak", [f"{s:.1f} s, {m:.0f} MiB" for s, m in cells])
    for limit, label in ((200, "200 versions"), (1000, "1,000 versions")):
        pages = [_page(database, ledger, limit) for ledger in ledgers]
        _row(f"page of changes, {label}, at the end", [f"{ms:.1f} ms" for ms in pages])
    taken = [_import(database, ledger, home, rounds) for ledger in ledgers]
    _row(
        "import of events into an empty SQLite file", [f"{s:.1f} s, {m:.0f} MiB" for s, m in taken]
    )
    database.close()


def _row(name: str, cells: list[str]) -> None:
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def ledger_of(database: Database, size: int, entry: Callable[[int], RecordTransaction]) -> UUID:
    """A ledger of so many entries in twenty categories."""
    book = Book(database)
    names = [AddCategory(id=UUID(int=n), name=f"دستهٔ {n}", kind="expense") for n in range(20)]

    def record(bracket: Bracket, commands: list[Any]) -> None:
        for command in commands:
            bracket.record(command)

    book.store.transact(book.ledger_id, "benchmark", partial(record, commands=names))
    for begin in range(0, size, AT_ONCE):
        some = [entry(number) for number in range(begin, min(begin + AT_ONCE, size))]
        book.store.transact(book.ledger_id, "benchmark", partial(record, commands=some))
    return book.ledger_id


def _entry(number: int) -> RecordTransaction:
    return RecordTransaction(
        category_id=UUID(int=number % 20),
        amount_rials=10_000 + number * 137 % 9_000_000,
        date=DAY.replace(month=1 + number % 12, day=1 + number % 28),
        description=f"خرید شمارهٔ {number} از فروشگاه سر کوچه",
    )


def exported(url: str, wanted: Export, rounds: int) -> tuple[float, float]:
    """Seconds and the worker's peak in MiB, of an export made several times."""
    found = [_alone(partial(_export_once, url, wanted)) for _ in range(rounds)]
    return statistics.median(s for s, _ in found), max(peak for _, peak in found)


def _export_once(url: str, wanted: Export) -> None:
    database, now = open_database(url), utc_now()
    job = Job(wanted.ledger_id, uuid4(), "export", "queued", 0, 1, None, now, now)
    export = msgspec.structs.replace(wanted, id=job.id)
    database.write(lambda c: jobs.add_job(c, job))
    database.write(lambda c: exports.add_export(c, export))
    run_export(database, job.ledger_id, job.id)
    finished = database.read(lambda c: jobs.find_job(c, job.ledger_id, job.id))
    assert finished is not None
    assert finished.status == "done"
    database.close()


def _alone(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds and the peak in MiB of a process of its own, as a worker's job has one."""
    context = multiprocessing.get_context("spawn")
    told, tell = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, tell))
    process.start()
    tell.close()
    seconds, peak = told.recv()
    process.join()
    return seconds, peak


def _run(work: Callable[[], None], tell: Any) -> None:
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    # Not getrusage's: that is never less than what the parent had.
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    tell.send((seconds, int(peak) / 1024))


def _page(database: Database, ledger_id: UUID, limit: int) -> float:
    times = []
    for _ in range(20):
        started = time.perf_counter()
        with database.reading() as connection:
            head = read_head(connection, ledger_id)
            changes_since(connection, head, max(0, head.version - limit), limit, DAY)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def _import(database: Database, ledger_id: UUID, home: Path, rounds: int) -> tuple[float, float]:
    empty, target, file = home / "empty.sqlite3", home / "target.sqlite3", home / "events.ndjson"
    upgrade(f"sqlite:///{empty}")
    with file.open("wb") as lines:
        lines.writelines(_lines(database, ledger_id))
    found = []
    for _ in range(rounds):
        with _copied(empty, target):
            found.append(_alone(partial(_import_once, f"sqlite:///{target}", file)))
    return statistics.median(s for s, _ in found), max(peak for _, peak in found)


def _lines(database: Database, ledger_id: UUID) -> Iterator[bytes]:
    version = database.read(lambda c: read_head(c, ledger_id).version)
    for row in stream_events(database, ledger_id, 0, version, lambda _connection: None):
        yield portable_line(row.ledger_id, row.version, row.topic, row.state, row.digest)


@contextmanager
def _copied(empty: Path, target: Path) -> Iterator[None]:
    shutil.copyfile(empty, target)
    yield
    for left in target.parent.glob(f"{target.name}*"):
        left.unlink()


def _import_once(url: str, file: Path) -> None:
    database = open_database(url)
    with TemporaryFile() as kept, file.open("rb") as lines:
        for arrival in check_lines(database, lines, kept, lambda: None):
            take_in(database, arrival, kept, None)
    database.close()


if __name__ == "__main__":
    main()
