"""Locks held for too long, deadlocks, servers that go away: what is recorded, and what is said."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from domain.categories import AddCategory
from domain.store.database import Connection, Database, StoreUnavailable
from domain.store.ledgers import Bracket, read_head
from tests.books import Book
from tests.conftest import DIALECTS
from tests.crowds import (
    amounts,
    assert_in_order,
    begun,
    held_up,
    opened,
    recording,
    spend,
    spending,
    working,
)

on_postgresql_only = pytest.mark.parametrize("database_url", DIALECTS[1:], indirect=True)
AT_ONCE_SECONDS: Final = 2
ADD: Final = AddCategory(name="نان", kind="income")


@contextmanager
def _locking(database_url: str, ledger_id: UUID) -> Iterator[psycopg.Connection]:
    """Another session holds a ledger's row."""
    with psycopg.connect(database_url) as other:
        other.execute("SELECT 1 FROM ledgers WHERE ledger_id = %s FOR UPDATE", [ledger_id])
        yield other
        other.rollback()


@on_postgresql_only
def test_a_locked_ledger_holds_up_nobody_elses(stocked: Book, database_url: str) -> None:
    locked = opened(stocked.store)
    with _locking(database_url, locked) as other:
        with held_up(stocked.store) as ask:
            before = ask(spending(stocked, 1))
            blocked = [ask(recording(stocked.store, locked, ADD)) for _ in range(2)]
            after = ask(spending(stocked, 2))
        began = time.monotonic()
        assert amounts([before(), after()]) == [1, 2]
        assert time.monotonic() - began < AT_ONCE_SECONDS
        other.rollback()
    came = [outcome() for outcome in blocked]
    assert sorted(len(one) for one in came if isinstance(one, list)) == [1], came
    assert_in_order(stocked)


@on_postgresql_only
def test_a_locked_ledger_that_is_asked_for_alone_is_waited_for(
    stocked: Book, database_url: str
) -> None:
    """Longer than a group would; meanwhile others go on."""
    locked = opened(stocked.store)
    with _locking(database_url, locked) as other:
        blocked = begun(recording(stocked.store, locked, ADD))
        for amount_rials in (1, 2):
            began = time.monotonic()
            stocked.record(spend(amount_rials))
            assert time.monotonic() - began < AT_ONCE_SECONDS
            time.sleep(0.2)
        other.rollback()
    assert len(blocked()) == 1
    assert stocked.head().expense == 5 + 3


@on_postgresql_only
def test_a_ledger_locked_for_too_long_is_unavailable(stocked: Book, database_url: str) -> None:
    _set_for_all(stocked.database, database_url, "lock_timeout", "300ms")
    with _locking(database_url, stocked.ledger_id):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            stocked.record(spend(1_000))
        assert 0.3 <= time.monotonic() - began < AT_ONCE_SECONDS
    assert len(stocked.record(spend(1))) == 1
    assert stocked.head().expense == 6


@on_postgresql_only
def test_a_statement_that_takes_too_long_is_unavailable_to_whoever_asked(
    stocked: Book, database_url: str
) -> None:
    _set_for_all(stocked.database, database_url, "statement_timeout", "1s")
    elsewhere = opened(stocked.store)  # whoever waits for the same ledger takes too long as well

    def slow(bracket: Bracket) -> None:
        bracket.record(ADD)
        bracket.connection.one("SELECT pg_sleep(20)")

    with held_up(stocked.store) as ask:
        outcomes = [
            ask(spending(stocked, 1)),
            ask(working(stocked.store, elsewhere, slow)),
            ask(spending(stocked, 2)),
        ]
    came = [outcome() for outcome in outcomes]
    assert isinstance(came[1], StoreUnavailable)
    assert amounts([came[0], came[2]]) == [1, 2]
    assert stocked.head().expense == 5 + 3
    assert_in_order(stocked)


def _set_for_all(database: Database, database_url: str, name: str, value: str) -> None:
    """Have every connection begin with a setting: the first thing that it is asked is this."""

    def first(raw: Any, begin: str) -> None:
        raw.execute(f"SET {name} = '{value}'".encode())
        original(raw, begin)

    original = database._begin
    database._begin = first  # type: ignore[method-assign]


@on_postgresql_only
def test_a_deadlock_is_tried_again(stocked: Book) -> None:
    other = opened(stocked.store)
    tries: list[UUID] = []
    both_have_one = threading.Barrier(2, timeout=30)

    def locking(first: UUID, second: UUID) -> None:
        def work(connection: Connection) -> None:
            tries.append(first)
            read_head(connection, first, lock=True)
            if len(tries) <= 2:
                both_have_one.wait()
            read_head(connection, second, lock=True)
            connection.run(
                "UPDATE ledgers SET income = income + 1 WHERE ledger_id = :ledger_id",
                ledger_id=first,
            )

        stocked.database.write(work)

    ways = ((stocked.ledger_id, other), (other, stocked.ledger_id))
    outcomes = [begun(partial(locking, *way)) for way in ways]
    assert [outcome() for outcome in outcomes] == [None, None]
    assert len(tries) > 2
    stocked.ledger_id, ledger_id = other, stocked.ledger_id
    assert stocked.head().income == 1
    stocked.ledger_id = ledger_id
    assert stocked.head().income == 1


@on_postgresql_only
def test_a_deadlock_that_comes_again_and_again_is_unavailable(stocked: Book) -> None:
    def work(bracket: Bracket) -> None:
        bracket.record(spend(1_000))
        bracket.connection.run("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")

    with pytest.raises(StoreUnavailable):
        stocked.store.transact(stocked.ledger_id, "a-test", work)
    assert stocked.head().expense == 5


@on_postgresql_only
def test_a_connection_that_is_ended_in_the_middle_of_a_group_costs_nobody_anything(
    stocked: Book, database_url: str
) -> None:
    """Each of them is done again alone, on a connection that lives."""
    ended: list[int] = []

    def unlucky(bracket: Bracket) -> None:
        bracket.record(spend(2))
        if not ended:
            with psycopg.connect(database_url, autocommit=True) as admin:
                cursor = admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                ended.append(cursor.rowcount)

    with held_up(stocked.store) as ask:
        outcomes = [
            ask(spending(stocked, 1)),
            ask(working(stocked.store, stocked.ledger_id, unlucky)),
            ask(spending(stocked, 3)),
        ]
    came = [outcome() for outcome in outcomes]
    assert ended
    assert (came[1], *amounts([came[0], came[2]])) == (None, 1, 3)
    assert stocked.head().expense == 5 + 6
    assert_in_order(stocked)


def test_a_database_that_is_busy_elsewhere_is_waited_for(stocked: Book) -> None:
    """Commands that ask for a turn while other work writes get theirs."""
    is_at_it, may_end = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        read_head(connection, stocked.ledger_id, lock=True)
        is_at_it.set()
        assert may_end.wait(30)

    writing = begun(lambda: stocked.database.write(work))
    assert is_at_it.wait(30)
    outcomes = [begun(spending(stocked, n)) for n in range(1, 9)]
    time.sleep(0.3)
    may_end.set()
    assert writing() is None
    assert sorted(amounts([outcome() for outcome in outcomes])) == list(range(1, 9))
    assert_in_order(stocked)
