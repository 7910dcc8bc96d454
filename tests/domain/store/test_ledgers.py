"""Recording: one command, one transaction, from the lock to the last projected row."""

import datetime as dt
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import ProgrammingError, RecordConflictError

from domain.base import Command, RecordedEvent
from domain.categories import AddCategory, AddStarterCategories, ChangeCategory
from domain.decider import LedgerOpened
from domain.refusals import CategoryNameTaken, CategoryNotFound
from domain.store.codec import digest, first_prev, to_stored
from domain.store.database import Database
from domain.store.ledgers import Bracket, LedgerMissing
from domain.transactions import RecordTransaction
from tests.books import NOON, Book

FOOD, FOOD_ENTRY = UUID(int=0xC1), UUID(int=0x72)
add_food = AddCategory(id=FOOD, name="خوراک", kind="expense")
buy_bread = RecordTransaction(id=UUID(int=0x71), category_id=FOOD, amount_rials=250_000)
TABLES = ("events", "categories", "transactions", "day_totals", "month_totals")


def _counts(book: Book) -> dict[str, int]:
    return {table: book.count(table) for table in TABLES}


def test_a_ledger_begins_with_one_event(book: Book) -> None:
    (opened,) = book.events()
    assert opened == RecordedEvent(
        ledger_id=book.ledger_id,
        version=1,
        recorded_at=NOON,
        actor=str(book.account_id),
        command_id=opened.command_id,
        prev=first_prev(book.ledger_id).hex(),
        event=LedgerOpened(book.account_id),
    )
    stored = to_stored(opened)
    assert book.head().digest == digest(book.ledger_id, 1, stored.topic, stored.state)


def test_a_ledger_is_not_opened_over_another(book: Book) -> None:
    before = book.head()
    with pytest.raises(Exception, match=r"(?i)unique"):
        book.database.write(
            lambda connection: book.store.open_ledger(connection, book.ledger_id, uuid4())
        )
    assert (book.head(), len(book.events())) == (before, 1)


def test_a_command_appends_projects_and_moves_the_head_at_once(book: Book) -> None:
    book.record(add_food)
    book.record(buy_bread)
    assert [recorded.version for recorded in book.events()] == [1, 2, 3]
    head = book.head()
    assert (head.version, head.expense, head.totals.balance) == (3, 250_000, -250_000)
    assert book.differences() == []


def test_events_of_one_command_share_its_id_and_its_time(book: Book) -> None:
    book.record(AddStarterCategories())
    added = book.events()[1:]
    assert len(added) > 1
    assert len({(recorded.command_id, recorded.recorded_at) for recorded in added}) == 1


def test_a_bracket_sees_what_it_recorded(book: Book) -> None:
    def work(bracket: Bracket) -> int:
        bracket.record(add_food)
        bracket.record(buy_bread)
        assert bracket.record(buy_bread) == []
        return len(bracket.recorded)

    assert book.store.transact(book.ledger_id, "a-test", work) == 2
    assert book.head().version == 3


def test_a_refused_command_leaves_nothing(book: Book) -> None:
    book.record(add_food)
    before = (book.head(), _counts(book))
    with pytest.raises(CategoryNameTaken):
        book.record(AddCategory(name="خوراك", kind="income"))
    assert (book.head(), _counts(book)) == before


def test_a_refusal_late_in_a_bracket_takes_everything_back(book: Book) -> None:
    before = (book.head(), _counts(book))

    def work(bracket: Bracket) -> None:
        bracket.record(add_food)
        bracket.record(buy_bread)
        bracket.record(RecordTransaction(category_id=uuid4(), amount_rials=1))

    with pytest.raises(CategoryNotFound):
        book.store.transact(book.ledger_id, "a-test", work)
    assert (book.head(), _counts(book)) == before


def test_a_refusal_that_is_caught_leaves_the_rest_of_the_bracket(book: Book) -> None:
    def work(bracket: Bracket) -> None:
        bracket.record(add_food)
        with pytest.raises(CategoryNotFound):
            bracket.record(RecordTransaction(category_id=uuid4(), amount_rials=1))
        bracket.record(buy_bread)

    book.store.transact(book.ledger_id, "a-test", work)
    assert [recorded.version for recorded in book.events()] == [1, 2, 3]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_any_error_leaves_nothing(book: Book, error: BaseException) -> None:
    before = (book.head(), _counts(book))

    def work(bracket: Bracket) -> None:
        bracket.record(add_food)
        raise error

    with pytest.raises(type(error)):
        book.store.transact(book.ledger_id, "a-test", work)
    assert (book.head(), _counts(book)) == before
    book.record(add_food)


def test_a_dry_run_says_the_same_and_leaves_nothing(book: Book) -> None:
    before = (book.head(), _counts(book))
    tried = book.record(add_food, dry_run=True)
    assert (book.head(), _counts(book)) == before
    assert book.record(add_food) == tried
    with pytest.raises(CategoryNameTaken):
        book.record(AddCategory(name="خوراک", kind="income"), dry_run=True)


def test_what_changes_nothing_moves_nothing(book: Book) -> None:
    book.record(add_food)
    before = book.head()
    book.clock.now += dt.timedelta(days=1)
    book.record(ChangeCategory(category_id=FOOD, is_active=True))
    assert book.head() == before


def test_recorded_at_never_goes_back_when_the_clock_does(book: Book) -> None:
    book.clock.now = NOON - dt.timedelta(hours=5)
    book.record(add_food)
    assert book.events()[-1].recorded_at == NOON
    book.clock.now = NOON + dt.timedelta(microseconds=1)
    book.record(buy_bread)
    assert book.events()[-1].recorded_at == NOON + dt.timedelta(microseconds=1)
    assert book.head().recorded_at == book.events()[-1].recorded_at


def test_a_missing_date_is_today_in_tehran(book: Book) -> None:
    book.record(add_food)
    book.clock.now = dt.datetime(2026, 11, 23, 20, 30, tzinfo=dt.UTC)
    book.record(buy_bread)
    transaction = book.state().transactions[UUID(int=0x71)]
    assert transaction.date == dt.date(2026, 11, 24)


def test_a_ledger_that_is_not_there_is_missing(book: Book) -> None:
    with pytest.raises(LedgerMissing):
        book.store.transact(uuid4(), "a-test", lambda bracket: bracket.record(add_food))


def test_ids_are_taken_within_one_ledger_only(database: Database) -> None:
    one, other = Book(database), Book(database)
    for book in (one, other):
        book.record(add_food)
        book.record(buy_bread)
    one.record(RecordTransaction(category_id=FOOD, amount_rials=5))
    assert (one.head().expense, other.head().expense) == (250_005, 250_000)
    for book in (one, other):
        assert book.differences() == []


def test_events_are_recorded_by_a_bracket_only(book: Book) -> None:
    stored = to_stored(book.events()[0])
    with pytest.raises(ProgrammingError):
        book.store.recorder.insert_events([stored])
    with pytest.raises(ProgrammingError):
        book.store.events.put(book.events())
    assert book.count("events") == 1


def test_a_version_is_never_recorded_twice(book: Book) -> None:
    stored = to_stored(book.events()[0])
    with pytest.raises(Exception, match=r"(?i)unique"):
        book.database.write(
            lambda connection: book.store.recorder.insert_events([stored], connection=connection)
        )
    assert book.count("events") == 1


def test_a_head_that_moved_is_a_conflict_and_leaves_nothing(book: Book) -> None:
    def work(bracket: Bracket) -> None:
        bracket.record(add_food)
        bracket.connection.run("UPDATE ledgers SET version = 7")

    with pytest.raises(RecordConflictError):
        book.store.transact(book.ledger_id, "a-test", work)
    assert (book.head().version, book.count("events")) == (1, 1)


@pytest.mark.parametrize(
    "name", ["null", "true", "12", "1e3", "'; DROP TABLE events; --", "%s :id"]
)
def test_text_comes_back_as_it_was_typed(book: Book, name: str) -> None:
    commands: list[Command] = [
        AddCategory(id=FOOD, name=name, kind="expense"),
        RecordTransaction(id=FOOD_ENTRY, category_id=FOOD, amount_rials=1, description=name),
    ]
    for command in commands:
        book.record(command)

    def work(bracket: Bracket) -> None:
        category, entry = bracket.ledger.category(FOOD), bracket.ledger.transaction(FOOD_ENTRY)
        assert category is not None
        assert entry is not None
        assert (category.name, entry.description) == (name, name)

    book.store.transact(book.ledger_id, "a-test", work)
