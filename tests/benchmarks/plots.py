"""Plots: the results as small SVG files, the same bytes for the same numbers."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from tests.benchmarks import cases
from tests.benchmarks.measured import Line, Measured, Report
from tests.benchmarks.plan import Result

PLOTS: Final = {
    "connections": "Answers a second, and the time 99 % take at most, against connections",
    "history": "The time half of the answers take at most, against the size of the ledger",
    "stages": "Where a command's time goes",
}
NO_DATE: Final = {"Date": None, "Creator": None}


def draw(report: Report, folder: Path) -> None:
    """Write every plot into the folder."""
    drawings = {"connections": _connections, "history": _history, "stages": _stages}
    with _look():
        for name, drawing in drawings.items():
            figure = Figure(figsize=(9, 3.4), layout="constrained")
            drawing(report, figure)
            file = io.StringIO()
            figure.savefig(file, format="svg", metadata=NO_DATE)
            (folder / f"{name}.svg").write_text(_packed(file.getvalue()))


def _packed(svg: str) -> str:
    """The same without the white space between its parts: a quarter less to keep for ever."""
    return re.sub(r"\s*\n\s*", " ", svg).replace("> <", ">\n<") + "\n"


def _look() -> AbstractContextManager[None]:
    return mpl.rc_context(
        {
            "svg.hashsalt": "dakhl",
            "svg.fonttype": "none",  # text stays text: small, and found by a search
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],
            "font.size": 9,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "grid.alpha": 0.3,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "lines.marker": ".",
        }
    )


def _connections(report: Report, figure: Figure) -> None:
    left, right = figure.subplots(1, 2)
    _against_connections(left, report, "a second", lambda result: result.per_second)
    _against_connections(right, report, "p99 ms", lambda result: result.p99_ms)
    left.set_ylim(bottom=0)
    _in_magnitudes(right)
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=7
    )


def _against_connections(
    axes: Axes, report: Report, label: str, value: Callable[[Result], float]
) -> None:
    for measured in report.databases:
        for name, size in _curves(report, measured):
            points = [line for line in measured.lines if (line.name, line.size) == (name, size)]
            asked = [line.connections for line in points]
            legend = f"{measured.database}: {name}"
            axes.plot(asked, [value(line.result) for line in points], label=legend)
    axes.set_xscale("log", base=2)
    axes.set_xticks(report.plan.curve, [str(connections) for connections in report.plan.curve])
    axes.minorticks_off()
    axes.set(xlabel="connections", ylabel=label)


def _in_magnitudes(axes: Axes) -> None:
    """Ratios rather than differences, in numbers that can be read."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _curves(report: Report, measured: Measured) -> Iterator[tuple[str, int | None]]:
    """Of reads, those of the largest ledger: nobody is quicker on it."""
    found = {(line.name, line.size) for line in measured.lines if line.name in cases.CURVES}
    for name, size in sorted(found, key=str):
        if size in (None, report.plan.sizes[-1]):
            yield name, size


def _history(report: Report, figure: Figure) -> None:
    connections = report.plan.connections[0]
    many = figure.subplots(1, len(report.databases), sharey=True, squeeze=False)[0]
    for axes, measured in zip(many, report.databases, strict=True):
        lines = [line for line in measured.lines if line.connections == connections]
        for name in cases.HISTORIES:
            _against_size(axes, name, [line for line in lines if line.name == name])
        axes.set_xscale("log")
        axes.set_xticks(report.plan.sizes, [f"{size:,}" for size in report.plan.sizes])
        axes.minorticks_off()
        axes.set(title=measured.database, xlabel="transactions in the ledger")
        _in_magnitudes(axes)
    many[0].set_ylabel(f"p50 ms, {connections} connections")
    handles, labels = many[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=7)


def _against_size(axes: Axes, name: str, lines: list[Line]) -> None:
    points = [(line.size, line.result.p50_ms) for line in lines if line.size is not None]
    if points:
        axes.plot(*zip(*points, strict=True), label=name)


def _stages(report: Report, figure: Figure) -> None:
    axes = figure.subplots()
    bars = [(measured.database, costs) for measured in report.databases for costs in measured.costs]
    ends = dict.fromkeys(range(len(bars)), 0.0)
    names = dict.fromkeys(part.name for _, costs in bars for part in costs.parts)
    for name in names:
        widths = [
            sum(part.each_ms for part in costs.parts if part.name == name) for _, costs in bars
        ]
        axes.barh(list(ends), widths, left=list(ends.values()), label=name, height=0.6)
        ends = {row: end + width for (row, end), width in zip(ends.items(), widths, strict=True)}
    labels = [f"{database}, {costs.connections} connections" for database, costs in bars]
    axes.set_yticks(list(ends), labels)
    axes.invert_yaxis()
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("ms a command")
    if bars:
        figure.legend(loc="outside lower center", ncols=4, fontsize=7)
