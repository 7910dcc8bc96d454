"""Roles: who gets in where, and that every look of an auditor is written down first."""

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from domain.store import accounts
from domain.store.accesses import Access, note
from domain.store.database import Connection, Database
from domain.store.erasure import erase
from domain.store.ledgers import utc_now
from tests.logs import Log
from tests.web.households import NOBODYS_ID, refused
from tests.web.people import Person
from tests.web.roles import NOTICE_SECONDS, give, log_of

SignIn = Callable[..., Person]


def asked_by(app: Flask, role: str) -> list[tuple[str, str]]:
    """The methods and paths that are documented as this role's, with ids of nobody."""
    document = app.test_client().get("/v1/openapi.json").get_json()
    return [
        (method.upper(), re.sub(r"{\w+_id}", NOBODYS_ID, path).replace("{size}", "1"))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method != "parameters" and operation.get("x-role") == role
    ]


def look_at(database: Database, auditor: Person, ledger_id: str, detail: str) -> None:
    """Note an access to a ledger."""
    account_id = UUID(auditor.account_id)
    access = Access(utc_now(), account_id, "listLedgers", UUID(ledger_id), detail, "r")
    database.write(lambda connection: note(connection, access))


def test_every_path_for_a_role_says_so(app: Flask) -> None:
    for start, role in (("/v1/audit/", "auditor"), ("/v1/ops/", "operator")):
        methods = [
            method
            for rule in app.url_map.iter_rules()
            if rule.rule.startswith(start)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        ]
        assert len(asked_by(app, role)) == len(methods) >= 3


def test_to_others_there_is_nothing(
    app: Flask, auditor: Person, sign_in: SignIn, database: Database
) -> None:
    person, operator = sign_in("09120000002"), sign_in("09120000003")
    give(database, operator, "operator")
    unknown = {**person.get("/v1/no-such-path").get_json(), "request_id": None}
    for role, others in (("auditor", (person, operator)), ("operator", (person, auditor))):
        for method, path in asked_by(app, role):
            for somebody in others:
                answer = somebody.ask(method, path)
                refused(answer, 404, "not_found")
                assert {**answer.get_json(), "request_id": None} == unknown, path
            assert app.test_client().open(path, method=method).status_code == 401
    assert log_of(database) == []
    assert auditor.get("/v1/balance").status_code == 200


def test_who_is_no_auditor_any_more_is_out_within_seconds(
    auditor: Person, database: Database
) -> None:
    assert auditor.get("/v1/audit/ledgers").status_code == 200
    give(database, auditor, "person")
    refused(auditor.get("/v1/audit/ledgers"), 404, "not_found")
    give(database, auditor, "auditor")
    assert auditor.get("/v1/audit/ledgers").status_code == 200
    account_id = UUID(auditor.account_id)
    database.write(lambda c: accounts.suspend(c, account_id, utc_now()))
    time.sleep(NOTICE_SECONDS)
    refused(auditor.get("/v1/audit/ledgers"), 403, "account_suspended")
    assert len(log_of(database)) == 2


def test_each_look_is_noted_with_what_was_asked(
    auditor: Person, database: Database, logged: Log
) -> None:
    headers = {"X-Request-Id": "look-1"}
    assert auditor.get("/v1/audit/ledgers?limit=5&erased=true", headers=headers).status_code == 200
    assert auditor.get("/v1/audit/ledgers?limit=no&x=y").status_code == 422
    assert auditor.get("/v1/audit/ledgers?cursor=no").status_code == 422
    first, second, third = log_of(database)
    assert (first.action, first.ledger_id, first.request_id) == ("listLedgers", None, "look-1")
    assert str(first.account_id) == auditor.account_id
    assert first.detail == "limit=5&erased=true"
    assert (second.detail, third.detail) == ("limit=…&x=…", "cursor=…")


def test_no_word_that_was_typed_is_noted(auditor: Person, database: Database) -> None:
    query = "?limit=09351112233&Narges=1&after=%D9%86%D8%B1%DA%AF%D8%B3&" + "a=1&" * 500
    auditor.get("/v1/audit/ledgers" + query, headers={"X-Request-Id": "09351112233"})
    [access] = log_of(database)
    assert access.detail.startswith("limit=0935***2233&…=1&after=…&a=1")
    assert len(access.detail) == 300
    assert access.request_id == "0935***2233"


def test_what_cannot_be_noted_is_not_answered(auditor: Person, database: Database) -> None:
    def refuse(connection: Connection) -> None:
        if database.dialect == "sqlite":
            connection.run(
                "CREATE TRIGGER full BEFORE INSERT ON audit_accesses"
                " BEGIN SELECT RAISE(ABORT, 'no room'); END"
            )
        else:
            connection.run("ALTER TABLE audit_accesses ADD CONSTRAINT full_ CHECK (number < 1)")

    database.write(refuse)
    answer = auditor.get("/v1/audit/ledgers")
    refused(answer, 503, "store_unavailable")
    assert answer.headers["Retry-After"]
    assert auditor.get("/v1/balance").status_code == 200


def test_the_note_is_committed_before_anything_is_read(
    auditor: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def reading(*_: Any, **_named: Any) -> Any:
        seen.append(len(log_of(database)))
        raise RuntimeError("what came after")

    monkeypatch.setattr("web.audit.list_ledgers", reading)
    assert auditor.get("/v1/audit/ledgers").status_code == 500
    assert seen == [1]


def test_people_see_who_looked_at_theirs(
    auditor: Person, sign_in: SignIn, database: Database
) -> None:
    person = sign_in("09120000002")
    ledger_id = person.get("/v1/me").get_json()["ledger_id"]
    assert person.get("/v1/me/accesses").get_json()["items"] == []
    for limit in ("1", "2", "3"):
        look_at(database, auditor, ledger_id, f"limit={limit}")
    page = person.get("/v1/me/accesses?limit=2")
    body = page.get_json()
    assert [item["detail"] for item in body["items"]] == ["limit=3", "limit=2"]
    assert {item["auditor_id"] for item in body["items"]} == {auditor.account_id}
    assert {item["action"] for item in body["items"]} == {"listLedgers"}
    rest = person.get(f"/v1/me/accesses?limit=2&cursor={body['next_cursor']}").get_json()
    assert ([item["detail"] for item in rest["items"]], rest["has_more"]) == (["limit=1"], False)
    assert auditor.get("/v1/me/accesses").get_json()["items"] == []


def test_the_log_outlives_both_and_names_neither(
    auditor: Person, sign_in: SignIn, database: Database
) -> None:
    person = sign_in("09351112233")
    ids = [who.get("/v1/me").get_json()["ledger_id"] for who in (person, auditor)]
    look_at(database, auditor, ids[0], "")
    for ledger_id in ids:
        database.write(lambda c, ledger_id=ledger_id: erase(c, UUID(ledger_id), utc_now()))  # type: ignore[misc]
    [access] = log_of(database)
    assert (str(access.ledger_id), str(access.account_id)) == (ids[0], auditor.account_id)
