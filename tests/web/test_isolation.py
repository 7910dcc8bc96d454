"""Isolation: every endpoint with another person's ids, and nothing of theirs in any answer."""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, Final
from uuid import UUID

import pytest
from flask import Flask

from domain.store.checkpoints import new_signer, sign_checkpoint
from domain.store.ledgers import utc_now
from domain.store.notices import tell
from tests.web.households import (
    NOBODYS_ID,
    add_category,
    items,
    ledger_version,
    record,
    refused,
    shown,
)
from tests.web.people import Person
from web.services import Services

SECRET: Final = "رازی که تنها نرگس می‌داند"
BUDGET: Final = {"start": "1405-09-01", "end": "1405-09-30", "max_amount": 5}
DAILY: Final = {"period": "day", "mode": "draft", "amount": 424242, "description": SECRET}

# For every path with an id: whose ids it takes, and a body that would do for each method.
WITH_IDS: Final[dict[str, tuple[str, dict[str, object]]]] = {
    "/v1/auth/sessions/<uuid:session_id>": ("session", {}),
    "/v1/categories/<uuid:category_id>": ("category", {"PATCH": {"name": "دزدی"}}),
    "/v1/transactions/<uuid:transaction_id>": ("transaction", {"PATCH": {"amount": 6}}),
    "/v1/transactions/<uuid:transaction_id>/restore": ("transaction", {}),
    "/v1/transactions/<uuid:transaction_id>/history": ("transaction", {}),
    "/v1/budgets/<uuid:budget_id>": ("budget", {"PATCH": {"max_amount": 6}}),
    "/v1/budgets/<uuid:budget_id>/periods": ("budget", {}),
    "/v1/webhooks/<uuid:webhook_id>": ("webhook", {"PATCH": {"events": ["*"]}}),
    "/v1/webhooks/<uuid:webhook_id>/secret": ("webhook", {}),
    "/v1/webhooks/<uuid:webhook_id>/test": ("webhook", {}),
    "/v1/webhooks/<uuid:webhook_id>/deliveries": ("webhook", {}),
    "/v1/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>": ("webhook", {}),
    "/v1/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/replay": ("webhook", {}),
    "/v1/recurrences/<uuid:recurrence_id>": ("recurrence", {"PATCH": {"amount": 6}}),
    "/v1/recurrences/<uuid:recurrence_id>/upcoming": ("recurrence", {}),
    "/v1/drafts/<uuid:draft_id>": ("draft", {}),
    "/v1/drafts/<uuid:draft_id>/confirm": ("draft", {"POST": {"amount": 6}}),
    "/v1/goals/<uuid:goal_id>": ("goal", {"PATCH": {"name": "دزدی"}}),
    "/v1/jobs/<uuid:job_id>": ("job", {}),
    "/v1/notifications/<uuid:notification_id>/read": ("notification", {}),
    "/v1/imports/<uuid:import_id>": ("import", {}),
    "/v1/exports/<uuid:export_id>": ("export", {}),
    "/v1/imports/<uuid:import_id>/rows": ("import", {}),
}
# Paths without an id that are read, each asked in a way that would show everything.
READ: Final[dict[str, list[str]]] = {
    "/v1/auth/sessions": [""],
    "/v1/me": [""],
    "/v1/me/accesses": [""],
    "/v1/categories": [""],
    "/v1/transactions": ["", "?voided=true"],
    "/v1/budgets": [""],
    "/v1/recurrences": [""],
    "/v1/drafts": [""],
    "/v1/goals": [""],
    "/v1/savings/policy": [""],
    "/v1/webhooks": [""],
    "/v1/balance": ["", "?as_of=1500-12-29"],
    "/v1/events": [""],
    "/v1/notifications": ["", "?unread=true"],
    "/v1/notifications/settings": [""],
    "/v1/changes": ["?since=0"],
    "/v1/events/proof": [""],
    "/v1/reports/monthly": ["?year=1405&month=9"],
    "/v1/reports/yearly": ["?year=1405"],
    "/v1/reports/categories": [""],
    "/v1/reports/budgets": ["?on=1405-09-02"],
    "/v1/reports/trend": ["?until=1405-09"],
    "/v1/reports/growth": [""],
    "/v1/reports/forecast": [""],
    "/v1/reports/calendar": ["?year=1405&month=9"],
    "/v1/reports/largest": [""],
}
OPEN: Final = {"/v1/openapi.json"}
NO_COMMANDS: Final = ("session", "notification")
"""They change nothing in a ledger, and know no dry run."""

FOR_ROLES: Final = ("/v1/audit/", "/v1/ops/")
"""Where people without a role find nothing at all: see `test_roles.py`."""


@pytest.fixture
def narges(sign_in: Callable[..., Person]) -> Person:
    """Somebody with a ledger full of secrets."""
    return sign_in("09351112233")


@pytest.fixture
def hers(narges: Person, services: Services) -> dict[str, str]:
    """An id of each kind of thing that is hers."""
    category = add_category(narges, "expense", SECRET)
    entry = record(narges, category, 424242, "1405-09-02", description=SECRET)["id"]
    voided = record(narges, category, 434343, "1405-09-02", description=SECRET)["id"]
    narges.delete(f"/v1/transactions/{voided}")
    budget = shown(narges.post("/v1/budgets", {"category_id": category, **BUDGET}), 201)["id"]
    daily = {"category_id": category, **DAILY}
    recurrence = shown(narges.post("/v1/recurrences", daily), 201)["id"]
    [draft] = items(narges, "/v1/drafts")
    fund = add_category(narges, "savings", f"{SECRET} من")
    goal = {"category_id": fund, "name": SECRET, "target_amount": 9}
    goal_id = shown(narges.post("/v1/goals", goal), 201)["id"]
    file = (BytesIO(f"date,amount,category\n1405-09-02,5,{SECRET}\n".encode()), "a.csv")
    brought = narges.ask("POST", "/v1/imports", data={"file": file})
    assert brought.status_code == 202, brought.text
    job = brought.get_json()["job_id"]
    sign_checkpoint(services.database, new_signer(services.settings), utc_now())
    export = narges.post("/v1/exports", {"format": "csv"}).get_json()["job_id"]
    hook = {"url": "https://narges.example.ir", "events": ["*"], "description": SECRET}
    webhook = shown(narges.post("/v1/webhooks", hook), 201)["id"]
    [session] = narges.get("/v1/auth/sessions").get_json()["items"]
    return {
        "category": category,
        "transaction": entry,
        "voided": voided,
        "budget": budget,
        "recurrence": recurrence,
        "draft": draft["id"],
        "fund": fund,
        "goal": goal_id,
        "session": session["id"],
        "job": job,
        "import": job,
        "export": export,
        "webhook": webhook,
        "notification": tell_secret(services, narges),
    }


def tell_secret(services: Services, person: Person) -> str:
    """A notification that only this person may read."""
    ledger_id = UUID(person.get("/v1/me").get_json()["ledger_id"])
    data = {"device": SECRET}
    services.database.write(lambda c: tell(c, ledger_id, "sign_in", SECRET, data, utc_now()))
    [notice] = items(person, "/v1/notifications")
    return str(notice["id"])


def rules(app: Flask) -> Iterator[tuple[str, str]]:
    """Every path of the API that is for everybody, and each of its methods."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/v1/") and not rule.rule.startswith(FOR_ROLES):
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield rule.rule, method


def seen_by(person: Person) -> list[Any]:
    """All that a person sees of their own."""
    paths = [path + query for path, queries in READ.items() for query in queries]
    return [person.get(path).get_json() for path in paths]


def test_every_path_is_in_the_matrix(app: Flask) -> None:
    with_ids = {rule for rule, _ in rules(app) if "<" in rule}
    assert with_ids == WITH_IDS.keys()
    read = {rule for rule, method in rules(app) if "<" not in rule and method == "GET"}
    assert read == READ.keys() | OPEN


def test_another_person_s_ids_are_as_unknown_on_every_path(
    app: Flask, person: Person, narges: Person, hers: dict[str, str]
) -> None:
    before = seen_by(narges)
    asked = 0
    for rule, method in rules(app):
        if "<" not in rule:
            continue
        kind, bodies = WITH_IDS[rule]
        for query in (
            ("", "?dry_run=true") if method != "GET" and kind not in NO_COMMANDS else ("",)
        ):
            answers = []
            for resource_id in (hers[kind], NOBODYS_ID):
                path = re.sub("<.*?>", resource_id, rule) + query
                answer = person.ask(method, path, json=bodies.get(method))
                refused(answer, 404, f"{kind}_not_found")
                answers.append({**answer.get_json(), "request_id": None})
            assert answers[0] == answers[1], (method, rule)
            asked += 1
    assert asked >= len(WITH_IDS)
    assert seen_by(narges) == before
    assert ledger_version(person) == 1


def test_preconditions_and_keys_do_not_help(person: Person, hers: dict[str, str]) -> None:
    path = f"/v1/transactions/{hers['transaction']}"
    for headers in ({"If-Match": "*"}, {"If-Match": '"3"'}, {"Idempotency-Key": "k"}):
        answer = person.patch(path, {"amount": 6}, headers=headers)
        refused(answer, 404, "transaction_not_found")
    refused(person.get(path, headers={"If-None-Match": "*"}), 404, "transaction_not_found")


def test_another_person_s_categories_are_as_unknown_in_bodies(
    person: Person, narges: Person, hers: dict[str, str]
) -> None:
    before = seen_by(narges)
    mine = add_category(person, "expense", "خوراک")
    entry = record(person, mine, 5)["id"]
    budget = shown(person.post("/v1/budgets", {"category_id": mine, **BUDGET}), 201)["id"]
    daily = shown(person.post("/v1/recurrences", {"category_id": mine, **DAILY}), 201)["id"]
    version = ledger_version(person)
    item = {"category_id": hers["category"], "amount": 5}
    change = {"category_id": hers["category"]}
    for method, path, body in (
        ("POST", "/v1/transactions", item),
        ("PATCH", f"/v1/transactions/{entry}", change),
        ("POST", "/v1/budgets", {**change, **BUDGET}),
        ("PATCH", f"/v1/budgets/{budget}", change),
        ("PUT", "/v1/savings/policy", {**change, "enabled": True, "keep": 0}),
        ("POST", "/v1/recurrences", {**change, **DAILY}),
        ("PATCH", f"/v1/recurrences/{daily}", change),
    ):
        refused(person.ask(method, path, json=body), 404, "category_not_found")
    batch = {"items": [item], "atomic": False}
    [result] = shown(person.post("/v1/transactions/batch", batch), 207)["items"]
    assert result["problem"]["code"] == "category_not_found"
    refused(person.post("/v1/transactions/batch", {"items": [item]}), 422, "validation_failed")
    assert ledger_version(person) == version
    assert seen_by(narges) == before
    for path in (f"transactions?category_id={hers['category']}", "reports/categories?kind=income"):
        assert shown(person.get(f"/v1/{path}"))["items"] == []
    assert items(person, f"/v1/budgets?category_id={hers['category']}") == []


def test_nothing_of_hers_is_in_any_answer(person: Person, hers: dict[str, str]) -> None:
    for path, queries in READ.items():
        for query in queries:
            answer = person.get(path + query)
            assert answer.status_code == 200, path
            for value in (SECRET, "424242", "434343", *hers.values()):
                assert value not in answer.text, (path, value)
    stream = person.get("/v1/events", headers={"Accept": "application/x-ndjson"})
    assert SECRET not in stream.text
    assert len(stream.text.splitlines()) == 1
    assert items(person, "/v1/transactions?q=" + SECRET) == []


def test_ids_and_names_are_free_in_another_ledger(
    person: Person, narges: Person, hers: dict[str, str]
) -> None:
    before = seen_by(narges)
    category = hers["category"]
    body = {"id": category, "name": SECRET, "kind": "income"}
    assert shown(person.post("/v1/categories", body), 201)["id"] == category
    entry = {"id": hers["transaction"], "category_id": category, "amount": 7}
    shown(person.post("/v1/transactions", entry), 201)
    budget = {"id": hers["budget"], "category_id": category, **BUDGET}
    shown(person.post("/v1/budgets", budget), 201)
    assert shown(person.get(f"/v1/transactions/{hers['transaction']}"))["amount"] == 7
    assert shown(narges.get(f"/v1/transactions/{hers['transaction']}"))["amount"] == 424242
    assert person.delete(f"/v1/transactions/{hers['transaction']}").status_code == 204
    assert person.delete(f"/v1/budgets/{hers['budget']}").status_code == 204
    assert seen_by(narges) == before


def test_a_cursor_of_hers_shows_only_one_s_own(
    person: Person, narges: Person, hers: dict[str, str]
) -> None:
    record(narges, hers["category"], 5)
    cursor = shown(narges.get("/v1/transactions?limit=1&sort=date"))["next_cursor"]
    mine = add_category(person, "expense", "خوراک")
    own = {record(person, mine, 5, f"140{year}-01-01")["id"] for year in (4, 6)}
    listed = items(person, f"/v1/transactions?sort=date&cursor={cursor}")
    assert {item["id"] for item in listed} <= own
