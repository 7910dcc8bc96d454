"""The past is told by events as it was told by rows when it was now."""

import datetime as dt
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base import Refusal
from domain.ledger import LedgerState
from domain.store.database import Connection, Database
from domain.store.ledgers import Bracket, LedgerMissing, read_head
from projections import past as pasts
from projections.balances import Balance, balance_of
from projections.past import Past, Pasts, past_at, version_at
from projections.readings import Reading, RowsReading
from projections.sums import Wanted
from tests.books import NOON, Book
from tests.projections.histories import CATEGORY_IDS, DATES, Asked, dates, histories

ranges = st.lists(st.tuples(dates, dates), min_size=3, max_size=3)
Told = dict[str, object]


@given(history=histories(), stretches=ranges)
@settings(max_examples=40)
def test_the_past_tells_what_the_rows_told(
    database: Database, history: list[Asked], stretches: list[tuple[dt.date, dt.date]]
) -> None:
    book = Book(database)
    told: dict[int, tuple[Told, Balance]] = {}
    for asked in history:
        book.clock.now += dt.timedelta(hours=asked.after_hours)
        _ask(book, asked)
        with database.reading() as connection:
            head = read_head(connection, book.ledger_id)
            reading = RowsReading(connection, head.rows_id)
            told[head.version] = (_told(reading, stretches), balance_of(head))
    with database.reading() as connection:
        for version, (then, balance) in told.items():
            past = past_at(connection, book.ledger_id, version)
            assert _told(past, stretches) == then
            assert balance_of(past) == balance
        _assert_instants(connection, book)


def _ask(book: Book, asked: Asked) -> None:
    def work(bracket: Bracket) -> None:
        for command in asked.commands:
            try:
                bracket.record(command)
            except Refusal:
                if asked.is_atomic:
                    raise

    try:
        book.store.transact(book.ledger_id, "a-test", work, dry_run=asked.is_dry_run)
    except Refusal:
        pass


def _told(reading: Reading, stretches: list[tuple[dt.date, dt.date]]) -> Told:
    """Everything that a reading is asked for, in an order of its own."""
    told: Told = {
        "months": reading.by_month(0, 999_999),
        "some months": reading.by_month(140401, 140508),
        "budgets": reading.budgets(after=0, limit=9),
        "two budgets": reading.budgets(after=2, limit=2),
        "of one": [reading.budgets(one, after=0, limit=9) for one in CATEGORY_IDS],
        "of a day": [reading.budgets(active_on=day, after=0, limit=9) for day in DATES],
        "kinds": reading.kinds(),
        "drafts": reading.open_drafts(DATES[0], DATES[-1]),
        "drafts of a day": [reading.open_drafts(day, day) for day in DATES],
        "none": reading.sums_of([]),
    }
    for start, end in stretches:
        wanted = [Wanted(category_id, start, end) for category_id in CATEGORY_IDS]
        told[f"{start} {end}"] = (
            sorted(reading.by_category(start, end), key=lambda found: found.category_id),
            reading.by_kind(start, end),
            reading.by_day(start, end),
            reading.sums_of(wanted),
        )
    return told


def _assert_instants(connection: Connection, book: Book) -> None:
    """An instant's version is the last one recorded by then."""
    events = book.events()
    head = read_head(connection, book.ledger_id)
    moment = dt.timedelta(microseconds=1)
    for before, event in pairwise(events):
        later = [one.version for one in events if one.recorded_at == event.recorded_at]
        assert version_at(connection, head, event.recorded_at) == later[-1]
        if before.recorded_at < event.recorded_at:
            assert version_at(connection, head, event.recorded_at - moment) == before.version
    assert version_at(connection, head, NOON) == 1
    assert version_at(connection, head, NOON - moment) == 0
    assert version_at(connection, head, dt.datetime.max.replace(tzinfo=dt.UTC)) == head.version


def test_before_the_beginning_there_is_nothing(database: Database) -> None:
    book = Book(database)
    with database.reading() as connection:
        past = past_at(connection, book.ledger_id, 0)
    assert balance_of(past) == Balance(0, 0, 0, 0)
    assert past.by_category(DATES[0], DATES[-1]) == []
    assert past.size == 0


def test_events_that_are_gone_are_not_told_in_part(database: Database) -> None:
    book = Book(database)
    with database.reading() as connection, pytest.raises(LedgerMissing):
        past_at(connection, book.ledger_id, 2)


class TestPasts:
    """Little is kept, and not for long."""

    def test_what_was_kept_is_recalled(self) -> None:
        kept, one = Pasts(), _past(1)
        kept.keep(UUID(int=1), one)
        assert kept.recall(UUID(int=1), 1) is one
        assert kept.recall(UUID(int=1), 2) is None
        assert kept.recall(UUID(int=2), 1) is None

    def test_what_was_kept_longest_makes_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pasts, "MOST_PASTS", 3)
        kept = Pasts()
        for version in (1, 2, 3, 1, 4):
            kept.keep(UUID(int=1), _past(version))
        assert [version for version in range(6) if kept.recall(UUID(int=1), version)] == [1, 3, 4]

    def test_large_ones_make_room_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pasts, "MOST_DAYS", 10)
        kept = Pasts()
        for version, days in ((1, 4), (2, 6), (3, 5), (4, 11)):
            kept.keep(UUID(int=version), _past(version, days))
            assert (kept.recall(UUID(int=1), 1) is not None) == (version <= 2)
        assert [v for v in range(1, 5) if kept.recall(UUID(int=v), v)] == []
        kept.keep(UUID(int=5), _past(5, 10))
        assert kept.recall(UUID(int=5), 5)

    def test_they_are_forgotten_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kept = Pasts()
        kept.keep(UUID(int=1), _past(1))
        monkeypatch.setattr(pasts, "KEPT_SECONDS", -1)
        assert kept.recall(UUID(int=1), 1) is None


def _past(version: int, days: int = 1) -> Past:
    state = LedgerState()
    state.version = version
    past = Past(state)
    past.size = days
    return past
