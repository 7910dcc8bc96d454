"""Folding what is stored gives what was decided on, however it is read."""

import gc
from functools import reduce

import pytest

from domain.categories import AddCategory
from domain.decider import evolve
from domain.ledger import LedgerState
from domain.store import folding
from domain.store.codec import UnknownEvent, to_stored
from domain.store.database import Database
from domain.store.folding import StoredTriple, fold, stored_triples
from projections.verify import differences, facts_of_state
from tests.books import Book
from tests.domain.examples import every_event
from tests.domain.given import LEDGER_ID, recorded

TRIPLES: list[StoredTriple] = [
    (place.version, (stored := to_stored(place)).topic, stored.state)
    for place in recorded(list(every_event))
]


@pytest.fixture
def book(database: Database) -> Book:
    """A ledger of seven events."""
    book = Book(database)
    for number in range(6):
        book.record(AddCategory(name=str(number), kind="expense"))
    return book


def read(book: Book, until: int, after: int = 0) -> list[StoredTriple]:
    """The stored events of a book."""
    with book.database.reading() as connection:
        return list(stored_triples(connection, book.ledger_id, until, after=after))


def test_the_fold_of_bytes_is_the_fold_of_events() -> None:
    state = reduce(evolve, recorded(list(every_event)), LedgerState())
    folded = fold(LEDGER_ID, TRIPLES)
    assert differences(facts_of_state(folded), facts_of_state(state)) == []
    assert folded.creations == state.creations


@pytest.mark.parametrize("until", [0, 1, 4, len(TRIPLES)])
def test_a_fold_goes_on_where_another_ended(until: int) -> None:
    state = fold(LEDGER_ID, TRIPLES[until:], fold(LEDGER_ID, TRIPLES[:until]))
    assert facts_of_state(state) == facts_of_state(fold(LEDGER_ID, TRIPLES))


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 8])
def test_events_are_read_in_order_however_many_at_once(
    book: Book, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "READ_AT_ONCE", at_once)
    stored = [to_stored(event) for event in book.events()]
    everything = [(event.originator_version, event.topic, event.state) for event in stored]
    assert read(book, 7) == read(book, 99) == everything
    assert read(book, 5) == everything[:5]
    assert read(book, 5, after=2) == everything[2:5]
    assert read(book, 0) == read(book, 5, after=5) == []


def test_what_cannot_be_read_is_unknown_and_cycles_are_looked_for_again() -> None:
    assert gc.isenabled()
    with pytest.raises(UnknownEvent, match="version 2"):
        fold(LEDGER_ID, [TRIPLES[0], (2, "never-heard-of.1", b"{}")])
    assert gc.isenabled()


def test_whoever_wants_no_cycles_looked_for_is_left_alone() -> None:
    gc.disable()
    try:
        fold(LEDGER_ID, TRIPLES)
        assert not gc.isenabled()
    finally:
        gc.enable()
