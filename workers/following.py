"""Following: what ledgers were told since anybody looked, and the days that ended, acted on once.

What a follower writes and the version that was seen are committed together, with the ledger
locked: a process may die anywhere, and two may follow at once.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from domain.base import RecordedEvent
from domain.calendar import today_in_tehran
from domain.store.codec import read_event
from domain.store.database import Connection, Database, StoreUnavailable
from domain.store.following import Seen, begin_following, lock_free_ledgers, see, seen_of
from domain.store.ledgers import Head, LedgerMissing, read_head, utc_now
from domain.store.logs import get_logger
from domain.store.queue import Task

log = get_logger()

EVENTS_AT_ONCE: Final = 1000
LEDGERS_AT_ONCE: Final = 20
RESTS_SECONDS: Final = (5, 60, 600, 3600)
"""Before a ledger is tried again that could not be followed; the last one from then on."""

_EVENTS: Final = """
    SELECT originator_version, topic, state FROM events
    WHERE originator_id = :ledger_id AND originator_version > :version
    ORDER BY originator_version LIMIT :limit
"""


class News(msgspec.Struct, frozen=True):
    """What a locked ledger was told after a version, in order, and the days that ended meanwhile.

    These are the days after `seen_day`, up to and with `over_day`. The rows stand where the head
    does, which may be further than the last of the events.
    """

    head: Head
    events: Sequence[RecordedEvent]
    seen_day: dt.date
    over_day: dt.date
    now: dt.datetime


Follower = Callable[[Connection, News], Iterable[Task]]
"""Acts on news within the transaction; gives what is to be enqueued once it is committed.

It is told of every event once, and may be told again of what was rolled back.
"""


class _Acted(NamedTuple):
    tasks: list[Task]
    events: int
    is_done: bool


class Following:
    """Brings ledgers up to date; one that cannot be followed rests, and holds up no other."""

    def __init__(
        self,
        database: Database,
        enqueue: Callable[[Task], None],
        followers: Sequence[Follower],
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self._database = database
        self._enqueue = enqueue
        self._followers = followers
        self._clock = clock
        self._resting: dict[UUID, tuple[int, float]] = {}

    @property
    def yesterday(self) -> dt.date:
        """The last day that is over in Tehran."""
        return _day_before(self._clock())

    def follow(self, ledger_ids: Sequence[UUID]) -> None:
        """Have the followers act on the news of these ledgers, and of those that have rested.

        Raises `StoreUnavailable`.
        """
        wanted = dict.fromkeys([*ledger_ids, *self._resting])
        awake = [ledger_id for ledger_id in wanted if not self._rests(ledger_id)]
        for place in range(0, len(awake), LEDGERS_AT_ONCE):
            some = awake[place : place + LEDGERS_AT_ONCE]
            for ledger_id in self._left_of(some):
                self._follow_alone(ledger_id)

    def _left_of(self, some: list[UUID]) -> list[UUID]:
        """Those that could not be followed in one transaction."""
        try:
            done = self._commit(lambda c: lock_free_ledgers(c, some))
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001  # which one it was, and what, is told when it is alone
            return some
        return [ledger_id for ledger_id in some if ledger_id not in done]

    def _follow_alone(self, ledger_id: UUID) -> None:
        try:
            while ledger_id not in self._commit(lambda _: [ledger_id]):
                pass
        except StoreUnavailable:
            raise
        except Exception:
            tries = self._resting.get(ledger_id, (0, 0.0))[0]
            seconds = RESTS_SECONDS[min(tries, len(RESTS_SECONDS) - 1)]
            self._resting[ledger_id] = (tries + 1, time.monotonic() + seconds)
            log.exception("ledger not followed", ledger_id=str(ledger_id), rests=seconds)
        else:
            self._resting.pop(ledger_id, None)

    def _rests(self, ledger_id: UUID) -> bool:
        return ledger_id in self._resting and time.monotonic() < self._resting[ledger_id][1]

    def _commit(self, lock: Callable[[Connection], list[UUID]]) -> list[UUID]:
        """Follow ledgers in one transaction; gives those that have no more news."""

        def work(connection: Connection) -> tuple[list[UUID], list[Task]]:
            done, tasks, count = [], [], 0
            for ledger_id in lock(connection):
                if count >= EVENTS_AT_ONCE:
                    break
                acted = self._act(connection, ledger_id)
                tasks += acted.tasks
                count += acted.events
                if acted.is_done:
                    done.append(ledger_id)
            return done, tasks

        done, tasks = self._database.write(work)
        for task in tasks:
            self._enqueue(task)
        return done

    def _act(self, connection: Connection, ledger_id: UUID) -> _Acted:
        try:
            head = read_head(connection, ledger_id, lock=True)
        except LedgerMissing:
            return _Acted([], 0, is_done=True)
        now = self._clock()
        yesterday = _day_before(now)
        seen = seen_of(connection, ledger_id)
        if seen is None:
            seen = begin_following(connection, head, yesterday)
        events = _events_after(connection, seen)
        version = events[-1].version if events else seen.version
        is_done = version >= head.version
        # A day that ended is looked at when all that was told until then is known.
        day = max(seen.day, yesterday) if is_done else seen.day
        news = News(head, events, seen.day, day, now)
        tasks = [task for follower in self._followers for task in follower(connection, news)]
        see(connection, Seen(ledger_id, version, day))
        return _Acted(tasks, len(events), is_done)


def _day_before(now: dt.datetime) -> dt.date:
    return today_in_tehran(now) - dt.timedelta(days=1)


def _events_after(connection: Connection, seen: Seen) -> list[RecordedEvent]:
    rows = connection.tuples(
        _EVENTS, ledger_id=seen.ledger_id, version=seen.version, limit=EVENTS_AT_ONCE
    )
    return [read_event(seen.ledger_id, *row) for row in rows]
