"""The benchmark itself, run tiny, so that it cannot rot between releases."""

from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.benchmarks.__main__ import measured_sqlite
from tests.benchmarks.plan import TINY
from tests.benchmarks.report import BEGIN, END, Report, show, write

PAGE = f"# Performance\n\n{BEGIN}old numbers\n{END}\nWhat limits us.\n"


@pytest.mark.slow
def test_the_benchmark_runs_and_writes_its_results_down(tmp_path: Path, valkey_url: str) -> None:
    console = Console(quiet=True)
    measured = measured_sqlite(TINY, tmp_path, valkey_url, console)
    report = Report({"processor": "one"}, TINY, "a test", [measured])
    show(report, console)
    (tmp_path / "performance.md").write_text(PAGE)
    write(report, tmp_path)

    page = (tmp_path / "performance.md").read_text()
    assert page.startswith("# Performance")
    assert page.endswith("What limits us.\n")
    assert "old numbers" not in page
    assert page.count("| GET balance |") == 2
    written = (tmp_path / "benchmarks" / "latest.json").read_bytes()
    assert msgspec.json.decode(written, type=Report) == report
    assert all(line.result.per_second > 0 for line in measured.lines)
