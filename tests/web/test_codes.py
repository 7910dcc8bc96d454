"""Sign-in codes: bound, counted, used once, and never kept as they are."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.test import TestResponse

from tests.web.people import Outbox, Person
from web.app import create_app
from web.codes import Codes, network_of
from web.services import Services

PHONE = "09121234567"


def ask(client: FlaskClient, phone: object = PHONE, address: str = "192.0.2.1") -> TestResponse:
    environ = {"REMOTE_ADDR": address}
    return client.post("/v1/auth/otp", json={"phone": phone}, environ_overrides=environ)


def redeem(client: FlaskClient, body: dict[str, str]) -> TestResponse:
    return client.post("/v1/auth/token", json=body)


def pass_time(valkey: redis.Redis, seconds: int) -> None:
    """Let the cooldowns and quotas see an older past; Valkey's own clock cannot be moved."""
    for key in valkey.scan_iter("otp:*"):
        if key.startswith(b"otp:code:"):
            left: Any = valkey.ttl(key)
            valkey.expire(key, max(left - seconds, 0))
        else:
            counted: Any = valkey.zrange(key, 0, -1, withscores=True)
            for member, score in counted:
                valkey.zadd(key, {member: score - seconds})


def problem(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.get_json()["code"]


def test_a_code_is_asked_for_and_sent(client: FlaskClient, outbox: Outbox) -> None:
    response = ask(client)
    assert response.status_code == 202
    body = response.get_json()
    assert (body["expires_in"], body["retry_after"]) == (120, 60)
    assert response.headers["Cache-Control"] == "no-store"
    ((phone, code),) = outbox.sent
    assert phone == "+989121234567"
    assert re.fullmatch("[0-9]{6}", code)
    assert code not in response.text


def test_known_and_unknown_numbers_get_the_same_answer(
    client: FlaskClient, sign_in: Callable[..., Person], valkey: redis.Redis
) -> None:
    sign_in(PHONE)
    pass_time(valkey, 61)
    known, unknown = ask(client, PHONE), ask(client, "09351112233")
    assert known.get_json().keys() == unknown.get_json().keys()
    same = ("status_code", "content_length")
    assert [getattr(known, name) for name in same] == [getattr(unknown, name) for name in same]


@pytest.mark.parametrize("phone", ["", "123", "02188888888", "a" * 41, "09121234567\x00"])
def test_what_is_no_mobile_number_is_refused(client: FlaskClient, phone: str) -> None:
    response = ask(client, phone)
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"] == "phone"


def test_neither_phone_nor_code_is_kept_in_the_clear(
    client: FlaskClient, outbox: Outbox, valkey: redis.Redis
) -> None:
    ask(client)
    kept = b""
    for key in valkey.scan_iter("*"):
        dump = valkey.hgetall(key) if key.startswith(b"otp:code:") else valkey.zrange(key, 0, -1)
        kept += key + repr(dump).encode()
        ttl = valkey.ttl(key)
        assert isinstance(ttl, int)
        assert 0 < ttl <= 600
    assert b"9121234567" not in kept
    assert f"'{outbox.sent[0][1]}'".encode() not in kept


def test_a_code_lives_two_minutes(app: Flask, client: FlaskClient, outbox: Outbox) -> None:
    body = outbox.ask_for_code(app, PHONE)
    store = app.extensions["dakhl-o-kharj"].redis
    ttl = store.ttl(f"otp:code:{body['request_id']}")
    assert 115 <= ttl <= 120


def test_an_expired_code_is_refused(
    app: Flask, client: FlaskClient, outbox: Outbox, valkey: redis.Redis
) -> None:
    body = outbox.ask_for_code(app, PHONE)
    pass_time(valkey, 120)
    assert problem(redeem(client, body)) == (401, "otp_invalid")


def test_a_wrong_code_is_refused_with_a_challenge(
    app: Flask, client: FlaskClient, outbox: Outbox
) -> None:
    body = outbox.ask_for_code(app, PHONE)
    wrong = f"{(int(body['code']) + 1) % 10**6:06}"
    response = redeem(client, {**body, "code": wrong})
    assert problem(response) == (401, "otp_invalid")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert redeem(client, body).status_code == 200


def test_persian_digits_make_the_same_code(app: Flask, client: FlaskClient, outbox: Outbox) -> None:
    body = outbox.ask_for_code(app, PHONE)
    persian = body["code"].translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    assert redeem(client, {**body, "phone": "+98 912 123 4567", "code": persian}).status_code == 200


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "½23456"])
def test_what_cannot_be_a_code_is_a_422(client: FlaskClient, code: str) -> None:
    response = redeem(client, {"phone": PHONE, "code": code, "request_id": str(uuid4())})
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"] == "code"


def test_a_code_works_once(app: Flask, client: FlaskClient, outbox: Outbox) -> None:
    body = outbox.ask_for_code(app, PHONE)
    assert redeem(client, body).status_code == 200
    assert problem(redeem(client, body)) == (401, "otp_invalid")


def test_of_many_at_once_one_uses_the_code(services: Services) -> None:
    codes = Codes(services.redis, "pepper", 1000)
    issued = codes.issue("+989121234567", "192.0.2.1")
    with ThreadPoolExecutor(5) as pool:
        results = list(
            pool.map(
                lambda _: codes.redeem(issued.request_id, "+989121234567", issued.code), range(5)
            )
        )
    assert results.count(True) == 1


def test_a_sixth_try_is_refused_even_with_the_right_code(
    app: Flask, client: FlaskClient, outbox: Outbox
) -> None:
    body = outbox.ask_for_code(app, PHONE)
    wrong = f"{(int(body['code']) + 1) % 10**6:06}"
    for _ in range(5):
        assert problem(redeem(client, {**body, "code": wrong})) == (401, "otp_invalid")
    assert problem(redeem(client, body)) == (401, "otp_invalid")


def test_twenty_guesses_at_once_are_five_tries(services: Services) -> None:
    codes = Codes(services.redis, "pepper", 1000)
    issued = codes.issue("+989121234567", "192.0.2.1")
    wrong = f"{(int(issued.code) + 1) % 10**6:06}"
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: codes.redeem(issued.request_id, "+989121234567", wrong), range(20)))
    assert not codes.redeem(issued.request_id, "+989121234567", issued.code)


def test_a_code_belongs_to_its_request_and_its_phone(
    app: Flask, client: FlaskClient, outbox: Outbox
) -> None:
    mine = outbox.ask_for_code(app, PHONE)
    theirs = outbox.ask_for_code(app, "09351112233")
    crossed = {**theirs, "request_id": mine["request_id"]}
    assert problem(redeem(client, {**mine, "phone": theirs["phone"]})) == (401, "otp_invalid")
    assert problem(redeem(client, crossed)) == (401, "otp_invalid")
    assert redeem(client, mine).status_code == 200


def test_a_later_request_leaves_the_earlier_code_valid(
    app: Flask, client: FlaskClient, outbox: Outbox, valkey: redis.Redis
) -> None:
    first = outbox.ask_for_code(app, PHONE)
    pass_time(valkey, 61)
    second = outbox.ask_for_code(app, PHONE)
    assert redeem(client, first).status_code == 200
    assert redeem(client, second).status_code == 200


def test_a_number_rests_a_minute_between_codes(client: FlaskClient, valkey: redis.Redis) -> None:
    assert ask(client).status_code == 202
    response = ask(client, "+98 912 123 4567")
    assert problem(response) == (429, "otp_cooldown")
    assert 55 <= int(response.headers["Retry-After"]) <= 60
    assert response.headers["RateLimit-Policy"] == '"otp-phone";q=3;w=600'
    assert ask(client, "09351112233").status_code == 202
    pass_time(valkey, 61)
    assert ask(client).status_code == 202


def test_a_number_gets_three_codes_in_ten_minutes(client: FlaskClient, valkey: redis.Redis) -> None:
    for _ in range(3):
        assert ask(client).status_code == 202
        pass_time(valkey, 61)
    response = ask(client)
    assert problem(response) == (429, "otp_quota")
    assert 410 <= int(response.headers["Retry-After"]) <= 420
    pass_time(valkey, 420)
    assert ask(client).status_code == 202


def test_of_many_at_once_one_gets_a_code(app: Flask, outbox: Outbox) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: ask(app.test_client()).status_code, range(16)))
    assert sorted(statuses) == [202] + [429] * 15
    assert len(outbox.sent) == 1


def with_settings(services: Services, **changes: object) -> FlaskClient:
    settings = replace(services.settings, **changes)  # type: ignore[arg-type]
    return create_app(replace(services, settings=settings)).test_client()


def test_an_address_has_a_quota_of_its_own(services: Services) -> None:
    client = with_settings(services, otp_address_quota=2)
    assert ask(client, "09120000001").status_code == 202
    assert ask(client, "09120000002").status_code == 202
    response = ask(client, "09120000003")
    assert problem(response) == (429, "otp_quota")
    assert int(response.headers["Retry-After"]) > 590
    assert ask(client, "09120000003", "192.0.2.2").status_code == 202


@pytest.mark.parametrize(("trusted", "statuses"), [(0, [202, 429]), (1, [202, 202])])
def test_only_trusted_proxies_name_the_address(
    services: Services, trusted: int, statuses: list[int]
) -> None:
    client = with_settings(services, otp_address_quota=1, trusted_proxies=trusted)
    found = [
        client.post(
            "/v1/auth/otp",
            json={"phone": f"0912000000{number}"},
            headers={"X-Forwarded-For": f"203.0.113.9, 198.51.100.{number}"},
        ).status_code
        for number in range(2)
    ]
    assert found == statuses


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("unix:", "unix:"),
        (None, "unknown"),
    ],
)
def test_one_subscriber_is_one_address(address: str | None, network: str) -> None:
    assert network_of(address) == network


def test_without_redis_nobody_signs_in_and_the_rest_goes_on(
    services: Services, app: Flask, sign_in: Callable[..., Person]
) -> None:
    person = sign_in()
    away = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    client = create_app(replace(services, redis=away)).test_client()
    body = {"phone": PHONE, "code": "123456", "request_id": str(uuid4())}
    for response in (ask(client), redeem(client, body)):
        assert problem(response) == (503, "auth_unavailable")
        assert response.headers["Retry-After"] == "5"
    person.client = client
    assert person.get("/v1/me").status_code == 200
    assert person.refresh().status_code == 200


def test_codes_are_spread_over_all_six_digits(services: Services) -> None:
    codes = Codes(services.redis, "pepper", 10**6)
    issued = [codes.issue(f"+98912{number:07}", "192.0.2.1").code for number in range(200)]
    assert len({code[0] for code in issued}) == 10
    assert len(set(issued)) > 190


def test_a_code_is_of_no_use_with_another_pepper(services: Services) -> None:
    issued = Codes(services.redis, "pepper", 100).issue("+989121234567", "192.0.2.1")
    other = Codes(services.redis, "another", 100)
    assert not other.redeem(issued.request_id, "+989121234567", issued.code)


def test_without_the_queue_nobody_waits_for_a_code_in_vain(services: Services) -> None:
    def away(_phone: str, _code: str) -> None:
        raise redis.ConnectionError("gone since the code was kept")

    response = ask(create_app(replace(services, send_code=away)).test_client())
    assert problem(response) == (503, "auth_unavailable")
