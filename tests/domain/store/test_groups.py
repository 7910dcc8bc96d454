"""Group commit: commands that wait at the same moment share one transaction."""

from uuid import UUID

import psycopg
import pytest

from domain.categories import AddCategory, AddStarterCategories, ChangeCategory
from domain.refusals import IdTaken
from domain.store import groups, pools
from domain.store.idempotency import Frozen, IdempotencyKeyReused, Request, recall, remember
from domain.store.ledgers import Bracket
from domain.transactions import (
    CorrectTransaction,
    RestoreTransaction,
    VoidTransaction,
)
from tests.books import Book
from tests.conftest import DIALECTS
from tests.crowds import (
    BREAD,
    FOOD,
    Ask,
    Stages,
    amounts,
    assert_in_order,
    held_up,
    opened,
    recording,
    spend,
    spending,
    together,
    working,
)

pytestmark = pytest.mark.usefixtures("one_group")
on_postgresql_only = pytest.mark.parametrize("database_url", DIALECTS[1:], indirect=True)


def test_those_who_wait_share_one_commit_and_hear_their_own(stocked: Book) -> None:
    stages = Stages(stocked.database)
    with held_up(stocked.store) as ask:
        assert stages.commits == 1, "the ledger of whoever holds the others up"
        outcomes = [ask(spending(stocked, 2**n)) for n in range(4, 14)]
    assert amounts([outcome() for outcome in outcomes]) == [2**n for n in range(4, 14)]
    assert stages.commits == 2, "whoever held the others up, and all of them"
    assert stocked.head().expense == 5 + 2**14 - 2**4
    assert_in_order(stocked)


def test_commands_on_many_ledgers_share_one_commit(stocked: Book) -> None:
    store = stocked.store
    others = [opened(store) for _ in range(5)]
    asks = [
        recording(store, ledger_id, AddCategory(id=FOOD, name="نان", kind="expense"), spend(n))
        for n, ledger_id in enumerate(others, 1)
    ]
    stages = Stages(stocked.database)
    with held_up(store) as ask:
        assert stages.commits == 1
        outcomes = [ask(one) for one in (*asks, spending(stocked, 7), spending(stocked, 8))]
    assert [len(outcome()) for outcome in outcomes] == [2] * 5 + [1, 1]
    assert stages.commits == 2
    for n, ledger_id in enumerate(others, 1):
        stocked.ledger_id = ledger_id
        assert stocked.head().expense == n
        assert_in_order(stocked)


def test_more_than_a_group_takes_are_all_recorded(
    stocked: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MOST_TOGETHER", 3)
    came = together(stocked.store, *(spending(stocked, n) for n in range(1, 9)))
    assert amounts(came) == list(range(1, 9))
    assert_in_order(stocked)


def test_who_would_make_a_group_slow_waits_for_the_next(
    stocked: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "TOGETHER_SECONDS", 0)
    stages = Stages(stocked.database)
    came = together(stocked.store, *(spending(stocked, n) for n in range(1, 9)))
    assert amounts(came) == list(range(1, 9))
    assert stages.commits == 1 + 1 + 8
    assert_in_order(stocked)


@on_postgresql_only
def test_who_is_put_back_beside_a_locked_ledger_is_recorded_once(
    stocked: Book, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "TOGETHER_SECONDS", 0)
    locked = opened(stocked.store)
    add = AddCategory(name="نان", kind="expense")
    with psycopg.connect(database_url) as other:
        other.execute("SELECT 1 FROM ledgers WHERE ledger_id = %s FOR UPDATE", [locked])
        with held_up(stocked.store) as ask:
            free = [ask(spending(stocked, n)) for n in (1, 2)]
            waits = ask(recording(stocked.store, locked, add))
            free += [ask(spending(stocked, n)) for n in (3, 4)]
        assert amounts([outcome() for outcome in free]) == [1, 2, 3, 4]
        other.rollback()
    assert len(waits()) == 1
    assert stocked.head().expense == 5 + 10
    assert_in_order(stocked)


def test_a_dry_run_in_a_group_says_the_same_and_leaves_nothing(stocked: Book) -> None:
    tries = recording(
        stocked.store,
        stocked.ledger_id,
        VoidTransaction(transaction_id=BREAD),
        spend(100, id=UUID(int=9)),
        dry_run=True,
    )
    came = together(stocked.store, tries, spending(stocked, 1), tries, spending(stocked, 2))
    assert [len(came[0]), len(came[2])] == [2, 2]
    assert amounts([came[1], came[3]]) == [1, 2]
    assert stocked.head().expense == 8
    assert_in_order(stocked)


def test_later_commands_of_a_group_see_what_the_earlier_ones_did(stocked: Book) -> None:
    new = UUID(int=0x99)
    commands = [
        spend(50, id=new),
        CorrectTransaction(transaction_id=new, amount_rials=60),
        VoidTransaction(transaction_id=BREAD),
        VoidTransaction(transaction_id=BREAD),
        RestoreTransaction(transaction_id=BREAD),
        ChangeCategory(category_id=FOOD, is_active=False),
        spend(1),
        ChangeCategory(category_id=FOOD, is_active=True),
        AddStarterCategories(),
        spend(70, id=new),
        spend(8),
    ]
    asks = [recording(stocked.store, stocked.ledger_id, command) for command in commands]
    came = together(stocked.store, *asks)
    counts = [len(one) if isinstance(one, list) else type(one).__name__ for one in came]
    assert counts[:8] == [1, 1, 1, 0, 1, 1, "CategoryInactive", 1]
    assert len(came[8]) > 1
    assert counts[9:] == ["IdTaken", 1]
    assert stocked.head().expense == 5 + 60 + 8
    assert_in_order(stocked)


def test_an_id_chosen_by_all_of_a_group_is_created_once(stocked: Book) -> None:
    asked = [spending(stocked, 7, id=UUID(int=7))] * 4
    came = together(stocked.store, *asked, spending(stocked, 8, id=UUID(int=7)))
    assert [len(outcome) for outcome in came[:4]] == [1, 0, 0, 0]
    assert isinstance(came[4], IdTaken)
    assert stocked.head().expense == 12


def test_a_key_that_comes_twice_in_a_group_is_answered_alike(stocked: Book) -> None:
    def keyed(number: int, fingerprint: bytes = b"\x01" * 32) -> Ask:
        request = Request("key-1", fingerprint)

        def work(bracket: Bracket) -> Frozen:
            frozen = recall(bracket.connection, bracket.ledger_id, request)
            if frozen is not None:
                return frozen
            bracket.record(spend(number))
            answer = Frozen(201, {}, str(number).encode())
            remember(bracket.connection, bracket.ledger_id, bracket.ledger.version, request, answer)
            return answer

        return working(stocked.store, stocked.ledger_id, work)

    came = together(stocked.store, keyed(1), keyed(2), keyed(3, b"\x02" * 32), keyed(4))
    assert [came[0].body, came[1].body, came[3].body] == [b"1", b"1", b"1"]
    assert isinstance(came[2], IdempotencyKeyReused)
    assert stocked.head().expense == 6
    assert stocked.count("idempotency_keys") == 1
    assert_in_order(stocked)
