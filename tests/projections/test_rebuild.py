"""Rebuilding a ledger: whatever is wrong is named and put right, and nothing else is written."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings

from domain.base import RecordedEvent, Refusal
from domain.store.codec import digest, to_stored
from domain.store.database import Connection, Database
from domain.store.erasure import PROJECTED_TABLES, erase
from domain.store.ledgers import LedgerStore, utc_now
from domain.store.quarantines import quarantines_among
from domain.transactions import ExpenseRecorded, RecordTransaction
from projections import images, rebuild, row_sets
from projections.images import Row, Table
from projections.indexing import index_descriptions
from projections.rebuild import rebuild_ledger, verify_ledger
from projections.row_sets import clear_neglected
from projections.rows import LedgerRows
from projections.transactions import Filter, list_transactions
from tests.books import NOON, Book
from tests.conftest import DIALECTS
from tests.projections.histories import CATEGORY_IDS, Asked, histories
from tests.projections.tampering import COLUMNS, empty, live, spoil
from tests.traces import traces

ALL_IDS = (UUID(int=0), UUID(int=2**128 - 1))
# PostgreSQL puts right in place, and builds no sets of rows.
on_sqlite_only = pytest.mark.parametrize("database_url", DIALECTS[:1], indirect=True)


@pytest.fixture(params=["in place", "beside"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How rows are put right: where they are, or beside those that are read, as if many."""
    if request.param == "beside":
        monkeypatch.setattr(rebuild, "SMALL", 0)
        monkeypatch.setattr(rebuild, "FEW", 0)
        monkeypatch.setattr(row_sets, "FIRST_ROWS", 2)
        monkeypatch.setattr(row_sets, "CAUGHT_UP", 2)
    return str(request.param)


@pytest.fixture
def lived(database: Database) -> Book:
    """A ledger with a row in every table."""
    book = Book(database)
    live(book)
    return book


def test_what_is_right_is_left_alone(lived: Book) -> None:
    before = lived.head()
    for look in (verify_ledger, rebuild_ledger):
        verdict = look(lived.database, lived.ledger_id)
        assert (verdict.is_right, verdict.events) == (True, before.version)
    assert lived.head() == before


@pytest.mark.parametrize(("table", "column"), COLUMNS.values(), ids=COLUMNS)
def test_every_column_is_named_and_put_right(lived: Book, table: str, column: str) -> None:
    rows_id = lived.rows_id
    assert lived.database.write(lambda c: spoil(c, rows_id, table, column))
    before = lived.differences()

    found = verify_ledger(lived.database, lived.ledger_id)
    assert set(found.wrong) == {table}
    told_of = {column for named in found.named for column in named.columns}
    assert told_of == {column} or all(named.is_missing or named.is_extra for named in found.named)
    assert lived.differences() == before, "looking changes nothing"

    assert rebuild_ledger(lived.database, lived.ledger_id) == found
    assert lived.differences() == []
    assert verify_ledger(lived.database, lived.ledger_id).is_right


@pytest.mark.parametrize("table", PROJECTED_TABLES)
def test_rows_that_are_missing_or_too_many_are_named_and_put_right(
    lived: Book, table: str, way: str
) -> None:
    rows_id, before = lived.rows_id, lived.head()
    [of] = [one for one in images.TABLES if one.name == table]
    names = ", ".join(of.columns)

    def tamper(connection: Connection) -> None:
        rows = connection.tuples(f"SELECT {names} FROM {table} WHERE ledger_id = :id", id=rows_id)
        key = ("ledger_id", *of.columns[: of.key])
        connection.remove_rows(table, key, rows_id, [rows[0][: of.key]])
        other = uuid4()
        foreign = other.bytes if connection.dialect == "sqlite" else other
        place = 0 if of.columns[0].endswith("id") else 1
        if of.columns[0] == "version":
            # One row a ledger, known by the version it was changed at.
            place, foreign = 0, rows[-1][0] + 1
        extra = [*rows[-1][:place], foreign, *rows[-1][place + 1 :]]
        images.add_rows(connection, of, rows_id, [tuple(extra)])

    lived.database.write(tamper)
    verdict = rebuild_ledger(lived.database, lived.ledger_id)
    assert verdict.wrong == {table: 2}
    ways = sorted((named.is_missing, named.is_extra) for named in verdict.named)
    assert ways == [(False, True), (True, False)] or way == "beside"
    assert lived.differences() == []
    head = lived.head()
    assert (head.version, head.digest) == (before.version, before.digest)
    assert head.generation == before.generation + 1
    is_elsewhere = way == "beside" and lived.database.dialect == "sqlite"
    assert (head.rows_id != before.rows_id) == is_elsewhere
    assert traces(lived.database, before.rows_id) == (set() if is_elsewhere else TOLD)


TOLD = {*PROJECTED_TABLES, "ledgers"}


@given(history=histories())
@settings(max_examples=25)
def test_what_was_lost_is_told_again_as_it_was(database: Database, history: list[Asked]) -> None:
    book = Book(database)
    for asked in history:
        book.clock.now += dt.timedelta(hours=asked.after_hours)
        for command in asked.commands:
            with suppress(Refusal):
                book.record(command)
    rows_id = book.rows_id
    database.write(lambda connection: empty(connection, rows_id))
    rebuild_ledger(database, book.ledger_id)
    assert book.differences() == []
    assert verify_ledger(database, book.ledger_id).is_right


@pytest.mark.parametrize("column", ["income", "expense", "deposits", "withdrawals"])
def test_totals_of_the_head_are_put_right(lived: Book, column: str, way: str) -> None:
    before = lived.head()
    spoiled = f"UPDATE ledgers SET {column} = {column} + 1 WHERE ledger_id = :id"
    lived.database.write(lambda c: c.run(spoiled, id=lived.ledger_id))
    verdict = rebuild_ledger(lived.database, lived.ledger_id)
    assert [named.columns for named in verdict.named] == [(column,)] or way == "beside"
    assert (lived.head().totals, verdict.wrong) == (before.totals, {"ledgers": 1})


def test_a_head_that_lags_behind_is_moved_up(lived: Book) -> None:
    before, earlier = lived.head(), lived.events()[4]
    stored = to_stored(earlier)
    sealed = digest(lived.ledger_id, earlier.version, stored.topic, stored.state)
    lag = "UPDATE ledgers SET version = :version, digest = :digest WHERE ledger_id = :id"
    lived.database.write(
        lambda c: c.run(lag, version=earlier.version, digest=sealed, id=lived.ledger_id)
    )
    verdict = rebuild_ledger(lived.database, lived.ledger_id)
    assert verdict.named[0].columns == ("version", "digest")
    assert (lived.head().version, lived.head().digest) == (before.version, before.digest)


def test_a_head_that_is_gone_is_given_again(lived: Book, way: str) -> None:
    before = lived.head()
    lived.database.write(lambda connection: connection.run("DELETE FROM ledgers"))
    assert verify_ledger(lived.database, lived.ledger_id).wrong == {"ledgers": 1}
    assert rebuild_ledger(lived.database, lived.ledger_id).wrong["ledgers"] == 1
    after = lived.head()
    assert (after.version, after.digest, after.totals) == (
        before.version,
        before.digest,
        before.totals,
    )
    assert lived.differences() == []


def _poisons() -> dict[str, tuple[str, tuple[int | None, str]]]:
    """Statements, and where and why following ends; at the head where no version is said."""
    where, unreadable = "WHERE originator_id = :id AND originator_version", (7, "event_unreadable")
    other_digest = "UPDATE ledgers SET digest = :b WHERE ledger_id = :id"
    other_name = f"UPDATE events SET topic = 'saving-deposited.1' {where} = 7"
    return {
        "an unknown name": (f"UPDATE events SET topic = 'x.9' {where} = 7", unreadable),
        "bytes that are no JSON": (f"UPDATE events SET state = :b {where} = 7", unreadable),
        "a gap": (f"DELETE FROM events {where} = 7", (7, "event_missing")),
        "a lost end": (f"DELETE FROM events {where} > 15", (16, "event_missing")),
        "all lost": (f"DELETE FROM events {where} > 0", (1, "event_missing")),
        "another name": (other_name, (7, "digest_mismatch")),
        "another digest": (other_digest, (None, "head_digest")),
    }


@pytest.mark.parametrize("poison", _poisons())
def test_poison_puts_a_ledger_in_quarantine_as_it_was(lived: Book, poison: str) -> None:
    """It stays readable and writable; when it is cured, it is let out."""
    database, ledger_id = lived.database, lived.ledger_id
    rows_id = lived.rows_id
    names = {table: lived.count(table) for table in PROJECTED_TABLES}
    amiss = "UPDATE day_totals SET count = count + 1 WHERE ledger_id = :rows_id"
    database.write(lambda c: c.run(amiss, rows_id=rows_id))
    kept = database.read(lambda c: c.tuples("SELECT * FROM events ORDER BY notification_id"))
    head = database.read(lambda c: c.tuples("SELECT digest FROM ledgers"))
    statement, (version, reason) = _poisons()[poison]
    version = version or lived.head().version
    database.write(lambda c: c.run(statement, id=ledger_id, b=b"\xff"))

    assert verify_ledger(database, ledger_id).quarantine is not None
    assert database.read(lambda c: quarantines_among(c, *ALL_IDS)) == []
    verdict = rebuild_ledger(database, ledger_id)

    assert verdict.quarantine is not None
    assert (verdict.quarantine.version, verdict.quarantine.reason) == (version, reason)
    [found] = database.read(lambda c: quarantines_among(c, *ALL_IDS))
    assert (found.ledger_id, found.version, found.reason) == (ledger_id, version, reason)
    assert {table: lived.count(table) for table in PROJECTED_TABLES} == names
    assert lived.head().generation == 0

    def cure(connection: Connection) -> None:
        connection.run("DELETE FROM events")
        marks = ", ".join(f":v{n}" for n in range(5))
        own = " OVERRIDING SYSTEM VALUE" if connection.dialect == "postgresql" else ""
        for row in kept:
            values = {f"v{n}": value for n, value in enumerate(row)}
            connection.run(f"INSERT INTO events{own} VALUES ({marks})", **values)
        connection.run("UPDATE ledgers SET digest = :digest", digest=head[0][0])

    database.write(cure)
    assert rebuild_ledger(database, ledger_id).wrong == {"day_totals": 4}
    assert database.read(lambda c: quarantines_among(c, *ALL_IDS)) == []
    assert lived.differences() == []


def test_a_history_that_no_rows_can_tell_is_poison(lived: Book) -> None:
    """Every seal is right, and yet money was spent in a category that there never was."""
    head, nowhere = lived.head(), UUID(int=0xDEAD)
    event = ExpenseRecorded(uuid4(), nowhere, 5, NOON.date(), "")
    version, actor = head.version + 1, str(lived.account_id)
    sealed = RecordedEvent(lived.ledger_id, version, NOON, actor, uuid4(), head.digest.hex(), event)
    stored = to_stored(sealed)
    seal = digest(lived.ledger_id, version, stored.topic, stored.state)

    def append(connection: Connection) -> None:
        lived.store.recorder.insert_events([stored], connection=connection)
        move = "UPDATE ledgers SET version = :version, digest = :digest WHERE ledger_id = :id"
        connection.run(move, version=version, digest=seal, id=lived.ledger_id)

    lived.database.write(append)
    for look in (verify_ledger, rebuild_ledger):
        found = look(lived.database, lived.ledger_id).quarantine
        assert found is not None
        assert (found.version, found.reason) == (version, "fold_impossible")


def test_what_was_remembered_of_wrong_rows_is_forgotten(lived: Book, way: str) -> None:
    """A process that knows a category as the wrong rows told it decides by the right ones."""
    rows_id, food = lived.rows_id, CATEGORY_IDS[1]
    rename = (
        "UPDATE categories SET default_amount_rials = 41 WHERE ledger_id = :rows_id AND id = :id"
    )
    lived.database.write(lambda c: c.run(rename, rows_id=rows_id, id=food))
    lived.store = LedgerStore(lived.database, LedgerRows, lived.clock)
    bread = partial(RecordTransaction, category_id=food)
    assert lived.record(bread())[0].amount_rials == 41  # type: ignore[attr-defined]
    rebuild_ledger(lived.database, lived.ledger_id)
    assert lived.record(bread())[0].amount_rials == 40  # type: ignore[attr-defined]
    assert lived.differences() == []


def test_an_erased_ledger_is_passed_over(lived: Book) -> None:
    lived.database.write(lambda connection: erase(connection, lived.ledger_id, NOON))
    for look in (verify_ledger, rebuild_ledger):
        verdict = look(lived.database, lived.ledger_id)
        assert (verdict.is_right, verdict.events) == (True, 0)


def test_cursors_go_on_in_the_new_rows(lived: Book, way: str) -> None:
    def page(connection: Connection, cursor: str | None) -> tuple[list[UUID], str | None]:
        found = list_transactions(
            connection, lived.head(), Filter(), sort="-date", limit=2, cursor=cursor
        )
        return [entry.id for entry in found.items], found.next_cursor

    whole = lived.database.read(lambda c: page(c, None)[0] + page(c, page(c, None)[1])[0])
    first, cursor = lived.database.read(lambda c: page(c, None))
    rows_id = lived.rows_id
    spoiled = "UPDATE transactions SET description = 'نو' WHERE ledger_id = :rows_id"
    lived.database.write(lambda c: c.run(spoiled, rows_id=rows_id))
    rebuild_ledger(lived.database, lived.ledger_id)
    assert first + lived.database.read(lambda c: page(c, cursor))[0] == whole


@pytest.mark.parametrize(
    "spoiled",
    [
        "DELETE FROM search_grams",
        "DELETE FROM search_grams WHERE gram = 'نان'",
        "UPDATE search_grams SET places = :torn",
        "UPDATE search_grams SET places = :other",
        "UPDATE search_marks SET version = version + 1000",
    ],
)
def test_the_index_finds_again_what_it_lost(lived: Book, spoiled: str) -> None:
    for text in ("نان و پنیر", "نان تازه", "آب"):
        lived.record(
            RecordTransaction(category_id=CATEGORY_IDS[1], amount_rials=5, description=text)
        )
    database = lived.database
    index_descriptions(database, lived.ledger_id)
    assert verify_ledger(database, lived.ledger_id).is_right
    database.write(lambda c: c.run(spoiled, torn=b"\x01", other=b"\x01\x00"))
    wrong = verify_ledger(database, lived.ledger_id).wrong
    assert set(wrong) <= {"search_grams", "search_marks"}
    assert wrong
    assert rebuild_ledger(database, lived.ledger_id).wrong == wrong
    assert verify_ledger(database, lived.ledger_id).is_right


@pytest.mark.usefixtures("way")
def test_what_was_indexed_from_wrong_rows_is_found_all_the_same(
    lived: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is brought up to date after the rows were compared, before they are put right."""
    for text in ("نان و پنیر", "نان تازه"):
        lived.record(
            RecordTransaction(category_id=CATEGORY_IDS[1], amount_rials=5, description=text)
        )
    database, rows_id = lived.database, lived.rows_id
    database.write(lambda connection: empty(connection, rows_id))
    write = database.write

    def indexed_before(work: Callable[[Connection], object]) -> object:
        monkeypatch.setattr(database, "write", write)
        index_descriptions(database, lived.ledger_id)
        return write(work)

    monkeypatch.setattr(database, "write", indexed_before)
    assert set(rebuild_ledger(database, lived.ledger_id).wrong) >= {"transactions", "search_grams"}
    assert verify_ledger(database, lived.ledger_id).is_right


@on_sqlite_only
def test_sets_that_a_killed_rebuild_left_are_removed(
    lived: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "SMALL", 0)
    monkeypatch.setattr(rebuild, "FEW", 0)
    rows_id = lived.rows_id
    lived.database.write(lambda connection: empty(connection, rows_id))

    def killed(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(row_sets.NewRows, "_catch_up", killed)
        with pytest.raises(KeyboardInterrupt):
            rebuild_ledger(lived.database, lived.ledger_id)
    assert (lived.count("row_sets"), lived.rows_id) == (1, rows_id)
    now = utc_now()
    assert clear_neglected(lived.database, now) == 0
    assert clear_neglected(lived.database, now + row_sets.NEGLECTED_AFTER) == 1
    assert lived.count("row_sets") == lived.count("transactions") == 0
    rebuild_ledger(lived.database, lived.ledger_id)
    assert lived.differences() == []
    assert lived.count("row_sets") == 0


@on_sqlite_only
def test_a_set_that_is_being_removed_is_not_read_from(
    lived: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild that stood still for an hour, and goes on when half of its rows are gone."""
    monkeypatch.setattr(rebuild, "SMALL", 0)
    monkeypatch.setattr(rebuild, "FEW", 0)
    rows_id = lived.rows_id
    lived.database.write(lambda connection: empty(connection, rows_id))
    image, remove_some = images.image, row_sets._remove_some

    def stood_still(table: Table, *args: Any) -> Iterator[Row]:
        if table.name == "month_totals":
            monkeypatch.setattr(row_sets, "image", image)
            monkeypatch.setattr(row_sets, "_remove_some", killed_after_one)
            with pytest.raises(KeyboardInterrupt):
                clear_neglected(lived.database, utc_now() + row_sets.NEGLECTED_AFTER)
            monkeypatch.setattr(row_sets, "_remove_some", remove_some)
        return image(table, *args)

    def killed_after_one(*args: object, **more: object) -> int:
        if not remove_some(*args, **more):  # type: ignore[arg-type]
            raise KeyboardInterrupt
        return 1

    monkeypatch.setattr(row_sets, "image", stood_still)
    rebuild_ledger(lived.database, lived.ledger_id)
    assert lived.differences() == []
    clear_neglected(lived.database, utc_now() + row_sets.NEGLECTED_AFTER)
    assert lived.differences() == []
    assert lived.count("row_sets") == 0
