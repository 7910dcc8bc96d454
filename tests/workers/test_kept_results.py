"""What became of each row is kept for a ledger's last imports, and not for all of a month."""

from datetime import timedelta

import pytest

from domain.store import jobs
from domain.store.database import Database
from domain.store.imports import storage
from domain.store.imports.options import Options
from domain.store.jobs import Job
from tests.books import Book
from tests.workers.test_imports import bring, reread
from workers import imports
from workers.imports import run_import

FILE = b"date,amount,category,kind\n" + b"1405-09-01,5,x,expense\n" * 3
CREATE = Options(missing_categories="create")


def rows_kept(book: Book, job: Job) -> int:
    """How many rows of an import can still be looked at."""
    kept = book.database.read(
        lambda c: storage.list_results(c, book.ledger_id, job.id, after=0, limit=1000)
    )
    return len(kept)


def brought(book: Book) -> Job:
    """One more import, begun and done a second after the one before."""
    job = bring(book, FILE, CREATE)
    at = book.clock.now = book.clock.now + timedelta(seconds=1)
    sql = "UPDATE jobs SET created_at = :at WHERE id = :id"
    book.database.write(lambda c: c.run(sql, at=at, id=job.id))
    run_import(book.store, book.ledger_id, job.id)
    return job


def test_the_rows_of_the_last_imports_are_kept_and_every_summary_is(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "KEEP_RESULTS_OF", 3)
    monkeypatch.setattr(imports, "REMOVED_ROWS", 2)
    book, other = Book(database), Book(database)
    another_s = brought(other)
    all_jobs = [brought(book) for _ in range(5)]
    kept = [rows_kept(book, job) for job in all_jobs]
    assert kept == [0, 0, 3, 3, 3]
    assert rows_kept(other, another_s) == 3
    summary = reread(database, all_jobs[0])[1]
    assert (summary.recorded, summary.unchanged) == (3, 0)
    assert {reread(database, job)[1].unchanged for job in all_jobs[1:]} == {3}


def test_an_import_that_still_runs_keeps_its_rows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "KEEP_RESULTS_OF", 1)
    book = Book(database)
    first = brought(book)
    sql = "UPDATE jobs SET status = 'running' WHERE id = :id"
    database.write(lambda c: c.run(sql, id=first.id))
    later = [brought(book) for _ in range(2)]
    assert [rows_kept(book, job) for job in (first, *later)] == [3, 0, 3]
    assert len(database.read(lambda c: jobs.unfinished_jobs(c, book.ledger_id))) == 1
