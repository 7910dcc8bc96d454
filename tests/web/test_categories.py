"""Categories over HTTP: every answer the contract names, good and bad."""

from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from tests.web.households import (
    NOBODYS_ID,
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
    *("id", "name", "kind", "color", "default_amount"),
    *("is_active", "version", "created_at", "updated_at"),
}
NEW: Final = {"name": "خوراک", "kind": "expense"}


def test_a_new_category_is_shown_whole(person: Person) -> None:
    response = person.post("/v1/categories", {**NEW, "color": "#aBcDeF", "default_amount": 5})
    category = shown(response, 201)
    assert category.keys() == FIELDS
    assert category["name"] == "خوراک"
    assert category["kind"] == "expense"
    assert category["color"] == "#aBcDeF"
    assert category["default_amount"] == 5
    assert category["is_active"] is True
    assert category["version"] == 2
    assert category["created_at"] == category["updated_at"]
    assert category["created_at"].endswith("Z")
    assert response.headers["Location"] == f"/v1/categories/{category['id']}"
    assert response.headers["ETag"] == '"2"'
    assert response.headers["Ledger-Version"] == "2"
    assert shown(person.get(response.headers["Location"])) == category


def test_each_kind_has_a_colour_of_its_own(person: Person) -> None:
    kinds = ("income", "expense", "savings")
    answers = [person.post("/v1/categories", {"name": kind, "kind": kind}) for kind in kinds]
    colours = {shown(answer, 201)["color"] for answer in answers}
    assert len(colours) == 3
    assert all(len(colour) == 7 and colour.startswith("#") for colour in colours)


def test_a_default_amount_may_be_said_in_toman(person: Person) -> None:
    body = {**NEW, "default_amount": 12, "unit": "toman"}
    assert shown(person.post("/v1/categories", body), 201)["default_amount"] == 120


WRONG: Final[list[tuple[dict[str, Any], tuple[str, str]]]] = [
    ({"name": ""}, ("name", "blank")),
    ({"name": " \u200c "}, ("name", "blank")),
    ({"name": "ن" * 101}, ("name", "too_long")),
    ({"name": 5}, ("name", "not_a_string")),
    ({"name": None}, ("name", "null_not_allowed")),
    ({"name": "a\x00b"}, ("name", "invalid_text")),
    ({"name": "a\ud800b"}, ("name", "invalid_text")),
    ({"kind": "Expense"}, ("kind", "invalid_choice")),
    ({"kind": None}, ("kind", "null_not_allowed")),
    ({"kind": ["expense"]}, ("kind", "not_a_string")),
    ({"color": "red"}, ("color", "invalid_colour")),
    ({"color": "#12345"}, ("color", "invalid_colour")),
    ({"color": "#12345g"}, ("color", "invalid_colour")),
    ({"color": "#123456\n"}, ("color", "invalid_colour")),
    ({"color": None}, ("color", "null_not_allowed")),
    ({"default_amount": 0}, ("default_amount", "out_of_range")),
    ({"default_amount": -1}, ("default_amount", "out_of_range")),
    ({"default_amount": 1.5}, ("default_amount", "not_an_integer")),
    ({"default_amount": "12"}, ("default_amount", "not_an_integer")),
    ({"default_amount": True}, ("default_amount", "not_an_integer")),
    ({"default_amount": 10**15 + 1}, ("default_amount", "out_of_range")),
    ({"default_amount": 10**14 + 1, "unit": "toman"}, ("default_amount", "out_of_range")),
    ({"unit": "dollar"}, ("unit", "invalid_choice")),
    ({"id": "12"}, ("id", "invalid_uuid")),
    ({"id": 12}, ("id", "invalid_uuid")),
    ({"colour": "#123456"}, ("colour", "unknown_field")),
    ({"is_active": False}, ("is_active", "unknown_field")),
    ({"version": 3}, ("version", "unknown_field")),
]


def test_what_is_wrong_with_a_category_is_named(person: Person) -> None:
    for change, flaw in WRONG:
        response = person.post("/v1/categories", {**NEW, **change})
        refused(response, 422, "validation_failed")
        assert flaws(response) == {flaw}, change
    assert ledger_version(person) == 1


def test_name_and_kind_are_required(person: Person) -> None:
    response = person.post("/v1/categories", {})
    assert flaws(response) == {("name", "required"), ("kind", "required")}


def test_the_longest_name_is_a_hundred_characters(person: Person) -> None:
    name = "ن" * 100
    assert shown(person.post("/v1/categories", {**NEW, "name": name}), 201)["name"] == name


def test_a_name_is_stored_as_typed_after_nfc(person: Person) -> None:
    typed = "كيك  ١۲ A"
    assert shown(person.post("/v1/categories", {**NEW, "name": typed}), 201)["name"] == typed
    decomposed = "Cafe\u0301"
    body = {**NEW, "name": decomposed}
    assert shown(person.post("/v1/categories", body), 201)["name"] == "Caf\u00e9"


VARIANTS: Final = [
    ("خوراکی", "خوراكي"),
    ("می‌روم", "میروم"),
    ("سال ۱۴۰۵", "سال ١٤٠٥"),
    ("سال ۱۴۰۵", "سال 1405"),
    ("Food", "fOOD"),
    ("Caf\u00e9", "Cafe\u0301"),
]


def test_names_are_unique_after_folding(person: Person) -> None:
    other = add_category(person, name="دیگر")
    for first, second in VARIANTS:
        category = add_category(person, name=first)
        version = ledger_version(person)
        body = {"name": second, "kind": "income"}
        refused(person.post("/v1/categories", body), 409, "category_name_taken")
        response = person.patch(f"/v1/categories/{other}", {"name": second})
        refused(response, 409, "category_name_taken")
        assert ledger_version(person) == version
        assert person.delete(f"/v1/categories/{category}").status_code == 204


def test_a_category_may_be_renamed_to_a_variant_of_its_own_name(person: Person) -> None:
    category = add_category(person, name="خوراكي")
    changed = person.patch(f"/v1/categories/{category}", {"name": "خوراکی"})
    assert shown(changed)["name"] == "خوراکی"


def test_a_name_is_free_again_when_its_category_is_removed(person: Person) -> None:
    category = add_category(person, name="خوراک")
    assert person.delete(f"/v1/categories/{category}").status_code == 204
    add_category(person, name="خوراک")


def test_repeating_a_creation_answers_200_and_records_nothing(person: Person) -> None:
    chosen = str(uuid4())
    body = {**NEW, "id": chosen, "default_amount": 50}
    first = shown(person.post("/v1/categories", body), 201)
    assert first["id"] == chosen
    changed = shown(person.patch(f"/v1/categories/{chosen}", {"name": "نان"}))
    for repeated in (body, {**NEW, "id": chosen}, {**body, "default_amount": 5, "unit": "toman"}):
        response = person.post("/v1/categories", repeated)
        assert shown(response, 200) == changed
        assert response.headers["ETag"] == f'"{changed["version"]}"'
    assert ledger_version(person) == 3


@pytest.mark.parametrize(
    "change",
    [{"name": "نان"}, {"kind": "income"}, {"color": "#000000"}, {"default_amount": 6}],
)
def test_another_creation_with_the_id_is_refused(person: Person, change: dict[str, Any]) -> None:
    chosen = str(uuid4())
    shown(person.post("/v1/categories", {**NEW, "id": chosen, "default_amount": 5}), 201)
    refused(person.post("/v1/categories", {**NEW, "id": chosen, **change}), 409, "id_taken")
    assert ledger_version(person) == 2


def test_an_id_is_taken_for_ever_and_by_every_kind_of_thing(person: Person) -> None:
    category = add_category(person, name="خوراک")
    entry = record(person, category, 5)["id"]
    refused(person.post("/v1/categories", {**NEW, "id": entry}), 409, "id_taken")
    body = {"category_id": category, "amount": 5, "id": category}
    refused(person.post("/v1/transactions", body), 409, "id_taken")
    removed = add_category(person, name="رفتنی")
    assert person.delete(f"/v1/categories/{removed}").status_code == 204
    gone = {"name": "رفتنی", "kind": "expense", "id": removed}
    refused(person.post("/v1/categories", gone), 409, "id_taken")


def test_categories_are_listed_oldest_first_and_filtered(person: Person) -> None:
    names = [f"{kind} {number}" for number in (1, 2) for kind in ("savings", "expense", "income")]
    for name in names:
        add_category(person, name.split()[0], name)
    assert [item["name"] for item in items(person, "/v1/categories")] == names
    assert [item["name"] for item in items(person, "/v1/categories?limit=1")] == names
    by_kind = items(person, "/v1/categories?kind=expense&limit=1")
    assert [item["name"] for item in by_kind] == ["expense 1", "expense 2"]
    inactive = by_kind[0]["id"]
    shown(person.patch(f"/v1/categories/{inactive}", {"is_active": False}))
    found = items(person, "/v1/categories?is_active=false")
    assert [item["id"] for item in found] == [inactive]
    found = items(person, "/v1/categories?is_active=true&kind=expense")
    assert [item["name"] for item in found] == ["expense 2"]


WRONG_QUERIES: Final = [
    ("kind=all", ("kind", "invalid_choice")),
    ("kind=", ("kind", "invalid_choice")),
    ("is_active=1", ("is_active", "not_a_boolean")),
    ("is_active=True", ("is_active", "not_a_boolean")),
    ("limit=0", ("limit", "out_of_range")),
    ("limit=201", ("limit", "out_of_range")),
    ("limit=ten", ("limit", "not_an_integer")),
    ("limit=1&limit=2", ("limit", "duplicate")),
    ("cursor=zzz", ("cursor", "invalid_cursor")),
    ("name=x", ("name", "unknown_field")),
    ("kind=%00", ("kind", "invalid_text")),
]


def test_a_list_refuses_what_it_does_not_know(person: Person) -> None:
    for query, flaw in WRONG_QUERIES:
        assert flaws(person.get(f"/v1/categories?{query}")) == {flaw}, query


def test_every_field_but_the_kind_can_change(person: Person) -> None:
    category = add_category(person, name="خوراک")
    body = {"name": "نان", "color": "#010203", "default_amount": 7, "is_active": False}
    response = person.patch(f"/v1/categories/{category}", body)
    changed = shown(response)
    assert {name: changed[name] for name in body} == body
    assert changed["version"] == 3
    assert response.headers["ETag"] == '"3"'
    assert changed["updated_at"] >= changed["created_at"]
    assert (
        shown(person.patch(f"/v1/categories/{category}", {"default_amount": None}))[
            "default_amount"
        ]
        is None
    )
    response = person.patch(f"/v1/categories/{category}", {"kind": "expense"})
    assert flaws(response) == {("kind", "unknown_field")}
    assert shown(person.get(f"/v1/categories/{category}"))["kind"] == "expense"


@pytest.mark.parametrize("body", [{}, {"name": "خوراک"}, {"is_active": True, "unit": "toman"}])
def test_no_change_records_nothing(person: Person, body: dict[str, Any]) -> None:
    category = add_category(person, name="خوراک")
    assert shown(person.patch(f"/v1/categories/{category}", body))["version"] == 2
    assert ledger_version(person) == 2


WRONG_CHANGES: Final[list[tuple[Any, tuple[str, str]]]] = [
    ({"name": "  "}, ("name", "blank")),
    ({"name": None}, ("name", "null_not_allowed")),
    ({"color": "blue"}, ("color", "invalid_colour")),
    ({"is_active": None}, ("is_active", "null_not_allowed")),
    ({"is_active": "true"}, ("is_active", "not_a_boolean")),
    ({"is_active": 1}, ("is_active", "not_a_boolean")),
    ({"default_amount": 0}, ("default_amount", "out_of_range")),
    ({"id": NOBODYS_ID}, ("id", "unknown_field")),
    ([], ("", "not_an_object")),
    ("خوراک", ("", "not_an_object")),
]


def test_a_bad_change_is_refused(person: Person) -> None:
    category = add_category(person)
    for body, flaw in WRONG_CHANGES:
        assert flaws(person.patch(f"/v1/categories/{category}", body)) == {flaw}, body
    assert ledger_version(person) == 2


def test_an_unused_category_can_be_removed(person: Person) -> None:
    path = f"/v1/categories/{add_category(person)}"
    response = person.delete(path)
    assert response.status_code == 204
    assert response.data == b""
    assert "Content-Type" not in response.headers
    assert response.headers["Ledger-Version"] == "3"
    for again in (person.get(path), person.patch(path, {}), person.delete(path)):
        refused(again, 404, "category_not_found")
    assert items(person, "/v1/categories") == []


def test_a_category_in_use_stays(person: Person) -> None:
    used, voided, budgeted = (add_category(person, name=name) for name in "abc")
    record(person, used, 1)
    entry = record(person, voided, 1)["id"]
    assert person.delete(f"/v1/transactions/{entry}").status_code == 204
    period = {"start": "1405-01-01", "end": "1405-01-31", "max_amount": 1}
    body = {"category_id": budgeted, **period}
    budget = shown(person.post("/v1/budgets", body), 201)["id"]
    for category in (used, voided, budgeted):
        refused(person.delete(f"/v1/categories/{category}"), 409, "category_in_use")
    assert person.delete(f"/v1/budgets/{budget}").status_code == 204
    assert person.delete(f"/v1/categories/{budgeted}").status_code == 204


def test_the_starter_set_skips_names_that_exist(person: Person) -> None:
    mine = add_category(person, "income", "خوراك")
    added = shown(person.post("/v1/categories/starter"), 201)["items"]
    assert {item["kind"] for item in added} == {"income", "expense", "savings"}
    assert all(item.keys() == FIELDS for item in added)
    assert "خوراک" not in {item["name"] for item in added}
    listed = items(person, "/v1/categories")
    assert [item["id"] for item in listed] == [mine, *(item["id"] for item in added)]
    version = ledger_version(person)
    assert shown(person.post("/v1/categories/starter"), 200)["items"] == []
    assert ledger_version(person) == version


def test_unknown_ids_are_not_found(person: Person) -> None:
    path = f"/v1/categories/{NOBODYS_ID}"
    for response in (person.get(path), person.patch(path, {"name": "a"}), person.delete(path)):
        refused(response, 404, "category_not_found")
    for path in ("/v1/categories/12", f"/v1/categories/{NOBODYS_ID}/"):
        refused(person.get(path), 404, "not_found")
    assert ledger_version(person) == 1


def test_ids_are_uuids(person: Person) -> None:
    category = shown(person.post("/v1/categories", NEW), 201)
    assert str(UUID(category["id"])) == category["id"]
    assert shown(person.get(f"/v1/categories/{category['id'].upper()}")) == category


@pytest.mark.parametrize("name", ["\u2060", "\u202e\u200c", "\u3164", " \u115f\u00ad", "\ufe0f"])
def test_a_name_that_shows_nothing_is_blank(person: Person, name: str) -> None:
    response = person.post("/v1/categories", {"name": name, "kind": "expense"})
    assert flaws(response) == {("name", "blank")}
