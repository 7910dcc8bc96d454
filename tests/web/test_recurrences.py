"""What recurs, over HTTP: its terms, what comes of them at once, and the drafts that wait."""

from typing import Any, Final
from uuid import uuid4

import pytest

from projections.paging import encode_cursor
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
    *("id", "category_id", "direction", "amount", "last_amount", "description", "period"),
    *("interval", "weekdays", "start", "start_gregorian", "until", "until_gregorian", "count"),
    *("mode", "next_number", "next_date", "next_date_gregorian", "next_amount"),
    *("remaining_count", "remaining_amount", "last_date", "last_date_gregorian"),
    *("version", "created_at", "updated_at"),
}
DRAFT_FIELDS: Final = {
    *("id", "recurrence_id", "number", "category_id", "direction", "amount", "description"),
    *("date", "date_gregorian", "reason", "version", "created_at"),
}
TODAY: Final = "1405-09-02"


@pytest.fixture(autouse=True)
def stopped(clock: Clock) -> None:
    """It is 1405-09-02, a Monday."""
    clock.set(TODAY)


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def recur(person: Person, category_id: str, **terms: Any) -> dict[str, Any]:
    """Have 100 Rials recur monthly, unless said, and give it as it is shown."""
    body = {"category_id": category_id, "period": "month", **terms}
    if "total_amount" not in terms:
        body.setdefault("amount", 100)
    return shown(person.post("/v1/recurrences", body), 201)


def test_instalments_show_what_is_left_of_them(person: Person, food: str) -> None:
    body = {
        "category_id": food,
        "total_amount": 100,
        "unit": "toman",
        "count": 3,
        "period": "month",
        "start": "1405-10-30",
        "description": "قسط",
    }
    response = person.post("/v1/recurrences", body)
    loan = shown(response, 201)
    assert loan.keys() == FIELDS
    assert (loan["amount"], loan["last_amount"], loan["next_amount"]) == (333, 334, 333)
    assert (loan["start"], loan["start_gregorian"]) == ("1405-10-30", "2027-01-20")
    assert (loan["next_number"], loan["next_date"]) == (1, "1405-10-30")
    assert (loan["remaining_count"], loan["remaining_amount"]) == (3, 1000)
    assert (loan["last_date"], loan["until"]) == ("1405-12-29", None)
    assert response.headers["ETag"] == f'"{loan["version"]}"'
    assert response.headers["Location"] == f"/v1/recurrences/{loan['id']}"
    assert shown(person.get(response.headers["Location"])) == loan
    assert items(person, "/v1/recurrences") == [loan]
    coming = items(person, f"/v1/recurrences/{loan['id']}/upcoming?limit=2")
    assert coming == [
        _time(1, "1405-10-30", "2027-01-20", 333),
        _time(2, "1405-11-30", "2027-02-19", 333),
        _time(3, "1405-12-29", "2027-03-20", 334),
    ]


def _time(number: int, date: str, gregorian: str, amount: int) -> dict[str, object]:
    return {"number": number, "date": date, "date_gregorian": gregorian, "amount": amount}


def test_what_has_no_end_shows_none(person: Person, food: str) -> None:
    rent = recur(person, food, start="1405-09-03")
    for name in ("remaining_count", "remaining_amount", "last_date", "last_date_gregorian"):
        assert rent[name] is None
    page = shown(person.get(f"/v1/recurrences/{rent['id']}/upcoming?limit=200"))
    assert len(page["items"]) == 200
    assert page["has_more"]
    assert items(person, "/v1/transactions") == []


def test_what_is_due_is_there_at_once(person: Person, food: str) -> None:
    loan = recur(person, food, start="1405-07-30", count=3)
    found = items(person, "/v1/transactions")
    assert [entry["date"] for entry in found] == ["1405-08-30", "1405-07-30"]
    assert (loan["next_number"], loan["next_date"]) == (3, "1405-09-30")
    assert loan["remaining_amount"] == 100
    assert shown(person.get("/v1/balance"))["expense"] == 200
    events = [event["topic"] for event in items(person, "/v1/events")]
    assert events[-5:] == [
        "recurrence-set.1",
        *["expense-recorded.1", "recurrence-happened.1"] * 2,
    ]


def test_what_lies_in_the_past_may_be_skipped(person: Person, food: str) -> None:
    loan = recur(person, food, start="1405-07-30", count=3, skip_past=True)
    assert (loan["next_number"], loan["remaining_count"]) == (3, 1)
    assert items(person, "/v1/transactions") == []


def test_weeks_begin_on_saturday(person: Person, food: str) -> None:
    weekdays = ["friday", "saturday"]
    lesson = recur(person, food, period="week", interval=2, weekdays=weekdays, start=TODAY)
    assert lesson["weekdays"] == ["saturday", "friday"]
    coming = shown(person.get(f"/v1/recurrences/{lesson['id']}/upcoming?limit=3"))["items"]
    assert [one["date"] for one in coming] == ["1405-09-06", "1405-09-14", "1405-09-20"]


WRONG: Final[list[tuple[dict[str, Any], tuple[str, str]]]] = [
    ({"amount": 0}, ("amount", "out_of_range")),
    ({"amount": 1.5}, ("amount", "not_an_integer")),
    ({"period": "decade"}, ("period", "invalid_choice")),
    ({"interval": 0}, ("interval", "out_of_range")),
    ({"interval": 367}, ("interval", "out_of_range")),
    ({"count": 0}, ("count", "out_of_range")),
    ({"count": 1001}, ("count", "out_of_range")),
    ({"weekdays": []}, ("weekdays", "too_few")),
    ({"weekdays": "friday"}, ("weekdays", "not_a_list")),
    ({"weekdays": ["someday"]}, ("weekdays.0", "invalid_choice")),
    ({"weekdays": ["friday"]}, ("weekdays", "weekdays_not_allowed")),
    ({"start": "1404-12-30"}, ("start", "invalid_date")),
    ({"start": TODAY, "start_gregorian": "2026-11-25"}, ("start_gregorian", "dates_disagree")),
    ({"until": "1405-10-01", "count": 3}, ("until", "end_said_twice")),
    ({"mode": "later"}, ("mode", "invalid_choice")),
    ({"direction": "deposit"}, ("direction", "direction_not_allowed")),
    ({"category_id": "x"}, ("category_id", "invalid_uuid")),
    ({"colour": "#FFFFFF"}, ("colour", "unknown_field")),
]


def test_what_is_wrong_is_named(person: Person, food: str) -> None:
    good = {"category_id": food, "amount": 100, "period": "month", "start": "1405-09-03"}
    only_new: list[tuple[dict[str, Any], tuple[str, str]]] = [
        ({"total_amount": 7}, ("total_amount", "amount_said_twice")),
        ({"until": "1405-09-01"}, ("until", "never_happens")),
        ({"period": "day", "start": "1404-01-01"}, ("start", "too_many_past")),
        ({"skip_past": 1}, ("skip_past", "not_a_boolean")),
    ]
    for change, flaw in [*WRONG, *only_new]:
        assert flaws(person.post("/v1/recurrences", {**good, **change})) == {flaw}, change
    split = {**good, "total_amount": 5}
    del split["amount"]
    assert flaws(person.post("/v1/recurrences", split)) == {("count", "count_missing")}
    split["count"] = 6
    assert flaws(person.post("/v1/recurrences", split)) == {("total_amount", "split_too_small")}
    for missing in (("amount", "amount_missing"), ("period", "required")):
        body = {key: value for key, value in good.items() if key != missing[0]}
        assert flaws(person.post("/v1/recurrences", body)) == {missing}
    body = {**good, "category_id": NOBODYS_ID}
    refused(person.post("/v1/recurrences", body), 404, "category_not_found")
    shown(person.patch(f"/v1/categories/{food}", {"is_active": False}))
    refused(person.post("/v1/recurrences", good), 409, "category_inactive")
    assert items(person, "/v1/recurrences") == []


def test_what_is_wrong_with_a_revision_is_named(person: Person, food: str) -> None:
    path = f"/v1/recurrences/{recur(person, food, start='1405-09-03')['id']}"
    version = ledger_version(person)
    for change, flaw in WRONG:
        assert flaws(person.patch(path, change)) == {flaw}, change
    change = {"amount": 5, "remaining_amount": 5}
    assert flaws(person.patch(path, change)) == {("remaining_amount", "amount_said_twice")}
    assert flaws(person.patch(path, {"skip_past": True})) == {("skip_past", "unknown_field")}
    assert flaws(person.patch(path, {"remaining_amount": 5})) == {("count", "count_missing")}
    refused(person.patch(path, {"category_id": NOBODYS_ID}), 404, "category_not_found")
    pay = add_category(person, "income", "حقوق")
    refused(person.patch(path, {"category_id": pay}), 409, "kind_mismatch")
    assert ledger_version(person) == version + 1


def test_a_revision_is_from_here_on(person: Person, food: str) -> None:
    loan = recur(person, food, start="1405-08-15", count=10)
    path = f"/v1/recurrences/{loan['id']}"
    revised = shown(person.patch(path, {"remaining_amount": 1000, "start": "1405-08-20"}))
    left = (revised["amount"], revised["last_amount"], revised["remaining_count"])
    assert left == (111, 112, 9)
    assert (revised["next_date"], revised["remaining_amount"]) == ("1405-09-20", 1000)
    assert [entry["amount"] for entry in items(person, "/v1/transactions")] == [100]
    ended = shown(person.patch(path, {"until": "1405-09-01"}))
    assert (ended["count"], ended["next_date"], ended["remaining_count"]) == (None, None, 0)
    endless = shown(person.patch(path, {"until": None}))
    assert (endless["until"], endless["remaining_count"]) == (None, None)
    same = person.patch(path, {"amount": endless["amount"]})
    assert (shown(same), same.headers["Ledger-Version"]) == (endless, str(endless["version"]))


def test_repeating_a_creation_answers_200(person: Person, food: str) -> None:
    body = {"id": str(uuid4()), "category_id": food, "amount": 100, "period": "day"}
    first = shown(person.post("/v1/recurrences", body), 201)
    again = {**body, "amount": 10, "unit": "toman"}
    assert shown(person.post("/v1/recurrences", again)) == first
    refused(person.post("/v1/recurrences", {**body, "interval": 2}), 409, "id_taken")
    assert person.delete(f"/v1/recurrences/{first['id']}").status_code == 204
    refused(person.post("/v1/recurrences", body), 409, "id_taken")
    refused(person.get(f"/v1/recurrences/{first['id']}"), 404, "recurrence_not_found")
    refused(person.get(f"/v1/recurrences/{first['id']}/upcoming"), 404, "recurrence_not_found")


def test_lists_are_of_a_category(person: Person, food: str) -> None:
    rent = add_category(person, "expense", "اجاره")
    first, second = recur(person, food), recur(person, rent)
    assert items(person, "/v1/recurrences?limit=1") == [first, second]
    assert items(person, f"/v1/recurrences?category_id={rent}") == [second]
    beyond = encode_cursor("upcoming", ["9999-12-31"])
    path = f"/v1/recurrences/{first['id']}/upcoming?cursor={beyond}"
    assert shown(person.get(path))["items"] == []
    for path in ("recurrences", "drafts", f"recurrences/{first['id']}/upcoming"):
        assert flaws(person.get(f"/v1/{path}?cursor=x")) == {("cursor", "invalid_cursor")}
        assert flaws(person.get(f"/v1/{path}?limit=0")) == {("limit", "out_of_range")}


def test_a_draft_is_in_no_total_until_it_is_confirmed(person: Person, food: str) -> None:
    daily = recur(person, food, period="day", start="1405-09-01", mode="draft", description="نان")
    first, second = items(person, "/v1/drafts")
    assert first.keys() == DRAFT_FIELDS
    assert (first["date"], first["number"], first["amount"]) == ("1405-09-01", 1, 100)
    assert (first["reason"], first["recurrence_id"]) == (None, daily["id"])
    assert shown(person.get("/v1/balance"))["expense"] == 0
    said = {"amount": 7, "unit": "toman", "date": "1405-08-30", "description": "نان و پنیر"}
    path = f"/v1/drafts/{first['id']}/confirm"
    answer = person.post(path, said)
    entry = shown(answer, 201)
    assert (entry["id"], entry["amount"], entry["date"]) == (first["id"], 70, "1405-08-30")
    assert answer.headers["Location"] == f"/v1/transactions/{entry['id']}"
    assert shown(person.get(answer.headers["Location"])) == entry
    assert shown(person.post(path, said)) == shown(person.post(path, {})) == entry
    refused(person.post(path, {"amount": 71}), 409, "draft_confirmed")
    refused(person.delete(f"/v1/drafts/{first['id']}"), 409, "draft_confirmed")
    assert items(person, "/v1/drafts") == [second]
    assert shown(person.get("/v1/balance"))["expense"] == 70


def test_a_draft_goes_by_itself_or_with_what_left_it(person: Person, food: str) -> None:
    daily = recur(person, food, period="day", start="1405-09-01", mode="draft")
    other = recur(person, food, period="day", mode="draft")
    first, second, third = items(person, "/v1/drafts")
    path = f"/v1/drafts/{first['id']}"
    stale = person.ask("DELETE", path, headers={"If-Match": '"1"'})
    refused(stale, 412, "version_mismatch")
    assert person.delete(path).status_code == 204
    refused(person.delete(path), 404, "draft_not_found")
    refused(person.post(f"{path}/confirm", {}), 404, "draft_not_found")
    refused(person.delete(f"/v1/categories/{food}"), 409, "category_in_use")
    assert items(person, f"/v1/drafts?recurrence_id={daily['id']}") == [second]
    assert person.delete(f"/v1/recurrences/{daily['id']}").status_code == 204
    assert items(person, "/v1/drafts") == [third]
    assert person.delete(f"/v1/recurrences/{other['id']}").status_code == 204
    assert person.delete(f"/v1/categories/{food}").status_code == 204


def test_what_cannot_be_recorded_is_held_with_the_reason(person: Person) -> None:
    fund = add_category(person, "savings", "صندوق")
    record(person, fund, 150, TODAY)
    recur(person, fund, period="day", start="1405-09-01", direction="withdraw")
    [draft] = items(person, "/v1/drafts")
    assert (draft["reason"], draft["direction"]) == ("savings_too_low", "withdraw")
    path = f"/v1/drafts/{draft['id']}/confirm"
    refused(person.post(path, {}), 409, "savings_too_low")
    entry = shown(person.post(path, {"amount": 50}), 201)
    assert (entry["direction"], entry["amount"]) == ("withdraw", 50)
    shown(person.patch(f"/v1/categories/{fund}", {"is_active": False}))


def test_the_version_moves_with_every_time(person: Person, food: str, clock: Clock) -> None:
    daily = recur(person, food, period="day")
    path = f"/v1/recurrences/{daily['id']}"
    clock.set("1405-09-03")
    revised = shown(person.patch(path, {"description": "نان"}))
    assert revised["next_date"] == "1405-09-04"
    stale = person.ask(
        "PATCH", path, json={"amount": 5}, headers={"If-Match": f'"{daily["version"]}"'}
    )
    refused(stale, 412, "version_mismatch")
