"""The benchmark itself, run tiny, so that it cannot rot between releases."""

from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.benchmarks import cases
from tests.benchmarks.__main__ import measured
from tests.benchmarks.measured import Measured, Report
from tests.benchmarks.memory import Memory, Step
from tests.benchmarks.places import on_sqlite
from tests.benchmarks.plan import TINY
from tests.benchmarks.plots import PLOTS, draw
from tests.benchmarks.report import BEGIN, END, publish, show
from tests.benchmarks.stages import OUTSIDE, REST_OF_REQUEST, REST_OF_WHOLE, Told, costs

PAGE = f"# Performance\n\n{BEGIN}old numbers\n{END}\nWhat limits us.\n"


@pytest.mark.slow
def test_the_benchmark_runs_and_writes_its_results_down(tmp_path: Path, valkey_url: str) -> None:
    console = Console(quiet=True)
    with on_sqlite(valkey_url) as place:
        found = measured(place, TINY, lambda _name: True, console)
    report = Report({"processor": "one"}, TINY, "a test", [found])
    show(report, console)
    (tmp_path / "performance.md").write_text(PAGE)
    publish(report, tmp_path)

    page = (tmp_path / "performance.md").read_text()
    assert page.startswith("# Performance")
    assert page.endswith("What limits us.\n")
    assert "old numbers" not in page
    assert page.count(f"| {cases.ABSENT} |") == 2
    written = (tmp_path / "benchmarks" / "latest.json").read_bytes()
    assert msgspec.json.decode(written, type=Report) == report
    assert list(report.failures()) == []
    _everything_was_measured(found)
    _the_plots_are_small_and_drawn_again_the_same(report, tmp_path)


def _everything_was_measured(found: Measured) -> None:
    assert all(line.result.per_second > 0 for line in found.lines)
    assert {line.connections for line in found.lines if line.name in cases.CURVES} == {1, 2}
    [spent] = found.costs
    assert {"commit", REST_OF_REQUEST, REST_OF_WHOLE} <= {one.name for one in spent.parts}
    assert sum(part.each_ms for part in spent.parts) == pytest.approx(spent.client_ms, rel=0.2)
    assert found.memory is not None
    assert found.memory.steps[-1].requests >= TINY.soak_requests
    assert found.memory.steps[0].largest_mib > 10


def _the_plots_are_small_and_drawn_again_the_same(report: Report, folder: Path) -> None:
    first = {name: (folder / "benchmarks" / f"{name}.svg").read_bytes() for name in PLOTS}
    draw(report, folder)
    assert first == {name: (folder / f"{name}.svg").read_bytes() for name in PLOTS}
    assert all(len(drawn) < 40_000 for drawn in first.values())


def test_the_parts_of_a_command_add_up_to_all_of_it() -> None:
    spent = {
        "dakhl_request_seconds": Told(100, 1.0),
        "dakhl_bracket_seconds": Told(100, 0.8),
        "dakhl_queue_seconds": Told(100, 0.3),
        "dakhl_lock_seconds": Told(100, 0.4),
        "dakhl_commit_seconds": Told(25, 0.05),
        "dakhl_another_seconds": Told(50, 0.1),
    }
    found = costs(8, 12.0, spent)
    assert found is not None
    assert {part.name: round(part.each_ms, 6) for part in found.parts} == {
        OUTSIDE: 2,
        REST_OF_REQUEST: 2,
        "queue": 3,
        "lock": 1,
        "commit": 2,
        "another": 1,
        REST_OF_WHOLE: 1,
    }
    assert costs(8, 12.0, {}) is None


def test_memory_that_grows_in_the_second_half_is_not_flat() -> None:
    sizes = {0: 60, 500: 80, 1000: 90}
    steps = [Step(requests, mib, mib) for requests, mib in sizes.items()]
    assert not Memory(steps, 0).is_flat
    assert Memory(steps[:2], 0).growth_mib == 0
