"""Following: every event is acted on once, whatever dies, waits, or cannot be read."""

import datetime as dt
import time
from uuid import UUID, uuid4

import pytest

from domain.budgets import SetBudget
from domain.categories import AddCategory
from domain.store.database import Connection, Database, StoreUnavailable
from domain.store.erasure import erase
from domain.store.following import begin_following, ledgers_ahead, next_ledgers_ahead, seen_of
from domain.store.ledgers import read_head
from domain.store.queue import Task
from domain.transactions import RecordTransaction
from tests.books import NOON, Book
from tests.logs import Log
from workers import follow, following
from workers.follow import Look
from workers.following import Act, Following, News

TODAY = dt.date(2026, 11, 23)
YESTERDAY = dt.date(2026, 11, 22)
TASK = Task("one", "nothing", (), 1)


class Diary:
    """A follower that writes down what it hears, where a transaction that fails takes it back."""

    def __init__(self) -> None:
        self.heard: list[tuple[UUID, int]] = []
        self.days: list[tuple[dt.date, dt.date]] = []
        self.broken: UUID | None = None

    def __call__(self, _reading: Connection, news: News) -> Act:
        """Hear the news; break at one ledger's."""
        if news.head.ledger_id == self.broken:
            raise ZeroDivisionError
        return lambda _writing: self._write(news)

    def _write(self, news: News) -> list[Task]:
        ledger_id = news.head.ledger_id
        self.heard += [(ledger_id, event.version) for event in news.events]
        self.days.append((news.seen_day, news.over_day))
        return [TASK]

    def versions(self, book: Book) -> list[int]:
        """What was heard of one ledger."""
        return [version for ledger_id, version in self.heard if ledger_id == book.ledger_id]


class Reader:
    """Follows a database with a diary."""

    def __init__(self, database: Database) -> None:
        self.diary = Diary()
        self.tasks: list[Task] = []
        self.now = NOON
        self.following = Following(database, self.tasks.append, [self.diary], lambda: self.now)
        self.look = Look(database, self.following)


@pytest.fixture
def reader(database: Database) -> Reader:
    """Somebody who has not looked yet."""
    return Reader(database)


@pytest.fixture
def book(database: Database) -> Book:
    """A ledger of two events and a budget."""
    return with_budget(Book(database))


def with_budget(book: Book) -> Book:
    """The same book, its second event a category and its third a budget of it."""
    category_id = uuid4()
    book.record(AddCategory(id=category_id, name="نان", kind="expense"))
    book.record(
        SetBudget(category_id=category_id, max_amount_rials=100, start=TODAY, end=dt.date.max)
    )
    return book


def spend(book: Book, count: int = 1) -> None:
    """Record expenses."""
    category = next(iter(book.state().categories))
    for _ in range(count):
        book.record(RecordTransaction(category_id=category, amount_rials=1, date=TODAY))


def test_a_ledger_is_followed_from_its_first_budget(reader: Reader, book: Book) -> None:
    spend(book, 2)
    reader.look()
    assert reader.diary.versions(book) == [3, 4, 5]
    assert reader.tasks == [TASK]
    spend(book)
    reader.look()
    reader.look()
    assert reader.diary.versions(book) == [3, 4, 5, 6]


def test_a_ledger_that_nothing_is_said_about_is_left_alone(
    reader: Reader, database: Database
) -> None:
    plain = Book(database)
    plain.record(AddCategory(name="نان", kind="expense"))
    reader.look()
    assert (reader.diary.heard, plain.count("followed")) == ([], 0)


def test_one_may_ask_for_a_ledger_to_be_followed(reader: Reader, database: Database) -> None:
    plain = Book(database)
    for _ in range(2):
        head = plain.head()
        seen = database.write(lambda c, head=head: begin_following(c, head, YESTERDAY))  # type: ignore[misc]
        assert (seen.version, seen.day) == (1, YESTERDAY)
        plain.record(AddCategory(name=str(uuid4()), kind="expense"))
    reader.look()
    assert reader.diary.versions(plain) == [2, 3]


def test_days_that_ended_are_told_once_and_none_is_left_out(reader: Reader, book: Book) -> None:
    reader.look()
    reader.now += dt.timedelta(days=40)
    reader.look()
    reader.look()
    later = YESTERDAY + dt.timedelta(days=40)
    assert reader.diary.days == [(YESTERDAY, YESTERDAY), (YESTERDAY, later)]


def test_long_news_come_in_pieces_and_the_day_with_the_last(
    reader: Reader, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "EVENTS_AT_ONCE", 2)
    reader.look()
    spend(book, 4)
    reader.now += dt.timedelta(days=1)
    reader.look()
    reader.look()
    assert reader.diary.versions(book) == [3, 4, 5, 6, 7]
    assert reader.diary.days[1:] == [(YESTERDAY, YESTERDAY), (YESTERDAY, TODAY)]


def test_what_was_rolled_back_is_told_again(
    reader: Reader, book: Book, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object) -> None:
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(following, "see", away)
        with pytest.raises(StoreUnavailable):
            reader.look()
    assert reader.tasks == []
    assert database.read(lambda c: seen_of(c, book.ledger_id)) is None
    reader.diary.heard.clear()
    reader.look()
    assert reader.diary.versions(book) == [3]


def test_a_ledger_that_cannot_be_followed_rests_and_holds_up_no_other(
    reader: Reader, database: Database, logged: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = [with_budget(Book(database)) for _ in range(3)]
    reader.diary.broken = books[1].ledger_id
    for _ in range(3):
        reader.look()
    assert [reader.diary.versions(book)[-1:] for book in books] == [[3], [], [3]]
    [line] = [line for line in logged.lines() if line["event"] == "ledger not followed"]
    assert line["ledger_id"] == str(books[1].ledger_id)
    assert "ZeroDivisionError" in line["exception"]
    reader.diary.broken = None
    reader.look()
    assert reader.diary.versions(books[1]) == []
    monkeypatch.setattr("time.monotonic", lambda: 1e12)
    reader.look()
    assert reader.diary.versions(books[1]) == [3]


def test_an_event_that_cannot_be_read_names_its_ledger(
    reader: Reader, book: Book, database: Database, logged: Log
) -> None:
    spoil = "UPDATE events SET topic = 'no-such.1' WHERE originator_id = :id"
    database.write(lambda c: c.run(f"{spoil} AND originator_version = 3", id=book.ledger_id))
    reader.look()
    [line] = [line for line in logged.lines() if line["event"] == "ledger not followed"]
    assert "no-such.1" in line["exception"]


def test_an_erased_ledger_is_forgotten(reader: Reader, book: Book, database: Database) -> None:
    reader.look()
    database.write(lambda c: erase(c, book.ledger_id, NOON))
    assert book.count("followed") == 0
    reader.following.follow([book.ledger_id])
    assert book.count("followed") == 0


def test_an_erased_ledger_that_could_not_be_followed_is_let_go(
    reader: Reader, book: Book, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.diary.broken = book.ledger_id
    reader.look()
    database.write(lambda c: erase(c, book.ledger_id, NOON))
    monkeypatch.setattr("time.monotonic", lambda: 1e12)
    reader.look()
    asked: list[object] = []
    monkeypatch.setattr(database, "write", asked.append)
    # Whoever writes has everybody else on SQLite wait.
    reader.look()
    assert asked == []


def test_who_records_something_waits_for_few_ledgers(
    reader: Reader, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "TOGETHER_SECONDS", 0)
    books = [with_budget(Book(database)) for _ in range(3)]
    ids = [book.ledger_id for book in books]
    reader.following.follow(ids)
    assert [ledger_id for ledger_id, _ in reader.diary.heard] == ids[:1]
    reader.following.follow([])
    reader.following.follow([])
    assert [ledger_id for ledger_id, _ in reader.diary.heard] == ids
    assert not reader.following.is_behind


def test_nobody_who_records_waits_for_who_reads_the_news(
    reader: Reader, book: Book, database: Database
) -> None:
    def is_slow(_reading: Connection, _news: News) -> Act:
        started = time.monotonic()
        spend(book)
        assert time.monotonic() - started < 5
        return lambda _writing: []

    slow = Following(database, lambda _task: None, [is_slow, reader.diary], lambda: NOON)
    for _ in range(2):
        slow.follow([book.ledger_id])
    assert reader.diary.versions(book) == [3, 4]
    reader.look()
    assert reader.diary.versions(book) == [3, 4, 5]


def test_who_was_slower_writes_nothing(reader: Reader, book: Book, database: Database) -> None:
    def is_slow(_reading: Connection, _news: News) -> Act:
        reader.look()
        return lambda _writing: pytest.fail("it is told already")

    slow = Following(database, reader.tasks.append, [is_slow], lambda: NOON)
    slow.follow([book.ledger_id])
    assert not slow.is_behind
    assert (reader.diary.versions(book), reader.tasks) == ([3], [TASK])


def test_a_ledger_that_the_hint_missed_is_found_by_comparing(
    reader: Reader, book: Book, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.look()
    monkeypatch.setattr(follow, "ledgers_told", lambda _connection, after: (set(), after))
    spend(book)
    reader.look()
    assert reader.diary.versions(book) == [3]
    monkeypatch.setattr(follow, "COMPARE_EVERY_SECONDS", 0)
    reader.look()
    assert reader.diary.versions(book) == [3, 4]


def test_all_ledgers_are_compared_a_few_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.store.following.COMPARED_AT_ONCE", 2)
    books = [with_budget(Book(database)) for _ in range(5)]
    found: list[UUID] = []
    reached: UUID | None = UUID(int=0)
    steps = 0
    while reached is not None:
        after = reached
        some, reached = database.read(lambda c, after=after: next_ledgers_ahead(c, after, TODAY))  # type: ignore[misc]
        found, steps = found + some, steps + 1
    assert (found, steps) == (sorted(book.ledger_id for book in books), 3)
    assert set(database.read(lambda c: ledgers_ahead(c, found, TODAY))) == set(found)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nobody_waits_for_a_ledger_that_somebody_is_at(reader: Reader, database: Database) -> None:
    books = [with_budget(Book(database)) for _ in range(3)]
    ids = sorted(book.ledger_id for book in books)

    def follow_meanwhile(connection: Connection) -> None:
        read_head(connection, ids[1], lock=True)
        started = time.monotonic()
        reader.following.follow(ids)
        assert time.monotonic() - started < 1

    database.write(follow_meanwhile)
    assert [ledger_id for ledger_id, _ in reader.diary.heard] == [ids[0], ids[2]]
    assert reader.following.is_behind
    reader.following.follow([])
    assert [ledger_id for ledger_id, _ in reader.diary.heard] == [ids[0], ids[2], ids[1]]
    assert not reader.following.is_behind


def test_a_ledger_that_has_much_to_tell_holds_up_no_other(
    reader: Reader, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "EVENTS_AT_ONCE", 10)
    talkative, terse = with_budget(Book(database)), with_budget(Book(database))
    spend(talkative, 35)
    ids = [talkative.ledger_id, terse.ledger_id]
    reader.following.follow(ids)
    assert (len(reader.diary.versions(talkative)), reader.diary.versions(terse)) == (10, [])
    reader.following.follow([])
    assert reader.diary.versions(terse) == [3]
    while reader.following.is_behind:
        reader.following.follow([])
    assert reader.diary.versions(talkative) == [*range(3, 39)]
