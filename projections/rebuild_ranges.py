"""Rebuilding many ledgers: one range of them after another, noting twice a second how far it is."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from domain.store.database import Database, StoreUnavailable
from domain.store.ledgers import utc_now
from domain.store.logs import get_logger
from domain.store.rebuilds import (
    Range,
    advance,
    end_rebuild,
    forget_old_rebuilds,
    ledger_ids,
    wanted_range,
)
from projections.rebuild import MOST_NAMED, Verdict, rebuild_ledger
from projections.row_sets import clear_neglected

NOTE_SECONDS: Final = 0.5
AT_ONCE: Final = 100

log = get_logger()


def run_range(
    database: Database,
    rebuild_id: UUID,
    number: int,
    tell: Callable[[Verdict], None] | None = None,
) -> None:
    """Rebuild the ledgers of a range; go on where an earlier run was killed.

    It may run twice at once: who is behind stops. A rebuild that is cancelled stops within half
    a second and one ledger. `tell` hears of each ledger.
    """
    found = database.read(partial(wanted_range, rebuild_id=rebuild_id, number=number))
    if found is None:
        return
    try:
        _Run(database, found, tell).go()
    except StoreUnavailable:
        raise  # the queue tries again
    except Exception:
        end = partial(end_rebuild, rebuild_id=rebuild_id, status="failed", now=utc_now())
        database.write(end)
        raise


def tend_rebuilds(database: Database) -> None:
    """Remove what killed rebuilds left half built, and forget rebuilds that are long over."""
    clear_neglected(database, utc_now())
    database.write(partial(forget_old_rebuilds, now=utc_now()))


class _Run:
    def __init__(
        self, database: Database, found: Range, tell: Callable[[Verdict], None] | None
    ) -> None:
        self._database = database
        self._noted = self._now = found
        self._tell = tell
        self._most_named = 0 if tell is None else MOST_NAMED
        self._noted_at = time.monotonic()

    def go(self) -> None:
        if not self._note():
            return
        while ids := self._next_ids():
            for ledger_id in ids:
                self._add(rebuild_ledger(self._database, ledger_id, most_named=self._most_named))
                is_time = time.monotonic() - self._noted_at >= NOTE_SECONDS
                if is_time and not self._note():
                    return
        self._note(is_done=True)

    def _next_ids(self) -> list[UUID]:
        after, until = self._now.reached, self._now.until
        return self._database.read(partial(ledger_ids, after=after, until=until, limit=AT_ONCE))

    def _add(self, verdict: Verdict) -> None:
        now = self._now
        self._now = msgspec.structs.replace(
            now,
            reached=verdict.ledger_id,
            ledgers=now.ledgers + 1,
            events=now.events + verdict.events,
            repaired=now.repaired + bool(verdict.wrong),
        )
        if verdict.wrong:
            log.warning("ledger put right", ledger_id=str(verdict.ledger_id), rows=verdict.wrong)
        if verdict.quarantine is not None:
            found = {"version": verdict.quarantine.version, "reason": verdict.quarantine.reason}
            log.warning("ledger in quarantine", ledger_id=str(verdict.ledger_id), **found)
        if self._tell is not None:
            self._tell(verdict)

    def _note(self, *, is_done: bool = False) -> bool:
        """Write down how far it is; False when it is not to go on."""
        now = time.monotonic()
        seconds = self._now.seconds + now - self._noted_at
        after = msgspec.structs.replace(
            self._now, seconds=seconds, is_done=is_done, updated_at=utc_now()
        )
        noted = self._database.write(partial(advance, before=self._noted, after=after))
        self._noted = self._now = after
        self._noted_at = time.monotonic()
        return noted
