"""Checkpoints: where each ledger stands goes into the log once, and is never changed."""

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from uuid import UUID

import psycopg
import pytest

from domain.categories import AddCategory
from domain.store import checkpoints
from domain.store.checkpoints import (
    Checkpoint,
    checkpoint_of,
    checkpoints_before,
    latest_checkpoint,
    sign_checkpoint,
)
from domain.store.database import Connection, Database, as_record, open_database
from domain.store.erasure import erase
from domain.store.leaf_log import Known, Leaf, known
from domain.store.proofs import (
    CheckpointMissing,
    LedgerNotProven,
    prove_consistency,
    prove_ledger,
)
from domain.verifier import (
    flaws_of_checkpoint,
    is_consistent,
    leaf_hash,
    read_checkpoint,
    read_key,
    root_by_inclusion,
)
from tests.books import NOON, Book
from tests.exhibits import OTHER_SIGNER, SEED, SIGNER
from tests.keeper import ROOT
from tests.trees import mth, path, proof


def sign(database: Database, signer: checkpoints.Signer = SIGNER) -> Checkpoint:
    """Sign a checkpoint of a log that is not empty."""
    signed = sign_checkpoint(database, signer, NOON)
    assert signed is not None
    return signed


def log_of(database: Database) -> list[Leaf]:
    """The whole log; its indexes have no gap."""
    rows = database.read(lambda c: c.all("SELECT * FROM leaves ORDER BY leaf_index"))
    found = [as_record(row, Leaf) for row in rows]
    assert [leaf.leaf_index for leaf in found] == list(range(len(found)))
    return found


def told(leaves: list[Leaf]) -> list[tuple[str, UUID, int, bytes]]:
    """Leaves without their place, in an order of their own."""
    return sorted((leaf.kind, leaf.ledger_id, leaf.version, leaf.digest) for leaf in leaves)


def head(book: Book) -> tuple[str, UUID, int, bytes]:
    """The leaf that a ledger must have, as it stands."""
    found = book.head()
    return ("ledger", book.ledger_id, found.version, found.digest)


def change(book: Book) -> None:
    """Add an event."""
    book.record(AddCategory(name=f"دستهٔ {book.head().version}", kind="expense"))


def forget(book: Book) -> None:
    """Erase a ledger."""
    book.database.write(lambda connection: erase(connection, book.ledger_id, NOON))


def assert_whole(database: Database) -> None:
    """The tree, every proof and every checkpoint are those of the leaves, by the RFC."""
    leaves = log_of(database)
    hashes = [leaf.hash for leaf in leaves]
    with database.reading() as connection:
        signed = checkpoints_before(connection, 2**60, 1000)
        assert [one.size for one in signed] == sorted({one.size for one in signed}, reverse=True)
        for later in signed:
            held = hashes[: later.size]
            assert later.root == mth(held)
            last = {leaf.ledger_id: leaf for leaf in leaves[: later.size]}
            for leaf in last.values():
                found = prove_ledger(connection, leaf.ledger_id, later.size)
                assert (found.leaf_index, found.version) == (leaf.leaf_index, leaf.version)
                assert found.path == path(leaf.leaf_index, held)
            for earlier in signed:
                if earlier.size <= later.size:
                    proven = prove_consistency(connection, earlier.size, later.size)
                    assert proven == proof(earlier.size, held)


def test_an_empty_log_is_not_signed(database: Database) -> None:
    assert sign_checkpoint(database, SIGNER, NOON) is None
    assert database.read(latest_checkpoint) is None


def test_what_changed_goes_in_once(database: Database) -> None:
    books = [Book(database) for _ in range(3)]
    first = sign(database)
    assert first.size == 3
    assert told(log_of(database)) == sorted(map(head, books))
    assert sign(database) == first

    before = head(books[0])
    change(books[0])
    change(books[0])
    second = sign(database)
    assert second.size == 4
    assert told(log_of(database)[3:]) == [head(books[0])]
    assert before in told(log_of(database))
    assert_whole(database)
    assert database.read(latest_checkpoint) == second
    assert database.read(lambda c: checkpoint_of(c, 3)) == first
    assert database.read(lambda c: checkpoint_of(c, 2)) is None
    assert database.read(lambda c: checkpoints_before(c, 4, 10)) == [first]


def test_many_ledgers_are_taken_in_a_few_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LOOK_AT_ONCE", 3)
    books = [Book(database) for _ in range(9)]
    for book in books[:6]:
        forget(book)
    assert sign(database).size == 9
    for book in books[6:8]:
        change(book)
    forget(books[8])
    sign(database)
    assert len(log_of(database)) == 12
    assert_whole(database)


def test_a_note_is_one_that_others_can_check(database: Database) -> None:
    Book(database)
    signed = sign(database)
    key = read_key(signed.public_key)
    note = read_checkpoint(signed.note.encode())
    assert (note.origin, note.size, note.root) == ("tests", 1, signed.root)
    assert flaws_of_checkpoint(note, key) == []
    assert flaws_of_checkpoint(note, read_key(OTHER_SIGNER.public_key)) != []
    assert signed.public_key == SIGNER.public_key
    assert signed.signed_at == NOON


def test_an_erased_ledger_leaves_its_leaves_and_gets_a_tombstone(database: Database) -> None:
    book, other = Book(database), Book(database)
    before = sign(database)
    first = database.read(lambda c: prove_ledger(c, book.ledger_id))
    change(book)
    end = book.head()
    forget(book)
    after = sign(database)

    assert after.size == 3
    assert database.read(lambda c: known(c, book.ledger_id)) == [
        Known(1, first.digest, "ledger"),
        Known(2, end.digest, "tombstone"),
    ]
    assert database.read(lambda c: prove_ledger(c, book.ledger_id, before.size)) == first
    last = database.read(lambda c: prove_ledger(c, book.ledger_id))
    assert (last.kind, last.version, last.digest) == ("tombstone", 2, end.digest)
    leaf = leaf_hash("tombstone", book.ledger_id, 2, end.digest)
    assert root_by_inclusion(leaf, last.leaf_index, 3, last.path) == after.root
    assert sign(database) == after
    assert database.read(lambda c: known(c, other.ledger_id))[0].kind == "ledger"
    assert_whole(database)


def test_who_never_was_in_the_log_is_only_in_it_as_a_tombstone(database: Database) -> None:
    book = Book(database)
    forget(book)
    sign(database)
    assert [leaf.kind for leaf in log_of(database)] == ["tombstone"]


def test_what_is_not_signed_is_not_proven(database: Database) -> None:
    book = Book(database)
    with pytest.raises(CheckpointMissing):
        database.read(lambda c: prove_ledger(c, book.ledger_id))
    first = sign(database)
    late = Book(database)
    sign(database)
    with pytest.raises(LedgerNotProven):
        database.read(lambda c: prove_ledger(c, late.ledger_id, first.size))
    with pytest.raises(CheckpointMissing):
        database.read(lambda c: prove_ledger(c, book.ledger_id, 9))
    with pytest.raises(CheckpointMissing):
        database.read(lambda c: prove_consistency(c, 1, 9))


def test_another_key_signs_from_the_next_checkpoint_on(database: Database) -> None:
    book = Book(database)
    old = sign(database)
    assert sign(database, OTHER_SIGNER) == old
    change(book)
    new = sign(database, OTHER_SIGNER)
    assert (old.public_key, new.public_key) == (SIGNER.public_key, OTHER_SIGNER.public_key)
    path = database.read(lambda c: prove_consistency(c, old.size, new.size))
    assert is_consistent((old.size, old.root), (new.size, new.root), path)


@pytest.mark.parametrize("table", ["leaves", "tree_nodes", "checkpoints"])
def test_the_log_only_grows(database: Database, table: str) -> None:
    Book(database)
    Book(database)
    sign(database)
    changes = [f"DELETE FROM {table}", f"UPDATE {table} SET {_COLUMN[table]} = {_COLUMN[table]}"]
    if database.dialect == "sqlite":
        changes.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    else:
        changes.append(f"TRUNCATE {table}")
    for sql in changes:
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="only g"):
            database.write(partial(Connection.run, sql=sql))
    assert_whole(database)


_COLUMN = {"leaves": "kind", "tree_nodes": "hash", "checkpoints": "note"}


def test_signers_at_once_make_one_log(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "LOOK_AT_ONCE", 2)
    database = open_database(database_url)
    books = [Book(database) for _ in range(8)]
    failures: list[BaseException] = []

    def often(work: Callable[[], object]) -> None:
        try:
            for _ in range(6):
                work()
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below
            failures.append(error)

    others = [open_database(database_url) for _ in range(3)]
    works = [partial(sign, other) for other in others] + [partial(change, book) for book in books]
    threads = [threading.Thread(target=often, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()

    assert failures == []
    sign(database)
    places = [(leaf.ledger_id, leaf.version) for leaf in log_of(database)]
    assert len(places) == len(set(places))
    assert {book.ledger_id: 7 for book in books} == dict(sorted(places))
    assert_whole(database)
    database.close()


KILLED_SIGNER = """
import datetime, os, signal, sys
from domain.store import checkpoints
from domain.store.database import open_database

url, seed, moment, times = sys.argv[1:]
checkpoints.LOOK_AT_ONCE = 2
database = open_database(url)
left = int(times)

def dies(work):
    def dying(*words, **more):
        global left
        left -= 1
        if not left and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = work(*words, **more)
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return dying

if moment == "committed":
    database.write = dies(database.write)
else:
    checkpoints.append_leaves = dies(checkpoints.append_leaves)
signer = checkpoints.Signer("tests", bytes.fromhex(seed))
checkpoints.sign_checkpoint(database, signer, datetime.datetime.now(datetime.UTC))
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "appended", "committed"])
def test_who_signs_after_a_killed_signer_goes_on(database_url: str, moment: str) -> None:
    database = open_database(database_url)
    books = [Book(database) for _ in range(5)]
    sign(database)
    for book in books:
        change(book)
    words = [sys.executable, "-c", KILLED_SIGNER, database_url, SEED.hex(), moment, "2"]
    killed = subprocess.run(words, cwd=ROOT, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    committed = {"before": 2, "appended": 2, "committed": 4}[moment]
    assert len(log_of(database)) == 5 + committed
    left = database.read(latest_checkpoint)
    assert left is not None
    assert left.size == 5

    assert sign(database).size == 10
    assert told(log_of(database)[5:]) == sorted(map(head, books))
    assert_whole(database)
    database.close()
