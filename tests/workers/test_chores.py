"""Chores: whatever the clock does, and however often, each month is saved once."""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import make_url

from domain.auto_saving import AutoSavingDone, SetAutoSaving
from domain.calendar import add_months, from_jalali, jalali_month, last_day
from domain.categories import AddCategory
from domain.recurrences import SetRecurrence
from domain.refusals import TotalTooLarge
from domain.savings import SurplusSaved
from domain.store import chores as rounds
from domain.store.chores import wanted_ranges
from domain.store.database import Connection, Database, StoreUnavailable
from domain.store.erasure import erase
from domain.store.ledgers import Bracket
from domain.store.notices import list_notices
from domain.store.queue import known_tasks
from domain.transactions import CorrectTransaction, RecordTransaction, VoidTransaction
from projections.due import due_between, due_ledgers
from tests.books import NOON, Book
from tests.conftest import DIALECTS
from tests.logs import Log
from tests.servers import flush
from workers import chores
from workers.chores import begin_chores, run_range
from workers.sweep import YOUNG, sweep

PAY, FOOD, NEST_EGG = UUID(int=0xC1), UUID(int=0xC2), UUID(int=0xC3)
ALL: Final = (UUID(int=0), UUID(int=2**128 - 1))
DAY: Final = dt.timedelta(days=1)
FIRST_OF_AZAR: Final = from_jalali(1405, 9, 1)


@pytest.fixture
def connection(valkey_url: str) -> Iterator[Redis]:
    """An empty job queue."""
    with Redis.from_url(valkey_url) as client:
        yield client


def household(database: Database, *, keep_rials: int = 0, income: int = 1000) -> Book:
    """A ledger with an income in Aban 1405, and a policy since then."""
    book = Book(database)
    turn_to(book, from_jalali(1405, 8, 5))
    book.record(AddCategory(id=PAY, name="حقوق", kind="income"))
    book.record(AddCategory(id=FOOD, name="خوراک", kind="expense"))
    book.record(AddCategory(id=NEST_EGG, name="قلک", kind="savings"))
    book.record(RecordTransaction(category_id=PAY, amount_rials=income))
    book.record(SetAutoSaving(is_enabled=True, keep_rials=keep_rials))
    turn_to(book, FIRST_OF_AZAR)
    return book


def turn_to(book: Book, day: dt.date) -> None:
    """Make it noon of a day."""
    book.clock.now = dt.datetime.combine(day, NOON.timetz())


def tick(book: Book) -> tuple[int, int]:
    """All of a day's chores; how many ledgers were done, and how many not."""
    begin_chores(book.store)
    done = failed = 0
    for found in book.database.read(wanted_ranges):
        of_range = run_range(book.store, found.day, found.number)
        done, failed = done + of_range[0], failed + of_range[1]
    return done, failed


def marks(book: Book) -> dict[int, int]:
    """The months that were done, and what was saved in each; every one is there once."""
    found = [e.event for e in book.events() if isinstance(e.event, AutoSavingDone)]
    assert len({mark.month for mark in found}) == len(found)
    return {mark.month: mark.amount_rials for mark in found}


def deposits(book: Book) -> list[tuple[dt.date, int]]:
    """When what was saved."""
    saved = [e.event for e in book.events() if isinstance(e.event, SurplusSaved)]
    return [(event.date, event.amount_rials) for event in saved]


def test_a_month_that_has_ended_is_saved_once_however_often_one_asks(database: Database) -> None:
    book = household(database, keep_rials=300)
    assert tick(book) == (1, 0)
    assert tick(book) == (0, 0)
    turn_to(book, FIRST_OF_AZAR + DAY)
    assert tick(book) == (0, 0)
    assert marks(book) == {140508: 700}
    assert deposits(book) == [(FIRST_OF_AZAR - DAY, 700)]
    assert {e.actor for e in book.events()[-2:]} == {"worker:auto-saving"}
    assert book.differences() == []


def test_its_person_is_told_of_each_month_that_had_a_surplus(database: Database) -> None:
    book = household(database)
    turn_to(book, from_jalali(1405, 11, 1))
    tick(book)
    assert list(marks(book).values()) == [1000, 0, 0]
    [notice] = database.read(lambda c: list_notices(c, book.ledger_id, None, 50, unread=False))
    deposit = next(e.event for e in book.events() if isinstance(e.event, SurplusSaved))
    assert notice.kind == "surplus_saved"
    assert notice.data == {
        "transaction_id": str(deposit.transaction_id),
        "amount": 1000,
        "month": "1405-08",
    }


def test_its_person_is_told_once_of_all_that_is_held_for_them(database: Database) -> None:
    book = household(database, income=1)
    bread = SetRecurrence(
        category_id=FOOD,
        amount_rials=500,
        period="day",
        start=FIRST_OF_AZAR + DAY,
        mode="draft",
    )
    for _ in range(2):
        book.record(bread)
    turn_to(book, FIRST_OF_AZAR + 3 * DAY)
    for _ in range(2):
        tick(book)
    found = database.read(lambda c: list_notices(c, book.ledger_id, None, 50, unread=False))
    [notice] = [notice for notice in found if notice.kind == "draft_waiting"]
    del notice.data["draft_id"]
    assert notice.data == {"count": 6, "category": "خوراک", "amount": 500, "date": "1405-09-02"}


def test_years_that_nobody_looked_are_saved_month_by_month(database: Database) -> None:
    book = household(database)
    turn_to(book, from_jalali(1409, 1, 20))
    assert tick(book) == (1, 0)
    months = [add_months(140508, n) for n in range(41)]
    assert len(months) > chores.MOST_MONTHS
    assert list(marks(book)) == months
    assert deposits(book) == [(FIRST_OF_AZAR - DAY, 1000)]


def test_only_what_is_due_is_found_by_its_own_id(database: Database) -> None:
    due = [household(database) for _ in range(3)]
    later = household(database)
    turn_to(later, FIRST_OF_AZAR)
    tick_only(later)
    Book(database)
    expected = sorted(book.ledger_id for book in due)
    with database.reading() as connection:
        assert list(due_ledgers(connection, FIRST_OF_AZAR)) == expected
        assert due_between(connection, *ALL, FIRST_OF_AZAR) == expected
        assert due_between(connection, expected[0], expected[1], FIRST_OF_AZAR) == expected[1:2]
        assert list(due_ledgers(connection, FIRST_OF_AZAR - DAY)) == []


def tick_only(book: Book) -> None:
    """The chores of one ledger."""
    book.store.transact(book.ledger_id, "worker:chores", chores.do_chores)


def test_what_is_due_is_found_by_an_index(database: Database) -> None:
    """However many policies there are: on most days none of them is due."""
    book = household(database)
    crowd = [{"id": uuid4(), "month": 140509} for _ in range(3000)]
    add = """
        INSERT INTO saving_policies (ledger_id, version, is_enabled, keep_rials, next_month)
        VALUES (:id, 2, TRUE, 0, :month)
    """
    heads = """
        INSERT INTO ledgers (ledger_id, version, digest, recorded_at)
        SELECT :id, version, digest, recorded_at FROM ledgers LIMIT 1
    """
    for sql in (add, heads):
        database.write(lambda c, sql=sql: c.run_many(sql, crowd))  # type: ignore[misc]
    database.write(lambda c: c.run("ANALYZE"))
    plan = database.read(_plan)
    assert "saving_policies_by_next_month" in plan, plan
    assert "ledgers_by_rows" in plan, plan
    with database.reading() as connection:
        assert list(due_ledgers(connection, FIRST_OF_AZAR)) == [book.ledger_id]


def _plan(connection: Connection) -> str:
    from projections.due import _ALL

    explain = "EXPLAIN QUERY PLAN" if connection.dialect == "sqlite" else "EXPLAIN"
    params = {"today": FIRST_OF_AZAR, "month": jalali_month(FIRST_OF_AZAR)}
    rows = connection.all(f"{explain} {_ALL}", **params)
    return "\n".join(str(list(row.values())[-1]) for row in rows)


def test_a_ledger_that_fails_holds_up_no_other_and_waits_for_tomorrow(
    database: Database, logged: Log
) -> None:
    books = sorted((household(database) for _ in range(3)), key=lambda book: book.ledger_id)
    ill = books[1]
    spoil = "UPDATE ledgers SET version = version + :by WHERE ledger_id = :ledger_id"
    database.write(lambda c: c.run(spoil, by=-1, ledger_id=ill.ledger_id))
    assert tick(ill) == (2, 1)
    assert [marks(book) for book in books] == [{140508: 1000}, {}, {140508: 1000}]
    told = [line for line in logged.lines() if line["event"] == "chores failed"]
    assert [line["ledger_id"] for line in told] == [str(ill.ledger_id)]
    assert tick(ill) == (0, 0)
    database.write(lambda c: c.run(spoil, by=1, ledger_id=ill.ledger_id))
    assert tick(ill) == (0, 0)
    [told_of] = database.read(lambda c: rounds.rounds(c, 9))
    assert (told_of.due, told_of.done, told_of.failed, told_of.left) == (3, 2, 1, 0)
    turn_to(ill, FIRST_OF_AZAR + DAY)
    assert tick(ill) == (1, 0)
    assert marks(ill) == {140508: 1000}


@pytest.mark.parametrize("database_url", DIALECTS[1:], indirect=True)
def test_a_ledger_that_somebody_locks_holds_up_no_other_and_is_tried_again(
    database: Database, database_url: str
) -> None:
    books = sorted((household(database) for _ in range(12)), key=lambda book: book.ledger_id)
    first, *others = books
    begin_chores(first.store)
    [found] = database.read(wanted_ranges)
    url = make_url(database_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as other:
        lock = "SELECT 1 FROM ledgers WHERE ledger_id = %s FOR UPDATE"
        other.execute(lock, [first.ledger_id])
        with pytest.raises(StoreUnavailable):
            run_range(first.store, found.day, 0)
        assert [marks(book) for book in others] == [{140508: 1000}] * 11
        assert marks(first) == {}
    assert tick(first) == (1, 0)
    assert marks(first) == {140508: 1000}
    [told_of] = database.read(lambda c: rounds.rounds(c, 9))
    assert (told_of.due, told_of.done, told_of.failed, told_of.left) == (12, 12, 0, 0)


def test_two_at_one_range_save_each_month_once(database: Database) -> None:
    books = [household(database) for _ in range(20)]
    begin_chores(books[0].store)
    [found] = database.read(wanted_ranges)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(run_range, book.store, found.day, 0) for book in books[:4]]
        for run in runs:
            run.result()
    assert [marks(book) for book in books] == [{140508: 1000}] * 20
    assert database.read(wanted_ranges) == []


def test_two_that_begin_a_day_at_once_begin_it_once(database: Database) -> None:
    books = [household(database) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        tasks = list(pool.map(lambda book: begin_chores(book.store), books))
    assert all(found == tasks[0] for found in tasks)
    assert [task.id for task in tasks[0]] == ["chores-2026-11-22-0"]


def test_many_are_done_in_ranges(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "RANGE_LEDGERS", 2)
    books = [household(database) for _ in range(5)]
    tasks = begin_chores(books[0].store)
    assert [task.arguments for task in tasks] == [("2026-11-22", str(n)) for n in range(3)]
    ids = sorted(book.ledger_id for book in books)
    found = database.read(wanted_ranges)
    assert [one.until for one in found] == [ids[1], ids[3], ids[4]]
    assert [one.after.int + 1 for one in found] == [one.int for one in ids[::2]]
    assert run_range(books[0].store, found[2].day, 2) == (1, 0)
    assert len(begin_chores(books[0].store)) == 2
    assert tick(books[0]) == (4, 0)
    assert {str(marks(book)) for book in books} == {"{140508: 1000}"}


def test_a_ledger_that_was_erased_meanwhile_is_nobodys(database: Database) -> None:
    book, gone = household(database), household(database)
    begin_chores(book.store)
    [found] = database.read(wanted_ranges)

    def and_erase(*args: Any) -> list[UUID]:
        ids = due_between(*args)
        database.write(lambda c: erase(c, gone.ledger_id, NOON))
        return ids

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chores, "due_between", and_erase)
        assert run_range(book.store, found.day, 0) == (2, 0)
    assert marks(book) == {140508: 1000}


def test_a_new_day_takes_over_what_is_left_of_the_day_before(database: Database) -> None:
    book = household(database)
    begin_chores(book.store)
    [old] = database.read(wanted_ranges)
    turn_to(book, FIRST_OF_AZAR + DAY)
    begin_chores(book.store)
    assert [one.day - old.day for one in database.read(wanted_ranges)] == [DAY]
    assert run_range(book.store, old.day, 0) == (0, 0)
    assert tick(book) == (1, 0)


def test_rounds_are_forgotten_after_a_month(database: Database) -> None:
    book = household(database)
    for days in (0, 1, 31):
        turn_to(book, FIRST_OF_AZAR + days * DAY)
        tick(book)
    told = database.read(lambda c: rounds.rounds(c, 9))
    assert [one.day - FIRST_OF_AZAR for one in told] == [31 * DAY, DAY]
    assert book.count("chore_ranges") == 1


def test_what_redis_forgot_is_handed_out_again(
    database: Database, connection: Redis, valkey_url: str
) -> None:
    book = household(database)
    begin_chores(book.store)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    for _ in range(2):
        assert "chores-2026-11-22-0" in swept(database, connection, later)
        flush(valkey_url)
    # A worker that has begun with it, and died: its task is known to Redis for minutes.
    [found] = database.read(wanted_ranges)
    began = msgspec.structs.replace(found, updated_at=later)
    assert database.write(lambda c: rounds.advance(c, found, began))
    swept(database, connection, later)
    half_a_minute = later + YOUNG + rounds.STALLED
    again = f"chores-2026-11-22-0-{int(later.timestamp())}"
    assert again not in swept(database, connection, half_a_minute)
    assert again in swept(database, connection, half_a_minute + dt.timedelta(microseconds=1))
    tick(book)
    assert "chores-2026-11-22-0" not in swept(database, connection, later)


def swept(database: Database, connection: Redis, now: dt.datetime) -> set[str]:
    """What is known to Redis after a sweep."""
    sweep(database, connection, now)
    return known_tasks(connection)


def test_a_day_that_the_schedule_forgot_is_begun_by_the_sweep(
    database: Database, connection: Redis
) -> None:
    book = household(database)
    midnight = dt.datetime.combine(FIRST_OF_AZAR, dt.time(), dt.timezone(dt.timedelta(hours=3.5)))
    noon = midnight + dt.timedelta(hours=12)
    assert sweep(database, connection, noon) == 0, "nothing was ever begun here"
    begin_chores(book.store)
    tick(book)
    assert sweep(database, connection, midnight + DAY + dt.timedelta(minutes=5)) == 0
    late = midnight + DAY + dt.timedelta(minutes=6)
    assert swept(database, connection, late) == {"chores-2026-11-23"}


def test_a_bracket_that_leaves_some_is_followed_by_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what comes later in the list waits until what comes first has nothing left."""
    book = household(database)
    told: list[str] = []

    def twice(_bracket: Bracket) -> bool:
        told.append("first")
        return len(told) > 1

    def then(_bracket: Bracket) -> bool:
        told.append("then")
        return True

    monkeypatch.setattr(chores, "CHORES", (twice, then))
    assert tick(book) == (1, 0)
    assert told == ["first", "first", "then"]


def test_what_is_refused_is_told_by_its_code_and_takes_all_of_it_back(
    database: Database, logged: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, other = household(database), household(database)

    def refused(bracket: Bracket) -> bool:
        if bracket.ledger_id == book.ledger_id:
            raise TotalTooLarge("amount", secret="حقوق")
        return True

    monkeypatch.setattr(chores, "CHORES", (chores.save_months, refused))
    assert tick(book) == (1, 1)
    [line] = [line for line in logged.lines() if line["event"] == "chores refused"]
    assert (line["ledger_id"], line["problem"]) == (str(book.ledger_id), "total_too_large")
    assert "حقوق" not in str(line)
    assert (marks(book), marks(other)) == ({}, {140508: 1000})
    assert book.differences() == []


class Model:
    """What should have been saved: days and amounts, and a month at a time."""

    def __init__(self) -> None:
        self.entries: dict[UUID, tuple[dt.date, int]] = {}
        self.saved: dict[int, int] = {}
        self.from_month: int | None = None
        self.keep = 0

    def set(self, today: dt.date, *, is_enabled: bool, keep: int) -> None:
        """A person sets the policy."""
        begun = self.from_month or jalali_month(today)
        self.from_month, self.keep = begun if is_enabled else None, keep

    def tick(self, today: dt.date) -> None:
        """The clock looks."""
        if self.from_month is None:
            return
        month = max([self.from_month, *(add_months(done, 1) for done in self.saved)])
        while month < jalali_month(today):
            self.saved[month] = max(0, self._left(last_day(month)) - self.keep)
            month = add_months(month, 1)

    def _left(self, day: dt.date) -> int:
        put_aside = [(last_day(month), amount) for month, amount in self.saved.items()]
        moved = [*self.entries.values(), *((on, -amount) for on, amount in put_aside)]
        return min(sum(a for on, a in moved if on <= day), sum(a for _, a in moved))


Act = Callable[[Book, Model], None]


def _today(book: Book) -> dt.date:
    return book.clock.now.date()


def _pass(days: int) -> Act:
    def act(book: Book, _model: Model) -> None:
        turn_to(book, _today(book) + days * DAY)

    return act


def _tick(book: Book, model: Model) -> None:
    _done, failed = tick(book)
    assert failed == 0
    tick_only(book)
    model.tick(_today(book))


def _set(is_enabled: bool, keep: int) -> Act:
    def act(book: Book, model: Model) -> None:
        book.record(SetAutoSaving(is_enabled=is_enabled, keep_rials=keep))
        model.set(_today(book), is_enabled=is_enabled, keep=keep)

    return act


def _enter(is_income: bool, amount: int, days: int) -> Act:
    def act(book: Book, model: Model) -> None:
        own, on = uuid4(), _today(book) + days * DAY
        category = PAY if is_income else FOOD
        command = RecordTransaction(id=own, category_id=category, amount_rials=amount, date=on)
        book.record(command)
        model.entries[own] = (on, amount if is_income else -amount)

    return act


def _void(number: int) -> Act:
    def act(book: Book, model: Model) -> None:
        if model.entries:
            own = sorted(model.entries)[number % len(model.entries)]
            book.record(VoidTransaction(transaction_id=own))
            del model.entries[own]

    return act


def _correct(number: int, amount: int) -> Act:
    def act(book: Book, model: Model) -> None:
        if model.entries:
            own = sorted(model.entries)[number % len(model.entries)]
            book.record(CorrectTransaction(transaction_id=own, amount_rials=amount))
            on, before = model.entries[own]
            model.entries[own] = (on, amount if before > 0 else -amount)

    return act


amounts = st.integers(1, 1000)
acts = st.one_of(
    st.builds(_pass, st.sampled_from([1, 5, 29, 31, 100])),
    # Now and then a clock goes back.
    st.builds(_pass, st.sampled_from([3, 40, -1, -35])),
    st.just(_tick),
    st.builds(_set, st.sampled_from([True, True, False]), st.sampled_from([0, 0, 100, 5000])),
    st.builds(_enter, st.booleans(), amounts, st.sampled_from([-70, -31, -5, 0, 0, 3, 40])),
    st.builds(_void, st.integers(0, 9)),
    st.builds(_correct, st.integers(0, 9), amounts),
)


@given(life=st.lists(acts, min_size=5, max_size=25))
@settings(max_examples=60)
def test_every_month_is_saved_once_and_what_a_plain_model_says(
    database: Database, life: list[Act]
) -> None:
    # Of the lives before this one, which begin again in the same year.
    for table in ("chore_rounds", "chore_ranges", "saving_policies"):
        database.write(lambda c, table=table: c.run(f"DELETE FROM {table}"))  # type: ignore[misc]
    book, model = Book(database), Model()
    turn_to(book, from_jalali(1404, 10, 20))
    for category_id, name, kind in ((PAY, "حقوق", "income"), (FOOD, "خوراک", "expense")):
        book.record(AddCategory(id=category_id, name=name, kind=kind))  # type: ignore[arg-type]
    for act in life:
        act(book, model)
    _tick(book, model)
    assert marks(book) == model.saved
    assert deposits(book) == [
        (last_day(month), amount) for month, amount in model.saved.items() if amount
    ]
    assert book.differences() == []
