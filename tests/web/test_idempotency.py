"""Idempotency keys: one key, one outcome, the same answer for ever."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from domain.store.database import Database
from tests.web.households import (
    NOBODYS_ID,
    add_category,
    flaws,
    items,
    ledger_version,
    record,
    refused,
    shown,
)
from tests.web.people import Person

KEPT: Final = ("ETag", "Location", "Ledger-Version", "Content-Type")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def keyed(person: Person, method: str, path: str, body: object = None, key: str = "k") -> Any:
    """A command with a key."""
    return person.ask(method, path, json=body, headers={"Idempotency-Key": key})


def is_replay(first: TestResponse, again: TestResponse) -> bool:
    """Whether an answer is another one again, byte for byte, and says so."""
    same = again.data == first.data and again.status_code == first.status_code
    headers = all(again.headers.get(name) == first.headers.get(name) for name in KEPT)
    marked = [answer.headers.get("Idempotency-Replayed") for answer in (first, again)]
    return same and headers and marked == [None, "true"]


def test_every_kind_of_command_is_replayed(person: Person, food: str) -> None:
    pay = add_category(person, "income", "حقوق")
    entry = record(person, food, 5)["id"]
    other = record(person, food, 5)["id"]
    budget = {"category_id": food, "start": "1405-01-01", "end": "1405-01-31", "max_amount": 5}
    budget_id = shown(person.post("/v1/budgets", {**budget, "end": "1405-01-30"}), 201)["id"]
    daily = {"category_id": food, "amount": 5, "period": "day", "mode": "draft"}
    begun = {**daily, "start": "1404-01-01", "count": 2}
    recurrence_id = shown(person.post("/v1/recurrences", begun), 201)["id"]
    first, second = items(person, "/v1/drafts")
    unused = add_category(person, name="رفتنی")
    fund, other_fund = (add_category(person, "savings", name) for name in ("صندوق", "قلک"))
    goal = {"category_id": fund, "target_amount": 9}
    goal_id = shown(person.post("/v1/goals", goal), 201)["id"]
    commands: list[tuple[str, str, object, int]] = [
        ("POST", "/v1/categories", {"name": "نو", "kind": "expense"}, 201),
        ("POST", "/v1/categories/starter", None, 201),
        ("PATCH", f"/v1/categories/{food}", {"name": "نان"}, 200),
        ("DELETE", f"/v1/categories/{unused}", None, 204),
        ("POST", "/v1/transactions", {"category_id": pay, "amount": 500}, 201),
        ("POST", "/v1/transactions/batch", {"items": [{"category_id": food, "amount": 5}]}, 201),
        (
            *("POST", "/v1/transactions/batch"),
            {"items": [{"category_id": food, "amount": 5}, {}], "atomic": False},
            207,
        ),
        ("PATCH", f"/v1/transactions/{entry}", {"amount": 6}, 200),
        ("DELETE", f"/v1/transactions/{other}", None, 204),
        ("POST", f"/v1/transactions/{other}/restore", None, 200),
        ("POST", "/v1/budgets", budget, 201),
        ("PATCH", f"/v1/budgets/{budget_id}", {"max_amount": 9}, 200),
        ("DELETE", f"/v1/budgets/{budget_id}", None, 204),
        ("POST", "/v1/recurrences", daily, 201),
        ("POST", f"/v1/drafts/{first['id']}/confirm", {}, 201),
        ("DELETE", f"/v1/drafts/{second['id']}", None, 204),
        ("PATCH", f"/v1/recurrences/{recurrence_id}", {"amount": 9}, 200),
        ("DELETE", f"/v1/recurrences/{recurrence_id}", None, 204),
        ("POST", "/v1/goals", {**goal, "category_id": other_fund}, 201),
        ("PATCH", f"/v1/goals/{goal_id}", {"target_amount": 10}, 200),
        ("DELETE", f"/v1/goals/{goal_id}", None, 204),
        ("POST", "/v1/savings/auto", {"confirm": True}, 201),
        ("POST", "/v1/savings/auto", {"confirm": True, "keep": 1}, 200),
        ("PUT", "/v1/savings/policy", {"enabled": True, "keep": 1}, 200),
    ]
    answers = []
    for number, (method, path, body, status) in enumerate(commands):
        answers.append(keyed(person, method, path, body, f"key-{number}"))
        assert answers[-1].status_code == status, (method, path, answers[-1].text)
    version = ledger_version(person)
    for number, (method, path, body, _) in enumerate(commands):
        again = keyed(person, method, path, body, f"key-{number}")
        assert is_replay(answers[number], again), (method, path)
    assert ledger_version(person) == version


def test_a_replay_is_byte_for_byte_whatever_happened_since(person: Person, food: str) -> None:
    body = {"category_id": food, "amount": 5}
    first = keyed(person, "POST", "/v1/transactions", body)
    path = first.headers["Location"]
    shown(person.patch(path, {"amount": 6}))
    shown(person.patch(f"/v1/categories/{food}", {"name": "نان", "is_active": False}))
    assert person.delete(path).status_code == 204
    english = {"Idempotency-Key": "k", "Accept-Language": "en"}
    again = person.post("/v1/transactions", body, headers=english)
    assert is_replay(first, again)


def test_the_same_json_written_differently_is_the_same(person: Person, food: str) -> None:
    def posted(text: str, query: str = "") -> TestResponse:
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        return person.ask("POST", f"/v1/transactions{query}", data=text.encode(), headers=headers)

    first = posted(f'{{"category_id":"{food}","amount":5,"description":"نان"}}')
    assert first.status_code == 201
    spaced = (
        f'\n{{ "description": "\\u0646\\u0627\\u0646", "amount" : 5, "category_id":"{food}" }} '
    )
    assert is_replay(first, posted(spaced))


def test_the_key_with_another_request_is_refused(person: Person, food: str) -> None:
    body = {"category_id": food, "amount": 5}
    path = "/v1/transactions"
    first = keyed(person, "POST", path, body)
    version = ledger_version(person)
    for method, where, other in (
        ("POST", path, {**body, "amount": 6}),
        ("POST", path, {**body, "description": ""}),
        ("POST", path + "?dry_run=false", body),
        ("POST", path + "/batch", {"items": [body]}),
        ("PATCH", f"/v1/transactions/{first.get_json()['id']}", {"amount": 7}),
        ("DELETE", f"/v1/transactions/{first.get_json()['id']}", None),
        ("POST", "/v1/categories/starter", None),
    ):
        answer = keyed(person, method, where, other)
        refused(answer, 422, "idempotency_key_reused")
        assert flaws(answer) == {("Idempotency-Key", "idempotency_key_reused")}
        assert answer.headers["Ledger-Version"] == str(version)
    assert ledger_version(person) == version


def test_the_key_is_looked_at_before_everything_else(person: Person, food: str) -> None:
    body = {"category_id": food, "amount": 5, "id": NOBODYS_ID}
    first = keyed(person, "POST", "/v1/transactions", body)
    path = first.headers["Location"]
    changed = keyed(person, "PATCH", path, {"amount": 6}, "patch")
    stale = {"Idempotency-Key": "patch", "If-Match": '"1"'}
    assert is_replay(changed, person.patch(path, {"amount": 6}, headers=stale))
    stale = {"Idempotency-Key": "k", "If-Match": '"1"'}
    response = person.delete(path, headers=stale)
    refused(response, 422, "idempotency_key_reused")
    response = keyed(person, "POST", "/v1/transactions", {"category_id": NOBODYS_ID, "amount": 5})
    refused(response, 422, "idempotency_key_reused")
    gone = add_category(person, name="رفتنی")
    deleted = keyed(person, "DELETE", f"/v1/categories/{gone}", None, "delete")
    assert is_replay(deleted, keyed(person, "DELETE", f"/v1/categories/{gone}", None, "delete"))


def test_refusals_are_not_kept(person: Person, food: str) -> None:
    body = {"category_id": food}
    for _ in range(2):
        refused(keyed(person, "POST", "/v1/transactions", body), 422, "amount_missing")
    unknown = {"category_id": NOBODYS_ID, "amount": 5}
    refused(keyed(person, "POST", "/v1/transactions", unknown), 404, "category_not_found")
    batch = {"items": [unknown]}
    refused(keyed(person, "POST", "/v1/transactions/batch", batch), 422, "validation_failed")
    shown(person.patch(f"/v1/categories/{food}", {"default_amount": 5}))
    first = keyed(person, "POST", "/v1/transactions", body)
    assert first.status_code == 201
    assert is_replay(first, keyed(person, "POST", "/v1/transactions", body))


def test_a_key_is_1_to_255_visible_ascii_characters(person: Person, food: str) -> None:
    body = {"category_id": food, "amount": 5}
    for key in ("!", "~", "a" * 255, "00000000-0000-0000-0000-000000000000", '"quoted"', "a:b,c"):
        assert keyed(person, "POST", "/v1/transactions", body, key).status_code == 201
    version = ledger_version(person)
    for key in ("", " ", "a b", "a" * 256, "é", "\x7f", "a\tb"):
        for path in ("/v1/transactions", "/v1/transactions?dry_run=true"):
            response = keyed(person, "POST", path, body, key)
            assert flaws(response) == {("Idempotency-Key", "invalid_idempotency_key")}, key
    assert ledger_version(person) == version


def test_keys_belong_to_a_ledger(sign_in: Callable[..., Person], person: Person, food: str) -> None:
    other = sign_in("09351112233")
    body = {"name": "خوراک", "kind": "expense"}
    first = keyed(person, "POST", "/v1/categories", {**body, "name": "نان"})
    second = keyed(other, "POST", "/v1/categories", body)
    assert second.status_code == 201
    assert "Idempotency-Replayed" not in second.headers
    assert first.get_json()["id"] != second.get_json()["id"]


def test_reads_do_not_look_at_keys(person: Person, food: str) -> None:
    for _ in range(2):
        response = keyed(person, "GET", f"/v1/categories/{food}")
        assert "Idempotency-Replayed" not in response.headers


def test_eight_clients_with_one_key_record_once(
    app: Flask, person: Person, food: str, database: Database
) -> None:
    body = {"category_id": food, "amount": 5, "description": "نان"}
    people = [Person(app.test_client(), person.phone, person.tokens) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: keyed(one, "POST", "/v1/transactions", body), people))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    for name in KEPT:
        assert len({answer.headers[name] for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert replayed.count("true") == 7
    assert shown(person.get("/v1/balance"))["expense"] == 5
    assert ledger_version(person) == 3
    row = database.read(lambda c: c.one("SELECT count(*) AS kept FROM idempotency_keys"))
    assert row == {"kept": 1}
