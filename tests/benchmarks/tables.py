"""Tables: what was measured, in rows of text, for the terminal and for a page."""

from collections.abc import Iterator
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table as RichTable

from tests.benchmarks import cases
from tests.benchmarks.measured import Line, Measured
from tests.benchmarks.memory import Memory
from tests.benchmarks.plan import Plan
from tests.benchmarks.stages import Costs

LINES: Final = (
    *("", "transactions", "connections", "a second", "recorded a second", "p50 ms", "p99 ms"),
    *("times slower", "of the yardstick", "SQL"),
)
CURVES: Final = ("", "connections", "a second", "p50 ms", "p99 ms")
PIPED_WIDTH: Final = 160
COSTS: Final = ("", "times a command", "ms each time", "ms a command", "share")


class Table(msgspec.Struct, frozen=True):
    """A title, the names of the columns, and rows; the first column is words."""

    title: str
    columns: tuple[str, ...]
    rows: list[list[str]]


def of(measured: Measured, plan: Plan) -> Iterator[Table]:
    """Every table about one database that has something in it."""
    lines = [line for line in measured.lines if line.connections in plan.connections]
    yield Table(measured.database, LINES, list(map(_line, lines)))
    curves = [line for line in measured.lines if plan.curve and line.name in cases.CURVES]
    if curves:
        title = f"{measured.database}: more and more connections"
        yield Table(title, CURVES, list(map(_point, curves)))
    for costs in measured.costs:
        title = (
            f"{measured.database}: where a command's {costs.client_ms:.1f} ms go, "
            f"{costs.connections} connections"
        )
        yield Table(title, COSTS, list(_costs(costs)))


def sentences(measured: Measured) -> Iterator[str]:
    """What needs no table."""
    if measured.yardsticks:
        yardsticks = measured.yardsticks.items()
        told = "; ".join(f"{name}: {per_second:,.0f} a second" for name, per_second in yardsticks)
        yield f"Yardsticks: {told}."
    if measured.memory is not None:
        yield _memory(measured.memory)


def wide_console() -> Console:
    """Wide enough for the tables where nobody's window says how wide it is."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)


def as_rich(table: Table) -> RichTable:
    """For the terminal."""
    rich = RichTable(title=table.title, title_justify="left")
    for column in table.columns:
        rich.add_column(column, justify="right" if column else "left", no_wrap=not column)
    for row in table.rows:
        rich.add_row(*row)
    return rich


def as_markdown(table: Table) -> Iterator[str]:
    """For a page."""
    yield "| " + " | ".join(table.columns) + " |"
    yield "|---|" + "---:|" * (len(table.columns) - 1)
    for row in table.rows:
        yield "| " + " | ".join(row) + " |"


def _line(line: Line) -> list[str]:
    result = line.result
    return [
        line.name,
        _given(line.size, ",d"),
        str(line.connections),
        f"{result.per_second:,.0f}",
        _given(line.entries_per_second, ",.0f"),
        f"{result.p50_ms:.1f}",
        f"{result.p99_ms:.1f}",
        _given(line.times_slower, ".2f"),
        _given(line.of_yardstick, ".0%"),
        _given(line.statements, ",d"),
    ]


def _point(line: Line) -> list[str]:
    result = line.result
    size = "" if line.size is None else f", {line.size:,} transactions"
    return [
        f"{line.name}{size}",
        str(line.connections),
        f"{result.per_second:,.0f}",
        f"{result.p50_ms:.1f}",
        f"{result.p99_ms:.1f}",
    ]


def _costs(costs: Costs) -> Iterator[list[str]]:
    for part in costs.parts:
        yield [
            part.name,
            f"{part.times:.2f}",
            f"{part.once_ms:.2f}",
            f"{part.each_ms:.2f}",
            f"{part.each_ms / costs.client_ms:.0%}",
        ]


def _memory(memory: Memory) -> str:
    first, last = memory.steps[0], memory.steps[-1]
    return (
        f"Memory of the largest web process: {first.largest_mib:.0f} MiB at first, "
        f"{last.largest_mib:.0f} MiB after {last.requests:,} requests, of which "
        f"{memory.growth_mib:+.1f} MiB in the second half; all of them {last.all_mib:.0f} MiB."
    )


def _given(value: float | None, how: str) -> str:
    return "" if value is None else format(value, how)
