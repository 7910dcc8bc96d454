"""Rounds: every case in turn, again and again, so that one weather meets all; then medians."""

import statistics
from collections.abc import Callable, Iterator

from tests.benchmarks import cases, stages
from tests.benchmarks.driver import measure
from tests.benchmarks.measured import Line
from tests.benchmarks.plan import Case, Plan, Result
from tests.benchmarks.stages import Costs, Tally

Key = tuple[str, int | None, int]
"""What was asked, the size of the ledger it was asked of, and the number of connections."""


class Rounds:
    """The results of one database, as they come in."""

    def __init__(self, port: int, plan: Plan) -> None:
        self._port = port
        self._plan = plan
        self._results: dict[Key, list[Result]] = {}
        self._entries: dict[str, int] = {}
        self._commits: dict[str, list[float]] = {}
        self._spent: dict[int, list[Tally]] = {}

    def ask(self, asked: list[Case]) -> None:
        """One round: each case with every number of connections it is measured with."""
        plan = self._plan
        self._entries |= {case.name: case.entries for case in asked}
        for connections in sorted({*plan.connections, *plan.curve}):
            for case in asked:
                if connections in plan.connections or case.name in cases.CURVES:
                    self._ask(case, connections)

    def commit(self, yardsticks: dict[str, Callable[[float], float]]) -> None:
        """One round of what the database can do without us."""
        for name, per_second in yardsticks.items():
            self._commits.setdefault(name, []).append(per_second(self._plan.seconds))

    @property
    def commits(self) -> dict[str, float]:
        """The medians of the yardsticks."""
        return {name: statistics.median(rounds) for name, rounds in self._commits.items()}

    def costs(self) -> list[Costs]:
        """Where the time of recording a transaction went, by the number of connections."""
        found = []
        for connections, tallies in self._spent.items():
            client_ms = self._median(cases.POST_MANY, None, connections).mean_ms
            found.append(stages.costs(connections, client_ms, stages.together(tallies)))
        return [costs for costs in found if costs is not None]

    def lines(self, statements: dict[str, int]) -> Iterator[Line]:
        """The medians of everything asked, with what they mean."""
        for name, size, connections in sorted(self._results, key=self._order):
            median = self._median(name, size, connections)
            entries = self._entries[name]
            yield Line(
                name,
                size,
                connections,
                median,
                entries * median.per_second if entries else None,
                self._times_slower(name, size, connections),
                self._of_yardstick(name, median.per_second, connections),
                statements.get(name),
            )

    def _ask(self, case: Case, connections: int) -> None:
        is_watched = case.name == cases.POST_MANY and connections in self._plan.connections
        before = stages.told(self._port) if is_watched else {}
        result = measure(self._port, case, connections, self._plan.seconds)
        if is_watched:
            spent = stages.between(before, stages.told(self._port))
            self._spent.setdefault(connections, []).append(spent)
        self._results.setdefault((case.name, case.size, connections), []).append(result)

    def _order(self, key: Key) -> tuple[int, int, int]:
        name, size, connections = key
        return list(self._entries).index(name), connections, size or 0

    def _median(self, name: str, size: int | None, connections: int) -> Result:
        rounds = self._results[name, size, connections]
        return Result(
            statistics.median(result.per_second for result in rounds),
            statistics.median(result.mean_ms for result in rounds),
            statistics.median(result.p50_ms for result in rounds),
            statistics.median(result.p99_ms for result in rounds),
            sum(result.answers for result in rounds),
            sum(result.failed for result in rounds),
        )

    def _times_slower(self, name: str, size: int | None, connections: int) -> float | None:
        """The median of each round's own ratio to the smallest ledger."""
        if size is None or size == self._plan.sizes[0]:
            return None
        small = self._results[name, self._plan.sizes[0], connections]
        pairs = zip(small, self._results[name, size, connections], strict=True)
        return statistics.median(
            one.per_second / other.per_second for one, other in pairs if other.per_second
        )

    def _of_yardstick(self, name: str, per_second: float, connections: int) -> float | None:
        """Of what is committed without us, or of what the web server does without us."""
        if entries := self._entries[name]:
            return entries * per_second / max(self.commits.values())
        if (cases.WEB, None, connections) not in self._results:
            return None
        return per_second / self._median(cases.WEB, None, connections).per_second
