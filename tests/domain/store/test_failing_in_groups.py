"""Group commit: who fails in a group fails alone."""

import sqlite3
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from domain.categories import AddCategory, ChangeCategory
from domain.decider import decide
from domain.refusals import CategoryNameTaken, CategoryNotFound
from domain.store import ledgers
from domain.store.database import Connection, StoreUnavailable
from domain.store.ledgers import Bracket, LedgerMissing
from domain.store.recorder import _EVENTS
from domain.transactions import (
    RecordTransaction,
    VoidTransaction,
)
from tests.books import Book
from tests.crowds import (
    BREAD,
    FOOD,
    Ask,
    Stages,
    amounts,
    assert_in_order,
    recording,
    spend,
    spending,
    together,
    working,
)

pytestmark = pytest.mark.usefixtures("one_group")


def _void_and(book: Book, error: BaseException) -> Ask:
    """Write directly, which needs a savepoint, and fail."""

    def work(bracket: Bracket) -> None:
        bracket.record(VoidTransaction(transaction_id=BREAD))
        bracket.record(spend(1_000))
        raise error

    return working(book.store, book.ledger_id, work)


def _spend_and(book: Book, error: BaseException) -> Ask:
    """Leave rows waiting, and fail."""

    def work(bracket: Bracket) -> None:
        bracket.record(spend(1_000))
        raise error

    return working(book.store, book.ledger_id, work)


def _refused_late(book: Book) -> Ask:
    """An atomic batch whose last item is refused."""
    missing = RecordTransaction(category_id=uuid4(), amount_rials=1)
    return recording(book.store, book.ledger_id, spend(1_000), missing)


def _bad_sql(book: Book) -> Ask:
    def work(bracket: Bracket) -> None:
        bracket.record(spend(1_000))
        bracket.connection.run("UPDATE ledgers SET nothing_like_it = 1")

    return working(book.store, book.ledger_id, work)


BUG, INTERRUPT = RuntimeError("a bug"), KeyboardInterrupt()
FAILING: list[tuple[Callable[[Book], Ask], type[BaseException]]] = [
    (_refused_late, CategoryNotFound),
    (lambda book: _void_and(book, BUG), RuntimeError),
    (lambda book: _void_and(book, INTERRUPT), KeyboardInterrupt),
    (lambda book: _spend_and(book, BUG), RuntimeError),
    (lambda book: _spend_and(book, INTERRUPT), KeyboardInterrupt),
    (
        lambda book: recording(
            book.store,
            book.ledger_id,
            ChangeCategory(category_id=FOOD, name="دیگر"),
            VoidTransaction(transaction_id=BREAD),
            AddCategory(name="دیگر", kind="income"),
        ),
        CategoryNameTaken,
    ),
    (_bad_sql, (sqlite3.Error, psycopg.Error, StoreUnavailable)),  # type: ignore[list-item]
    (
        lambda book: working(book.store, uuid4(), lambda bracket: bracket.record(spend(1))),
        LedgerMissing,
    ),
]


@pytest.mark.parametrize(("failing", "error"), FAILING)
def test_who_fails_in_a_group_fails_alone(
    stocked: Book, failing: Callable[[Book], Ask], error: type[BaseException]
) -> None:
    other = Book(stocked.database)
    other.record(AddCategory(id=FOOD, name="خوراک", kind="expense"))
    elsewhere = recording(stocked.store, other.ledger_id, spend(9))
    came = together(
        stocked.store,
        spending(stocked, 1),
        failing(stocked),
        elsewhere,
        spending(stocked, 2),
        failing(stocked),
        spending(stocked, 3),
    )
    assert isinstance(came[1], error), came[1]
    assert isinstance(came[4], error), came[4]
    assert amounts([came[0], came[2], came[3], came[5]]) == [1, 9, 2, 3]
    assert (stocked.head().expense, other.head().expense) == (5 + 6, 9)
    assert_in_order(stocked, other)


@pytest.mark.parametrize(("failing", "error"), FAILING)
def test_a_group_of_failures_records_nothing(
    stocked: Book, failing: Callable[[Book], Ask], error: type[BaseException]
) -> None:
    before = (stocked.head(), stocked.count("events"))
    came = together(stocked.store, failing(stocked), failing(stocked))
    assert all(isinstance(outcome, error) for outcome in came)
    assert (stocked.head(), stocked.count("events") - 1) == before  # the ledger that held them up
    assert_in_order(stocked)


def test_rows_that_cannot_be_written_harm_nobody_elses(stocked: Book) -> None:
    """What waits in memory fails in somebody else's hands, or at the end."""

    def unwritable(bracket: Bracket) -> None:
        bracket.record(spend(1_000))
        bracket.connection.later(_EVENTS, (bracket.ledger_id, object(), "t", b"{}"))

    for last in (spending(stocked, 2), recording(stocked.store, stocked.ledger_id, _void())):
        came = together(
            stocked.store,
            spending(stocked, 1),
            working(stocked.store, stocked.ledger_id, unwritable),
            last,
        )
        assert isinstance(came[1], Exception)
        assert [len(came[0]), len(came[2])] == [1, 1]
        assert_in_order(stocked)
    assert stocked.head().expense == 1 + 2 + 1


def _void() -> VoidTransaction:
    return VoidTransaction(transaction_id=BREAD)


def test_a_bug_between_two_events_of_a_command_harms_nobody_elses(
    stocked: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide_badly(command: Any, *rest: Any) -> Any:
        events = decide(command, *rest)
        return [*events, None] if command == spend(1_000) else events

    monkeypatch.setattr(ledgers, "decide", decide_badly)
    stages = Stages(stocked.database)
    asks = [spending(stocked, n) for n in (1, 1_000, 2)]
    came = together(stocked.store, *asks)
    assert isinstance(came[1], Exception)
    assert amounts([came[0], came[2]]) == [1, 2]
    assert stages.commits == 3, "it cost the others their transaction"
    assert_in_order(stocked)


def test_what_a_returning_statement_wrote_is_taken_back_too(stocked: Book) -> None:
    def work(bracket: Bracket) -> None:
        bracket.connection.all(
            "UPDATE categories SET name = 'x' WHERE ledger_id = :ledger_id RETURNING id",
            ledger_id=bracket.ledger_id,
        )
        raise RuntimeError

    came = together(
        stocked.store,
        spending(stocked, 1),
        working(stocked.store, stocked.ledger_id, work),
        spending(stocked, 2),
    )
    assert isinstance(came[1], RuntimeError)
    assert_in_order(stocked)


def test_an_error_of_the_database_that_was_caught_does_not_end_as_recorded(
    stocked: Book,
) -> None:
    """PostgreSQL answers COMMIT with ROLLBACK then, and calls that no error."""

    def work(connection: Connection) -> None:
        connection.run("UPDATE categories SET name = 'x'")
        with pytest.raises((sqlite3.Error, psycopg.Error)):
            connection.run("UPDATE ledgers SET nothing_like_it = 1")

    if stocked.database.dialect == "sqlite":
        stocked.database.write(work)
        assert stocked.differences() != []
        return
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        stocked.database.write(work)
    assert_in_order(stocked)
