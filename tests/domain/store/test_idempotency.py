"""Idempotency keys: the answer to a command, frozen with it and kept for ever."""

from uuid import uuid4

import pytest

from domain.categories import AddCategory
from domain.store.idempotency import Frozen, IdempotencyKeyReused, Request, recall, remember
from domain.store.ledgers import Bracket
from tests.books import Book

REQUEST = Request("key-1", b"\x01" * 32)
ANSWER = Frozen(201, {"ETag": '"2"', "Location": "/v1/categories/1"}, '{"name":"خوراک"}'.encode())


def _keep(bracket: Bracket) -> None:
    bracket.record(AddCategory(name="خوراک", kind="expense"))
    remember(bracket.connection, bracket.ledger_id, bracket.ledger.version, REQUEST, ANSWER)


def _recall(book: Book, request: Request) -> Frozen | None:
    return book.database.read(lambda c: recall(c, book.ledger_id, request))


def test_an_answer_is_kept_to_the_byte(book: Book) -> None:
    assert _recall(book, REQUEST) is None
    book.store.transact(book.ledger_id, "a-test", _keep)
    assert _recall(book, REQUEST) == ANSWER


def test_a_key_does_not_fit_another_request(book: Book) -> None:
    book.store.transact(book.ledger_id, "a-test", _keep)
    with pytest.raises(IdempotencyKeyReused):
        _recall(book, Request(REQUEST.key, b"\x02" * 32))
    assert _recall(book, Request("KEY-1", REQUEST.fingerprint)) is None


def test_a_key_is_one_ledgers_own(book: Book) -> None:
    book.store.transact(book.ledger_id, "a-test", _keep)
    other = Book(book.database)
    assert _recall(other, Request(REQUEST.key, b"\x02" * 32)) is None
    other.store.transact(other.ledger_id, "a-test", _keep)
    assert _recall(other, REQUEST) == ANSWER
    assert book.database.read(lambda c: recall(c, uuid4(), REQUEST)) is None


def test_a_key_is_kept_with_its_command_or_not_at_all(book: Book) -> None:
    def work(bracket: Bracket) -> None:
        _keep(bracket)
        raise RuntimeError("before the commit")

    with pytest.raises(RuntimeError):
        book.store.transact(book.ledger_id, "a-test", work)
    assert _recall(book, REQUEST) is None
    book.store.transact(book.ledger_id, "a-test", _keep, dry_run=True)
    assert _recall(book, REQUEST) is None
    assert book.count("events") == 1


def test_a_key_is_remembered_once(book: Book) -> None:
    book.store.transact(book.ledger_id, "a-test", _keep)
    with pytest.raises(Exception, match=r"(?i)unique"):
        book.database.write(lambda c: remember(c, book.ledger_id, 9, REQUEST, ANSWER))
    assert _recall(book, REQUEST) == ANSWER
