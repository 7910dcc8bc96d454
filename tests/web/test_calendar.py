"""A month's calendar, and what a client draws from it."""

from typing import Any

import pytest

from tests.web.households import Clock, add_category, flaws, record, shown
from tests.web.people import Person

SUMS = {"income", "expense", "savings", "net", "count"}


@pytest.fixture(autouse=True)
def frozen(clock: Clock) -> None:
    """Every day of this file is the second of Azar."""
    clock.set("1405-09-02")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def calendar(person: Person, year: int, month: int, **headers: str) -> dict[str, Any]:
    """A month's calendar."""
    path = f"/v1/reports/calendar?year={year}&month={month}"
    return shown(person.get(path, headers=headers))


def test_a_calendar_has_every_day(person: Person, food: str) -> None:
    pay = add_category(person, "income", "حقوق")
    chest = add_category(person, "savings", "صندوق")
    record(person, pay, 5000, "1405-07-01")
    record(person, food, 900, "1405-08-02")
    record(person, food, 100, "1405-08-02")
    record(person, food, 1000, "1405-08-30")
    record(person, chest, 300, "1405-08-02", direction="deposit")
    record(person, chest, 300, "1405-08-05", direction="withdraw")
    record(person, pay, 7, "1405-09-01")
    found = calendar(person, 1405, 8)
    days = found.pop("items")
    assert found == {
        "year": 1405,
        "month": 8,
        "month_name": "آبان",
        "days": 30,
        "first_weekday": 6,
        "income": 0,
        "expense": 2000,
        "savings": 0,
        "net": -2000,
        "count": 5,
        "opening_balance": 5000,
        "balance": 3000,
        "greatest": {
            "income": None,
            "expense": {"date": "1405-08-02", "date_gregorian": "2026-10-24", "amount": 1000},
            "savings": {"date": "1405-08-02", "date_gregorian": "2026-10-24", "amount": 300},
        },
    }
    assert [day["date"] for day in days] == [f"1405-08-{day:02}" for day in range(1, 31)]
    assert [day["weekday"] for day in days] == [6, *range(7), *range(7), *range(7), *range(7), 0]
    assert days[1] == {
        "date": "1405-08-02",
        "date_gregorian": "2026-10-24",
        "weekday": 0,
        "weekday_name": "شنبه",
        "income": 0,
        "expense": 1000,
        "savings": 300,
        "net": -1000,
        "count": 3,
        "balance": 3700,
    }
    assert [days[n]["balance"] for n in (0, 2, 4, 29)] == [5000, 3700, 4000, 3000]


def test_names_follow_the_language(person: Person) -> None:
    persian = calendar(person, 1405, 9)
    english = calendar(person, 1405, 9, **{"Accept-Language": "en"})
    assert (persian["month_name"], english["month_name"]) == ("آذر", "Azar")
    assert [day["weekday_name"] for day in persian["items"][:7]] == [
        *("یکشنبه", "دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه")
    ]
    names = ["Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    for day in english["items"]:
        assert day["weekday_name"] == names[day["weekday"]]


@pytest.mark.parametrize(
    ("year", "month", "days"), [(1300, 1, 31), (1403, 12, 30), (1404, 12, 29), (1500, 12, 29)]
)
def test_months_have_their_own_lengths(
    person: Person, food: str, year: int, month: int, days: int
) -> None:
    record(person, food, 5, f"{year}-{month:02}-{days}")
    found = calendar(person, year, month)
    assert (len(found["items"]), found["days"], found["expense"]) == (days, days, 5)
    assert found["items"][-1]["balance"] == found["balance"] == -5


def test_what_is_wrong_with_a_question_is_named(person: Person) -> None:
    for query, flaw in (
        ("year=1405", ("month", "required")),
        ("month=8", ("year", "required")),
        ("year=1405&month=13", ("month", "out_of_range")),
        ("year=1299&month=1", ("year", "out_of_range")),
        ("year=1405&month=8&as_of=1405-01-01", ("as_of", "unknown_field")),
    ):
        assert flaws(person.get(f"/v1/reports/calendar?{query}")) == {flaw}, query
