"""Erasing oneself: with a fresh code only, wholly, and nobody else with it."""

import datetime as dt
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from domain.store.database import Connection, Database
from domain.store.erasure import (
    ACCOUNT_TABLES,
    IMPERSONAL_TABLES,
    LEDGER_TABLES,
    erase,
    scrub_after_erasures,
    tombstones,
)
from domain.store.ledgers import read_head, utc_now
from domain.store.notices import Channels, Wishes, keep_wishes, tell
from projections.indexing import index_descriptions
from tests.system.auditor import audited
from tests.traces import table_names, traces, traces_in_files
from tests.web.households import add_category, flaws, record, refused
from tests.web.people import Outbox, Person
from web.services import Services
from workers.follow import FOLLOWERS, Look
from workers.following import Following

SignIn = Callable[..., Person]

PHONE = "09121234567"
STRANGER = "09351112233"
SECRET = "لواشک-برای-عمه-زری"
# What `settle_in` leaves rows in: every table of a person, but those of files, jobs and rebuilds.
LIVED_IN = {*LEDGER_TABLES, *ACCOUNT_TABLES} - {
    "imports",
    "exports",
    "export_chunks",
    "import_chunks",
    "import_rows",
    "jobs",
    "row_sets",
    "quarantines",
    "rebuilds",
}
SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRES_ONLY = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


@pytest.fixture
def fresh_code(app: Flask, outbox: Outbox, valkey: redis.Redis) -> Callable[[str], dict[str, str]]:
    """Sends a code, however lately another was sent: `{phone, request_id, code}`."""

    def ask(phone: str = PHONE) -> dict[str, str]:
        for counts in ("otp:phone:*", "otp:tried:*"):
            for key in valkey.scan_iter(counts):
                valkey.delete(key)
        return outbox.ask_for_code(app, phone)

    return ask


FreshCode = Callable[..., dict[str, str]]


def settle_in(person: Person, secret: str = SECRET) -> UUID:
    """A life in every table, and the ledger it is in."""
    named = person.patch("/v1/me", {"first_name": secret, "last_name": "رازدار"})
    food = add_category(person, "expense", "خوراک")
    headers = {"Idempotency-Key": "bread"}
    body = {"category_id": food, "amount": 5000, "description": secret}
    entry = person.post("/v1/transactions", body, headers=headers).get_json()
    person.patch(f"/v1/transactions/{entry['id']}", {"amount": 6000})
    record(person, add_category(person, "savings", "سفر"), 100, description=secret)
    budget = {"category_id": food, "max_amount": 9000, "start": "1405-08-01", "end": "1405-08-30"}
    assert person.post("/v1/budgets", budget).status_code == 201
    hook = person.post("/v1/webhooks", {"url": "https://example.ir", "events": ["*"]}).get_json()
    assert person.post(f"/v1/webhooks/{hook['id']}/test").status_code == 202
    daily = {"category_id": food, "amount": 9000, "period": "day", "mode": "draft"}
    assert person.post("/v1/recurrences", {**daily, "description": secret}).status_code == 201
    savings = add_category(person, "savings", "هدف")
    goal = {"category_id": savings, "target_amount": 9000, "name": secret}
    assert person.post("/v1/goals", goal).status_code == 201
    policy = person.ask("PUT", "/v1/savings/policy", json={"enabled": True, "keep": 1})
    assert policy.status_code == 200
    return UUID(named.get_json()["ledger_id"])


def be_told_of_things(database: Database, ledger_id: UUID) -> None:
    """A notice, and a wish to hear of such things."""
    wishes = Wishes("fa", {"sign_in": Channels(sms=True)})
    now, data = utc_now(), {"device": str(ledger_id)}
    database.write(lambda c: keep_wishes(c, ledger_id, wishes))
    assert database.write(lambda c: tell(c, ledger_id, "sign_in", "one", data, now)) != []


def test_nothing_is_left_but_a_tombstone(
    sign_in: SignIn, fresh_code: FreshCode, database: Database, services: Services
) -> None:
    person, stranger = sign_in(PHONE, SECRET), sign_in(STRANGER)
    ledger_id, strangers = settle_in(person), settle_in(stranger, "همسایه")
    account_id = UUID(person.account_id)
    for indexed in (ledger_id, strangers):
        index_descriptions(database, indexed)
        be_told_of_things(database, indexed)
    Look(database, Following(database, lambda _task: None, FOLLOWERS))()
    head = database.read(lambda connection: read_head(connection, ledger_id))
    assert traces(database, account_id, ledger_id, head.rows_id) == LIVED_IN

    response = person.delete("/v1/me", json=fresh_code())

    assert (response.status_code, response.data) == (204, b"")
    assert traces(database, account_id, "+989121234567", SECRET) == set()
    assert traces(database, ledger_id, head.rows_id) == {"tombstones"}
    [stone] = database.read(tombstones)
    assert (stone.ledger_id, stone.version, stone.digest) == (
        ledger_id,
        head.version,
        head.digest,
    )
    assert dt.datetime.now(dt.UTC) - stone.erased_at < dt.timedelta(minutes=1)
    others = database.read(lambda connection: read_head(connection, strangers))
    assert traces(database, strangers, others.rows_id, UUID(stranger.account_id)) == LIVED_IN
    assert audited(services.settings.database_url, strangers).version == others.version
    assert stranger.get("/v1/balance").get_json()["balance"] == -6100


def test_every_table_is_known_to_the_erasure(database: Database) -> None:
    known = {*LEDGER_TABLES, *ACCOUNT_TABLES, *IMPERSONAL_TABLES}
    unknown = database.read(table_names) ^ known
    assert unknown == set(), (
        f"domain/store/erasure.py does not agree with the migrations about {sorted(unknown)}:"
        " a table with rows of a ledger or a person belongs in one of its lists"
    )


def test_each_of_those_tables_has_the_column_that_says_whose_it_is(database: Database) -> None:
    with database.reading() as connection:
        for table, column in {**LEDGER_TABLES, **ACCOUNT_TABLES}.items():
            assert connection.all(f"SELECT {column} FROM {table}") == []
    assert set(LEDGER_TABLES.values()) == {"ledger_id", "originator_id"}


def test_tokens_of_an_erased_person_are_over(sign_in: SignIn, fresh_code: FreshCode) -> None:
    person = sign_in()
    assert person.delete("/v1/me", json=fresh_code()).status_code == 204
    for response in (
        person.get("/v1/me"),
        person.get("/v1/balance"),
        person.get("/v1/auth/sessions"),
        person.post("/v1/categories", {"name": "خوراک", "kind": "expense"}),
        person.delete("/v1/me", json=fresh_code()),
        person.refresh(),
    ):
        refused(response, 401, "session_ended")
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_the_same_number_begins_anew(
    sign_in: SignIn, fresh_code: FreshCode, app: Flask, database: Database
) -> None:
    old = sign_in()
    ledger_id = settle_in(old)
    old.delete("/v1/me", json=fresh_code())

    answer = app.test_client().post("/v1/auth/token", json=fresh_code())

    new = Person(app.test_client(), PHONE, answer.get_json())
    assert new.tokens["account"]["is_new"]
    assert new.tokens["account"]["first_name"] is None
    assert new.account_id != old.account_id
    assert new.get("/v1/me").get_json()["ledger_id"] != str(ledger_id)
    assert new.get("/v1/categories").get_json()["items"] == []
    assert new.get("/v1/balance").get_json()["version"] == 1
    body = {"name": "خوراک", "kind": "expense"}
    again = new.post("/v1/categories", body, headers={"Idempotency-Key": "bread"})
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (201, None)
    assert traces(database, UUID(old.account_id)) == set()


def test_the_phone_may_be_left_out(sign_in: SignIn, fresh_code: FreshCode) -> None:
    person = sign_in()
    code = fresh_code()
    del code["phone"]
    assert person.delete("/v1/me", json=code).status_code == 204


def test_only_a_fresh_code_to_ones_own_phone_will_do(
    sign_in: SignIn, fresh_code: FreshCode, database: Database, app: Flask
) -> None:
    person = sign_in()
    own, strangers = fresh_code(), fresh_code(STRANGER)
    wrong = {**own, "code": f"{(int(own['code']) + 1) % 10**6:06}"}
    used = fresh_code()
    assert app.test_client().post("/v1/auth/token", json=used).status_code == 200
    for body in (
        wrong,
        used,
        strangers,
        {**strangers, "phone": PHONE},
        {**own, "phone": STRANGER},
        {**own, "request_id": str(uuid4())},
    ):
        response = person.delete("/v1/me", json=body)
        refused(response, 401, "otp_invalid")
        assert "WWW-Authenticate" in response.headers
    assert database.read(tombstones) == []
    assert person.delete("/v1/me", json=own).status_code == 204


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, {("code", "required"), ("request_id", "required")}),
        ({"code": "12345", "request_id": "x"}, {("code", "invalid_code")}),
        ({"phone": "12", "code": None}, {("phone", "invalid_phone"), ("code", "null_not_allowed")}),
        ({"sure": True}, {("sure", "unknown_field")}),
    ],
)
def test_what_is_missing_or_strange_is_named(
    sign_in: SignIn, database: Database, body: dict[str, Any], found: set[tuple[str, str]]
) -> None:
    person = sign_in()
    assert found <= flaws(person.delete("/v1/me", json=body))
    assert ("", "body_required") in flaws(person.delete("/v1/me"))
    assert database.read(tombstones) == []


def test_there_is_no_trying_it_out(
    sign_in: SignIn, fresh_code: FreshCode, database: Database
) -> None:
    person = sign_in()
    response = person.delete("/v1/me?dry_run=true", json=fresh_code())
    assert flaws(response) == {("dry_run", "unknown_field")}
    assert database.read(tombstones) == []


@pytest.mark.slow
@SQLITE_ONLY
def test_a_code_is_good_still_after_a_503(
    sign_in: SignIn, fresh_code: FreshCode, database_url: str
) -> None:
    person, code = sign_in(), fresh_code()
    with closing(sqlite3.connect(sa.make_url(database_url).database or "")) as another:
        another.execute("BEGIN IMMEDIATE")
        refused(person.delete("/v1/me", json=code), 503, "store_unavailable")
    assert person.get("/v1/me").status_code == 200
    assert person.delete("/v1/me", json=code).status_code == 204


def test_commands_at_the_same_moment_are_recorded_before_or_refused(
    app: Flask, sign_in: SignIn, fresh_code: FreshCode, database: Database
) -> None:
    person = sign_in()
    ledger_id = settle_in(person)
    food = add_category(person, "expense", "نان")
    started = threading.Barrier(9)

    def spend(number: int) -> Counter[tuple[int, str | None]]:
        """Until it is over, each with a key of its own; every third reads between."""
        device, heard = Person(app.test_client(), PHONE, person.tokens), Counter[Any]()
        started.wait()
        while not any(status == 401 for status, _code in heard):
            key = {"Idempotency-Key": str(uuid4())}
            body = {"category_id": food, "amount": 10, "description": SECRET}
            answer = device.post("/v1/transactions", body, headers=key)
            heard[answer.status_code, answer.get_json().get("code")] += 1
            if number % 3 == 0:
                answer = device.get("/v1/balance")
                heard[answer.status_code, answer.get_json().get("code")] += 1
        return heard

    with ThreadPoolExecutor(8) as pool:
        busy = [pool.submit(spend, number) for number in range(8)]
        code = fresh_code()
        started.wait()
        assert person.delete("/v1/me", json=code).status_code == 204
    heard = sum((one.result() for one in busy), Counter[Any]())

    assert set(heard) <= {(201, None), (200, None), (401, "session_ended")}
    assert heard[401, "session_ended"] >= 8
    assert traces(database, UUID(person.account_id), SECRET) == set()
    assert traces(database, ledger_id) == {"tombstones"}


def test_whoever_signs_in_while_being_erased_begins_anew(
    app: Flask, sign_in: SignIn, fresh_code: FreshCode, database: Database
) -> None:
    person = sign_in()
    ledger_id, code = settle_in(person), fresh_code()
    requests: list[Callable[[], TestResponse]] = [
        lambda: app.test_client().post("/v1/auth/token", json=code),
        person.refresh,
        lambda: person.patch("/v1/me", {"first_name": SECRET}),
    ]

    with ThreadPoolExecutor(len(requests)) as pool:

        def erase_while_others_ask(connection: Connection) -> list[Future[TestResponse]]:
            erase(connection, ledger_id, dt.datetime.now(dt.UTC))
            asked = [pool.submit(request) for request in requests]
            assert wait(asked, timeout=0.5).done == set()
            return asked

        signed_in, *others = database.write(erase_while_others_ask)

    answer = signed_in.result()
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["account"]["is_new"]
    for other in others:
        refused(other.result(), 401, "session_ended")
    assert traces(database, UUID(person.account_id), SECRET) == set()


@SQLITE_ONLY
def test_the_bytes_go_from_the_file_and_its_log(
    sign_in: SignIn, fresh_code: FreshCode, database_url: str
) -> None:
    person, stranger = sign_in(), sign_in(STRANGER)
    settle_in(person)
    record(stranger, add_category(stranger), 100, description="حرف دیگری")
    for clue in (SECRET, "+989121234567"):
        assert traces_in_files(database_url, clue)

    assert person.delete("/v1/me", json=fresh_code()).status_code == 204

    for clue in (SECRET, "+989121234567"):
        assert traces_in_files(database_url, clue) == []
    assert traces_in_files(database_url, "+989351112233")


@SQLITE_ONLY
def test_a_reader_in_the_way_does_not_stop_an_erasure(
    sign_in: SignIn, fresh_code: FreshCode, database: Database, database_url: str
) -> None:
    person = sign_in()
    settle_in(person)
    with database.reading() as connection:
        assert connection.one("SELECT 1 AS one FROM events")
        assert person.delete("/v1/me", json=fresh_code()).status_code == 204
        assert traces_in_files(database_url, SECRET)
    assert scrub_after_erasures(database, dt.datetime.now(dt.UTC)) == 1
    assert traces_in_files(database_url, SECRET) == []


@SQLITE_ONLY
def test_what_a_page_still_holds_goes_in_the_night(
    sign_in: SignIn, fresh_code: FreshCode, database: Database, database_url: str
) -> None:
    person = sign_in()
    with closing(sqlite3.connect(sa.make_url(database_url).database or "")) as careless:
        careless.execute("PRAGMA secure_delete=OFF")
        careless.execute("CREATE TABLE scribbles (text TEXT)")
        careless.execute("INSERT INTO scribbles VALUES (?)", (SECRET,))
        careless.execute("DELETE FROM scribbles")
        careless.commit()
    assert scrub_after_erasures(database, dt.datetime.now(dt.UTC)) == 0
    assert person.delete("/v1/me", json=fresh_code()).status_code == 204
    assert traces_in_files(database_url, SECRET)

    assert scrub_after_erasures(database, dt.datetime.now(dt.UTC)) == 1
    assert traces_in_files(database_url, SECRET) == []
    assert scrub_after_erasures(database, dt.datetime.now(dt.UTC)) == 0


@POSTGRES_ONLY
def test_the_tables_are_vacuumed_in_the_night(
    sign_in: SignIn, fresh_code: FreshCode, database: Database
) -> None:
    assert sign_in().delete("/v1/me", json=fresh_code()).status_code == 204
    assert scrub_after_erasures(database, dt.datetime.now(dt.UTC)) == 1
    assert scrub_after_erasures(database, dt.datetime.now(dt.UTC)) == 0
    cleaned = database.read(
        lambda c: c.all("SELECT relname FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL")
    )
    assert {row["relname"] for row in cleaned} == {*LEDGER_TABLES, *ACCOUNT_TABLES}
