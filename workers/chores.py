"""Chores: everything that the clock owes a ledger, once a day, all of it or nothing."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Literal
from uuid import UUID

import msgspec

from domain.auto_saving import SaveMonth
from domain.base import Refusal
from domain.calendar import today_in_tehran
from domain.occurrences import RecordDue
from domain.store.chores import (
    Range,
    advance,
    begin_round,
    has_round,
    ranges_of_due,
    task_of_range,
    wanted_range,
    wanted_ranges,
)
from domain.store.database import StoreUnavailable
from domain.store.ledgers import Bracket, LedgerMissing, LedgerStore, utc_now
from domain.store.logs import get_logger
from domain.store.queue import Task
from projections.due import due_between, due_ledgers
from workers.chore_notices import tell_of_drafts, tell_of_savings

NOTE_SECONDS: Final = 0.5
TOGETHER: Final = 8
"""Ledgers that are done at once: they share a commit, as commands do that wait together."""

MOST_MONTHS: Final = 24
"""Of one transaction; what a ledger is owed beyond that follows in the next one."""

ACTOR: Final = "worker:chores"
RECURRER: Final = "worker:recurring"
SAVER: Final = "worker:auto-saving"

log = get_logger()

Outcome = Literal["done", "failed", "locked"]

Chore = Callable[[Bracket], bool]
"""Records what is due of its kind; False when it had to leave some for another transaction."""


def record_due(bracket: Bracket) -> bool:
    """What recurs and is due by today, oldest first.

    It is kept before anything else is tried: nothing that is refused later takes it back.
    """
    recorded = bracket.record(RecordDue(), actor=RECURRER)
    tell_of_drafts(bracket, recorded)
    return not recorded


def save_months(bracket: Bracket) -> bool:
    """The surplus of each Jalali month that has ended, oldest first; and its person is told."""
    return any(not _save_month(bracket) for _ in range(MOST_MONTHS))


def _save_month(bracket: Bracket) -> bool:
    """Whether there was a month to save."""
    recorded = bracket.record(SaveMonth(), actor=SAVER)
    tell_of_savings(bracket, recorded)
    return bool(recorded)


CHORES: Final[tuple[Chore, ...]] = (record_due, save_months)
"""In this order: what is recorded by itself is part of what is left over."""


def do_chores(bracket: Bracket) -> bool:
    """Do what a ledger is owed; False when more of it is left. The later ones wait for it."""
    return all(chore(bracket) for chore in CHORES)


def begin_chores(store: LedgerStore) -> list[Task]:
    """Find out what is due today, once; gives what is still to be handed out of it.

    It may run twice, and at once. Raises `StoreUnavailable`.
    """
    database, now = store.database, store.clock()
    today = today_in_tehran(now)
    if not database.read(lambda c: has_round(c, today)):
        with database.reading() as connection:
            ranges, count = ranges_of_due(due_ledgers(connection, today))
        begin = partial(begin_round, day=today, ranges=ranges, due=count, now=utc_now())
        if database.write(begin):
            log.info("chores begun", day=today.isoformat(), ledgers=count)
    return [task_of_range(one) for one in database.read(wanted_ranges)]


def run_range(store: LedgerStore, day: dt.date, number: int) -> tuple[int, int]:
    """Do the chores of the ledgers in a range; for how many it was done, and for how many not.

    It goes on where an earlier run was killed, and may run twice at once: who is behind stops.
    Raises `StoreUnavailable`.
    """
    found = store.database.read(lambda c: wanted_range(c, day, number))
    return (0, 0) if found is None else _Run(store, found).go()


class _Run:
    def __init__(self, store: LedgerStore, found: Range) -> None:
        self._store = store
        self._begun = self._noted = self._now = found
        self._noted_at = time.monotonic()
        self._is_passed = False

    def go(self) -> tuple[int, int]:
        if self._note():
            self._go_through()
        return self._now.done - self._begun.done, self._now.failed - self._begun.failed

    def _go_through(self) -> None:
        due = self._due()
        with ThreadPoolExecutor(TOGETHER) as pool:
            for place in range(0, len(due), TOGETHER):
                some = due[place : place + TOGETHER]
                self._count(some[-1], Counter(pool.map(self._do, some)))
                is_time = time.monotonic() - self._noted_at >= NOTE_SECONDS
                if is_time and not self._note():
                    return
        if self._note(is_done=not self._is_passed) and self._is_passed:
            raise StoreUnavailable("some ledgers were locked for too long")

    def _count(self, last: UUID, outcomes: Counter[Outcome]) -> None:
        """Go on behind these; whoever tries again begins before the first that was locked."""
        if outcomes.keys() == {"locked"}:
            raise StoreUnavailable("none of several ledgers could be written")
        self._is_passed = self._is_passed or outcomes["locked"] > 0
        self._now = msgspec.structs.replace(
            self._now,
            reached=self._now.reached if self._is_passed else last,
            done=self._now.done + outcomes["done"],
            failed=self._now.failed + outcomes["failed"],
        )

    def _due(self) -> list[UUID]:
        today = today_in_tehran(self._store.clock())
        after, until = self._now.reached, self._now.until
        return self._store.database.read(lambda c: due_between(c, after, until, today))

    def _do(self, ledger_id: UUID) -> Outcome:
        """What became of a ledger; one that cannot be done holds up no other."""
        try:
            while not self._store.transact(ledger_id, ACTOR, do_chores):
                pass
        except LedgerMissing:
            pass  # erased
        except StoreUnavailable as error:
            log.warning("chores put off", ledger_id=str(ledger_id), reason=str(error))
            return "locked"  # or the database is away; the queue tries again
        except Refusal as refusal:
            log.warning("chores refused", ledger_id=str(ledger_id), problem=refusal.code)
            return "failed"
        except Exception:
            log.exception("chores failed", ledger_id=str(ledger_id))
            return "failed"
        return "done"

    def _note(self, *, is_done: bool = False) -> bool:
        """Write down how far it is; False when it is not to go on."""
        after = msgspec.structs.replace(self._now, is_done=is_done, updated_at=utc_now())
        noted = self._store.database.write(partial(advance, before=self._noted, after=after))
        self._noted = self._now = after
        self._noted_at = time.monotonic()
        return noted
