"""Logs of a real server: what they tell, and what they never do."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests

from tests.servers import LiveServer, wait_until
from tests.system.people import Person, ask_for_code, present_code, sign_in

pytestmark = pytest.mark.slow

PHONE = "09121234567"
SECRETS = {
    "JWT_SECRET_KEY": "a-signing-key-for-this-test-only-0123456789",
    "OTP_PEPPER": "a-pepper-for-this-test-only-0123456789abcd",
}
StartServer = Callable[..., LiveServer]


def test_a_life_leaves_no_secret_in_the_log(live_server: StartServer) -> None:
    server = live_server(**SECRETS)
    secrets = live(server)
    log = server.log.read_text()
    for secret in secrets:
        assert secret not in log, secret
    assert not re.search(r"9121234567|912 123 4567|۹۱۲", log)
    assert log.count("/v1/auth/token") >= 2


def live(server: LiveServer) -> set[str]:
    """Sign in, record, fail in many ways; everything that must not be found afterwards."""
    asked = ask_for_code(server, PHONE)
    wrong = {**asked, "code": "000000" if asked["code"] != "000000" else "111111"}
    assert present_code(server, wrong).status_code == 401
    signed_in = present_code(server, asked).json()
    person = Person(server.base_url, signed_in)
    groceries = person.add_category("expense", "قصابی محله")
    key = {"Idempotency_Key": "key-that-nobody-should-read"}
    for _ in range(2):
        assert person.post(
            "/v1/transactions",
            {"category_id": groceries, "amount": 987654321, "description": "هدیهٔ محرمانه"},
            **key,
        ).ok
    person.get(f"/v1/transactions?q={PHONE}")
    person.get("/v1/balance?as_of=۰۹۱۲۱۲۳۴۵۶۷")
    person.get(f"/v1/nowhere/{PHONE}")
    person.post("/v1/transactions", {"phone": PHONE})
    bad = {"Authorization": f"Bearer {signed_in['access_token'][:-3]}abc", "X-Request-Id": PHONE}
    assert requests.get(f"{server.base_url}/v1/me", headers=bad, timeout=9).status_code == 401
    person.refresh(signed_in["refresh_token"])
    return {
        *(PHONE, f"+98{PHONE[1:]}", asked["code"], signed_in["access_token"], "987654321"),
        *(signed_in["refresh_token"], signed_in["access_token"].split(".")[1], groceries),
        *("key-that-nobody-should-read", "هدیهٔ محرمانه", "قصابی", *SECRETS.values()),
    }


def test_a_request_is_one_line_that_says_who_where_and_how_long(
    live_server: StartServer,
) -> None:
    server = live_server(**SECRETS)
    person = sign_in(server)
    started = time.perf_counter()
    requests.get(
        f"{server.base_url}/v1/transactions/{UUID(int=7)}",
        headers={
            "Authorization": f"Bearer {person.tokens['access_token']}",
            "X-Request-Id": "find-me",
        },
        timeout=9,
    )
    longest = (time.perf_counter() - started) * 1000
    [line] = [plain(line) for line in server.log.read_text().splitlines() if "find-me" in line]
    said = dict(re.findall(r"(\w+)=(\S+)", line))
    assert 0 < float(said.pop("duration_ms")) < longest
    assert said == {
        "request_id": "find-me",
        "account_id": person.tokens["account"]["id"],
        "route": "/v1/transactions/<uuid:transaction_id>",
        "method": "GET",
        "status": "404",
        "problem": "transaction_not_found",
    }
    assert "info" in line


def plain(line: str) -> str:
    """A line without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def test_probes_are_quiet_until_they_fail(live_server: StartServer, environ: Any) -> None:
    server = live_server()
    for path in ("/healthz", "/readyz", "/metrics"):
        assert requests.get(server.base_url + path, timeout=9).ok
    assert "/readyz" not in server.log.read_text()
    if environ["DATABASE_URL"].startswith("sqlite"):
        file = Path(environ["DATABASE_URL"].removeprefix("sqlite:///"))
        file.rename(file.with_suffix(".away"))
        server.kill()
        server.start()
        assert requests.get(f"{server.base_url}/readyz", timeout=9).status_code == 503
        wait_until(lambda: "/readyz" in server.log.read_text())
        [line] = [plain(line) for line in server.log.read_text().splitlines() if "/readyz" in line]
        assert "warning" in line
        assert "problem=not_migrated" in line
