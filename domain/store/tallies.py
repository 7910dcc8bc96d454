"""Tallies: counts that outlive the process which counts, kept in Redis.

Workers end with each job and answer no requests, so they leave their numbers here; the web reads
them when it is asked for metrics. Losing them loses nothing that a person owns.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Literal, cast

import msgspec
from redis import Redis, RedisError

Tally = Literal["jobs", "sms", "tended_ledgers", "texts", "webhooks", "webhook_seconds"]

BUCKETS_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
SUM_MS: Final = "sum_ms"

_PREFIX: Final = "tally:"
_LOOK: Final = "follower:looked"


def count(redis: Redis, tally: Tally, *labels: str, number: int = 1) -> None:
    """Count one, or more. Nobody waits for a number: when Redis is away it is lost."""
    with suppress(RedisError):
        redis.hincrby(_PREFIX + tally, msgspec.json.encode(labels).decode(), number)


def observe(redis: Redis, tally: Tally, seconds: float) -> None:
    """Count how long something took, in its bucket, and in the sum."""
    bucket = next((str(limit) for limit in BUCKETS_SECONDS if seconds <= limit), "+Inf")
    count(redis, tally, bucket)
    count(redis, tally, SUM_MS, number=round(seconds * 1000))


def note_look(redis: Redis, at: float) -> None:
    """Note when the follower looked last, a Unix time."""
    with suppress(RedisError):
        redis.set(_LOOK, at)


def last_look(redis: Redis) -> float | None:
    """When the follower looked last, or None where nobody knows; raises RedisError."""
    at = cast(bytes | None, redis.get(_LOOK))
    return None if at is None else float(at)


def counted(redis: Redis, tally: Tally) -> Iterator[tuple[list[str], int]]:
    """Labels and how often they were counted; raises RedisError."""
    kept = cast(dict[bytes, bytes], redis.hgetall(_PREFIX + tally))
    for labels, number in kept.items():
        yield msgspec.json.decode(labels, type=list[str]), int(number)
