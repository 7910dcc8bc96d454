"""Deaths at named points: what production runs, and a process that dies of reaching a line.

The code has no hooks. The servers that tests start import it by way of `dying_web` and
`dying_worker`, which have some of its functions say that they were reached. An order names a
point, how often it is to be reached, and a signal: whoever reaches it then sends it to itself.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final

from domain.store import jobs
from domain.store.connection import Connection
from domain.store.database import Database
from domain.store.ledgers import LedgerStore
from domain.store.pools import Stage
from projections import rebuild, row_sets
from tests.servers import wait_until
from workers import following

ORDER: Final = "DEATH_ORDER"
"""The environment's name for the file in which an order is given."""

BEFORE_COMMIT: Final = "before commit"
AFTER_COMMIT: Final = "after commit"
IN_GROUP: Final = "between two commands of a group"
IN_BATCH: Final = "between two items of a batch"
IN_BRACKET: Final = "in a bracket of an import"
BETWEEN_BRACKETS: Final = "between two brackets of an import"
IN_REBUILD: Final = "in the middle of a rebuild"
AT_FLIP: Final = "at the flip of a rebuild"
AFTER_FLIP: Final = "between the flip of a rebuild and clearing up"
IN_FOLLOWING: Final = "between a notice and the version that was seen"
BEFORE_ENQUEUEING: Final = "between keeping a file and enqueueing its import"

_reached: Counter[str] = Counter()


class Orders:
    """Where orders are given, and whether they were carried out."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "death-order"
        self._done = folder / "death-order.done"
        self._number = 0

    def give(self, point: str, times: int = 1, number: signal.Signals = signal.SIGKILL) -> None:
        """Have the process that reaches a point so many times from now on get a signal."""
        self._number += 1
        self._done.unlink(missing_ok=True)
        draft = self.file.with_suffix(".draft")
        draft.write_text(f"{point}|{times}|{int(number)}|{self._number}")
        draft.rename(self.file)

    def wait(self) -> int:
        """Wait until it was carried out; the process's id."""
        wait_until(lambda: self._done.exists() and self._done.read_text() != "")
        return int(self._done.read_text())

    def withdraw(self) -> None:
        """Nobody has to die any more."""
        self.file.unlink(missing_ok=True)


def reached(point: str) -> None:
    """Say that this process is at a point; perhaps it ends here."""
    file = Path(os.environ[ORDER])
    try:
        wanted, times, number, order = file.read_text().split("|")
    except FileNotFoundError:
        return
    if wanted != point:
        return
    _reached[order] += 1
    if _reached[order] < int(times):
        return
    try:
        mine = file.rename(file.with_suffix(f".{os.getpid()}"))
    except FileNotFoundError:
        return  # another one was there first
    mine.write_text(str(os.getpid()))
    mine.rename(f"{file}.done")
    os.kill(os.getpid(), int(number))


def install_in_worker() -> None:
    """Have this worker say where it is."""
    _announce(jobs, "advance", after=IN_BRACKET)
    _announce(LedgerStore, "transact", after=BETWEEN_BRACKETS)
    # On SQLite a large ledger's rows are built in steps, else they are put right in one go.
    _announce(row_sets.NewRows, "_add", after=IN_REBUILD)
    _announce(rebuild, "put_right", after=IN_REBUILD)
    _announce(rebuild._Rebuild, "_move_head", after=AT_FLIP)
    _announce(rebuild, "clear", before=AFTER_FLIP)


def install_in_follower() -> None:
    """Have this follower say where it is."""
    _wrap_commits()
    _announce(following, "see", before=IN_FOLLOWING)


def install_in_web() -> None:
    """Have this web process say where it is."""
    from web import batches, imports

    _wrap_commits()
    _announce(Connection, "keep_part", after=IN_GROUP)
    _announce(batches, "record_one", after=IN_BATCH)
    _announce(imports, "enqueue", before=BEFORE_ENQUEUEING)


def _announce(owner: Any, name: str, *, before: str = "", after: str = "") -> None:
    function: Callable[..., Any] = getattr(owner, name)

    @wraps(function)
    def announced(*args: Any, **kwargs: Any) -> Any:
        if before:
            reached(before)
        result = function(*args, **kwargs)
        if after:
            reached(after)
        return result

    setattr(owner, name, announced)


def _wrap_commits() -> None:
    timed = Database.timed

    @contextmanager
    def announced(self: Database, stage: Stage) -> Iterator[None]:
        if stage == "commit":
            reached(BEFORE_COMMIT)
        with timed(self, stage):
            yield
        if stage == "commit":
            reached(AFTER_COMMIT)

    Database.timed = announced  # type: ignore[method-assign]
