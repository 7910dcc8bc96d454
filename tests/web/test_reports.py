"""Reports: months, years, categories, budgets and trends, to the last digit."""

from typing import Any, Final

import pytest

from tests.web.households import Clock, add_category, flaws, items, record, shown
from tests.web.people import Person

MONTHLY: Final = {
    *("year", "month", "month_name", "days", "income", "expense", "savings", "net"),
    *("average_daily_income", "average_daily_expense", "count", "categories", "previous"),
    *("change", "message"),
}
SUMS: Final = ("income", "expense", "savings", "net")
LINE: Final = {"category_id", "name", "kind", "amount", "count", "share"}


@pytest.fixture(autouse=True)
def frozen(clock: Clock) -> None:
    """Every day of this file is the second of Azar."""
    clock.set("1405-09-02")


@pytest.fixture
def pay(person: Person) -> str:
    """The id of an income category."""
    return add_category(person, "income", "حقوق")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


@pytest.fixture
def chest(person: Person) -> str:
    """The id of a savings category."""
    return add_category(person, "savings", "صندوق")


def monthly(person: Person, year: int, month: int) -> dict[str, Any]:
    """A month's report."""
    return shown(person.get(f"/v1/reports/monthly?year={year}&month={month}"))


def yearly(person: Person, year: int) -> dict[str, Any]:
    """A year's report."""
    return shown(person.get(f"/v1/reports/yearly?year={year}"))


def sums(report: dict[str, Any]) -> tuple[int, ...]:
    """Income, expense, savings and net."""
    return tuple(report[name] for name in SUMS)


def test_a_month_s_report_is_whole(person: Person, pay: str, food: str, chest: str) -> None:
    record(person, pay, 3000, "1405-08-01")
    record(person, food, 900, "1405-08-30")
    record(person, food, 101, "1405-08-15")
    record(person, chest, 500, "1405-08-15")
    record(person, chest, 200, "1405-08-16", direction="withdraw")
    record(person, pay, 1000, "1405-07-30")
    record(person, food, 9999, "1405-09-01")
    report = monthly(person, 1405, 8)
    assert report.keys() == MONTHLY
    assert (report["year"], report["month"], report["month_name"]) == (1405, 8, "آبان")
    assert sums(report) == (3000, 1001, 300, 1999)
    assert (report["days"], report["count"]) == (30, 5)
    assert (report["average_daily_income"], report["average_daily_expense"]) == (100, 33)
    assert report["previous"] == {
        "year": 1405,
        "month": 7,
        "income": 1000,
        "expense": 0,
        "savings": 0,
        "net": 1000,
    }
    assert report["change"] == {"income": 200.0, "expense": None, "savings": None, "net": 99.9}
    assert [line.keys() for line in report["categories"]] == [LINE] * 3
    assert {line["name"]: (line["amount"], line["count"]) for line in report["categories"]} == {
        "حقوق": (3000, 1),
        "خوراک": (1001, 2),
        "صندوق": (300, 2),
    }
    assert isinstance(report["message"], str)


def test_names_and_messages_follow_the_language(person: Person, pay: str) -> None:
    record(person, pay, 1234567, "1405-08-01")
    path = "/v1/reports/monthly?year=1405&month=8"
    english = shown(person.get(path, headers={"Accept-Language": "en"}))
    assert english["month_name"] == "Aban"
    assert "1,234,567" in english["message"]
    assert english["message"].isascii()
    assert "۱٬۲۳۴٬۵۶۷" in shown(person.get(path))["message"]
    months = yearly(person, 1405)["months"]
    assert [month["month_name"] for month in months] == [
        *("فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور"),
        *("مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"),
    ]


@pytest.mark.parametrize(
    ("year", "month", "days"),
    [(1405, 1, 31), (1405, 6, 31), (1405, 7, 30), (1405, 11, 30)]
    + [(year, 12, 29) for year in (1400, 1402, 1404, 1405, 1409, 1500)]
    + [(year, 12, 30) for year in (1399, 1403, 1408, 1412)],
)
def test_months_have_their_own_lengths(
    person: Person, food: str, year: int, month: int, days: int
) -> None:
    record(person, food, days * 10, f"{year}-{month:02}-01")
    record(person, food, days * 10, f"{year}-{month:02}-{days}")
    report = monthly(person, year, month)
    assert (report["days"], report["count"], report["average_daily_expense"]) == (days, 2, 20)
    assert yearly(person, year)["days"] == (366 if (month, days) == (12, 30) else 365) or month < 12


@pytest.mark.parametrize(
    ("total", "average"),
    [(14, 0), (15, 0), (16, 1), (44, 1), (45, 2), (46, 2), (75, 2), (105, 4)],
)
def test_averages_are_rounded_half_to_even(
    person: Person, food: str, pay: str, total: int, average: int
) -> None:
    # Aban has 30 days: 15/30 is a half, 45/30 one and a half.
    record(person, food, total, "1405-08-01")
    record(person, pay, total, "1405-08-01")
    report = monthly(person, 1405, 8)
    assert report["average_daily_expense"] == report["average_daily_income"] == average


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (2000, 2001, 0.0),  # 0.05
        (2000, 2003, 0.2),  # 0.15
        (2000, 2005, 0.2),  # 0.25
        (2000, 1999, 0.0),  # -0.05
        (2000, 1997, -0.2),  # -0.15
        (3, 4, 33.3),
        (3, 5, 66.7),
        (100, 0, -100.0),
        (0, 0, None),
        (0, 5, None),
        (1, 10**15, 99999999999999900.0),
    ],
)
def test_changes_are_percentages_half_to_even(
    person: Person, food: str, before: int, now: int, change: float | None
) -> None:
    for amount, month in ((before, "07"), (now, "08")):
        if amount:
            record(person, food, amount, f"1405-{month}-01")
    assert monthly(person, 1405, 8)["change"]["expense"] == change


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        ((100, 300), (100, 200), 50.0),  # from -200 to -100
        ((100, 300), (300, 100), 200.0),  # from -200 to 200
        ((300, 100), (100, 300), -200.0),
        ((100, 100), (300, 100), None),
    ],
)
def test_a_net_is_compared_with_the_size_of_the_one_before(
    person: Person,
    pay: str,
    food: str,
    before: tuple[int, int],
    now: tuple[int, int],
    change: float | None,
) -> None:
    for (income, expense), month in ((before, "07"), (now, "08")):
        record(person, pay, income, f"1405-{month}-01")
        record(person, food, expense, f"1405-{month}-01")
    report = monthly(person, 1405, 8)
    assert report["net"] == now[0] - now[1]
    assert report["change"]["net"] == change


def test_shares_are_of_their_kind_half_to_even(person: Person, pay: str, food: str) -> None:
    other = add_category(person, "expense", "پوشاک")
    record(person, pay, 7, "1405-08-01")
    record(person, food, 1, "1405-08-01")
    record(person, other, 1999, "1405-08-01")
    shares = {line["name"]: line["share"] for line in monthly(person, 1405, 8)["categories"]}
    assert shares == {"حقوق": 100.0, "خوراک": 0.0, "پوشاک": 100.0}  # 0.05 and 99.95
    record(person, food, 2, "1405-08-01")
    record(person, other, -2 + 2 + 1, "1405-08-01")
    shares = {line["name"]: line["share"] for line in monthly(person, 1405, 8)["categories"]}
    assert (shares["خوراک"], shares["پوشاک"]) == (0.1, 99.9)


def test_a_share_of_nothing_is_null(person: Person, chest: str) -> None:
    record(person, chest, 5, "1405-08-01")
    record(person, chest, 5, "1405-08-02", direction="withdraw")
    [line] = monthly(person, 1405, 8)["categories"]
    assert (line["amount"], line["count"], line["share"]) == (0, 2, None)


def test_there_is_nothing_before_the_year_1300(person: Person, food: str) -> None:
    record(person, food, 5, "1300-01-01")
    nulls = dict.fromkeys(SUMS)
    for report in (monthly(person, 1300, 1), yearly(person, 1300)):
        assert report["expense"] == 5
        assert report["previous"] is None
        assert report["change"] == nulls
    assert monthly(person, 1300, 2)["previous"]["expense"] == 5
    assert yearly(person, 1301)["previous"] == {
        "year": 1300,
        "income": 0,
        "expense": 5,
        "savings": 0,
        "net": -5,
    }
    assert monthly(person, 1301, 1)["previous"]["month"] == 12
    assert monthly(person, 1500, 12)["count"] == 0


def test_an_empty_month_is_all_zeros(person: Person) -> None:
    report = monthly(person, 1405, 8)
    assert sums(report) == (0, 0, 0, 0)
    assert (report["count"], report["categories"]) == (0, [])
    assert report["change"] == dict.fromkeys(SUMS)
    assert report["average_daily_income"] == 0


def test_a_year_is_the_sum_of_its_months(person: Person, pay: str, food: str, chest: str) -> None:
    entries = [
        {"category_id": category, "amount": 100 * year + month, "date": f"{year}-{month:02}-29"}
        for year in (1403, 1404)
        for month in range(1, 13)
        for category in (pay, food, chest)
        if (month + len(category)) % 3
    ]
    entries.append({"category_id": food, "amount": 7, "date": "1403-12-30"})
    shown(person.post("/v1/transactions/batch", {"items": entries}), 201)
    for year in (1403, 1404, 1405):
        report = yearly(person, year)
        assert report.keys() == (MONTHLY - {"month", "month_name"}) | {"months"}
        months = report["months"]
        assert [line["month"] for line in months] == list(range(1, 13))
        for name in (*SUMS, "count"):
            assert report[name] == sum(line[name] for line in months)
        for line in months:
            alone = monthly(person, year, line["month"])
            assert line == {name: alone[name] for name in line}
        before = yearly(person, year - 1)
        assert sums(report["previous"]) == sums(before)
        by_category = sum(line["amount"] for line in report["categories"])
        assert by_category == sum(sums(report)[:3])
    assert yearly(person, 1403)["days"] == 366
    assert yearly(person, 1404)["change"]["income"] == 0.1  # from 140300 a month to 140400


def test_the_categories_of_any_days(person: Person, food: str, pay: str, chest: str) -> None:
    for amount, date in ((10, "1405-01-02"), (21, "1405-02-15"), (5, "1405-03-30")):
        record(person, food, amount, date)
    record(person, pay, 1000, "1405-02-15")
    record(person, chest, 9, "1405-02-15")
    record(person, chest, 3, "1405-02-15", direction="withdraw")

    def lines(query: str) -> dict[str, tuple[Any, ...]]:
        found = shown(person.get(f"/v1/reports/categories?{query}"))["items"]
        fields = LINE | {"average", "largest"}
        assert all(line.keys() == fields for line in found)
        names = ("amount", "count", "share", "average", "largest")
        return {line["name"]: tuple(line[name] for name in names) for line in found}

    assert lines("") == {
        "حقوق": (1000, 1, 100.0, 1000, 1000),
        "خوراک": (36, 3, 100.0, 12, 21),
        "صندوق": (6, 2, 100.0, 3, 9),
    }
    assert lines("from=1405-01-03&to=1405-03-29&kind=expense") == {"خوراک": (21, 1, 100.0, 21, 21)}
    assert lines("from=1405-01-02&to=1405-03-30&kind=expense") == {"خوراک": (36, 3, 100.0, 12, 21)}
    assert lines("from=1405-01-02&to=1405-01-02") == {"خوراک": (10, 1, 100.0, 10, 10)}
    assert lines("to=1405-01-01") == {}
    other = add_category(person, "expense", "پوشاک")
    record(person, other, 12, "1405-02-16")
    shares = {name: line[2] for name, line in lines("kind=expense").items()}
    assert shares == {"خوراک": 75.0, "پوشاک": 25.0}


def test_the_largest_is_looked_up_again_when_it_leaves(person: Person, food: str) -> None:
    big = record(person, food, 50, "1405-02-15")["id"]
    record(person, food, 20, "1405-02-15")
    record(person, food, 30, "1405-02-20")

    def largest(query: str = "") -> list[int]:
        found = shown(person.get(f"/v1/reports/categories?{query}"))["items"]
        return [line["largest"] for line in found]

    shown(person.patch(f"/v1/transactions/{big}", {"amount": 40}))
    assert largest() == [40]
    assert person.delete(f"/v1/transactions/{big}").status_code == 204
    assert (largest(), largest("to=1405-02-15")) == ([30], [20])
    shown(person.post(f"/v1/transactions/{big}/restore"))
    assert largest() == [40]


def test_the_average_of_a_category_is_rounded_half_to_even(person: Person, food: str) -> None:
    for amounts, average in (((1, 2), 2), ((2,), 2), ((5, 10), 4)):
        for amount in amounts:
            record(person, food, amount, "1405-02-15")
        [line] = shown(person.get("/v1/reports/categories"))["items"]
        assert line["average"] == average  # 3/2, 5/3, 20/5


def test_the_budgets_of_a_day(person: Person, food: str, pay: str) -> None:
    record(person, food, 90, "1405-09-20")
    terms = {"category_id": food, "max_amount": 100}
    azar = shown(
        person.post("/v1/budgets", {**terms, "start": "1405-09-01", "end": "1405-09-30"}), 201
    )["id"]
    dey = shown(
        person.post("/v1/budgets", {**terms, "start": "1405-09-30", "end": "1405-10-30"}), 201
    )["id"]

    def on(query: str) -> dict[str, str]:
        found = items(person, f"/v1/reports/budgets?limit=1&{query}")
        return {item["id"]: item["utilisation"]["status"] for item in found}

    assert on("") == on("on=1405-09-02") == {azar: "near_limit"}
    assert on("on=1405-09-30") == {azar: "near_limit", dey: "on_track"}
    assert on("on=1405-10-30") == {dey: "on_track"}
    assert on("on=1405-11-01") == {}
    [found] = items(person, "/v1/reports/budgets?on=1405-09-15")
    assert found["utilisation"]["expected_by_now"] == 50


def test_a_trend_has_a_row_for_every_month(person: Person, pay: str, food: str, chest: str) -> None:
    record(person, pay, 1000, "1404-01-01")
    record(person, food, 300, "1405-06-31")
    record(person, chest, 200, "1405-08-01")
    record(person, food, 600, "1405-08-30")
    record(person, food, 1, "1405-09-01")
    rows = shown(person.get("/v1/reports/trend?months=4&until=1405-08"))["items"]
    assert [(row["year"], row["month"]) for row in rows] == [(1405, m) for m in (5, 6, 7, 8)]
    assert [row["month_name"] for row in rows] == ["مرداد", "شهریور", "مهر", "آبان"]
    assert [sums(row) for row in rows] == [
        (0, 0, 0, 0),
        (0, 300, 0, -300),
        (0, 0, 0, 0),
        (0, 600, 200, -600),
    ]
    assert [row["cumulative_balance"] for row in rows] == [1000, 700, 700, -100]
    ends = ("1405-05-31", "1405-06-31", "1405-07-30", "1405-08-30")
    balances = [shown(person.get(f"/v1/balance?as_of={end}"))["balance"] for end in ends]
    assert [row["cumulative_balance"] for row in rows] == balances


def test_a_trend_is_of_twelve_months_up_to_this_one(person: Person, clock: Clock) -> None:
    def months(query: str = "") -> list[tuple[int, int]]:
        rows = shown(person.get(f"/v1/reports/trend{query}"))["items"]
        return [(row["year"], row["month"]) for row in rows]

    assert len(months()) == 12
    assert (months()[0], months()[-1]) == ((1404, 10), (1405, 9))
    clock.set("1404-12-29")
    assert months()[-1] == (1404, 12)
    assert months("?months=1") == [(1404, 12)]
    assert months("?months=2&until=۱۴۰۵/۱") == [(1404, 12), (1405, 1)]
    assert months("?until=1300-01") == [(1300, 1)]  # nothing is before it
    assert len(months("?months=240&until=1500-12")) == 240


WRONG: Final = [
    *(
        (f"monthly?{query}", flaw)
        for query, flaw in (
            ("year=1405", ("month", "required")),
            ("month=8", ("year", "required")),
            ("year=1405&month=0", ("month", "out_of_range")),
            ("year=1405&month=13", ("month", "out_of_range")),
            ("year=1299&month=1", ("year", "out_of_range")),
            ("year=1501&month=1", ("year", "out_of_range")),
            ("year=x&month=1", ("year", "not_an_integer")),
            ("year=1405&month=1.0", ("month", "not_an_integer")),
            ("year=1405&month=", ("month", "not_an_integer")),
            ("year=1405&month=8&day=1", ("day", "unknown_field")),
            ("year=1405&year=1404&month=1", ("year", "duplicate")),
        )
    ),
    ("yearly", ("year", "required")),
    ("yearly?year=1299", ("year", "out_of_range")),
    ("yearly?year=1405&month=1", ("month", "unknown_field")),
    ("categories?from=1405-02-01&to=1405-01-31", ("to", "range_reversed")),
    ("categories?from=1404-12-30", ("from", "invalid_date")),
    ("categories?kind=x", ("kind", "invalid_choice")),
    ("budgets?on=1404-12-30", ("on", "invalid_date")),
    ("budgets?active_on=1404-12-29", ("active_on", "unknown_field")),
    ("trend?months=0", ("months", "out_of_range")),
    ("trend?months=241", ("months", "out_of_range")),
    ("trend?until=1405", ("until", "invalid_month")),
    ("trend?until=1405-13", ("until", "invalid_month")),
    ("trend?until=1405-00", ("until", "invalid_month")),
    ("trend?until=1501-01", ("until", "invalid_month")),
    ("trend?until=1405-08-01", ("until", "invalid_month")),
]


def test_what_is_wrong_with_a_question_is_named(person: Person) -> None:
    for path, flaw in WRONG:
        assert flaws(person.get(f"/v1/reports/{path}")) == {flaw}, path
