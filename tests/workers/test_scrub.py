"""The nightly scrub, run as the worker runs it."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.store.database import Database
from domain.store.erasure import erase
from tests.books import Book
from workers import jobs
from workers.schedule import DAILY


def forget(book: Book) -> None:
    book.database.write(lambda connection: erase(connection, book.ledger_id, datetime.now(UTC)))


def test_it_works_only_after_somebody_was_erased(
    database: Database, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert jobs.scrub_after_erasures() == 0
    for book in (Book(database), Book(database)):
        forget(book)
    assert jobs.scrub_after_erasures() == 2
    assert jobs.scrub_after_erasures() == 0


def test_it_has_an_hour() -> None:
    [scrub] = [daily for daily in DAILY if daily.function is jobs.scrub_after_erasures]
    assert timedelta(seconds=scrub.timeout_seconds) == timedelta(hours=1)
