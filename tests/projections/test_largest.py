"""The largest entries are those that sorting all of them would find, at the cost of a few."""

import datetime as dt
import sqlite3
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base import Command
from domain.calendar import LAST_DAY, from_jalali
from domain.ledger import LedgerState, Transaction
from domain.money import Kind
from domain.store.database import Connection, Database
from domain.store.ledgers import Bracket
from domain.transactions import CorrectTransaction, RecordTransaction, VoidTransaction
from projections.largest import ENTRIES, Asked, KindLine, largest_of_rows, largest_of_state
from projections.reports import KINDS
from projections.sums import ONE_DAY, as_values
from tests.books import Book
from tests.projections.counting import counted, live, live_entries, lives
from tests.projections.histories import CATEGORY_IDS, DATES, HOUSEHOLD

asked_ranges = st.tuples(st.sampled_from(DATES), st.sampled_from(DATES)).map(sorted)
few_days = st.integers(0, 150).map(lambda n: from_jalali(1405, 1, 1) + n * ONE_DAY)
entries_of_a_life = st.lists(
    st.tuples(st.sampled_from(CATEGORY_IDS[:4]), few_days, st.sampled_from([1, 5, 5, 5, 8, 90])),
    min_size=1,
    max_size=40,
)


def _expected(state: LedgerState, asked: Asked) -> list[tuple[Kind, int, list[UUID]]]:
    present = [e for e in live_entries(state) if asked.start <= e.date <= asked.end]
    expected = []
    for kind in asked.kinds:
        own = [e for e in present if e.kind == kind]
        largest = sorted((e for e in own if e.direction != "withdraw"), key=_size, reverse=True)
        ids = [entry.id for entry in largest[: asked.limit]]
        expected.append((kind, counted(own).of(kind), ids))
    return expected


def _size(entry: Transaction) -> tuple[int, dt.date, int]:
    return entry.amount_rials, entry.date, entry.created_version


def _told(lines: list[KindLine]) -> list[tuple[Kind, int, list[UUID]]]:
    return [(line.kind, line.amount, [one.entry.id for one in line.entries]) for line in lines]


def _of_rows(database: Database, book: Book, asked: Asked) -> list[KindLine]:
    with database.reading() as connection:
        return largest_of_rows(connection, book.rows_id, asked)


@given(
    life=lives,
    days=asked_ranges,
    kinds=st.sampled_from([KINDS, KINDS[:1], KINDS[1:2], KINDS[2:]]),
    limit=st.integers(1, 6),
)
@settings(max_examples=40)
def test_the_largest_are_those_that_sorting_finds(
    database: Database, life: list[Command], days: list[dt.date], kinds: list[Kind], limit: int
) -> None:
    book = Book(database)
    state = live(book, life)
    asked = Asked(days[0], days[1], kinds, limit)
    found = _of_rows(database, book, asked)
    assert _told(found) == _expected(state, asked)
    assert found == largest_of_state(state, asked)
    for line in found:
        for one in line.entries:
            assert one.entry.category_name == state.categories[one.entry.category_id].name
            assert (one.share is None) == (line.amount <= 0)


@given(made=entries_of_a_life, first=few_days, last=few_days, limit=st.integers(1, 6))
@settings(max_examples=60)
def test_equal_ones_are_the_newest_first(
    database: Database,
    made: list[tuple[UUID, dt.date, int]],
    first: dt.date,
    last: dt.date,
    limit: int,
) -> None:
    book = Book(database)

    def work(bracket: Bracket) -> None:
        for command in HOUSEHOLD[:5]:
            bracket.record(command)
        for category_id, date, amount_rials in made:
            bracket.record(
                RecordTransaction(category_id=category_id, amount_rials=amount_rials, date=date)
            )

    book.store.transact(book.ledger_id, "a-test", work)
    state = book.state()
    for asked in (
        Asked(min(first, last), max(first, last), KINDS, limit),
        Asked(DATES[0], LAST_DAY, KINDS, limit),
    ):
        assert _told(_of_rows(database, book, asked)) == _expected(state, asked)


def test_what_left_or_shrank_is_no_longer_among_them(database: Database) -> None:
    book = Book(database)
    live(book, [])
    day = from_jalali(1405, 2, 3)
    ids = [uuid4() for _ in range(3)]
    for entry_id, amount in zip(ids, (700, 800, 900), strict=True):
        book.record(
            RecordTransaction(
                id=entry_id, category_id=CATEGORY_IDS[1], amount_rials=amount, date=day
            )
        )
    asked = Asked(day, day, ("expense",), 2)
    [line] = _of_rows(database, book, asked)
    assert [one.entry.id for one in line.entries] == [ids[2], ids[1]]
    assert [one.share for one in line.entries] == [37.5, 33.3]
    book.record(VoidTransaction(transaction_id=ids[2]))
    book.record(CorrectTransaction(transaction_id=ids[1], amount_rials=100))
    [line] = _of_rows(database, book, asked)
    assert [one.entry.id for one in line.entries] == [ids[0], ids[1]]
    assert line.amount == 800


@pytest.mark.parametrize("limit", [1, 10])
def test_a_long_ledger_is_asked_for_no_more_than_a_short_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """What is fetched is bounded by what is asked for, not by years of entries."""
    fetched: list[int] = []
    every = Connection.all

    def noting(self: Connection, sql: str, **params: object) -> list[dict[str, object]]:
        rows = every(self, sql, **params)
        fetched.append(len(rows))
        return rows

    monkeypatch.setattr(Connection, "all", noting)
    counts = []
    for years in (1, 5):
        book = Book(database)
        _fill(book, years)
        fetched.clear()
        lines = _of_rows(database, book, Asked(DATES[0], LAST_DAY, KINDS, limit))
        assert [len(line.entries) for line in lines] == [0, limit, 0]
        counts.append(list(fetched))
    assert counts[0] == counts[1]
    assert max(counts[0]) <= limit


def test_entries_are_sought_in_their_day_only(sqlite_template: Path) -> None:
    rows, values = as_values([(b"", "2026-11-23", 1)])
    where = {"ledger_id": b"", "limit": 1, **values}
    with sqlite3.connect(sqlite_template) as raw:
        plan = raw.execute(f"EXPLAIN QUERY PLAN {ENTRIES.format(rows=rows)}", where).fetchall()
    [sought] = [line[3] for line in plan if "SEARCH e " in line[3]]
    assert "category_id=? AND is_voided=? AND date=?" in sought


def _fill(book: Book, years: int) -> None:
    def work(bracket: Bracket) -> None:
        for command in HOUSEHOLD[:2]:
            bracket.record(command)
        for number in range(years * 60):
            bracket.record(
                RecordTransaction(
                    category_id=CATEGORY_IDS[1],
                    amount_rials=1000 + number * 37 % 500,
                    date=from_jalali(1400, 1, 1) + 6 * number * ONE_DAY,
                )
            )

    book.store.transact(book.ledger_id, "a-test", work)
