"""Verification finds every row that was tampered with, and the past is not judged."""

import pytest

from domain.base import Event
from domain.store.database import Connection, Database
from domain.store.ledgers import read_head
from projections.rows import LedgerRows
from projections.verify import differences, facts_of_rows, facts_of_state
from tests.books import Book
from tests.domain.examples import (
    category,
    corrected,
    deposit,
    every_event,
    expense,
    groceries,
    household,
    income,
    removed,
    retired,
    withdrawal,
)
from tests.domain.given import folded, recorded


def _project(connection: Connection, book: Book, events: tuple[Event, ...]) -> LedgerRows:
    rows = LedgerRows(connection, read_head(connection, book.ledger_id))
    for event in recorded(events)[1:]:
        rows.apply(event)
    return rows


@pytest.mark.parametrize(
    "events",
    [
        every_event,
        (*household, retired(groceries), expense(1, 5)),
        (*household, category(9, groceries.details.name, "income")),
        (*household, withdrawal(1, 500), deposit(2, 5)),
        (*household, income(1, 2**53), income(2, 2**53)),
        (*household, expense(1, 5), removed(groceries), corrected(expense(1, 5), amount_rials=7)),
        (*household, expense(1, 0)),
    ],
    ids=[
        "every event",
        "an inactive category",
        "a name twice",
        "savings overdrawn",
        "totals too large",
        "a category removed in use",
        "an amount of nothing",
    ],
)
def test_the_past_is_projected_whatever_today_would_say_of_it(
    database: Database, events: tuple[Event, ...]
) -> None:
    book = Book(database)

    def work(connection: Connection) -> None:
        rows = _project(connection, book, events)
        state = folded(events)
        assert (rows.version, rows.totals) == (state.version, state.totals)
        told, expected = facts_of_rows(connection, book.ledger_id), facts_of_state(state)
        about = {difference.about for difference in differences(told, expected)}
        # The head's row follows when the bracket closes.
        assert about <= {("version",), ("totals",)}

    database.write(work)


@pytest.mark.parametrize(
    ("tampering", "about"),
    [
        ("UPDATE ledgers SET income = income + 1", "totals"),
        ("UPDATE ledgers SET version = version + 1", "version"),
        ("UPDATE categories SET name = 'نو' WHERE kind = 'income'", "category"),
        ("UPDATE categories SET folded_name = 'نو' WHERE kind = 'income'", "folded"),
        ("UPDATE transactions SET amount_rials = amount_rials + 1", "transaction"),
        ("UPDATE transactions SET folded_description = 'نو'", "folded"),
        ("DELETE FROM transactions WHERE kind = 'income'", "transaction"),
        ("DELETE FROM transaction_changes", "change"),
        ("UPDATE budgets SET max_amount_rials = 5", "budget"),
        ("UPDATE day_totals SET count = count + 1", "day"),
        ("UPDATE budgets SET last_date = NULL", "last"),
        ("UPDATE goals SET target_amount_rials = 5", "goal"),
        ("UPDATE saving_policies SET keep_rials = 5", "policy"),
        ("UPDATE saving_policies SET next_month = NULL", "next month"),
        ("DELETE FROM day_totals", "day"),
        ("UPDATE month_totals SET largest_rials = 7", "month"),
        ("UPDATE month_totals SET jalali_month = jalali_month + 100", "month"),
    ],
)
def test_a_row_that_was_tampered_with_is_found(
    database: Database, tampering: str, about: str
) -> None:
    book = Book(database)

    def work(connection: Connection) -> None:
        _project(connection, book, every_event)
        honest = facts_of_rows(connection, book.ledger_id)
        assert connection.run(tampering) > 0
        found = differences(facts_of_rows(connection, book.ledger_id), honest)
        assert about in {difference.about[0] for difference in found}

    database.write(work)


def test_a_fact_that_only_one_side_tells_is_a_difference() -> None:
    one = facts_of_state(folded(household))
    other = facts_of_state(folded((*household, expense(1, 5))))
    missing = [d for d in differences(one, other) if d.about[0] == "transaction"]
    extra = [d for d in differences(other, one) if d.about[0] == "transaction"]
    assert [(d.told, d.expected) for d in missing] == [(d.expected, d.told) for d in extra]
    assert missing[0].told is None
    assert differences(one, one) == []
