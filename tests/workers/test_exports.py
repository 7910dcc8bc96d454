"""Exports: each format says what the ledger says, and what our own import reads comes back."""

import csv
import datetime as dt
import io
import os
import tempfile
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import openpyxl
import pytest
from beancount import loader
from beancount.core import realization
from beancount.core.data import Transaction as Booked
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.categories import AddCategory
from domain.ledger import LedgerState, Transaction
from domain.money import MAX_AMOUNT_RIALS
from domain.store import exports, jobs
from domain.store.database import Connection, Database
from domain.store.erasure import erase
from domain.store.exports import Export, Format, Language
from domain.store.imports.options import Options
from domain.store.jobs import Job
from domain.store.ledgers import utc_now
from domain.store.notices import list_notices
from domain.store.portable import CSV_HEADER, guarded, unguarded
from domain.transactions import CorrectTransaction, RecordTransaction, VoidTransaction
from projections.history import events_after
from tests.books import Book
from tests.projections.histories import CATEGORY_IDS, DATES, HOUSEHOLD, Asked, histories
from tests.projections.test_changes import live
from tests.workers.test_imports import bring
from workers import exports as worker
from workers.exports import KEEP_OF_LEDGER, run_export, tend_exports
from workers.files import workbook
from workers.files.beancount import WALLET, account_of
from workers.imports import run_import

TEXTS = [
    "=1+1",
    "@SUM(A1)",
    "'quoted'",
    "\t-5",
    " space ",
    "a\rb\nc",
    '"',
    "\u200fراست",
    "\x01",
    "+",
]


def want(
    book: Book,
    kind: Format,
    start: dt.date | None = None,
    end: dt.date | None = None,
    *,
    language: Language = "fa",
) -> Job:
    """Write an export down as the web does."""
    now = utc_now()
    job = Job(book.ledger_id, uuid4(), "export", "queued", 0, 1, None, now, now)
    wanted = Export(job.ledger_id, job.id, kind, language, start, end)
    book.database.write(lambda c: jobs.add_job(c, job))
    book.database.write(lambda c: exports.add_export(c, wanted))
    return job


def kept(database: Database, job: Job) -> bytes:
    """The file of a finished export."""
    with database.reading() as connection:
        found = jobs.find_job(connection, job.ledger_id, job.id)
        export = exports.find_export(connection, job.ledger_id, job.id)
        assert found is not None
        assert export is not None
        assert (found.status, found.error) == ("done", None)
        pieces: list[bytes] = []
        while (piece := _piece(connection, job, len(pieces))) is not None:
            pieces.append(piece)
    content = b"".join(pieces)
    assert export.size_bytes == len(content)
    assert export.digest is not None
    return content


def _piece(connection: Connection, job: Job, number: int) -> bytes | None:
    return exports.read_chunk(connection, job.ledger_id, job.id, number)


def take(
    book: Book,
    kind: Format,
    start: dt.date | None = None,
    end: dt.date | None = None,
    *,
    language: Language = "fa",
) -> bytes:
    """Want an export and have it written."""
    job = want(book, kind, start, end, language=language)
    run_export(book.database, job.ledger_id, job.id)
    return kept(book.database, job)


def household(database: Database) -> Book:
    """A ledger with a bit of everything."""
    book = Book(database)
    live(Asked(HOUSEHOLD, is_atomic=True, is_dry_run=False), book)
    return book


def brought_back(database: Database, content: bytes) -> Book:
    """Another ledger, into which a file was imported."""
    book = Book(database)
    job = bring(book, content, Options(missing_categories="create"))
    run_import(book.store, job.ledger_id, job.id)
    return book


def told(state: LedgerState) -> dict[UUID, tuple[Any, ...]]:
    """What a person would say about each entry."""
    return {entry.id: _said(entry, state) for entry in state.transactions.values()}


def _said(entry: Transaction, state: LedgerState) -> tuple[Any, ...]:
    fields = (entry.kind, entry.direction, entry.amount_rials, entry.date, entry.description)
    return (*fields, entry.is_voided, state.categories[entry.category_id].name)


@given(history=histories())
@settings(max_examples=30)
def test_csv_comes_back_as_it_was(database: Database, history: list[Asked]) -> None:
    book = Book(database)
    for asked in history:
        live(asked, book)
    before = told(book.state())
    # A surplus may exceed one amount (decision 0005), and nobody could record it by hand.
    assume(all(said[2] <= MAX_AMOUNT_RIALS for said in before.values()))
    again = brought_back(database, take(book, "csv"))
    after = told(again.state())
    missing = {one: said for one, said in before.items() if one not in after}
    # Nothing says any more that it was covered, when it was recorded.
    assert all(said[1] == "withdraw" and said[5] for said in missing.values())
    assert after == {one: said for one, said in before.items() if one not in missing}
    assert again.state().totals == book.state().totals


@given(texts=st.lists(st.sampled_from(TEXTS) | st.text(max_size=30), min_size=1, max_size=8))
@settings(max_examples=30)
def test_any_text_comes_back_to_the_letter(database: Database, texts: list[str]) -> None:
    book = Book(database)
    book.record(AddCategory(id=CATEGORY_IDS[0], name="=دسته ", kind="expense"))
    for text in texts:
        book.record(_spend(_allowed(text)))
    content = take(book, "csv")
    for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        for cell in row:
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert told(brought_back(database, content).state()) == told(book.state())


def _allowed(text: str) -> str:
    shown = "".join(one for one in text if one != "\x00" and not "\ud800" <= one <= "\udfff")
    return unicodedata.normalize("NFC", shown)


def _spend(description: str = "", amount_rials: int = 5) -> RecordTransaction:
    return RecordTransaction(
        category_id=CATEGORY_IDS[0],
        amount_rials=amount_rials,
        date=DATES[7],
        description=description,
    )


@given(text=st.text())
def test_what_is_guarded_is_unguarded(text: str) -> None:
    assert unguarded(guarded(text)) == text


def test_csv_begins_with_a_mark_and_its_header(database: Database) -> None:
    content = take(household(database), "csv", DATES[7], DATES[7])
    assert content.startswith(b"\xef\xbb\xbfid,date,date_gregorian,kind,category,amount,")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert tuple(rows[0]) == CSV_HEADER
    assert [(row["date"], row["kind"], row["amount"]) for row in rows] == [
        ("1405-09-01", "expense", "60"),
        ("1405-09-01", "expense", "90"),
    ]


def test_a_deposit_that_was_lowered_does_not_stand_in_the_way(database: Database) -> None:
    book = Book(database)
    book.record(AddCategory(id=CATEGORY_IDS[0], name="قلک", kind="savings"))
    entry = RecordTransaction(category_id=CATEGORY_IDS[0], amount_rials=100, date=DATES[7])
    for more in ({"id": uuid4()}, {"direction": "withdraw"}, {"amount_rials": 50}):
        book.record(msgspec.structs.replace(entry, **more))
    [deposit] = [t for t in book.state().transactions.values() if t.created_version == 3]
    book.record(CorrectTransaction(transaction_id=deposit.id, amount_rials=60))
    assert told(brought_back(database, take(book, "csv")).state()) == told(book.state())


@pytest.mark.parametrize("language", ["fa", "en"])
def test_a_workbook_says_what_the_ledger_says(database: Database, language: Language) -> None:
    book = household(database)
    book.record(AddCategory(id=uuid4(), name="=1+1", kind="expense"))
    book.record(msgspec.structs.replace(_spend("=cmd|x"), category_id=CATEGORY_IDS[0]))
    content = take(book, "xlsx", language=language)
    found = openpyxl.load_workbook(io.BytesIO(content))
    entries, summary = found.worksheets
    assert found.active is summary
    assert entries.sheet_view.rightToLeft == summary.sheet_view.rightToLeft == (language == "fa")
    cells = [cell for sheet in found.worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    rows = list(entries.iter_rows(min_row=2, values_only=True))
    assert len(rows) == len(book.state().transactions)
    assert rows[0][1] == "1405-01-01"
    assert entries["C2"].is_date
    assert str(rows[0][2]) == "2026-03-21 00:00:00"
    assert entries["F2"].number_format == "#,##0"
    head = book.head()
    assert [row[1] for row in summary.iter_rows(max_row=2, values_only=True)] == [
        *(str(head.ledger_id), head.version)
    ]
    *_, last = summary.iter_rows(values_only=True)
    totals = head.totals
    assert last[1:5] == (totals.income, totals.expense, totals.savings, totals.balance)
    assert told(brought_back(database, content).state()) == told(book.state())


def test_a_workbook_leaves_out_what_xml_cannot_hold(database: Database) -> None:
    book = Book(database)
    book.record(AddCategory(id=CATEGORY_IDS[0], name="\ufffe\x0bنان\uffff", kind="expense"))
    book.record(msgspec.structs.replace(_spend("a\x01\ufffe\x85"), category_id=CATEGORY_IDS[0]))
    [entries, _] = openpyxl.load_workbook(io.BytesIO(take(book, "xlsx"))).worksheets
    assert (entries["E2"].value, entries["H2"].value) == ("نان", "a\x85")


def test_a_workbook_goes_on_on_another_sheet(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_SHEET_ROWS", 3)
    book = household(database)
    found = openpyxl.load_workbook(io.BytesIO(take(book, "xlsx", language="en")))
    assert found.sheetnames == ["Transactions", "Transactions 2", "Transactions 3", "Summary"]
    ids = [
        row[0] for s in found.worksheets[:-1] for row in s.iter_rows(min_row=2, values_only=True)
    ]
    assert ids == [str(t.id) for t in book.state().transactions.values()]


def checked(content: bytes, tmp_path: Path) -> dict[str, int]:
    """What each account comes to, by Beancount's own reckoning, which found nothing wrong."""
    path = tmp_path / "ledger.beancount"
    path.write_bytes(content)
    found, errors, _options = loader.load_file(str(path))
    assert errors == []
    assert all(entry.meta["id"] for entry in found if isinstance(entry, Booked) and _is_ours(entry))
    realize: Any = realization  # it has no types
    return {
        str(account.account): int(account.balance.get_currency_units("IRR").number)
        for account in realize.iter_children(realize.realize(found))
        if account.account
    }


def _is_ours(entry: Booked) -> bool:
    return entry.narration != "Opening balances"


@given(history=histories())
@settings(max_examples=15)
def test_beancount_agrees(database: Database, tmp_path: Path, history: list[Asked]) -> None:
    book = Book(database)
    for asked in history:
        live(asked, book)
    state = book.state()
    found = checked(take(book, "beancount"), tmp_path)
    assert found[WALLET] == state.totals.balance
    assert found["Assets:Savings"] == 0
    for category in state.categories.values():
        if not category.is_removed:
            sign = -1 if category.kind == "income" else 1
            assert found[account_of(category)] == sign * _sum(state, category.id)


def _sum(state: LedgerState, category_id: UUID) -> int:
    return sum(amount for amount, _ in state.days.get(category_id, {}).values())


def test_beancount_brings_forward_what_was_there(database: Database, tmp_path: Path) -> None:
    book = household(database)
    found = checked(take(book, "beancount", DATES[7], DATES[7]), tmp_path)
    state = book.state()
    salary, food, rest, savings, _ = (account_of(state.categories[i]) for i in CATEGORY_IDS[:5])
    assert found[salary] == 0
    assert (found[food], found[rest]) == (150, 0)
    assert (found[savings], found[WALLET]) == (80, 500 - 80 - 150)
    assert found["Equity:Opening-Balances"] == -500


def test_beancount_takes_any_name_and_text(database: Database, tmp_path: Path) -> None:
    book = Book(database)
    for number, name in enumerate(["رفت‌وآمد ۱۲", "!!!", "a:b", "A-B", "a b", "é\u0301x", "🍞"]):
        book.record(AddCategory(id=UUID(int=number), name=name, kind="expense"))
        for text in TEXTS:
            book.record(msgspec.structs.replace(_spend(text), category_id=UUID(int=number)))
    found = checked(take(book, "beancount"), tmp_path)
    assert found[WALLET] == book.state().totals.balance
    assert len([name for name in found if name.startswith("Expenses:")]) == 7


def test_an_empty_ledger_is_no_error(database: Database, tmp_path: Path) -> None:
    book = Book(database)
    assert checked(take(book, "beancount"), tmp_path)[WALLET] == 0
    assert len(take(book, "csv").splitlines()) == 1
    found = openpyxl.load_workbook(io.BytesIO(take(book, "xlsx")))
    assert found.sheetnames == ["تراکنش‌ها", "خلاصه"]


def test_events_are_the_stored_ones(database: Database) -> None:
    book = household(database)
    lines = [msgspec.json.decode(line) for line in take(book, "events").splitlines()]
    rows = database.read(lambda c: events_after(c, book.ledger_id, 0, 1000))
    assert [(line["version"], line["state"].encode()) for line in lines] == [
        (row.version, row.state) for row in rows
    ]
    assert lines[-1]["digest"] == book.head().digest.hex()


def test_the_run_that_began_last_is_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "CHUNK_BYTES", 100)
    book = household(database)
    job = want(book, "csv")
    with ThreadPoolExecutor(4) as pool:
        for run in [pool.submit(run_export, database, job.ledger_id, job.id) for _ in range(4)]:
            run.result()
    assert len(kept(database, job).splitlines()) == 1 + len(book.state().transactions)


def test_a_run_that_was_killed_is_done_again(database: Database) -> None:
    book = household(database)
    job = want(book, "csv")
    half = Export(job.ledger_id, job.id, "csv", "fa", run_id=uuid4(), version=1)
    database.write(lambda c: exports.take_over(c, half))
    database.write(lambda c: exports.add_chunk(c, half, 0, b"half"))
    database.write(lambda c: jobs.change_status(c, job, "running", utc_now()))
    run_export(database, job.ledger_id, job.id)
    assert kept(database, job) == take(book, "csv")
    assert not database.read(lambda c: exports.is_written_by(c, half))


def test_nothing_is_written_for_an_erased_ledger(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = household(database)
    job = want(book, "csv")
    write = worker._write

    def erased_meanwhile(*args: Any) -> None:
        write(*args)
        database.write(lambda connection: erase(connection, book.ledger_id, utc_now()))

    monkeypatch.setattr(worker, "_write", erased_meanwhile)
    run_export(database, job.ledger_id, job.id)
    assert [book.count(table) for table in ("jobs", "exports", "export_chunks")] == [0, 0, 0]


def test_a_bug_fails_the_job(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    book = household(database)
    job = want(book, "csv")
    monkeypatch.setattr(worker, "write_csv", None)
    with pytest.raises(TypeError):
        run_export(database, job.ledger_id, job.id)
    found = database.read(lambda c: jobs.find_job(c, job.ledger_id, job.id))
    assert found is not None
    assert (found.status, found.error) == ("failed", "internal_error")


def test_few_are_kept(database: Database) -> None:
    book = household(database)
    wanted = [want(book, "csv") for _ in range(KEEP_OF_LEDGER + 2)]
    for job in wanted:
        run_export(database, job.ledger_id, job.id)
    assert book.count("exports") == book.count("jobs") == KEEP_OF_LEDGER
    assert book.count("export_chunks") == KEEP_OF_LEDGER
    kept(database, wanted[-1])


def test_a_week_later_they_are_gone(database: Database) -> None:
    book = household(database)
    old, unfinished = want(book, "csv"), want(book, "events")
    run_export(database, old.ledger_id, old.id)
    past = utc_now() - dt.timedelta(days=8)
    database.write(lambda c: c.run("UPDATE jobs SET updated_at = :past", past=past))
    tend_exports(database)
    assert book.count("exports") == book.count("jobs") == 1
    run_export(database, unfinished.ledger_id, unfinished.id)
    assert kept(database, unfinished)


def test_a_voided_row_is_rehearsed_as_it_would_be(database: Database) -> None:
    book = Book(database)
    book.record(AddCategory(id=CATEGORY_IDS[0], name="خوراک", kind="expense"))
    book.record(msgspec.structs.replace(_spend(), id=UUID(int=9)))
    book.record(VoidTransaction(transaction_id=UUID(int=9)))
    content, again = take(book, "csv"), Book(database)
    job = bring(again, content, Options(missing_categories="create", dry_run=True))
    run_import(again.store, job.ledger_id, job.id)
    assert again.head().version == 1
    assert told(brought_back(database, content).state()) == told(book.state())


def test_nothing_of_a_workbook_stays_on_the_worker(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    scratch = tmp_path / "scratch"
    killed, busy = scratch / f"{workbook.SCRATCH}killed", scratch / f"{workbook.SCRATCH}busy"
    for left in (killed, busy):
        left.mkdir(parents=True)
        (left / "1").write_text("<sheet/>")
    os.utime(killed, (0, 0))
    seen: list[list[str]] = []

    def watched(*args: Any) -> None:
        seen.append(sorted(path.name for path in scratch.rglob("*") if path.is_dir()))
        write_summary(*args)

    write_summary = workbook._write_summary
    monkeypatch.setattr(workbook, "_write_summary", watched)
    take(household(database), "xlsx")
    assert len(seen[0]) == 2
    assert killed.name not in seen[0]
    assert list(scratch.iterdir()) == [busy]


def test_its_person_is_told_once_that_a_file_is_ready(database: Database) -> None:
    book = Book(database)
    job = want(book, "csv")
    for _ in range(2):
        run_export(database, book.ledger_id, job.id)
    [notice] = database.read(lambda c: list_notices(c, book.ledger_id, None, 50, unread=False))
    assert (notice.kind, notice.data) == (
        "export_ready",
        {"export_id": str(job.id), "format": "csv"},
    )
