"""`python -m tests.benchmarks.webhooks`: how soon an event is sent, and how many a second.

`--quick` looks once; else the medians of three are shown.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from domain.store.migrate import upgrade
from tests.keeper import ROOT, running_postgres, running_valkey
from tests.servers import LiveServer
from tests.system.people import Person, sign_in
from tests.workers.receivers import Receiver, hangs

EVENTS: Final = 20
WEBHOOKS: Final = 8
BATCH: Final = 250
DEAD: Final = 8
PATIENCE_SECONDS: Final = 50

phones: Final = (f"0912{number:07}" for number in count(3_000_000))


class Measured(NamedTuple):
    """Seconds from an expense's answer to its arrival, the same beside dead ones, and a rate."""

    soon_seconds: float
    late_seconds: float
    beside_dead_seconds: float
    per_second: float


def main() -> None:
    """Measure on SQLite and on PostgreSQL, and print a Markdown table."""
    times = 1 if "--quick" in sys.argv else 3
    print("| database | median (s) | slowest (s) | beside dead ones (s) | messages a second |")
    print("|---|---|---|---|---|")
    with running_valkey() as valkey_url, running_postgres() as url:
        for name, given in (("SQLite", None), ("PostgreSQL", url)):
            rounds = []
            for number in range(times):
                with TemporaryDirectory(prefix="dakhl-bench-") as home:
                    database = given or f"sqlite:///{home}/ledger.sqlite3"
                    if number == 0 or given is None:
                        upgrade(database)
                    rounds.append(_round(_environ(home, database, valkey_url), Path(home)))
            medians = (statistics.median(values) for values in zip(*rounds, strict=True))
            print(f"| {name} | {' | '.join(f'{value:,.2f}' for value in medians)} |", flush=True)


def _environ(home: str, database_url: str, valkey_url: str) -> dict[str, str]:
    return {
        "DATA_DIR": home,
        "DATABASE_URL": database_url,
        "REDIS_URL": valkey_url,
        "OTP_SENDER": "outbox",
        "OTP_OUTBOX": f"{home}/outbox.jsonl",
        "RATE_LIMIT": "off",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


def _round(environ: dict[str, str], home: Path) -> Measured:
    server = LiveServer(environ, home / "web.log")
    server.start()
    try:
        with closing(Receiver()) as receiver, closing(Receiver(always=hangs)) as dead:
            with _running(environ, "workers.follow", "workers.deliver"):
                waits = _waits(sign_in(server, next(phones)), receiver)
                rate = _rate(sign_in(server, next(phones)), receiver)
                other = sign_in(server, next(phones))
                for _ in range(DEAD):
                    _hook(other, dead.url())
                other.record(other.add_category("expense", "نان"), 1)
                _until(lambda: len(dead.taken) >= DEAD)
                beside = _waits(sign_in(server, next(phones)), receiver)
            return Measured(statistics.median(waits), max(waits), statistics.median(beside), rate)
    finally:
        server.stop()


def _waits(person: Person, receiver: Receiver) -> list[float]:
    _hook(person, receiver.url("/soon"))
    category = person.add_category("expense", "نان")
    waits = []
    for _ in range(EVENTS + 1):
        before = len(receiver.taken)
        person.record(category, 5)
        recorded_at = time.perf_counter()
        _until(lambda before=before: len(receiver.taken) > before)  # type: ignore[misc]
        waits.append(time.perf_counter() - recorded_at)
    return waits[1:]  # the first waits for the processes to have started


def _rate(person: Person, receiver: Receiver) -> float:
    """Messages a second, of a batch to a few webhooks at once."""
    for _ in range(WEBHOOKS):
        _hook(person, receiver.url("/many"))
    category = person.add_category("expense", "نان")
    before = len(receiver.taken)
    items = [{"category_id": category, "amount": 5}] * BATCH
    started = time.perf_counter()
    person.post("/v1/transactions/batch", {"items": items})
    _until(lambda: len(receiver.taken) - before >= WEBHOOKS * BATCH)
    return WEBHOOKS * BATCH / (time.perf_counter() - started)


def _hook(person: Person, url: str) -> None:
    answer = person.post("/v1/webhooks", {"url": url, "events": ["expense-recorded"]})
    assert answer.status_code == 201, answer.text


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it does not arrive"
        time.sleep(0.002)


@contextmanager
def _running(environ: dict[str, str], *names: str) -> Iterator[None]:
    env, quiet = {**os.environ, **environ}, subprocess.DEVNULL
    started = [
        subprocess.Popen(
            [sys.executable, "-m", name], cwd=ROOT, env=env, stdout=quiet, stderr=quiet
        )
        for name in names
    ]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
