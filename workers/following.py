"""Following: what ledgers were told since anybody looked, and the days that ended, acted on once.

What follows from the news is found out on a snapshot, while anybody may record: only what is then
written holds anybody up. It is committed together with the version that was seen, with the ledger
locked and if nobody was faster: a process may die anywhere, and two may follow at once.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from domain.base import RecordedEvent
from domain.calendar import today_in_tehran
from domain.store.codec import read_event
from domain.store.database import Connection, Database, StoreUnavailable
from domain.store.following import (
    Seen,
    begin_at,
    first_seen,
    ledgers_ahead,
    lock_free_ledgers,
    see,
    seen_of,
)
from domain.store.ledgers import Head, LedgerMissing, read_head, utc_now
from domain.store.logs import get_logger
from domain.store.queue import Task

log = get_logger()

EVENTS_AT_ONCE: Final = 1000
LEDGERS_AT_ONCE: Final = 20
TOGETHER_SECONDS: Final = 0.05
"""After so long no further ledger is looked at: what was found out by then is written."""

RESTS_SECONDS: Final = (5, 60, 600, 3600)
"""Before a ledger is tried again that could not be followed; the last one from then on."""

_EVENTS: Final = """
    SELECT originator_version, topic, state FROM events
    WHERE originator_id = :ledger_id AND originator_version > :version
    ORDER BY originator_version LIMIT :limit
"""


class News(msgspec.Struct, frozen=True):
    """What a ledger was told after a version, in order, and the days that ended meanwhile.

    These are the days after `seen_day`, up to and with `over_day`. The rows stand where the head
    does, which may be further than the last of the events.
    """

    head: Head
    events: Sequence[RecordedEvent]
    seen_day: dt.date
    over_day: dt.date
    now: dt.datetime


Act = Callable[[Connection], Iterable[Task]]
"""Writes, with the ledger locked; gives what is to be enqueued once it is committed."""

Follower = Callable[[Connection, News], Act]
"""Reads what follows from news, on the snapshot that they are of.

What it gives is carried out once for every event, and may be again after it was rolled back.
"""


class _Plan(NamedTuple):
    before: Seen
    after: Seen
    acts: list[Act]
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
        self._left: list[UUID] = []
        self._resting: dict[UUID, tuple[int, float]] = {}

    @property
    def yesterday(self) -> dt.date:
        """The last day that is over in Tehran."""
        return _day_before(self._clock())

    @property
    def is_behind(self) -> bool:
        """Whether there is more to do at once: long news come in pieces, and others had a lock."""
        return bool(self._left)

    def follow(self, ledger_ids: Sequence[UUID]) -> None:
        """Have the followers act on the news of these ledgers, and of those that were left.

        Raises `StoreUnavailable`.
        """
        wanted = dict.fromkeys([*ledger_ids, *self._left, *self._resting])
        awake = [ledger_id for ledger_id in wanted if not self._rests(ledger_id)]
        self._left.clear()
        for place in range(0, len(awake), LEDGERS_AT_ONCE):
            some = awake[place : place + LEDGERS_AT_ONCE]
            try:
                self._commit(some)
            except StoreUnavailable:
                raise
            except Exception:  # noqa: BLE001  # which one it was, and what, is told when it is alone
                for ledger_id in some:
                    self._follow_alone(ledger_id)

    def _follow_alone(self, ledger_id: UUID) -> None:
        try:
            self._commit([ledger_id])
        except StoreUnavailable:
            raise
        except Exception:
            tries = self._resting.get(ledger_id, (0, 0.0))[0]
            seconds = RESTS_SECONDS[min(tries, len(RESTS_SECONDS) - 1)]
            self._resting[ledger_id] = (tries + 1, time.monotonic() + seconds)
            log.exception("ledger not followed", ledger_id=str(ledger_id), rests=seconds)

    def _rests(self, ledger_id: UUID) -> bool:
        return ledger_id in self._resting and time.monotonic() < self._resting[ledger_id][1]

    def _commit(self, some: list[UUID]) -> None:
        """Follow those of these ledgers that nobody is at, in one transaction; of all, not much."""
        plans = self._database.read(lambda c: self._plans(c, some))
        acted = self._database.write(lambda c: _carry_out(c, plans)) if plans else {}
        for ledger_id, tasks in acted.items():
            self._resting.pop(ledger_id, None)
            for task in tasks:
                self._enqueue(task)
        # Who has much to tell stands behind those who wait.
        left = [one for one in some if one not in acted]
        left += [one for one in acted if not plans[one].is_done]
        if left:
            yesterday = self.yesterday
            ahead = self._database.read(lambda c: ledgers_ahead(c, left, yesterday))
            self._left += [one for one in left if one in ahead]
            for gone in set(left).difference(ahead):  # erased, or somebody else followed it
                self._resting.pop(gone, None)

    def _plans(self, connection: Connection, some: list[UUID]) -> dict[UUID, _Plan]:
        """What is to be done about each of the first of these ledgers."""
        plans: dict[UUID, _Plan] = {}
        until, count = time.monotonic() + TOGETHER_SECONDS, 0
        for ledger_id in some:
            if plans and (count >= EVENTS_AT_ONCE or time.monotonic() >= until):
                break
            with suppress(LedgerMissing):  # erased
                plans[ledger_id] = plan = self._plan(connection, read_head(connection, ledger_id))
                count += plan.after.version - plan.before.version
        return plans

    def _plan(self, connection: Connection, head: Head) -> _Plan:
        now = self._clock()
        yesterday = _day_before(now)
        seen = seen_of(connection, head.ledger_id) or first_seen(connection, head, yesterday)
        events = _events_after(connection, seen)
        version = events[-1].version if events else seen.version
        is_done = version >= head.version
        # A day that ended is looked at when all that was told until then is known.
        day = max(seen.day, yesterday) if is_done else seen.day
        news = News(head, events, seen.day, day, now)
        acts = [follower(connection, news) for follower in self._followers]
        return _Plan(seen, Seen(head.ledger_id, version, day), acts, is_done)


def _carry_out(connection: Connection, plans: Mapping[UUID, _Plan]) -> dict[UUID, list[Task]]:
    """Do what was planned for those ledgers that can be locked, and that nobody followed since."""
    done = {}
    for ledger_id in lock_free_ledgers(connection, plans):
        plan = plans[ledger_id]
        seen = seen_of(connection, ledger_id) or begin_at(connection, plan.before)
        if seen == plan.before:
            done[ledger_id] = [task for act in plan.acts for task in act(connection)]
            see(connection, plan.after)
    return done


def _day_before(now: dt.datetime) -> dt.date:
    return today_in_tehran(now) - dt.timedelta(days=1)


def _events_after(connection: Connection, seen: Seen) -> list[RecordedEvent]:
    rows = connection.tuples(
        _EVENTS, ledger_id=seen.ledger_id, version=seen.version, limit=EVENTS_AT_ONCE
    )
    return [read_event(seen.ledger_id, *row) for row in rows]
