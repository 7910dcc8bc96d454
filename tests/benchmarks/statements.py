"""How many SQL statements an answer costs; on SQLite, where a connection tells each of them."""

import sqlite3

import redis
import sqlalchemy as sa
from werkzeug.test import TestResponse

from domain.store.database import open_database
from domain.store.ledgers import LedgerStore
from domain.store.settings import Settings
from projections.rows import LedgerRows
from tests.benchmarks.driver import headers_of, method_of
from tests.benchmarks.plan import Case
from web.app import create_app
from web.services import Services
from workers.senders import chosen_sender


def statements_of(settings: Settings, cases: list[Case]) -> dict[str, int]:
    """The statements of one request of each case, BEGIN and COMMIT too."""
    heard: list[str] = []

    def listen(raw: sqlite3.Connection, _record: object) -> None:
        raw.set_trace_callback(heard.append)

    database = open_database(settings.database_url)
    sa.event.listen(database.engine, "connect", listen)
    store = LedgerStore(database, LedgerRows)
    with redis.Redis.from_url(settings.redis_url) as client:
        app = create_app(
            Services(settings, database, client, store, chosen_sender(settings, client))
        ).test_client()

        def ask(case: Case, key: str) -> TestResponse:
            one = case.requests[0]
            headers = headers_of(one) | ({"Idempotency-Key": key} if case.is_keyed else {})
            return app.open(one.path, method=method_of(one), data=one.body, headers=headers)

        counts = {}
        for case in cases:
            assert ask(case, "statements-of-the-first").status_code < 400  # opens a connection
            heard.clear()
            assert ask(case, "statements-of-the-second").status_code < 400
            counts[case.name] = len(heard)
    database.close()
    return counts
