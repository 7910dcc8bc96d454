"""People who sign in and ask for things, as tests see them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from domain.store.database import Database
from projections.categories import as_uuid


@dataclass
class Person:
    """A signed-in person: every request carries their access token."""

    client: FlaskClient
    phone: str
    tokens: dict[str, Any]

    @property
    def account_id(self) -> str:
        """Their id, as the API shows it."""
        return str(self.tokens["account"]["id"])

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET as this person."""
        return self.ask("GET", path, **options)

    def post(self, path: str, json: object = None, **options: Any) -> TestResponse:
        """POST as this person."""
        return self.ask("POST", path, json=json, **options)

    def patch(self, path: str, json: object, **options: Any) -> TestResponse:
        """PATCH as this person."""
        return self.ask("PATCH", path, json=json, **options)

    def put(self, path: str, json: object, **options: Any) -> TestResponse:
        """PUT as this person."""
        return self.ask("PUT", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        """DELETE as this person."""
        return self.ask("DELETE", path, **options)

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any request as this person."""
        headers = {**bearer(self.tokens["access_token"]), **options.pop("headers", {})}
        if options.get("json", ...) is None:
            del options["json"]
        return self.client.open(path, method=method, headers=headers, **options)

    def refresh(self, token: str | None = None) -> TestResponse:
        """Exchange a refresh token, their own unless another is given."""
        headers = bearer(token or self.tokens["refresh_token"])
        return self.client.post("/v1/auth/refresh", headers=headers)


class Outbox:
    """A sender that keeps the codes it was given, and the ways to sign in with them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def __call__(self, phone: str, code: str) -> None:
        self.sent.append((phone, code))

    def ask_for_code(self, app: Flask, phone: str) -> dict[str, str]:
        """A body for /v1/auth/token that will do."""
        answer = app.test_client().post("/v1/auth/otp", json={"phone": phone})
        assert answer.status_code == 202, answer.text
        return {
            "phone": phone,
            "request_id": answer.get_json()["request_id"],
            "code": self.sent[-1][1],
        }

    def sign_in(self, app: Flask, phone: str, device: str | None = None) -> Person:
        """Sign a person in, for the first time or again."""
        body = {**self.ask_for_code(app, phone), "device": device}
        answer = app.test_client().post("/v1/auth/token", json=body)
        assert answer.status_code == 200, answer.text
        return Person(app.test_client(), phone, answer.get_json())


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def ledger_of(database: Database, account_id: str) -> UUID:
    """The ledger of an account."""
    find = "SELECT ledger_id FROM accounts WHERE id = :id"
    row = database.read(lambda connection: connection.one(find, id=UUID(account_id)))
    assert row is not None
    return as_uuid(row["ledger_id"])
