"""Verifying a share of all ledgers in a night: what was changed or broken is found in a month."""

import datetime as dt
import time
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from domain.store.database import Database, StoreUnavailable
from domain.store.ledgers import LedgerMissing, utc_now
from domain.store.logs import get_logger
from domain.store.verification_nights import FIRST, Night, advance, find_night
from projections.verification import verify_ledger
from projections.whole_store import ids_after

NOTE_SECONDS: Final = 0.5

log = get_logger()


def verify_night(database: Database, night: dt.date) -> tuple[int, int]:
    """Verify a night's share; how many ledgers were found right, and how many astray.

    It goes on where an earlier run was killed, and may run twice at once: who is behind stops.
    Raises `StoreUnavailable`.
    """
    found = database.read(partial(find_night, night=night))
    return (0, 0) if found is None or found.is_done else _Run(database, found).go()


class _Run:
    def __init__(self, database: Database, found: Night) -> None:
        self._database = database
        self._begun = self._noted = self._now = found
        self._noted_at = time.monotonic()

    def go(self) -> tuple[int, int]:
        if self._note():
            self._go_round()
        astray = self._now.astray - self._begun.astray
        return self._now.verified - self._begun.verified - astray, astray

    def _go_round(self) -> None:
        while self._now.verified < self._now.share and (ids := self._next_ids()):
            for ledger_id in ids[: self._now.share - self._now.verified]:
                is_right = self._is_right(ledger_id)
                self._now = msgspec.structs.replace(
                    self._now,
                    reached=ledger_id,
                    verified=self._now.verified + 1,
                    astray=self._now.astray + (not is_right),
                )
                is_time = time.monotonic() - self._noted_at >= NOTE_SECONDS
                if is_time and not self._note():
                    return
        self._note(is_done=True)

    def _next_ids(self) -> list[UUID]:
        """The next ledgers; after the last one, the first ones again."""
        ids = self._database.read(partial(ids_after, after=self._now.reached))
        return ids or self._database.read(partial(ids_after, after=FIRST))

    def _is_right(self, ledger_id: UUID) -> bool:
        try:
            verified = verify_ledger(self._database, ledger_id)
        except LedgerMissing:
            return True  # erased
        except StoreUnavailable:
            raise  # the queue tries again
        except Exception:
            log.exception("ledger cannot be verified", ledger_id=str(ledger_id))
            return False
        if not verified.ok:
            codes = sorted({finding.code for finding in verified.findings})
            log.error(
                "ledger astray", ledger_id=str(ledger_id), findings=verified.found, codes=codes
            )
        return verified.ok

    def _note(self, *, is_done: bool = False) -> bool:
        """Write down how far it is; False when it is not to go on."""
        after = msgspec.structs.replace(self._now, is_done=is_done, updated_at=utc_now())
        noted = self._database.write(partial(advance, before=self._noted, after=after))
        self._noted = self._now = after
        self._noted_at = time.monotonic()
        return noted
