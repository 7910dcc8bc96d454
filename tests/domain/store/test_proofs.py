"""Checking a checkpoint: what was changed in the store since is found, by ledger and version."""

from collections.abc import Callable

import pytest

from domain.categories import AddCategory
from domain.store.checkpoints import Checkpoint
from domain.store.database import Connection, Database
from domain.store.proofs import LogFinding, check_checkpoint
from domain.verifier import Unreadable
from tests.books import Book
from tests.domain.store.test_checkpoints import change, forget, sign
from tests.exhibits import OTHER_SIGNER, SIGNER

Change = Callable[[Connection, Book], object]


def findings(database: Database, signed: Checkpoint) -> list[LogFinding]:
    """What is found when a checkpoint is held against the store."""
    note = signed.note.encode()
    return database.read(lambda c: list(check_checkpoint(c, note, SIGNER.public_key)))


@pytest.fixture
def book(database: Database) -> Book:
    """A ledger of three events, in the log as it stood at each, among others."""
    found = Book(database)
    for _ in range(2):
        Book(database)
        sign(database)
        change(found)
    sign(database)
    return found


def unguard(connection: Connection, table: str) -> None:
    """What somebody with all rights to the database can do."""
    if connection.dialect == "postgresql":
        connection.run(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        return
    for name in ("stay", "remain", "grow"):
        connection.run(f"DROP TRIGGER {table}_{name}")


def test_what_was_only_added_to_is_as_every_checkpoint_says(database: Database, book: Book) -> None:
    early = sign(database)
    change(book)
    gone = Book(database)
    sign(database)
    change(gone)
    forget(gone)
    late = sign(database)
    change(book)
    assert findings(database, early) == findings(database, late) == []


TAMPERED: dict[str, tuple[str, int | None, Change]] = {
    "an event is changed": (
        "event_changed",
        2,
        lambda c, book: c.run(
            "UPDATE events SET state = :state"
            " WHERE originator_id = :ledger_id AND originator_version = 2",
            state=b'{"amount_rials":1}',
            ledger_id=book.ledger_id,
        ),
    ),
    "an event is renamed": (
        "event_changed",
        3,
        lambda c, book: c.run(
            "UPDATE events SET topic = 'income-recorded.1'"
            " WHERE originator_id = :ledger_id AND originator_version = 3",
            ledger_id=book.ledger_id,
        ),
    ),
    "an event is removed": (
        "event_missing",
        3,
        lambda c, book: c.run(
            "DELETE FROM events WHERE originator_id = :ledger_id AND originator_version = 3",
            ledger_id=book.ledger_id,
        ),
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_is_named(database: Database, book: Book, what: str) -> None:
    code, version, tamper = TAMPERED[what]
    signed = sign(database)
    database.write(lambda c: tamper(c, book))
    assert findings(database, signed) == [LogFinding(code, book.ledger_id, version)]


def test_a_ledger_that_went_without_a_tombstone_is_missing(database: Database, book: Book) -> None:
    signed = sign(database)
    forget(book)
    assert findings(database, signed) == []
    database.write(lambda c: c.run("DELETE FROM tombstones"))
    assert findings(database, signed) == [
        LogFinding("event_missing", book.ledger_id, version) for version in (1, 2, 3)
    ]


def test_a_tombstone_that_was_changed_is_named(database: Database, book: Book) -> None:
    forget(book)
    signed = sign(database)
    database.write(lambda c: c.run("UPDATE tombstones SET digest = :digest", digest=bytes(32)))
    changed = LogFinding("tombstone_changed", book.ledger_id, 3)
    assert findings(database, signed) == [changed, changed]


@pytest.mark.parametrize(
    ("code", "table", "sql"),
    [
        ("leaves_missing", "leaves", "DELETE FROM leaves WHERE leaf_index = 0"),
        ("leaves_missing", "leaves", "DELETE FROM leaves WHERE leaf_index = 4"),
        ("tombstone_changed", "leaves", "UPDATE leaves SET kind='tombstone' WHERE leaf_index = 0"),
        ("tree_changed", "tree_nodes", "UPDATE tree_nodes SET hash = :hash"),
        ("tree_changed", "tree_nodes", "DELETE FROM tree_nodes"),
        ("leaves_changed", "leaves", "UPDATE leaves SET kind = 'x' WHERE leaf_index = 1"),
        ("leaves_changed", "leaves", "UPDATE leaves SET version = -1 WHERE leaf_index = 1"),
    ],
)
def test_a_log_that_was_changed_is_found(
    database: Database, book: Book, code: str, table: str, sql: str
) -> None:
    signed = sign(database)
    database.write(lambda c: unguard(c, table))
    params = {"hash": bytes(32)} if ":hash" in sql else {}
    database.write(lambda c: c.run(sql, **params))
    assert code in {finding.code for finding in findings(database, signed)}


def test_events_and_leaves_changed_together_do_not_have_the_root(
    database: Database, book: Book
) -> None:
    signed = sign(database)
    database.write(lambda c: unguard(c, "leaves"))
    swap = "UPDATE leaves SET version = 2, digest = :digest WHERE version = 3"
    end = database.read(lambda c: c.one("SELECT digest FROM leaves WHERE version = 2"))
    assert end is not None
    database.write(lambda c: c.run(swap, digest=end["digest"]))
    assert findings(database, signed) == [LogFinding("leaves_changed")]


def test_a_checkpoint_of_another_is_not_ours(database: Database, book: Book) -> None:
    book.record(AddCategory(name="پوشاک", kind="expense"))
    assert findings(database, sign(database, OTHER_SIGNER)) == [LogFinding("checkpoint_not_ours")]
    with pytest.raises(Unreadable):
        database.read(lambda c: list(check_checkpoint(c, b"no note", SIGNER.public_key)))
