"""Batches over HTTP: up to a thousand transactions, all of them or each for itself."""

from typing import Any, Final
from uuid import uuid4

import pytest

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

BATCH: Final = "/v1/transactions/batch"


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def test_an_atomic_batch_records_everything_in_order(person: Person, food: str) -> None:
    pay = add_category(person, "income", "حقوق")
    asked = [
        {"category_id": food, "amount": 5, "description": "نان"},
        {"category_id": pay, "amount": 6, "unit": "toman", "date": "1405-01-01"},
    ]
    for more in ({}, {"atomic": True}):
        response = person.post(BATCH, {"items": asked, **more})
        results = shown(response, 201)["items"]
        assert [result["status"] for result in results] == [201, 201]
        entries = [result["transaction"] for result in results]
        assert [entry["amount"] for entry in entries] == [5, 60]
        assert response.headers["Ledger-Version"] == str(entries[-1]["version"])
        for entry in entries:
            assert shown(person.get(f"/v1/transactions/{entry['id']}")) == entry
    assert ledger_version(person) == 7


@pytest.mark.parametrize(
    ("item", "flaw"),
    [
        ({"amount": -5}, ("items.1.amount", "out_of_range")),
        ({"amount": "5"}, ("items.1.amount", "not_an_integer")),
        ({"date": "1404-12-30"}, ("items.1.date", "invalid_date")),
        ({"colour": 1}, ("items.1.colour", "unknown_field")),
        ({"category_id": NOBODYS_ID}, ("items.1.category_id", "category_not_found")),
        ({"direction": "deposit"}, ("items.1.direction", "direction_not_allowed")),
    ],
)
def test_one_flaw_refuses_an_atomic_batch(
    person: Person, food: str, item: dict[str, Any], flaw: tuple[str, str]
) -> None:
    good = {"category_id": food, "amount": 5}
    response = person.post(BATCH, {"items": [good, {**good, **item}, good]})
    refused(response, 422, "validation_failed")
    assert flaws(response) == {flaw}
    assert ledger_version(person) == 2
    assert items(person, "/v1/transactions") == []


def test_one_refusal_refuses_an_atomic_batch_and_names_the_item(person: Person, food: str) -> None:
    savings = add_category(person, "savings")
    closed = add_category(person, name="بسته")
    shown(person.patch(f"/v1/categories/{closed}", {"is_active": False}))
    taken = record(person, food, 5)["id"]
    version = ledger_version(person)
    good = {"category_id": food, "amount": 5}
    for item, code in (
        ({"category_id": savings, "amount": 5, "direction": "withdraw"}, "savings_too_low"),
        ({"category_id": closed, "amount": 5}, "category_inactive"),
        ({**good, "amount": 6, "id": taken}, "id_taken"),
    ):
        body = refused(person.post(BATCH, {"items": [good, item]}), 409, code)
        assert {error["field"].split(".")[1] for error in body["errors"]} == {"1"}
    pay = add_category(person, "income", "حقوق")
    huge = [{"category_id": pay, "amount": 10**15} for _ in range(10)]
    refused(person.post(BATCH, {"items": huge}), 409, "total_too_large")
    assert ledger_version(person) == version + 1


def test_each_for_itself_answers_for_every_item(person: Person, food: str) -> None:
    savings = add_category(person, "savings")
    good = {"category_id": food, "amount": 5}
    asked = [
        good,
        {"category_id": food, "amount": 0},
        {"category_id": NOBODYS_ID, "amount": 5},
        {"category_id": savings, "amount": 6, "direction": "withdraw"},
        {"category_id": savings, "amount": 6},
        {"category_id": savings, "amount": 6, "direction": "withdraw"},
        "خوراک",
        None,
        {},
        good,
    ]
    response = person.post(BATCH, {"items": asked, "atomic": False})
    results = shown(response, 207)["items"]
    statuses = [201, 422, 404, 409, 201, 201, 422, 422, 422, 201]
    assert [result["status"] for result in results] == statuses
    codes = [result.get("problem", {}).get("code") for result in results]
    assert codes[1:4] == ["validation_failed", "category_not_found", "savings_too_low"]
    assert results[1]["problem"]["errors"][0]["field"] == "amount"
    for result in results:
        assert result.keys() == {"status", "transaction" if result["status"] == 201 else "problem"}
        if "problem" in result:
            assert result["problem"]["status"] == result["status"]
    assert len(items(person, "/v1/transactions")) == 4
    assert ledger_version(person) == 3 + 4


def test_when_every_item_is_refused_nothing_is_recorded(person: Person) -> None:
    body = {"items": [{"category_id": NOBODYS_ID, "amount": 5}] * 3, "atomic": False}
    results = shown(person.post(BATCH, body), 207)["items"]
    assert [result["status"] for result in results] == [404] * 3
    assert ledger_version(person) == 1


def test_repeated_ids_in_a_batch_are_known_again(person: Person, food: str) -> None:
    chosen = str(uuid4())
    item = {"category_id": food, "amount": 5, "id": chosen}
    other = {**item, "amount": 6}
    results = shown(person.post(BATCH, {"items": [item, item]}), 201)["items"]
    assert [result["status"] for result in results] == [201, 200]
    body = {"items": [item, other], "atomic": False}
    results = shown(person.post(BATCH, body), 207)["items"]
    assert [result["status"] for result in results] == [200, 409]
    refused(person.post(BATCH, {"items": [other]}), 409, "id_taken")
    assert ledger_version(person) == 3


def test_a_batch_holds_one_to_a_thousand_items(person: Person, food: str) -> None:
    item = {"category_id": food, "amount": 5}
    assert flaws(person.post(BATCH, {"items": []})) == {("items", "too_few")}
    assert flaws(person.post(BATCH, {"items": [item] * 1001})) == {("items", "too_many")}
    assert ledger_version(person) == 2
    results = shown(person.post(BATCH, {"items": [item] * 1000}), 201)["items"]
    assert len(results) == 1000
    assert shown(person.get("/v1/balance"))["expense"] == 5000


def test_what_is_wrong_with_a_batch_is_named(person: Person, food: str) -> None:
    item = {"category_id": food, "amount": 5}
    for body, flaw in (
        ({}, ("items", "required")),
        ({"items": None}, ("items", "null_not_allowed")),
        ({"items": item}, ("items", "not_a_list")),
        ({"items": [item], "atomic": 1}, ("atomic", "not_a_boolean")),
        ({"items": [item], "atomic": None}, ("atomic", "null_not_allowed")),
        ({"items": [item], "all": True}, ("all", "unknown_field")),
        ({"items": [{**item, "description": "\x00"}]}, ("items.0.description", "invalid_text")),
        ({"items": [None]}, ("items.0", "null_not_allowed")),
        ({"items": [5]}, ("items.0", "not_an_object")),
        ([item], ("", "not_an_object")),
    ):
        assert flaws(person.post(BATCH, body)) == {flaw}, body
    many = flaws(person.post(BATCH, {"items": [{**item, "amount": 0}, {"amount": 5}]}))
    assert many == {("items.0.amount", "out_of_range"), ("items.1.category_id", "required")}
    assert ledger_version(person) == 2


def test_an_item_names_its_first_errors_however_many_it_has(person: Person, food: str) -> None:
    item = {"category_id": food, "amount": 5, **{f"a{n}": n for n in range(90)}}
    response = person.post(BATCH, {"items": [item] * 500, "atomic": False})
    problems = [result["problem"] for result in shown(response, 207)["items"]]
    assert {len(problem["errors"]) for problem in problems} == {10}
    assert len(response.data) < 1024 * 1024
