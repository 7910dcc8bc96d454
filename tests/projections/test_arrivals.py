"""Arrivals: a ledger is in another store what it was in this one, or it is not there."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given, settings

from domain.budgets import SetBudget
from domain.calendar import from_jalali
from domain.categories import AddCategory
from domain.goals import SetGoal
from domain.recurrences import SetRecurrence
from domain.store.codec import digest
from domain.store.database import Database, open_database
from domain.store.erasure import erase
from domain.store.leaf_log import append_leaves, lock_log
from domain.store.ledgers import Head, LedgerMissing, read_head, utc_now
from domain.store.portable import PortableEvent, portable_line
from projections.arrivals import Arrival, NotTaken, check_lines, take_in
from projections.changes import changes_since
from projections.history import events_after
from projections.readings import RowsReading
from projections.reports import monthly_report
from projections.verification import verify_ledger
from tests.books import Book
from tests.projections.histories import HOUSEHOLD, Asked, histories
from tests.projections.test_changes import TODAY, live
from tests.servers import PostgresDatabases

Lines = list[bytes]
ALL: Final = 1_000_000


@pytest.fixture
def elsewhere(
    request: pytest.FixtureRequest, database: Database, sqlite_template: Path, tmp_path: Path
) -> Iterator[list[Database]]:
    """Empty stores for a ledger to go to, one after another: of the other kind, and back."""
    path = tmp_path / "elsewhere.sqlite3"
    shutil.copyfile(sqlite_template, path)
    stores = [open_database(f"sqlite:///{path}")]
    if database.dialect == "postgresql":
        databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
        stores.append(open_database(databases.fresh()))
    yield stores
    for store in stores:
        store.close()


def lines_of(database: Database, ledger_id: UUID) -> Lines:
    """A ledger as it is exported."""
    rows = database.read(lambda connection: events_after(connection, ledger_id, 0, ALL))
    return [portable_line(r.ledger_id, r.version, r.topic, r.state, r.digest) for r in rows]


def bring(database: Database, lines: Sequence[bytes], phone: str | None = None) -> list[Arrival]:
    """Check, and take in."""
    with TemporaryFile() as kept:
        arrivals = check_lines(database, lines, kept, lambda: None)
        for arrival in arrivals:
            take_in(database, arrival, kept, phone)
    return arrivals


def told(database: Database, ledger_id: UUID) -> list[object]:
    """What a ledger says of itself."""
    with database.reading() as connection:
        head = read_head(connection, ledger_id)
        stands = [getattr(head, name) for name in Head.__struct_fields__[3:]]
        report = monthly_report(RowsReading(connection, head.rows_id), 1405, 9)
        changes = changes_since(connection, head, 0, ALL, TODAY)
    return [stands, report, changes, lines_of(database, ledger_id)]


def empty(database: Database) -> bool:
    """Whether nothing of any ledger is there."""
    tables = ("ledgers", "events", "transactions", "day_totals", "accounts")
    with database.reading() as connection:
        return not any(connection.one(f"SELECT 1 AS found FROM {table}") for table in tables)


@given(history=histories())
@settings(max_examples=25)
def test_a_ledger_is_elsewhere_what_it_was_here(
    database: Database, elsewhere: list[Database], history: list[Asked]
) -> None:
    book = Book(database)
    for asked in history:
        live(asked, book)
    before, lines = told(database, book.ledger_id), lines_of(database, book.ledger_id)
    for store in elsewhere:
        [arrival] = bring(store, lines)
        assert (arrival.version, arrival.account_id) == (book.head().version, book.account_id)
        assert told(store, book.ledger_id) == before
        assert verify_ledger(store, book.ledger_id).ok
        lines = lines_of(store, book.ledger_id)


def household(database: Database) -> tuple[Book, Lines]:
    """A ledger with a bit of everything, and its lines."""
    book = Book(database)
    live(Asked(HOUSEHOLD, is_atomic=True, is_dry_run=False), book)
    return book, lines_of(database, book.ledger_id)


def changed(line: bytes, **fields: Any) -> bytes:
    """A line that says something else."""
    event = msgspec.structs.replace(msgspec.json.decode(line, type=PortableEvent), **fields)
    return msgspec.json.encode(event) + b"\n"


def resealed(line: bytes, old: str, new: str) -> bytes:
    """A line whose state was changed by somebody who can compute digests."""
    event = msgspec.json.decode(line, type=PortableEvent)
    assert old in event.state
    state = event.state.replace(old, new)
    sealed = digest(event.ledger_id, event.version, event.topic, state.encode()).hex()
    return changed(line, state=state, digest=sealed)


def at(place: int, change: Callable[[bytes], bytes]) -> Callable[[Lines], Lines]:
    """Change one line."""
    return lambda lines: [*lines[:place], change(lines[place]), *lines[place + 1 :]]


STATE_OF_7: Final = '"amount_rials":500'
TAMPERINGS: Final[dict[str, tuple[Callable[[Lines], Lines], str, int | None]]] = {
    "a byte": (
        at(6, lambda line: line.replace(b'rials\\":500', b'rials\\":501')),
        "digest_mismatch",
        7,
    ),
    "resealed": (
        at(6, lambda x: resealed(x, STATE_OF_7, '"amount_rials":501')),
        "digest_mismatch",
        7,
    ),
    "a digest": (at(6, lambda line: changed(line, digest="0" * 64)), "digest_mismatch", 7),
    "dropped": (lambda lines: [*lines[:6], *lines[7:]], "event_missing", 7),
    "twice": (lambda lines: [*lines[:7], *lines[6:]], "event_missing", 8),
    "swapped": (lambda x: [*x[:6], x[7], x[6], *x[8:]], "event_missing", 7),
    "beginning": (lambda lines: lines[1:], "event_missing", 1),
    "a topic": (at(6, lambda line: changed(line, topic="gift.1")), "event_unreadable", 7),
    "a space": (at(6, lambda line: line.replace(b",", b", ", 1)), "line_not_canonical", 7),
    "a field": (at(6, lambda line: line[:-2] + b',"more":1}\n'), "line_not_canonical", 7),
    "no end": (lambda lines: [*lines[:-1], lines[-1][:-1]], "line_not_canonical", 12),
    "cut": (lambda lines: [*lines[:-1], lines[-1][:50]], "line_unreadable", None),
    "a problem": (lambda lines: [*lines, b'{"code":"session_ended"}\n'], "line_unreadable", None),
    "again": (lambda lines: [*lines, *lines], "event_missing", 13),
    "nothing": (lambda lines: [], "file_empty", None),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_was_tampered_with_is_named_and_leaves_nothing(
    database: Database, elsewhere: list[Database], name: str
) -> None:
    tamper, code, version = TAMPERINGS[name]
    _, lines = household(database)
    with pytest.raises(NotTaken) as refusal:
        bring(elsewhere[0], tamper(lines))
    assert (refusal.value.code, refusal.value.version) == (code, version)
    assert empty(elsewhere[0])


def test_any_flipped_byte_is_found(database: Database, elsewhere: list[Database]) -> None:
    _, lines = household(database)
    content = b"".join(lines)
    for place in range(0, len(content), 37):
        flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(NotTaken):
            bring(elsewhere[0], flipped.splitlines(keepends=True))
    assert empty(elsewhere[0])


def test_several_ledgers_come_one_after_another(
    database: Database, elsewhere: list[Database]
) -> None:
    (one, first), (other, second) = household(database), household(database)
    assert [a.ledger_id for a in bring(elsewhere[0], first + second)] == [
        *(one.ledger_id, other.ledger_id)
    ]
    for book in (one, other):
        assert verify_ledger(elsewhere[0], book.ledger_id).ok


def test_one_bad_ledger_keeps_all_out(database: Database, elsewhere: list[Database]) -> None:
    (_, first), (_, second) = household(database), household(database)
    with pytest.raises(NotTaken):
        bring(elsewhere[0], first + second[:4] + second[5:])
    assert empty(elsewhere[0])
    with pytest.raises(NotTaken, match="ledger_twice"):
        bring(elsewhere[0], first + second + first)


def test_what_is_here_or_was_erased_here_stays_so(
    database: Database, elsewhere: list[Database]
) -> None:
    book, lines = household(database)
    bring(elsewhere[0], lines)
    with pytest.raises(NotTaken, match="ledger_is_here"):
        bring(elsewhere[0], lines)
    database.write(lambda connection: erase(connection, book.ledger_id, utc_now()))
    with pytest.raises(NotTaken, match="ledger_was_erased"):
        bring(database, lines)
    with database.reading() as connection, pytest.raises(LedgerMissing):
        read_head(connection, book.ledger_id)


def test_what_the_leaf_log_proved_stays_proven(
    database: Database, elsewhere: list[Database]
) -> None:
    book, lines = household(database)
    other, others = household(database)
    store, head = elsewhere[0], book.head()

    def prove(ledger_id: UUID, version: int, sealed: bytes) -> None:
        def append(connection: Any) -> None:
            lock_log(connection)
            append_leaves(connection, "ledger", [(ledger_id, version, sealed)])

        store.write(append)

    prove(other.ledger_id, 5, b"\x01" * 32)
    with pytest.raises(NotTaken) as refusal:
        bring(store, others)
    assert (refusal.value.code, refusal.value.version) == ("proven_otherwise", 5)
    prove(book.ledger_id, head.version, head.digest)
    with pytest.raises(NotTaken) as refusal:
        bring(store, lines[:-1])
    assert (refusal.value.code, refusal.value.version) == ("proven_longer", head.version)
    bring(store, lines)


def test_a_history_that_no_rows_can_tell_is_refused(database: Database) -> None:
    book, lines = household(database)
    stranger = "00000000-0000-0000-0000-00000000dead"
    food = str(UUID(int=0xC02))
    [*before, last] = lines[:8]
    assert food in last.decode()
    database.write(lambda connection: erase_rows(connection, book.ledger_id))
    with pytest.raises(NotTaken, match="fold_impossible"):
        bring(database, [*before, resealed(last, food, stranger)])


@pytest.mark.parametrize(
    ("said", "instead"),
    [('"interval":1', '"interval":-1'), ('"interval":1', '"interval":0'), ('["sunday"]', "[]")],
)
def test_what_would_recur_without_end_on_one_day_is_refused(
    database: Database, said: str, instead: str
) -> None:
    book, _ = household(database)
    book.record(
        SetRecurrence(
            category_id=UUID(int=0xC02), amount_rials=5, period="week", weekdays=("sunday",)
        )
    )
    [*before, last] = lines_of(database, book.ledger_id)
    database.write(lambda connection: erase_rows(connection, book.ledger_id))
    with pytest.raises(NotTaken, match="event_impossible"):
        bring(database, [*before, resealed(last, said, instead)])


def erase_rows(connection: Any, ledger_id: UUID) -> None:
    """Forget a ledger without a tombstone."""
    erase(connection, ledger_id, utc_now())
    connection.run("DELETE FROM tombstones")


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ('"max_amount_rials":9', '"max_amount_rials":null'),
        ('"repeat":"month"', '"repeat":"none"'),
        ('"end":"2026-10-22"', '"end":"2026-09-22"'),
        ('"start":"2026-09-23"', '"start":"0001-01-01"'),
    ],
)
def test_a_budget_that_nothing_can_be_counted_of_is_refused(
    database: Database, said: str, instead: str
) -> None:
    book, _ = household(database)
    days = {"start": from_jalali(1405, 7, 1), "end": from_jalali(1405, 7, 30)}
    terms: dict[str, Any] = {"max_amount_rials": 9, "repeat": "month", "rollover": "both", **days}
    book.record(SetBudget(category_id=UUID(int=0xC02), **terms))
    [*before, last] = lines_of(database, book.ledger_id)
    database.write(lambda connection: erase_rows(connection, book.ledger_id))
    with pytest.raises(NotTaken, match="event_impossible"):
        bring(database, [*before, resealed(last, said, instead)])


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ('"target_amount_rials":9', '"target_amount_rials":0'),
        ('"target_date":"2026-09-23"', '"target_date":"0001-01-01"'),
    ],
)
def test_a_goal_that_nothing_can_be_counted_of_is_refused(
    database: Database, said: str, instead: str
) -> None:
    book, _ = household(database)
    savings = uuid4()
    book.record(AddCategory(id=savings, name="سفر", kind="savings"))
    day = from_jalali(1405, 7, 1)
    book.record(SetGoal(category_id=savings, target_amount_rials=9, target_date=day))
    [*before, last] = lines_of(database, book.ledger_id)
    database.write(lambda connection: erase_rows(connection, book.ledger_id))
    with pytest.raises(NotTaken, match="event_impossible"):
        bring(database, [*before, resealed(last, said, instead)])
