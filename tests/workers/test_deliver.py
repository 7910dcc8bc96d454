"""Looking for what is due: whoever has slow receivers waits for them, and nobody else does."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from domain.store.database import Database
from tests.servers import wait_until
from tests.workers.hooked import Hooked
from tests.workers.receivers import OK, Receiver, Taken
from workers.deliver import SLOW_SECONDS, SLOW_THREADS, THREADS, Look


@contextmanager
def looking(hooked: Hooked) -> Iterator[None]:
    """Look, as the process does, until it is enough."""
    look, is_over = Look(hooked.database, hooked.delivering), threading.Event()

    def go_on() -> None:
        while not is_over.is_set():
            look()
            look.wait(0.05)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.mark.slow
def test_threads_are_left_for_who_is_quick(database: Database) -> None:
    def slow(_taken: Taken, connection: object) -> None:
        time.sleep(SLOW_SECONDS + 0.5)
        connection.sendall(OK)  # type: ignore[attr-defined]

    with closing(Receiver(always=slow)) as late, closing(Receiver()) as quick:
        crowd = [Hooked(database, late) for _ in range(2)]
        for hooked in crowd:
            for number in range(9):
                hooked.hook(late.url(f"/{number}"))
            hooked.spend(9)
        other = Hooked(database, quick)
        with looking(crowd[0]):
            wait_until(lambda: len(late.taken) >= THREADS + SLOW_THREADS)
            for number in range(3):
                other.spend()
                begun = time.monotonic()
                wait_until(lambda number=number: len(quick.taken) > number)  # type: ignore[misc]
                assert time.monotonic() - begun < SLOW_SECONDS / 2
