"""Standing: whose session ended and whose account changed, as this process knows it.

Tokens say who somebody is, so a request asks the database nothing about it. What tokens cannot
know is read here, at most once a second, by whichever request comes first; nobody is let in on
knowledge older than five seconds.
"""

import datetime as dt
import logging
import math
import threading
import time
from typing import Final
from uuid import UUID

import msgspec

from domain.store.accounts import CurrentAccount
from domain.store.database import Connection, Database, StoreUnavailable
from domain.store.ledgers import utc_now
from domain.store.standing import ChangedAccount, changed_accounts, ended_sessions

log = logging.getLogger("web.standing")

FRESH_SECONDS: Final = 1
STALE_SECONDS: Final = 5
WAIT_SECONDS: Final = 1
REREAD_SECONDS: Final = 60
OVERLAP: Final = dt.timedelta(seconds=60)
"""Read again each time: a change is dated before it is committed, by another host's clock."""


class Stale(StoreUnavailable):
    """The list could not be read for too long: nobody can be told to be signed in still."""


class Standing:
    """What one process knows. Nothing is read before somebody asks."""

    def __init__(self, database: Database, token_seconds: int) -> None:
        self._database = database
        self._kept = dt.timedelta(seconds=token_seconds) + OVERLAP
        self._loading = threading.Lock()
        self._ended: set[UUID] = set()
        self._changed: dict[UUID, ChangedAccount] = {}
        self._read_until = utc_now()
        self._known_at = -math.inf
        self._reread_at = -math.inf
        self._distrusted_at = -math.inf

    def of(self, claimed: CurrentAccount) -> CurrentAccount | None:
        """Whoever a token names, as they are now; None when the session is over.

        Raises `Stale`.
        """
        self._keep_up()
        if claimed.session_id in self._ended:
            return None
        changed = self._changed.get(claimed.account_id)
        if changed is None:
            return claimed
        return msgspec.structs.replace(
            claimed, role=changed.role, is_suspended=changed.is_suspended
        )

    def distrust(self) -> None:
        """Read the list before anybody else is let in: this process has just changed it."""
        self._distrusted_at = time.monotonic()

    def _keep_up(self) -> None:
        if self._is_known_for(FRESH_SECONDS):
            return
        # One reads; the others go on with what is known, while that is good enough.
        must = not self._is_known_for(STALE_SECONDS)
        if self._loading.acquire(blocking=must, timeout=WAIT_SECONDS if must else -1):
            try:
                if not self._is_known_for(FRESH_SECONDS):
                    self._load()
            except StoreUnavailable as error:
                log.warning("ended sessions cannot be read: %s", error)
            finally:
                self._loading.release()
        if not self._is_known_for(STALE_SECONDS):
            raise Stale

    def _is_known_for(self, seconds: float) -> bool:
        return self._known_at > self._distrusted_at and time.monotonic() - self._known_at < seconds

    def _load(self) -> None:
        started, now = time.monotonic(), utc_now()
        # All of it now and then: that forgets what is too old, and finds what came very late.
        is_whole = started - self._reread_at >= REREAD_SECONDS
        since = now - self._kept if is_whole else self._read_until - OVERLAP
        ended, changed = self._database.read(lambda connection: _read(connection, since))
        known = {account.id: account for account in changed}
        if is_whole:
            self._ended, self._changed, self._reread_at = set(ended), known, started
        else:
            self._ended.update(ended)
            self._changed.update(known)
        self._read_until, self._known_at = now, started


def _read(connection: Connection, since: dt.datetime) -> tuple[list[UUID], list[ChangedAccount]]:
    return ended_sessions(connection, since), changed_accounts(connection, since)
