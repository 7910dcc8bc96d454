"""Pictures: a ledger as it stood at one version, whatever it is told while it is read."""

import datetime as dt
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import FIRST_DAY, LAST_DAY
from domain.ledger import LedgerState, Transaction
from domain.store.database import Database
from projections import picture, rebuild
from projections.picture import Picture, entries, take_picture
from projections.sums import CategorySum
from tests.books import Book
from tests.projections.histories import HOUSEHOLD, Asked, histories
from tests.projections.test_changes import live


def taken(book: Book, start: dt.date | None = None, end: dt.date | None = None) -> Picture:
    """A picture of a ledger as it stands."""
    return book.database.read(lambda c: take_picture(c, book.ledger_id, start, end))


@given(history=histories(), moment=st.integers(1, 12), ranges=st.tuples(st.dates(), st.dates()))
def test_what_is_told_meanwhile_is_not_in_the_picture(
    database: Database,
    history: list[Asked],
    moment: int,
    ranges: tuple[dt.date, dt.date],
) -> None:
    book = Book(database)
    for asked in history[:moment]:
        live(asked, book)
    start, end = sorted(min(max(day, FIRST_DAY), LAST_DAY) for day in ranges)
    whole, part = taken(book), taken(book, start, end)
    before = book.state()
    assert before.version == whole.head.version
    for asked in history[moment:]:
        live(asked, book)
    found = list(entries(database, whole))
    assert found == _as_recorded(before)
    assert whole.categories == {c.id: c for c in before.categories.values() if not c.is_removed}
    assert list(entries(database, part)) == [t for t in found if start <= t.date <= end]
    day_before = start - dt.timedelta(days=1)
    assert _amounts(part.before) == _sums(before, FIRST_DAY, day_before)
    assert _amounts(part.within) == _sums(before, start, end)


def _amounts(sums: list[CategorySum]) -> dict[UUID, int]:
    return {one.category_id: one.amount_rials for one in sums}


def _as_recorded(state: LedgerState) -> list[Transaction]:
    return sorted(state.transactions.values(), key=lambda entry: entry.created_version)


def _sums(state: LedgerState, first: dt.date, last: dt.date) -> dict[UUID, int]:
    found = {
        category_id: [amount for day, (amount, _) in days.items() if first <= day <= last]
        for category_id, days in state.days.items()
    }
    return {category_id: sum(amounts) for category_id, amounts in found.items() if amounts}


def test_a_picture_is_read_a_few_versions_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "VERSIONS_AT_ONCE", 3)
    book = Book(database)
    live(Asked(HOUSEHOLD, is_atomic=True, is_dry_run=False), book)
    assert list(entries(database, taken(book))) == _as_recorded(book.state())


def test_a_picture_survives_rows_that_are_built_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "VERSIONS_AT_ONCE", 3)
    monkeypatch.setattr(rebuild, "SMALL", 0)
    monkeypatch.setattr(rebuild, "FEW", 0)
    book = Book(database)
    live(Asked(HOUSEHOLD, is_atomic=True, is_dry_run=False), book)
    before = _as_recorded(book.state())
    found = entries(database, taken(book))
    begun = [next(found), next(found)]
    rows_id = book.rows_id
    database.write(lambda c: c.run("UPDATE day_totals SET count = count + 1"))
    assert not rebuild.rebuild_ledger(database, book.ledger_id).is_right
    assert (book.rows_id != rows_id) == (database.dialect == "sqlite")
    assert [*begun, *found] == before
