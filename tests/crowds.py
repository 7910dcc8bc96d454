"""Commands that wait for one turn together, in a known order."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID, uuid4

from domain.base import Command
from domain.store.database import Database
from domain.store.ledgers import Bracket, LedgerStore
from domain.transactions import RecordTransaction
from tests.books import Book
from tests.servers import wait_until

PATIENCE_SECONDS: Final = 60
FOOD, BREAD = UUID(int=0xC1), UUID(int=0x71)

Ask = Callable[[], Any]


def recording(
    store: LedgerStore, ledger_id: UUID, *commands: Command, dry_run: bool = False
) -> Ask:
    """Record commands in one bracket; gives the events."""

    def work(bracket: Bracket) -> list[object]:
        for command in commands:
            bracket.record(command)
        return [recorded.event for recorded in bracket.recorded]

    return working(store, ledger_id, work, dry_run=dry_run)


def working(
    store: LedgerStore, ledger_id: UUID, work: Callable[[Bracket], Any], *, dry_run: bool = False
) -> Ask:
    """Do anything in a bracket."""
    return lambda: store.transact(ledger_id, "a-test", work, dry_run=dry_run)


def together(store: LedgerStore, *asks: Ask) -> list[Any]:
    """What became of commands that waited in this order: what each gave or raised."""
    with held_up(store) as ask:
        crowd = [ask(one) for one in asks]
    return [outcome() for outcome in crowd]


@contextmanager
def held_up(store: LedgerStore) -> Iterator[Callable[[Ask], Callable[[], Any]]]:
    """While another command is being recorded: what is asked now makes one group."""
    is_at_it, may_end = threading.Event(), threading.Event()

    def hold(_bracket: Bracket) -> None:
        is_at_it.set()
        assert may_end.wait(PATIENCE_SECONDS)

    ledger_id = opened(store)
    holder = begun(working(store, ledger_id, hold))
    assert is_at_it.wait(PATIENCE_SECONDS)
    waiting = store._queue._waiting

    def ask(one: Ask) -> Callable[[], Any]:
        before = len(waiting)
        outcome = begun(one)
        wait_until(lambda: len(waiting) > before)
        return outcome

    try:
        yield ask
    finally:
        may_end.set()
    assert holder() is None


def opened(store: LedgerStore) -> UUID:
    """A new ledger."""
    ledger_id = uuid4()
    store.database.write(lambda c: store.open_ledger(c, ledger_id, uuid4()))
    return ledger_id


def begun(ask: Ask) -> Callable[[], Any]:
    """Ask in a thread of its own; calling the answer waits for what it gave or raised."""
    came: list[Any] = []

    def asking() -> None:
        try:
            came.append(ask())
        except BaseException as error:  # noqa: BLE001 - whoever began it looks at it
            came.append(error)

    thread = threading.Thread(target=asking, daemon=True)
    thread.start()

    def outcome() -> Any:
        thread.join(PATIENCE_SECONDS)
        assert came, "nobody answered"
        return came[0]

    return outcome


class Stages:
    """How often each stage of recording was seen."""

    def __init__(self, database: Database) -> None:
        self.seen: Counter[str] = Counter()
        database.observe = self._observe

    def _observe(self, stage: str, _seconds: float) -> None:
        self.seen[stage] += 1

    @property
    def commits(self) -> int:
        """How many commits were made since the last time this was read."""
        count = self.seen["commit"]
        self.seen.clear()
        return count


def spend(amount_rials: int, **more: Any) -> RecordTransaction:
    """An expense of the stocked ledger."""
    return RecordTransaction(category_id=FOOD, amount_rials=amount_rials, **more)


def spending(book: Book, amount_rials: int, **more: Any) -> Ask:
    """Record one."""
    return recording(book.store, book.ledger_id, spend(amount_rials, **more))


def amounts(outcomes: list[Any]) -> list[Any]:
    """Of each outcome the amount that was recorded, or the error."""
    return [
        outcome[0].amount_rials if isinstance(outcome, list) and outcome else outcome
        for outcome in outcomes
    ]


def assert_in_order(*books: Book) -> None:
    """Digests, heads and rows say what the events do."""
    for book in books:
        versions = [recorded.version for recorded in book.events()]
        assert versions == list(range(1, book.head().version + 1))
        assert book.differences() == []
