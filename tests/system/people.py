"""People with devices of their own, over real HTTP, and many of them at the same moment."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier
from typing import Any, Final, TypeVar
from uuid import UUID

import requests

from tests.servers import LiveServer

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 40


@dataclass(frozen=True)
class Person:
    """Somebody signed in. Every request goes over a connection of its own."""

    base_url: str
    tokens: Mapping[str, Any]

    def at(self, server: LiveServer) -> "Person":
        """The same person, asking another server."""
        return replace(self, base_url=server.base_url)

    def get(self, path: str) -> requests.Response:
        """GET as this person."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        """POST as this person; headers are written `Idempotency_Key="…"`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._ask("POST", path, body, named)

    def refresh(self, token: str) -> requests.Response:
        """Exchange a refresh token."""
        headers = {"Authorization": f"Bearer {token}"}
        return self._ask("POST", "/v1/auth/refresh", None, headers)

    def add_category(self, kind: str, name: str) -> str:
        """The id of a new category."""
        answer = self.post("/v1/categories", {"name": name, "kind": kind})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def record(self, category_id: str, amount: int, **more: object) -> requests.Response:
        """Record a transaction."""
        return self.post("/v1/transactions", {"category_id": category_id, "amount": amount, **more})

    def balance(self) -> int:
        """What is left, in Rials."""
        return int(self.get("/v1/balance").json()["balance"])

    def ledger_id(self) -> UUID:
        """The ledger they opened."""
        return UUID(self.get("/v1/me").json()["ledger_id"])

    def _ask(
        self, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> requests.Response:
        bearer = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return requests.request(
            method,
            self.base_url + path,
            json=body,
            headers={**bearer, **headers},
            timeout=TIMEOUT_SECONDS,
        )


def ask_for_code(server: LiveServer, phone: str) -> dict[str, str]:
    """A body for `/v1/auth/token` that will do."""
    url = f"{server.base_url}/v1/auth/otp"
    answer = requests.post(url, json={"phone": phone}, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 202, answer.text
    sent = map(json.loads, Path(server.environ["OTP_OUTBOX"]).read_text().splitlines())
    to_them = [line for line in sent if line["phone"].endswith(phone.lstrip("0"))]
    codes = [line["code"] for line in to_them if "code" in line]
    return {"phone": phone, "request_id": answer.json()["request_id"], "code": codes[-1]}


def present_code(server: LiveServer, body: Mapping[str, str]) -> requests.Response:
    """Try to sign in."""
    url = f"{server.base_url}/v1/auth/token"
    return requests.post(url, json=body, timeout=TIMEOUT_SECONDS)


def sign_in(server: LiveServer, phone: str = "09121234567") -> Person:
    """Sign a person in."""
    answer = present_code(server, ask_for_code(server, phone))
    assert answer.status_code == 200, answer.text
    return Person(server.base_url, answer.json())


def together(count: int, work: Callable[[int], T]) -> list[T]:
    """What `work(0)` to `work(count - 1)` give, all let go at the same moment."""
    gate = Barrier(count)

    def one(index: int) -> T:
        gate.wait()
        return work(index)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
