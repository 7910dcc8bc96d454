"""Limits: so many requests a second, for each account, and no Redis."""

from collections.abc import Callable
from dataclasses import replace

from flask import Flask

from tests.web.people import Person
from web.app import create_app
from web.services import Services


def limited(services: Services, per_second: int | None) -> Flask:
    settings = replace(services.settings, rate_limit_per_second=per_second)
    return create_app(replace(services, settings=settings))


def test_an_account_asks_so_often_a_second(
    services: Services, sign_in: Callable[..., Person]
) -> None:
    busy, calm = sign_in(), sign_in("09351112233")
    app = limited(services, 3)
    busy.client, calm.client = app.test_client(), app.test_client()
    answers = [busy.get("/v1/me") for _ in range(30)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].get_json()["code"] == "too_many_requests"
    assert refused[0].headers["Retry-After"] == "1"
    assert refused[0].headers["RateLimit-Policy"] == '"account";q=3;w=1'
    assert refused[0].headers["RateLimit"] == '"account";r=0;t=1'
    assert answers[0].headers["RateLimit"] == '"account";r=2;t=1'
    assert "Retry-After" not in answers[0].headers
    assert calm.get("/v1/me").status_code == 200


def test_the_limit_can_be_off(services: Services, sign_in: Callable[..., Person]) -> None:
    person = sign_in()
    person.client = limited(services, None).test_client()
    answers = [person.get("/v1/me") for _ in range(150)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers


def test_refreshing_counts_too(services: Services, sign_in: Callable[..., Person]) -> None:
    person = sign_in()
    person.client = limited(services, 2).test_client()
    statuses = {person.refresh().status_code for _ in range(20)}
    assert 429 in statuses
