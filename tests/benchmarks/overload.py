"""`python -m tests.benchmarks.overload`: far more asked than can be answered, and what is left."""

import argparse
import statistics
import time
from collections import Counter
from typing import Final

import msgspec
from rich.console import Console

from tests.benchmarks.places import PLACES, served
from tests.benchmarks.vitals import Vitals, vitals
from tests.keeper import running_valkey
from tests.servers import TIMEOUT_SECONDS, LiveServer
from tests.system.people import Person, sign_in
from tests.system.talkers import Talkers

CONNECTIONS: Final = 256
WARM_SECONDS: Final = 2
CALM_REQUESTS: Final = 100
ROOM_FOR_POOLS: Final = 48
"""Open files by which the pools of database connections may still grow."""

EXPECTED: Final = frozenset({200, 201, 429, 503})


class Outcome(msgspec.Struct, frozen=True):
    """Answers by status and code, lost connections; `calm_seconds` are of one person alone."""

    statuses: Counter[int]
    problems: Counter[str]
    broken: list[str]
    per_second: float
    p50_seconds: float
    p99_seconds: float
    slowest_seconds: float
    calm_seconds: tuple[float, float]
    before: Vitals
    after: Vitals

    def flaws(self) -> list[str]:
        """What should not have been."""
        found = [f"status {status}" for status in self.statuses if status not in EXPECTED]
        found += self.broken[:3]
        if self.calm_seconds[1] > 2 * self.calm_seconds[0] + 0.02:
            found.append("it did not come back to its speed")
        if self.after.open_files > self.before.open_files + ROOM_FOR_POOLS:
            found.append("connections or files were left open")
        return found


def overload(server: LiveServer, seconds: float, connections: int = CONNECTIONS) -> Outcome:
    """Ask over so many connections, as fast as is answered, for so long; then let it rest."""
    person = sign_in(server)
    food = person.add_category("expense", "خوراک")
    # Pools fill and threads start before anything is compared.
    _talk(server, person, food, connections, WARM_SECONDS)
    _wait_for_rest(server, None)
    before, calm_before = vitals(server), _calm_seconds(person)
    talkers = _talk(server, person, food, connections, seconds)
    _wait_for_rest(server, before)
    return Outcome(
        talkers.statuses(),
        talkers.problems,
        [repr(error) for error in talkers.broken],
        len(talkers.answers) / seconds,
        talkers.slowest_seconds(50),
        talkers.slowest_seconds(99),
        max(heard.seconds for heard in talkers.answers),
        (calm_before, _calm_seconds(person)),
        before,
        vitals(server),
    )


def _talk(
    server: LiveServer, person: Person, food: str, connections: int, seconds: float
) -> Talkers:
    talkers = Talkers(server, person, food, connections)
    with talkers.talking():
        time.sleep(seconds)
    return talkers


def _wait_for_rest(server: LiveServer, before: Vitals | None) -> None:
    """Until the connections that clients closed are closed here as well."""
    deadline = time.monotonic() + (1 if before is None else TIMEOUT_SECONDS)
    while time.monotonic() < deadline:
        if before is not None and vitals(server).open_files <= before.open_files + ROOM_FOR_POOLS:
            return
        time.sleep(0.2)


def _calm_seconds(person: Person) -> float:
    """How long a balance takes when nobody else asks."""
    taken = []
    for _ in range(CALM_REQUESTS):
        started = time.perf_counter()
        assert person.get("/v1/balance").ok
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    """On both databases; the exit code is 1 when anything was not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.overload")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("databases", nargs="*", default=list(PLACES), help=" or ".join(PLACES))
    given, console, flaws = parser.parse_args(), Console(highlight=False), []
    with running_valkey() as valkey_url:
        for name in given.databases:
            with PLACES[name](valkey_url) as place, served(place) as server:
                outcome = overload(server, given.seconds)
            console.print(f"{place.name}: {shown(outcome)}")
            flaws += outcome.flaws()
    raise SystemExit("; ".join(flaws) or 0)


def shown(outcome: Outcome) -> str:
    """In a few lines."""
    calm, after = outcome.before, outcome.after
    return (
        f"{outcome.per_second:,.0f} answers a second, {dict(outcome.statuses)}, "
        f"{dict(outcome.problems)}, "
        f"{len(outcome.broken)} connections lost\n"
        f"  p50 {outcome.p50_seconds * 1e3:.0f} ms, p99 {outcome.p99_seconds * 1e3:.0f} ms, "
        f"slowest {outcome.slowest_seconds:.2f} s; alone, before and after: "
        f"{outcome.calm_seconds[0] * 1e3:.1f} and {outcome.calm_seconds[1] * 1e3:.1f} ms\n"
        f"  before and after: {calm.rss_mib:.0f} and {after.rss_mib:.0f} MiB, "
        f"{calm.open_files} and {after.open_files} open files, "
        f"{calm.threads} and {after.threads} threads, "
        f"{calm.connections} and {after.connections} connections to PostgreSQL, "
        f"WAL {calm.wal_mib:.1f} and {after.wal_mib:.1f} MiB"
    )


if __name__ == "__main__":
    main()
