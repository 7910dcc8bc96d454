"""Verification: whatever is changed behind everybody's back is found, and named."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID, uuid4

import pytest

from domain.categories import AddCategory
from domain.store import accounts
from domain.store.accounts import Account
from domain.store.database import Connection, Database
from domain.store.erasure import PROJECTED_TABLES, erase
from domain.store.ledgers import LedgerMissing, utc_now
from domain.transactions import (
    CorrectTransaction,
    RecordTransaction,
    RestoreTransaction,
    VoidTransaction,
)
from projections import chain, verification
from projections.verification import Verification, verify_ledger
from projections.whole_store import count_events, verify_store
from tests.books import NOON, Book
from tests.projections.histories import CATEGORY_IDS, HOUSEHOLD, TRANSACTION_IDS
from tests.projections.tampering import live
from tests.tampering import OTHER_ID, changed, columns_of, first_row, others_than

UNTOLD: Final = {
    ("events", "notification_id"),  # an order of arrival on one machine, and of no event
    ("ledgers", "generation"),  # how often rows were put right: what came of it is compared
}
"""Columns that no event says anything about."""

Found = set[tuple[str, int | None]]


@pytest.fixture
def book(database: Database) -> Book:
    """A ledger with rows in every table, at version 15."""
    book = Book(database)
    for command in HOUSEHOLD:
        book.record(command)
    book.record(CorrectTransaction(transaction_id=TRANSACTION_IDS[1], amount_rials=61))
    book.record(VoidTransaction(transaction_id=TRANSACTION_IDS[2]))
    book.record(RestoreTransaction(transaction_id=TRANSACTION_IDS[2]))
    assert book.head().version == 15
    return book


def verified(book: Book) -> Verification:
    return verify_ledger(book.database, book.ledger_id)


def found(book: Book) -> Found:
    return {(finding.code, finding.version) for finding in verified(book).findings}


def run(book: Book, *statements: str, **params: object) -> None:
    def work(connection: Connection) -> None:
        for sql in statements:
            assert connection.run(sql, ledger_id=book.ledger_id, **params)

    book.database.write(work)


def test_what_is_in_order_is_verified(book: Book) -> None:
    result = verified(book)
    assert (result.ok, result.findings, result.found) == (True, [], 0)
    assert (result.version, result.events, result.digest) == (15, 15, book.head().digest)
    assert result.totals == book.head().totals


@pytest.mark.parametrize("table", ["ledgers", *PROJECTED_TABLES])
def test_no_value_of_what_is_derived_can_be_changed(database: Database, table: str) -> None:
    book, other = Book(database), Book(database)
    live(book)
    column = "ledger_id"
    row = first_row(
        book.database, table, column, book.ledger_id if table == "ledgers" else book.rows_id
    )
    tried = 0
    for name, kind in columns_of(book.database, table).items():
        if name == column or (table, name) in UNTOLD:
            continue
        for value in others_than(row[name], kind):
            if value == row[name]:
                continue
            with changed(book.database, table, row, name, value):
                assert not verified(book).ok, (name, value)
                assert verified(other).ok
                tried += 1
    assert tried >= 2
    assert verified(book).ok


def test_no_value_of_an_event_can_be_changed(book: Book) -> None:
    find = "SELECT * FROM events WHERE originator_id = :id ORDER BY originator_version"
    rows = book.database.read(lambda c: c.all(find, id=book.ledger_id))
    state_of_another = rows[6]["state"]
    for row in rows:
        version = row["originator_version"]
        flipped = row["state"].replace(b'"actor":"', b'"actor":"x', 1)
        for column, value in (
            ("topic", "income-recorded.1"),
            ("topic", "x"),
            ("state", flipped),
            ("state", state_of_another),
            ("state", row["state"] + b" "),
            ("state", b"{}"),
            ("state", b"\xff"),
            ("originator_version", 99),
            ("originator_id", OTHER_ID),
        ):
            if value == row[column]:
                continue
            is_last = version == 15
            with changed(book.database, "events", row, column, value):
                versions = {finding.version for finding in verified(book).findings}
                assert versions & {version, version - 1 if column == "state" else None}, (
                    version,
                    column,
                    value,
                )
                assert is_last or column != "state" or value != flipped or versions == {version}
    assert verified(book).ok


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["DELETE FROM events WHERE {of} = 7"], ("event_missing", 7)),
        (["DELETE FROM events WHERE {of} = 1"], ("event_missing", 1)),
        (["DELETE FROM events WHERE {of} = 15"], ("head_version", None)),
        (["DELETE FROM events WHERE {of} = 15"], ("head_digest", 15)),
        (
            [
                "UPDATE events SET originator_version = 99 WHERE {of} = 7",
                "UPDATE events SET originator_version = 7 WHERE {of} = 8",
                "UPDATE events SET originator_version = 8 WHERE {of} = 99",
            ],
            ("digest_mismatch", 7),
        ),
        (
            ["UPDATE events SET originator_version = originator_version + 100 WHERE {of} = 15"],
            ("event_missing", 15),
        ),
        (["DELETE FROM events WHERE {of} > 0"], ("head_version", None)),
    ],
    ids=["dropped", "first dropped", "last dropped", "end moved", "swapped", "moved on", "all"],
)
def test_events_that_are_elsewhere_are_missed(
    book: Book, statements: list[str], expected: tuple[str, int | None]
) -> None:
    of = "originator_id = :ledger_id AND originator_version"
    run(book, *(sql.format(of=of) for sql in statements))
    assert expected in found(book)


def test_an_event_that_is_there_twice_is_found(book: Book) -> None:
    of = "originator_id = :ledger_id AND originator_version"
    columns = "originator_id, originator_version, topic, state"
    run(
        book,
        f"UPDATE events SET originator_version = originator_version + 100 WHERE {of} > 7",
        f"INSERT INTO events ({columns}) SELECT originator_id, 8, topic, state"
        f" FROM events WHERE {of} = 7",
        f"UPDATE events SET originator_version = originator_version - 99 WHERE {of} > 100",
    )
    # The eighth names the digest of the sixth, and the ninth that of the seventh.
    assert {("digest_mismatch", 7), ("digest_mismatch", 8)} <= found(book)


def test_an_event_of_another_ledger_is_found(book: Book) -> None:
    other = Book(book.database)
    other.record(AddCategory(name="خوراک", kind="expense"))
    run(
        book,
        "DELETE FROM events WHERE originator_id = :ledger_id AND originator_version = 2",
        "UPDATE events SET originator_id = :ledger_id"
        " WHERE originator_id = :other AND originator_version = 2",
        other=other.ledger_id,
    )
    assert {("digest_mismatch", 1), ("digest_mismatch", 2)} <= found(book)
    assert {("head_version", None), ("head_digest", 2)} <= found(other)


def test_whole_histories_that_changed_places_are_found(book: Book) -> None:
    other = Book(book.database)
    move = "UPDATE events SET originator_id = :to WHERE originator_id = :from_id"
    away = uuid4()
    for from_id, to in (
        (book.ledger_id, away),
        (other.ledger_id, book.ledger_id),
        (away, other.ledger_id),
    ):
        book.database.write(lambda c, f=from_id, t=to: c.run(move, from_id=f, to=t))  # type: ignore[misc]
    assert {("prev_mismatch", 1), ("head_version", None)} <= found(book)
    assert ("prev_mismatch", 1) in found(other)


def test_time_does_not_go_back(book: Book) -> None:
    row = first_row(book.database, "events", "originator_id", book.ledger_id)
    late = row["state"].replace(b"2026-11-23", b"2027-11-23")
    assert late != row["state"]
    with changed(book.database, "events", row, "state", late):
        assert ("time_reversed", 2) in found(book)
    naive = row["state"].replace(b"Z", b"", 1)
    with changed(book.database, "events", row, "state", naive):
        assert ("time_without_zone", 1) in found(book)


def test_an_impossible_event_is_named_and_the_rest_is_looked_at(book: Book) -> None:
    find = "SELECT * FROM events WHERE originator_id = :id AND originator_version = 13"
    [row] = book.database.read(lambda c: c.all(find, id=book.ledger_id))
    astray = row["state"].replace(str(TRANSACTION_IDS[1]).encode(), str(OTHER_ID).encode())
    assert astray != row["state"]
    with changed(book.database, "events", row, "state", astray):
        result = verified(book)
    codes = {(finding.code, finding.version) for finding in result.findings}
    assert {("event_impossible", 13), ("digest_mismatch", 13)} == codes
    assert (result.totals, result.events) == (None, 15)


def test_of_a_row_that_differs_the_columns_that_do_are_told(book: Book) -> None:
    change = "UPDATE transactions SET amount_rials = 501 WHERE ledger_id = :rows_id AND id = :id"
    run(book, change, rows_id=book.rows_id, id=TRANSACTION_IDS[0])
    [finding] = verified(book).findings
    about = f"transactions {TRANSACTION_IDS[0]}"
    assert (finding.code, finding.about, finding.version) == ("row_differs", about, 7)
    assert (finding.told, finding.expected) == ({"amount_rials": 501}, {"amount_rials": 500})


def test_rows_that_were_taken_or_added_are_named(book: Book) -> None:
    run(
        book,
        "DELETE FROM transactions WHERE ledger_id = :rows_id AND id = :id",
        rows_id=book.rows_id,
        id=TRANSACTION_IDS[0],
    )
    names = {(f.code, f.about, f.version) for f in verified(book).findings}
    assert ("row_missing", f"transactions {TRANSACTION_IDS[0]}", 7) in names
    run(
        book,
        "UPDATE categories SET id = :id WHERE ledger_id = :rows_id AND name = 'قلک'"
        " OR ledger_id = :rows_id AND name = 'درآمد'",
        rows_id=book.rows_id,
        id=OTHER_ID,
    )
    names = {(f.code, f.about, f.version) for f in verified(book).findings}
    assert ("row_unexpected", f"categories {OTHER_ID}", 2) in names


def test_an_answer_of_a_version_that_never_was_is_found(book: Book) -> None:
    run(
        book,
        "INSERT INTO idempotency_keys (ledger_id, key, fingerprint, version, status, headers, body)"
        " VALUES (:ledger_id, 'k', :bytes, 16, 200, '{}', :bytes)",
        bytes=b"",
    )
    assert found(book) == {("key_ahead", None)}


def test_a_ledger_given_to_another_account_is_found(book: Book) -> None:
    account = Account(book.account_id, "+989121234567", "person", book.ledger_id, NOON)
    book.database.write(lambda connection: accounts.add_account(connection, account))
    assert verified(book).ok
    run(book, "UPDATE accounts SET id = :id WHERE ledger_id = :ledger_id", id=OTHER_ID)
    assert found(book) == {("owner_differs", 1)}


def test_a_ledger_that_is_not_there_is_not_verified(database: Database) -> None:
    with pytest.raises(LedgerMissing):
        verify_ledger(database, uuid4())


def test_long_histories_are_read_a_few_at_a_time(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "AT_ONCE", 5)
    steps: list[int] = []

    def advance(events: int) -> None:
        steps.append(events)
        if len(steps) == 2:
            # Recorded while it is verified: followed too, and compared with the rows after it.
            book.record(AddCategory(name="تازه", kind="expense"))

    result = verify_ledger(book.database, book.ledger_id, advance)
    assert (result.ok, result.version, sum(steps)) == (True, 16, 16)
    run(book, "UPDATE ledgers SET income = income + 1 WHERE ledger_id = :ledger_id")
    assert found(book) == {("head_totals", None)}
    with pytest.raises(LedgerMissing):
        verify_ledger(book.database, book.ledger_id, lambda _: _erase(book))


def test_what_is_recorded_meanwhile_is_no_finding(book: Book) -> None:
    started, over = threading.Event(), threading.Event()

    def record() -> None:
        for number in range(60):
            entry = RecordTransaction(category_id=CATEGORY_IDS[1], amount_rials=number + 1)
            book.record(entry)
            started.set()
        over.set()

    versions = set()
    with ThreadPoolExecutor(1) as pool:
        recording = pool.submit(record)
        assert started.wait(10)
        while not over.is_set():
            result = verified(book)
            assert result.findings == []
            versions.add(result.version)
        recording.result()
    assert len(versions) > 1, "nothing was recorded meanwhile"
    assert verified(book).version == 75


def test_of_very_many_findings_the_first_are_kept(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "MOST_FINDINGS", 3)
    run(book, "UPDATE events SET state = :nothing WHERE originator_id = :ledger_id", nothing=b"{}")
    result = verified(book)
    assert [(f.code, f.version) for f in result.findings] == [
        ("event_unreadable", version) for version in (1, 2, 3)
    ]
    assert (result.found, result.ok) == (16, False)


def _erase(book: Book) -> None:
    book.database.write(lambda connection: erase(connection, book.ledger_id, utc_now()))


def in_store(database: Database) -> dict[UUID, Found]:
    """What is found in a whole store, and in which ledger."""
    return {
        result.ledger_id: {(finding.code, finding.version) for finding in result.findings}
        for result in verify_store(database, lambda _events: None)
    }


def test_a_store_is_verified_whole(book: Book) -> None:
    other, gone = Book(book.database), Book(book.database)
    _erase(gone)
    steps: list[int] = []
    results = list(verify_store(book.database, steps.append))
    ids = {book.ledger_id, other.ledger_id, gone.ledger_id}
    assert {result.ledger_id for result in results} == ids
    assert all(result.ok for result in results)
    assert sum(steps) == count_events(book.database) == 16


def test_what_an_erasure_left_is_found(book: Book) -> None:
    _erase(book)
    insert = "INSERT INTO events (originator_id, originator_version, topic, state)"
    insert += " VALUES (:ledger_id, 1, 'ledger-opened.1', :state)"
    run(book, insert, state=b"{}")
    [result] = verify_store(book.database, lambda _events: None)
    assert [(f.code, f.about, f.told) for f in result.findings] == [("rows_left", "events", 1)]


def test_what_belongs_to_no_ledger_is_found(book: Book) -> None:
    run(book, "DELETE FROM ledgers WHERE ledger_id = :ledger_id")
    rows_id = next(iter(in_store(book.database).keys() - {book.ledger_id}))
    assert in_store(book.database) == {
        book.ledger_id: {("ledger_missing", None)},
        rows_id: {("rows_astray", None)},
    }
