"""Metrics: what is counted, under which names, and how few."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import uuid4

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from rq import Queue

from domain.store import tallies
from tests.keeper import ROOT
from tests.servers import free_port
from tests.web.people import Outbox, Person
from web.app import create_app
from web.services import Services

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def samples(client: FlaskClient) -> Samples:
    """Every sample at /metrics, by its name and labels."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def of(found: Samples, name: str, **labels: str) -> float:
    """The value of one sample; 0 while it was never counted."""
    return found.get((name, frozenset(labels.items())), 0)


class Growth:
    """By how much samples have grown since this was made."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self._before = samples(client)

    def __call__(self, name: str, **labels: str) -> float:
        """How much one sample has grown."""
        return of(samples(self._client), name, **labels) - of(self._before, name, **labels)


@pytest.fixture
def grown(client: FlaskClient) -> Growth:
    """How much metrics have grown since the test began."""
    return Growth(client)


def test_requests_are_counted_by_route_method_and_status(
    grown: Growth, client: FlaskClient, person: Person
) -> None:
    for _ in range(3):
        person.get(f"/v1/transactions/{uuid4()}")
    client.get("/v1/me")
    transaction = {"route": "/v1/transactions/<uuid:transaction_id>", "method": "GET"}
    assert grown("dakhl_requests_total", **transaction, status="4xx") == 3
    assert grown("dakhl_request_seconds_count", **transaction) == 3
    assert 0 < grown("dakhl_request_seconds_sum", **transaction) < 60
    assert grown("dakhl_requests_total", route="/v1/me", method="GET", status="4xx") == 1
    assert grown("dakhl_problems_total", code="transaction_not_found") == 3
    assert grown("dakhl_problems_total", code="token_missing") == 1


def test_whatever_is_asked_for_makes_no_new_series(client: FlaskClient) -> None:
    def ask(word: str) -> None:
        client.get(f"/nowhere/{word}")
        client.open("/healthz", method=f"FROB{word}")
        client.get("/healthz", headers={"X-Request-Id": word})

    ask("0")
    samples(client)
    before = samples(client).keys()
    for number in range(1, 50):
        ask(str(number))
    assert samples(client).keys() == before


def test_commands_are_counted_by_what_became_of_them(grown: Growth, person: Person) -> None:
    category = {"name": "نان", "kind": "expense", "id": str(uuid4())}
    key = {"headers": {"Idempotency-Key": "k"}}
    for _ in range(2):
        assert person.post("/v1/categories", category, **key).status_code == 201
    assert person.post("/v1/categories", category).status_code == 200
    assert person.post("/v1/categories", {**category, "id": str(uuid4())}).status_code == 409
    other = {**category, "name": "شیر", "id": str(uuid4())}
    assert person.post("/v1/categories?dry_run=true", other).status_code == 200
    assert person.post("/v1/categories", {}).status_code == 422
    outcomes = ("recorded", "replayed", "unchanged", "refused:category_name_taken", "rehearsed")
    for outcome in outcomes:
        assert grown("dakhl_commands_total", command="addCategory", outcome=outcome) == 1, outcome
    assert grown("dakhl_problems_total", code="category_name_taken") == 1
    malformed = {"command": "addCategory", "outcome": "refused:validation_failed"}
    assert grown("dakhl_commands_total", **malformed) == 0


def test_steps_of_signing_in_are_counted(
    grown: Growth, app: Flask, client: FlaskClient, outbox: Outbox, sign_in: Callable[..., Person]
) -> None:
    person = sign_in("09121234567")
    assert client.post("/v1/auth/otp", json={"phone": "09121234567"}).status_code == 429
    wrong = {**outbox.ask_for_code(app, "09351112233"), "code": "x"}
    wrong["code"] = "000000" if outbox.sent[-1][1] != "000000" else "111111"
    assert client.post("/v1/auth/token", json=wrong).status_code == 401
    assert person.refresh().status_code == 200
    expected = {
        ("otp", "issued"): 2,
        ("otp", "refused:otp_cooldown"): 1,
        ("token", "verified"): 1,
        ("token", "refused:otp_invalid"): 1,
        ("refresh", "rotated"): 1,
    }
    for (step, outcome), number in expected.items():
        assert grown("dakhl_sign_ins_total", step=step, outcome=outcome) == number, (step, outcome)


def test_what_redis_knows_is_told(client: FlaskClient, valkey: redis.Redis) -> None:
    queue = Queue("some-queue", connection=valkey)
    for _ in range(3):
        queue.enqueue("nowhere.nothing")
    tallies.count(valkey, "sms", "kavenegar", "sent")
    for _ in range(2):
        tallies.count(valkey, "jobs", "scrub_after_erasures", "failed")
    tallies.note_look(valkey, time.time() - 7)
    found = samples(client)
    assert 7 <= of(found, "dakhl_follower_seconds") < 60
    assert of(found, "dakhl_redis_up") == 1
    assert of(found, "dakhl_queue_depth", queue="some-queue") == 3
    assert of(found, "dakhl_sms_total", provider="kavenegar", outcome="sent") == 1
    assert of(found, "dakhl_jobs_total", job="scrub_after_erasures", outcome="failed") == 2


def test_without_redis_the_rest_is_told(services: Services) -> None:
    with redis.Redis(port=free_port()) as nobody:
        found = samples(create_app(replace(services, redis=nobody)).test_client())
    assert of(found, "dakhl_redis_up") == 0
    assert not any(name == "dakhl_queue_depth" for name, _labels in found)
    assert any(name == "dakhl_requests_total" for name, _labels in found)


def test_what_an_alert_watches_is_there_from_the_start(client: FlaskClient) -> None:
    found = samples(client)
    for code in ("internal_error", "store_unavailable", "outcome_unknown", "auth_unavailable"):
        assert ("dakhl_problems_total", frozenset({("code", code)})) in found


def test_every_metric_is_explained(client: FlaskClient) -> None:
    text = client.get("/metrics").text
    told = set(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    page = (ROOT / "docs" / "metrics.md").read_text()
    explained = set(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE))
    assert told == explained
