"""The largest entries over HTTP."""

from typing import Any

import pytest

from tests.web.households import Clock, add_category, flaws, ledger_version, record, shown
from tests.web.people import Person


@pytest.fixture(autouse=True)
def frozen(clock: Clock) -> None:
    """Every day of this file is the second of Azar."""
    clock.set("1405-09-02")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def largest(person: Person, query: str = "") -> dict[str, list[dict[str, Any]]]:
    """The largest entries by kind."""
    lines = shown(person.get(f"/v1/reports/largest?{query}"))["items"]
    assert [line.keys() for line in lines] == [{"kind", "amount", "entries"}] * len(lines)
    return {line["kind"]: line["entries"] for line in lines}


def test_each_is_a_transaction_with_its_share(person: Person, food: str) -> None:
    small = record(person, food, 250, "1405-08-01")
    great = record(person, food, 750, "1405-09-02", description="یخچال")
    [line] = shown(person.get("/v1/reports/largest?kind=expense"))["items"]
    assert (line["kind"], line["amount"]) == ("expense", 1000)
    assert line["entries"] == [{**great, "share": 75.0}, {**small, "share": 25.0}]


def test_every_kind_is_told_where_none_is_asked_for(person: Person, food: str) -> None:
    assert largest(person) == {"income": [], "expense": [], "savings": []}
    chest = add_category(person, "savings", "صندوق")
    record(person, chest, 10, "1405-08-01")
    record(person, chest, 30, "1405-08-02")
    record(person, chest, 40, "1405-08-03", direction="withdraw")
    found = largest(person)
    assert (found["income"], found["expense"]) == ([], [])
    assert [(one["amount"], one["share"]) for one in found["savings"]] == [(30, None), (10, None)]
    assert [one["amount"] for one in largest(person, "to=1405-08-01")["savings"]] == [10]


def test_equal_ones_are_the_newest_first(person: Person, food: str) -> None:
    other = add_category(person, "expense", "پوشاک")
    made = [
        record(person, category, 50, date)["id"]
        for category, date in (
            (food, "1405-08-01"),
            (food, "1405-09-01"),
            (food, "1405-08-01"),
            (other, "1405-09-01"),
            (other, "1404-01-01"),
        )
    ]
    in_order = [made[number] for number in (3, 1, 2, 0, 4)]
    for limit in range(1, 6):
        found = largest(person, f"kind=expense&limit={limit}")["expense"]
        assert [one["id"] for one in found] == in_order[:limit]


def test_a_past_has_its_own_largest(person: Person, food: str) -> None:
    bread = record(person, food, 900, "1405-08-30")
    then = ledger_version(person)
    shown(person.patch(f"/v1/transactions/{bread['id']}", {"amount": 4, "date": "1405-01-01"}))
    person.patch(f"/v1/categories/{food}", {"name": "نان"})
    [now] = largest(person)["expense"]
    assert (now["amount"], now["date"], now["category_name"]) == (4, "1405-01-01", "نان")
    assert largest(person, f"version={then}")["expense"] == [{**bread, "share": 100.0}]
    assert largest(person, "version=0") == {"income": [], "expense": [], "savings": []}


def test_what_is_wrong_with_a_question_is_named(person: Person) -> None:
    for query, flaw in (
        ("limit=0", ("limit", "out_of_range")),
        ("limit=101", ("limit", "out_of_range")),
        ("kind=gift", ("kind", "invalid_choice")),
        ("from=1405-02-01&to=1405-01-31", ("to", "range_reversed")),
        ("from=1404-12-30", ("from", "invalid_date")),
        ("cursor=x", ("cursor", "unknown_field")),
    ):
        assert flaws(person.get(f"/v1/reports/largest?{query}")) == {flaw}, query
