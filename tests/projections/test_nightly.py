"""Nights of verification: every ledger has its turn, and what is astray is told."""

import datetime as dt
from functools import partial
from uuid import UUID

import pytest

from domain.store import verification_nights as nights
from domain.store.database import Connection, Database
from domain.store.erasure import erase
from domain.store.ledgers import utc_now
from domain.store.verification_nights import ROTATION_NIGHTS, begin_night, find_night, lost_nights
from projections import nightly
from projections.nightly import verify_night
from projections.verification import Verification, verify_ledger
from tests.books import NOON, Book
from tests.logs import Log

NIGHT = dt.date(2026, 11, 24)
DAY = dt.timedelta(days=1)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The ledgers that were verified, one after the other."""
    seen: list[UUID] = []

    def noting(database: Database, ledger_id: UUID) -> Verification:
        seen.append(ledger_id)
        return verify_ledger(database, ledger_id)

    monkeypatch.setattr(nightly, "verify_ledger", noting)
    return seen


def night(database: Database, on: dt.date) -> tuple[int, int]:
    """A whole night."""
    database.write(partial(begin_night, night=on, now=utc_now()))
    return verify_night(database, on)


def test_each_has_its_turn_within_a_month_whoever_comes_and_goes(
    database: Database, verified: list[UUID]
) -> None:
    there = [Book(database) for _ in range(40)]
    for number in range(30):
        if number in (5, 6, 20):
            continue  # nobody was there
        night(database, NIGHT + number * DAY)
        if number % 9 == 0:
            Book(database)
        if number == 3:
            database.write(lambda c: erase(c, there[-1].ledger_id, NOON))
    assert {book.ledger_id for book in there[:-1]} <= set(verified)
    assert len(verified) <= 60, "a night is a share"


def test_a_small_store_is_verified_in_turn(database: Database, verified: list[UUID]) -> None:
    ids = sorted(Book(database).ledger_id for _ in range(3))
    for number in range(7):
        assert night(database, NIGHT + number * DAY) == (1, 0)
    assert verified == [*ids, *ids, ids[0]]


def test_a_store_of_nobody_is_in_order(database: Database) -> None:
    assert night(database, NIGHT) == (0, 0)
    found = database.read(partial(find_night, night=NIGHT))
    assert found is not None
    assert (found.share, found.is_done) == (0, True)


def test_what_is_astray_is_told_and_counted(database: Database, logged: Log) -> None:
    book = Book(database)
    amend = "UPDATE ledgers SET income = 5 WHERE ledger_id = :ledger_id"
    database.write(lambda c: c.run(amend, ledger_id=book.ledger_id))
    assert night(database, NIGHT) == (0, 1)
    [line] = [line for line in logged.lines() if line["level"] == "error"]
    assert (line["event"], line["ledger_id"]) == ("ledger astray", str(book.ledger_id))
    assert (line["codes"], line["findings"]) == (["head_totals"], 1)
    [found] = database.read(lambda c: nights.nights(c, 9))
    assert (found.verified, found.astray) == (1, 1)


def test_one_that_cannot_even_be_looked_at_holds_up_no_other(
    database: Database, logged: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = [Book(database) for _ in range(2)]
    monkeypatch.setattr(nights, "ROTATION_NIGHTS", 1)
    ill = min(book.ledger_id for book in books)

    def failing(database: Database, ledger_id: UUID) -> Verification:
        if ledger_id == ill:
            raise ZeroDivisionError
        return verify_ledger(database, ledger_id)

    monkeypatch.setattr(nightly, "verify_ledger", failing)
    assert night(database, NIGHT) == (1, 1)
    assert "ledger cannot be verified" in {line["event"] for line in logged.lines()}


def test_a_night_that_was_cut_off_is_gone_on_with(
    database: Database, verified: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sorted(Book(database).ledger_id for _ in range(6))
    monkeypatch.setattr(nights, "ROTATION_NIGHTS", 1)
    monkeypatch.setattr(nightly, "NOTE_SECONDS", 0)

    def dying(database: Database, ledger_id: UUID) -> Verification:
        if len(verified) == 3:
            raise KeyboardInterrupt
        verified.append(ledger_id)
        return verify_ledger(database, ledger_id)

    with monkeypatch.context() as patch:
        patch.setattr(nightly, "verify_ledger", dying)
        with pytest.raises(KeyboardInterrupt):
            night(database, NIGHT)
    [task] = database.read(lambda c: list(lost_nights(c, utc_now())))
    assert (task.id, task.arguments) == ("verify-2026-11-24", ("2026-11-24",))
    assert verify_night(database, NIGHT) == (3, 0)
    assert verified == ids
    assert database.read(lambda c: list(lost_nights(c, utc_now()))) == []
    assert verify_night(database, NIGHT) == (0, 0)


def test_what_a_night_could_not_do_the_next_one_does(
    database: Database, verified: list[UUID]
) -> None:
    ids = sorted(Book(database).ledger_id for _ in range(ROTATION_NIGHTS * 2))
    database.write(partial(begin_night, night=NIGHT, now=NOON))
    assert night(database, NIGHT + DAY) == (4, 0)
    assert verified == ids[:4]
    assert night(database, NIGHT + 3 * DAY) == (4, 0)
    assert verified == ids[:8]
    assert database.read(lambda c: list(lost_nights(c, utc_now()))) == [], "the latest is done"


def test_two_at_one_night_do_not_count_twice(database: Database) -> None:
    for _ in range(3):
        Book(database)
    found = database.write(partial(begin_night, night=NIGHT, now=NOON))
    assert database.write(partial(begin_night, night=NIGHT, now=NOON)) == found
    both = [nightly._Run(database, found) for _ in range(2)]
    assert [run.go() for run in both] == [(1, 0), (0, 0)]


def test_nights_are_forgotten(database: Database) -> None:
    for days in (0, 1, 91):
        night(database, NIGHT + days * DAY)

    def count(connection: Connection) -> int:
        return len(nights.nights(connection, 9))

    assert database.read(count) == 2
