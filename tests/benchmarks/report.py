"""What was measured, as a table to look at, as JSON, and as a part of docs/performance.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from tests.benchmarks.plan import Plan, Result

BEGIN: Final = "<!-- measured: begin -->\n"
END: Final = "<!-- measured: end -->\n"
COLUMNS: Final = (
    *("", "transactions", "a second", "p50 ms", "p99 ms"),
    *("times slower", "of the yardstick", "SQL"),
)
TARGET: Final = 1.2


class Line(msgspec.Struct, frozen=True):
    """One line: medians, how much slower than on the small ledger, and part of a yardstick."""

    name: str
    size: int | None
    result: Result
    times_slower: float | None
    of_yardstick: float | None
    statements: int | None


class Measured(msgspec.Struct, frozen=True):
    """Everything that one database showed."""

    database: str
    yardsticks: dict[str, float]
    lines: list[Line]


class Report(msgspec.Struct, frozen=True):
    """One whole run of `make bench`."""

    machine: dict[str, str]
    plan: Plan
    driver: str
    databases: list[Measured]

    def slow_reads(self) -> list[str]:
        """The reads that miss the target."""
        return [
            f"{line.name} on {measured.database}: {line.times_slower:.2f} times slower"
            for measured in self.databases
            for line in measured.lines
            if line.name.startswith("GET") and (line.times_slower or 0) > TARGET
        ]


def show(report: Report, console: Console) -> None:
    """Print the tables."""
    for measured in report.databases:
        table = Table(title=measured.database, title_justify="left")
        for column in COLUMNS:
            table.add_column(column, justify="right" if column else "left")
        for line in measured.lines:
            table.add_row(*_cells(line))
        console.print(table)
        console.print(", ".join(_yardsticks(measured)))
    for slow in report.slow_reads():
        console.print(f"[yellow]over {TARGET}: {slow}[/yellow]")


def write(report: Report, docs: Path) -> None:
    """Write the JSON, and the table between the marks in performance.md."""
    numbers = docs / "benchmarks" / "latest.json"
    numbers.parent.mkdir(parents=True, exist_ok=True)
    pretty = msgspec.json.format(msgspec.json.encode(report), indent=2)
    numbers.write_bytes(pretty + b"\n")
    page = docs / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(before + BEGIN + "\n".join(_markdown(report)) + "\n" + END + after)


def _markdown(report: Report) -> Iterator[str]:
    plan = report.plan
    yield ""
    yield "; ".join(f"{name}: {value}" for name, value in report.machine.items()) + "."
    yield (
        f"Driver: {report.driver}, {plan.connections} connections, {plan.seconds:g} s a run, "
        f"medians of {plan.runs}."
    )
    for measured in report.databases:
        yield f"\n### {measured.database}\n"
        yield "| " + " | ".join(COLUMNS) + " |"
        yield "|---|" + "---:|" * (len(COLUMNS) - 1)
        for line in measured.lines:
            yield "| " + " | ".join(_cells(line)) + " |"
        yield "\nYardsticks: " + "; ".join(_yardsticks(measured)) + "."
    yield ""


def _yardsticks(measured: Measured) -> Iterator[str]:
    for name, per_second in measured.yardsticks.items():
        yield f"{name}: {per_second:,.0f} a second"


def _cells(line: Line) -> list[str]:
    return [
        line.name,
        "" if line.size is None else f"{line.size:,}",
        f"{line.result.per_second:,.0f}",
        f"{line.result.p50_ms:.1f}",
        f"{line.result.p99_ms:.1f}",
        "" if line.times_slower is None else f"{line.times_slower:.2f}",
        "" if line.of_yardstick is None else f"{line.of_yardstick:.0%}",
        "" if line.statements is None else str(line.statements),
    ]
