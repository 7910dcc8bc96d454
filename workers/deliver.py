"""The process that sends to webhooks: it looks in the database, and asks Redis for nothing."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final
from uuid import UUID

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.store.database import Database, StoreUnavailable, open_database
from domain.store.deliveries import due_webhooks
from domain.store.ledgers import utc_now
from domain.store.logs import configure_logs, get_logger
from domain.store.sealing import sealer
from domain.store.settings import read_settings
from domain.store.webhooks import SEALED_FOR
from workers.delivering import Delivering, counted_in
from workers.outbound import Outbound

log = get_logger()

LOOK_EVERY_SECONDS: Final = 0.3
AWAY_SECONDS: Final = 5
THREADS: Final = 12
"""Webhooks served at once; four connections to the database are left over."""

SLOW_THREADS: Final = 8
"""So many of them at most serve ledgers whose receivers are slow: the others do not wait for it."""

SLOW_SECONDS: Final = 2.0
SLOW_FOR_SECONDS: Final = 600.0
DUE_AT_ONCE: Final = 1000


def main() -> None:
    """`python -m workers.deliver`: until it is told to end, which it may be anywhere."""
    settings = read_settings()
    configure_logs(settings.app_env)
    redis = Redis.from_url(settings.redis_url, retry=Retry(NoBackoff(), 1))
    database = open_database(settings.database_url)
    delivering = Delivering(
        database,
        Outbound(settings.webhook_allowed_networks),
        sealer(settings.webhook_key, SEALED_FOR),
        counted_in(redis),
    )
    look = Look(database, delivering)
    while True:
        look()
        look.wait(LOOK_EVERY_SECONDS)


class Look:
    """Finds webhooks that something is due to, and has each served in a thread of its own."""

    def __init__(self, database: Database, delivering: Delivering) -> None:
        self._database = database
        self._delivering = delivering
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="deliver")
        self._served: dict[tuple[UUID, UUID], Future[None]] = {}
        self._slow_until: dict[UUID, float] = {}
        self._is_one_free = threading.Event()

    def __call__(self) -> None:
        """Look once."""
        self._served = {one: served for one, served in self._served.items() if not served.done()}
        if len(self._served) >= THREADS:
            return
        try:
            due = self._database.read(lambda c: due_webhooks(c, utc_now(), DUE_AT_ONCE))
        except StoreUnavailable as error:
            log.warning("not delivered", reason=str(error))
            time.sleep(AWAY_SECONDS)
            return
        for one in self._chosen(due):
            self._served[one] = served = self._pool.submit(self._serve, *one)
            served.add_done_callback(lambda _: self._is_one_free.set())

    def wait(self, seconds: float) -> None:
        """Until it is time to look again; sooner when a thread is free."""
        self._is_one_free.wait(seconds)
        self._is_one_free.clear()

    def _chosen(self, due: list[tuple[UUID, UUID]]) -> list[tuple[UUID, UUID]]:
        """Those of the due that are served next, in their order."""
        now = time.monotonic()
        for ledger_id, until in list(self._slow_until.items()):
            if until <= now:
                del self._slow_until[ledger_id]
        slow = set(self._slow_until)
        free = THREADS - len(self._served)
        free_to_slow = SLOW_THREADS - sum(ledger_id in slow for ledger_id, _ in self._served)
        chosen: list[tuple[UUID, UUID]] = []
        for one in due:
            if len(chosen) == free:
                break
            is_slow = one[0] in slow
            if one not in self._served and not (is_slow and free_to_slow <= 0):
                free_to_slow -= is_slow
                chosen.append(one)
        return chosen

    def _serve(self, ledger_id: UUID, webhook_id: UUID) -> None:
        try:
            if self._delivering.serve(ledger_id, webhook_id) > SLOW_SECONDS:
                self._slow_until[ledger_id] = time.monotonic() + SLOW_FOR_SECONDS
        except StoreUnavailable as error:
            log.warning("not delivered", webhook_id=str(webhook_id), reason=str(error))
        except Exception:
            # Its lease ends by itself, and then it is tried again.
            log.exception("webhook not served", webhook_id=str(webhook_id))


if __name__ == "__main__":
    main()
