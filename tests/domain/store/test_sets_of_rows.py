"""Sets of rows: what follows from a ledger's rows being kept under another id than its own."""

from uuid import uuid4

from domain.categories import ChangeCategory
from domain.store.database import Connection
from domain.store.erasure import PROJECTED_TABLES, erase
from domain.store.ledgers import Bracket
from domain.transactions import VoidTransaction
from tests.books import NOON, Book
from tests.crowds import BREAD, FOOD, spend
from tests.traces import traces

EMPTY = {"budgets", "goals", "recurrences", "drafts", "saving_policies"}
"""Nothing of these is in stock."""


def test_rows_are_kept_under_the_id_of_their_set(stocked: Book) -> None:
    stocked.record(VoidTransaction(transaction_id=BREAD))
    stocked.record(spend(7))
    projected = set(PROJECTED_TABLES) - EMPTY
    assert traces(stocked.database, stocked.rows_id) == projected | {"ledgers"}
    assert traces(stocked.database, stocked.ledger_id) == {"ledgers", "events"}
    assert stocked.differences() == []


def test_an_erasure_takes_every_set_of_rows(stocked: Book) -> None:
    """Half built and put aside ones too."""
    current, others = stocked.rows_id, (uuid4(), uuid4())

    def copy(connection: Connection) -> None:
        for rows_id, state in zip(others, ("building", "retired"), strict=True):
            connection.run(
                "INSERT INTO transaction_changes (ledger_id, transaction_id, version)"
                " VALUES (:rows_id, :id, 9)",
                rows_id=rows_id,
                id=BREAD,
            )
            connection.run(
                "INSERT INTO row_sets (ledger_id, rows_id, state, begun_at)"
                " VALUES (:ledger_id, :rows_id, :state, :now)",
                ledger_id=stocked.ledger_id,
                rows_id=rows_id,
                state=state,
                now=NOON,
            )

    stocked.database.write(copy)
    assert "transaction_changes" in traces(stocked.database, *others)
    stocked.database.write(lambda connection: erase(connection, stocked.ledger_id, NOON))
    assert traces(stocked.database, stocked.ledger_id, current, *others) == {"tombstones"}


def test_what_was_remembered_is_forgotten_with_another_generation(stocked: Book) -> None:
    stocked.record(ChangeCategory(category_id=FOOD, name="خوراک"))
    amend = "UPDATE categories SET default_amount_rials = 9 WHERE ledger_id = :rows_id"
    count = "UPDATE ledgers SET generation = generation + 1 WHERE ledger_id = :ledger_id"

    def look(bracket: Bracket) -> int | None:
        category = bracket.ledger.category(FOOD)
        assert category is not None
        return category.default_amount_rials

    def default_amount() -> int | None:
        return stocked.store.transact(stocked.ledger_id, "a-test", look)

    assert default_amount() is None
    rows_id = stocked.rows_id
    stocked.database.write(lambda c: c.run(amend, rows_id=rows_id))
    assert default_amount() is None
    stocked.database.write(lambda c: c.run(count, ledger_id=stocked.ledger_id))
    assert default_amount() == 9
