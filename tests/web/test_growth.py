"""Months and years side by side."""

from typing import Any

import pytest

from tests.web.households import Clock, add_category, flaws, record, shown
from tests.web.people import Person


@pytest.fixture(autouse=True)
def frozen(clock: Clock) -> None:
    """Every day of this file is the second of Azar, until it is set."""
    clock.set("1405-09-02")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def growth(person: Person, query: str = "", **headers: str) -> dict[str, Any]:
    """How it grew."""
    return shown(person.get(f"/v1/reports/growth?{query}", headers=headers))


def spent(amount: int, count: int) -> dict[str, int]:
    """Totals of expenses alone."""
    return {"income": 0, "expense": amount, "savings": 0, "net": -amount, "count": count}


def change(expense: float | None) -> dict[str, float | None]:
    """Changes of expenses alone."""
    net = None if expense is None else -expense
    return {"income": None, "expense": expense, "savings": None, "net": net}


def test_a_year_is_shown_beside_the_one_before(person: Person, food: str) -> None:
    for amount, date in (
        *((100, "1404-01-15"), (300, "1404-09-02"), (50, "1404-09-03"), (7, "1404-12-29")),
        *((150, "1405-01-15"), (600, "1405-09-01"), (25, "1405-09-03")),
    ):
        record(person, food, amount, date)
    found = growth(person)
    assert (found["year"], found["compare"]) == (1405, 1404)
    first, *_, ninth, tenth, _, last = found["months"]
    assert first == {
        "month": 1,
        "month_name": "فروردین",
        "is_complete": True,
        "now": spent(150, 1),
        "before": spent(100, 1),
        "change": change(50.0),
        "cumulative": {"now": spent(150, 1), "before": spent(100, 1), "change": change(50.0)},
    }
    assert (ninth["is_complete"], ninth["now"], ninth["before"]) == (
        False,
        spent(625, 2),
        spent(350, 2),
    )
    assert ninth["cumulative"]["now"] == tenth["cumulative"]["now"] == spent(775, 3)
    assert (tenth["is_complete"], tenth["now"], tenth["change"]) == (
        False,
        spent(0, 0),
        change(None),
    )
    assert last["cumulative"] == found["total"]
    assert found["total"] == {
        "now": spent(775, 3),
        "before": spent(457, 4),
        "change": change(69.6),
    }
    assert found["to_date"] == {
        "until": "1405-09-02",
        "until_gregorian": "2026-11-23",
        "now": spent(750, 2),
        "before": spent(400, 2),
        "change": change(87.5),
    }
    assert [(row["year"], row["is_complete"]) for row in found["years"]] == [
        *((1401, True), (1402, True), (1403, True), (1404, True), (1405, False))
    ]
    assert found["years"][-1] == {"year": 1405, "is_complete": False, **found["total"]}


def test_any_two_years_can_be_compared(person: Person, food: str) -> None:
    record(person, food, 40, "1399-12-30")
    record(person, food, 10, "1402-05-05")
    found = growth(person, "year=1402&compare=1399&years=1")
    assert (found["year"], found["compare"], found["total"]["change"]) == (
        1402,
        1399,
        change(-75.0),
    )
    assert found["to_date"]["before"] == spent(40, 1)  # a year that is over, beside a whole one
    assert all(month["is_complete"] for month in found["months"])
    assert [row["year"] for row in found["years"]] == [1402]
    back = growth(person, "year=1399&compare=1402")
    assert back["total"]["change"] == change(300.0)


def test_a_year_to_come_has_no_stretch_to_compare(person: Person, food: str) -> None:
    record(person, food, 40, "1406-01-01")
    found = growth(person, "year=1406")
    assert found["to_date"] is None
    assert found["total"]["now"] == spent(40, 1)
    assert not any(month["is_complete"] for month in found["months"])


def test_there_is_nothing_before_the_year_1300(person: Person, food: str) -> None:
    record(person, food, 5, "1300-01-01")
    found = growth(person, "year=1300")
    assert found["compare"] is None
    for both in (*found["months"], found["total"], found["to_date"], *found["years"]):
        assert both["before"] is None
        assert both["change"] == change(None)
    assert [row["year"] for row in found["years"]] == [1300]
    assert growth(person, "year=1301")["total"]["before"] == spent(5, 1)


def test_the_new_year_begins_with_the_like_of_its_first_day(
    person: Person, food: str, clock: Clock
) -> None:
    record(person, food, 8, "1403-12-30")
    record(person, food, 9, "1404-01-01")
    clock.set("1404-12-29")
    whole = growth(person)
    assert (whole["year"], whole["to_date"]["before"]) == (1404, spent(8, 1))
    assert not whole["months"][11]["is_complete"]  # its last day is not over
    clock.set("1405-01-01")
    fresh = growth(person)
    assert (fresh["year"], fresh["to_date"]["until"]) == (1405, "1405-01-01")
    assert (fresh["to_date"]["now"], fresh["to_date"]["before"]) == (spent(0, 0), spent(9, 1))


def test_names_follow_the_language(person: Person) -> None:
    english = growth(person, **{"Accept-Language": "en"})
    assert english["months"][0]["month_name"] == "Farvardin"


def test_what_is_wrong_with_a_question_is_named(person: Person) -> None:
    for query, flaw in (
        ("year=1299", ("year", "out_of_range")),
        ("year=1501", ("year", "out_of_range")),
        ("year=", ("year", "not_an_integer")),
        ("compare=1299", ("compare", "out_of_range")),
        ("compare=x", ("compare", "not_an_integer")),
        ("years=0", ("years", "out_of_range")),
        ("years=11", ("years", "out_of_range")),
        ("month=1", ("month", "unknown_field")),
    ):
        assert flaws(person.get(f"/v1/reports/growth?{query}")) == {flaw}, query
