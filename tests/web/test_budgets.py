"""Budgets over HTTP: their terms, and how far they are used on every day."""

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
    *("id", "category_id", "min_amount", "max_amount", "start", "end"),
    *("start_gregorian", "end_gregorian", "repeat", "rollover", "until", "until_gregorian"),
    *("version", "period", "utilisation"),
}
USE: Final = {"used", "remaining", "percent", "min_met", "expected_by_now", "status", "status_name"}
AZAR: Final = {"start": "1405-09-01", "end": "1405-09-30"}


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def set_budget(person: Person, category_id: str, **terms: Any) -> dict[str, Any]:
    """Set a budget, and give it as it is shown."""
    body = {"category_id": category_id, **AZAR, **terms}
    return shown(person.post("/v1/budgets", body), 201)


def test_a_new_budget_is_shown_whole(person: Person, food: str) -> None:
    body = {"category_id": food, "min_amount": 5, "max_amount": 10, **AZAR, "unit": "toman"}
    response = person.post("/v1/budgets", body)
    budget = shown(response, 201)
    assert budget.keys() == FIELDS
    assert budget["utilisation"].keys() == USE
    assert (budget["min_amount"], budget["max_amount"]) == (50, 100)
    assert (budget["start"], budget["end"]) == ("1405-09-01", "1405-09-30")
    assert (budget["start_gregorian"], budget["end_gregorian"]) == ("2026-11-22", "2026-12-21")
    assert budget["version"] == 3
    assert response.headers["ETag"] == '"3"'
    assert response.headers["Location"] == f"/v1/budgets/{budget['id']}"
    assert shown(person.get(response.headers["Location"])) == budget


def test_the_period_may_be_gregorian(person: Person, food: str) -> None:
    body = {
        "category_id": food,
        "max_amount": 1,
        "start_gregorian": "2026-11-22",
        "end_gregorian": "2026-12-21",
    }
    budget = shown(person.post("/v1/budgets", body), 201)
    assert (budget["start"], budget["end"]) == ("1405-09-01", "1405-09-30")


WRONG: Final[list[tuple[dict[str, Any], tuple[str, str]]]] = [
    ({"max_amount": None}, ("max_amount", "budget_amount_missing")),
    ({"min_amount": 10}, ("min_amount", "budget_amounts_reversed")),
    ({"min_amount": 11}, ("min_amount", "budget_amounts_reversed")),
    ({"end": "1405-09-01"}, ("end", "budget_period_reversed")),
    ({"end": "1405-08-30"}, ("end", "budget_period_reversed")),
    ({"min_amount": 0}, ("min_amount", "out_of_range")),
    ({"max_amount": 1.5}, ("max_amount", "not_an_integer")),
    ({"start": "1404-12-30"}, ("start", "invalid_date")),
    ({"end_gregorian": "2026-12-22"}, ("end_gregorian", "dates_disagree")),
    ({"category_id": "x"}, ("category_id", "invalid_uuid")),
    ({"status": "on_track"}, ("status", "unknown_field")),
]


def test_what_is_wrong_with_a_budget_is_named(person: Person, food: str) -> None:
    good = {"category_id": food, "max_amount": 10, **AZAR}
    for change, flaw in WRONG:
        assert flaws(person.post("/v1/budgets", {**good, **change})) == {flaw}, change
    for name in ("category_id", "start", "end"):
        body = {key: value for key, value in good.items() if key != name}
        assert flaws(person.post("/v1/budgets", body)) == {(name, "required")}
    body = {"category_id": food, **AZAR}
    assert flaws(person.post("/v1/budgets", body)) == {("max_amount", "budget_amount_missing")}
    body = {**good, "category_id": NOBODYS_ID}
    refused(person.post("/v1/budgets", body), 404, "category_not_found")
    assert ledger_version(person) == 2


def test_what_is_wrong_with_a_revision_is_named(person: Person, food: str) -> None:
    path = f"/v1/budgets/{set_budget(person, food, max_amount=10)['id']}"
    for change, flaw in WRONG:
        if flaw[1] != "dates_disagree":
            assert flaws(person.patch(path, change)) == {flaw}, change
    refused(person.patch(path, {"category_id": NOBODYS_ID}), 404, "category_not_found")
    assert ledger_version(person) == 3


def test_a_category_has_one_budget_for_a_period(person: Person, food: str) -> None:
    budget = set_budget(person, food, max_amount=10)
    body = {"category_id": food, "min_amount": 1, **AZAR}
    refused(person.post("/v1/budgets", body), 409, "budget_exists")
    other = set_budget(person, food, max_amount=10, end="1405-09-29")
    response = person.patch(f"/v1/budgets/{other['id']}", {"end": "1405-09-30"})
    refused(response, 409, "budget_exists")
    shown(person.patch(f"/v1/budgets/{budget['id']}", {"end": "1405-09-30", "max_amount": 11}))
    assert person.delete(f"/v1/budgets/{budget['id']}").status_code == 204
    set_budget(person, food, max_amount=10)


def test_repeating_a_creation_answers_200(person: Person, food: str) -> None:
    body = {"id": str(uuid4()), "category_id": food, "max_amount": 50, **AZAR}
    first = shown(person.post("/v1/budgets", body), 201)
    for repeated in (body, {**body, "max_amount": 5, "unit": "toman"}):
        assert shown(person.post("/v1/budgets", repeated), 200) == first
    for change in ({"max_amount": 51}, {"min_amount": 5}, {"end": "1405-09-29"}):
        refused(person.post("/v1/budgets", {**body, **change}), 409, "id_taken")
    assert person.delete(f"/v1/budgets/{body['id']}").status_code == 204
    refused(person.post("/v1/budgets", body), 409, "id_taken")


def test_every_term_can_be_revised(person: Person, food: str) -> None:
    other = add_category(person, "income", "حقوق")
    budget = set_budget(person, food, max_amount=10)
    path = f"/v1/budgets/{budget['id']}"
    revision = {
        "category_id": other,
        "min_amount": 3,
        "max_amount": None,
        "start": "1405-10-01",
        "end": "1405-10-30",
    }
    response = person.patch(path, revision)
    revised = shown(response)
    assert {name: revised[name] for name in revision} == revision
    assert response.headers["ETag"] == f'"{revised["version"]}"'
    assert shown(person.get(path)) == revised
    for same in ({}, revision):
        assert shown(person.patch(path, same)) == revised
    assert ledger_version(person) == revised["version"]


def test_a_removed_budget_is_gone(person: Person, food: str) -> None:
    path = f"/v1/budgets/{set_budget(person, food, max_amount=10)['id']}"
    response = person.delete(path)
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Ledger-Version"] == "4"
    for again in (person.get(path), person.patch(path, {}), person.delete(path)):
        refused(again, 404, "budget_not_found")
    assert items(person, "/v1/budgets") == []


def test_budgets_are_listed_oldest_first_and_filtered(person: Person, food: str) -> None:
    pay = add_category(person, "income", "حقوق")
    first = set_budget(person, food, max_amount=10)["id"]
    second = set_budget(person, pay, min_amount=10, start="1405-09-30", end="1405-10-01")["id"]
    third = set_budget(person, food, max_amount=10, start="1405-10-01", end="1405-10-30")["id"]

    def listed(query: str) -> list[str]:
        return [item["id"] for item in items(person, f"/v1/budgets?limit=1&{query}")]

    assert listed("") == [first, second, third]
    assert listed(f"category_id={food}") == [first, third]
    assert listed(f"category_id={NOBODYS_ID}") == []
    assert listed("active_on=1405-08-30") == []
    assert listed("active_on=1405-09-01") == [first]
    assert listed("active_on=1405-09-30") == [first, second]
    assert listed("active_on=1405-10-01") == [second, third]
    assert listed(f"active_on=1405-10-01&category_id={food}") == [third]
    for query, flaw in (
        ("active_on=1405-07-31", ("active_on", "invalid_date")),
        ("category_id=x", ("category_id", "invalid_uuid")),
        ("status=on_track", ("status", "unknown_field")),
    ):
        assert flaws(person.get(f"/v1/budgets?{query}")) == {flaw}


# Azar has 30 days. On the 15th half of them have gone by.
STATUSES: Final[list[tuple[int | None, int | None, int, str, str]]] = [
    (None, 100, 500, "1405-08-30", "not_started"),
    (None, 100, 0, "1405-09-01", "on_track"),
    (None, 100, 79, "1405-09-15", "on_track"),
    (None, 100, 80, "1405-09-15", "near_limit"),
    (None, 100, 100, "1405-09-30", "near_limit"),
    (None, 100, 101, "1405-09-30", "over_limit"),
    (None, 100, 101, "1405-10-01", "ended_over"),
    (None, 100, 100, "1405-10-01", "ended_ok"),
    (None, 100, 0, "1405-10-01", "ended_ok"),
    (None, 1, 1, "1405-09-15", "near_limit"),
    (60, None, 29, "1405-09-15", "under_minimum"),
    (60, None, 30, "1405-09-15", "on_track"),
    (60, None, 1, "1405-09-01", "under_minimum"),
    (60, None, 2, "1405-09-01", "on_track"),
    (60, None, 59, "1405-09-30", "under_minimum"),
    (60, None, 60, "1405-09-30", "on_track"),
    (60, None, 999, "1405-09-30", "on_track"),
    (60, None, 59, "1405-10-01", "ended_under"),
    (60, None, 60, "1405-10-01", "ended_ok"),
    (60, None, 0, "1405-08-30", "not_started"),
    (60, 100, 29, "1405-09-15", "under_minimum"),
    (60, 100, 30, "1405-09-15", "on_track"),
    (60, 100, 80, "1405-09-15", "near_limit"),
    (60, 100, 101, "1405-09-15", "over_limit"),
    (90, 100, 80, "1405-09-30", "near_limit"),
    (60, 100, 59, "1405-10-01", "ended_under"),
    (60, 100, 100, "1405-10-01", "ended_ok"),
    (60, 100, 101, "1405-10-01", "ended_over"),
]


def test_the_status_at_every_border(person: Person, clock: Clock) -> None:
    for number, (least, most, used, today, status) in enumerate(STATUSES):
        category = add_category(person, name=f"دستهٔ {number}")
        if used:
            record(person, category, used, "1405-09-10")
        clock.set(today)
        budget = set_budget(person, category, min_amount=least, max_amount=most)
        found = shown(person.get(f"/v1/budgets/{budget['id']}"))["utilisation"]
        assert found["status"] == status, (least, most, used, today)
        assert budget["utilisation"] == found
        assert found["used"] == used
        assert found["remaining"] == (None if most is None else most - used)
        assert found["min_met"] == (None if least is None else used >= least)


@pytest.mark.parametrize(
    ("least", "most", "used", "percent"),
    [
        (None, 3, 1, 33.3),
        (None, 3, 2, 66.7),
        (None, 2000, 1, 0.0),  # 0.05, to the even tenth
        (None, 2000, 3, 0.2),  # 0.15
        (None, 2000, 5, 0.2),  # 0.25
        (8, None, 9, 112.5),
        (8, 16, 4, 25.0),
        (None, 10**15, 10**15, 100.0),
    ],
)
def test_the_percentage_has_one_decimal_half_to_even(
    person: Person, food: str, least: int | None, most: int | None, used: int, percent: float
) -> None:
    record(person, food, used, "1405-09-01")
    budget = set_budget(person, food, min_amount=least, max_amount=most)
    assert budget["utilisation"]["percent"] == percent


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("1405-08-30", 0),
        ("1405-09-01", 3),  # 100/30 = 3.33
        ("1405-09-15", 50),
        ("1405-09-30", 100),
        ("1405-10-01", 100),
        ("1410-01-01", 100),
    ],
)
def test_what_is_expected_by_now_follows_the_days(
    person: Person, food: str, clock: Clock, today: str, expected: int
) -> None:
    clock.set(today)
    budget = set_budget(person, food, min_amount=60, max_amount=100)
    assert budget["utilisation"]["expected_by_now"] == expected


def test_what_is_expected_is_rounded_half_to_even(person: Person, food: str, clock: Clock) -> None:
    clock.set("1405-09-01")
    for number, (most, expected) in enumerate(((1, 0), (3, 2), (5, 2), (7, 4))):
        category = add_category(person, name=f"{number}")
        budget = set_budget(person, category, max_amount=most, end="1405-09-02")
        assert budget["utilisation"]["expected_by_now"] == expected


def test_only_the_category_and_the_period_count(person: Person, food: str) -> None:
    budget = set_budget(person, food, max_amount=100, start="1405-06-15", end="1405-12-20")
    other = add_category(person, name="دیگر")
    path = f"/v1/budgets/{budget['id']}"
    inside = ("1405-06-15", "1405-06-31", "1405-07-01", "1405-07-30", "1405-12-01", "1405-12-20")
    outside = ("1405-06-14", "1405-12-21", "1404-07-01", "1406-07-01", "1405-12-29")
    for date in (*inside, *outside):
        record(person, food, 1, date)
        record(person, other, 50, date)
    gone = record(person, food, 1, "1405-08-01")["id"]
    assert shown(person.get(path))["utilisation"]["used"] == len(inside) + 1
    assert person.delete(f"/v1/transactions/{gone}").status_code == 204
    use = shown(person.get(path))["utilisation"]
    assert (use["used"], use["remaining"]) == (len(inside), 94)


@pytest.mark.parametrize(
    ("start", "end", "dates", "used"),
    [
        ("1403-12-01", "1403-12-30", ["1403-12-30", "1404-01-01", "1403-11-30"], 1),
        ("1403-12-30", "1404-01-01", ["1403-12-29", "1403-12-30", "1404-01-01", "1404-01-02"], 2),
        ("1404-12-01", "1404-12-29", ["1404-12-29", "1405-01-01"], 1),
        ("1405-01-02", "1405-01-03", ["1405-01-01", "1405-01-02", "1405-01-03", "1405-01-04"], 2),
        ("1405-01-02", "1405-02-30", ["1405-01-31", "1405-02-30", "1405-02-31"], 2),
        ("1405-01-01", "1405-02-30", ["1405-01-31", "1405-02-30", "1405-02-31"], 2),
        ("1405-01-02", "1405-02-31", ["1405-01-01", "1405-02-31", "1405-03-01"], 1),
        ("1300-01-01", "1500-12-29", ["1300-01-01", "1405-01-01", "1500-12-29"], 3),
    ],
)
def test_used_counts_whole_months_and_edge_days(
    person: Person, food: str, start: str, end: str, dates: list[str], used: int
) -> None:
    for date in dates:
        record(person, food, 1, date)
    budget = set_budget(person, food, max_amount=100, start=start, end=end)
    assert budget["utilisation"]["used"] == used


def test_income_and_savings_have_budgets_too(person: Person) -> None:
    pay = add_category(person, "income", "حقوق")
    savings = add_category(person, "savings", "پس‌انداز")
    record(person, pay, 70, "1405-09-01")
    record(person, savings, 100, "1405-08-01")
    record(person, savings, 30, "1405-09-01", direction="withdraw")
    record(person, savings, 10, "1405-09-02")
    earned = set_budget(person, pay, min_amount=70)["utilisation"]
    assert (earned["used"], earned["min_met"], earned["percent"]) == (70, True, 100.0)
    saved = set_budget(person, savings, min_amount=10, max_amount=40)["utilisation"]
    assert (saved["used"], saved["remaining"], saved["percent"]) == (-20, 60, -50.0)
    assert saved["min_met"] is False
