"""A dry run tells beforehand what the real run does, and a row that is refused leaves nothing."""

from typing import Final
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.store.database import Database
from domain.store.imports import storage
from domain.store.imports.options import MissingCategories, Options
from domain.store.imports.storage import RowResult
from tests.books import Book
from tests.workers.test_imports import bring, reread
from workers.imports import run_import

HEADER: Final = "id,date,amount,category,kind,direction,description\n"
MOST: Final = 2**53 - 1
MADE_BY_FIRST_DEPOSIT: Final = "قلک"

# Few values of each, so that ids, names and whole rows come again, alike and different.
IDS: Final = (
    *("", "", "الف", "ب", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    *("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"),
)
AMOUNTS: Final = ("5", "70", "-5", "-70", "", "1.5", str(MOST), f"-{MOST}")
NAMES: Final = (MADE_BY_FIRST_DEPOSIT, "خوراک", "خوراك", "حقوق", "")
KINDS: Final = ("", "income", "expense", "savings", "savings", "وام")

ROWS = st.lists(
    st.tuples(
        st.sampled_from(IDS),
        st.sampled_from(("1405-09-01", "1405-09-01", "1405-09-02", "1404-12-30")),
        st.sampled_from(AMOUNTS),
        st.sampled_from(NAMES),
        st.sampled_from(KINDS),
        st.sampled_from(("", "", "deposit", "withdraw")),
        st.sampled_from(("", "", "نان")),
    ).map(",".join),
    min_size=1,
    max_size=12,
)
OPTIONS = st.builds(
    Options,
    missing_categories=st.sampled_from(MissingCategories.__args__),  # type: ignore[attr-defined]
    kind=st.sampled_from((None, "expense", "savings")),
)


def outcome(book: Book, content: str, options: Options) -> tuple[list[RowResult], list[int]]:
    """What became of every row, and what was counted."""
    job = bring(book, content.encode(), options)
    run_import(book.store, book.ledger_id, job.id)
    found, counted = reread(book.database, job)
    assert (found.status, found.error) == ("done", None)
    results = book.database.read(
        lambda c: storage.list_results(c, book.ledger_id, job.id, after=0, limit=1000)
    )
    return results, [counted.recorded, counted.unchanged, counted.refused]


def as_real(results: list[RowResult]) -> list[RowResult]:
    """What a dry run foretells."""
    return [
        msgspec.structs.replace(r, status="recorded") if r.status == "would_record" else r
        for r in results
    ]


def assert_foretold(book: Book, content: str, options: Options) -> list[RowResult]:
    """The dry run and the real one agree about every row; nothing refused has left anything."""
    before = book.head()
    foretold, counts = outcome(book, content, msgspec.structs.replace(options, dry_run=True))
    assert book.head() == before
    results, real_counts = outcome(book, content, options)
    assert (as_real(foretold), counts) == (results, real_counts)
    assert sum(counts) == len(results)
    state = book.state()
    assert {t.category_id for t in state.transactions.values()} == set(state.categories)
    assert book.head().version == 1 + len(state.categories) + len(state.transactions)
    assert book.head().version - before.version >= counts[0]
    return results


@settings(max_examples=60)
@given(first=ROWS, second=ROWS, options=OPTIONS)
def test_a_dry_run_says_of_any_file_what_the_real_run_does(
    database: Database, first: list[str], second: list[str], options: Options
) -> None:
    book = Book(database)
    for rows in (first, first + second, second):
        assert_foretold(book, HEADER + "\n".join(rows) + "\n", options)
    assert book.differences() == []


def test_an_id_that_comes_again_is_recorded_once(database: Database) -> None:
    rows = "الف,1405-09-01,70,قلک,savings,,\n" * 2 + ",1405-09-01,-100,قلک,,,\n"
    book = Book(database)
    results = assert_foretold(book, HEADER + rows, Options(missing_categories="create"))
    assert [r.status for r in results] == ["recorded", "unchanged", "refused"]
    assert book.head().deposits == 70


def test_an_id_that_comes_again_after_it_was_refused_is_decided_anew(database: Database) -> None:
    taken_back = "الف,1405-09-01,-50,قلک,,,\n"
    rows = taken_back + ",1405-09-01,70,قلک,savings,,\n" + taken_back * 2
    options = Options(missing_categories="create", kind="savings")
    results = assert_foretold(Book(database), HEADER + rows, options)
    assert [r.status for r in results] == ["refused", "recorded", "recorded", "unchanged"]


def test_a_refused_row_leaves_no_category_and_a_later_row_makes_it(database: Database) -> None:
    rows = (
        ",1405-09-01,,خوراک,expense,,\n"  # no amount
        ",1405-09-01,5,خوراک,expense,deposit,\n"  # a direction is for savings
        ",1405-09-01,-5,خوراک,income,,\n"  # income is not taken back
        ",1405-09-01,-5,خوراک,savings,,\n"  # nothing was saved
    )
    book = Book(database)
    options = Options(missing_categories="create")
    results = assert_foretold(book, HEADER + rows, options)
    assert [(r.status, r.flaws[0].code) for r in results] == [
        ("refused", "amount_missing"),
        ("refused", "direction_not_allowed"),
        ("refused", "out_of_range"),
        ("refused", "savings_too_low"),
    ]
    assert (book.head().version, book.count("categories")) == (1, 0)
    results = assert_foretold(book, HEADER + rows + ",1405-09-01,5,خوراک,income,,\n", options)
    assert [r.status for r in results] == [*["refused"] * 4, "recorded"]
    assert [c.kind for c in book.state().categories.values()] == ["income"]


def test_a_row_whose_id_is_another_thing_s_leaves_no_category(database: Database) -> None:
    book = Book(database)
    options = Options(missing_categories="create")
    assert_foretold(book, HEADER + ",1405-09-01,5,خوراک,expense,,\n", options)
    (category_id,) = book.state().categories
    assert isinstance(category_id, UUID)
    results = assert_foretold(book, HEADER + f"{category_id},1405-09-01,5,حقوق,income,,\n", options)
    assert [r.flaws[0].code for r in results] == ["id_taken"]
    assert book.count("categories") == 1
