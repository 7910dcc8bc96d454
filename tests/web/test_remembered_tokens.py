"""Remembered tokens: taken apart once, and asked each time whether they still let anybody in."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.servers import wait_until
from tests.web.people import Person, bearer
from tests.web.test_sessions import claims_of, problem, signed
from web import auth
from web.app import create_app
from web.services import Services

SignIn = Callable[..., Person]


def remembered(app: Flask) -> Any:
    """How many tokens an app remembers, and how often it did."""
    return app.extensions[auth._REMEMBERED].cache_info()


def asking(person: Person, header: str) -> TestResponse:
    """The balance, asked for with a header as it stands."""
    return person.client.get("/v1/balance", headers={"Authorization": header})


def test_a_token_is_taken_apart_once(app: Flask, sign_in: SignIn) -> None:
    person = sign_in()
    assert {person.get("/v1/balance").status_code for _ in range(5)} == {200}
    assert (remembered(app).misses, remembered(app).hits) == (1, 4)


def test_a_remembered_token_expires(sign_in: SignIn, services: Services) -> None:
    person = sign_in()
    claims = {**claims_of(person.tokens["access_token"]), "exp": int(time.time()) + 2}
    headers = bearer(signed(claims, services.settings.jwt_secret_key))
    assert person.client.get("/v1/balance", headers=headers).status_code == 200
    wait_until(lambda: time.time() >= claims["exp"])
    late = person.client.get("/v1/balance", headers=headers)
    assert problem(late) == (401, "token_expired")


def test_a_remembered_token_grows_too_old(services: Services, sign_in: SignIn) -> None:
    person = sign_in()
    settings = replace(services.settings, access_token_seconds=1)
    client = create_app(replace(services, settings=settings)).test_client()
    claims = {**claims_of(person.tokens["access_token"]), "iat": int(time.time())}
    headers = bearer(signed(claims, settings.jwt_secret_key))
    assert client.get("/v1/balance", headers=headers).status_code == 200
    wait_until(lambda: time.time() > claims["iat"] + 1)
    late = client.get("/v1/balance", headers=headers)
    assert problem(late) == (401, "token_expired")


def test_no_refusal_is_remembered(app: Flask, sign_in: SignIn) -> None:
    person = sign_in()
    token = person.tokens["access_token"]
    for header in ("", "Bearer", "Bearer x", f"Basic {token}", f"bearer {token}", f"{token}"):
        for _ in range(2):
            assert asking(person, header).status_code == 401
    assert remembered(app).currsize == 0


def test_another_way_to_write_the_header_is_the_same_token(app: Flask, sign_in: SignIn) -> None:
    person = sign_in()
    token = person.tokens["access_token"]
    for header in (f"Bearer {token}", f"  Bearer   {token} ", f"Basic x, Bearer {token},"):
        for _ in range(2):
            assert asking(person, header).status_code == 200
    person.post("/v1/auth/logout")
    for header in (f"Bearer {token}", f"  Bearer   {token} ", f"Basic x, Bearer {token},"):
        assert problem(asking(person, header)) == (401, "session_ended")


def test_memory_has_an_end(
    services: Services, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_MOST_REMEMBERED", 3)
    app = create_app(services)
    person = replace(sign_in(), client=app.test_client())
    token = person.tokens["access_token"]
    for spaces in range(1, 9):
        assert asking(person, f"Bearer{' ' * spaces}{token}").status_code == 200
    assert remembered(app).currsize == 3
    before = remembered(app)
    for _ in range(2):
        assert asking(person, f"Bearer{' ' * 1000}{token}").status_code == 200
    assert remembered(app) == before
