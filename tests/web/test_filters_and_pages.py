"""Lists of transactions: filters, searching as people type, and pages that miss nothing."""

import base64
import itertools
import json
import random
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.web.households import (
    NOBODYS_ID,
    add_category,
    flaws,
    items,
    next_link,
    record,
    shown,
)
from tests.web.people import Person

SORTS: Final = ("date", "-date", "amount", "-amount", "recorded_at", "-recorded_at")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def found(person: Person, query: str) -> list[str]:
    """The descriptions a query finds."""
    return [item["description"] for item in items(person, f"/v1/transactions?{query}")]


def searched(person: Person, text: str) -> set[str]:
    """The descriptions that hold a text."""
    return set(found(person, f"q={quote(text)}"))


def fill(person: Person, category_id: str, count: int = 25) -> list[dict[str, Any]]:
    """Entries with many equal dates and amounts, a third of them voided."""
    chance = random.Random(1405)
    entries = [
        {
            "category_id": category_id,
            "amount": chance.choice((10, 20, 30)),
            "date": f"1405-0{chance.randint(1, 3)}-1{chance.randint(0, 2)}",
            "description": f"entry {number}",
        }
        for number in range(count)
    ]
    results = shown(person.post("/v1/transactions/batch", {"items": entries}), 201)["items"]
    return [result["transaction"] for result in results]


def order(sort: str) -> Any:
    """The key a list is sorted by."""
    name = sort.removeprefix("-")
    if name == "recorded_at":
        return lambda entry: entry["version"]
    return lambda entry: (entry[name], entry["version"])


def test_every_sort_visits_every_entry_once_in_order(person: Person, food: str) -> None:
    entries = fill(person, food)
    for sort, limit in itertools.product(SORTS, (1, 7, 200)):
        listed = items(person, f"/v1/transactions?sort={sort}&limit={limit}")
        expected = sorted(entries, key=order(sort), reverse=sort.startswith("-"))
        assert listed == expected, (sort, limit)


def test_the_newest_comes_first_unless_asked_otherwise(person: Person, food: str) -> None:
    fill(person, food, 5)
    assert items(person, "/v1/transactions") == items(person, "/v1/transactions?sort=-date")


def test_every_filter_is_paged_like_the_whole(person: Person, food: str) -> None:
    entries = fill(person, food)
    filters = {
        "from=1405-02-01": lambda entry: entry["date"] >= "1405-02-01",
        "to=1405-02-11": lambda entry: entry["date"] <= "1405-02-11",
        "min_amount=20": lambda entry: entry["amount"] >= 20,
        "max_amount=20": lambda entry: entry["amount"] <= 20,
        "q=entry%201": lambda entry: entry["description"].startswith("entry 1"),
    }
    for (query, is_wanted), sort in itertools.product(filters.items(), SORTS):
        listed = items(person, f"/v1/transactions?{query}&sort={sort}&limit=3")
        expected = sorted(filter(is_wanted, entries), key=order(sort))
        assert listed == (expected[::-1] if sort.startswith("-") else expected), (query, sort)


def test_pages_stay_true_while_entries_are_added(person: Person, food: str) -> None:
    before = {entry["id"] for entry in fill(person, food)}
    for sort in SORTS:
        seen: list[str] = []
        following: str | None = f"/v1/transactions?sort={sort}&limit=4"
        while following is not None and len(seen) < 200:
            response = person.get(following)
            seen += [item["id"] for item in shown(response)["items"]]
            following = next_link(response)
            if following is not None:
                record(person, food, 20, "1405-02-11")
        assert len(seen) == len(set(seen)), sort
        assert before <= set(seen), sort
        if sort == "-recorded_at":
            assert set(seen) == before | (set(seen) - before)
        before |= {item["id"] for item in items(person, "/v1/transactions?limit=200")}


def test_the_link_leads_to_the_next_page_and_keeps_the_question(person: Person, food: str) -> None:
    fill(person, food, 5)
    path = "/v1/transactions?limit=2&sort=amount&q=entry&from=1405%2F01%2F01"
    response = person.get(path)
    page = shown(response)
    assert (len(page["items"]), page["has_more"]) == (2, True)
    link = urlsplit(next_link(response) or "")
    assert link.path == "/v1/transactions"
    assert parse_qs(link.query) == {
        "limit": ["2"],
        "sort": ["amount"],
        "q": ["entry"],
        "from": ["1405/01/01"],
        "cursor": [page["next_cursor"]],
    }
    last = person.get("/v1/transactions?limit=5")
    assert (shown(last)["next_cursor"], shown(last)["has_more"]) == (None, False)
    assert "Link" not in last.headers


def test_an_empty_list_is_a_page_too(person: Person) -> None:
    empty: dict[str, Any] = {"items": [], "next_cursor": None, "has_more": False}
    for path in ("transactions", "categories", "budgets", "reports/budgets"):
        assert shown(person.get(f"/v1/{path}")) == empty


def test_a_page_holds_fifty_unless_asked_otherwise(person: Person, food: str) -> None:
    fill(person, food, 201)
    for query, length in (("", 50), ("?limit=1", 1), ("?limit=200", 200)):
        assert len(shown(person.get(f"/v1/transactions{query}"))["items"]) == length


def test_a_cursor_belongs_to_its_sort(person: Person, food: str) -> None:
    fill(person, food, 5)
    cursors = {
        sort: shown(person.get(f"/v1/transactions?sort={sort}&limit=1"))["next_cursor"]
        for sort in SORTS
    }
    others = [
        (cursors[sort], f"transactions?sort={other}&")
        for sort, other in itertools.permutations(SORTS, 2)
    ]
    others += [(cursors["date"], f"{name}?") for name in ("categories", "budgets")]
    others.append((cursors["date"], "reports/budgets?"))
    for cursor, path in others:
        response = person.get(f"/v1/{path}cursor={cursor}")
        assert flaws(response) == {("cursor", "invalid_cursor")}, path


def forged(*key: object) -> str:
    """A cursor that no page gave out."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def test_a_forged_cursor_is_refused_or_harmless(person: Person, food: str) -> None:
    fill(person, food, 3)
    for cursor in (
        "",
        "x",
        "%20",
        "%F0%9F%8D%9E",
        "A" * 200,
        forged(),
        forged("-date"),
        forged("-date", "1405-01-01"),
        forged("-date", "zzz", 5),
        forged("-date", "2026-01-01", "5"),
        forged("-date", "2026-01-01", 5.5),
        forged("-date", "2026-01-01", 2**63),
        forged("-date", "2026-01-01", -(2**70)),
        forged("-date", "2026-01-01", True),
        forged("-date", "2026-01-01", None),
        forged("-date", "2026-01-01", [1]),
        forged("-date", "2026-01-01", 5, 6),
        forged(["-date"], "2026-01-01", 5),
    ):
        response = person.get(f"/v1/transactions?cursor={cursor}")
        assert flaws(response) == {("cursor", "invalid_cursor")}, cursor
    for big in (10**30, 2**64, -(10**400)):
        response = person.get(f"/v1/transactions?sort=amount&cursor={forged('amount', big, 5)}")
        assert response.status_code == 422
        for path, name in (("categories", "category"), ("budgets", "budget")):
            assert person.get(f"/v1/{path}?cursor={forged(name, big)}").status_code == 422
    far = forged("-date", "9999-12-31", 2**63 - 1)
    assert len(shown(person.get(f"/v1/transactions?cursor={far}"))["items"]) == 3
    assert flaws(person.get(f"/v1/transactions?cursor={'A' * 201}")) == {("cursor", "too_long")}


def test_filters_combine(person: Person, food: str) -> None:
    pay = add_category(person, "income", "حقوق")
    for category, amount, date, text in (
        (food, 10, "1405-01-01", "a"),
        (food, 20, "1405-01-02", "b"),
        (food, 30, "1405-01-03", "c"),
        (pay, 20, "1405-01-02", "d"),
    ):
        record(person, category, amount, date, description=text)
    assert found(person, "sort=date") == ["a", "b", "d", "c"]
    assert found(person, "sort=date&from=1405-01-02") == ["b", "d", "c"]
    assert found(person, "sort=date&from=1405-01-02&to=1405-01-02") == ["b", "d"]
    assert found(person, "to=۱۴۰۵/۱/۱") == ["a"]
    assert found(person, "kind=income") == ["d"]
    assert found(person, "kind=savings") == []
    assert found(person, f"category_id={food}&min_amount=20") == ["c", "b"]
    assert found(person, "max_amount=20&min_amount=20&kind=expense") == ["b"]
    assert found(person, "min_amount=0&max_amount=0") == []
    assert found(person, f"category_id={NOBODYS_ID}") == []


def test_voided_entries_are_listed_apart(person: Person, food: str) -> None:
    kept, gone = (record(person, food, 5, description=text)["id"] for text in ("kept", "gone"))
    assert person.delete(f"/v1/transactions/{gone}").status_code == 204
    assert found(person, "") == found(person, "voided=false") == ["kept"]
    assert found(person, "voided=true") == ["gone"]
    shown(person.post(f"/v1/transactions/{gone}/restore"))
    assert found(person, "voided=true") == []
    assert {item["id"] for item in items(person, "/v1/transactions")} == {kept, gone}


def test_searching_folds_letters_digits_and_spacing(person: Person, food: str) -> None:
    typed = "کیک می‌خرم ۱۲۳ Café"
    for text in (typed, "چیز دیگر"):
        record(person, food, 5, description=text)
    for asked in (
        *("کیک", "كيك", "كیک", "میخرم", "می‌خرم", "مي‌خرم", "۱۲۳", "١٢٣", "123", "۱2٣"),
        *("café", "CAFÉ", "Cafe\u0301", "خرم 123", "یک م"),
    ):
        assert searched(person, asked) == {typed}, asked
    for asked in ("کیک۱", "cafe", "x"):
        assert searched(person, asked) == set(), asked


def test_what_is_a_wildcard_elsewhere_is_a_letter_here(person: Person, food: str) -> None:
    texts = ("10% off", "10x off", "a_b", "axb", r"c\d", "cxd", r"\%", "'; --", '"q"', "[a]*?")
    for text in texts:
        record(person, food, 5, description=text)
    for asked, expected in (
        ("10%", {"10% off"}),
        ("%", {"10% off", r"\%"}),
        ("_", {"a_b"}),
        ("a_b", {"a_b"}),
        ("\\", {r"c\d", r"\%"}),
        (r"c\d", {r"c\d"}),
        (r"\%", {r"\%"}),
        (r"\_", set()),
        ("'", {"'; --"}),
        ('"', {'"q"'}),
        ("*", {"[a]*?"}),
        ("?", {"[a]*?"}),
        ("[a]", {"[a]*?"}),
    ):
        assert searched(person, asked) == expected, asked


WRONG: Final = [
    ("sort=newest", ("sort", "invalid_choice")),
    ("sort=--date", ("sort", "invalid_choice")),
    ("sort=", ("sort", "invalid_choice")),
    ("limit=0", ("limit", "out_of_range")),
    ("limit=201", ("limit", "out_of_range")),
    ("limit=-1", ("limit", "out_of_range")),
    ("limit=1.0", ("limit", "not_an_integer")),
    ("limit=%2B5", ("limit", "not_an_integer")),
    ("limit=", ("limit", "not_an_integer")),
    ("limit=99999999999999999999999", ("limit", "not_an_integer")),
    ("from=1404-12-30", ("from", "invalid_date")),
    ("to=yesterday", ("to", "invalid_date")),
    ("to=", ("to", "invalid_date")),
    ("from=1405-02-01&to=1405-01-31", ("to", "range_reversed")),
    ("min_amount=3&max_amount=2", ("max_amount", "range_reversed")),
    ("min_amount=-1", ("min_amount", "out_of_range")),
    ("max_amount=1e3", ("max_amount", "not_an_integer")),
    ("max_amount=1000000000000001", ("max_amount", "out_of_range")),
    ("kind=food", ("kind", "invalid_choice")),
    ("category_id=5", ("category_id", "invalid_uuid")),
    ("voided=1", ("voided", "not_a_boolean")),
    ("q=a&q=b", ("q", "duplicate")),
    ("q=%00", ("q", "invalid_text")),
    ("q=" + "a" * 201, ("q", "too_long")),
    ("page=2", ("page", "unknown_field")),
    ("date=1405-01-01", ("date", "unknown_field")),
]


def test_what_is_wrong_with_a_question_is_named(person: Person) -> None:
    for query, flaw in WRONG:
        assert flaws(person.get(f"/v1/transactions?{query}")) == {flaw}, query
    response = person.get("/v1/transactions?limit=0&kind=x&sort=y")
    assert {field for field, _ in flaws(response)} == {"limit", "kind", "sort"}


def test_bytes_that_are_no_text_find_nothing_and_break_nothing(person: Person) -> None:
    for query in ("q=%FF%FE", "q=%ED%A0%80", "%FF=1", "q=%", "q=%zz"):
        assert person.get(f"/v1/transactions?{query}").status_code in (200, 422), query
