"""The saving policy over HTTP: it is said whole, and what came of it is shown."""

from typing import Any, Final

import pytest

from domain.auto_saving import SaveMonth
from tests.web.households import (
    NOBODYS_ID,
    Clock,
    add_category,
    flaws,
    items,
    ledger_version,
    record,
    refused,
    shown,
)
from tests.web.people import Person, ledger_of
from web.services import Services

PATH: Final = "/v1/savings/policy"
NEVER_SET: Final = {
    "enabled": False,
    "keep": 0,
    "category_id": None,
    "from_month": None,
    "next_month": None,
    "last": None,
    "version": 0,
}


@pytest.fixture(autouse=True)
def azar(clock: Clock) -> None:
    """It is the second of Azar 1405."""
    clock.set("1405-09-02")


@pytest.fixture
def nest_egg(person: Person) -> str:
    """The id of a savings category."""
    return add_category(person, "savings", "قلک")


def put(person: Person, tag: str | None = None, query: str = "", **body: Any) -> Any:
    """Say what the policy is to be."""
    headers = {} if tag is None else {"If-Match": tag}
    return person.ask("PUT", PATH + query, json={"keep": 0, **body}, headers=headers)


def save_month(person: Person, services: Services) -> list[Any]:
    """What the clock does when a month has ended."""
    store, ledger = services.ledgers, ledger_of(services.database, person.account_id)
    return store.transact(ledger, "worker:auto-saving", lambda b: b.record(SaveMonth()))


def test_a_policy_that_was_never_set_saves_nothing(person: Person) -> None:
    answer = person.get(PATH)
    assert shown(answer) == NEVER_SET
    assert answer.headers["ETag"].startswith('"0.')
    unchanged = put(person, enabled=False)
    assert shown(unchanged) == NEVER_SET
    assert ledger_version(person) == 1


def test_it_is_said_whole_and_begins_with_this_month(person: Person, nest_egg: str) -> None:
    answer = put(person, enabled=True, keep=5, unit="toman", category_id=nest_egg)
    version = ledger_version(person)
    policy = {
        **NEVER_SET,
        "enabled": True,
        "keep": 50,
        "category_id": nest_egg,
        "from_month": "1405-09",
        "next_month": "1405-09",
        "version": version,
    }
    assert shown(answer) == policy
    assert answer.headers["ETag"] == f'"{version}"'
    assert shown(person.get(PATH)) == policy
    bare = shown(put(person, enabled=True))
    assert bare == {**policy, "keep": 0, "category_id": None, "version": version + 1}


def test_a_month_that_was_saved_is_shown(
    person: Person, nest_egg: str, clock: Clock, services: Services
) -> None:
    pay = add_category(person, "income", "حقوق")
    record(person, pay, 1000, "1405-09-30")
    shown(put(person, enabled=True, keep=100, category_id=nest_egg))
    assert save_month(person, services) == []
    clock.set("1405-11-01")
    assert len(save_month(person, services)) == 2
    found = shown(person.get(PATH))
    entry = found["last"]["transaction_id"]
    assert found["last"] == {"month": "1405-09", "amount": 900, "transaction_id": entry}
    assert (found["next_month"], found["version"]) == ("1405-10", ledger_version(person))
    deposit = shown(person.get(f"/v1/transactions/{entry}"))
    assert (deposit["amount"], deposit["date"]) == (900, "1405-09-30")
    assert items(person, "/v1/events")[-1]["actor"] == "worker:auto-saving"
    assert len(save_month(person, services)) == 1
    last = shown(person.get(PATH))["last"]
    assert last == {"month": "1405-10", "amount": 0, "transaction_id": None}
    assert save_month(person, services) == []
    changes = shown(person.get(f"/v1/changes?since={ledger_version(person) - 1}"))
    assert changes["saving_policy"]["last"] == last
    stopped = shown(put(person, enabled=False))
    assert (stopped["next_month"], stopped["last"]) == (None, last)


def test_months_that_are_due_are_saved_by_the_policy_that_held_when_they_ended(
    person: Person, nest_egg: str, clock: Clock
) -> None:
    pay, rent = add_category(person, "income", "حقوق"), add_category(person, "expense", "اجاره")
    record(person, pay, 1000, "1405-09-03")
    plan = {"category_id": rent, "amount": 300, "period": "month", "start": "1405-10-01"}
    shown(person.post("/v1/recurrences", plan), 201)
    shown(put(person, enabled=True, keep=100, category_id=nest_egg))
    clock.set("1405-11-02")
    tried = shown(put(person, query="?dry_run=true", enabled=False))
    assert tried["balance"]["balance"] == 100
    stopped = shown(put(person, enabled=False))
    # Of Azar's 1000, two months' rent is promised away, and 100 stay.
    saved = [e["data"]["month"] for e in items(person, "/v1/events") if "done" in e["topic"]]
    assert saved == [140509, 140510]
    assert (stopped["enabled"], stopped["last"]["amount"]) == (False, 0)
    assert shown(person.get("/v1/balance"))["savings"] == 300
    again = shown(put(person, enabled=True, keep=100))
    assert (again["from_month"], again["next_month"]) == ("1405-11", "1405-11")


def test_it_is_changed_only_as_it_was_seen(person: Person) -> None:
    seen = person.get(PATH).headers["ETag"]
    first = put(person, seen, enabled=True)
    refused(put(person, seen, enabled=False), 412, "version_mismatch")
    again = put(person, first.headers["ETag"], enabled=False)
    assert shown(again)["enabled"] is False


def test_what_is_wrong_with_it_is_named(person: Person, nest_egg: str) -> None:
    assert flaws(person.ask("PUT", PATH, json={})) == {
        ("enabled", "required"),
        ("keep", "required"),
    }
    for body, flaw in (
        ({"enabled": 1}, ("enabled", "not_a_boolean")),
        ({"enabled": True, "keep": -1}, ("keep", "out_of_range")),
        ({"enabled": True, "category_id": "x"}, ("category_id", "invalid_uuid")),
        ({"enabled": True, "from_month": "1405-01"}, ("from_month", "unknown_field")),
    ):
        assert flaws(put(person, **body)) == {flaw}
    food = add_category(person, "expense")
    for category_id, status, code in (
        (NOBODYS_ID, 404, "category_not_found"),
        (food, 409, "kind_mismatch"),
    ):
        refused(put(person, enabled=True, category_id=category_id), status, code)
    shown(person.patch(f"/v1/categories/{nest_egg}", {"is_active": False}))
    refused(put(person, enabled=True, category_id=nest_egg), 409, "category_inactive")


def test_its_category_cannot_be_removed(person: Person, nest_egg: str) -> None:
    shown(put(person, enabled=False, category_id=nest_egg))
    refused(person.delete(f"/v1/categories/{nest_egg}"), 409, "category_in_use")
    shown(put(person, enabled=False))
    assert person.delete(f"/v1/categories/{nest_egg}").status_code == 204
