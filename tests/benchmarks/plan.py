"""What is measured, on ledgers of which size, how often and for how long."""

from typing import Final

import msgspec


class Plan(msgspec.Struct, frozen=True):
    """Sizes in transactions. `people` have `each` of their own; `runs` give one median."""

    small: int
    large: int
    people: int
    each: int
    runs: int
    seconds: float
    connections: int = 8


FULL: Final = Plan(small=1_000, large=100_000, people=64, each=100, runs=3, seconds=2)
QUICK: Final = Plan(small=1_000, large=5_000, people=8, each=20, runs=1, seconds=1)
TINY: Final = Plan(small=20, large=60, people=2, each=5, runs=2, seconds=0.1)


class Request(msgspec.Struct, frozen=True):
    """One request of a series that is sent round and round. A body makes it a POST."""

    path: str
    token: str | None = None
    body: str | None = None


class Case(msgspec.Struct, frozen=True):
    """One thing to measure. `size` is that of the ledger it is about, where it is about one."""

    name: str
    requests: list[Request]
    size: int | None = None
    is_keyed: bool = False


class Result(msgspec.Struct, frozen=True):
    """Answers a second, and how long half and 99 % of them took at most, in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
