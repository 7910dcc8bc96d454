"""The recorder: events of one ledger by version, of all ledgers by notification id."""

from uuid import uuid4

import pytest

from domain.categories import AddCategory, AddStarterCategories
from domain.store.codec import to_stored
from domain.store.database import Database
from domain.store.ledgers import LedgerStore
from projections.rows import LedgerRows
from tests.books import Book


@pytest.fixture
def full(book: Book) -> Book:
    """A ledger of fifteen events."""
    book.record(AddStarterCategories())
    return book


@pytest.mark.parametrize(
    ("asked", "versions"),
    [
        ({}, range(1, 16)),
        ({"gt": 12}, [13, 14, 15]),
        ({"lte": 2}, [1, 2]),
        ({"gt": 3, "lte": 5}, [4, 5]),
        ({"limit": 2}, [1, 2]),
        ({"desc": True, "limit": 2}, [15, 14]),
        ({"gt": 1, "lte": 4, "desc": True, "limit": 1}, [4]),
        ({"gt": 15}, []),
        ({"limit": 0}, []),
    ],
)
def test_events_are_selected_by_version(
    full: Book, asked: dict[str, int], versions: list[int]
) -> None:
    found = full.store.recorder.select_events(full.ledger_id, **asked)  # type: ignore[arg-type]
    assert [stored.originator_version for stored in found] == list(versions)


def test_events_are_selected_as_they_were_stored(full: Book) -> None:
    found = full.store.recorder.select_events(full.ledger_id)
    assert list(found) == [to_stored(recorded) for recorded in full.events()]
    assert full.store.recorder.select_events(uuid4()) == []


def test_notifications_go_through_all_ledgers_in_order(database: Database) -> None:
    books = [Book(database), Book(database)]
    for name in ("یک", "دو"):
        for book in books:
            book.record(AddCategory(name=name, kind="income"))
    recorder = books[0].store.recorder
    everything = recorder.select_notifications(None, 100)
    assert [(n.originator_id, n.originator_version) for n in everything] == [
        (book.ledger_id, version) for version in (1, 2, 3) for book in books
    ]
    ids = [int(notification.id) for notification in everything]
    assert ids == sorted(set(ids))
    assert recorder.max_notification_id() == ids[-1]


def test_notifications_are_limited(full: Book) -> None:
    recorder = full.store.recorder
    ids = [int(notification.id) for notification in recorder.select_notifications(None, 100)]
    assert len(ids) == 15

    def found(*args: int | None, **more: object) -> list[int]:
        return [int(n.id) for n in recorder.select_notifications(*args, **more)]  # type: ignore[arg-type]

    assert found(None, 4) == ids[:4]
    assert found(ids[3], 2) == ids[3:5]
    assert found(ids[3], 2, inclusive_of_start=False) == ids[4:6]
    assert found(ids[3], 100, ids[6]) == ids[3:7]
    assert found(None, 100, topics=["ledger-opened.1"]) == ids[:1]
    assert found(None, 3, topics=["ledger-opened.1", "category-added.1"]) == ids[:3]
    assert found(None, 100, topics=["expense-recorded.1"]) == []
    assert found(ids[-1] + 1, 100) == []


def test_the_notification_log_reads_in_sections(full: Book) -> None:
    log = full.store.notification_log
    assert [n.originator_version for n in log.select(1, 10)] == list(range(1, 11))


def test_an_empty_store_has_no_last_notification(database: Database) -> None:
    assert LedgerStore(database, LedgerRows).recorder.max_notification_id() is None


def test_what_would_skip_events_is_not_offered(book: Book) -> None:
    with pytest.raises(NotImplementedError):
        book.store.recorder.subscribe()
    with pytest.raises(NotImplementedError):
        book.store.factory.tracking_recorder()
    with pytest.raises(NotImplementedError):
        book.store.factory.process_recorder()
