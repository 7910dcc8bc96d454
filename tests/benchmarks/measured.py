"""What one run found, as it is kept in `latest.json`."""

from collections.abc import Iterator
from typing import Final

import msgspec

from tests.benchmarks.memory import Memory
from tests.benchmarks.plan import Plan, Result
from tests.benchmarks.stages import Costs

TARGET: Final = 1.2
"""How many times slower than a small ledger a large one may be read."""


class Line(msgspec.Struct, frozen=True):
    """One case with so many connections: medians, and what they are to be compared with.

    `entries_per_second` are the transactions recorded.
    """

    name: str
    size: int | None
    connections: int
    result: Result
    entries_per_second: float | None
    times_slower: float | None
    of_yardstick: float | None
    statements: int | None


class Measured(msgspec.Struct, frozen=True):
    """Everything that one database showed."""

    database: str
    yardsticks: dict[str, float]
    lines: list[Line]
    costs: list[Costs]
    memory: Memory | None
    bug: str | None = None


class Report(msgspec.Struct, frozen=True):
    """One whole run."""

    machine: dict[str, str]
    plan: Plan
    driver: str
    databases: list[Measured]

    def warnings(self) -> Iterator[str]:
        """What misses its target; a single short run is no proof."""
        is_sure = self.plan.runs > 1
        for measured in self.databases:
            for line in measured.lines:
                about = f"{measured.database}, {line.connections} connections: {line.name}"
                if line.name.startswith("GET") and is_sure and (line.times_slower or 0) > TARGET:
                    yield f"{about} at {line.size:,} is {line.times_slower:.2f} times slower"
            memory = measured.memory
            if memory is not None and not memory.is_flat:
                yield f"{measured.database}: memory grew by {memory.growth_mib:.1f} MiB"
        yield from self.failures()

    def failures(self) -> Iterator[str]:
        """Requests that got no answer, or none that was good, and the first bug of all."""
        for measured in self.databases:
            if measured.bug is not None:
                yield f"{measured.database}: {measured.bug}"
            for line in measured.lines:
                if line.result.failed:
                    yield (
                        f"{measured.database}, {line.connections} connections: {line.name}: "
                        f"{line.result.failed:,} requests failed"
                    )
            if measured.memory is not None and measured.memory.failed:
                yield f"{measured.database}: {measured.memory.failed:,} requests of the soak failed"
