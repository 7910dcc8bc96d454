"""What was measured: as tables to look at, as JSON, as plots, and in docs/performance.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from tests.benchmarks import plots, tables
from tests.benchmarks.measured import Report

BEGIN: Final = "<!-- measured: begin -->\n"
END: Final = "<!-- measured: end -->\n"


def show(report: Report, console: Console) -> None:
    """Print the tables, and what does not look as it should."""
    for measured in report.databases:
        for table in tables.of(measured, report.plan):
            console.print(tables.as_rich(table))
        for sentence in tables.sentences(measured):
            console.print(sentence)
    for warning in report.warnings():
        console.print(warning, style="yellow", markup=False)


def write(report: Report, folder: Path) -> None:
    """Write the JSON and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    pretty = msgspec.json.format(msgspec.json.encode(report), indent=2)
    (folder / "latest.json").write_bytes(pretty + b"\n")
    plots.draw(report, folder)


def publish(report: Report, docs: Path) -> None:
    """Write all of it into the documentation: also what is between the marks of a page."""
    write(report, docs / "benchmarks")
    page = docs / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(before + BEGIN + "\n".join(_markdown(report)) + "\n" + END + after)


def _markdown(report: Report) -> Iterator[str]:
    plan = report.plan
    yield ""
    yield "; ".join(f"{name}: {value}" for name, value in report.machine.items()) + "."
    yield (
        f"Driver: {report.driver}; {plan.people} people, {plan.seconds:g} s a run, "
        f"medians of {plan.runs}. A batch holds {plan.batch:,} transactions."
    )
    yield ""
    for name, meaning in plots.PLOTS.items():
        yield f"![{meaning}](benchmarks/{name}.svg)"
    for measured in report.databases:
        for table in tables.of(measured, plan):
            yield f"\n### {table.title}\n"
            yield from tables.as_markdown(table)
        yield ""
        yield "  \n".join(tables.sentences(measured))
    for warning in report.warnings():
        yield f"\n**{warning.splitlines()[0]}**"
    yield ""
