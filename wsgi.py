"""Wiring: the only place where the parts of the web process are put together."""
# ruff: noqa: E402

import gc

# What is imported stays: to look through it for garbage takes a quarter of the start.
gc.disable()

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.store.database import open_database
from domain.store.ledgers import LedgerStore
from domain.store.logs import configure_logs
from domain.store.settings import Settings, read_settings
from projections.rows import LedgerRows
from web.app import create_app
from web.leaving import leave_when_told
from web.metrics import observe_store
from web.services import Services
from workers.senders import chosen_sender
from workers.tether import LEAVE

REDIS_TIMEOUT_SECONDS = 2


def wired(settings: Settings) -> Services:
    """The parts as the settings want them; nothing is connected to before it is needed."""
    database = open_database(settings.database_url)
    database.observe = observe_store
    client = redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        # Once more, at once, on a fresh connection: the pooled one may be of before a
        # restart. The library's own ten tries would keep people waiting for a 503.
        retry=Retry(NoBackoff(), 1),
    )
    return Services(
        settings=settings,
        database=database,
        redis=client,
        ledgers=LedgerStore(database, LedgerRows),
        send_code=chosen_sender(settings, client),
    )


_settings = read_settings()
configure_logs(_settings.app_env)
app = create_app(wired(_settings))
leave_when_told(app, LEAVE)

# Nor is it looked through later: every thread would stand still for a tenth of a second.
gc.freeze()
gc.enable()
