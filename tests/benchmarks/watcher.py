"""Become py-spy: start a command as our child, and sample it once we are told to.

A process may be traced by whoever started it; by anybody else only where the system's settings or
the rights of root allow it. py-spy could start the command itself, and would then record how it
starts and how people sign in.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

GO: Final = signal.SIGUSR1
RATE: Final = "500"  # a second


def main() -> None:
    """`python -m tests.benchmarks.watcher PY-SPY OUTPUT SECONDS COMMAND…`.

    What py-spy says is beside its output.
    """
    spy, output, seconds, *command = sys.argv[1:]
    started = subprocess.Popen(command)
    signal.pthread_sigmask(signal.SIG_BLOCK, [GO])
    signal.sigwait([GO])
    # Only who holds the interpreter: threads that wait would hide the ones that work.
    ours = (
        "record",
        "--subprocesses",
        "--function",
        "--gil",
        "--rate",
        RATE,
        "--pid",
        str(started.pid),
    )
    said = os.open(said_beside(Path(output)), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.execv(spy, [spy, *ours, "--output", output, "--duration", seconds])


def said_beside(output: Path) -> Path:
    """Where to look when there is no output."""
    return output.with_suffix(".log")


if __name__ == "__main__":
    main()
