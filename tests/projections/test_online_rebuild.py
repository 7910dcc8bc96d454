"""Rebuilding while people work: nothing is lost, and nobody ever reads a mixture."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from domain.base import Command
from domain.store.database import Connection, Database
from domain.store.erasure import PROJECTED_TABLES, erase
from domain.store.ledgers import LedgerMissing, read_head
from domain.transactions import RecordTransaction, VoidTransaction
from projections import rebuild, row_sets
from projections.balances import balance_of
from projections.rebuild import rebuild_ledger
from projections.sums import sums_by_month
from tests.books import NOON, Book
from tests.projections.histories import CATEGORY_IDS, DATES
from tests.projections.tampering import empty, live
from tests.traces import traces

ENTRIES = 40


@pytest.fixture(params=["in place", "beside"])
def busy(
    request: pytest.FixtureRequest, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Book:
    """A ledger with some rows to write, in many short steps where it is SQLite's way."""
    if request.param == "beside":
        monkeypatch.setattr(rebuild, "SMALL", 0)
        monkeypatch.setattr(rebuild, "FEW", 0)
        monkeypatch.setattr(row_sets, "FIRST_ROWS", 3)
        monkeypatch.setattr(row_sets, "CAUGHT_UP", 3)
        monkeypatch.setattr(row_sets, "STEP_SECONDS", 0)
        monkeypatch.setattr(row_sets, "FEWEST_ROWS", 3)
    book = Book(database)
    live(book)
    for number in range(ENTRIES):
        book.record(_entry(number))
    return book


def _entry(number: int, **more: object) -> RecordTransaction:
    return RecordTransaction(
        category_id=CATEGORY_IDS[number % 2],
        amount_rials=number + 1,
        date=DATES[number % 8],
        description="نان و پنیر",
        **more,  # type: ignore[arg-type]
    )


def _lose_a_month(book: Book) -> None:
    """Rows that disagree with the head by a month's totals, as nobody's command leaves them."""
    rows_id = book.rows_id
    lose = "UPDATE month_totals SET amount_rials = amount_rials + 7 WHERE ledger_id = :rows_id"
    book.database.write(lambda connection: connection.run(lose, rows_id=rows_id))


def _told(connection: Connection, ledger_id: UUID) -> tuple[int, int, int]:
    """The generation, the balance, and what all months add up to."""
    head = read_head(connection, ledger_id)
    months = sums_by_month(connection, head.rows_id, 0, 999_999)
    return head.generation, balance_of(head).balance, sum(m.balance for m in months.values())


def test_commands_are_recorded_and_nobody_reads_a_mixture(busy: Book) -> None:
    """Whoever sees the new generation sees sums that agree; before, all see the same fault."""
    _lose_a_month(busy)
    over, seen, wrong = threading.Event(), set[int](), list[object]()
    _, balance, months = busy.database.read(lambda c: _told(c, busy.ledger_id))
    fault = months - balance
    assert fault

    def read() -> None:
        while not over.is_set():
            generation, balance, months = busy.database.read(lambda c: _told(c, busy.ledger_id))
            seen.add(generation)
            expected = 0 if generation else fault
            if months - balance != expected:
                wrong.append((generation, balance, months))

    def record(thread: int) -> list[UUID]:
        told = []
        for number in range(ENTRIES):
            own_id = uuid4()
            told.append(own_id)
            busy.record(_entry(number * 3 + thread, id=own_id))
            if number % 4 == 3:
                busy.record(VoidTransaction(transaction_id=told[-2]))
            if number == ENTRIES - 5:
                halfway.wait()
        return told

    halfway = threading.Barrier(3)
    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(record, thread) for thread in range(2)]
        while len(busy.events()) < 3 * ENTRIES:
            time.sleep(0.001)
        rebuilder = pool.submit(rebuild_ledger, busy.database, busy.ledger_id)
        assert not rebuilder.result().is_right
        halfway.wait()
        told = [own_id for writer in writers for own_id in writer.result()]
        over.set()
        reader.result()

    assert wrong == []
    assert seen == {0, 1}
    assert busy.differences() == []
    assert set(told) <= set(busy.state().transactions)
    assert busy.head().generation == 1
    assert busy.count("row_sets") == 0


def test_two_rebuilds_of_one_ledger_at_once(busy: Book) -> None:
    rows_id = busy.rows_id
    busy.database.write(lambda connection: empty(connection, rows_id))
    together = threading.Barrier(2)

    def rebuild_it() -> None:
        together.wait()
        rebuild_ledger(busy.database, busy.ledger_id)

    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(rebuild_it) for _ in range(2)]:
            run.result()
    assert busy.differences() == []
    assert busy.count("transactions") == len(busy.state().transactions), "nothing is left behind"
    assert busy.count("row_sets") == 0


@pytest.mark.parametrize("step", range(1, 12, 2))
def test_an_erasure_in_the_middle_leaves_no_row(
    busy: Book, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """However far the rebuild has come: half built rows go with the ledger, and none follow."""
    rows_id = busy.rows_id
    busy.database.write(lambda connection: empty(connection, rows_id))
    write, steps = busy.database.write, iter(range(1, 1000))

    def erased_before(work: Callable[[Connection], object]) -> object:
        if next(steps) == step:
            write(lambda connection: erase(connection, busy.ledger_id, NOON))
        return write(work)

    monkeypatch.setattr(busy.database, "write", erased_before)
    rebuild_ledger(busy.database, busy.ledger_id)
    if next(steps) > step:
        for table in (*PROJECTED_TABLES, "row_sets", "quarantines"):
            assert busy.count(table) == 0, table
        assert traces(busy.database, busy.ledger_id) == {"tombstones"}
        with pytest.raises(LedgerMissing):
            busy.head()


def test_dry_runs_meanwhile_leave_nothing(busy: Book) -> None:
    _lose_a_month(busy)
    asked: Command = _entry(1)
    over = threading.Event()

    def rehearse() -> None:
        while not over.is_set():
            busy.record(asked, dry_run=True)

    with ThreadPoolExecutor(1) as pool:
        rehearsing = pool.submit(rehearse)
        rebuild_ledger(busy.database, busy.ledger_id)
        over.set()
        rehearsing.result()
    busy.record(asked)
    assert busy.differences() == []
