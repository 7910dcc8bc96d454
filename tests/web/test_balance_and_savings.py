"""The balance, as of any day, and saving what is left of it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from flask import Flask

from tests.web.households import (
    Clock,
    add_category,
    flaws,
    items,
    ledger_version,
    record,
    refused,
    shown,
)
from tests.web.people import Person

FIELDS: Final = {"income", "expense", "savings", "balance", "status", "message", "version"}
SAVE: Final = "/v1/savings/auto"
TODAY: Final = "1405-09-02"


@pytest.fixture(autouse=True)
def frozen(clock: Clock) -> None:
    """Every day of this file is the second of Azar."""
    clock.set(TODAY)


@pytest.fixture
def pay(person: Person) -> str:
    """The id of an income category."""
    return add_category(person, "income", "حقوق")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def amounts(person: Person, query: str = "") -> tuple[int, int, int, int]:
    """Income, expense, savings and balance."""
    body = shown(person.get(f"/v1/balance{query}"))
    return body["income"], body["expense"], body["savings"], body["balance"]


def test_an_empty_ledger_has_a_balance_of_zero(person: Person) -> None:
    body = shown(person.get("/v1/balance"))
    assert body.keys() == FIELDS
    assert [body[name] for name in ("income", "expense", "savings", "balance")] == [0] * 4
    assert (body["status"], body["version"]) == ("zero", 1)


def test_the_balance_is_income_minus_expense_minus_savings(
    person: Person, pay: str, food: str
) -> None:
    savings = add_category(person, "savings")
    record(person, pay, 1000)
    record(person, food, 300)
    record(person, savings, 200)
    record(person, savings, 50, direction="withdraw")
    assert amounts(person) == (1000, 300, 150, 550)


def test_the_status_and_its_sentence(person: Person, pay: str, food: str) -> None:
    english = {"Accept-Language": "en"}
    for amount, category, status, digits in (
        (1234, pay, "positive", ("۱٬۲۳۴", "1,234")),
        (1234, food, "zero", ("", "")),
        (5678, food, "negative", ("۵٬۶۷۸", "5,678")),
    ):
        record(person, category, amount)
        for headers, expected in (({}, digits[0]), (english, digits[1])):
            body = shown(person.get("/v1/balance", headers=headers))
            assert body["status"] == status
            assert expected in body["message"]
            assert body["message"].isascii() == bool(headers)


def test_as_of_counts_what_is_dated_up_to_then(person: Person, pay: str, food: str) -> None:
    record(person, pay, 1000, "1405-06-31")
    record(person, food, 1, "1405-07-01")
    record(person, food, 10, "1406-01-01")
    record(person, food, 100, "1300-01-01")
    assert amounts(person) == (1000, 111, 0, 889)
    for day, expected in (
        ("1300-01-01", (0, 100, 0, -100)),
        ("1405-06-30", (0, 100, 0, -100)),
        ("1405-06-31", (1000, 100, 0, 900)),
        ("1405/7/1", (1000, 101, 0, 899)),
        ("۱۴۰۵-۱۲-۲۹", (1000, 101, 0, 899)),
        ("1406-01-01", (1000, 111, 0, 889)),
        ("1500-12-29", (1000, 111, 0, 889)),
    ):
        assert amounts(person, f"?as_of={day}") == expected, day


def test_what_is_wrong_with_a_day_is_named(person: Person) -> None:
    for query, flaw in (
        ("as_of=1404-12-30", ("as_of", "invalid_date")),
        ("as_of=", ("as_of", "invalid_date")),
        ("as_of=2026-11-23", ("as_of", "invalid_date")),
        ("as_of=1405-01-01&as_of=1405-01-01", ("as_of", "duplicate")),
        ("until=1405-01-01", ("until", "unknown_field")),
    ):
        assert flaws(person.get(f"/v1/balance?{query}")) == {flaw}


def test_voided_and_corrected_entries_count_as_they_are_now(
    person: Person, pay: str, food: str
) -> None:
    entry = record(person, pay, 100, "1405-01-01")["id"]
    shown(person.patch(f"/v1/transactions/{entry}", {"amount": 70, "date": "1405-02-01"}))
    gone = record(person, food, 5, "1405-01-01")["id"]
    assert person.delete(f"/v1/transactions/{gone}").status_code == 204
    assert amounts(person) == (70, 0, 0, 70)
    assert amounts(person, "?as_of=1405-01-31") == (0, 0, 0, 0)
    assert amounts(person, "?as_of=1405-02-01") == (70, 0, 0, 70)


def test_saving_puts_the_whole_balance_aside(person: Person, pay: str, food: str) -> None:
    savings = add_category(person, "savings", "صندوق")
    record(person, pay, 1000, "1405-08-01")
    record(person, food, 400, TODAY)
    response = person.post(SAVE, {"confirm": True})
    body = shown(response, 201)
    assert body.keys() == {"saved_amount", "transaction"}
    assert body["saved_amount"] == 600
    entry = body["transaction"]
    assert (entry["category_id"], entry["category_name"]) == (savings, "صندوق")
    assert (entry["kind"], entry["direction"], entry["amount"]) == ("savings", "deposit", 600)
    assert entry["date"] == TODAY
    assert shown(person.get(f"/v1/transactions/{entry['id']}")) == entry
    assert response.headers["Location"] == f"/v1/transactions/{entry['id']}"
    assert amounts(person) == (1000, 400, 600, 0)
    again = person.post(SAVE, {"confirm": True})
    nothing = shown(again, 200)
    assert nothing.keys() == {"saved_amount", "message"}
    assert nothing["saved_amount"] == 0
    assert ledger_version(person) == entry["version"]


def test_something_may_be_kept(person: Person, pay: str) -> None:
    record(person, pay, 1000)
    body = {"confirm": True, "keep": 99, "unit": "toman"}
    assert shown(person.post(SAVE, body), 201)["saved_amount"] == 10
    for keep in (990, 991, 10**15):
        assert shown(person.post(SAVE, {"confirm": True, "keep": keep}))["saved_amount"] == 0
    assert shown(person.post(SAVE, {"confirm": True, "keep": 989}), 201)["saved_amount"] == 1
    assert amounts(person)[3] == 989


def test_neither_future_money_nor_promised_money_is_saved(
    person: Person, pay: str, food: str
) -> None:
    record(person, pay, 1000, TODAY)
    record(person, pay, 5000, "1405-09-03")
    assert (
        shown(person.post(SAVE + "?dry_run=true", {"confirm": True}))["events"][-1]["data"][
            "amount_rials"
        ]
        == 1000
    )
    record(person, food, 5700, "1405-12-01")
    assert shown(person.post(SAVE, {"confirm": True}), 201)["saved_amount"] == 300


def test_without_a_surplus_nothing_is_saved(person: Person, food: str) -> None:
    for _ in range(2):
        version = ledger_version(person)
        assert shown(person.post(SAVE, {"confirm": True}))["saved_amount"] == 0
        assert ledger_version(person) == version
        record(person, food, 5)


def test_the_oldest_active_savings_category_is_used(person: Person, pay: str) -> None:
    oldest, older = (add_category(person, "savings", name) for name in ("الف", "ب"))
    shown(person.patch(f"/v1/categories/{oldest}", {"is_active": False}))
    record(person, pay, 100)
    saved = shown(person.post(SAVE, {"confirm": True}), 201)
    assert saved["transaction"]["category_id"] == older
    shown(person.patch(f"/v1/categories/{oldest}", {"is_active": True}))
    record(person, pay, 100)
    saved = shown(person.post(SAVE, {"confirm": True}), 201)
    assert saved["transaction"]["category_id"] == oldest


def test_a_category_is_added_when_there_is_none(person: Person, pay: str) -> None:
    record(person, pay, 100)
    saved = shown(person.post(SAVE, {"confirm": True}), 201)["transaction"]
    assert saved["category_name"] == "پس‌انداز"
    category = shown(person.get(f"/v1/categories/{saved['category_id']}"))
    assert (category["name"], category["kind"]) == ("پس‌انداز", "savings")
    assert saved["version"] == category["version"] + 1
    shown(person.patch(f"/v1/categories/{category['id']}", {"is_active": False}))
    record(person, pay, 100)
    another = shown(person.post(SAVE, {"confirm": True}), 201)["transaction"]
    assert another["category_id"] != saved["category_id"]
    assert [item["kind"] for item in items(person, "/v1/categories?is_active=true")] == [
        "income",
        "savings",
    ]


WRONG: Final[list[tuple[Any, tuple[str, str]]]] = [
    ({}, ("confirm", "required")),
    ({"confirm": False}, ("confirm", "not_confirmed")),
    ({"confirm": None}, ("confirm", "null_not_allowed")),
    ({"confirm": "true"}, ("confirm", "not_a_boolean")),
    ({"confirm": 1}, ("confirm", "not_a_boolean")),
    ({"confirm": True, "keep": -1}, ("keep", "out_of_range")),
    ({"confirm": True, "keep": 10**15 + 1}, ("keep", "out_of_range")),
    ({"confirm": True, "keep": 0.5}, ("keep", "not_an_integer")),
    ({"confirm": True, "keep": None}, ("keep", "null_not_allowed")),
    ({"confirm": True, "amount": 5}, ("amount", "unknown_field")),
    (None, ("", "body_required")),
    ([], ("", "not_an_object")),
]


def test_saving_must_be_confirmed(person: Person, pay: str) -> None:
    record(person, pay, 100)
    version = ledger_version(person)
    for body, flaw in WRONG:
        response = person.post(SAVE, body)
        refused(response, 422, "validation_failed")
        assert flaws(response) == {flaw}, body
    assert ledger_version(person) == version


def test_eight_savings_at_once_save_once(app: Flask, person: Person, pay: str) -> None:
    record(person, pay, 1000)
    # One category is there already, and the other time it has to be added.
    for _ in range(2):
        people = [Person(app.test_client(), person.phone, person.tokens) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda one: one.post(SAVE, {"confirm": True}), people))
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
        assert sum(answer.get_json()["saved_amount"] for answer in answers) == 1000
        assert amounts(person)[3] == 0
        record(person, pay, 1000)
    topics = [event["topic"] for event in items(person, "/v1/events")]
    assert topics.count("surplus-saved.1") == 2
    assert topics.count("category-added.1") == 2
