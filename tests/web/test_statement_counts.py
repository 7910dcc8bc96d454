"""How many SQL statements an answer costs: each is a round trip on PostgreSQL.

The numbers are what it costs today, BEGIN and COMMIT too. Fewer: write the new number down. More:
say in the commit why that is worth it.
"""

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from domain.store.database import Database
from domain.store.pending import MOST_ROWS
from tests.web.people import Person

TRIES: Final = 3
COSTS: Final[dict[str, dict[str, int]]] = {
    "sqlite": {
        "an expense": 8,
        "an expense with a key": 10,
        "a batch of 10": 8,
        "a batch of 100": 12,
        "a correction": 18,
        "a void": 15,
        "balance": 1,
        "monthly report": 5,
        "calendar": 5,
        "forecast": 6,
        "growth": 6,
        "largest entries": 7,
        "page": 4,
        "changes": 10,
    },
    "postgresql": {
        "an expense": 4,
        "an expense with a key": 5,
        "a batch of 10": 4,
        "a batch of 100": 4,
        "a correction": 14,
        "a void": 13,
        "balance": 1,
        "monthly report": 5,
        "calendar": 5,
        "forecast": 6,
        "growth": 6,
        "largest entries": 7,
        "page": 4,
        "changes": 10,
    },
}

Ask = Callable[[Person, str], TestResponse]


@pytest.fixture
def statements(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that this database is sent."""
    sent: list[str] = []
    if database.dialect == "sqlite":

        def listen(raw: sqlite3.Connection, _record: object) -> None:
            raw.set_trace_callback(sent.append)

        sa.event.listen(database.engine, "connect", listen)
        yield sent
        return
    execute = psycopg.Cursor.execute

    def noting(self: psycopg.Cursor[Any], query: Any, *rest: Any, **options: Any) -> Any:
        sent.append(str(query))
        return execute(self, query, *rest, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", noting)
    yield sent


def _entry(category_id: str) -> dict[str, object]:
    return {"category_id": category_id, "amount": 1000, "date": "1405-09-02"}


def _record(person: Person, category_id: str, **headers: str) -> TestResponse:
    return person.post("/v1/transactions", _entry(category_id), headers=headers)


def _entry_id(person: Person, category_id: str) -> str:
    return str(_record(person, category_id).get_json()["id"])


def _batch(size: int) -> Ask:
    def ask(person: Person, category_id: str) -> TestResponse:
        items = [_entry(category_id) for _ in range(size)]
        return person.post("/v1/transactions/batch", {"items": items})

    return ask


READS: Final = {
    "balance": "/v1/balance",
    "monthly report": "/v1/reports/monthly?year=1405&month=9",
    "growth": "/v1/reports/growth",
    "forecast": "/v1/reports/forecast",
    "calendar": "/v1/reports/calendar?year=1405&month=9",
    "largest entries": "/v1/reports/largest",
    "page": "/v1/transactions?limit=50",
    "changes": "/v1/changes?since=0&limit=1000",
}
COMMANDS: Final[dict[str, Ask]] = {
    "an expense": _record,
    "an expense with a key": lambda person, food: _record(
        person, food, **{"Idempotency-Key": str(uuid4())}
    ),
    "a batch of 10": _batch(10),
    "a batch of 100": _batch(100),
}
CHANGES: Final[dict[str, Ask]] = {
    "a correction": lambda person, entry: person.patch(f"/v1/transactions/{entry}", {"amount": 7}),
    "a void": lambda person, entry: person.delete(f"/v1/transactions/{entry}"),
}


def _cheapest(statements: list[str], ask: Callable[[], TestResponse]) -> int:
    """What it costs when the process need not hear, once a second, which sessions ended."""
    costs = []
    for _ in range(TRIES):
        statements.clear()
        answer = ask()
        costs.append(len(statements))
        assert answer.status_code < 300, answer.text
    return min(costs)


@pytest.fixture
def food(statements: list[str], person: Person) -> str:
    """A category with an entry in it."""
    answer = person.post("/v1/categories", {"name": "خوراک", "kind": "expense"})
    category_id = str(answer.get_json()["id"])
    _entry_id(person, category_id)
    return category_id


def test_an_answer_costs_as_many_statements_as_are_written_down(
    statements: list[str], person: Person, food: str, database: Database
) -> None:
    found = {
        name: _cheapest(statements, partial(ask, person, food)) for name, ask in COMMANDS.items()
    }
    for name, change in CHANGES.items():
        entries = iter([_entry_id(person, food) for _ in range(TRIES)])
        found[name] = _cheapest(statements, partial(_next, change, person, entries))
    for name, path in READS.items():
        found[name] = _cheapest(statements, partial(person.get, path))
    assert found == COSTS[database.dialect]


def _next(change: Ask, person: Person, entries: Iterator[str]) -> TestResponse:
    return change(person, next(entries))


def test_a_batch_costs_more_only_by_the_rows_that_go_into_one_statement(
    statements: list[str], person: Person, food: str, database: Database
) -> None:
    small, large = (
        _cheapest(statements, partial(_batch(size), person, food)) for size in (64, 256)
    )
    more_chunks = 256 // MOST_ROWS - 64 // MOST_ROWS
    of_events_and_of_entries = 2 * more_chunks if database.dialect == "sqlite" else 0
    assert large - small == of_events_and_of_entries


# BEGIN, the head, the page, its days, the months in which something rolled over from their first
# day and those from their 15th, and COMMIT.
A_PAGE_OF_BUDGETS: Final = 7
TEN_YEARS_OLD: Final = [
    {"start": "1395-01-01", "end": "1395-01-31", "rollover": "none"},
    {"start": "1395-02-01", "end": "1395-02-31", "rollover": "both"},
    {"start": "1395-03-15", "end": "1395-04-14", "rollover": "both"},
]


def test_a_page_of_budgets_costs_the_same_however_many_and_old_they_are(
    statements: list[str], person: Person
) -> None:
    found = []
    for number in range(4):
        name = {"name": f"{number}", "kind": "expense"}
        category_id = str(person.post("/v1/categories", name).get_json()["id"])
        _record(person, category_id)
        for terms in TEN_YEARS_OLD:
            body = {"category_id": category_id, "max_amount": 9, "repeat": "month", **terms}
            assert person.post("/v1/budgets", body).status_code == 201
        found.append(_cheapest(statements, partial(person.get, "/v1/budgets")))
    assert found == [A_PAGE_OF_BUDGETS] * 4
