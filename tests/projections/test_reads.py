"""Every read equals what anybody would count by hand over the transactions."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base import Command
from domain.calendar import first_day, jalali_month, last_day
from domain.ledger import Transaction
from domain.store.database import Connection, Database
from domain.store.ledgers import read_head
from domain.text import fold
from projections.balances import balance_as_of, balance_of
from projections.budgets import Limits, Status, list_budgets, utilisation
from projections.paging import InvalidCursor
from projections.readings import RowsReading
from projections.reports import Changes, category_report, monthly_report, trend, yearly_report
from projections.sums import KindSums
from projections.transactions import (
    SORTS,
    Filter,
    NamedTransaction,
    Sort,
    list_transactions,
    transaction_history,
)
from tests.books import NOON, Book
from tests.projections.counting import counted, live, live_entries, lives
from tests.projections.histories import CATEGORY_IDS, DATES, dates

START, END = dt.date(2026, 11, 22), dt.date(2026, 12, 1)  # ten days
filters = st.builds(
    Filter,
    start=st.none() | dates,
    end=st.none() | dates,
    kind=st.none() | st.sampled_from(["income", "expense", "savings"]),
    category_id=st.none() | st.sampled_from(CATEGORY_IDS),
    min_amount_rials=st.none() | st.sampled_from([1, 40]),
    max_amount_rials=st.none() | st.sampled_from([60, 10**15]),
    text=st.none() | st.sampled_from(["پنیر", "NULL", "%", "_", "\\", "۱۲"]),
    is_voided=st.booleans(),
)


@given(life=lives, wanted=filters, sort=st.sampled_from(SORTS), limit=st.integers(1, 5))
@settings(max_examples=40)
def test_pages_together_are_the_whole_list_in_order(
    database: Database, life: list[Command], wanted: Filter, sort: Sort, limit: int
) -> None:
    book = Book(database)
    state = live(book, life)
    pages: list[NamedTransaction] = []
    cursor = None
    with database.reading() as connection:
        while True:
            page = list_transactions(
                connection, book.head(), wanted, sort=sort, limit=limit, cursor=cursor
            )
            assert len(page.items) <= limit
            pages += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
            assert len(page.items) == limit
    expected = [entry for entry in state.transactions.values() if _matches(entry, wanted)]
    expected.sort(key=lambda entry: _key(entry, sort), reverse=sort.startswith("-"))
    assert [found.id for found in pages] == [entry.id for entry in expected]
    for found in pages:
        assert found.category_name == state.categories[found.category_id].name


def _matches(entry: Transaction, wanted: Filter) -> bool:
    return (
        entry.is_voided == wanted.is_voided
        and (wanted.start or entry.date) <= entry.date <= (wanted.end or entry.date)
        and wanted.kind in (None, entry.kind)
        and wanted.category_id in (None, entry.category_id)
        and (wanted.min_amount_rials or 0) <= entry.amount_rials
        and entry.amount_rials <= (wanted.max_amount_rials or entry.amount_rials)
        and fold(wanted.text or "") in fold(entry.description)
    )


def _key(entry: Transaction, sort: Sort) -> tuple[object, ...]:
    first = {"date": entry.date, "amount": entry.amount_rials, "recorded_at": 0}
    return (first[sort.lstrip("-")], entry.created_version)


@given(life=lives, until=st.sampled_from([140412, 140509, 140512]), count=st.integers(1, 15))
@settings(max_examples=40)
def test_reports_are_what_one_would_count(
    database: Database, life: list[Command], until: int, count: int
) -> None:
    book = Book(database)
    entries = live_entries(live(book, life))
    by_month = {
        month: counted(entry for entry in entries if jalali_month(entry.date) == month)
        for month in range(140301, 140513)
    }
    with database.reading() as connection:
        year, lines = yearly_report(RowsReading(connection, book.rows_id), 1405)
        assert [line.sums for line in lines] == [by_month[140500 + m] for m in range(1, 13)]
        assert year.sums == counted(e for e in entries if jalali_month(e.date) // 100 == 1405)
        assert year.previous == counted(e for e in entries if jalali_month(e.date) // 100 == 1404)
        for month in (1, 9):
            report = monthly_report(RowsReading(connection, book.rows_id), 1405, month)
            assert report.sums == by_month[140500 + month]
            before = 140412 if month == 1 else 140500 + month - 1
            assert report.previous == by_month[before]
            assert report.sums.income == sum(
                line.amount for line in report.categories if line.kind == "income"
            )
        _assert_trend(connection, book, entries, until, count)
        head = read_head(connection, book.ledger_id)
        for day in DATES:
            balance = balance_as_of(RowsReading(connection, book.rows_id), head, day)
            own_sums = counted(entry for entry in entries if entry.date <= day)
            assert (balance.income, balance.balance) == (own_sums.income, own_sums.balance)
        assert balance_of(head) == balance_as_of(
            RowsReading(connection, book.rows_id), head, DATES[-1]
        )


def _assert_trend(
    connection: Connection, book: Book, entries: list[Transaction], until: int, count: int
) -> None:
    lines = trend(RowsReading(connection, book.rows_id), until, count)
    assert len(lines) == count
    assert lines[-1].jalali_month == until
    for line in lines:
        month = line.jalali_month
        assert line.sums == counted(e for e in entries if jalali_month(e.date) == month)
        upto = counted(e for e in entries if e.date <= last_day(month))
        assert line.cumulative_balance == upto.balance


@given(life=lives, start=dates, end=dates)
@settings(max_examples=40)
def test_category_lines_and_budgets_are_what_one_would_count(
    database: Database, life: list[Command], start: dt.date, end: dt.date
) -> None:
    book = Book(database)
    state = live(book, life)
    entries = live_entries(state)
    with database.reading() as connection:
        for line in category_report(RowsReading(connection, book.rows_id), start, end):
            own = [
                e for e in entries if e.category_id == line.category_id and start <= e.date <= end
            ]
            own_sums = counted(own)
            assert line.amount == own_sums.income + own_sums.expense + own_sums.savings
            assert line.count == own_sums.count
            assert line.name == state.categories[line.category_id].name
            incoming = [e.amount_rials for e in own if e.direction != "withdraw"]
            assert line.largest == max(incoming, default=0)
        page = list_budgets(RowsReading(connection, book.rows_id), today=NOON.date(), limit=200)
        present = [budget for budget in state.budgets.values() if not budget.is_removed]
        assert [found.budget for found in page.items] == present
        for found in page.items:
            budget = found.budget
            own_sums = counted(
                e
                for e in entries
                if e.category_id == budget.category_id
                and found.period.start <= e.date <= found.period.end
            )
            used = own_sums.income + own_sums.expense + own_sums.savings
            assert found.utilisation == utilisation(found.period, used, NOON.date())


def test_a_history_has_every_event_of_one_entry(database: Database) -> None:
    book = Book(database)
    state = live(book, [])
    for entry in state.transactions.values():
        with database.reading() as connection:
            found = transaction_history(connection, book.head(), entry.id, after=0, limit=1000)
        assert len(found) == 1


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!", "bnVsbA", "W10", "WyItZGF0ZSJd", "۱۲", "a" * 999]
)
def test_a_cursor_that_no_page_gave_out_is_invalid(database: Database, cursor: str) -> None:
    book = Book(database)
    with database.reading() as connection, pytest.raises(InvalidCursor):
        list_transactions(connection, book.head(), Filter(), sort="-date", limit=5, cursor=cursor)


@pytest.mark.parametrize(
    ("least", "most", "used", "today", "status"),
    [
        (None, 1000, 0, "2026-11-21", "not_started"),
        (None, 1000, 2000, "2026-11-21", "not_started"),
        (None, 1000, 799, "2026-11-22", "on_track"),
        (None, 1000, 800, "2026-11-22", "near_limit"),
        (None, 1000, 1000, "2026-12-01", "near_limit"),
        (None, 1000, 1001, "2026-12-01", "over_limit"),
        (None, 1000, 1001, "2026-12-02", "ended_over"),
        (None, 1000, 1000, "2026-12-02", "ended_ok"),
        (100, 1000, 9, "2026-11-22", "under_minimum"),
        (100, 1000, 10, "2026-11-22", "on_track"),
        (100, 1000, 49, "2026-11-26", "under_minimum"),
        (100, 1000, 50, "2026-11-26", "on_track"),
        (100, None, 99, "2026-12-01", "under_minimum"),
        (100, None, 100_000, "2026-12-01", "on_track"),
        (100, None, 99, "2026-12-02", "ended_under"),
        (100, None, 100, "2026-12-02", "ended_ok"),
        (None, 1000, -50, "2026-11-25", "on_track"),
        (None, 1000, -50, "2026-12-02", "ended_ok"),
        (1, 1000, -50, "2026-12-02", "ended_under"),
    ],
)
def test_a_budgets_status(
    least: int | None, most: int | None, used: int, today: str, status: Status
) -> None:
    limits = Limits(1, START, END, 0, least, most)
    found = utilisation(limits, used, dt.date.fromisoformat(today))
    assert found.status == status
    assert found.used == used
    assert found.remaining == (None if most is None else most - used)
    assert found.min_met == (None if least is None else used >= least)


def test_a_month_of_the_first_year_has_nothing_before_it(database: Database) -> None:
    book = Book(database)
    with database.reading() as connection:
        assert monthly_report(RowsReading(connection, book.rows_id), 1300, 1).previous is None
        assert monthly_report(RowsReading(connection, book.rows_id), 1300, 2).previous == KindSums()
        year, lines = yearly_report(RowsReading(connection, book.rows_id), 1300)
        assert (year.previous, len(lines)) == (None, 12)
        assert year.change == Changes(None, None, None, None)
        assert yearly_report(RowsReading(connection, book.rows_id), 1500)[0].days == 365
        assert trend(RowsReading(connection, book.rows_id), 130001, 12)[0].jalali_month == 130001
    assert first_day(130001) == DATES[0]
