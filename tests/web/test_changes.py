"""Changes over HTTP: pages by version, in the shapes that everything has elsewhere."""

from tests.web.households import (
    add_category,
    flaws,
    items,
    ledger_version,
    record,
    refused,
    shown,
)
from tests.web.people import Person

BUDGET = {"start": "1405-09-01", "end": "1405-09-30", "max_amount": 9}


def test_what_changed_comes_in_its_ordinary_shape(person: Person) -> None:
    food = add_category(person, "expense", "خوراک")
    record(person, food, 5, "1405-09-02", description="نان")
    shown(person.post("/v1/budgets", {"category_id": food, **BUDGET}), 201)
    daily = {"category_id": food, "amount": 5, "period": "day", "mode": "draft"}
    shown(person.post("/v1/recurrences", daily), 201)
    found = shown(person.get("/v1/changes?since=0"))
    assert found["categories"] == items(person, "/v1/categories")
    assert found["transactions"] == items(person, "/v1/transactions")
    assert found["budgets"] == items(person, "/v1/budgets")
    assert found["recurrences"] == items(person, "/v1/recurrences")
    assert found["drafts"] == items(person, "/v1/drafts")
    assert not any(found["removed"].values())
    assert (found["version"], found["has_more"]) == (ledger_version(person), False)
    later = shown(person.get(f"/v1/changes?since={found['version']}"))
    assert (later["version"], later["transactions"]) == (found["version"], [])


def test_what_went_is_named(person: Person) -> None:
    food, rest = add_category(person, "expense", "خوراک"), add_category(person, "expense", "دیگر")
    entry = record(person, food, 5)["id"]
    budget = shown(person.post("/v1/budgets", {"category_id": food, **BUDGET}), 201)["id"]
    body = {"category_id": food, "amount": 5, "period": "day", "mode": "draft"}
    begun = {**body, "start": "1404-01-01", "count": 2}
    daily = shown(person.post("/v1/recurrences", begun), 201)["id"]
    first, second = items(person, "/v1/drafts")
    fund = {"category_id": add_category(person, "savings"), "target_amount": 9}
    goal = shown(person.post("/v1/goals", fund), 201)["id"]
    since = ledger_version(person)
    confirmed = shown(person.post(f"/v1/drafts/{first['id']}/confirm", {}), 201)
    assert person.delete(f"/v1/recurrences/{daily}").status_code == 204
    assert person.delete(f"/v1/transactions/{entry}").status_code == 204
    assert person.delete(f"/v1/budgets/{budget}").status_code == 204
    assert person.delete(f"/v1/goals/{goal}").status_code == 204
    assert person.delete(f"/v1/categories/{rest}").status_code == 204
    found = shown(person.get(f"/v1/changes?since={since}"))
    assert found["removed"] == {
        "categories": [rest],
        "transactions": [entry],
        "budgets": [budget],
        "goals": [goal],
        "recurrences": [daily],
        "drafts": [first["id"], second["id"]],
    }
    voided = [(t["id"], t["voided"]) for t in found["transactions"]]
    assert voided == [(confirmed["id"], False), (entry, True)]
    assert found["categories"] == found["budgets"] == []
    restored = shown(person.post(f"/v1/transactions/{entry}/restore"))
    again = shown(person.get(f"/v1/changes?since={found['version']}"))
    assert (again["transactions"], again["removed"]["transactions"]) == ([restored], [])


def test_pages_end_between_versions(person: Person) -> None:
    food = add_category(person, "expense", "خوراک")
    entries = [record(person, food, amount)["id"] for amount in (1, 2, 3)]
    first = shown(person.get("/v1/changes?since=0&limit=3"))
    assert (first["version"], first["has_more"]) == (3, True)
    second = shown(person.get("/v1/changes?since=3&limit=3"))
    assert (second["version"], second["has_more"]) == (5, False)
    found = first["transactions"] + second["transactions"]
    assert [entry["id"] for entry in found] == entries


def test_nothing_is_sent_again_that_the_phone_has(person: Person) -> None:
    answer = person.get("/v1/changes?since=0")
    again = person.get("/v1/changes?since=0", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_bad_queries_are_refused(person: Person) -> None:
    assert flaws(person.get("/v1/changes")) == {("since", "required")}
    assert flaws(person.get("/v1/changes?since=-1")) == {("since", "out_of_range")}
    assert flaws(person.get("/v1/changes?since=0&limit=1001")) == {("limit", "out_of_range")}
    beyond = person.get("/v1/changes?since=2")
    assert flaws(beyond) == {("since", "version_not_reached")}
    assert "۱" in refused(beyond, 422, "validation_failed")["errors"][0]["message"]
    assert beyond.headers["Ledger-Version"] == "1"
