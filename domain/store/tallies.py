"""Tallies: counts that outlive the process which counts, kept in Redis.

Workers end with each job and answer no requests, so they leave their numbers here; the web reads
them when it is asked for metrics. Losing them loses nothing that a person owns.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Literal, cast

import msgspec
from redis import Redis, RedisError

Tally = Literal["jobs", "sms", "tended_ledgers"]

_PREFIX: Final = "tally:"


def count(redis: Redis, tally: Tally, *labels: str, number: int = 1) -> None:
    """Count one, or more. Nobody waits for a number: when Redis is away it is lost."""
    with suppress(RedisError):
        redis.hincrby(_PREFIX + tally, msgspec.json.encode(labels).decode(), number)


def counted(redis: Redis, tally: Tally) -> Iterator[tuple[list[str], int]]:
    """Labels and how often they were counted; raises RedisError."""
    kept = cast(dict[bytes, bytes], redis.hgetall(_PREFIX + tally))
    for labels, number in kept.items():
        yield msgspec.json.decode(labels, type=list[str]), int(number)
