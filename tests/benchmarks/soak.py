"""`python -m tests.benchmarks.soak`: mixed work for minutes, while nothing may grow without end."""

import argparse
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

import requests
from rich.console import Console

from tests.benchmarks.places import PLACES, served
from tests.benchmarks.vitals import Vitals, vitals
from tests.keeper import running_valkey
from tests.servers import LiveServer
from tests.system.people import Person, sign_in

PEOPLE_AT_ONCE: Final = 8
ROUNDS_OF_A_PERSON: Final = 40
BATCH: Final = 50
SAMPLE_SECONDS: Final = 5
WARM_PART: Final = 0.25
ROOM: Final = {"rss_mib": 12, "open_files": 12, "threads": 24, "connections": 4, "wal_mib": 16}
"""How much more there may be at the end than when everything was warm."""

phones: Final = (f"0913{number:07}" for number in count(1_000_000))


class Soak:
    """People who sign in, record, read and go, and make room for others."""

    def __init__(self, server: LiveServer) -> None:
        self.statuses: Counter[int] = Counter()
        self.samples: list[Vitals] = []
        self._server = server
        self._enough = threading.Event()
        self._door = threading.Lock()

    def run(self, seconds: float) -> None:
        """So long; the samples are of every few seconds."""
        threads = [threading.Thread(target=self._people) for _ in range(PEOPLE_AT_ONCE)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(thread.is_alive() for thread in threads):
            time.sleep(min(SAMPLE_SECONDS, seconds / 8))
            self.samples.append(vitals(self._server))
        self._enough.set()
        for thread in threads:
            thread.join()

    def grown(self) -> list[str]:
        """What is more in the last quarter than it was in the second, beyond its room."""
        found = []
        for name, room in ROOM.items():
            then, now = (_median(self.samples, name, start) for start in (WARM_PART, 0.75))
            if now > then + room:
                found.append(f"{name} went from {then:.0f} to {now:.0f}")
        return found

    def _people(self) -> None:
        while not self._enough.is_set():
            with self._door:  # one code at a time is looked for in the outbox
                person = sign_in(self._server, next(phones))
            self._live(person)

    def _live(self, person: Person) -> None:
        food = person.add_category("expense", "خوراک")
        with requests.Session() as line:
            line.headers["Authorization"] = f"Bearer {person.tokens['access_token']}"
            for number in range(ROUNDS_OF_A_PERSON):
                if self._enough.is_set():
                    return
                for ask in _round(line, person.base_url, food, number):
                    self.statuses[ask().status_code] += 1
            token = {"Authorization": f"Bearer {person.tokens['refresh_token']}"}
            answer = line.post(f"{person.base_url}/v1/auth/refresh", headers=token, timeout=30)
            self.statuses[answer.status_code] += 1


def _round(
    line: requests.Session, url: str, food: str, number: int
) -> list[Callable[[], requests.Response]]:
    entry = {"category_id": food, "amount": 1000 + number, "description": f"نان {number}"}

    def get(path: str, **headers: str) -> Callable[[], requests.Response]:
        return lambda: line.get(f"{url}{path}", headers=headers, timeout=30)

    def post(path: str, body: object) -> Callable[[], requests.Response]:
        return lambda: line.post(f"{url}{path}", json=body, timeout=30)

    asked = [
        post("/v1/transactions", entry),
        get("/v1/balance"),
        post("/v1/transactions", entry),
        get("/v1/reports/monthly?year=1405&month=8"),
        get("/v1/transactions?limit=50"),
    ]
    if number % 10 == 5:
        asked.append(post("/v1/transactions/batch", {"items": [entry] * BATCH}))
        asked.append(get("/v1/reports/yearly?year=1405"))
    if number % 10 == 9:
        asked.append(get("/v1/events", Accept="application/x-ndjson"))
    return asked


def _median(samples: Sequence[Vitals], name: str, start: float) -> float:
    part = samples[int(len(samples) * start) : int(len(samples) * (start + 0.25)) or None]
    return float(statistics.median(getattr(sample, name) for sample in part))


def main() -> None:
    """On both databases; the exit code is 1 when something grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("databases", nargs="*", default=list(PLACES), help=" or ".join(PLACES))
    given, console, grown = parser.parse_args(), Console(highlight=False, soft_wrap=True), []
    with running_valkey() as valkey_url:
        for name in given.databases:
            with PLACES[name](valkey_url) as place, served(place) as server:
                soak = Soak(server)
                soak.run(given.minutes * 60)
            grown += soak.grown()
            console.print(f"{place.name}: {json.dumps(dict(soak.statuses))}")
            for quarter in (0, 0.25, 0.5, 0.75):
                told = (f"{one} {_median(soak.samples, one, quarter):.1f}" for one in ROOM)
                console.print(f"  {', '.join(told)}")
    raise SystemExit("; ".join(grown) or 0)


if __name__ == "__main__":
    main()
