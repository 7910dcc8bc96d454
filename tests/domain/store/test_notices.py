"""Notices: each is told once, as the person wished to hear it, and goes with them."""

import datetime as dt
from uuid import UUID, uuid4

import pytest

from domain.store import notices
from domain.store.accounts import Account, add_account
from domain.store.database import Connection, Database
from domain.store.notices import KINDS, Channels, Kind, Wishes
from domain.store.queue import Task
from tests.books import NOON, Book

PHONE = "+989121234567"


@pytest.fixture
def book(database: Database) -> Book:
    """Somebody's ledger."""
    book = Book(database)
    account = Account(book.account_id, PHONE, "person", book.ledger_id, NOON)
    assert database.write(lambda c: add_account(c, account))
    return book


def tell(
    book: Book, key: str = "one", kind: Kind = "sign_in", now: dt.datetime = NOON
) -> list[Task]:
    """Tell the person something."""
    data = {"device": "تلفن"}
    return book.database.write(lambda c: notices.tell(c, book.ledger_id, kind, key, data, now))


def wish(book: Book, **channels: Channels) -> None:
    """Have the person wish to hear some kinds in another way."""
    everything = {kind: channels.get(kind, Channels()) for kind in KINDS}
    wishes = Wishes("en", everything)
    book.database.write(lambda c: notices.keep_wishes(c, book.ledger_id, wishes))


def shown(book: Book, *, unread: bool = False) -> list[notices.Notice]:
    """What the person sees."""
    return book.database.read(
        lambda c: notices.list_notices(c, book.ledger_id, None, 50, unread=unread)
    )


def test_a_thing_is_told_once_whatever_became_of_it(book: Book) -> None:
    assert tell(book) == tell(book) == []
    tell(book, kind="export_ready")
    book.database.write(lambda c: notices.mark_all_read(c, book.ledger_id, None, NOON))
    tell(book)
    told = shown(book)
    assert [notice.kind for notice in told] == ["export_ready", "sign_in"]
    assert (told[1].data, told[1].created_at) == ({"device": "تلفن"}, NOON)
    other = Book(book.database)
    tell(other)
    assert len(shown(other)) == 1


def test_channels_are_as_wished(book: Book) -> None:
    wish(book, sign_in=Channels(in_app=False, sms=True), export_ready=Channels(in_app=False))
    [task] = tell(book)
    assert tell(book) == tell(book, kind="export_ready") == tell(book, kind="budget_near") == []
    assert [notice.kind for notice in shown(book)] == ["budget_near"]
    assert task.function == "send_text"
    ledger_id, notice_id = map(UUID, task.arguments)
    text = book.database.read(lambda c: notices.find_text(c, ledger_id, notice_id))
    assert text is not None
    assert (text.phone, text.language, text.state) == (PHONE, "en", "waiting")
    later = NOON + dt.timedelta(seconds=1)
    assert book.database.read(lambda c: notices.waiting_texts(c, NOON)) == []
    assert book.database.read(lambda c: notices.waiting_texts(c, later)) == [task]
    book.database.write(lambda c: notices.settle_text(c, ledger_id, notice_id, "sent"))
    assert book.database.read(lambda c: notices.waiting_texts(c, later)) == []
    before = NOON - dt.timedelta(seconds=1)
    assert book.database.read(lambda c: notices.sent_since(c, ledger_id, before)) == 1
    assert book.database.read(lambda c: notices.sent_since(c, ledger_id, NOON)) == 0


def test_wishes_are_remembered_whole(book: Book) -> None:
    def wishes() -> Wishes:
        return book.database.read(lambda c: notices.wishes_of(c, book.ledger_id))

    assert wishes() == Wishes("fa", {kind: Channels() for kind in KINDS})
    wish(book, budget_near=Channels(in_app=False, sms=True))
    wish(book, sign_in=Channels(sms=True))
    assert wishes() == Wishes(
        "en", {**dict.fromkeys(KINDS, Channels()), "sign_in": Channels(sms=True)}
    )


def test_reading_counts_the_first_time(book: Book) -> None:
    for number in range(3):
        tell(book, str(number))
    later = NOON + dt.timedelta(hours=1)
    oldest = shown(book)[-1].id
    for now in (NOON, later):
        book.database.write(lambda c, now=now: notices.mark_read(c, book.ledger_id, oldest, now))  # type: ignore[misc]
    assert [notice.read_at for notice in shown(book)] == [None, None, NOON]
    middle = shown(book)[1].id
    count = book.database.write(lambda c: notices.mark_all_read(c, book.ledger_id, middle, later))
    assert (count, len(shown(book, unread=True))) == (1, 1)
    assert book.database.read(lambda c: notices.count_unread(c, book.ledger_id)) == 1
    assert book.database.read(lambda c: notices.find_notice(c, uuid4(), middle)) is None


def test_what_was_read_goes_after_a_year(book: Book) -> None:
    for number in range(2):
        tell(book, str(number))
    newest = shown(book)[0].id
    book.database.write(lambda c: notices.mark_read(c, book.ledger_id, newest, NOON))
    for days, removed in ((365, 0), (366, 1)):
        now = NOON + dt.timedelta(days=days)
        assert book.database.write(lambda c, now=now: notices.remove_old_notices(c, now)) == removed  # type: ignore[misc]
    assert len(shown(book)) == 1


def test_what_is_told_with_other_rows_is_told_alike(book: Book) -> None:
    wish(book, surplus_saved=Channels(in_app=False, sms=True))
    other, data = Book(book.database), {"amount": 5}

    def tell_both(connection: Connection) -> None:
        for ledger_id in (book.ledger_id, other.ledger_id):
            for kind in ("surplus_saved", "draft_waiting", "surplus_saved"):
                notices.tell_later(connection, ledger_id, kind, "one", data, NOON)

    for _ in range(2):
        book.database.write(tell_both)
    assert [notice.kind for notice in shown(book)] == ["draft_waiting"]
    assert sorted(notice.kind for notice in shown(other)) == ["draft_waiting", "surplus_saved"]
    assert shown(other)[0].data == data
    later = NOON + dt.timedelta(seconds=1)
    [text] = book.database.read(lambda c: notices.waiting_texts(c, later))
    assert text.arguments[0] == str(book.ledger_id)


def test_one_may_ask_for_more_keys_than_a_statement_takes(book: Book) -> None:
    tell(book, "70000")
    keys = [f"sign_in:{number}" for number in range(70_001)]
    found = book.database.read(lambda c: notices.told_keys(c, book.ledger_id, keys))
    assert found == {"sign_in:70000"}
