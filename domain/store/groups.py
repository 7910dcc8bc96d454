"""Group commit: commands that wait at the same moment share one transaction.

Whoever comes first leads: it runs what has been asked meanwhile, its own command first, and then
hands the lead to whoever waits by now. Nobody is handed over to a thread that only writes, since
each hand-over costs more than a command does.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Final, Generic, TypeVar, cast
from uuid import UUID

from domain.store.connection import Connection
from domain.store.failures import Overloaded

T = TypeVar("T")

MOST_TOGETHER: Final = 32
MOST_WAITING: Final = 256
WAIT_SECONDS: Final = 10


class Asked(Generic[T]):
    """A command in the queue, and what became of it."""

    def __init__(self, ledger_id: UUID, work: Callable[[Connection], T]) -> None:
        self.ledger_id = ledger_id
        self.asked_at = time.perf_counter()
        self.result: T | None = None
        self.error: BaseException | None = None
        self.is_settled = False
        self.is_leading = False
        self._work = work
        self._context: Context = copy_context()
        # Held until there is something to wake up for.
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def forget(self) -> None:
        """What it did was lost with the transaction."""
        self.result = self.error = None

    def run(self, connection: Connection) -> None:
        """Do the work as its own thread would; what it raises is kept for that thread."""
        try:
            self.result = self._context.run(self._work, connection)
        except BaseException as error:
            self.error = error
            raise

    def fail(self, error: BaseException) -> None:
        """Settle it with an error, unless it is settled."""
        if not self.is_settled:
            self.error, self.is_settled = error, True

    def settle(self) -> None:
        """It is committed, or refused."""
        self.is_settled = True

    def wake(self) -> None:
        """Let its thread go on."""
        self._asleep.release()

    def sleep(self, seconds: float) -> bool:
        """Wait for `wake`; False when it did not come in time."""
        return self._asleep.acquire(timeout=seconds)


class CommandQueue:
    """Commands of one process, in the order in which they came.

    `run` is handed the queue. It takes commands from it, runs them in one transaction, and
    settles each that is done or refused. What it leaves unsettled was not recorded, and its own
    thread has to do it alone; what it raises befalls all that are left.
    """

    def __init__(self, run: "Callable[[CommandQueue], None]") -> None:
        self._run = run
        self._taken: list[Asked[Any]] = []
        self._lock = threading.Lock()
        self._waiting: deque[Asked[Any]] = deque()
        self._is_led = False

    def ask(self, ledger_id: UUID, work: Callable[[Connection], T]) -> Asked[T]:
        """Have the work done, with others' or not at all: look at `is_settled`.

        Raises `Overloaded`.
        """
        asked = Asked(ledger_id, work)
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise Overloaded
            self._waiting.append(asked)
            asked.is_leading = not self._is_led
            self._is_led = True
        if not asked.is_leading and not asked.sleep(WAIT_SECONDS):
            self._give_up(asked)
        if asked.is_leading:
            self._lead()
        return asked

    def _give_up(self, asked: Asked[Any]) -> None:
        with self._lock:
            if asked in self._waiting and not asked.is_leading:
                self._waiting.remove(asked)
                raise Overloaded
        # Somebody is at it: what becomes of it has to be known.
        asked.sleep(-1)

    def take(self) -> list[Asked[Any]]:
        """What waits, the leader's own first. For `run`."""
        with self._lock:
            count = min(len(self._waiting), MOST_TOGETHER)
            taken = [self._waiting.popleft() for _ in range(count)]
        self._taken += taken
        return taken

    def put_back(self, rest: list[Asked[Any]]) -> None:
        """Let some of those taken wait for the next transaction. For `run`."""
        with self._lock:
            self._waiting.extendleft(reversed(rest))
        self._taken = [asked for asked in self._taken if asked not in rest]

    def _lead(self) -> None:
        try:
            self._run(self)
        except BaseException as error:  # noqa: BLE001 - each thread raises its own
            for asked in self._taken or self.take():
                asked.fail(error)
        finally:
            taken, self._taken = self._taken, []
            for asked in taken[1:]:
                asked.wake()
            self._hand_on()

    def _hand_on(self) -> None:
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._is_led = following is not None
            if following is not None:
                following.is_leading = True
        if following is not None:
            following.wake()


def outcome(asked: Asked[T]) -> T:
    """What a settled command gave; raises what it raised."""
    if asked.error is not None:
        raise asked.error
    return cast(T, asked.result)
