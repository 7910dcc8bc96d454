"""An app on fresh databases, and people who sign in to it."""

from collections.abc import Callable, Iterator

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from domain.store.database import Database
from domain.store.ledgers import LedgerStore
from domain.store.settings import Settings
from projections.rows import LedgerRows
from tests.books import keep_rows_elsewhere
from tests.web.households import Clock
from tests.web.people import Outbox, Person, ledger_of
from tests.web.roles import give
from web.app import create_app
from web.services import Services


@pytest.fixture
def outbox() -> Outbox:
    """Where the app's codes go."""
    return Outbox()


@pytest.fixture
def valkey(valkey_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Valkey."""
    with redis.Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def clock() -> Clock:
    """The time as ledgers see it; `clock.set("1405-09-02")` stops it."""
    return Clock()


@pytest.fixture
def services(
    settings: Settings, database: Database, valkey: redis.Redis, outbox: Outbox, clock: Clock
) -> Services:
    """The parts of an app, real ones but for the outbox and the clock."""
    return Services(settings, database, valkey, LedgerStore(database, LedgerRows, clock), outbox)


@pytest.fixture
def person(sign_in: Callable[..., Person]) -> Person:
    """Somebody who is signed in."""
    return sign_in()


@pytest.fixture
def auditor(sign_in: Callable[..., Person], database: Database) -> Person:
    """Somebody who audits, and has a ledger of their own."""
    return give(database, sign_in("09120000001"), "auditor")


@pytest.fixture
def app(services: Services) -> Flask:
    """The app under test."""
    return create_app(services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who is not signed in."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask, outbox: Outbox, database: Database) -> Callable[..., Person]:
    """Signs people in: `sign_in()`, or `sign_in("09351112233")`. Once a minute per number."""

    def signed_in(phone: str = "09121234567", device: str | None = None) -> Person:
        person = outbox.sign_in(app, phone, device)
        if person.tokens["account"]["is_new"]:
            keep_rows_elsewhere(database, ledger_of(database, person.account_id))
        return person

    return signed_in
