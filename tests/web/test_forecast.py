"""Where a month will end, over HTTP."""

from typing import Any

import pytest

from tests.web.households import Clock, add_category, flaws, ledger_version, record, shown
from tests.web.people import Person

SUMS = {"income", "expense", "savings", "net"}


@pytest.fixture(autouse=True)
def frozen(clock: Clock) -> None:
    """Every day of this file is the tenth of Azar, until it is set."""
    clock.set("1405-09-10")


@pytest.fixture
def food(person: Person) -> str:
    """An expense category with three months behind it: 600, then 300, then 420 after the tenth."""
    food = add_category(person, "expense", "خوراک")
    for amount, date in (
        *((70, "1405-05-20"), (100, "1405-06-10"), (600, "1405-06-31")),
        *((100, "1405-07-01"), (300, "1405-07-11"), (50, "1405-08-02"), (420, "1405-08-30")),
    ):
        record(person, food, amount, date)
    return food


def forecast(person: Person, query: str = "", **headers: str) -> dict[str, Any]:
    """Where a month will end."""
    return shown(person.get(f"/v1/reports/forecast?{query}", headers=headers))


def sums(expense: int, **more: int) -> dict[str, int]:
    """Totals of expenses alone."""
    return {"income": 0, "expense": expense, "savings": 0, "net": -expense, **more}


def test_a_month_ends_as_the_middle_one_of_those_before(person: Person, food: str) -> None:
    record(person, food, 110, "1405-09-10")
    record(person, food, 20, "1405-09-12")
    found = forecast(person, **{"Accept-Language": "en"})
    assert found == {
        "year": 1405,
        "month": 9,
        "month_name": "Azar",
        "days": 30,
        "days_elapsed": 10,
        "is_complete": False,
        "basis": "past_months",
        "months": [
            {"year": 1405, "month": 6, "month_name": "Shahrivar"},
            {"year": 1405, "month": 7, "month_name": "Mehr"},
            {"year": 1405, "month": 8, "month_name": "Aban"},
        ],
        "so_far": sums(110, count=1, balance=-1750),
        "pace": sums(11),
        "ahead": sums(20, count=1),
        "recurring": sums(0),
        "usual": sums(400),
        "expected": sums(530, balance=-2170),
        "low": {"income": 0, "expense": 410, "savings": 0, "net": -710, "balance": -2350},
        "high": {"income": 0, "expense": 710, "savings": 0, "net": -410, "balance": -2050},
        "message": "This month's expenses are expected to be 530 Rials above its income.",
    }
    assert "۵۳۰" in forecast(person)["message"]


def test_what_recurs_is_expected_as_planned(person: Person, food: str) -> None:
    plan = {"category_id": food, "amount": 30, "period": "week", "start": "1405-09-12"}
    shown(person.post("/v1/recurrences", plan), 201)
    found = forecast(person)
    assert found["recurring"] == sums(90)
    # Of 600, 300 and 420 in the same days before it began, it would have been 90.
    assert found["usual"] == sums(330)
    assert found["expected"] == sums(420, balance=-2060)
    assert forecast(person, f"version={ledger_version(person) - 1}")["recurring"] == sums(0)
    pay = add_category(person, "income", "حقوق")
    plan = {"category_id": pay, "amount": 7, "period": "month", "start": "1405-09-05"}
    shown(person.post("/v1/recurrences", {**plan, "mode": "draft"}), 201)
    waiting = forecast(person)
    assert (waiting["recurring"]["income"], waiting["so_far"]["income"]) == (7, 0)


def test_a_month_that_is_over_is_what_it_was(person: Person, food: str) -> None:
    found = forecast(person, "year=1405&month=8")
    assert (found["is_complete"], found["basis"], found["months"]) == (True, "actual", [])
    assert (found["days_elapsed"], found["days"]) == (30, 30)
    assert found["expected"] == found["low"] == found["high"] == sums(470, balance=-1640)
    assert found["usual"] == sums(0)
    monthly = shown(person.get("/v1/reports/monthly?year=1405&month=8"))
    assert found["message"] == monthly["message"]


def test_a_month_alone_gives_no_range(person: Person, clock: Clock) -> None:
    food = add_category(person, "expense", "خوراک")
    record(person, food, 90, "1405-09-01")
    found = forecast(person)
    assert (found["basis"], found["low"], found["high"]) == ("this_month", None, None)
    assert found["expected"]["expense"] == 150  # 90 in ten days, and 20/30 of that again
    clock.set("1405-10-10")
    assert forecast(person)["basis"] == "this_month"
    record(person, food, 5, "1405-10-01")
    clock.set("1405-11-10")
    found = forecast(person)
    assert (found["basis"], found["low"], found["usual"]["expense"]) == ("past_months", None, 0)


def test_an_empty_ledger_expects_nothing(person: Person) -> None:
    found = forecast(person)
    assert found["expected"] == sums(0, balance=0)
    assert found["message"] == "انتظار می‌رود درآمد و هزینهٔ این ماه برابر باشد."


def test_a_past_is_looked_at_from_today(person: Person, food: str) -> None:
    then = ledger_version(person)
    record(person, food, 110, "1405-09-01")
    assert forecast(person, f"version={then}")["expected"]["expense"] == 420
    assert forecast(person)["expected"]["expense"] == 530


def test_what_is_wrong_with_a_question_is_named(person: Person) -> None:
    for query, flaw in (
        ("year=1405", ("month", "required")),
        ("month=8", ("year", "required")),
        ("year=1405&month=13", ("month", "out_of_range")),
        ("year=1299&month=1", ("year", "out_of_range")),
        ("year=1405&month=10", ("month", "month_not_begun")),
        ("year=1500&month=12", ("month", "month_not_begun")),
        ("day=1", ("day", "unknown_field")),
    ):
        assert flaws(person.get(f"/v1/reports/forecast?{query}")) == {flaw}, query
