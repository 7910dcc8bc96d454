"""Auditing over HTTP: every ledger, whole, and nobody's phone or name."""

import json
import sys
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import pytest
from flask import Flask

from domain.store import accounts
from domain.store.database import Connection, Database
from domain.store.erasure import erase
from domain.store.ledgers import utc_now
from projections.verification import verify_ledger
from tests.logs import Log
from tests.web.households import NOBODYS_ID, add_category, flaws, items, record, refused, shown
from tests.web.people import Person, ledger_of
from tests.web.roles import give, log_of
from web import audit
from web.audit import SWITCH_SECONDS

NDJSON: Final = {"Accept": "application/x-ndjson"}
PHONE: Final = "09359876543"
FIRST_NAME, LAST_NAME = "فرنگیس", "یگانه‌نام"

SignIn = Callable[..., Person]


@pytest.fixture
def watched(sign_in: SignIn) -> Person:
    """Somebody with a name, a phone, and a ledger of three events."""
    person = sign_in(PHONE)
    person.patch("/v1/me", {"first_name": FIRST_NAME, "last_name": LAST_NAME})
    food = add_category(person, "expense", "خوراک")
    record(person, food, 250_000, "1405-09-02", description="نان")
    return person


@pytest.fixture
def path(watched: Person, database: Database) -> str:
    """Where an auditor finds that ledger."""
    return f"/v1/audit/ledgers/{ledger_of(database, watched.account_id)}"


def pages(auditor: Person, query: str = "") -> list[dict[str, Any]]:
    """All ledgers, a page at a time."""
    found: list[dict[str, Any]] = []
    following: str | None = f"/v1/audit/ledgers?limit=1{query}"
    while following is not None:
        answer = auditor.get(following)
        assert answer.status_code == 200, answer.text
        body = answer.get_json()
        found += body["items"]
        link = answer.headers.get("Link")
        following = None if link is None else link[1:].split(">")[0]
    return found


def test_every_ledger_is_listed_by_its_id(
    auditor: Person, watched: Person, sign_in: SignIn, database: Database
) -> None:
    gone = sign_in("09351112233")
    ids = [ledger_of(database, who.account_id) for who in (auditor, watched, gone)]
    stone = database.write(lambda c: erase(c, ids[2], utc_now()))
    listed = pages(auditor)
    assert [one["ledger_id"] for one in listed] == sorted(map(str, ids))
    by_id = {one["ledger_id"]: one for one in listed}
    head = shown(watched.get("/v1/events?after=2"))["items"][0]
    assert by_id[str(ids[1])] == {
        "ledger_id": str(ids[1]),
        "version": 3,
        "digest": head["digest"],
        "recorded_at": head["recorded_at"],
        "erased_at": None,
    }
    assert by_id[str(ids[2])] == {
        "ledger_id": str(ids[2]),
        "version": 1,
        "digest": stone.digest.hex(),
        "recorded_at": None,
        "erased_at": stone.erased_at.isoformat().replace("+00:00", "Z"),
    }
    assert [one["ledger_id"] for one in pages(auditor, "&erased=true")] == [str(ids[2])]
    assert str(ids[2]) not in str(pages(auditor, "&erased=false"))
    assert flaws(auditor.get("/v1/audit/ledgers?cursor=x")) == {("cursor", "invalid_cursor")}


def test_events_are_those_that_the_person_sees(auditor: Person, watched: Person, path: str) -> None:
    assert items(auditor, f"{path}/events?limit=2") == items(watched, "/v1/events")
    answer = auditor.get(f"{path}/events?after=2")
    assert shown(answer)["items"] == items(watched, "/v1/events?after=2")
    known = {"If-None-Match": answer.headers["ETag"]}
    assert auditor.get(f"{path}/events?after=2", headers=known).status_code == 304
    theirs = auditor.get(f"{path}/events", headers=NDJSON)
    assert theirs.text == watched.get("/v1/events", headers=NDJSON).text
    assert theirs.headers["Ledger-Version"] == "3"
    assert flaws(auditor.get(f"{path}/events?after=no")) == {("after", "not_an_integer")}


def test_the_balance_is_the_one_that_the_person_sees(
    auditor: Person, watched: Person, path: str
) -> None:
    [food] = items(watched, "/v1/categories")
    early = items(watched, "/v1/events")[-1]["recorded_at"]
    record(watched, food["id"], 5, "1405-08-01")
    for query in (
        *("", "?as_of=1405-08-30", "?version=3", "?version=0"),
        *(f"?recorded_as_of={early}", "?version=3&as_of=1405-08-30"),
    ):
        theirs = shown(watched.get(f"/v1/balance{query}"))
        answer = auditor.get(f"{path}/balance{query}")
        assert shown(answer) == theirs, query
        assert answer.headers["Ledger-Version"] == "4"
        known = {"If-None-Match": answer.headers["ETag"]}
        assert auditor.get(f"{path}/balance{query}", headers=known).status_code == 304
    assert shown(auditor.get(f"{path}/balance?version=3"))["expense"] == 250_000
    assert flaws(auditor.get(f"{path}/balance?version=5")) == {("version", "version_not_reached")}


def test_what_is_in_order_is_verified(auditor: Person, watched: Person, path: str) -> None:
    answer = auditor.get(f"{path}/verify")
    last = items(watched, "/v1/events")[-1]
    balance = shown(watched.get("/v1/balance"))
    assert shown(answer) == {
        "ledger_id": path.rsplit("/", maxsplit=1)[-1],
        "version": 3,
        "digest": last["digest"],
        "ok": True,
        "events": 3,
        "findings": [],
        "finding_count": 0,
        "balance": {name: balance[name] for name in ("income", "expense", "savings", "balance")},
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert flaws(auditor.get(f"{path}/verify?x=1")) == {("x", "unknown_field")}


def test_what_was_changed_is_named(auditor: Person, path: str, database: Database) -> None:
    ledger_id = UUID(path.rsplit("/", maxsplit=1)[-1])
    sql = "UPDATE ledgers SET expense = expense - 1 WHERE ledger_id = :ledger_id"
    database.write(lambda connection: connection.run(sql, ledger_id=ledger_id))
    body = shown(auditor.get(f"{path}/verify"))
    [finding] = body["findings"]
    totals = {"income": 0, "expense": 250_000, "deposits": 0, "withdrawals": 0}
    assert finding == {
        "code": "head_totals",
        "about": "head",
        "version": None,
        "told": {**totals, "expense": 249_999},
        "expected": totals,
    }
    assert (body["ok"], body["finding_count"], body["balance"]["expense"]) == (False, 1, 250_000)


@pytest.mark.parametrize("state", [b"{}", b"\xff", b"no json"])
def test_an_event_that_was_damaged_is_named(
    auditor: Person, watched: Person, path: str, database: Database, state: bytes
) -> None:
    opened = shown(watched.get("/v1/events"))["items"][0]["recorded_at"]
    sql = "UPDATE events SET state = :state WHERE originator_id = :id AND originator_version = 2"
    ledger_id = UUID(path.rsplit("/", maxsplit=1)[-1])
    database.write(lambda connection: connection.run(sql, state=state, id=ledger_id))
    for asked in ("events", "balance?version=2", f"balance?recorded_as_of={opened}"):
        refused(auditor.get(f"{path}/{asked}"), 500, "event_unreadable")
    refused(watched.get("/v1/events"), 500, "event_unreadable")
    answer = auditor.get(f"{path}/events", headers={**NDJSON, "Accept-Language": "en"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    if state == b"\xff":
        assert lines[1]["detail"].startswith("Event 2 of this ledger cannot be read")
    else:
        assert [line["state"] for line in lines][1] == state.decode()
    findings = shown(auditor.get(f"{path}/verify"))["findings"]
    named = {(finding["code"], finding["version"]) for finding in findings}
    assert named == {("event_unreadable", 2), ("digest_mismatch", 2)}


@pytest.mark.parametrize("what", ["events", "verify", "balance", "balance?version=1"])
def test_a_ledger_that_is_not_there_is_404_and_noted(
    auditor: Person, path: str, database: Database, what: str
) -> None:
    ledger_id = UUID(path.rsplit("/", maxsplit=1)[-1])
    database.write(lambda connection: erase(connection, ledger_id, utc_now()))
    for asked, headers in ((f"/v1/audit/ledgers/{NOBODYS_ID}", {}), (path, NDJSON)):
        refused(auditor.get(f"{asked}/{what}", headers=headers), 404, "ledger_not_found")
    assert [str(one.ledger_id) for one in log_of(database)] == [NOBODYS_ID, str(ledger_id)]


def test_every_look_is_noted_under_the_ledger(
    auditor: Person, watched: Person, path: str, database: Database
) -> None:
    auditor.get(f"{path}/events?after=1", headers=NDJSON).get_data()
    auditor.get(f"{path}/verify")
    auditor.get(f"{path}/events?limit=0")
    seen = watched.get("/v1/me/accesses").get_json()["items"]
    assert [(one["action"], one["detail"]) for one in seen] == [
        ("listLedgerEvents", "limit=0"),
        ("verifyLedger", ""),
        ("listLedgerEvents", "after=1"),
    ]
    assert all(str(one.ledger_id) == path.rsplit("/", maxsplit=1)[-1] for one in log_of(database))


def test_a_process_verifies_one_ledger_at_a_time(auditor: Person, path: str) -> None:
    with audit._verifying:
        answer = auditor.get(f"{path}/verify")
        refused(answer, 429, "too_many_requests")
        assert answer.headers["Retry-After"] == "5"
    assert auditor.get(f"{path}/verify").status_code == 200


def test_verifying_holds_no_turn_and_lets_others_at_the_interpreter(
    auditor: Person, path: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    free: list[int] = []
    usual = sys.getswitchinterval()

    def watching(*asked: Any) -> Any:
        free.append(app.extensions["turns"]._free)
        assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
        return verify_ledger(*asked)

    monkeypatch.setattr("web.audit.verify_ledger", watching)
    assert auditor.get(f"{path}/verify").status_code == 200
    assert free == [app.extensions["turns"]._free]
    assert sys.getswitchinterval() == usual


def revoke(auditor: Person, database: Database) -> None:
    account_id = UUID(auditor.account_id)
    database.write(lambda c: accounts.set_role(c, account_id, "person", utc_now()))


@pytest.mark.parametrize("happening", ["revoked", "erased"])
def test_a_stream_breaks_off_when_it_may_not_go_on(
    auditor: Person, watched: Person, path: str, database: Database, happening: str
) -> None:
    [food] = items(watched, "/v1/categories")
    body = {"items": [{"category_id": food["id"], "amount": 1}] * 999}
    assert watched.post("/v1/transactions/batch", body).status_code == 201
    answer = auditor.get(f"{path}/events", headers=NDJSON, buffered=False)
    if happening == "revoked":
        revoke(auditor, database)
    else:
        database.write(lambda c: erase(c, UUID(path.rsplit("/", maxsplit=1)[-1]), utc_now()))
    *lines, last = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) == 500
    code = "not_found" if happening == "revoked" else "ledger_not_found"
    assert (last["status"], last["code"]) == (404, code)


def test_no_phone_and_no_name_is_in_any_answer_or_line(
    auditor: Person,
    watched: Person,
    path: str,
    app: Flask,
    database: Database,
    sign_in: SignIn,
    logged: Log,
) -> None:
    assert {FIRST_NAME, LAST_NAME} <= set(watched.get("/v1/me").get_json().values())
    operator = give(database, sign_in("09351112233"), "operator")
    ledger_id = UUID(path.rsplit("/", maxsplit=1)[-1])
    sql = "UPDATE ledgers SET expense = 0 WHERE ledger_id = :ledger_id"
    rules = [rule.rule for rule in app.url_map.iter_rules() if "/audit/" in rule.rule]
    assert len(rules) >= 4
    tampering: list[Callable[[Connection], Any]] = [
        lambda _connection: None,
        lambda connection: connection.run(sql, ledger_id=ledger_id),
        lambda connection: erase(connection, ledger_id, utc_now()),
    ]
    told = []
    for tamper in tampering:
        database.write(tamper)
        for rule in rules:
            asked = rule.replace("<uuid:ledger_id>", str(ledger_id))
            for query, headers in (("", {}), ("", NDJSON), ("?limit=x", {}), ("?limit=1", {})):
                for who in (auditor, operator):
                    answer = who.get(asked + query, headers=headers)
                    told += [answer.text, str(answer.headers)]
    told += [str(line) for line in logged.lines()]
    told += [str(access) for access in log_of(database)]
    everything = "\n".join(told)
    assert str(ledger_id) in everything
    for secret in (PHONE[1:], "935987", FIRST_NAME, LAST_NAME):
        assert secret not in everything
