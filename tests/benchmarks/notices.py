"""How soon people hear, and what looking costs: `python -m tests.benchmarks.notices [--quick]`.

A real web server and a real follower on an idle machine, and then a follower in this process: with
nothing to do beside a store of quiet ledgers, and with very much. Medians of three.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from statistics import median
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from domain.budgets import SetBudget
from domain.calendar import FIRST_DAY, LAST_DAY
from domain.categories import AddCategory
from domain.store.database import Connection, Database, open_database
from domain.store.ledgers import utc_now
from domain.transactions import RecordTransaction
from tests.benchmarks.places import PLACES, Place, served, settle
from tests.books import Book
from tests.keeper import ROOT, running_valkey
from tests.servers import LiveServer
from tests.system.people import sign_in
from workers.follow import FOLLOWERS, LOOK_EVERY_SECONDS, Look
from workers.following import Following

ROUNDS: Final = 3
POLL_SECONDS: Final = 0.01
PATIENCE_SECONDS: Final = 30
LOOKS: Final = 200
EVENTS_EACH: Final = 100
FOLLOWED_ONE_IN: Final = 10
PERIOD: Final = {"start": "1400-01-01", "end": "1499-12-29"}


class Sizes(NamedTuple):
    """How many notices are waited for, and how many ledgers are quiet, and busy."""

    notices: int
    quiet: int
    busy: int


class Measured(NamedTuple):
    """What came out on one database: milliseconds, and busy ledgers followed a second."""

    median: float
    worst: float
    look: float
    comparison: float
    followed: float


def main() -> None:
    """Measure on SQLite and on PostgreSQL, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a little of everything")
    sizes = Sizes(5, 200, 50) if parser.parse_args().quick else Sizes(50, 10_000, 500)
    found = {}
    with running_valkey() as valkey_url:
        for on_place in PLACES.values():
            with on_place(valkey_url) as place, served(place) as server:
                found[place.name] = _measure(place, server, sizes)
    for line in _table(found, sizes):
        print(line)


def _measure(place: Place, server: LiveServer, sizes: Sizes) -> Measured:
    waits = list(_waits(place, server, sizes.notices))
    database = open_database(place.environ["DATABASE_URL"])
    try:
        books = [_busy(database) for _ in range(sizes.busy)]
        database.write(lambda c: _add_quiet(c, sizes.quiet))
        settle(place)
        followed = [_follow(database, books) for _ in range(ROUNDS)]
        looks, comparisons = zip(*(_look(database) for _ in range(ROUNDS)), strict=True)
    finally:
        database.close()
    return Measured(
        1000 * median(waits),
        1000 * max(waits),
        1000 * median(looks),
        1000 * median(comparisons),
        median(followed),
    )


def _waits(place: Place, server: LiveServer, number: int) -> Iterator[float]:
    """From the answer to an expense until its notice is in the list, over HTTP, in seconds."""
    person = sign_in(server)
    with _follower(place):
        for turn in range(number + 1):
            category = person.add_category("expense", f"دستهٔ {turn}")
            body = {"category_id": category, "max_amount": 1000, **PERIOD}
            assert person.post("/v1/budgets", body).status_code == 201
            # Whenever it looks: not always just before.
            time.sleep(LOOK_EVERY_SECONDS * (3 + turn / number))
            assert person.record(category, 1000).status_code == 201
            recorded = time.monotonic()
            while person.get("/v1/notifications?limit=1").json()["unread_count"] <= turn:
                assert time.monotonic() - recorded < PATIENCE_SECONDS, "nobody told"
                time.sleep(POLL_SECONDS)
            if turn:  # the first waits for the follower to start
                yield time.monotonic() - recorded


@contextmanager
def _follower(place: Place) -> Iterator[None]:
    command = [sys.executable, "-m", "workers.follow"]
    env, quiet = {**os.environ, **place.environ}, subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=quiet, stderr=quiet) as process:
        try:
            yield
        finally:
            process.terminate()


def _busy(database: Database) -> Book:
    book, category_id = Book(database), uuid4()
    book.clock.now = utc_now()
    book.record(AddCategory(id=category_id, name="خوراک", kind="expense"))
    book.record(
        SetBudget(category_id=category_id, max_amount_rials=1000, start=FIRST_DAY, end=LAST_DAY)
    )
    return book


def _follow(database: Database, books: list[Book]) -> float:
    """Busy ledgers followed a second, each with one more expense."""
    for book in books:
        [category_id] = book.state().categories
        book.record(RecordTransaction(category_id=category_id, amount_rials=400))
    following = Following(database, lambda _task: None, FOLLOWERS)
    started = time.monotonic()
    following.follow([book.ledger_id for book in books])
    return len(books) / (time.monotonic() - started)


def _add_quiet(connection: Connection, number: int) -> None:
    """Ledgers of which nobody looks at more than that there are so many events."""
    now, kinds = utc_now(), cycle([True] + [False] * (FOLLOWED_ONE_IN - 1))
    columns = ("originator_id", "originator_version", "topic", "state")
    state = b'{"description": "' + b"x" * 300 + b'"}'
    head = """
        INSERT INTO ledgers (ledger_id, version, digest, recorded_at)
        VALUES (:ledger_id, :version, :digest, :now)
    """
    seen = "INSERT INTO followed (ledger_id, version, day) VALUES (:ledger_id, :version, :day)"
    for _, is_followed in zip(range(number), kinds, strict=False):
        ledger_id: UUID = uuid4()
        versions = range(1, EVENTS_EACH + 1)
        rows = ((version, "expense-recorded.1", state) for version in versions)
        connection.add_rows("events", columns, ledger_id, rows)
        given = {"ledger_id": ledger_id, "version": EVENTS_EACH}
        connection.run(head, digest=b"", now=now, **given)
        if is_followed:
            connection.run(seen, day=now.date(), **given)


def _look(database: Database) -> tuple[float, float]:
    """Seconds that a look takes when there is nothing, and a comparison of all ledgers."""
    look = Look(database, Following(database, lambda _task: None, FOLLOWERS))
    comparison = sum(_timed(look) for _ in _until(lambda: look.has_compared))
    return median(_timed(look) for _ in range(LOOKS)), comparison


def _until(is_over: Callable[[], bool]) -> Iterator[None]:
    yield None
    while not is_over():
        yield None


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _table(found: dict[str, Measured], sizes: Sizes) -> Iterator[str]:
    ledgers = sizes.quiet + sizes.busy
    yield f"| | {' | '.join(found)} |"
    yield f"|---|{'---:|' * len(found)}"
    yield _row(f"expense to notice, median of {sizes.notices}, ms", found, "median")
    yield _row("the slowest of them, ms", found, "worst")
    events = f"{sizes.quiet * EVENTS_EACH:,} events"
    yield _row(f"a look with nothing new, {events}, ms", found, "look", ".2f")
    yield _row(f"a comparison of all {ledgers:,} ledgers, ms", found, "comparison")
    yield _row("ledgers with one new expense, followed a second", found, "followed")


def _row(name: str, found: dict[str, Measured], field: str, form: str = ",.0f") -> str:
    values = (format(getattr(measured, field), form) for measured in found.values())
    return f"| {name} | {' | '.join(values)} |"


if __name__ == "__main__":
    main()
