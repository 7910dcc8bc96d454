"""Ledgers to measure: people who signed in over HTTP, and years of entries told to the store."""

import datetime as dt
from collections.abc import Iterator
from itertools import count, islice
from typing import Final
from uuid import UUID

import msgspec

from domain.calendar import from_jalali
from domain.store.database import open_database
from domain.store.ledgers import LedgerStore
from domain.transactions import RecordTransaction
from projections.indexing import index_descriptions
from projections.rows import LedgerRows
from tests.benchmarks.plan import Plan
from tests.servers import LiveServer
from tests.system.people import Person, sign_in

FIRST_DAY: Final = from_jalali(1400, 1, 1)
DAYS: Final = (from_jalali(1405, 1, 1) - FIRST_DAY).days
A_BATCH: Final = 1000
# Steps through days, categories and amounts that share no factor with their ranges: spread
# evenly, the same on every machine, and never in order.
DAY_STEP: Final = 1009
AMOUNT_STEP: Final = 7919
LEAST_RIALS: Final = 10_000
RANGE_RIALS: Final = 4_990_000
COMMON_WORD: Final = "خرید"
RARE_WORD: Final = "انباری"
"""One entry of each ledger has it."""

_phones: Final = (f"0912{number:07}" for number in count(1_000_000))


class Book(msgspec.Struct, frozen=True):
    """One person's ledger; categories by kind."""

    person: Person
    ledger_id: UUID
    categories: dict[str, list[str]]
    size: int

    @property
    def token(self) -> str:
        """The access token that opens it."""
        return str(self.person.tokens["access_token"])

    @property
    def every_category(self) -> list[str]:
        """The ids of all categories."""
        return [one for ids in self.categories.values() for one in ids]


def new_books(server: LiveServer, plan: Plan) -> tuple[list[Book], list[Book]]:
    """The ledgers of many people, and one of each size."""
    database = open_database(server.environ["DATABASE_URL"])
    store = LedgerStore(database, LedgerRows)
    try:
        people = [_new_book(server, store, plan.each) for _ in range(plan.people)]
        return people, [_new_book(server, store, size) for size in plan.sizes]
    finally:
        database.close()


def _new_book(server: LiveServer, store: LedgerStore, size: int) -> Book:
    """Sign a person in, and record so many transactions over five Jalali years."""
    person = sign_in(server, next(_phones))
    assert person.post("/v1/categories/starter").ok
    categories: dict[str, list[str]] = {}
    for category in person.get("/v1/categories?limit=200").json()["items"]:
        categories.setdefault(category["kind"], []).append(category["id"])
    book = Book(person, person.ledger_id(), categories, size)
    left = entries(book, size)
    while batch := list(islice(left, A_BATCH)):
        _record(store, book.ledger_id, batch)
    # What the job of the night does.
    index_descriptions(store.database, book.ledger_id)
    return book


def _record(store: LedgerStore, ledger_id: UUID, batch: list[RecordTransaction]) -> None:
    store.transact(
        ledger_id,
        "worker:benchmark",
        lambda bracket: [bracket.record(command) for command in batch],
    )


def entries(book: Book, size: int) -> Iterator[RecordTransaction]:
    """So many commands, spread over five years and every category."""
    categories = [UUID(one) for one in book.every_category]
    for number in range(size):
        yield RecordTransaction(
            category_id=categories[number % len(categories)],
            amount_rials=amount_rials(number),
            date=day(number),
            description=_description(number, size),
        )


def _description(number: int, size: int) -> str:
    if number == size // 3:
        return f"اجارهٔ {RARE_WORD}"
    return f"{COMMON_WORD} شمارهٔ {number}"


def day(number: int) -> dt.date:
    """A day within the five years."""
    return FIRST_DAY + dt.timedelta(days=number * DAY_STEP % DAYS)


def amount_rials(number: int) -> int:
    """10,000 to 5,000,000 Rials."""
    return LEAST_RIALS + number * AMOUNT_STEP % RANGE_RIALS
