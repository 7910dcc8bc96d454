"""Admission: how many requests are worked on at once, and that no slow sender is one of them."""

from collections import deque
from threading import Lock
from typing import Final

from flask import Flask, Request
from flask.globals import app_ctx, request_ctx

from web.body import READ_BYTES
from web.errors import Problem

EXTENSION: Final = "turns"
AT_ONCE: Final = 4
"""More do not answer more: they wait for the interpreter, and hold memory meanwhile."""

PATIENCE_SECONDS: Final = 2
RETRY_SECONDS: Final = 1
NEVER_WAITING: Final = frozenset({"/healthz", "/metrics"})


class Turns:
    """So many may hold a turn; the others wait in the order in which they came."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: deque[Lock] = deque()
        self._door = Lock()

    @property
    def waiting(self) -> int:
        """How many wait at this moment."""
        return len(self._waiting)

    def take(self, patience_seconds: float) -> bool:
        """Wait for a turn; False when there was none in time."""
        with self._door:
            if self._free:
                self._free -= 1
                return True
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=patience_seconds):
            return True
        with self._door:
            if mine not in self._waiting:
                return True  # handed over in the last moment
            self._waiting.remove(mine)
        return False

    def give_back(self) -> None:
        """Hand the turn to whoever waits longest."""
        with self._door:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


def register_admission(app: Flask) -> None:
    """Have requests take turns; to be registered before anything that works on one."""
    app.extensions[EXTENSION] = Turns(AT_ONCE)
    app.before_request(_enter)
    app.teardown_request(lambda _error: leave_turn())


def _enter() -> None:
    asked = request_ctx.request
    if asked.path in NEVER_WAITING:
        return
    _await_body(asked)
    turns: Turns = app_ctx.app.extensions[EXTENSION]
    if not turns.take(PATIENCE_SECONDS):
        raise Problem("overloaded", headers={"Retry-After": str(RETRY_SECONDS)})
    app_ctx.g.turns = turns


def leave_turn() -> None:
    """Let the next request begin: this one waits for others, who decide when it goes on."""
    if (turns := app_ctx.g.pop("turns", None)) is not None:
        turns.give_back()


def _await_body(asked: Request) -> None:
    """Have the whole body here before a turn is taken: its sender may be slow.

    A body that will be refused for its length is not read. A form's file is read as it comes;
    `web.uploads` lets only a few do so.
    """
    length = asked.content_length or 0
    is_coming = length or "HTTP_TRANSFER_ENCODING" in asked.environ
    if not is_coming or asked.mimetype == "multipart/form-data":
        return
    if length < READ_BYTES:
        asked.get_data()
