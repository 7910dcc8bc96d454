"""What people do with their ledgers in these tests, and how an answer is looked at."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from werkzeug.test import TestResponse

from domain.calendar import TEHRAN, parse_jalali
from tests.web.people import Person

NOBODYS_ID: Final = "7d0e8c5a-5f63-4f8e-9f0e-2f6f4c1a9b01"
NOON: Final = dt.time(12, 0)


@dataclass
class Clock:
    """The time as a ledger sees it: the real one, until it is set."""

    now: dt.datetime | None = None

    def __call__(self) -> dt.datetime:
        return self.now or dt.datetime.now(dt.UTC)

    def set(self, jalali: str, at: dt.time = NOON) -> None:
        """Make it this day in Tehran, at this time of day."""
        self.now = dt.datetime.combine(parse_jalali(jalali), at, TEHRAN).astimezone(dt.UTC)


def shown(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """The body of an answer that has this status."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/json"
    assert int(response.headers["Ledger-Version"]) >= 0
    body: dict[str, Any] = response.get_json()
    return body


def refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The body of a problem with this status and code."""
    assert (response.status_code, response.get_json().get("code")) == (status, code), response.text
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = response.get_json()
    assert body["status"] == status
    assert {"type", "title", "detail", "request_id"} <= body.keys()
    assert ("errors" in body) == (status == 422) or status == 409
    return body


def flaws(response: TestResponse) -> set[tuple[str, str]]:
    """The fields a 422 names, each with its code."""
    assert response.status_code == 422, response.text
    return {(error["field"], error["code"]) for error in response.get_json()["errors"]}


def ledger_version(person: Person) -> int:
    """Where the person's ledger stands."""
    return int(person.get("/v1/balance").headers["Ledger-Version"])


def add_category(person: Person, kind: str = "expense", name: str = "", **more: Any) -> str:
    """Add a category, and give its id."""
    body = {"name": name or f"دستهٔ {kind}", "kind": kind, **more}
    return str(shown(person.post("/v1/categories", body), 201)["id"])


def record(
    person: Person, category_id: str, amount: int, date: str | None = None, **more: Any
) -> dict[str, Any]:
    """Record a transaction, and give it as it is shown."""
    body = {"category_id": category_id, "amount": amount, **more}
    if date is not None:
        body["date"] = date
    return shown(person.post("/v1/transactions", body), 201)


def items(person: Person, path: str) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following is not None:
        response = person.get(following)
        page = shown(response)
        assert page["has_more"] == (page["next_cursor"] is not None)
        assert page["has_more"] == ("Link" in response.headers)
        found += page["items"]
        following = next_link(response)
    return found


def next_link(response: TestResponse) -> str | None:
    """The target of the link to the next page (RFC 8288), if there is one."""
    link = response.headers.get("Link")
    if link is None:
        return None
    target, rel = link.split(">; ")
    assert rel == 'rel="next"'
    return target.removeprefix("<")
