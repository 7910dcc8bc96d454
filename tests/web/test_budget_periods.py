"""Budgets that repeat, over HTTP: their periods, and what rolls over."""

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

MEHR: Final = {"start": "1405-07-01", "end": "1405-07-30", "repeat": "month"}


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    clock.set("1405-09-15")


def set_budget(person: Person, category_id: str, **terms: Any) -> dict[str, Any]:
    """Set a budget that repeats from Mehr on, unless said, and give it as it is shown."""
    body = {"category_id": category_id, "max_amount": 100, **MEHR, **terms}
    return shown(person.post("/v1/budgets", body), 201)


def carried(person: Person, budget: dict[str, Any]) -> list[int]:
    """What came over into each period, the first one first."""
    periods = items(person, f"/v1/budgets/{budget['id']}/periods?limit=2")
    assert [one["number"] for one in periods] == list(range(len(periods), 0, -1))
    return [one["carried"] for one in periods[::-1]]


def test_a_budget_is_shown_in_the_period_that_holds_today(person: Person, food: str) -> None:
    record(person, food, 30, "1405-09-01")
    record(person, food, 500, "1405-08-30")
    budget = set_budget(person, food, min_amount=20, until="1406-07-15")
    assert (budget["repeat"], budget["rollover"]) == ("month", "none")
    assert (budget["start"], budget["end"]) == (MEHR["start"], MEHR["end"])
    assert (budget["until"], budget["until_gregorian"]) == ("1406-07-15", "2027-10-07")
    assert budget["period"] == {
        "number": 3,
        "start": "1405-09-01",
        "start_gregorian": "2026-11-22",
        "end": "1405-09-30",
        "end_gregorian": "2026-12-21",
        "carried": 0,
        "min_amount": 20,
        "max_amount": 100,
    }
    use = budget["utilisation"]
    assert (use["used"], use["remaining"], use["expected_by_now"]) == (30, 70, 50)
    assert use["status"] == "on_track"
    assert shown(person.get(f"/v1/budgets/{budget['id']}")) == budget
    assert items(person, "/v1/budgets") == [budget]
    assert shown(person.get("/v1/changes?since=0"))["budgets"] == [budget]


def test_one_that_does_not_repeat_is_one_period(person: Person, food: str) -> None:
    budget = set_budget(person, food, repeat="none")
    period, utilisation = budget["period"], budget["utilisation"]
    assert (period["number"], period["carried"]) == (1, 0)
    for name in ("start", "end", "start_gregorian", "end_gregorian", "min_amount", "max_amount"):
        assert period[name] == budget[name]
    path = f"/v1/budgets/{budget['id']}/periods"
    assert items(person, path) == [{**period, "utilisation": utilisation}]


ROLLOVERS: Final = {
    "none": [0, 0, 0],
    "surplus": [0, 60, 0],
    "deficit": [0, 0, -200],
    "both": [0, 60, -140],
}


def test_what_is_left_or_missing_comes_over(person: Person) -> None:
    for rollover, expected in ROLLOVERS.items():
        food = add_category(person, name=rollover)
        record(person, food, 7000, "1405-06-31")
        record(person, food, 40, "1405-07-30")
        record(person, food, 300, "1405-08-01")
        budget = set_budget(person, food, rollover=rollover)
        # Another one, of the same category, that begins earlier.
        early = {"start": "1404-01-01", "end": "1404-12-29", "repeat": "year"}
        set_budget(person, food, rollover=rollover, **early)
        assert carried(person, budget) == expected
        limits, use = budget["period"], budget["utilisation"]
        assert (limits["carried"], limits["max_amount"]) == (expected[-1], 100 + expected[-1])
        assert (use["used"], use["remaining"]) == (0, 100 + expected[-1])


def test_a_correction_of_the_past_is_right_at_once(person: Person, food: str) -> None:
    entry = record(person, food, 40, "1405-07-30")["id"]
    budget = set_budget(person, food, rollover="both")
    path = f"/v1/budgets/{budget['id']}"
    assert carried(person, budget) == [0, 60, 160]
    assert person.patch(f"/v1/transactions/{entry}", {"amount": 250}).status_code == 200
    assert carried(person, budget) == [0, -150, -50]
    assert person.patch(f"/v1/transactions/{entry}", {"date": "1405-08-10"}).status_code == 200
    assert carried(person, budget) == [0, 100, -50]
    assert person.delete(f"/v1/transactions/{entry}").status_code == 204
    assert carried(person, budget) == [0, 100, 200]
    shown(person.patch(path, {"max_amount": 30}))
    assert carried(person, budget) == [0, 30, 60]
    shown(person.patch(path, {"rollover": "deficit"}))
    assert carried(person, budget) == [0, 0, 0]


# What was used of the first of three months of 100 each, and of the third; how that stands.
NOTHING_LEFT: Final[list[tuple[int, int, float | None, str]]] = [
    (230, 0, 0.0, "on_track"),
    (300, 0, None, "near_limit"),
    (300, 1, None, "over_limit"),
    (310, 0, None, "over_limit"),
    (231, 56, 81.2, "near_limit"),
]


def test_a_maximum_may_be_used_up_before_it_begins(person: Person) -> None:
    for number, (before, used, percent, status) in enumerate(NOTHING_LEFT):
        food = add_category(person, name=f"{number}")
        record(person, food, before, "1405-07-01")
        if used:
            record(person, food, used, "1405-09-01")
        use = set_budget(person, food, rollover="deficit", min_amount=99)
        found = use["utilisation"]
        assert (found["percent"], found["remaining"]) == (percent, 300 - before - used)
        assert found["status"] == ("under_minimum" if status == "on_track" else status)
        assert found["min_met"] is False
        assert found["expected_by_now"] == max(300 - before, 0) // 2


def test_savings_taken_back_are_less_than_nothing(person: Person) -> None:
    savings = add_category(person, "savings", "پس‌انداز")
    record(person, savings, 900, "1405-07-01")
    record(person, savings, 500, "1405-09-01", direction="withdraw")
    use = set_budget(person, savings, rollover="deficit")["utilisation"]
    assert (use["used"], use["remaining"], use["percent"]) == (-500, -100, None)
    assert use["status"] == "over_limit"
    record(person, savings, 100, "1405-09-01", direction="withdraw")
    [budget] = items(person, "/v1/budgets")
    assert budget["utilisation"]["remaining"] == 0
    assert budget["utilisation"]["status"] == "near_limit"


def test_before_the_first_and_after_the_last(person: Person, food: str, clock: Clock) -> None:
    budget = set_budget(person, food, until="1405-08-29")
    path = f"/v1/budgets/{budget['id']}"
    for today, number, status in (
        ("1405-06-31", 1, "not_started"),
        ("1405-07-01", 1, "on_track"),
        ("1405-08-30", 2, "on_track"),
        ("1405-09-01", 2, "ended_ok"),
        ("1450-01-01", 2, "ended_ok"),
    ):
        clock.set(today)
        found = shown(person.get(path))
        assert (found["period"]["number"], found["utilisation"]["status"]) == (number, status)
        assert len(items(person, f"{path}/periods")) == number


def test_a_day_chooses_the_period(person: Person, food: str) -> None:
    record(person, food, 40, "1405-07-30")
    set_budget(person, food, rollover="both", until="1406-01-01")
    for day, number in (
        ("1405-06-31", None),
        ("1405-07-01", 1),
        ("1405-08-30", 2),
        ("1406-01-31", 7),
        ("1406-02-01", None),
    ):
        for path in (f"/v1/budgets?active_on={day}", f"/v1/reports/budgets?on={day}"):
            numbers = [one["period"]["number"] for one in items(person, path)]
            assert numbers == ([number] if number else [])
    [found] = items(person, "/v1/budgets?active_on=1405-08-01")
    assert found["utilisation"]["status"] == "ended_ok"
    [found] = items(person, "/v1/reports/budgets?on=1405-08-01")
    assert (found["period"]["carried"], found["utilisation"]["status"]) == (60, "on_track")


WRONG: Final[list[tuple[dict[str, Any], tuple[str, str]]]] = [
    ({"end": "1405-07-29"}, ("end", "budget_period_uneven")),
    ({"repeat": "year"}, ("end", "budget_period_uneven")),
    ({"repeat": "none", "rollover": "both"}, ("rollover", "budget_repeat_missing")),
    ({"repeat": "none", "until": "1406-01-01"}, ("until", "budget_repeat_missing")),
    ({"until": "1405-06-31"}, ("until", "budget_until_too_early")),
    ({"until": "1404-12-30"}, ("until", "invalid_date")),
    (
        {"until": "1406-01-01", "until_gregorian": "2026-01-01"},
        ("until_gregorian", "dates_disagree"),
    ),
    (
        {"max_amount": None, "min_amount": 5, "rollover": "surplus"},
        ("rollover", "budget_rollover_unlimited"),
    ),
    ({"repeat": "week"}, ("repeat", "invalid_choice")),
    ({"repeat": None}, ("repeat", "null_not_allowed")),
    ({"rollover": True}, ("rollover", "not_a_string")),
    ({"period": {}}, ("period", "unknown_field")),
]


def test_what_is_wrong_is_named(person: Person, food: str) -> None:
    good = {"category_id": food, "max_amount": 10, **MEHR}
    for change, flaw in WRONG:
        assert flaws(person.post("/v1/budgets", {**good, **change})) == {flaw}, change
    path = f"/v1/budgets/{set_budget(person, food)['id']}"
    version = ledger_version(person)
    for change, flaw in WRONG:
        assert flaws(person.patch(path, change)) == {flaw}, change
    assert ledger_version(person) == version
    for query, flaw in (
        ("cursor=x", ("cursor", "invalid_cursor")),
        ("limit=0", ("limit", "out_of_range")),
        ("on=1405-01-01", ("on", "unknown_field")),
    ):
        assert flaws(person.get(f"{path}/periods?{query}")) == {flaw}
    refused(person.get(f"/v1/budgets/{NOBODYS_ID}/periods"), 404, "budget_not_found")
    assert person.delete(path).status_code == 204
    refused(person.get(f"{path}/periods"), 404, "budget_not_found")


def test_both_languages_say_where_it_would_end(person: Person, food: str) -> None:
    body = {"category_id": food, "max_amount": 10, **MEHR, "end": "1405-07-29"}
    for language in ("fa", "en"):
        answer = person.post("/v1/budgets", body, headers={"Accept-Language": language})
        [error] = answer.get_json()["errors"]
        assert "1405-07-30" in error["message"]


def test_repeating_is_revised_and_taken_away(person: Person, food: str) -> None:
    budget = set_budget(person, food, until_gregorian="2027-03-21", rollover="both")
    path = f"/v1/budgets/{budget['id']}"
    assert budget["until"] == "1406-01-01"
    found = shown(person.patch(path, {"until": None}))
    assert (found["until"], found["until_gregorian"]) == (None, None)
    found = shown(person.patch(path, {"until_gregorian": "2027-03-21"}))
    assert found["until"] == "1406-01-01"
    found = shown(person.patch(path, {"until_gregorian": None}))
    assert found["until"] is None
    version = ledger_version(person)
    assert shown(person.patch(path, {"until": None, "repeat": "month"})) == found
    assert ledger_version(person) == version
    found = shown(person.patch(path, {"repeat": "none", "rollover": "none"}))
    assert (found["repeat"], found["period"]["number"]) == ("none", 1)


def test_repeating_a_creation_compares_what_is_said(person: Person, food: str) -> None:
    body = {"id": str(uuid4()), "category_id": food, "max_amount": 100, **MEHR}
    first = shown(person.post("/v1/budgets", {**body, "rollover": "both"}), 201)
    for repeated in (body, {**body, "rollover": "both", "until": None}):
        assert shown(person.post("/v1/budgets", repeated), 200) == first
    for change in ({"rollover": "none"}, {"until": "1406-01-01"}):
        refused(person.post("/v1/budgets", {**body, **change}), 409, "id_taken")


def test_what_could_be_carried_for_ever_stays_countable(
    person: Person, food: str, clock: Clock
) -> None:
    clock.set("1499-01-01")
    budget = set_budget(
        person, food, max_amount=10**15, rollover="both", start="1300-01-01", end="1300-01-31"
    )
    assert budget["period"]["number"] == 199 * 12 + 1
    assert budget["period"]["max_amount"] == 2**53 - 1
    first = shown(person.get(f"/v1/budgets/{budget['id']}/periods?limit=200"))
    assert len(first["items"]) == 200
