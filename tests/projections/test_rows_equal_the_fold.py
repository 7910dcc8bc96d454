"""The property everything rests on: the rows of a ledger always tell what its fold tells."""

import datetime as dt
from collections.abc import Callable
from functools import reduce
from itertools import count, pairwise
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.base import Command, Event, RecordedEvent, Refusal
from domain.calendar import first_day, last_day, month_number
from domain.creation import Circumstances
from domain.decider import decide, evolve
from domain.ledger import Ledger, LedgerState
from domain.store.codec import digest, first_prev, to_stored
from domain.store.database import Connection, Database
from domain.store.ledgers import Bracket, read_head
from projections.rows import LedgerRows
from projections.sums import KindSums, Wanted, sums_by_category, sums_by_kind, sums_of
from projections.verify import differences, facts_of_rows, facts_of_state
from tests.books import Book
from tests.projections.histories import (
    BUDGET_IDS,
    CATEGORY_IDS,
    DATES,
    DRAFT_IDS,
    GOAL_IDS,
    NAMES,
    RECURRENCE_IDS,
    SHARED_ID,
    TRANSACTION_IDS,
    Asked,
    dates,
    histories,
)


@given(history=histories(), ranges=st.lists(st.tuples(dates, dates), min_size=3, max_size=3))
def test_the_rows_always_equal_the_fold(
    database: Database, history: list[Asked], ranges: list[tuple[dt.date, dt.date]]
) -> None:
    book = Book(database)
    told = book.events()
    for asked in history:
        book.clock.now += dt.timedelta(hours=asked.after_hours)
        told += _asked(book, asked, told)
        assert _differences(book, told) == []
    assert book.events() == told
    _assert_chained(book, told)
    state = _fold(told)
    with database.reading() as connection:
        rows = LedgerRows(connection, read_head(connection, book.ledger_id))
        assert _answers(rows) == _answers(state)
        for start, end in ranges:
            _assert_sums(connection, book, state, start, end)
        _assert_year_is_its_months(connection, book)


def _asked(book: Book, asked: Asked, told: list[RecordedEvent]) -> list[RecordedEvent]:
    """Ask, with every decision made from the rows and from the fold; what is now recorded."""

    def work(bracket: Bracket) -> list[RecordedEvent]:
        state = _fold(told)
        for command in asked.commands:
            from_state = _decision(command, state, bracket.today)
            assert _decision(command, bracket.ledger, bracket.today) == from_state
            try:
                reduce(evolve, bracket.record(command), state)
            except Refusal:
                if asked.is_atomic:
                    raise
        return bracket.recorded

    try:
        recorded = book.store.transact(book.ledger_id, "a-test", work, dry_run=asked.is_dry_run)
    except Refusal:
        return []
    return [] if asked.is_dry_run else recorded


def _decision(command: Command, ledger: Ledger, today: dt.date) -> list[Event] | tuple[object, ...]:
    numbers = count(1)
    try:
        return decide(command, ledger, Circumstances(today, lambda: UUID(int=next(numbers))))
    except Refusal as refusal:
        return (type(refusal), refusal.field, refusal.details)


def _fold(told: list[RecordedEvent]) -> LedgerState:
    return reduce(evolve, told, LedgerState())


def _differences(book: Book, told: list[RecordedEvent]) -> list[object]:
    of_rows = book.database.read(lambda connection: facts_of_rows(connection, book.ledger_id))
    return list(differences(of_rows, facts_of_state(_fold(told))))


def _answers(ledger: Ledger) -> list[object]:
    """Everything a rule may ask of a ledger, asked about everything there is."""
    ids = [
        *CATEGORY_IDS,
        *TRANSACTION_IDS,
        *BUDGET_IDS,
        *GOAL_IDS,
        *RECURRENCE_IDS,
        *DRAFT_IDS,
        SHARED_ID,
    ]
    about_ids: list[Callable[[UUID], object]] = [
        ledger.category,
        ledger.is_category_in_use,
        ledger.transaction,
        ledger.budget,
        ledger.recurrence,
        ledger.draft,
        ledger.open_drafts,
        ledger.goal,
        ledger.goal_for,
        ledger.creation,
    ]
    savings = [i for i in ids if (c := ledger.category(i)) is not None and c.kind == "savings"]
    return [
        ledger.version,
        ledger.totals,
        ledger.saving_policy,
        ledger.oldest_active_savings(),
        *(ask(i) for ask in about_ids for i in ids),
        *(ledger.saved_in(i) for i in savings),
        *(ledger.category_named(name) for name in NAMES),
        *(ledger.balance_up_to(day) for day in DATES),
        *(ledger.due_recurrences(day, limit) for day in DATES for limit in (1, 9)),
        *(
            ledger.budget_for(i, start, end)
            for i in CATEGORY_IDS
            for start in DATES[4:6]
            for end in DATES[5:8]
        ),
    ]


def _assert_chained(book: Book, told: list[RecordedEvent]) -> None:
    """Each event names the digest of the one before; the head names the last."""
    seals = [first_prev(book.ledger_id)]
    for recorded in told:
        stored = to_stored(recorded)
        assert recorded.prev == seals[-1].hex()
        seals.append(digest(book.ledger_id, recorded.version, stored.topic, stored.state))
    assert book.head().digest == seals[-1]
    assert [recorded.version for recorded in told] == list(range(1, len(told) + 1))
    assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(told))


def _assert_sums(
    connection: Connection, book: Book, state: LedgerState, start: dt.date, end: dt.date
) -> None:
    """Sums from totals equal sums over the transactions themselves."""
    expected: dict[UUID, tuple[str, int, int, int]] = {}
    for entry in state.transactions.values():
        if not entry.is_voided and start <= entry.date <= end:
            sign = -1 if entry.direction == "withdraw" else 1
            kind, amount, number, largest = expected.get(entry.category_id, (entry.kind, 0, 0, 0))
            expected[entry.category_id] = (
                kind,
                amount + sign * entry.amount_rials,
                number + 1,
                max(largest, entry.amount_rials if sign > 0 else 0),
            )
    by_category = sums_by_category(connection, book.rows_id, start, end)
    assert {
        found.category_id: (found.kind, found.amount_rials, found.count, found.largest_rials)
        for found in by_category
    } == expected
    assert len(by_category) == len(expected)
    for category_id in (*CATEGORY_IDS, SHARED_ID):
        [found] = sums_of(connection, book.rows_id, [Wanted(category_id, start, end)])
        assert found == expected.get(category_id, ("", 0, 0, 0))[1]
    by_kind = sums_by_kind(connection, book.rows_id, start, end)
    for kind in ("income", "expense", "savings"):
        assert getattr(by_kind, kind) == sum(e[1] for e in expected.values() if e[0] == kind)
    assert by_kind.count == sum(e[2] for e in expected.values())
    assert by_kind.balance == by_kind.income - by_kind.expense - by_kind.savings


def _assert_year_is_its_months(connection: Connection, book: Book) -> None:
    first, last = month_number(1405, 1), month_number(1405, 12)
    year = sums_by_kind(connection, book.rows_id, first_day(first), last_day(last))
    months = [
        sums_by_kind(connection, book.rows_id, first_day(month), last_day(month))
        for month in range(first, last + 1)
    ]
    assert year == KindSums(
        *(sum(getattr(month, field) for month in months) for field in KindSums.__struct_fields__)
    )
    everything = sums_by_kind(connection, book.rows_id, DATES[0], DATES[-1])
    totals = read_head(connection, book.ledger_id).totals
    assert (everything.income, everything.expense, everything.savings, everything.balance) == (
        totals.income,
        totals.expense,
        totals.savings,
        totals.balance,
    )
    assert totals.balance == totals.income - totals.expense - totals.savings
    assert msgspec.structs.asdict(totals) == msgspec.structs.asdict(_fold(book.events()).totals)
