"""Guessing: at most fifteen tries per phone in ten minutes, however and wherever from."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, cast
from unittest.mock import patch

import pytest
import redis
from flask import Flask

from domain.store.database import Database, StoreUnavailable
from domain.store.ledgers import LedgerStore
from tests.web.people import Outbox, Person
from tests.web.test_codes import PHONE, ask, pass_time, problem, redeem
from web.app import create_app
from web.codes import QUOTA_SECONDS, Codes
from web.errors import Problem
from web.services import Services

MOST_TRIES: Final = 15
E164: Final = "+989121234567"


class Attacker:
    """Asks and guesses from a new address each time; keeps when each guess was looked at."""

    def __init__(self, codes: Codes, valkey: redis.Redis, seed: int) -> None:
        self.codes = codes
        self.valkey = valkey
        self.random = random.Random(seed)
        self.requests: list[Any] = []
        self.compared_at: list[float] = []
        self.started = time.monotonic()

    def ask(self) -> None:
        """Ask for another code, if it is given."""
        address = f"203.0.{self.random.randrange(256)}.{self.random.randrange(256)}"
        with suppress(Problem):
            self.requests.append(self.codes.issue(E164, address))

    def guess(self, now: int) -> None:
        """Try wrong codes on every request there ever was, more often than is allowed."""
        for issued in self.requests:
            for _ in range(self.random.randrange(8)):
                # Valkey's clock has seen the test's own seconds as well.
                at = now + time.monotonic() - self.started
                before = self.tries(issued)
                wrong = f"{(int(issued.code) + 1) % 10**6:06}"
                assert not self.codes.redeem(issued.request_id, E164, wrong)
                self.compared_at += [at] * (min(self.tries(issued), 5) - min(before, 5))

    def tries(self, issued: Any) -> int:
        """How often a code was tried; 0 once it is gone."""
        counted: Any = self.valkey.hget(f"otp:code:{issued.request_id}", "tries")
        return int(counted or 0)


@pytest.mark.parametrize("seed", range(4))
def test_nobody_gets_more_than_fifteen_tries_in_ten_minutes(
    services: Services, valkey: redis.Redis, seed: int
) -> None:
    attacker = Attacker(Codes(services.redis, "pepper", 10**6), valkey, seed)
    now = 0
    while now < 3600:
        attacker.ask()
        # Guesses come late in a code's life as well: that is when windows could overlap.
        if attacker.random.random() < (0.2, 0.5, 1.0, 0.1)[seed]:
            attacker.guess(now)
        step = attacker.random.choice((1, 7, 20, 61))
        pass_time(valkey, step)
        now += step
    times = attacker.compared_at
    worst = max(sum(start <= at < start + QUOTA_SECONDS for at in times) for start in times)
    assert worst <= MOST_TRIES
    assert len(times) > 10, "the attacker did try"


def test_the_worst_moment_for_guessing(services: Services, valkey: redis.Redis) -> None:
    """Three codes tried as late as they can be, and then as many new ones as there are."""
    attacker = Attacker(Codes(services.redis, "pepper", 10**6), valkey, 0)
    for step in (60, 60, 55):
        attacker.ask()
        pass_time(valkey, step)
    for issued in attacker.requests[1:]:
        for _ in range(5):
            attacker.codes.redeem(issued.request_id, E164, "000000")
    pass_time(valkey, 426)
    attacker.ask()
    pass_time(valkey, 61)
    attacker.ask()
    pass_time(valkey, 61)
    attacker.ask()
    # The second and the third still count: their tries are not ten minutes old.
    assert len(attacker.requests) == 4
    pass_time(valkey, 60)
    attacker.ask()
    assert len(attacker.requests) == 5


def test_a_stranger_spoils_nobodys_code(
    app: Flask, outbox: Outbox, services: Services, valkey: redis.Redis
) -> None:
    mine = outbox.ask_for_code(app, PHONE)
    pass_time(valkey, 61)
    stranger = app.test_client()
    theirs = ask(stranger, PHONE, "203.0.113.7").get_json()
    for guess in range(20):
        body = {**theirs, "phone": PHONE, "code": f"{guess:06}"}
        redeem(stranger, {name: body[name] for name in ("phone", "code", "request_id")})
        ask(stranger, PHONE, f"203.0.113.{guess}")
    assert redeem(app.test_client(), mine).status_code == 200


def test_tries_on_ones_own_codes_block_no_other_number(
    app: Flask, outbox: Outbox, valkey: redis.Redis
) -> None:
    theirs = outbox.ask_for_code(app, "09351112233")
    for _ in range(5):
        redeem(app.test_client(), {**theirs, "phone": PHONE})
    assert not list(valkey.scan_iter("otp:tried:*"))
    for _ in range(3):
        assert ask(app.test_client()).status_code == 202
        pass_time(valkey, 61)


def test_guesses_from_many_sockets_are_still_counted(
    app: Flask, outbox: Outbox, valkey: redis.Redis
) -> None:
    body = outbox.ask_for_code(app, PHONE)
    wrong = f"{(int(body['code']) + 1) % 10**6:06}"

    def guess(number: int) -> int:
        address = {"REMOTE_ADDR": f"198.51.100.{number}"}
        asked = {**body, "code": wrong}
        client = app.test_client()
        return client.post("/v1/auth/token", json=asked, environ_overrides=address).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(guess, range(40))) == {401}
    assert problem(redeem(app.test_client(), body)) == (401, "otp_invalid")


def test_a_code_survives_a_database_that_is_away(app: Flask, outbox: Outbox) -> None:
    body = outbox.ask_for_code(app, PHONE)
    with patch.object(LedgerStore, "open_ledger", side_effect=StoreUnavailable("gone")):
        assert redeem(app.test_client(), body).status_code == 503
    assert redeem(app.test_client(), body).status_code == 200
    assert problem(redeem(app.test_client(), body)) == (401, "otp_invalid")


def test_a_code_given_back_lives_no_longer(services: Services, valkey: redis.Redis) -> None:
    codes = Codes(services.redis, "pepper", 1000)
    issued = codes.issue(E164, "192.0.2.1")
    codes.give_back(issued.request_id)
    assert codes.redeem(issued.request_id, E164, issued.code)
    pass_time(valkey, 100)
    codes.give_back(issued.request_id)
    left: Any = valkey.ttl(f"otp:code:{issued.request_id}")
    assert 0 < left <= 20
    assert codes.redeem(issued.request_id, E164, issued.code)
    assert not codes.redeem(issued.request_id, E164, issued.code)


def test_losing_redis_between_code_and_sign_in_lets_nobody_in(
    app: Flask, outbox: Outbox, sign_in: Callable[..., Person], valkey: redis.Redis
) -> None:
    body = outbox.ask_for_code(app, PHONE)
    valkey.flushall()
    assert problem(redeem(app.test_client(), body)) == (401, "otp_invalid")
    assert sign_in(PHONE).get("/v1/me").status_code == 200


def test_asking_for_a_code_never_looks_whether_somebody_is_known(services: Services) -> None:
    """So it cannot take longer for one number than for another."""
    unreadable = replace(services, database=cast(Database, None))
    assert ask(create_app(unreadable).test_client()).status_code == 202
