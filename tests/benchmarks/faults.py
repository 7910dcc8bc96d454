"""`python -m tests.benchmarks.faults`: inject every fault again and again, and count what was lost.

`--rounds 20` times each, `--database sqlite|postgresql` on one kind only, `--only killed` those
whose name has the word. Prints the table of docs/crash-safety.md; exits with 1 if not all is 0.
"""

import argparse
import sys
from typing import Final

from rich.console import Console

from tests.system.faults import Verdict, faults_of, try_out
from tests.system.scenes import staged

DIALECTS: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
HEADER: Final = (
    "| fault | database | injected | entries acknowledged | lost | twice | neither | findings |",
    "|---|---|--:|--:|--:|--:|--:|--:|",
)


def main() -> int:
    """Try everything out; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--database", choices=DIALECTS, action="append")
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    told: dict[tuple[str, str], Verdict] = {}
    progress = Console(stderr=True)
    for dialect in asked.database or DIALECTS:
        for number in range(1, asked.rounds + 1):
            with staged(dialect) as scene:
                for fault in faults_of(scene):
                    if asked.only not in fault.name:
                        continue
                    progress.print(f"{DIALECTS[dialect]}, round {number}: {fault.name}")
                    verdict = told.setdefault((fault.name, DIALECTS[dialect]), Verdict())
                    verdict.add(try_out(fault, scene))
    sys.stdout.write("\n".join(_table(told)) + "\n")
    return 0 if all(verdict.is_clean for verdict in told.values()) else 1


def _table(told: dict[tuple[str, str], Verdict]) -> list[str]:
    whole = Verdict()
    lines = [*HEADER]
    for (fault, database), verdict in told.items():
        whole.add(verdict)
        lines.append(_line(fault, database, verdict))
    return [*lines, _line("**together**", "", whole)]


def _line(fault: str, database: str, verdict: Verdict) -> str:
    numbers = " | ".join(f"{number:,}" for number in vars(verdict).values())
    return f"| {fault} | {database} | {numbers} |"


if __name__ == "__main__":
    sys.exit(main())
