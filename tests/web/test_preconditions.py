"""Preconditions: entity tags, If-Match inside the transaction, If-None-Match and 304, Vary."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.web.households import (
    NOBODYS_ID,
    Clock,
    add_category,
    ledger_version,
    record,
    refused,
    shown,
)
from tests.web.people import Person
from web import balance

AZAR: Final = {"start": "1405-09-01", "end": "1405-09-30", "max_amount": 5}


@pytest.fixture(autouse=True)
def frozen(clock: Clock) -> None:
    """The day stands still, so that tags change for other reasons only."""
    clock.set("1405-09-02")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


@pytest.fixture
def resources(person: Person, food: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """A resource of each kind: its path, and two changes."""
    entry = record(person, food, 5)["id"]
    budget = shown(person.post("/v1/budgets", {"category_id": food, **AZAR}), 201)["id"]
    rent = {"category_id": food, "amount": 5, "period": "month"}
    monthly = shown(person.post("/v1/recurrences", rent), 201)["id"]
    unused = add_category(person, name="بی‌کار")
    goal = {"category_id": add_category(person, "savings"), "target_amount": 9}
    goal_id = shown(person.post("/v1/goals", goal), 201)["id"]
    return [
        (f"/v1/categories/{unused}", {"name": "نو"}, {"name": "نوتر"}),
        (f"/v1/transactions/{entry}", {"amount": 6}, {"amount": 7}),
        (f"/v1/budgets/{budget}", {"max_amount": 6}, {"max_amount": 7}),
        (f"/v1/recurrences/{monthly}", {"amount": 6}, {"amount": 7}),
        (f"/v1/goals/{goal_id}", {"name": "نو"}, {"name": "نوتر"}),
    ]


def conditionally(
    person: Person, method: str, path: str, tag: str, body: object = None
) -> TestResponse:
    """A command with If-Match."""
    return person.ask(method, path, json=body, headers={"If-Match": tag})


def test_a_change_goes_through_on_the_version_it_was_made_for(
    person: Person, resources: list[tuple[str, dict[str, Any], dict[str, Any]]]
) -> None:
    for path, change, other in resources:
        read = person.get(path)
        version = shown(read)["version"]
        assert read.headers["ETag"].startswith(f'"{version}')
        first = conditionally(person, "PATCH", path, read.headers["ETag"], change)
        assert first.headers["ETag"] == f'"{shown(first)["version"]}"'
        standing = ledger_version(person)
        weak_or_no_tag = ("W/" + '"1"', "x", "", ",", '"', f'"{standing}')
        for stale in (read.headers["ETag"], f'"{version}"', '"0"', '"x"', '""', *weak_or_no_tag):
            response = conditionally(person, "PATCH", path, stale, other)
            refused(response, 412, "version_mismatch")
            assert response.headers["Ledger-Version"] == str(standing)
            refused(conditionally(person, "DELETE", path, stale), 412, "version_mismatch")
        weak = f"W/{first.headers['ETag']}"
        refused(conditionally(person, "PATCH", path, weak, other), 412, "version_mismatch")
        assert ledger_version(person) == standing
        second = conditionally(person, "PATCH", path, first.headers["ETag"], other)
        both = f'"1", {second.headers["ETag"]}'
        assert conditionally(person, "DELETE", path, both).status_code == 204


def test_a_precondition_is_optional_and_a_star_matches_what_is_there(
    person: Person, resources: list[tuple[str, dict[str, Any], dict[str, Any]]]
) -> None:
    for path, change, other in resources:
        shown(person.patch(path, change))
        shown(conditionally(person, "PATCH", path, "*", other))
        assert conditionally(person, "DELETE", path, "*").status_code == 204
    refused(
        conditionally(person, "DELETE", f"/v1/categories/{NOBODYS_ID}", "*"),
        *(404, "category_not_found"),
    )


def test_a_stale_version_is_told_before_any_rule(person: Person, food: str) -> None:
    entry = record(person, food, 5)
    path = f"/v1/transactions/{entry['id']}"
    assert person.delete(path).status_code == 204
    tag = f'"{entry["version"]}"'
    refused(conditionally(person, "PATCH", path, tag, {"amount": 6}), 412, "version_mismatch")
    category = f"/v1/categories/{food}"
    refused(conditionally(person, "DELETE", category, '"1"'), 412, "version_mismatch")
    refused(
        conditionally(person, "PATCH", path, tag, {"category_id": NOBODYS_ID}),
        *(412, "version_mismatch"),
    )


def test_the_lock_holds_the_precondition(app: Flask, person: Person, food: str) -> None:
    entry = record(person, food, 5)
    path = f"/v1/transactions/{entry['id']}"
    people = [Person(app.test_client(), person.phone, person.tokens) for _ in range(8)]

    def change(number: int) -> int:
        tag = f'"{entry["version"]}"'
        return conditionally(
            people[number], "PATCH", path, tag, {"amount": 10 + number}
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(change, range(8))) == [200] + [412] * 7
    assert ledger_version(person) == entry["version"] + 1


def reads(food: str, entry: str, budget: str) -> list[str]:
    """Every path that is read."""
    return [
        *("/v1/categories", "/v1/transactions", "/v1/budgets", "/v1/balance", "/v1/events"),
        *(f"/v1/categories/{food}", f"/v1/transactions/{entry}", f"/v1/budgets/{budget}"),
        *(f"/v1/transactions/{entry}/history", "/v1/balance?as_of=1405-01-01"),
        *("/v1/reports/monthly?year=1405&month=8", "/v1/reports/yearly?year=1405"),
        *("/v1/reports/categories", "/v1/reports/budgets", "/v1/reports/trend"),
        *("/v1/savings/policy", "/v1/recurrences", "/v1/drafts"),
        *(f"/v1/budgets/{budget}/periods", "/v1/goals"),
        *("/v1/reports/calendar?year=1405&month=8", "/v1/reports/largest"),
        *("/v1/reports/growth", "/v1/reports/forecast"),
    ]


@pytest.fixture
def paths(person: Person, food: str) -> list[str]:
    """Every path that is read, with something to read at each."""
    entry = record(person, food, 5)["id"]
    budget = shown(person.post("/v1/budgets", {"category_id": food, **AZAR}), 201)["id"]
    return reads(food, entry, budget)


def test_what_has_not_changed_is_not_sent_again(person: Person, paths: list[str]) -> None:
    for path in paths:
        first = person.get(path)
        tag = first.headers["ETag"]
        for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            again = person.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.data) == (304, b""), (path, known)
            assert again.headers["ETag"] == tag
            assert not {"Content-Type", "Content-Length"} & set(again.headers.keys())
            assert again.headers["Ledger-Version"] == first.headers["Ledger-Version"]
            assert "Accept-Language" in again.headers["Vary"]
        for other in ('"x"', tag.replace('"', '"1', 1), f'{tag[:-1]}x"'):
            assert person.get(path, headers={"If-None-Match": other}).status_code == 200


def test_what_the_client_has_is_not_made(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/v1/balance?as_of=1405-09-02"
    tag = person.get(path).headers["ETag"]
    monkeypatch.delattr(balance, "balance_as_of")
    for known in (tag, "*"):
        again = person.get(path, headers={"If-None-Match": known})
        assert again.status_code == 304
    assert person.get(path).status_code == 500


def test_the_tag_covers_ledger_day_and_language(
    person: Person, paths: list[str], food: str, clock: Clock
) -> None:
    for path in paths:

        def tag_now(language: str = "fa", path: str = path) -> str:
            return person.get(path, headers={"Accept-Language": language}).headers["ETag"]

        first = tag_now()
        assert tag_now("fa-IR") == tag_now("de") == first
        english = tag_now("en")
        assert english != first
        clock.set("1405-09-03")
        assert tag_now() != first
        clock.set("1405-09-02")
        assert tag_now() == first
        record(person, food, 1)
        assert tag_now() != first
        for known in (first, english):
            assert person.get(path, headers={"If-None-Match": known}).status_code == 200


def test_a_tag_does_not_stand_for_what_is_not_there(person: Person, paths: list[str]) -> None:
    tags = [person.get(path).headers["ETag"] for path in paths]
    for known in (*tags, "*"):
        headers = {"If-None-Match": known}
        for path, status in (
            (f"/v1/transactions/{NOBODYS_ID}", 404),
            (f"/v1/transactions/{NOBODYS_ID}/history", 404),
            (f"/v1/categories/{NOBODYS_ID}", 404),
            ("/v1/transactions?cursor=x", 422),
            ("/v1/transactions?limit=0", 422),
        ):
            assert person.get(path, headers=headers).status_code == status


def test_answers_differ_by_language_and_belong_to_one_person(
    person: Person, paths: list[str]
) -> None:
    for path in paths:
        response = person.get(path)
        assert "Accept-Language" in response.headers["Vary"]
        assert "private" in response.headers["Cache-Control"]
    assert "Accept" in person.get("/v1/events").vary
    refusal = person.post("/v1/transactions", {})
    assert "Accept-Language" in refusal.headers["Vary"]


def test_every_answer_about_a_ledger_carries_its_version(
    person: Person, paths: list[str], food: str
) -> None:
    version = str(ledger_version(person))
    answers = [person.get(path) for path in paths]
    answers += [
        person.get(f"/v1/transactions/{NOBODYS_ID}"),
        person.get("/v1/transactions?cursor=x"),
        person.patch(f"/v1/transactions/{NOBODYS_ID}", {}),
        person.delete(f"/v1/categories/{food}"),
        person.post("/v1/transactions", {"category_id": NOBODYS_ID, "amount": 5}),
        person.post("/v1/transactions?dry_run=true", {"category_id": food, "amount": 5}),
        person.get("/v1/events", headers={"Accept": "application/x-ndjson"}),
    ]
    assert {answer.headers["Ledger-Version"] for answer in answers} == {version}
