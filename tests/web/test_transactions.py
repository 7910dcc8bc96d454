"""Transactions over HTTP: recording, correcting, voiding, restoring, and their history."""

import datetime as dt
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.web.households import (
    NOBODYS_ID,
    Clock,
    add_category,
    flaws,
    items,
    ledger_version,
    record,
    refused,
    shown,
)
from tests.web.people import Person

FIELDS: Final = {
    *("id", "category_id", "category_name", "kind", "direction", "amount", "description"),
    *("date", "date_gregorian", "jalali", "version", "recorded_at", "updated_at", "voided"),
}


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


@pytest.fixture
def savings(person: Person) -> str:
    """The id of a savings category."""
    return add_category(person, "savings", "پس‌انداز")


def balance(person: Person) -> dict[str, int]:
    """The four amounts of the balance."""
    shown_balance = shown(person.get("/v1/balance"))
    return {name: shown_balance[name] for name in ("income", "expense", "savings", "balance")}


def test_a_new_transaction_is_shown_whole(person: Person, food: str) -> None:
    body = {"category_id": food, "amount": 1500, "date": "1405-09-02", "description": "نان"}
    response = person.post("/v1/transactions", body)
    entry = shown(response, 201)
    assert entry.keys() == FIELDS
    assert entry["category_id"] == food
    assert entry["category_name"] == "خوراک"
    assert entry["kind"] == "expense"
    assert entry["direction"] is None
    assert entry["amount"] == 1500
    assert entry["description"] == "نان"
    assert entry["date"] == "1405-09-02"
    assert entry["date_gregorian"] == "2026-11-23"
    assert entry["jalali"] == {"year": 1405, "month": 9, "day": 2, "month_name": "آذر"}
    assert entry["version"] == 3
    assert entry["voided"] is False
    assert dt.datetime.fromisoformat(entry["recorded_at"]).utcoffset() == dt.timedelta(0)
    assert entry["recorded_at"].endswith("Z")
    assert response.headers["ETag"] == '"3"'
    assert response.headers["Ledger-Version"] == "3"
    assert shown(person.get(response.headers["Location"])) == entry
    english = shown(
        person.get(f"/v1/transactions/{entry['id']}", headers={"Accept-Language": "en"})
    )
    assert english["jalali"]["month_name"] == "Azar"


def test_the_kind_follows_the_category(person: Person) -> None:
    for kind, direction in (("income", None), ("expense", None), ("savings", "deposit")):
        entry = record(person, add_category(person, kind), 5)
        assert (entry["kind"], entry["direction"]) == (kind, direction)


@pytest.mark.parametrize("date", ["1405-09-02", "1405/9/2", "۱۴۰۵/۰۹/۰۲", "١٤٠٥-٠٩-٠٢"])
def test_dates_are_read_with_slashes_and_in_three_kinds_of_digits(
    person: Person, food: str, date: str
) -> None:
    assert record(person, food, 5, date)["date"] == "1405-09-02"


def test_a_gregorian_date_may_be_sent_instead(person: Person, food: str) -> None:
    path, body = "/v1/transactions", {"category_id": food, "amount": 5}
    entry = shown(person.post(path, {**body, "date_gregorian": "2025-03-20"}), 201)
    assert entry["date"] == "1403-12-30"
    both = {**body, "date": "1403-12-30", "date_gregorian": "2025-03-20"}
    assert shown(person.post(path, both), 201)["date"] == "1403-12-30"
    response = person.post(path, {**both, "date_gregorian": "2025-03-21"})
    assert flaws(response) == {("date_gregorian", "dates_disagree")}


@pytest.mark.parametrize(
    ("instant", "date"),
    [
        ("2026-11-22T20:29:59.999999+00:00", "1405-09-01"),
        ("2026-11-22T20:30:00+00:00", "1405-09-02"),
        ("2026-03-20T20:29:59+00:00", "1404-12-29"),
        ("2026-03-20T20:30:00+00:00", "1405-01-01"),
        ("2022-08-01T19:29:59+00:00", "1401-05-10"),  # summer time, +04:30
        ("2022-08-01T19:30:00+00:00", "1401-05-11"),
    ],
)
def test_a_missing_date_is_today_in_tehran(
    person: Person, food: str, clock: Clock, instant: str, date: str
) -> None:
    # The ledger was opened before: an earlier clock only changes what day it is taken for.
    clock.now = dt.datetime.fromisoformat(instant)
    assert record(person, food, 5)["date"] == date


def test_the_first_and_the_last_day(person: Person, food: str) -> None:
    for date, gregorian in (("1300-01-01", "1921-03-21"), ("1500-12-29", "2122-03-20")):
        assert record(person, food, 5, date)["date_gregorian"] == gregorian


WRONG: Final[list[tuple[dict[str, Any], tuple[str, str]]]] = [
    *(
        ({"amount": amount}, ("amount", code))
        for amount, code in (
            (0, "out_of_range"),
            (-5, "out_of_range"),
            (10**15 + 1, "out_of_range"),
            (10**18, "out_of_range"),
            (10**30, "out_of_range"),
            (1.5, "not_an_integer"),
            (1.0, "not_an_integer"),
            (1e3, "not_an_integer"),
            ("12", "not_an_integer"),
            ("۱۲", "not_an_integer"),
            (True, "not_an_integer"),
            ([], "not_an_integer"),
            (None, "null_not_allowed"),
        )
    ),
    *(
        ({"date": date}, ("date", "invalid_date"))
        for date in (
            *("1404-12-30", "1405-07-31", "1405-13-01", "1405-00-01", "1405-01-00", "1405-01-32"),
            *("1299-12-29", "1501-01-01", "2026-11-23", "05-09-02", "1405-9", "", "today"),
            *("1405-09-02 ", " 1405-09-02", "1405-09-02T00:00", "1405-09-02\n", "1405-09/02/"),
            "-1405-09-02",
        )
    ),
    ({"date": 14050902}, ("date", "not_a_string")),
    ({"date": None}, ("date", "null_not_allowed")),
    *(
        ({"date_gregorian": date}, ("date_gregorian", "invalid_date"))
        for date in ("2026-02-29", "1921-03-20", "2122-03-21", "20261123", "2026-11-23T00:00")
    ),
    ({"amount": 10**14 + 1, "unit": "toman"}, ("amount", "out_of_range")),
    ({"unit": "Toman"}, ("unit", "invalid_choice")),
    ({"unit": None}, ("unit", "null_not_allowed")),
    ({"description": "ن" * 1001}, ("description", "too_long")),
    ({"description": 5}, ("description", "not_a_string")),
    ({"description": None}, ("description", "null_not_allowed")),
    ({"description": "a\x00"}, ("description", "invalid_text")),
    ({"description": "\udc00"}, ("description", "invalid_text")),
    ({"direction": "deposit"}, ("direction", "direction_not_allowed")),
    ({"direction": "withdraw"}, ("direction", "direction_not_allowed")),
    ({"direction": "out"}, ("direction", "invalid_choice")),
    ({"category_id": None}, ("category_id", "null_not_allowed")),
    ({"category_id": "خوراک"}, ("category_id", "invalid_uuid")),
    ({"id": "{" + NOBODYS_ID + "}"}, ("id", "invalid_uuid")),
    ({"kind": "expense"}, ("kind", "unknown_field")),
    ({"voided": True}, ("voided", "unknown_field")),
]


def test_what_is_wrong_with_a_transaction_is_named(person: Person, food: str) -> None:
    for change, flaw in WRONG:
        response = person.post("/v1/transactions", {"category_id": food, "amount": 5, **change})
        assert flaws(response) == {flaw}, change
    assert ledger_version(person) == 2


def test_what_is_wrong_with_a_correction_is_named(person: Person, food: str) -> None:
    path = f"/v1/transactions/{record(person, food, 5)['id']}"
    for change, (field, code) in WRONG:
        response = person.patch(path, change)
        unknown = field == "id"
        assert flaws(response) == {(field, "unknown_field" if unknown else code)}, change
    assert ledger_version(person) == 3


def test_problems_are_persian_unless_english_is_asked_for(person: Person, food: str) -> None:
    body = {"category_id": food, "amount": 0}
    persian = refused(person.post("/v1/transactions", body), 422, "validation_failed")
    headers = {"Accept-Language": "en"}
    english = refused(
        person.post("/v1/transactions", body, headers=headers), 422, "validation_failed"
    )
    for found, is_ascii in ((persian, False), (english, True)):
        texts = [found["title"], found["detail"], found["errors"][0]["message"]]
        assert [text.isascii() for text in texts] == [is_ascii] * 3


def test_toman_is_ten_rials(person: Person, food: str) -> None:
    assert record(person, food, 15, unit="toman")["amount"] == 150
    assert record(person, food, 15, unit="rial")["amount"] == 15
    assert record(person, food, 10**14, unit="toman")["amount"] == 10**15


def test_the_amount_defaults_to_the_category_s(person: Person, food: str) -> None:
    response = person.post("/v1/transactions", {"category_id": food})
    refused(response, 422, "amount_missing")
    assert flaws(response) == {("amount", "amount_missing")}
    shown(person.patch(f"/v1/categories/{food}", {"default_amount": 77}))
    body = {"category_id": food, "unit": "toman"}
    assert shown(person.post("/v1/transactions", body), 201)["amount"] == 77


def test_an_inactive_category_takes_nothing_new(person: Person, food: str) -> None:
    entry = record(person, food, 5)["id"]
    other = record(person, add_category(person, name="دیگر"), 5)["id"]
    shown(person.patch(f"/v1/categories/{food}", {"is_active": False}))
    body = {"category_id": food, "amount": 5}
    refused(person.post("/v1/transactions", body), 409, "category_inactive")
    response = person.patch(f"/v1/transactions/{other}", {"category_id": food})
    refused(response, 409, "category_inactive")
    assert shown(person.patch(f"/v1/transactions/{entry}", {"amount": 6}))["amount"] == 6
    assert person.delete(f"/v1/transactions/{entry}").status_code == 204
    assert shown(person.post(f"/v1/transactions/{entry}/restore"))["voided"] is False


def test_an_unknown_category_is_not_found(person: Person, food: str) -> None:
    body = {"category_id": NOBODYS_ID, "amount": 5}
    refused(person.post("/v1/transactions", body), 404, "category_not_found")
    entry = record(person, food, 5)["id"]
    response = person.patch(f"/v1/transactions/{entry}", {"category_id": NOBODYS_ID})
    refused(response, 404, "category_not_found")
    assert ledger_version(person) == 3


def test_a_description_is_stored_as_typed_after_nfc(person: Person, food: str) -> None:
    typed = " كباب\u200cى ١۲\n%_\\ 🍞 "
    assert record(person, food, 5, description=typed)["description"] == typed
    assert record(person, food, 5, description="e\u0301")["description"] == "\u00e9"
    assert record(person, food, 5)["description"] == ""
    longest = "ن" * 1000
    assert record(person, food, 5, description=longest)["description"] == longest


def test_repeating_a_creation_answers_200(person: Person, food: str) -> None:
    body = {
        "id": str(uuid4()),
        "category_id": food,
        "amount": 150,
        "date": "1405-01-01",
        "description": "e\u0301",
    }
    first = shown(person.post("/v1/transactions", body), 201)
    again = {**body, "amount": 15, "unit": "toman", "description": "\u00e9"}
    for repeated in (body, again, {"id": body["id"], "category_id": food}):
        response = person.post("/v1/transactions", repeated)
        assert shown(response, 200) == first
        assert response.headers["ETag"] == '"3"'
    path = f"/v1/transactions/{body['id']}"
    corrected = shown(person.patch(path, {"amount": 9}))
    assert shown(person.post("/v1/transactions", body), 200) == corrected
    for change in (
        {"amount": 9},
        {"date": "1405-01-02"},
        {"description": ""},
        {"category_id": add_category(person, name="دیگر")},
    ):
        refused(person.post("/v1/transactions", {**body, **change}), 409, "id_taken")
    assert person.delete(path).status_code == 204
    assert shown(person.post("/v1/transactions", body), 200)["voided"] is True


def test_savings_are_deposited_and_withdrawn(person: Person, savings: str) -> None:
    assert record(person, savings, 100, direction="deposit")["direction"] == "deposit"
    assert record(person, savings, 30, direction="withdraw")["direction"] == "withdraw"
    assert balance(person) == {"income": 0, "expense": 0, "savings": 70, "balance": -70}


def test_no_more_is_withdrawn_than_was_deposited(person: Person, savings: str) -> None:
    other = add_category(person, "savings", "دیگر")
    deposit = record(person, savings, 100, "1405-12-01")["id"]
    record(person, other, 1000)
    # Over all dates: the withdrawal is dated before the deposit.
    withdrawal = record(person, savings, 60, "1405-01-01", direction="withdraw")["id"]
    version = ledger_version(person)
    body = {"category_id": savings, "amount": 41, "direction": "withdraw"}
    refused(person.post("/v1/transactions", body), 409, "savings_too_low")
    path = f"/v1/transactions/{deposit}"
    for correction in (
        {"amount": 59},
        {"category_id": other},
        {"direction": "withdraw"},
    ):
        refused(person.patch(path, correction), 409, "savings_too_low")
    refused(person.delete(path), 409, "savings_too_low")
    response = person.patch(f"/v1/transactions/{withdrawal}", {"amount": 101})
    refused(response, 409, "savings_too_low")
    assert ledger_version(person) == version
    assert person.delete(f"/v1/transactions/{withdrawal}").status_code == 204
    assert person.delete(path).status_code == 204
    response = person.post(f"/v1/transactions/{withdrawal}/restore")
    refused(response, 409, "savings_too_low")
    shown(person.post(f"/v1/transactions/{deposit}/restore"))
    shown(person.post(f"/v1/transactions/{withdrawal}/restore"))
    shown(person.patch(path, {"amount": 60}))


def test_every_field_can_be_corrected(person: Person, food: str, savings: str) -> None:
    other = add_category(person, "expense", "نان")
    entry = record(person, food, 5, "1405-09-02")
    path = f"/v1/transactions/{entry['id']}"
    response = person.patch(
        path,
        {
            "category_id": other,
            "amount": 2,
            "unit": "toman",
            "date_gregorian": "2026-03-21",
            "description": "سنگک",
        },
    )
    corrected = shown(response)
    assert corrected["category_id"] == other
    assert corrected["category_name"] == "نان"
    assert corrected["amount"] == 20
    assert corrected["date"] == "1405-01-01"
    assert corrected["description"] == "سنگک"
    assert corrected["version"] == int(response.headers["Ledger-Version"])
    assert response.headers["ETag"] == f'"{corrected["version"]}"'
    assert corrected["recorded_at"] == entry["recorded_at"]
    assert shown(person.get(path)) == corrected
    saved = record(person, savings, 5)["id"]
    turned = person.patch(f"/v1/transactions/{saved}", {"direction": "deposit"})
    assert shown(turned)["direction"] == "deposit"


def test_no_change_records_nothing(person: Person, food: str) -> None:
    entry = record(person, food, 50, "1405-01-01", description="نان")
    for same in ({}, {"amount": 5, "unit": "toman"}, {"date": "1405/1/1", "category_id": food}):
        assert shown(person.patch(f"/v1/transactions/{entry['id']}", same)) == entry
    assert ledger_version(person) == entry["version"]


def test_a_new_category_has_the_same_kind(person: Person, food: str, savings: str) -> None:
    path = f"/v1/transactions/{record(person, food, 5)['id']}"
    refused(person.patch(path, {"category_id": savings}), 409, "kind_mismatch")


def test_voiding_takes_an_entry_out_of_the_totals_only(person: Person, food: str) -> None:
    entry = record(person, food, 5)
    path = f"/v1/transactions/{entry['id']}"
    response = person.delete(path)
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Ledger-Version"] == "4"
    again = person.delete(path)
    assert (again.status_code, again.headers["Ledger-Version"]) == (204, "4")
    assert balance(person)["expense"] == 0
    voided = shown(person.get(path))
    assert (voided["voided"], voided["amount"], voided["version"]) == (True, 5, 4)
    for body in ({"amount": 6}, {}):
        refused(person.patch(path, body), 409, "transaction_voided")
    restored = shown(person.post(f"{path}/restore"))
    assert (restored["voided"], restored["version"]) == (False, 5)
    assert shown(person.post(f"{path}/restore")) == restored
    assert ledger_version(person) == 5
    assert balance(person)["expense"] == 5


def test_the_history_is_every_event_oldest_first(person: Person, food: str) -> None:
    entry = record(person, food, 5, "1405-01-01")["id"]
    path = f"/v1/transactions/{entry}"
    record(person, food, 99)
    shown(person.patch(path, {"amount": 6}))
    person.delete(path)
    shown(person.post(f"{path}/restore"))
    history = shown(person.get(f"{path}/history"))["items"]
    assert [(event["version"], event["topic"]) for event in history] == [
        (3, "expense-recorded.1"),
        (5, "transaction-corrected.1"),
        (6, "transaction-voided.1"),
        (7, "transaction-restored.1"),
    ]
    assert history[1]["data"]["before"]["amount_rials"] == 5
    assert history[1]["data"]["after"]["amount_rials"] == 6
    by_version = {event["version"]: event for event in items(person, "/v1/events")}
    assert history == [by_version[event["version"]] for event in history]
    assert {event["actor"] for event in history} == {person.account_id}


def test_unknown_transactions_are_not_found(person: Person) -> None:
    path = f"/v1/transactions/{NOBODYS_ID}"
    for response in (
        person.get(path),
        person.patch(path, {"amount": 5}),
        person.delete(path),
        person.post(f"{path}/restore"),
        person.get(f"{path}/history"),
    ):
        refused(response, 404, "transaction_not_found")
    assert ledger_version(person) == 1


def test_no_running_total_passes_what_a_client_can_count(person: Person) -> None:
    pay = add_category(person, "income")
    entries = [{"category_id": pay, "amount": 10**15} for _ in range(9)]
    shown(person.post("/v1/transactions/batch", {"items": entries}), 201)
    left = 2**53 - 1 - 9 * 10**15
    body = {"category_id": pay, "amount": left + 1}
    refused(person.post("/v1/transactions", body), 409, "total_too_large")
    entry = record(person, pay, left)["id"]
    assert balance(person)["income"] == 2**53 - 1
    response = person.patch(f"/v1/transactions/{entry}", {"amount": left + 1})
    refused(response, 409, "total_too_large")
    assert person.delete(f"/v1/transactions/{entry}").status_code == 204
    record(person, pay, 1)
    refused(person.post(f"/v1/transactions/{entry}/restore"), 409, "total_too_large")


def test_a_body_that_nothing_asks_for_is_refused(person: Person, food: str) -> None:
    path = f"/v1/transactions/{record(person, food, 5)['id']}"
    version = ledger_version(person)
    for headers in ({}, {"Idempotency-Key": "k"}):
        for method, where in (
            ("DELETE", path),
            ("POST", f"{path}/restore"),
            ("POST", "/v1/categories/starter"),
        ):
            typed = {**headers, "Content-Type": "application/json"}
            broken = person.ask(method, where, data=b'{"a"', headers=typed)
            refused(broken, 400, "malformed_json")
            text = {**headers, "Content-Type": "text/plain"}
            refused(
                person.ask(method, where, data=b"{}", headers=text), 415, "unsupported_media_type"
            )
            unknown = person.ask(method, where, json={"amount": 5}, headers=headers)
            assert flaws(unknown) == {("amount", "unknown_field")}
            assert flaws(person.ask(method, where, json=[1], headers=headers)) == {
                ("", "not_an_object")
            }
    assert ledger_version(person) == version
    assert person.ask("DELETE", path, json={}).status_code == 204


def test_a_query_that_nothing_asks_for_is_refused(person: Person, food: str) -> None:
    path = f"/v1/transactions/{record(person, food, 5)['id']}"
    for where in (path, f"{path}/history", f"/v1/categories/{food}"):
        assert flaws(person.get(f"{where}?page=2")) == {("page", "unknown_field")}
    assert flaws(person.delete(f"{path}?force=1")) == {("force", "unknown_field")}
    response = person.post(f"{path}/restore?dry_run=yes")
    assert flaws(response) == {("dry_run", "not_a_boolean")}
