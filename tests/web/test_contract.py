"""The OpenAPI document against the service: random requests, good and bad, and what they get."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode

from domain.store.database import Database
from tests.web.households import add_category, items, record, shown
from tests.web.people import Person, ledger_of

EXAMPLES: Final = 20
# They would end the session that everything else is asked with, or wait for a code.
LEFT_OUT: Final = {
    *("POST /v1/auth/otp", "POST /v1/auth/token", "POST /v1/auth/refresh", "POST /v1/auth/logout"),
    *("DELETE /v1/auth/sessions", "DELETE /v1/auth/sessions/{session_id}", "DELETE /v1/me"),
    "POST /v1/imports",
    # A sixth that waits is one too many.
    "POST /v1/exports",
}
# There is nothing to prove before a checkpoint was signed.
PROVEN: Final = {"GET /v1/audit/ledgers/{ledger_id}/proof"}
# A schema cannot say which ids exist, which days a month has, or that least is less than most.
RULES: Final = ["2xx", "404", "409", "412", "422"]
# A batch in which each item is for itself says in its 207 which of them were refused.
REFUSALS: Final = ["207", "400", "401", "404", "405", "406", "409", "415", "422", "429", "5xx"]

ON_BOTH_DATABASES: Final = pytest.mark.parametrize(
    "database_url",
    [
        "sqlite",
        pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow]),
    ],
    indirect=True,
)


@pytest.fixture
def schema(app: Flask, person: Person) -> Any:
    """The document as schemathesis reads it, and somebody to ask as."""
    return schema_for(app, person)


def schema_for(app: Flask, person: Person) -> Any:
    """The document, every request of which is this person's."""
    config = {
        "checks": {
            "positive_data_acceptance": {"expected-statuses": RULES},
            "negative_data_rejection": {"expected-statuses": REFUSALS},
        },
        "auth": {"openapi": {"bearer": {"bearer": person.tokens["access_token"]}}},
    }
    return schemathesis.openapi.from_wsgi(
        "/v1/openapi.json", app, config=schemathesis.Config.from_dict(config)
    )


def known_ids(person: Person) -> dict[str, str]:
    """Something to find at every path."""
    category = add_category(person, "expense", "خوراک")
    budget = {"category_id": category, "start": "1405-09-01", "end": "1405-09-30", "max_amount": 9}
    daily = {"category_id": category, "amount": 5, "period": "day", "mode": "draft"}
    goal = {"category_id": add_category(person, "savings"), "target_amount": 9}
    hook = {"url": "https://example.ir/hook", "events": ["*"]}
    webhook = shown(person.post("/v1/webhooks", hook), 201)["id"]
    return {
        "webhook_id": webhook,
        "delivery_id": shown(person.post(f"/v1/webhooks/{webhook}/test"), 202)["id"],
        "recurrence_id": shown(person.post("/v1/recurrences", daily), 201)["id"],
        "draft_id": items(person, "/v1/drafts")[0]["id"],
        "category_id": category,
        "transaction_id": record(person, category, 5)["id"],
        "budget_id": shown(person.post("/v1/budgets", budget), 201)["id"],
        "goal_id": shown(person.post("/v1/goals", goal), 201)["id"],
    }


def with_known_ids(ids: dict[str, str]) -> Callable[[Case[Any]], Case[Any]]:
    """Makes a request ask for things that are there."""

    def changed(case: Case[Any]) -> Case[Any]:
        case.path_parameters = {
            name: ids.get(name, value) for name, value in (case.path_parameters or {}).items()
        }
        if isinstance(case.body, dict) and "category_id" in case.body:
            case.body = {**case.body, "category_id": ids["category_id"]}
        return case

    return changed


@ON_BOTH_DATABASES
def test_every_operation_keeps_to_the_document(schema: Any, person: Person) -> None:
    ids = known_ids(person)
    statuses: Counter[tuple[str, int]] = Counter()
    for found in schema.get_all_operations():
        if found.ok().label not in LEFT_OUT:
            check_operation(found.ok(), ids, statuses)
    succeeded = {label for label, status in statuses if status < 300}
    refused = {label for label, status in statuses if status >= 400}
    assert len(succeeded) >= 20, "random requests no longer get through"
    assert len(refused) >= 25


@ON_BOTH_DATABASES
def test_every_operation_for_auditors_keeps_to_the_document(
    app: Flask, auditor: Person, person: Person, database: Database
) -> None:
    known_ids(person)
    ids = {"ledger_id": str(ledger_of(database, person.account_id))}
    statuses: Counter[tuple[str, int]] = Counter()
    asked = set()
    for found in schema_for(app, auditor).get_all_operations():
        operation = found.ok()
        if operation.definition.raw.get("x-role") == "auditor":
            asked.add(operation.label)
            check_operation(operation, ids, statuses)
    of_ledgers = {label for label in asked if label.startswith("GET /v1/audit/ledgers")}
    assert len(of_ledgers) >= 4
    assert {label for label, status in statuses if status == 200} >= of_ledgers - PROVEN


def check_operation(
    operation: Any, ids: dict[str, str], statuses: Counter[tuple[str, int]]
) -> None:
    """Ask for anything, for things that are there, and for what makes no sense."""
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    for strategy in (good, good.map(with_known_ids(ids)), bad):
        check(strategy, statuses)


def check(strategy: Any, statuses: Counter[tuple[str, int]]) -> None:
    """Ask a few times, with every check there is, the same ones on every run."""

    @given(case=strategy)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case[Any]) -> None:
        response = case.call_and_validate()
        statuses[case.operation.label, response.status_code] += 1

    ask()


def test_every_operation_documents_its_problems_and_headers(schema: Any) -> None:
    document = schema.raw_schema
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters" or operation.get("security") != [{"bearer": []}]:
                continue
            label = (method, path)
            names = {parameter.get("name") for parameter in operation["parameters"]}
            problems = {"401", "403", "404", "422", "429", "503"}
            if "dry_run" in names:
                problems |= {"400", "409", "412", "413", "415"}
                assert "Idempotency-Key" in names, label
                assert "200" in operation["responses"], label
                assert ("If-Match" in names) == (method in ("patch", "delete")), label
            assert problems <= operation["responses"].keys(), label
            assert "Accept-Language" in names, label


def test_every_command_can_be_rehearsed(app: Flask, schema: Any) -> None:
    """Whatever changes a ledger takes `dry_run`, and what does not, does not."""
    document = schema.raw_schema
    elsewhere: tuple[str, ...] = ("/v1/auth/", "/v1/me", "/v1/imports", "/v1/exports", "/v1/ops/")
    elsewhere += ("/v1/notifications",)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters" or path.startswith(elsewhere):
                continue
            names = {parameter.get("name") for parameter in operation["parameters"]}
            assert ("dry_run" in names) == (method != "get"), (method, path)
