"""`python -m tests.benchmarks.travels`: looking back over HTTP, and what others notice of it."""

import argparse
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import requests
from rich.console import Console

from domain.store.database import open_database
from domain.store.migrate import upgrade
from tests.benchmarks.folds import ROUNDS, put_events
from tests.benchmarks.histories import mixed_events, stored
from tests.keeper import running_postgres, running_valkey
from tests.servers import LiveServer
from tests.system.people import Person, sign_in

NEIGHBOUR_PAUSE_SECONDS: Final = 0.01
_FORGET: Final = "DELETE FROM events WHERE originator_id = :ledger_id"
_phones: Final = (f"0912{number:07}" for number in count(3_000_000))


class Travels(NamedTuple):
    """Seconds for a past's first report and its next one; others' commands, in milliseconds."""

    first_seconds: float
    next_seconds: float
    alone: list[float]
    beside: list[float]


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events and the time")
    is_quick = parser.parse_args().quick
    size, seconds = (10_000, 1.0) if is_quick else (100_000, 10.0)
    console = Console(width=200)
    console.print(
        f"| the middle of {size:,} events | first | next | others alone: p50, p99 |"
        " while somebody travels |\n|---|---|---|---|---|",
        markup=False,
    )
    for name, server in _servers():
        found = measured(server, size, seconds)
        console.print(
            f"| {name} | {found.first_seconds:.3f} s | {found.next_seconds * 1000:.1f} ms"
            f" | {_waits(found.alone)} | {_waits(found.beside)} |",
            markup=False,
        )


def measured(server: LiveServer, size: int, seconds: float) -> Travels:
    """Medians of three for one traveller, then another person's commands without and with one."""
    traveller, neighbour = sign_in(server, next(_phones)), sign_in(server, next(_phones))
    _live_long(server, traveller, size)
    versions = count(size // 2)
    both = [_travel(traveller, next(versions)) for _ in range(ROUNDS)]
    food = neighbour.add_category("expense", "خوراک")
    over = threading.Event()
    alone = _record_for(neighbour, food, seconds)
    thread = threading.Thread(target=_keep_travelling, args=(traveller, versions, over))
    thread.start()
    beside = _record_for(neighbour, food, seconds)
    over.set()
    thread.join()
    firsts, nexts = zip(*both, strict=True)
    return Travels(statistics.median(firsts), statistics.median(nexts), alone, beside)


@contextmanager
def _started(environ: dict[str, str], home: Path) -> Iterator[LiveServer]:
    upgrade(environ["DATABASE_URL"])
    server = LiveServer(environ, home / "web.log")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _servers() -> Iterator[tuple[str, LiveServer]]:
    with running_valkey() as valkey_url, TemporaryDirectory(prefix="dakhl-bench-") as home:
        environ = {
            "DATA_DIR": home,
            "REDIS_URL": valkey_url,
            "OTP_SENDER": "outbox",
            "OTP_OUTBOX": f"{home}/outbox.jsonl",
            "RATE_LIMIT": "off",
        }
        sqlite = {**environ, "DATABASE_URL": f"sqlite:///{home}/ledger.sqlite3"}
        with _started(sqlite, Path(home)) as server:
            yield "SQLite", server
        with (
            running_postgres() as url,
            _started({**environ, "DATABASE_URL": url}, Path(home)) as server,
        ):
            yield "PostgreSQL", server


def _live_long(server: LiveServer, person: Person, size: int) -> None:
    """Give somebody a past: its rows are not made, since nobody who looks back reads them."""
    ledger_id = person.ledger_id()
    rows = list(stored(ledger_id, mixed_events(size)))
    with closing(open_database(server.environ["DATABASE_URL"])) as database:
        database.write(lambda connection: connection.run(_FORGET, ledger_id=ledger_id))
        put_events(database, ledger_id, rows)


def _travel(person: Person, version: int) -> tuple[float, float]:
    with requests.Session() as session:  # one connection: the same process
        session.headers["Authorization"] = f"Bearer {person.tokens['access_token']}"
        return (
            _ask(session, f"{person.base_url}/v1/reports/yearly?year=1402&version={version}"),
            _ask(session, f"{person.base_url}/v1/reports/trend?version={version}"),
        )


def _ask(session: requests.Session, url: str) -> float:
    started = time.perf_counter()
    answer = session.get(url, timeout=60)
    taken = time.perf_counter() - started
    assert answer.ok, answer.text
    return taken


def _keep_travelling(person: Person, versions: Iterator[int], over: threading.Event) -> None:
    while not over.is_set():
        _travel(person, next(versions))


def _record_for(person: Person, food: str, seconds: float) -> list[float]:
    """Record one entry after the other, and tell how long each took, in milliseconds."""
    waits = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.perf_counter()
        assert person.record(food, 1000).status_code == 201
        waits.append((time.perf_counter() - started) * 1000)
        time.sleep(NEIGHBOUR_PAUSE_SECONDS)
    return waits


def _waits(waits: list[float]) -> str:
    late = statistics.quantiles(waits, n=100, method="inclusive")[98]
    return f"{statistics.median(waits):.0f} ms, {late:.0f} ms"


if __name__ == "__main__":
    main()
