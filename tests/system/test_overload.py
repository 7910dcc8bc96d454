"""Far more asked than can be answered: everybody is answered, and nothing stays behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.overload import CONNECTIONS, overload, shown
from tests.servers import LiveServer
from workers.group import THREADS

SECONDS = 10
LONGEST_P99_SECONDS = 10  # a busy machine's; what is measured is in docs/performance.md
THREADS_BESIDE = 16
WAL_MIB = 64


@pytest.mark.slow
def test_everybody_is_answered_and_nothing_stays_behind(
    live_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    outcome = overload(live_server(PROMETHEUS_MULTIPROC_DIR=str(_empty(tmp_path))), SECONDS)
    assert outcome.flaws() == [], shown(outcome)
    assert sum(outcome.statuses.values()) >= CONNECTIONS
    assert outcome.statuses[201] > 0
    assert outcome.p99_seconds < LONGEST_P99_SECONDS, shown(outcome)
    assert outcome.after.threads <= THREADS + THREADS_BESIDE
    assert outcome.after.wal_mib < WAL_MIB


def _empty(folder: Path) -> Path:
    metrics = folder / "metrics"
    metrics.mkdir()
    return metrics
