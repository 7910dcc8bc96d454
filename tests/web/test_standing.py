"""Standing: every process learns within seconds who may not come in, and seldom asks."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import pytest
import redis
import requests
from flask import Flask
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.store import accounts
from domain.store.accounts import MOST_SESSIONS, CurrentAccount, Grant
from domain.store.database import Connection, Database, StoreUnavailable, open_database
from domain.store.erasure import erase
from domain.store.standing import list_ended
from tests.servers import LiveServer, wait_until
from tests.web.people import Person, bearer
from tests.web.test_over_http import sign_in as sign_in_over_http
from tests.web.test_sessions import claims_of, device, problem, signed
from web import standing
from web.app import create_app
from web.auth import EXTENSION
from web.services import Services
from web.standing import Stale, Standing

SignIn = Callable[..., Person]


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def session_of(person: Person) -> UUID:
    return UUID(claims_of(person.tokens["access_token"])["sid"])


def elsewhere(services: Services, person: Person) -> Person:
    """The same person, asking another process."""
    return replace(person, client=create_app(services).test_client())


class Counting(Database):
    """A database that counts how often it is read, and can be away."""

    def __init__(self, inner: Database) -> None:
        self.inner = inner
        self.reads = 0
        self.is_away = False

    def read(self, work):  # type: ignore[no-untyped-def]
        self.reads += 1
        if self.is_away:
            raise StoreUnavailable("away")
        return self.inner.read(work)


@pytest.fixture
def counting(database: Database) -> Counting:
    """The test's database, counted."""
    return Counting(database)


@pytest.fixture
def list_of(counting: Counting) -> Standing:
    """A process's list."""
    return Standing(counting, 900)


def somebody() -> CurrentAccount:
    return CurrentAccount(uuid4(), uuid4(), uuid4(), "person", is_suspended=False)


def end(database: Database, session_id: UUID, at: dt.datetime | None = None) -> None:
    """Have a session end, somewhere."""
    database.write(lambda c: list_ended(c, [{"id": session_id}], at or now()))


def test_a_session_ended_here_is_over_at_once(sign_in: SignIn, valkey: redis.Redis) -> None:
    phone, laptop = device(sign_in, valkey, "phone"), device(sign_in, valkey, "laptop")
    for person in (phone, laptop):
        assert person.get("/v1/me").status_code == 200
    laptop.delete(f"/v1/auth/sessions/{session_of(phone)}")
    assert problem(phone.get("/v1/balance")) == (401, "session_ended")


def test_another_process_learns_within_five_seconds(
    services: Services, sign_in: SignIn, valkey: redis.Redis
) -> None:
    phone, laptop = device(sign_in, valkey, "phone"), device(sign_in, valkey, "laptop")
    other = elsewhere(services, phone)
    assert other.get("/v1/balance").status_code == 200
    laptop.delete("/v1/auth/sessions")
    deadline = time.monotonic() + 5
    while other.get("/v1/balance").status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert problem(other.get("/v1/balance")) == (401, "session_ended")


def test_a_process_that_just_started_knows_before_it_serves(
    services: Services, sign_in: SignIn
) -> None:
    person = sign_in()
    person.post("/v1/auth/logout")
    assert problem(elsewhere(services, person).get("/v1/balance")) == (401, "session_ended")


def test_a_suspended_account_comes_back_when_resumed(
    app: Flask, sign_in: SignIn, database: Database
) -> None:
    person = sign_in()
    account_id = UUID(person.account_id)
    assert person.get("/v1/balance").status_code == 200
    assert database.write(lambda c: accounts.suspend(c, account_id, now()))
    app.extensions[EXTENSION].distrust()
    assert problem(person.get("/v1/balance")) == (403, "account_suspended")
    assert database.write(lambda c: accounts.resume(c, account_id, now()))
    app.extensions[EXTENSION].distrust()
    assert person.get("/v1/balance").status_code == 200


def test_a_role_counts_from_when_it_is_given(
    database: Database, sign_in: SignIn, list_of: Standing
) -> None:
    person = sign_in()
    account_id = UUID(person.account_id)
    claimed = CurrentAccount(account_id, session_of(person), uuid4(), "person", is_suspended=False)
    for role in ("auditor", "operator", "person"):
        assert database.write(lambda c, role=role: accounts.set_role(c, account_id, role, now()))  # type: ignore[misc]
        list_of.distrust()
        known = list_of.of(claimed)
        assert known is not None
        assert known.role == role
    assert claims_of(person.refresh().get_json()["access_token"])["role"] == "person"


def test_an_erased_persons_tokens_stop(database: Database, sign_in: SignIn, app: Flask) -> None:
    person = sign_in()
    ledger_id = UUID(person.get("/v1/me").get_json()["ledger_id"])
    database.write(lambda c: erase(c, ledger_id, now()))
    app.extensions[EXTENSION].distrust()
    assert problem(person.get("/v1/balance")) == (401, "session_ended")


def test_requests_share_one_look_a_second(list_of: Standing, counting: Counting) -> None:
    who = somebody()
    until = time.monotonic() + 2.5
    asked = 0
    while time.monotonic() < until:
        assert list_of.of(who) == who
        asked += 1
    assert asked > 1000
    assert counting.reads <= 3


def test_nobody_is_let_in_on_what_was_known_too_long_ago(
    list_of: Standing, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = somebody()
    assert list_of.of(who) == who
    counting.is_away = True
    monkeypatch.setattr(standing, "FRESH_SECONDS", 0.01)
    time.sleep(0.02)
    assert list_of.of(who) == who, "a second without the database is no reason"
    monkeypatch.setattr(standing, "STALE_SECONDS", 0.05)
    time.sleep(0.06)
    with pytest.raises(Stale):
        list_of.of(who)
    counting.is_away = False
    monkeypatch.undo()
    assert list_of.of(who) == who


def test_a_process_that_knows_nothing_lets_nobody_in(
    services: Services, sign_in: SignIn, counting: Counting
) -> None:
    person = sign_in()
    counting.is_away = True
    app = create_app(services)
    app.extensions[EXTENSION] = Standing(counting, 900)
    response = replace(person, client=app.test_client()).get("/v1/balance")
    assert problem(response) == (503, "store_unavailable")
    assert response.headers["Retry-After"] == "1"


def test_after_its_own_change_a_process_trusts_nothing_older(
    list_of: Standing, counting: Counting, database: Database
) -> None:
    who = somebody()
    assert list_of.of(who) == who
    end(database, who.session_id)
    list_of.distrust()
    counting.is_away = True
    with pytest.raises(Stale):
        list_of.of(who)
    counting.is_away = False
    assert list_of.of(who) is None


def test_a_look_that_began_before_a_change_does_not_count(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, looked, go_on = somebody(), threading.Event(), threading.Event()
    read = standing._read

    def slowly(connection: Connection, since: dt.datetime) -> object:
        found = read(connection, since)
        looked.set()
        go_on.wait(5)
        return found

    list_of = Standing(database, 900)
    monkeypatch.setattr(standing, "_read", slowly)
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(list_of.of, who)
        looked.wait(5)
        end(database, who.session_id)
        list_of.distrust()
        monkeypatch.setattr(standing, "_read", read)
        go_on.set()
        with pytest.raises(Stale):
            early.result()
    assert list_of.of(who) is None


def test_a_change_that_is_committed_late_is_not_missed(
    list_of: Standing, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, early = somebody(), somebody()
    monkeypatch.setattr(standing, "FRESH_SECONDS", 0)
    end(database, early.session_id)
    assert list_of.of(early) is None
    end(database, late.session_id, now() - dt.timedelta(seconds=30))
    assert list_of.of(late) is None


def test_what_no_token_can_outlive_is_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = somebody()
    end(database, who.session_id)
    list_of = Standing(database, 900)
    assert list_of.of(who) is None
    monkeypatch.setattr(standing, "FRESH_SECONDS", 0)
    monkeypatch.setattr(standing, "REREAD_SECONDS", 0)
    list_of._kept = dt.timedelta(0)
    assert list_of.of(who) == who
    assert list_of._ended == set()


def test_a_token_of_when_tokens_lived_longer_is_over(services: Services, sign_in: SignIn) -> None:
    person = sign_in()
    claims = claims_of(person.tokens["access_token"])
    aged = {**claims, "iat": claims["iat"] - 901}
    token = signed(aged, services.settings.jwt_secret_key)
    response = person.client.get("/v1/balance", headers=bearer(token))
    assert problem(response) == (401, "token_expired")


def test_without_redis_people_refresh_and_record(services: Services, sign_in: SignIn) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    person = elsewhere(replace(services, redis=away), sign_in())
    pair = person.refresh().get_json()
    person.tokens |= pair
    body = {"name": "خوراک", "kind": "expense"}
    assert person.post("/v1/categories", body).status_code == 201
    assert person.get("/v1/balance").status_code == 200
    assert person.post("/v1/auth/logout").status_code == 204
    assert problem(person.get("/v1/balance")) == (401, "session_ended")


def test_the_hundred_and_first_device_signs_the_oldest_out(
    app: Flask, sign_in: SignIn, database: Database
) -> None:
    person = sign_in()

    def sign_in_often(connection: Connection) -> None:
        for number in range(MOST_SESSIONS):
            at = now().replace(microsecond=0) + dt.timedelta(seconds=number + 1)
            later = at + dt.timedelta(days=14)
            grant = Grant(UUID(person.account_id), uuid4(), uuid4(), at, later)
            accounts.start_session(connection, grant, None)

    database.write(sign_in_often)
    app.extensions[EXTENSION].distrust()
    assert problem(person.get("/v1/balance")) == (401, "session_ended")
    assert problem(person.refresh()) == (401, "session_ended")
    live = database.read(lambda c: accounts.live_sessions(c, UUID(person.account_id), now()))
    assert len(live) == MOST_SESSIONS


def test_keys_change_without_signing_anybody_out(services: Services, sign_in: SignIn) -> None:
    old = services.settings.jwt_secret_key
    person = sign_in()
    settings = replace(
        services.settings, jwt_secret_key="n" * 48, jwt_previous_secret_keys=("o" * 48, old)
    )
    person = elsewhere(replace(services, settings=settings), person)
    assert person.get("/v1/balance").status_code == 200
    pair = person.refresh().get_json()
    assert jwt.get_unverified_header(pair["access_token"]) != jwt.get_unverified_header(
        person.tokens["access_token"]
    )
    gone = replace(settings, jwt_previous_secret_keys=())
    after = elsewhere(replace(services, settings=gone), person)
    assert problem(after.get("/v1/balance")) == (401, "token_invalid")
    assert problem(after.refresh()) == (401, "token_invalid")
    after.tokens = {**person.tokens, **pair}
    assert after.get("/v1/balance").status_code == 200
    assert after.refresh().status_code == 200


@pytest.mark.slow
def test_every_real_process_learns_that_a_session_ended(
    environ: dict[str, str], tmp_path: Path
) -> None:
    server = LiveServer(environ, tmp_path / "web.log", processes=3)
    server.start()
    try:
        tokens = sign_in_over_http(server)
        headers, url = bearer(tokens["access_token"]), f"{server.base_url}/v1/balance"
        statuses = {requests.get(url, headers=headers, timeout=10).status_code for _ in range(60)}
        assert statuses == {200}
        requests.post(f"{server.base_url}/v1/auth/logout", headers=headers, timeout=10)
        ended = time.monotonic()
        # A connection of its own each time: they spread over the processes.
        wait_until(
            lambda: all(
                requests.get(url, headers=headers, timeout=10).status_code == 401 for _ in range(60)
            )
        )
        assert time.monotonic() - ended < 5
    finally:
        server.stop()


def test_a_forgotten_database_stays_closed(settings: object, database_url: str) -> None:
    """Nothing reads in the background: there is no thread to outlive its app."""
    before = threading.active_count()
    database = open_database(database_url)
    Standing(database, 900).of(somebody())
    database.close()
    assert threading.active_count() == before
