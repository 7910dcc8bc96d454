"""What is measured, on ledgers of which size, how often and for how long."""

from typing import Final

import msgspec

MILLION: Final = 1_000_000


class Plan(msgspec.Struct, frozen=True):
    """Sizes in transactions, the small one first. `people` have `each` of their own.

    `runs` give one median. Every case is measured with so many `connections`; the ones that are
    drawn against connections also with those of `curve`. A batch holds `batch` transactions.
    """

    sizes: tuple[int, ...]
    people: int
    each: int
    runs: int
    seconds: float
    connections: tuple[int, ...]
    curve: tuple[int, ...]
    batch: int
    soak_requests: int


FULL: Final = Plan(
    sizes=(1_000, 100_000),
    people=64,
    each=100,
    runs=3,
    seconds=2,
    connections=(8, 32),
    curve=(1, 2, 4, 8, 16, 32, 64),
    batch=1_000,
    soak_requests=100_000,
)
QUICK: Final = Plan(
    sizes=(1_000, 3_000),
    people=8,
    each=20,
    runs=1,
    seconds=1,
    connections=(8,),
    curve=(),
    batch=100,
    soak_requests=0,
)
TINY: Final = Plan(
    sizes=(20, 60),
    people=2,
    each=5,
    runs=2,
    seconds=0.1,
    connections=(2,),
    curve=(1, 2),
    batch=5,
    soak_requests=60,
)


class Request(msgspec.Struct, frozen=True):
    """One request of a series that is sent round and round. A body makes it a POST."""

    path: str
    token: str | None = None
    body: str | None = None
    known_tag: str | None = None


class Case(msgspec.Struct, frozen=True):
    """One thing to measure. `size` is that of the ledger it is about, where it is about one.

    `entries` is how many transactions one request records, `status` what a good answer has.
    """

    name: str
    requests: list[Request]
    size: int | None = None
    is_keyed: bool = False
    entries: int = 0
    status: int = 200


class Result(msgspec.Struct, frozen=True):
    """Good answers a second; how long they took on average, half of them and 99 % at most, in ms.

    `failed` counts the requests that got no answer, or another one.
    """

    per_second: float
    mean_ms: float
    p50_ms: float
    p99_ms: float
    answers: int
    failed: int
