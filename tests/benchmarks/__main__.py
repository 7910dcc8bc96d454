"""`python -m tests.benchmarks [--quick]`: measure, show, and write the results down."""

import argparse
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psycopg
from rich.console import Console

from domain.store.database import open_database
from domain.store.ledgers import LedgerStore
from domain.store.migrate import upgrade
from domain.store.settings import read_settings
from projections.rows import LedgerRows
from tests.benchmarks import cases, machine, yardsticks
from tests.benchmarks.books import Book, new_book
from tests.benchmarks.driver import driver_name, measure
from tests.benchmarks.plan import FULL, QUICK, Case, Plan, Result
from tests.benchmarks.report import Line, Measured, Report, show, write
from tests.benchmarks.statements import statements_of
from tests.keeper import ROOT, running_postgres, running_valkey
from tests.servers import LiveServer
from workers.group import web_processes

COMMITS: Final = "commits of one row, one connection"
EIGHT_COMMITS: Final = "commits of one row, eight connections"
Runs = dict[tuple[str, int | None], list[Result]]
"""Every round's result by what was asked and the size of the ledger it was asked of."""

Yardsticks = dict[str, Callable[[], float]]
"""What else can be measured, by name; a second."""

PATIENT_TOKENS: Final = {"ACCESS_TOKEN_SECONDS": "86400", "OTP_ADDRESS_QUOTA": "1000000"}


def main() -> None:
    """Measure everything, or with `--quick` a little of it, which is only shown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="small ledgers, nothing is written")
    is_quick = parser.parse_args().quick
    console = Console()
    report = measured_everything(QUICK if is_quick else FULL, console)
    show(report, console)
    if not is_quick:
        write(report, ROOT / "docs")


def measured_everything(plan: Plan, console: Console) -> Report:
    """One run on both databases."""
    facts = machine.facts()
    with running_valkey() as valkey_url:
        with TemporaryDirectory(prefix="dakhl-bench-") as home:
            on_sqlite = measured_sqlite(plan, Path(home), valkey_url, console)
        with TemporaryDirectory(prefix="dakhl-bench-") as home, _durable_postgres() as url:
            facts["PostgreSQL"] = machine.postgres_facts(url)
            on_postgres = _measured_postgres(plan, Path(home), valkey_url, url, console)
    return Report(facts, plan, driver_name(), [on_sqlite, on_postgres])


def measured_sqlite(plan: Plan, home: Path, valkey_url: str, console: Console) -> Measured:
    """One run on a SQLite file in `home`."""
    environ = _environ(home, f"sqlite:///{home / 'ledger.sqlite3'}", valkey_url)
    commits = {COMMITS: lambda: yardsticks.sqlite_commits_per_second(home, plan.seconds)}
    return _measured("SQLite", plan, environ, commits, console)


def _measured_postgres(
    plan: Plan, home: Path, valkey_url: str, url: str, console: Console
) -> Measured:
    environ = _environ(home, url, valkey_url)
    commits = {
        COMMITS: lambda: yardsticks.postgres_commits_per_second(url, 1, plan.seconds),
        EIGHT_COMMITS: lambda: yardsticks.postgres_commits_per_second(url, 8, plan.seconds),
    }
    return _measured("PostgreSQL", plan, environ, commits, console)


def _measured(
    name: str, plan: Plan, environ: dict[str, str], commits: Yardsticks, console: Console
) -> Measured:
    settings = read_settings(environ)
    upgrade(settings.database_url)
    log = settings.data_dir / "web.log"
    server = LiveServer(environ, log, web_processes(settings))
    server.start()
    rates: dict[str, list[float]] = {}
    try:
        console.log(f"{name}: filling ledgers")
        people, measured = _books(server, plan)
        _settle(settings.database_url)
        # The small and the large ledger in turn, so that the same weather meets both.
        reads = [case for both in zip(*map(cases.reads, measured), strict=True) for case in both]
        writes = cases.writes(people, measured)
        runs: Runs = {}
        for number in range(plan.runs):
            console.log(f"{name}: reads, run {number + 1}")
            _one_round(runs, server.port, [cases.yardstick(), *reads], plan)
        for number in range(plan.runs):
            console.log(f"{name}: commands, run {number + 1}")
            for yardstick, commits_per_second in commits.items():
                rates.setdefault(yardstick, []).append(commits_per_second())
            _one_round(runs, server.port, writes, plan)
        counts = statements_of(settings, [*reads, *writes]) if name == "SQLite" else {}
    finally:
        server.stop()
    assert "unexpected error" not in log.read_text()
    best = {yardstick: statistics.median(of_all) for yardstick, of_all in rates.items()}
    return Measured(name, best, _lines(runs, best, counts, plan))


def _books(server: LiveServer, plan: Plan) -> tuple[list[Book], list[Book]]:
    database = open_database(server.environ["DATABASE_URL"])
    store = LedgerStore(database, LedgerRows)
    try:
        people = [new_book(server, store, plan.each) for _ in range(plan.people)]
        return people, [new_book(server, store, size) for size in (plan.small, plan.large)]
    finally:
        database.close()


def _one_round(runs: Runs, port: int, measured: list[Case], plan: Plan) -> None:
    for case in measured:
        runs.setdefault((case.name, case.size), []).append(measure(port, case, plan))


def _median(results: list[Result]) -> Result:
    return Result(
        statistics.median(result.per_second for result in results),
        statistics.median(result.p50_ms for result in results),
        statistics.median(result.p99_ms for result in results),
    )


def _times_slower(small: list[Result], large: list[Result]) -> float:
    """The median of each round's own ratio."""
    pairs = zip(small, large, strict=True)
    return statistics.median(one.per_second / other.per_second for one, other in pairs)


def _lines(runs: Runs, commits: dict[str, float], counts: dict[str, int], plan: Plan) -> list[Line]:
    web = _median(runs["GET /healthz", None]).per_second
    best = max(commits.values())
    lines = []
    for (name, size), results in runs.items():
        small = runs.get((name, plan.small)) if size == plan.large else None
        slower = None if small is None else _times_slower(small, results)
        median = _median(results)
        part = median.per_second / (best if name.startswith("POST") else web)
        lines.append(Line(name, size, median, slower, part, counts.get(name)))
    return lines


def _environ(home: Path, database_url: str, valkey_url: str) -> dict[str, str]:
    return {
        "DATA_DIR": str(home),
        "DATABASE_URL": database_url,
        "REDIS_URL": valkey_url,
        "OTP_SENDER": "outbox",
        "OTP_OUTBOX": str(home / "outbox.jsonl"),
        "RATE_LIMIT": "off",
        **PATIENT_TOKENS,
    }


@contextmanager
def _durable_postgres() -> Iterator[str]:
    """The tests' server is told to forget safety; here it keeps it, as it comes."""
    with running_postgres() as url:
        if "TEST_DATABASE_URL" not in os.environ:
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute("ALTER SYSTEM RESET ALL")
                admin.execute("SELECT pg_reload_conf()")
        yield url


def _settle(database_url: str) -> None:
    """What autovacuum would do within a minute, now instead of in the middle of a run."""
    if database_url.startswith("postgres"):
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute("VACUUM (ANALYZE)")


if __name__ == "__main__":
    main()
