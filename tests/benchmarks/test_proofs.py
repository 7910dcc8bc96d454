"""The benchmark of proofs, run tiny."""

import pytest

from tests.benchmarks.proofs import Sizes, measured


@pytest.mark.slow
@pytest.mark.postgresql
def test_the_benchmark_of_proofs_runs() -> None:
    found = list(measured(Sizes(ledgers=30, leaves=200, events=50)))
    assert len(found) == 11
    assert {where for _, where, _ in found} == {"SQLite", "PostgreSQL", "anywhere"}
