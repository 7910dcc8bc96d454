"""A group of processes that live and die together, with one readable log."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from typing import IO, Final

from rich.console import Console
from rich.text import Text

COLOURS: Final = cycle(("cyan", "green", "magenta", "yellow", "blue"))
NAME_WIDTH: Final = 9
WATCH_EVERY_SECONDS: Final = 0.1
ASK_SECONDS: Final = 10
ASK_AGAIN_SECONDS: Final = 3


@dataclass(frozen=True, slots=True)
class Member:
    """One running process and the thread that copies its output."""

    name: str
    process: subprocess.Popen[bytes]
    relay: threading.Thread


class ProcessGroup:
    """Starts processes in order, watches them, stops them in the opposite order."""

    def __init__(self) -> None:
        self.stop_asked = threading.Event()
        self._hung_up = threading.Event()
        self._members: list[Member] = []
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

    def listen_for_signals(self) -> None:
        """From now on Ctrl-C and SIGTERM ask the group to stop, and nothing else.

        SIGHUP does so too where there is a terminal, which was then closed.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stop_asked.set())
        has_terminal = sys.stdin is not None and sys.stdin.isatty()
        asked = self.stop_asked if has_terminal else self._hung_up
        signal.signal(signal.SIGHUP, lambda *_: asked.set())

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start a process; its output appears line by line behind its name."""
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.tether", *command],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, so that we choose the order
        )
        assert process.stdout is not None
        relay = threading.Thread(
            target=self._relay, args=(name, next(COLOURS), process.stdout), daemon=True
        )
        relay.start()
        self._members.append(Member(name, process, relay))

    def say(self, text: str) -> None:
        """Print a line of our own."""
        self._print("group", "white", text)

    def fallen(self) -> str | None:
        """Which process has ended, and how; None while all of them run."""
        for member in self._members:
            code = member.process.poll()
            if code is not None:
                return f"{member.name} ended by itself ({_how(code)})"
        return None

    def watch(self, hung_up: Callable[[], None]) -> str | None:
        """Wait until somebody asks to stop (None) or a process ends (which one, and how).

        Call `hung_up` at each SIGHUP meanwhile.
        """
        while not self.stop_asked.wait(WATCH_EVERY_SECONDS):
            if (fallen := self.fallen()) is not None:
                return fallen
            if self._hung_up.is_set():
                self._hung_up.clear()
                hung_up()
        return None

    def send(self, name: str, number: signal.Signals, *, whole_family: bool = False) -> None:
        """Send a signal to a process, or to it and all that it has started."""
        process = next(member.process for member in self._members if member.name == name)
        with suppress(ProcessLookupError):
            (os.killpg if whole_family else os.kill)(process.pid, number)

    def stop(self) -> None:
        """Stop everything, last started first; nothing outlives this call."""
        while self._members:
            member = self._members.pop()
            _stop(member.process)
            member.relay.join(timeout=1)

    def _relay(self, name: str, colour: str, lines: IO[bytes]) -> None:
        with lines:
            for line in lines:
                self._print(name, colour, line.decode(errors="replace").rstrip())

    def _print(self, name: str, colour: str, text: str) -> None:
        prefix = Text(f"{name:<{NAME_WIDTH}} │ ", style=colour)
        self._console.print(prefix.append_text(Text.from_ansi(text)))


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Asked twice, because a worker takes the first as "finish the job at hand".
    for patience_seconds in (ASK_SECONDS, ASK_AGAIN_SECONDS):
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
            break
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
