"""`python -m tests.benchmarks`: measure, show, and write the results down."""

import argparse
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console

from domain.store.logs import configure_logs
from tests.benchmarks import cases, machine
from tests.benchmarks.books import Book, new_books
from tests.benchmarks.driver import driver_name
from tests.benchmarks.measured import Measured, Report
from tests.benchmarks.memory import Memory, soaked
from tests.benchmarks.places import PLACES, Place, served, settle
from tests.benchmarks.plan import FULL, MILLION, QUICK, Case, Plan
from tests.benchmarks.report import publish, show, write
from tests.benchmarks.rounds import Rounds
from tests.benchmarks.statements import statements_of
from tests.benchmarks.tables import wide_console
from tests.keeper import ROOT, running_valkey
from tests.servers import LiveServer

Wanted = Callable[[str], object]
"""Whether the case of this name is measured."""


def main() -> int:
    """The exit code: 1 when requests failed. A run of everything is published."""
    asked = _arguments()
    console = wide_console()
    configure_logs("production", io.StringIO())  # of the answers whose statements are counted
    report = measured_everything(
        _plan(asked), asked.database or list(PLACES), re.compile(asked.only).search, console
    )
    show(report, console)
    if asked.output is not None:
        write(report, asked.output)
    elif not (asked.quick or asked.only or asked.database):
        publish(report, ROOT / "docs")
    return 1 if list(report.failures()) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    say = parser.add_argument
    say("--quick", action="store_true", help="small ledgers and one short run of each case")
    say("--million", action="store_true", help="a ledger of a million transactions as well")
    say("--only", default="", metavar="REGEX", help="the cases whose names match; `soak` is one")
    say("--database", action="append", choices=PLACES, help="this one only")
    say("--soak-requests", type=int, metavar="N", help="while memory is watched; quick: 0")
    say("--output", type=Path, metavar="FOLDER", help="write there instead of into docs/")
    return parser.parse_args()


def _plan(asked: argparse.Namespace) -> Plan:
    plan = QUICK if asked.quick else FULL
    sizes = (*plan.sizes, MILLION) if asked.million else plan.sizes
    soak = plan.soak_requests if asked.soak_requests is None else asked.soak_requests
    return msgspec.structs.replace(plan, sizes=sizes, soak_requests=soak)


def measured_everything(
    plan: Plan, databases: list[str], wanted: Wanted, console: Console
) -> Report:
    """One run on each of these databases."""
    facts = machine.facts()
    found = []
    with running_valkey() as valkey_url:
        for database in databases:
            with PLACES[database](valkey_url) as place:
                facts |= place.facts
                found.append(measured(place, plan, wanted, console))
    return Report(facts, plan, driver_name(), found)


def measured(place: Place, plan: Plan, wanted: Wanted, console: Console) -> Measured:
    """One run on one database."""
    with served(place) as server:
        console.log(f"{place.name}: filling ledgers")
        people, ledgers = new_books(server, plan)
        settle(place)
        reads, writes = _cases(people, ledgers, plan, wanted)
        rounds = Rounds(server.port, plan)
        for number in range(plan.runs if reads else 0):
            console.log(f"{place.name}: reads, run {number + 1}")
            rounds.ask([cases.yardstick(), *reads])
        for number in range(plan.runs if writes else 0):
            console.log(f"{place.name}: commands, run {number + 1}")
            rounds.commit(place.yardsticks)
            rounds.ask(writes)
        memory = _memory(server, people, plan, console) if wanted("soak") else None
        is_sqlite = place.settings.database_url.startswith("sqlite")
        counts = statements_of(place.settings, [*reads, *writes]) if is_sqlite else {}
    lines = list(rounds.lines(counts))
    return Measured(place.name, rounds.commits, lines, rounds.costs(), memory, place.bug())


def _cases(
    people: list[Book], ledgers: list[Book], plan: Plan, wanted: Wanted
) -> tuple[list[Case], list[Case]]:
    """Reads and commands; the small and the large ledger in turn, as one weather meets both."""
    reads = [
        case for all_sizes in zip(*map(cases.reads, ledgers), strict=True) for case in all_sizes
    ]
    writes = cases.writes(people, ledgers, plan)
    chosen = [[case for case in some if wanted(case.name)] for some in (reads, writes)]
    return chosen[0], chosen[1]


def _memory(server: LiveServer, people: list[Book], plan: Plan, console: Console) -> Memory | None:
    if not plan.soak_requests:
        return None
    console.log(f"memory over {plan.soak_requests:,} requests")
    server.stop()
    server.start()  # to see where it comes from
    case, connections = cases.everyday(people), plan.connections[0]
    return soaked(server, case, connections, plan.seconds, plan.soak_requests)


if __name__ == "__main__":
    sys.exit(main())
