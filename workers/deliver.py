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
        self._is_one_free = threading.Event()

    def __call__(self) -> None:
        """Look once."""
        self._served = {one: served for one, served in self._served.items() if not served.done()}
        free = THREADS - len(self._served)
        if not free:
            return
        try:
            due = self._database.read(lambda c: due_webhooks(c, utc_now(), THREADS * 2))
        except StoreUnavailable as error:
            log.warning("not delivered", reason=str(error))
            time.sleep(AWAY_SECONDS)
            return
        for one in [one for one in due if one not in self._served][:free]:
            self._served[one] = served = self._pool.submit(self._serve, *one)
            served.add_done_callback(lambda _: self._is_one_free.set())

    def wait(self, seconds: float) -> None:
        """Until it is time to look again; sooner when a thread is free."""
        self._is_one_free.wait(seconds)
        self._is_one_free.clear()

    def _serve(self, ledger_id: UUID, webhook_id: UUID) -> None:
        try:
            self._delivering.serve(ledger_id, webhook_id)
        except StoreUnavailable as error:
            log.warning("not delivered", webhook_id=str(webhook_id), reason=str(error))
        except Exception:
            # Its lease ends by itself, and then it is tried again.
            log.exception("webhook not served", webhook_id=str(webhook_id))


if __name__ == "__main__":
    main()
