"""The history over HTTP, and the fold of it that anyone can make: digests, totals, reports."""

import datetime as dt
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import jdatetime
import pytest
from werkzeug.test import TestResponse

from domain.store import accounts
from domain.store.database import Database
from domain.store.erasure import erase
from tests.web.households import add_category, flaws, items, ledger_version, record, shown
from tests.web.people import Person
from web.streams import MOST_STREAMS, STREAM_RETRY_SECONDS

NDJSON: Final = {"Accept": "application/x-ndjson"}
KINDS: Final = ("income", "expense", "savings")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def lines_of(response: TestResponse) -> list[dict[str, Any]]:
    """The portable events of an answer."""
    assert response.status_code == 200
    assert response.content_type == "application/x-ndjson"
    assert response.text == "" or response.text.endswith("\n")
    return [json.loads(line) for line in response.text.splitlines()]


def test_events_are_listed_in_order_and_whole(person: Person, food: str) -> None:
    entry = record(person, food, 5, "1405-09-02", description="نان")
    listed = items(person, "/v1/events")
    assert [event["version"] for event in listed] == [1, 2, 3]
    topics = ["ledger-opened.1", "category-added.1", "expense-recorded.1"]
    assert [event["topic"] for event in listed] == topics
    fields = {"version", "topic", "recorded_at", "actor", "digest", "data"}
    assert all(event.keys() == fields for event in listed)
    last = listed[-1]
    assert last["recorded_at"] == entry["recorded_at"]
    assert last["actor"] == person.account_id
    assert last["data"] == {
        "transaction_id": entry["id"],
        "category_id": food,
        "amount_rials": 5,
        "date": "2026-11-23",
        "description": "نان",
    }


def test_events_are_paged(person: Person, food: str) -> None:
    for amount in range(1, 6):
        record(person, food, amount)
    every = [1, 2, 3, 4, 5, 6, 7]
    for limit in (1, 2, 3, 7, 200):
        listed = items(person, f"/v1/events?limit={limit}")
        assert [event["version"] for event in listed] == every
    assert [e["version"] for e in items(person, "/v1/events?after=5&limit=1")] == [6, 7]
    assert items(person, "/v1/events?after=7") == []
    assert items(person, f"/v1/events?after={2**53 - 1}") == []
    page = shown(person.get("/v1/events?limit=3"))
    following = person.get(f"/v1/events?limit=2&cursor={page['next_cursor']}")
    assert [event["version"] for event in shown(following)["items"]] == [4, 5]


def test_what_is_wrong_with_a_question_is_named(person: Person) -> None:
    for query, flaw in (
        ("after=-1", ("after", "out_of_range")),
        ("after=x", ("after", "not_an_integer")),
        ("after=9007199254740992", ("after", "out_of_range")),
        ("limit=0", ("limit", "out_of_range")),
        ("limit=201", ("limit", "out_of_range")),
        ("cursor=x", ("cursor", "not_an_integer")),
        ("since=1", ("since", "unknown_field")),
    ):
        for headers in ({}, NDJSON):
            assert flaws(person.get(f"/v1/events?{query}", headers=headers)) == {flaw}


def test_the_portable_form_is_asked_for_by_accept(person: Person, food: str) -> None:
    for accept in ("application/x-ndjson", "application/json;q=0.5, application/x-ndjson"):
        response = person.get("/v1/events", headers={"Accept": accept})
        assert len(lines_of(response)) == 2
        assert response.headers["Ledger-Version"] == "2"
        assert {"Accept", "Accept-Language"} <= set(response.vary)
    for accept in ("*/*", "application/json", "application/json, application/x-ndjson;q=0.9"):
        assert shown(person.get("/v1/events", headers={"Accept": accept}))["items"]
    after = person.get("/v1/events?after=1", headers=NDJSON)
    assert [line["version"] for line in lines_of(after)] == [2]
    assert lines_of(person.get("/v1/events?after=2", headers=NDJSON)) == []


def test_the_stream_is_of_all_events_whatever_the_page(person: Person, food: str) -> None:
    entry = {"category_id": food, "amount": 5}
    shown(person.post("/v1/transactions/batch", {"items": [entry] * 300}), 201)
    lines = lines_of(person.get("/v1/events?limit=1", headers=NDJSON))
    assert [line["version"] for line in lines] == list(range(1, 303))
    fields = {"ledger_id", "version", "topic", "state", "digest"}
    assert all(line.keys() == fields for line in lines)


def test_the_stream_ends_where_its_header_says(person: Person, food: str) -> None:
    response = person.get("/v1/events", headers=NDJSON, buffered=False)
    record(person, food, 5)
    assert [line["version"] for line in lines_of(response)] == [1, 2]
    assert response.headers["Ledger-Version"] == "2"


def test_a_fold_of_the_events_alone_gives_every_total(person: Person) -> None:
    live_through_two_years(person)
    lines = lines_of(person.get("/v1/events", headers=NDJSON))
    assert len(lines) == ledger_version(person)
    check_chain(lines)
    check_listing(person, lines)
    months = fold(lines)
    # Not with `+`, which drops what is negative.
    totals = {kind: sum(month[kind] for month in months.values()) for kind in KINDS}
    balance = shown(person.get("/v1/balance"))
    assert {kind: balance[kind] for kind in KINDS} == totals
    assert balance["balance"] == totals["income"] - totals["expense"] - totals["savings"]
    for year in (1403, 1404):
        report = shown(person.get(f"/v1/reports/yearly?year={year}"))
        for kind in KINDS:
            of_year = [months[year, month][kind] for month in range(1, 13)]
            assert [line[kind] for line in report["months"]] == of_year
            assert report[kind] == sum(of_year)


def live_through_two_years(person: Person) -> None:
    """A random session: every command there is, most of them allowed."""
    chance = random.Random(20261123)
    shown(person.post("/v1/categories/starter"), 201)
    categories = {
        kind: [item["id"] for item in items(person, f"/v1/categories?kind={kind}")]
        for kind in KINDS
    }
    entries: list[tuple[str, str]] = []
    for step in range(120):
        kind = chance.choices(KINDS, (2, 4, 2))[0]
        body = {
            "category_id": chance.choice(categories[kind]),
            "amount": chance.choice((1, 999, 10**6, 10**12)),
            "date": f"{chance.choice((1403, 1404))}-{chance.randint(1, 12):02}-"
            f"{chance.randint(1, 29):02}",
            "description": chance.choice(("نان", "می‌خرم 🍞", '"\\', "")),
        }
        if kind == "savings" and chance.random() < 0.4:
            body["direction"] = "withdraw"
        path = f"/v1/transactions/{chance.choice(entries)[1]}" if entries else None
        action = chance.randrange(10)
        if path is None or action < 5:
            response = person.post("/v1/transactions", body)
            if response.status_code == 201:
                entries.append((kind, response.get_json()["id"]))
        elif action == 5:
            kind, entry = chance.choice(entries)
            correction = {**body, "category_id": chance.choice(categories[kind])}
            response = person.patch(f"/v1/transactions/{entry}", correction)
        elif action == 6:
            response = person.delete(path)
        elif action == 7:
            response = person.post(f"{path}/restore")
        elif action == 8:
            batch = {"items": [body, {**body, "amount": 7}, {}], "atomic": False}
            response = person.post("/v1/transactions/batch", batch)
        else:
            response = person.post("/v1/savings/auto", {"confirm": True, "keep": step})
        assert response.status_code in (200, 201, 204, 207, 409, 422), response.text


def check_chain(lines: list[dict[str, Any]]) -> None:
    """Recompute every digest as DESIGN.md, section 5, says, from the lines alone."""
    ledger_id = UUID(lines[0]["ledger_id"])
    prev = sha256(ledger_id.bytes).hexdigest()
    earlier = ""
    for version, line in enumerate(lines, 1):
        assert (line["ledger_id"], line["version"]) == (str(ledger_id), version)
        envelope = json.loads(line["state"])
        assert envelope["prev"] == prev
        assert envelope["recorded_at"] >= earlier
        sealed = ledger_id.bytes + version.to_bytes(8, "big") + line["topic"].encode()
        prev = sha256(sealed + b"\x00" + line["state"].encode()).hexdigest()
        assert line["digest"] == prev
        earlier = envelope["recorded_at"]


def check_listing(person: Person, lines: list[dict[str, Any]]) -> None:
    """The list for people says the same as the portable form."""
    listed = items(person, "/v1/events?limit=50")
    assert [(e["version"], e["topic"], e["digest"]) for e in listed] == [
        (line["version"], line["topic"], line["digest"]) for line in lines
    ]
    for event, line in zip(listed, lines, strict=True):
        state = json.loads(line["state"])
        assert event["recorded_at"] == state["recorded_at"]
        assert event["data"].items() <= state.items()


def fold(lines: list[dict[str, Any]]) -> dict[tuple[int, int], Counter[str]]:
    """Totals per Jalali month and kind, written without a line of the service's own code."""
    months: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)

    def add(kind: str, entry: dict[str, Any], sign: int) -> None:
        day = jdatetime.date.fromgregorian(date=dt.date.fromisoformat(entry["date"]))
        way = -1 if entry["direction"] == "withdraw" else 1
        months[day.year, day.month][kind] += sign * way * entry["amount_rials"]

    recorded = {
        "income-recorded.1": ("income", None),
        "expense-recorded.1": ("expense", None),
        "saving-deposited.1": ("savings", "deposit"),
        "saving-withdrawn.1": ("savings", "withdraw"),
        "surplus-saved.1": ("savings", "deposit"),
    }
    for line in lines:
        event = json.loads(line["state"])
        if line["topic"] in recorded:
            kind, direction = recorded[line["topic"]]
            add(kind, {**event, "direction": direction}, 1)
        elif line["topic"] == "transaction-corrected.1":
            add(event["kind"], event["before"], -1)
            add(event["kind"], event["after"], 1)
        elif line["topic"] == "transaction-voided.1":
            add(event["kind"], event["entry"], -1)
        elif line["topic"] == "transaction-restored.1":
            add(event["kind"], event["entry"], 1)
    return months


def test_a_person_reads_one_stream_at_a_time_and_a_process_serves_few(
    person: Person, food: str, sign_in: Callable[..., Person]
) -> None:
    record(person, food, 5)
    others = [sign_in(f"0912000000{number}") for number in range(MOST_STREAMS)]
    reading = [person.get("/v1/events", headers=NDJSON)]
    assert refused(person.get("/v1/events", headers=NDJSON))
    reading += [other.get("/v1/events", headers=NDJSON) for other in others[1:]]
    assert refused(others[0].get("/v1/events", headers=NDJSON))
    assert others[0].get("/v1/balance").status_code == 200
    for response in reading:
        response.close()
    assert len(lines_of(person.get("/v1/events", headers=NDJSON))) == 3


def refused(response: TestResponse) -> bool:
    """Whether a stream has to wait."""
    assert response.headers["Retry-After"] == str(STREAM_RETRY_SECONDS)
    return (response.status_code, response.get_json()["code"]) == (429, "too_many_requests")


def test_a_stream_that_was_read_makes_room(person: Person) -> None:
    for _ in range(MOST_STREAMS + 2):
        assert len(lines_of(person.get("/v1/events", headers=NDJSON))) == 1


def test_a_long_stream_is_read_a_few_events_at_a_time(person: Person, food: str) -> None:
    body = {"items": [{"category_id": food, "amount": 1}] * 999}
    for _ in range(2):
        assert person.post("/v1/transactions/batch", body).status_code == 201
    lines = lines_of(person.get("/v1/events?after=1", headers=NDJSON))
    assert [line["version"] for line in lines] == list(range(2, 2001))


def end_session(person: Person, _database: Database) -> None:
    assert person.post("/v1/auth/logout").status_code == 204


def suspend(person: Person, database: Database) -> None:
    now = dt.datetime.now(dt.UTC)
    assert database.write(lambda c: accounts.suspend(c, UUID(person.account_id), now))


def erase_person(person: Person, database: Database) -> None:
    ledger_id = UUID(person.get("/v1/me").get_json()["ledger_id"])
    database.write(lambda c: erase(c, ledger_id, dt.datetime.now(dt.UTC)))


def lose_events(_person: Person, database: Database) -> None:
    database.write(lambda c: c.run("DELETE FROM events"))


def lose_table(_person: Person, database: Database) -> None:
    database.write(lambda c: c.run("ALTER TABLE sessions RENAME TO sessions_aside"))


@pytest.mark.parametrize(
    ("happen", "status", "code"),
    [
        (end_session, 401, "session_ended"),
        (suspend, 403, "account_suspended"),
        (erase_person, 401, "session_ended"),
        (lose_events, 401, "session_ended"),
        (lose_table, 500, "internal_error"),
    ],
)
def test_a_stream_breaks_off_when_its_reader_may_not_read_on_and_says_so(
    person: Person,
    food: str,
    database: Database,
    happen: Callable[[Person, Database], None],
    status: int,
    code: str,
) -> None:
    body = {"items": [{"category_id": food, "amount": 1}] * 999}
    assert person.post("/v1/transactions/batch", body).status_code == 201
    response = person.get("/v1/events", headers=NDJSON, buffered=False)
    happen(person, database)
    *lines, last = lines_of(response)
    assert [line["version"] for line in lines] == list(range(1, 501))
    assert response.headers["Ledger-Version"] == "1001"
    assert (last["status"], last["code"]) == (status, code)
    assert last["request_id"] == response.headers["X-Request-Id"]
    assert "version" not in last


def test_the_history_of_a_transaction_comes_by_the_page(person: Person, food: str) -> None:
    path = f"/v1/transactions/{record(person, food, 5)['id']}"
    for amount in range(6, 10):
        assert person.patch(path, {"amount": amount}).status_code == 200
    first = person.get(f"{path}/history?limit=3").get_json()
    assert (len(first["items"]), first["has_more"]) == (3, True)
    rest = person.get(f"{path}/history?limit=3&cursor={first['next_cursor']}").get_json()
    assert [event["version"] for event in first["items"] + rest["items"]] == [3, 4, 5, 6, 7]
    assert rest["next_cursor"] is None
