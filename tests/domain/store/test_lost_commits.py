"""A connection lost while committing: what was recorded is recorded once, and said to be."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from domain.categories import AddCategory
from domain.refusals import CategoryNameTaken, TransactionNotFound
from domain.store import pools
from domain.store.database import Database, OutcomeUnknown, StoreUnavailable, open_database
from domain.transactions import VoidTransaction
from tests.books import Book
from tests.conftest import DIALECTS
from tests.crowds import (
    BREAD,
    FOOD,
    amounts,
    assert_in_order,
    held_up,
    opened,
    recording,
    spend,
    spending,
)
from tests.proxies import Moment, Proxy

pytestmark = pytest.mark.parametrize("database_url", DIALECTS[1:], indirect=True)
BEFORE: Moment = "before the server hears of it"
AFTER: Moment = "after the server did it"
both = pytest.mark.parametrize("moment", [BEFORE, AFTER])


@pytest.fixture
def database(proxy: Proxy) -> Iterator[Database]:
    """A fresh database, by way of the proxy."""
    opened = open_database(proxy.url)
    yield opened
    opened.close()


@both
def test_a_command_alone_is_recorded_once(stocked: Book, proxy: Proxy, moment: Moment) -> None:
    for number in range(1, 9):  # from the sixth on, COMMIT is a prepared statement
        proxy.lose(moment)
        assert len(stocked.record(spend(number))) == 1
        stocked.record(spend(100))
        assert proxy.lost == number
    assert stocked.head().expense == 5 + 36 + 800
    assert_in_order(stocked)


@both
def test_each_of_a_group_is_recorded_once(
    stocked: Book, proxy: Proxy, moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "TOGETHER_SECONDS", 60)
    elsewhere = opened(stocked.store)
    add = AddCategory(id=FOOD, name="خوراک", kind="expense")
    asks = [
        spending(stocked, 1),
        recording(stocked.store, elsewhere, add, spend(50)),
        recording(stocked.store, stocked.ledger_id, VoidTransaction(transaction_id=BREAD)),
        recording(stocked.store, stocked.ledger_id, add),
        recording(stocked.store, stocked.ledger_id, spend(1_000), _missing()),
        recording(stocked.store, stocked.ledger_id, spend(2_000), dry_run=True),
        recording(stocked.store, stocked.ledger_id, AddCategory(name="خوراک", kind="income")),
        spending(stocked, 2),
    ]
    with held_up(stocked.store) as ask:
        outcomes = [ask(one) for one in asks]
        proxy.lose(moment, spare=1)  # the first is of whoever held them up
    came = [outcome() for outcome in outcomes]
    assert proxy.lost == 1
    assert amounts([came[0], came[5], came[7]]) == [1, 2_000, 2]
    assert [len(came[1]), len(came[2]), len(came[3])] == [2, 1, 0]
    assert isinstance(came[4], TransactionNotFound)
    assert isinstance(came[6], CategoryNameTaken)
    assert stocked.head().expense == 1 + 2
    assert_in_order(stocked)
    stocked.ledger_id = elsewhere
    assert stocked.head().expense == 50
    assert_in_order(stocked)


def _missing() -> VoidTransaction:
    return VoidTransaction(transaction_id=FOOD)


@both
def test_a_connection_lost_again_and_again_ends_with_a_word(
    stocked: Book, proxy: Proxy, moment: Moment
) -> None:
    """Whoever asks again with their own id finds out."""
    command = spend(7, id=UUID(int=0x77))
    proxy.lose(moment, times=20)
    with pytest.raises(StoreUnavailable):
        stocked.record(command)
    proxy.lose(moment, times=0)
    assert len(stocked.record(command)) in (0, 1)
    assert stocked.head().expense == 5 + 7
    assert_in_order(stocked)


@both
def test_what_became_of_it_is_unknown_while_the_server_is_away(
    stocked: Book, proxy: Proxy, moment: Moment, database_url: str
) -> None:
    command = spend(7, id=UUID(int=0x77))
    proxy.lose(moment, and_shut=True)
    with pytest.raises(OutcomeUnknown):
        stocked.record(command)
    with pytest.raises(StoreUnavailable):
        stocked.record(spend(1_000))
    with psycopg.connect(database_url) as behind:
        found = behind.execute("SELECT count(*) FROM transactions WHERE amount_rials = 7")
        assert found.fetchone() == (1 if moment == AFTER else 0,)
    proxy.open()
    assert len(stocked.record(command)) == (0 if moment == AFTER else 1)
    assert stocked.head().expense == 5 + 7
    assert_in_order(stocked)


@both
def test_unknown_is_said_to_those_only_whose_command_may_be_recorded(
    stocked: Book,
    proxy: Proxy,
    database_url: str,
    moment: Moment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "TOGETHER_SECONDS", 60)
    elsewhere = opened(stocked.store)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT 1 FROM ledgers WHERE ledger_id = %s FOR UPDATE", [elsewhere])
        with held_up(stocked.store) as ask:
            outcomes = [
                ask(spending(stocked, 1)),
                ask(recording(stocked.store, stocked.ledger_id, spend(9), dry_run=True)),
                ask(recording(stocked.store, elsewhere, AddCategory(name="نان", kind="income"))),
                ask(spending(stocked, 2)),
            ]
            proxy.lose(moment, spare=1, and_shut=True)
        came = [outcome() for outcome in outcomes]
    kinds = [type(one) for one in came]
    assert kinds == [OutcomeUnknown, StoreUnavailable, StoreUnavailable, OutcomeUnknown]
    proxy.open()
    assert stocked.head().expense == 5 + (3 if moment == AFTER else 0)
    assert_in_order(stocked)
