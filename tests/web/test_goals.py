"""Goals over HTTP: what is saved, at what pace, and when that will be enough."""

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
    *("id", "category_id", "name", "target_amount", "target_date", "target_date_gregorian"),
    *("saved", "remaining", "percent", "pace", "needed_per_month", "forecast_date"),
    *("forecast_date_gregorian", "status", "status_name", "version"),
}


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    clock.set("1405-09-15")


@pytest.fixture
def fund(person: Person) -> str:
    """The id of a savings category."""
    return add_category(person, "savings", "سفر")


def set_goal(person: Person, category_id: str, target: int = 1000, **terms: Any) -> dict[str, Any]:
    """Set a goal, and give it as it is shown."""
    body = {"category_id": category_id, "target_amount": target, **terms}
    return shown(person.post("/v1/goals", body), 201)


def test_a_new_goal_is_shown_whole(person: Person, fund: str) -> None:
    body = {"category_id": fund, "name": "شیراز", "target_amount": 100, "unit": "toman"}
    response = person.post("/v1/goals", {**body, "target_date": "1406-01-01"})
    goal = shown(response, 201)
    assert goal.keys() == FIELDS
    assert (goal["target_amount"], goal["name"]) == (1000, "شیراز")
    assert (goal["target_date"], goal["target_date_gregorian"]) == ("1406-01-01", "2027-03-21")
    assert (goal["saved"], goal["remaining"], goal["percent"], goal["pace"]) == (0, 1000, 0.0, 0)
    assert (goal["forecast_date"], goal["status"], goal["status_name"]) == (
        *(None, "behind", "عقب‌مانده"),
    )
    assert response.headers["ETag"] == f'"{goal["version"]}"'
    assert response.headers["Location"] == f"/v1/goals/{goal['id']}"
    assert shown(person.get(response.headers["Location"])) == goal
    assert items(person, "/v1/goals") == [goal]
    changes = shown(person.get("/v1/changes?since=0"))
    assert changes["goals"] == [goal]
    assert person.delete(f"/v1/goals/{goal['id']}").status_code == 204
    changes = shown(person.get(f"/v1/changes?since={goal['version']}"))
    assert (changes["goals"], changes["removed"]["goals"]) == ([], [goal["id"]])
    refused(person.get(f"/v1/goals/{goal['id']}"), 404, "goal_not_found")


def test_saved_is_net_and_up_to_today(person: Person, fund: str, clock: Clock) -> None:
    record(person, fund, 500, "1403-01-01")
    record(person, fund, 100, "1405-09-15", direction="withdraw")
    record(person, fund, 300, "1405-09-16")
    other = add_category(person, "savings", "قلک")
    record(person, other, 77, "1405-09-01")
    goal = set_goal(person, fund)
    assert (goal["saved"], goal["remaining"], goal["percent"]) == (400, 600, 40.0)
    clock.set("1405-09-16")
    goal = shown(person.get(f"/v1/goals/{goal['id']}"))
    assert (goal["saved"], goal["remaining"], goal["percent"]) == (700, 300, 70.0)


def test_the_pace_is_of_three_full_months(person: Person, fund: str) -> None:
    for date, amount in (
        ("1405-05-31", 7000),
        ("1405-06-01", 100),
        ("1405-08-30", 200),
        ("1405-09-01", 5000),
    ):
        record(person, fund, amount, date)
    assert set_goal(person, fund, 10**6)["pace"] == 100
    record(person, fund, 450, "1405-07-15", direction="withdraw")
    [goal] = items(person, "/v1/goals")
    assert (goal["pace"], goal["forecast_date"]) == (-50, None)


# What was saved in each of three months, the goal, its date; what is needed a month, when the pace
# will have made it, and how that stands.
PROGRESS: Final[list[tuple[int, int, str | None, int | None, str | None, str]]] = [
    (100, 700, "1406-01-15", 100, "1406-01-15", "on_track"),
    (100, 701, "1406-01-15", 101, "1406-01-16", "behind"),
    (100, 700, "1406-01-14", 101, "1406-01-15", "behind"),
    (100, 350, "1405-09-30", 50, "1405-09-30", "on_track"),
    (100, 350, "1405-09-29", 50, "1405-09-30", "behind"),
    (100, 301, "1405-09-15", 1, "1405-09-16", "behind"),
    (100, 301, "1405-09-14", None, "1405-09-16", "overdue"),
    (100, 301, None, None, "1405-09-16", "no_date"),
    (100, 300, "1405-12-01", 0, None, "reached"),
    (100, 299, None, None, None, "reached"),
    (100, 299, "1405-01-01", None, None, "reached"),
    (0, 301, "1405-09-30", 301, None, "behind"),
    (1, 10**15, "1500-12-29", 874_521_274_992, None, "behind"),
    (1, 1100, "1500-12-29", 1, "1497-02-15", "on_track"),
]


def test_the_progress_at_every_border(person: Person) -> None:
    for number, (monthly, target, date, *expected) in enumerate(PROGRESS):
        fund = add_category(person, "savings", f"{number}")
        for month in (6, 7, 8):
            if monthly:
                record(person, fund, monthly, f"1405-0{month}-01")
        goal = set_goal(person, fund, target, target_date=date)
        assert goal["pace"] == monthly
        found = [goal["needed_per_month"], goal["forecast_date"], goal["status"]]
        assert found == expected, (monthly, target, date)


WRONG: Final[list[tuple[dict[str, Any], tuple[str, str]]]] = [
    ({"target_amount": 0}, ("target_amount", "out_of_range")),
    ({"target_amount": None}, ("target_amount", "null_not_allowed")),
    ({"target_amount": 1.5}, ("target_amount", "not_an_integer")),
    ({"name": " "}, ("name", "blank")),
    ({"name": "x" * 101}, ("name", "too_long")),
    ({"target_date": "1404-12-30"}, ("target_date", "invalid_date")),
    (
        {"target_date": "1406-01-01", "target_date_gregorian": "2026-01-01"},
        ("target_date_gregorian", "dates_disagree"),
    ),
    ({"category_id": "x"}, ("category_id", "invalid_uuid")),
    ({"status": "reached"}, ("status", "unknown_field")),
]


def test_what_is_wrong_is_named(person: Person, fund: str) -> None:
    good = {"category_id": fund, "target_amount": 9}
    for change, flaw in WRONG:
        assert flaws(person.post("/v1/goals", {**good, **change})) == {flaw}, change
    for name in good:
        body = {key: value for key, value in good.items() if key != name}
        assert flaws(person.post("/v1/goals", body)) == {(name, "required")}
    food = add_category(person)
    for change, status, code in (
        ({"category_id": NOBODYS_ID}, 404, "category_not_found"),
        ({"category_id": food}, 409, "kind_mismatch"),
    ):
        refused(person.post("/v1/goals", {**good, **change}), status, code)
    path = f"/v1/goals/{set_goal(person, fund)['id']}"
    version = ledger_version(person)
    for change, flaw in WRONG:
        assert flaws(person.patch(path, change)) == {flaw}, change
    refused(person.patch(path, {"category_id": food}), 409, "kind_mismatch")
    refused(person.post("/v1/goals", good), 409, "goal_exists")
    assert flaws(person.get("/v1/goals?cursor=x")) == {("cursor", "invalid_cursor")}
    assert ledger_version(person) == version


def test_every_term_can_be_revised(person: Person, fund: str) -> None:
    path = f"/v1/goals/{set_goal(person, fund, name='سفر')['id']}"
    other = add_category(person, "savings", "قلک")
    revision = {
        "category_id": other,
        "name": "خانه",
        "target_amount": 5,
        "target_date": "1406-01-01",
    }
    revised = shown(person.patch(path, revision))
    assert {name: revised[name] for name in revision} == revision
    for same in ({}, revision, {"target_date_gregorian": "2027-03-21"}):
        assert shown(person.patch(path, same)) == revised
    bare = shown(person.patch(path, {"name": None, "target_date": None}))
    assert (bare["name"], bare["target_date"], bare["target_date_gregorian"]) == (None, None, None)


def test_repeating_a_creation_answers_200(person: Person, fund: str) -> None:
    body = {"id": str(uuid4()), "category_id": fund, "target_amount": 50, "name": "سفر"}
    first = shown(person.post("/v1/goals", body), 201)
    assert shown(person.post("/v1/goals", body), 200) == first
    refused(person.post("/v1/goals", {**body, "target_amount": 51}), 409, "id_taken")


def test_goals_are_listed_oldest_first_and_filtered(person: Person) -> None:
    funds = [add_category(person, "savings", f"{number}") for number in range(3)]
    ids = [set_goal(person, fund)["id"] for fund in funds]
    assert [goal["id"] for goal in items(person, "/v1/goals?limit=1")] == ids
    found = items(person, f"/v1/goals?category_id={funds[1]}")
    assert [goal["id"] for goal in found] == [ids[1]]


def test_a_category_with_a_goal_stays(person: Person, fund: str) -> None:
    goal = set_goal(person, fund)["id"]
    refused(person.delete(f"/v1/categories/{fund}"), 409, "category_in_use")
    assert person.delete(f"/v1/goals/{goal}").status_code == 204
    assert person.delete(f"/v1/categories/{fund}").status_code == 204
