"""Memory: what the web processes hold after many requests."""

from typing import Final

import msgspec

from tests.benchmarks.driver import measure
from tests.benchmarks.plan import Case
from tests.servers import LiveServer

FLAT_MIB: Final = 2
STEPS: Final = 20


class Step(msgspec.Struct, frozen=True):
    """After so many requests: the largest process of the web server, and all of them, in MiB."""

    requests: int
    largest_mib: float
    all_mib: float


class Memory(msgspec.Struct, frozen=True):
    """How memory went, from before the first request of many to after the last."""

    steps: list[Step]
    failed: int

    @property
    def growth_mib(self) -> float:
        """What the largest process gained in the second half, when everything is warm."""
        last = self.steps[-1]
        halfway = next(step for step in self.steps if step.requests * 2 >= last.requests)
        return last.largest_mib - halfway.largest_mib

    @property
    def is_flat(self) -> bool:
        """Nothing worth mentioning was gained."""
        return self.growth_mib <= FLAT_MIB


def soaked(server: LiveServer, case: Case, connections: int, seconds: float, most: int) -> Memory:
    """Ask until `most` requests are answered, and look at the memory every `seconds`."""
    steps = [_step(server, 0)]
    failed = 0
    while steps[-1].requests < most:
        result = measure(server.port, case, connections, seconds)
        steps.append(_step(server, steps[-1].requests + 1 + result.answers))
        failed += result.failed
    return Memory(_thinned(steps), failed)


def _thinned(steps: list[Step]) -> list[Step]:
    """At most about `STEPS` of them, the first and the last too."""
    every = -(-len(steps) // STEPS)
    return [*steps[:-1:every], steps[-1]]


def _step(server: LiveServer, requests: int) -> Step:
    sizes = [process.memory_info().rss / 2**20 for process in server.family()]
    return Step(requests, max(sizes), sum(sizes))
