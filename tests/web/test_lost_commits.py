"""What people hear when the connection is lost while their command commits."""

from collections.abc import Iterator

import pytest

from domain.store.database import Database, open_database
from tests.conftest import DIALECTS
from tests.proxies import Moment, Proxy
from tests.web.people import Person

pytestmark = pytest.mark.parametrize("database_url", DIALECTS[1:], indirect=True)
MOMENTS: tuple[Moment, ...] = ("before the server hears of it", "after the server did it")


@pytest.fixture
def database(proxy: Proxy) -> Iterator[Database]:
    """The database, by way of the proxy."""
    opened = open_database(proxy.url)
    yield opened
    opened.close()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_command_is_recorded_once_and_answered_201(
    person: Person, proxy: Proxy, moment: Moment
) -> None:
    food = _category(person)
    for headers in ({}, {"Idempotency-Key": "a-key"}):
        proxy.lose(moment)
        answer = person.post("/v1/transactions", _entry(food), headers=headers)
        assert (answer.status_code, proxy.lost) == (201, 1 if not headers else 2)
        assert "Idempotency-Replayed" not in answer.headers
    assert _balance(person) == -2000


@pytest.mark.parametrize("moment", MOMENTS)
def test_who_hears_that_the_outcome_is_unknown_asks_again_with_the_key(
    person: Person, proxy: Proxy, moment: Moment
) -> None:
    food, headers = _category(person), {"Idempotency-Key": "a-key"}
    proxy.lose(moment, and_shut=True)
    answer = person.post("/v1/transactions", _entry(food), headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "outcome_unknown")
    assert answer.headers["Retry-After"]
    answer = person.post("/v1/transactions", _entry(food), headers={"Idempotency-Key": "other"})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "store_unavailable")
    proxy.open()
    answer = person.post("/v1/transactions", _entry(food), headers=headers)
    assert answer.status_code == 201
    assert ("Idempotency-Replayed" in answer.headers) == (moment == MOMENTS[1])
    assert _balance(person) == -1000


def _category(person: Person) -> str:
    answer = person.post("/v1/categories", {"name": "خوراک", "kind": "expense"})
    return str(answer.get_json()["id"])


def _entry(category_id: str) -> dict[str, object]:
    return {"category_id": category_id, "amount": 1000}


def _balance(person: Person) -> int:
    return int(person.get("/v1/balance").get_json()["balance"])
