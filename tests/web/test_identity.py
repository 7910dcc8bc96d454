"""Accounts: made at the first sign-in, one for each number, each with its ledger."""

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch
from uuid import UUID

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from domain.store import accounts
from domain.store.database import Database, StoreUnavailable
from domain.store.ledgers import LedgerStore
from tests.web.people import Outbox, Person

SignIn = Callable[..., Person]


def count(database: Database, table: str) -> int:
    with database.reading() as connection:
        row = connection.one(f"SELECT count(*) AS count FROM {table}")
        assert row is not None
        return int(row["count"])


def forget_cooldowns(valkey: redis.Redis) -> None:
    for key in valkey.scan_iter("otp:phone:*"):
        valkey.delete(key)


def test_the_first_sign_in_makes_an_account_with_a_ledger(
    sign_in: SignIn, database: Database
) -> None:
    began = time.monotonic()
    person = sign_in("۰۹۱۲ ۱۲۳ ۴۵۶۷")
    seconds = time.monotonic() - began
    account = person.tokens["account"]
    assert account == {
        "id": account["id"],
        "phone": "+989121234567",
        "first_name": None,
        "last_name": None,
        "role": "person",
        "is_new": True,
    }
    assert person.tokens["token_type"] == "Bearer"
    # Counted from the beginning of the second that they were made in.
    for name, whole in (("expires_in", 900), ("refresh_expires_in", 14 * 24 * 3600)):
        assert 0 <= whole - person.tokens[name] < 1 + seconds
    assert [count(database, table) for table in ("accounts", "ledgers", "events")] == [1, 1, 1]


def test_the_next_sign_in_finds_the_account(
    sign_in: SignIn, valkey: redis.Redis, database: Database
) -> None:
    first = sign_in()
    forget_cooldowns(valkey)
    second = sign_in("+98 912 1234567")
    assert second.account_id == first.account_id
    assert second.tokens["account"]["is_new"] is False
    assert [count(database, table) for table in ("accounts", "sessions")] == [1, 2]


def test_simultaneous_first_sign_ins_make_one_account(
    app: Flask, outbox: Outbox, valkey: redis.Redis, database: Database
) -> None:
    bodies = []
    for _ in range(3):
        bodies.append(outbox.ask_for_code(app, "09121234567"))
        newest = next(iter(valkey.scan_iter("otp:phone:*")))
        valkey.delete(newest)
    with ThreadPoolExecutor(3) as pool:
        answers = list(
            pool.map(lambda body: app.test_client().post("/v1/auth/token", json=body), bodies)
        )
    assert [answer.status_code for answer in answers] == [200] * 3
    found = [answer.get_json()["account"] for answer in answers]
    assert len({account["id"] for account in found}) == 1
    assert [account["is_new"] for account in found].count(True) == 1
    assert [count(database, table) for table in ("accounts", "ledgers", "events")] == [1, 1, 1]


def test_no_account_is_made_without_its_ledger(
    app: Flask, outbox: Outbox, database: Database
) -> None:
    body = outbox.ask_for_code(app, "09121234567")
    with patch.object(LedgerStore, "open_ledger", side_effect=StoreUnavailable("gone")):
        answer = app.test_client().post("/v1/auth/token", json=body)
    assert answer.status_code == 503
    assert [count(database, table) for table in ("accounts", "ledgers")] == [0, 0]


def test_the_events_name_nobody(sign_in: SignIn, database: Database) -> None:
    person = sign_in()
    person.patch("/v1/me", {"first_name": "مریم"})
    with database.reading() as connection:
        states = b"".join(bytes(row["state"]) for row in connection.all("SELECT state FROM events"))
    assert b"9121234567" not in states
    assert "مریم".encode() not in states


def test_a_profile_is_read_and_changed(sign_in: SignIn) -> None:
    person = sign_in()
    before = person.get("/v1/me").get_json()
    assert before["phone"] == "+989121234567"
    assert UUID(before["ledger_id"]) != UUID(before["id"])
    after = person.patch("/v1/me", {"first_name": "مریم", "last_name": "میرزاخانی"}).get_json()
    assert after == {**before, "first_name": "مریم", "last_name": "میرزاخانی"}
    assert person.get("/v1/me").get_json() == after
    person.patch("/v1/me", {"last_name": None})
    assert person.get("/v1/me").get_json() == {**after, "last_name": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"first_name": ""}, "first_name"),
        ({"first_name": "a" * 101}, "first_name"),
        ({"first_name": 5}, "first_name"),
        ({"phone": "09351112233"}, "phone"),
        ({"role": "operator"}, "role"),
        ([], ""),
    ],
)
def test_a_profile_takes_names_only(sign_in: SignIn, body: object, field: str) -> None:
    answer = sign_in().patch("/v1/me", body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]


def test_a_suspended_person_is_turned_away(
    app: Flask, outbox: Outbox, sign_in: SignIn, valkey: redis.Redis, database: Database
) -> None:
    person = sign_in()
    account_id, now = UUID(person.account_id), dt.datetime.now(dt.UTC)
    database.write(lambda connection: accounts.suspend(connection, account_id, now))
    time.sleep(1.1)
    forget_cooldowns(valkey)
    body = outbox.ask_for_code(app, "09121234567")
    refused = [
        app.test_client().post("/v1/auth/token", json=body),
        person.get("/v1/me"),
        person.refresh(),
    ]
    for answer in refused:
        assert (answer.status_code, answer.get_json()["code"]) == (403, "account_suspended")
    assert count(database, "sessions") == 1


@pytest.mark.parametrize("missing", ["phone", "code", "request_id"])
def test_every_part_of_a_sign_in_is_required(
    app: Flask, outbox: Outbox, client: FlaskClient, missing: str
) -> None:
    body = outbox.ask_for_code(app, "09121234567")
    del body[missing]
    answer = client.post("/v1/auth/token", json=body)
    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert (error["field"], error["code"]) == (missing, "required")
