"""Leaving: a process about to be replaced has its clients go, before it closes on them.

A kept connection that is closed in the moment its client asks again looks like a failure.
"""

import signal
from types import FrameType

from flask import Flask, Response


class Leaving:
    """Whether this process was told that it will be replaced."""

    def __init__(self) -> None:
        self._is_told = False

    def tell(self, _number: int, _frame: FrameType | None) -> None:
        """From now on ask every client to connect again; to be called by a signal."""
        self._is_told = True

    def show_out(self, response: Response) -> Response:
        """Close the connection behind this answer, if it is time."""
        if self._is_told:
            # Not for an app to say, by WSGI's letter; granian passes it on and keeps to it.
            response.headers["Connection"] = "close"
        return response


def leave_when_told(app: Flask, number: signal.Signals) -> None:
    """Obey this signal; to be called in the main thread."""
    leaving = Leaving()
    app.after_request(leaving.show_out)
    signal.signal(number, leaving.tell)
