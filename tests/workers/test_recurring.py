"""What recurs is recorded by the day's chores: once, whoever does them, and before the savings."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.auto_saving import SetAutoSaving
from domain.base import RecordedEvent
from domain.calendar import from_jalali
from domain.categories import AddCategory, ChangeCategory
from domain.decider import evolve
from domain.ledger import LedgerState
from domain.occurrences import MOST_AT_ONCE, RecordDue, RecurrenceHappened
from domain.recurrences import RemoveRecurrence, ReviseRecurrence, SetRecurrence
from domain.store.chores import wanted_ranges
from domain.store.database import Connection, Database
from domain.store.ledgers import Bracket
from domain.transactions import ExpenseRecorded
from projections.due import _ALL, due_ledgers
from projections.rebuild import rebuild_ledger
from tests.books import Book
from tests.logs import Log
from tests.workers.test_chores import DAY, FOOD, NEST_EGG, PAY, marks, tick, turn_to
from workers import chores
from workers.chores import begin_chores, run_range

FIRST = from_jalali(1405, 8, 1)
RENT = UUID(int=0xE1)


def household(database: Database, **terms: object) -> Book:
    """A ledger in which something recurs, daily for ever unless said, since 1 Aban 1405."""
    book = Book(database)
    turn_to(book, FIRST - DAY)
    book.record(AddCategory(id=PAY, name="حقوق", kind="income"))
    book.record(AddCategory(id=FOOD, name="خوراک", kind="expense"))
    book.record(AddCategory(id=NEST_EGG, name="قلک", kind="savings"))
    said = {"id": RENT, "category_id": FOOD, "amount_rials": 10, "period": "day", "start": FIRST}
    book.record(SetRecurrence(**{**said, **terms}))  # type: ignore[arg-type]
    return book


def happenings(book: Book) -> list[RecordedEvent]:
    """The marks of what recurred; each number and each day is there once."""
    found = [one for one in book.events() if isinstance(one.event, RecurrenceHappened)]
    for key in ("number", "transaction_id"):
        assert len({getattr(one.event, key) for one in found}) == len(found)
    return found


def days(book: Book) -> list[dt.date]:
    """The days on which something was recorded by itself."""
    marked = [one.event.entry.date for one in happenings(book)]  # type: ignore[attr-defined]
    entries = [one.event.date for one in book.events() if isinstance(one.event, ExpenseRecorded)]
    assert marked == entries
    return marked


def test_each_day_is_recorded_by_its_tick_and_dated_its_own(database: Database) -> None:
    book = household(database)
    assert tick(book) == (0, 0)
    for number in range(3):
        turn_to(book, FIRST + number * DAY)
        assert tick(book) == (1, 0)
        assert tick(book) == (0, 0)
    assert days(book) == [FIRST, FIRST + DAY, FIRST + 2 * DAY]
    assert {one.actor for one in happenings(book)} == {"worker:recurring"}
    turn_to(book, FIRST + 400 * DAY)
    assert tick(book) == (1, 0)
    assert days(book) == [FIRST + number * DAY for number in range(401)]
    assert len(days(book)) > 2 * MOST_AT_ONCE
    assert book.differences() == []


def test_what_recurs_is_part_of_what_is_saved(database: Database) -> None:
    book = household(
        database, category_id=PAY, amount_rials=700, period="month", start=from_jalali(1405, 8, 30)
    )
    turn_to(book, FIRST)
    book.record(SetAutoSaving(is_enabled=True, keep_rials=100))
    turn_to(book, from_jalali(1405, 9, 1))
    assert tick(book) == (1, 0)
    assert marks(book) == {140508: 600}


def test_only_what_is_due_is_found(database: Database) -> None:
    due, later, over, gone = (
        household(database),
        household(database, start=FIRST + 9 * DAY),
        household(database, count=1),
        household(database),
    )
    gone.record(RemoveRecurrence(recurrence_id=RENT))
    turn_to(over, FIRST)
    over.record(RecordDue())
    with database.reading() as connection:
        assert list(due_ledgers(connection, FIRST - DAY)) == []
        assert list(due_ledgers(connection, FIRST)) == [due.ledger_id]
        found = set(due_ledgers(connection, FIRST + 9 * DAY))
        assert found == {due.ledger_id, later.ledger_id}


def test_a_set_of_rows_that_nobody_reads_is_not_due(database: Database) -> None:
    book = household(database)
    copy = """
        INSERT INTO recurrences SELECT :other AS ledger_id, id, category_id, direction,
            amount_rials, last_amount_rials, description, period, interval, weekdays, start_date,
            until_date, count, mode, next_number, next_date, done_until, is_removed,
            created_version, version, created_at, updated_at
        FROM recurrences WHERE ledger_id = :ledger_id
    """
    other = UUID(int=0x5E7)
    database.write(lambda c: c.run(copy, other=other, ledger_id=book.rows_id))
    with database.reading() as connection:
        assert list(due_ledgers(connection, FIRST)) == [book.ledger_id]


def test_what_is_due_is_found_by_an_index(database: Database) -> None:
    """However many recur: on a usual day hardly any of them is due."""
    book = household(database)
    crowd = [{"id": UUID(int=number)} for number in range(1, 3000)]
    add = """
        INSERT INTO recurrences SELECT :id AS ledger_id, id, category_id, direction,
            amount_rials, last_amount_rials, description, period, interval, weekdays, start_date,
            until_date, count, mode, next_number, :date, done_until, is_removed,
            created_version, version, created_at, updated_at
        FROM recurrences LIMIT 1
    """
    add = add.replace(":date", "'2030-01-01'")
    add = add if database.dialect == "sqlite" else add.replace("'2030-01-01'", "DATE '2030-01-01'")
    heads = """
        INSERT INTO ledgers (ledger_id, version, digest, recorded_at)
        SELECT :id, version, digest, recorded_at FROM ledgers LIMIT 1
    """
    for sql in (add, heads):
        database.write(lambda c, sql=sql: c.run_many(sql, crowd))  # type: ignore[misc]
    database.write(lambda c: c.run("ANALYZE"))
    plan = database.read(_plan)
    assert "recurrences_by_next_date" in plan, plan
    assert "ledgers_by_rows" in plan, plan
    with database.reading() as connection:
        assert list(due_ledgers(connection, FIRST)) == [book.ledger_id]


def _plan(connection: Connection) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.dialect == "sqlite" else "EXPLAIN"
    rows = connection.all(f"{explain} {_ALL}", today=FIRST, month=140508)
    return "\n".join(str(list(row.values())[-1]) for row in rows)


def test_two_at_one_range_record_each_day_once(database: Database) -> None:
    books = [household(database) for _ in range(12)]
    for book in books:
        turn_to(book, FIRST + 30 * DAY)
    begin_chores(books[0].store)
    [found] = database.read(wanted_ranges)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(run_range, book.store, found.day, 0) for book in books[:4]]
        for run in runs:
            run.result()
    for book in books:
        assert days(book) == [FIRST + number * DAY for number in range(31)]
        assert book.differences() == []


def test_many_who_record_what_is_due_at_once_record_it_once(database: Database) -> None:
    book = household(database)
    turn_to(book, FIRST + 9 * DAY)
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: len(book.record(RecordDue())), range(16)))
    assert sorted(counts) == [0] * 15 + [20]
    assert days(book) == [FIRST + number * DAY for number in range(10)]


def test_what_fails_later_takes_nothing_back(
    database: Database, logged: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_bracket: Bracket) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(chores, "CHORES", (chores.record_due, fail))
    book = household(database)
    turn_to(book, FIRST)
    assert tick(book) == (0, 1)
    assert days(book) == [FIRST]
    assert [line["event"] for line in logged.lines()].count("chores failed") == 1


def test_a_rebuild_records_nothing_again(database: Database) -> None:
    book = household(database, mode="draft")
    turn_to(book, FIRST + 2 * DAY)
    tick(book)
    before = book.events()
    database.write(lambda c: c.run("DELETE FROM recurrences"))
    database.write(lambda c: c.run("UPDATE drafts SET status = 'dismissed'"))
    verdict = rebuild_ledger(database, book.ledger_id)
    assert verdict.wrong == {"recurrences": 1, "drafts": 3}
    assert (tick(book), book.differences()) == ((0, 0), [])
    assert book.events() == before


waits = st.integers(0, 45)
acts = st.sampled_from(["tick", "twice", "retire", "revive", "less", "week", "skip"])


@settings(max_examples=20)
@given(st.lists(st.tuples(waits, acts), max_size=10))
def test_every_day_comes_once_whatever_the_clock_does(
    database: Database, life: list[tuple[int, str]]
) -> None:
    """Of a daily one, days are recorded or held; revised to weeks, it goes on from where it was."""
    book = household(database)
    today = FIRST - DAY
    for wait, act in life:
        today += wait * DAY
        turn_to(book, today)
        _act(book, act)
        state = reduce(evolve, book.events(), LedgerState())
        told = [one.event for one in happenings(book)]
        dates = [mark.entry.date for mark in told]  # type: ignore[attr-defined]
        assert dates == sorted(set(dates))
        held = [d.date for d in state.drafts.values()]
        spent = [t.date for t in state.transactions.values()]
        assert sorted([*held, *spent]) == dates
        if act in ("tick", "twice"):
            [recurrence] = state.recurrences.values()
            assert recurrence.next_date is not None
            assert recurrence.next_date > today
    assert book.differences() == []


def _act(book: Book, act: str) -> None:
    match act:
        case "tick":
            tick_only(book)
        case "twice":
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(tick_only, [book, book]))
        case "retire" | "revive":
            book.record(ChangeCategory(category_id=FOOD, is_active=act == "revive"))
        case "less":
            book.record(ReviseRecurrence(recurrence_id=RENT, amount_rials=5))
        case "week":
            book.record(ReviseRecurrence(recurrence_id=RENT, period="week", start=FIRST))
        case _:
            book.record(RecordDue(recurrence_id=RENT))


def tick_only(book: Book) -> None:
    """The chores of one ledger, all of them."""
    while not book.store.transact(book.ledger_id, chores.ACTOR, chores.do_chores):
        pass
