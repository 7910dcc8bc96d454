"""Stages: where a command's time goes, as the service's own histograms tell it."""

import urllib.request
from typing import Final

import msgspec
from prometheus_client.parser import text_string_to_metric_families

ROUTE: Final = {"route": "/v1/transactions", "method": "POST"}
REQUEST: Final = "dakhl_request_seconds"
PREFIX: Final = "dakhl_"
SUFFIX: Final = "_seconds"
WHOLE: Final = "bracket"
"""The stage that holds the others, where there is one."""

AFTER: Final = {"lock": "queue"}
"""Stages whose clock starts with that of another, and goes on: they are told without it."""

SHARED: Final = frozenset({"commit"})
"""Stages that commands of a group go through together."""

OUTSIDE: Final = "outside the clock: driver, network, waiting for a thread"
REST_OF_REQUEST: Final = "request: the rest"
REST_OF_WHOLE: Final = f"{WHOLE}: the rest"


class Told(msgspec.Struct, frozen=True):
    """How often a histogram was told something, and all it was told, in seconds."""

    times: float = 0
    seconds: float = 0

    def since(self, before: "Told") -> "Told":
        """What came after that."""
        return Told(self.times - before.times, self.seconds - before.seconds)

    def after(self, other: "Told") -> "Told":
        """The same without the seconds of the other."""
        return Told(self.times, self.seconds - other.seconds)

    def and_also(self, other: "Told") -> "Told":
        """Both together."""
        return Told(self.times + other.times, self.seconds + other.seconds)


class Cost(msgspec.Struct, frozen=True):
    """A part of a command's time: how often a command has it, and how long each takes.

    `each_ms` is what a command spends there. Of what commands share there is less than one a
    command, and each waits for the whole of it.
    """

    name: str
    times: float
    once_ms: float
    each_ms: float


class Costs(msgspec.Struct, frozen=True):
    """What recording a transaction costs with so many connections, part by part."""

    connections: int
    client_ms: float
    parts: list[Cost]


Tally = dict[str, Told]
"""By histogram: the stages of recording, and `REQUEST` for recording a transaction."""


def told(port: int) -> Tally:
    """What every histogram of seconds has been told so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    tally: Tally = {}
    for family in text_string_to_metric_families(text):
        if family.type != "histogram" or not family.name.endswith(SUFFIX):
            continue
        for sample in family.samples:
            if family.name == REQUEST and not ROUTE.items() <= sample.labels.items():
                continue
            if sample.name.endswith("_count"):
                _add(tally, family.name, Told(times=sample.value))
            elif sample.name.endswith("_sum"):
                _add(tally, family.name, Told(seconds=sample.value))
    return tally


def between(before: Tally, after: Tally) -> Tally:
    """What was told in between."""
    return {name: all_of_it.since(before.get(name, Told())) for name, all_of_it in after.items()}


def together(tallies: list[Tally]) -> Tally:
    """All that was told in several runs."""
    total: Tally = {}
    for tally in tallies:
        for name, one in tally.items():
            _add(total, name, one)
    return total


def costs(connections: int, client_ms: float, spent: Tally) -> Costs | None:
    """The parts of a command's time; None when no command was timed."""
    request = spent.get(REQUEST, Told())
    if not request.times:
        return None
    stages = _stages(spent, request.times)
    request_ms = request.seconds / request.times * 1e3
    whole = stages.pop(WHOLE, None)
    inside = sum(stage.each_ms for stage in stages.values())
    parts = [
        _rest(OUTSIDE, client_ms - request_ms),
        _rest(REST_OF_REQUEST, request_ms - (inside if whole is None else whole.each_ms)),
        *stages.values(),
    ]
    if whole is not None:
        parts.append(_rest(REST_OF_WHOLE, whole.each_ms - inside))
    return Costs(connections, client_ms, parts)


def _stages(spent: Tally, commands: float) -> dict[str, Cost]:
    told = {
        name.removeprefix(PREFIX).removesuffix(SUFFIX): one
        for name, one in spent.items()
        if name != REQUEST and one.times
    }
    alone = {name: one.after(told.get(AFTER.get(name, ""), Told())) for name, one in told.items()}
    return {name: _cost(name, one, commands) for name, one in alone.items()}


def _cost(name: str, one: Told, commands: float) -> Cost:
    times, once_ms = one.times / commands, max(0.0, one.seconds / one.times * 1e3)
    return Cost(name, times, once_ms, once_ms if name in SHARED else times * once_ms)


def _rest(name: str, milliseconds: float) -> Cost:
    kept = max(0.0, milliseconds)
    return Cost(name, 1, kept, kept)


def _add(tally: Tally, name: str, more: Told) -> None:
    tally[name] = tally.get(name, Told()).and_also(more)
