"""Rebuilding many ledgers: by ranges, from where a killed worker left off, until called off."""

import datetime as dt
from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from domain.store.database import Connection, Database
from domain.store.rebuilds import (
    KEPT,
    Range,
    Rebuild,
    begin_rebuild,
    end_rebuild,
    find_rebuild,
    forget_old_rebuilds,
    ledger_ids,
    lost_ranges,
    progress_of,
    ranges_of,
)
from projections import rebuild_ranges
from projections.rebuild import Verdict
from projections.rebuild_ranges import run_range
from tests.books import NOON, Book
from tests.projections.tampering import empty, live

LEDGERS = 7
EVERYTHING = (UUID(int=0), UUID(int=2**128 - 1))


@pytest.fixture
def books(database: Database) -> list[Book]:
    """Ledgers in the order of their ids, of which no row is left."""
    made = [Book(database) for _ in range(LEDGERS)]
    for book in made:
        live(book)
        database.write(partial(empty, rows_id=book.rows_id))
    return sorted(made, key=lambda book: book.ledger_id)


def begin(database: Database, ranges: int = 1, ledger_id: UUID | None = None) -> Rebuild:
    """A rebuild that nobody works on yet."""
    of = partial(begin_rebuild, ledger_id=ledger_id, ranges=ranges)
    return database.write(partial(of, requested_by=None, now=NOON))


def now(database: Database, rebuild: Rebuild) -> tuple[Rebuild, list[Range]]:
    """How far it is."""
    found = database.read(partial(find_rebuild, rebuild_id=rebuild.id))
    assert found is not None
    return found, database.read(partial(ranges_of, rebuild_id=rebuild.id))


@pytest.mark.parametrize("ranges", [1, 2, 3, 7, 20])
def test_ranges_cover_every_ledger_once(books: list[Book], ranges: int) -> None:
    database = books[0].database
    rebuild = begin(database, ranges)
    _, found = now(database, rebuild)
    ids_of = partial(ledger_ids, limit=99)
    within = [database.read(partial(ids_of, after=r.after, until=r.until)) for r in found]
    assert [i for ids in within for i in ids] == [book.ledger_id for book in books]
    assert len(found) <= ranges
    assert max(map(len, within)) <= LEDGERS // min(ranges, LEDGERS) + 1
    for one in found:
        run_range(database, rebuild.id, one.number)
    after, found = now(database, rebuild)
    assert (after.status, rebuild.total) == ("done", LEDGERS)
    assert (sum(r.ledgers for r in found), sum(r.repaired for r in found)) == (LEDGERS, LEDGERS)
    assert sum(r.events for r in found) == sum(book.head().version for book in books)
    assert [book.differences() for book in books] == [[]] * LEDGERS


def test_one_ledger_alone(books: list[Book]) -> None:
    database, book = books[0].database, books[3]
    rebuild = begin(database, ledger_id=book.ledger_id)
    run_range(database, rebuild.id, 0)
    after, [found] = now(database, rebuild)
    assert (after.status, after.total, found.ledgers) == ("done", 1, 1)
    assert [bool(other.differences()) for other in books] == [other != book for other in books]


def test_a_ledger_without_a_head_is_found(books: list[Book]) -> None:
    database = books[0].database
    gone = (books[0].ledger_id, books[-1].ledger_id)
    remove = "DELETE FROM ledgers WHERE ledger_id IN (:one, :other)"
    database.write(lambda c: c.run(remove, one=gone[0], other=gone[1]))
    found, (after, until) = list[UUID](), EVERYTHING
    while some := database.read(partial(ledger_ids, after=after, until=until, limit=2)):
        found += some
        after = found[-1]
    assert found == [book.ledger_id for book in books]


def test_it_goes_on_where_a_killed_worker_left_off(
    books: list[Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_ranges, "NOTE_SECONDS", 0)
    database = books[0].database
    rebuild, told = begin(database), list[UUID]()

    def killed(verdict: Verdict) -> None:
        told.append(verdict.ledger_id)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_range(database, rebuild.id, 0, killed)
    after, [found] = now(database, rebuild)
    assert (after.status, found.ledgers, found.reached) == ("running", 2, books[1].ledger_id)
    run_range(database, rebuild.id, 0, lambda verdict: told.append(verdict.ledger_id))
    assert told == [books[n].ledger_id for n in (0, 1, 2, 2, 3, 4, 5, 6)]
    after, [found] = now(database, rebuild)
    assert (after.status, found.ledgers) == ("done", LEDGERS)
    assert [book.differences() for book in books] == [[]] * LEDGERS


def _ends_it(database: Database, rebuild: Rebuild) -> None:
    end = partial(end_rebuild, rebuild_id=rebuild.id, status="cancelled", now=NOON)
    assert database.write(end)
    assert not database.write(end)


def _runs_it_too(database: Database, rebuild: Rebuild) -> None:
    run_range(database, rebuild.id, 0)


@pytest.mark.parametrize(("meanwhile", "status"), [(_ends_it, "cancelled"), (_runs_it_too, "done")])
def test_who_is_not_wanted_any_more_stops(
    books: list[Book],
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Database, Rebuild], None],
    status: str,
) -> None:
    monkeypatch.setattr(rebuild_ranges, "NOTE_SECONDS", 0)
    database = books[0].database
    rebuild, told = begin(database), list[UUID]()

    def tell(verdict: Verdict) -> None:
        told.append(verdict.ledger_id)
        if len(told) == 3:
            meanwhile(database, rebuild)

    run_range(database, rebuild.id, 0, tell)
    assert len(told) == 3
    assert now(database, rebuild)[0].status == status
    run_range(database, rebuild.id, 0, tell)
    assert len(told) == 3


def test_poison_stops_nobody_else(books: list[Book]) -> None:
    database = books[0].database
    spoil = "UPDATE events SET topic = 'x.1' WHERE originator_id = :id AND originator_version = 5"
    database.write(lambda c: c.run(spoil, id=books[2].ledger_id))
    rebuild, told = begin(database), list[Verdict]()
    run_range(database, rebuild.id, 0, told.append)
    assert [verdict.quarantine is not None for verdict in told] == [n == 2 for n in range(LEDGERS)]
    after, [found] = now(database, rebuild)
    assert (after.status, found.ledgers, found.repaired) == ("done", LEDGERS, LEDGERS - 1)


def test_an_error_nobody_expected_ends_it_as_failed(
    books: list[Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_more: object) -> Verdict:
        raise ZeroDivisionError

    monkeypatch.setattr(rebuild_ranges, "rebuild_ledger", broken)
    rebuild = begin(books[0].database)
    with pytest.raises(ZeroDivisionError):
        run_range(books[0].database, rebuild.id, 0)
    assert now(books[0].database, rebuild)[0].status == "failed"


def test_what_redis_forgot_is_found_again(books: list[Book]) -> None:
    database, later = books[0].database, NOON + dt.timedelta(seconds=1)
    rebuild = begin(database, 3)

    def lost(before: dt.datetime) -> list[tuple[str, tuple[str, ...]]]:
        found = database.read(lambda connection: lost_ranges(connection, before))
        return [(task.function, task.arguments) for task in found]

    assert lost(NOON) == []
    every = [("run_rebuild_range", (str(rebuild.id), str(number))) for number in range(3)]
    assert lost(later) == every
    run_range(database, rebuild.id, 1)
    assert lost(later) == [every[0], every[2]]
    _ends_it(database, rebuild)
    assert lost(later) == []


def test_progress_says_how_long_it_will_take(books: list[Book]) -> None:
    database = books[0].database
    rebuild = begin(database, 7)
    assert progress_of(*now(database, rebuild)).eta_seconds is None
    run_range(database, rebuild.id, 0)
    after, found = now(database, rebuild)
    progress = progress_of(after, found)
    assert (progress.done, progress.events) == (1, books[0].head().version)
    assert progress.eta_seconds == round(6 * progress.seconds)
    assert progress.events_per_second == round(progress.events / progress.seconds)


def test_what_is_long_over_is_forgotten(books: list[Book]) -> None:
    database = books[0].database
    over, going_on = begin(database, 2), begin(database)
    _ends_it(database, over)

    def forget(connection: Connection) -> int:
        return forget_old_rebuilds(connection, NOON + KEPT + dt.timedelta(seconds=1))

    assert database.write(forget) == 1
    assert database.write(forget) == 0
    assert database.read(partial(find_rebuild, rebuild_id=over.id)) is None
    assert [len(now(database, going_on)[1]), books[0].count("rebuild_ranges")] == [1, 1]
