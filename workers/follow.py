"""The process that follows ledgers: it looks a few times a second, and asks Redis for nothing."""

import time
from functools import partial
from typing import Final
from uuid import UUID

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.store.database import Database, StoreUnavailable, open_database
from domain.store.following import (
    last_event,
    ledgers_ahead,
    ledgers_told,
    next_ledgers_ahead,
)
from domain.store.logs import configure_logs, get_logger
from domain.store.queue import Task, enqueue
from domain.store.settings import read_settings
from domain.store.tallies import note_look
from workers.budget_notices import follow_budgets
from workers.following import Follower, Following
from workers.webhooks import tell_webhooks

log = get_logger()

FOLLOWERS: Final[tuple[Follower, ...]] = (follow_budgets, tell_webhooks)
"""Each hears of every ledger that is followed."""

LOOK_EVERY_SECONDS: Final = 0.3
SOON_SECONDS: Final = 0.02
OVERLAP_SECONDS: Final = 2.0
"""A transaction that took an id may commit so much later and be found by the next look."""

COMPARE_EVERY_SECONDS: Final = 300.0
"""Whatever was missed is found then, at the latest."""

NOTE_EVERY_SECONDS: Final = 5
AWAY_SECONDS: Final = 5

_BEFORE_ALL: Final = UUID(int=0)


def main() -> None:
    """`python -m workers.follow`: until it is told to end, which it may be anywhere."""
    settings = read_settings()
    configure_logs(settings.app_env)
    redis = Redis.from_url(settings.redis_url, retry=Retry(NoBackoff(), 1))
    database = open_database(settings.database_url)
    following = Following(database, partial(_enqueue, redis), FOLLOWERS)
    look = Look(database, following)
    noted_at = 0.0
    while True:
        try:
            look()
            if time.time() - noted_at > NOTE_EVERY_SECONDS:
                noted_at = time.time()
                note_look(redis, noted_at)
        except StoreUnavailable as error:
            log.warning("not followed", reason=str(error))
            time.sleep(AWAY_SECONDS)
        time.sleep(SOON_SECONDS if following.is_behind else LOOK_EVERY_SECONDS)


class Look:
    """Finds ledgers with news, and has them followed.

    The ids of new events say cheaply where to look; they may come out of order, so each is
    looked at for a while, and every ledger is compared with its version now and then.
    """

    def __init__(self, database: Database, following: Following) -> None:
        self._database = database
        self._following = following
        self._begin()

    def _begin(self) -> None:
        self._ends: list[tuple[float, int]] = []
        self._reached: UUID | None = _BEFORE_ALL
        self._compared_at = time.monotonic()
        self._day = self._following.yesterday

    @property
    def has_compared(self) -> bool:
        """Whether every ledger was compared, since it was time to."""
        return self._reached is None

    def __call__(self) -> None:
        """Look once. Raises `StoreUnavailable`, and begins anew the next time."""
        try:
            self._look()
        except StoreUnavailable:
            self._begin()
            raise

    def _look(self) -> None:
        self._following.follow(self._told())
        if self._is_time_to_compare():
            self._reached = _BEFORE_ALL
        if self._reached is not None:
            self._compare(self._reached)

    def _told(self) -> list[UUID]:
        now = time.monotonic()
        if not self._ends:
            self._ends = [(now, self._database.read(last_event))]
        # The newest end that is old enough, and all that are younger.
        while len(self._ends) > 1 and self._ends[1][0] < now - OVERLAP_SECONDS:
            del self._ends[0]
        after = self._ends[0][1]
        told, end = self._database.read(lambda c: ledgers_told(c, after))
        self._ends.append((now, end))
        if not told:
            return []
        day = self._following.yesterday
        return self._database.read(lambda c: ledgers_ahead(c, told, day))

    def _is_time_to_compare(self) -> bool:
        now, day = time.monotonic(), self._following.yesterday
        if now - self._compared_at < COMPARE_EVERY_SECONDS and day == self._day:
            return False
        self._compared_at, self._day = now, day
        return True

    def _compare(self, after: UUID) -> None:
        day = self._following.yesterday
        ahead, self._reached = self._database.read(lambda c: next_ledgers_ahead(c, after, day))
        self._following.follow(ahead)


def _enqueue(redis: Redis, task: Task) -> None:
    try:
        enqueue(redis, task)
    except RedisError as error:
        # It stands in the database: the sweep finds it.
        log.warning("redis away", reason=str(error))


if __name__ == "__main__":
    main()
