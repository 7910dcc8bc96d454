"""Dry runs: the same code as the command, and nothing recorded."""

from typing import Any, Final

import pytest

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

BUDGET: Final = {"start": "1405-01-01", "end": "1405-01-31", "max_amount": 5}


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def commands(person: Person, food: str) -> list[tuple[str, str, object, list[str]]]:
    """Every command, and the events it records."""
    pay = add_category(person, "income", "حقوق")
    record(person, pay, 1000)
    savings = add_category(person, "savings", "صندوق")
    unused = add_category(person, name="رفتنی")
    entry = record(person, food, 5)["id"]
    voided = record(person, food, 5)["id"]
    person.delete(f"/v1/transactions/{voided}")
    body = {"category_id": food, **BUDGET}
    budget = shown(person.post("/v1/budgets", body), 201)["id"]
    goal = {"category_id": savings, "target_amount": 9}
    goal_id = shown(person.post("/v1/goals", goal), 201)["id"]
    other_goal = {"category_id": add_category(person, "savings", "قلک"), "target_amount": 9}
    new = {"category_id": food, "amount": 5}
    due = {**new, "period": "month"}
    recorded = ["expense-recorded.1", "recurrence-happened.1"]
    held = {**due, "mode": "draft"}
    twice = {**held, "start": "1404-01-01", "count": 2}
    shown(person.post("/v1/recurrences", twice), 201)
    draft, other = (f"/v1/drafts/{found['id']}" for found in items(person, "/v1/drafts"))
    recurrence = f"/v1/recurrences/{shown(person.post('/v1/recurrences', held), 201)['id']}"
    batch = {"items": [new, {"category_id": savings, "amount": 5}]}
    each = {"items": [new, {}], "atomic": False}
    return [
        ("POST", "/v1/categories", {"name": "نو", "kind": "expense"}, ["category-added.1"]),
        ("POST", "/v1/categories/starter", None, ["category-added.1"] * 12),
        ("PATCH", f"/v1/categories/{food}", {"name": "نان"}, ["category-changed.1"]),
        ("DELETE", f"/v1/categories/{unused}", None, ["category-removed.1"]),
        ("POST", "/v1/transactions", new, ["expense-recorded.1"]),
        ("POST", "/v1/transactions/batch", batch, ["expense-recorded.1", "saving-deposited.1"]),
        ("POST", "/v1/transactions/batch", each, ["expense-recorded.1"]),
        ("PATCH", f"/v1/transactions/{entry}", {"amount": 6}, ["transaction-corrected.1"]),
        ("DELETE", f"/v1/transactions/{entry}", None, ["transaction-voided.1"]),
        ("POST", f"/v1/transactions/{voided}/restore", None, ["transaction-restored.1"]),
        ("POST", "/v1/budgets", {**body, "end": "1405-01-30"}, ["budget-set.2"]),
        ("PATCH", f"/v1/budgets/{budget}", {"max_amount": 6}, ["budget-revised.2"]),
        ("DELETE", f"/v1/budgets/{budget}", None, ["budget-removed.2"]),
        ("POST", "/v1/recurrences", due, ["recurrence-set.1", *recorded]),
        ("POST", "/v1/recurrences", held, ["recurrence-set.1", recorded[1]]),
        ("PATCH", recurrence, {"amount": 6}, ["recurrence-revised.1"]),
        ("DELETE", recurrence, None, ["draft-dismissed.1", "recurrence-removed.1"]),
        ("POST", f"{draft}/confirm", {}, ["expense-recorded.1", "draft-confirmed.1"]),
        ("DELETE", other, None, ["draft-dismissed.1"]),
        ("POST", "/v1/goals", other_goal, ["goal-set.1"]),
        ("PATCH", f"/v1/goals/{goal_id}", {"name": "سفر"}, ["goal-revised.1"]),
        ("DELETE", f"/v1/goals/{goal_id}", None, ["goal-removed.1"]),
        ("POST", "/v1/savings/auto", {"confirm": True}, ["surplus-saved.1"]),
        ("POST", "/v1/savings/auto", {"confirm": True, "keep": 10**9}, []),
        ("PUT", "/v1/savings/policy", {"enabled": True, "keep": 5}, ["auto-saving-set.1"]),
        ("PUT", "/v1/savings/policy", {"enabled": False, "keep": 0}, []),
        ("PATCH", f"/v1/transactions/{entry}", {"amount": 5}, []),
    ]


NAMES: Final = ("categories", "budgets", "goals", "recurrences", "drafts", "events")


def everything(person: Person) -> list[Any]:
    """All that can be seen of a ledger."""
    lists = [items(person, f"/v1/{name}") for name in NAMES]
    lists += [items(person, f"/v1/transactions?voided={value}") for value in ("true", "false")]
    return [*lists, shown(person.get("/v1/balance")), ledger_version(person)]


def test_a_dry_run_tells_the_events_and_the_balance_and_records_nothing(
    person: Person, food: str
) -> None:
    asked = commands(person, food)
    before = everything(person)
    version = ledger_version(person)
    for method, path, body, topics in asked:
        response = person.ask(method, f"{path}?dry_run=true", json=body)
        rehearsal = shown(response, 200)
        assert rehearsal.keys() == {"events", "balance"}, path
        assert [event["topic"] for event in rehearsal["events"]] == topics, path
        versions = [event["version"] for event in rehearsal["events"]]
        assert versions == list(range(version + 1, version + 1 + len(topics)))
        assert rehearsal["balance"].keys() == before[-2].keys()
        assert response.headers["Ledger-Version"] == str(version)
        assert "Location" not in response.headers
        assert "ETag" not in response.headers
    assert everything(person) == before


def test_what_was_rehearsed_is_what_happens(person: Person, food: str) -> None:
    # The last one corrects what an earlier one voids.
    for method, path, body, _ in commands(person, food)[:-1]:
        rehearsal = shown(person.ask(method, f"{path}?dry_run=true", json=body))
        version = ledger_version(person)
        assert person.ask(method, f"{path}?dry_run=false", json=body).status_code < 300, path
        happened = items(person, f"/v1/events?after={version}")
        topics = [event["topic"] for event in rehearsal["events"]]
        assert [event["topic"] for event in happened] == topics, path
        balance = shown(person.get("/v1/balance"))
        assert rehearsal["balance"] == balance, path


def test_a_dry_run_is_refused_like_the_command(person: Person, food: str) -> None:
    entry = record(person, food, 5)
    path = f"/v1/transactions/{entry['id']}?dry_run=true"
    refused(person.delete(f"/v1/categories/{food}?dry_run=true"), 409, "category_in_use")
    stale = {"If-Match": '"1"'}
    refused(person.patch(path, {"amount": 6}, headers=stale), 412, "version_mismatch")
    fresh = {"If-Match": f'"{entry["version"]}"'}
    assert len(shown(person.patch(path, {"amount": 6}, headers=fresh))["events"]) == 1
    body = {"category_id": NOBODYS_ID, "amount": 5}
    refused(person.post("/v1/transactions?dry_run=true", body), 404, "category_not_found")
    body = {"category_id": food, "amount": 0}
    response = person.post("/v1/transactions?dry_run=true", body)
    assert flaws(response) == {("amount", "out_of_range")}
    assert ledger_version(person) == entry["version"]


def test_a_dry_run_neither_reads_nor_writes_keys(
    person: Person, food: str, database: Database
) -> None:
    body = {"category_id": food, "amount": 5}
    path = "/v1/transactions"
    headers = {"Idempotency-Key": "k"}
    response = person.post(f"{path}?dry_run=true", body, headers=headers)
    assert len(shown(response)["events"]) == 1
    row = database.read(lambda c: c.one("SELECT count(*) AS kept FROM idempotency_keys"))
    assert row == {"kept": 0}
    shown(person.post(path, body, headers=headers), 201)
    response = person.post(f"{path}?dry_run=true", {**body, "amount": 6}, headers=headers)
    assert shown(response)["balance"]["expense"] == 11
    assert "Idempotency-Replayed" not in response.headers


def test_dry_run_is_true_or_false(person: Person) -> None:
    body = {"name": "نو", "kind": "expense"}
    for value in ("1", "yes", "True", ""):
        response = person.post(f"/v1/categories?dry_run={value}", body)
        assert flaws(response) == {("dry_run", "not_a_boolean")}
    assert flaws(person.get("/v1/balance?dry_run=true")) == {("dry_run", "unknown_field")}
    assert ledger_version(person) == 1
