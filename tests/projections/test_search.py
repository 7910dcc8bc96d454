"""Searching descriptions finds what reading every one of them would, indexed or not."""

import datetime as dt
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.categories import AddCategory
from domain.ledger import Transaction
from domain.store.database import Connection, Database
from domain.store.erasure import erase
from domain.store.ledgers import Bracket
from domain.text import fold
from domain.transactions import CorrectTransaction, RecordTransaction, VoidTransaction
from projections import indexing, search, transactions
from projections.indexing import index_descriptions, ledgers_behind
from projections.transactions import SORTS, Filter, Sort, list_transactions
from tests.books import NOON, Book

CATEGORY_ID = UUID(int=0xC00)
DAY = dt.date(2026, 11, 23)
letters = st.sampled_from("نانوپنیریكي ۱۲‌aAb%_\"*'\\و ")
texts = st.text(letters, max_size=12) | st.sampled_from(["نان و پنیر", "100%", "a_b", '"نان"'])
# Told one after another; a number is an entry, from the last: what is said of it now, or nothing.
Telling = str | tuple[int, str | None]
tellings: st.SearchStrategy[Sequence[Telling]] = st.lists(
    texts | st.tuples(st.integers(1, 9), st.none() | texts), max_size=25
)


@pytest.fixture(autouse=True)
def soon_indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk gives up at once, so that few entries are enough to need the index."""
    monkeypatch.setattr(transactions, "_LOOKED_THROUGH", 1)
    monkeypatch.setattr(indexing, "_VERSIONS_AT_ONCE", 3)


def _book(database: Database) -> Book:
    book = Book(database)
    book.record(AddCategory(id=CATEGORY_ID, name="نان", kind="expense"))
    return book


def _tell(book: Book, told: Sequence[Telling], entries: list[UUID]) -> None:
    def work(bracket: Bracket) -> None:
        for one in told:
            if isinstance(one, str):
                entries.append(uuid4())
                bracket.record(_entry(entries[-1], one, len(entries)))
            elif one[0] <= len(entries):
                bracket.record(_change(bracket, entries[-one[0]], one[1]))

    book.store.transact(book.ledger_id, "a-test", work)


def _entry(entry_id: UUID, text: str, number: int) -> RecordTransaction:
    return RecordTransaction(
        id=entry_id,
        category_id=CATEGORY_ID,
        amount_rials=number * 7 % 5 + 1,
        date=DAY - dt.timedelta(days=number * 3 % 4),
        description=text,
    )


def _change(
    bracket: Bracket, entry_id: UUID, text: str | None
) -> CorrectTransaction | VoidTransaction:
    entry = bracket.ledger.transaction(entry_id)
    if text is None or (entry is not None and entry.is_voided):
        return VoidTransaction(transaction_id=entry_id)
    return CorrectTransaction(transaction_id=entry_id, description=text)


def _found(book: Book, wanted: Filter, sort: Sort = "-date", limit: int = 50) -> list[Transaction]:
    found: list[Transaction] = []
    cursor = None
    while True:
        page = book.database.read(
            lambda connection: list_transactions(
                connection,
                book.head(),
                wanted,
                sort=sort,
                limit=limit,
                cursor=cursor,  # noqa: B023
            )
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def _expected(book: Book, wanted: Filter, sort: Sort) -> list[UUID]:
    keys: dict[str, Callable[[Transaction], tuple[object, ...]]] = {
        "date": lambda entry: (entry.date, entry.created_version),
        "amount": lambda entry: (entry.amount_rials, entry.created_version),
        "recorded_at": lambda entry: (entry.created_version,),
    }
    matching = [
        entry
        for entry in book.state().transactions.values()
        if entry.is_voided == wanted.is_voided
        and fold(wanted.text or "") in fold(entry.description)
    ]
    matching.sort(key=keys[sort.lstrip("-")], reverse=sort.startswith("-"))
    return [entry.id for entry in matching]


@given(
    lives=st.tuples(tellings, tellings, tellings),
    needles=st.lists(texts, min_size=1, max_size=4),
    sort=st.sampled_from(SORTS),
    limit=st.integers(1, 7),
    is_voided=st.booleans(),
)
@settings(max_examples=60)
def test_what_is_found_is_what_reading_everything_finds(
    database: Database,
    lives: tuple[Sequence[Telling], ...],
    needles: list[str],
    sort: Sort,
    limit: int,
    is_voided: bool,
) -> None:
    book, entries = _book(database), list[UUID]()
    *indexed, unindexed = lives
    for told in indexed:
        _tell(book, told, entries)
        index_descriptions(database, book.ledger_id)
    _tell(book, unindexed, entries)
    described = [entry.description[2:6] for entry in book.state().transactions.values()][:3]
    for needle in needles + described:
        wanted = Filter(text=needle, is_voided=is_voided)
        found = [entry.id for entry in _found(book, wanted, sort, limit)]
        assert found == _expected(book, wanted, sort)


def test_a_common_text_is_found_by_walking_and_a_rare_one_by_the_index(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = _book(database)
    _tell(book, ["نان تازه"] * 30 + ["پنیر"], [])
    index_descriptions(database, book.ledger_id)
    looked_up = []
    find = search.find_candidates

    def noting(*asked: object) -> search.Candidates | None:
        looked_up.append(find(*asked))  # type: ignore[arg-type]
        return looked_up[-1]

    monkeypatch.setattr(transactions, "find_candidates", noting)
    monkeypatch.setattr(transactions, "_LOOKED_THROUGH", 5)
    assert len(_found(book, Filter(text="تازه"), limit=2)) == 30
    assert looked_up == []
    [cheese] = _found(book, Filter(text="پنیر"))
    [candidates] = looked_up
    assert candidates is not None
    assert candidates.created_versions == [cheese.created_version]
    monkeypatch.setattr(transactions, "_FAVOUR", 0)  # one candidate would be one too many
    assert _found(book, Filter(text="پنیر")) == [cheese]


def test_places_lie_in_blocks(database: Database) -> None:
    book = _book(database)
    _tell(book, ["نان", "پنیر", "نان و پنیر"], [])
    far = search.BLOCK_VERSIONS * 3 - 1

    def move(connection: Connection) -> None:
        connection.run("UPDATE transactions SET created_version = created_version + :far", far=far)
        connection.run("UPDATE ledgers SET version = version + :far", far=far)

    database.write(move)
    index_descriptions(database, book.ledger_id)
    assert [entry.description for entry in _found(book, Filter(text="پنیر"))] == [
        "نان و پنیر",
        "پنیر",
    ]
    assert _found(book, Filter(text="پنیر تازه")) == []


def test_indexing_may_be_killed_and_run_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = _book(database)
    _tell(book, ["نان", "پنیر", "سبزی", "گردو"], [])

    def kill(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(indexing, "_move_mark", kill)
        with pytest.raises(KeyboardInterrupt):
            index_descriptions(database, book.ledger_id)
    assert book.count("search_marks") == 0
    assert book.count("search_grams") > 0
    index_descriptions(database, book.ledger_id)
    assert [entry.description for entry in _found(book, Filter(text="سبزی"))] == ["سبزی"]


def test_only_ledgers_that_are_far_behind_are_indexed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, other = _book(database), _book(database)
    _tell(book, ["نان"] * 8, [])
    monkeypatch.setattr(indexing, "UNINDEXED", 10)
    assert database.read(ledgers_behind) == [book.ledger_id]
    index_descriptions(database, book.ledger_id)
    assert database.read(ledgers_behind) == []
    assert other.ledger_id != book.ledger_id


def test_a_ledger_that_was_erased_is_not_indexed(database: Database) -> None:
    book = _book(database)
    _tell(book, ["نان"] * 8, [])
    index_descriptions(database, book.ledger_id)
    database.write(lambda connection: erase(connection, book.ledger_id, NOON))
    index_descriptions(database, book.ledger_id)
    assert book.count("search_grams") == book.count("search_marks") == 0


@given(
    told=st.lists(st.integers(0, 2), min_size=20, max_size=40),
    first=st.integers(1, 4),
    sort=st.sampled_from(SORTS),
    limit=st.integers(1, 4),
)
@settings(max_examples=20)
def test_a_filter_that_the_order_knows_nothing_of_finds_all(
    database: Database, told: list[int], first: int, sort: Sort, limit: int
) -> None:
    book = _book(database)
    _tell(book, [str(one) for one in told], [])
    wanted = Filter(start=DAY - dt.timedelta(days=first), min_amount_rials=first)
    found = [entry.id for entry in _found(book, wanted, sort, limit)]
    state = book.state().transactions
    assert set(found) == {
        entry.id
        for entry in state.values()
        if entry.date >= DAY - dt.timedelta(days=first) and entry.amount_rials >= first
    }
    everything = _expected(book, Filter(), sort)
    assert found == [one for one in everything if one in set(found)]
