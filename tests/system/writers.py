"""A process that records, or stops in the middle of it: `python -m tests.system.writers …`."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from subprocess import PIPE, Popen
from typing import Any, Final
from uuid import UUID

from domain.store.database import Database, open_database
from domain.store.ledgers import Bracket, LedgerStore
from domain.store.sqlite import SqliteDatabase
from projections.rows import LedgerRows
from tests.crowds import spend, together, working
from tests.keeper import ROOT

LONG_SECONDS: Final = 60


class Writer:
    """The process, seen from outside."""

    def __init__(self, process: "Popen[str]") -> None:
        self.process = process

    def says(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def rest(self) -> list[str]:
        """Tell it that it is enough; all it still has to say."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        return [line.strip() for line in self.process.stdout]


@contextmanager
def writer(what: str, database_url: str, ledger_id: UUID) -> Iterator[Writer]:
    """A process that does `what`; it is killed in the end, stopped or not."""
    command = [sys.executable, "-m", "tests.system.writers", what, database_url, str(ledger_id)]
    with Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as process:
        try:
            yield Writer(process)
        finally:
            process.kill()


def _say(*words: object) -> None:
    print(*words, flush=True)


def _dawdle(_bracket: Bracket, *_: Any) -> None:
    _say("at it")
    time.sleep(LONG_SECONDS)


def _go_on(store: LedgerStore, ledger_id: UUID) -> None:
    """Record until nobody listens any more; say how long each took."""
    listener = threading.Thread(target=sys.stdin.read, daemon=True)
    listener.start()
    while listener.is_alive():
        began = time.monotonic()
        store.transact(ledger_id, "a-test", lambda bracket: bracket.record(spend(1)))
        _say(time.monotonic() - began)


def _in_the_middle(store: LedgerStore, ledger_id: UUID) -> None:
    """Stop where the first of a group is recorded and the last is not."""

    def record(bracket: Bracket) -> None:
        bracket.record(spend(1_000))
        bracket.connection.flush()

    together(
        store,
        working(store, ledger_id, record),
        working(store, ledger_id, _dawdle),
        working(store, ledger_id, record),
    )


def _before_the_commit(store: LedgerStore, ledger_id: UUID) -> None:
    store.database._commit = _dawdle  # type: ignore[method-assign, assignment]
    store.transact(ledger_id, "a-test", lambda bracket: bracket.record(spend(1_000)))


def _with_a_child(store: LedgerStore, ledger_id: UUID) -> None:
    """Have a turn, and a child that was born meanwhile and lives on."""
    assert isinstance(store.database, SqliteDatabase)
    with store.database._turns.turn():
        child = os.fork()
        if not child:
            time.sleep(LONG_SECONDS)
            os._exit(0)
        _say(child)
        time.sleep(LONG_SECONDS)


def _slowly(store: LedgerStore, ledger_id: UUID) -> None:
    """Take a while over one, and then go on."""

    def work(bracket: Bracket) -> None:
        _say("at it")
        time.sleep(0.5)
        bracket.record(spend(1))

    store.transact(ledger_id, "a-test", work)
    _say("done")
    time.sleep(LONG_SECONDS)


WHAT: Final[dict[str, Callable[[LedgerStore, UUID], None]]] = {
    "go-on": _go_on,
    "in-the-middle": _in_the_middle,
    "before-the-commit": _before_the_commit,
    "with-a-child": _with_a_child,
    "slowly": _slowly,
}


def main() -> None:
    """Do what is asked."""
    what, database_url, ledger_id = sys.argv[1:]
    database: Database = open_database(database_url)
    partial(WHAT[what], LedgerStore(database, LedgerRows))(UUID(ledger_id))


if __name__ == "__main__":
    main()
