"""Become a command that is asked to stop when the process which started it is gone."""

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h; survives exec
LEAVE: Final = signal.SIGUSR1
"""Tells a web process that it will be replaced; nobody else minds it."""


def main() -> None:
    """`python -m workers.tether COMMAND…`; elsewhere than on Linux the command just runs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(LEAVE, signal.SIG_IGN)  # survives exec, until a process learns what it means
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  # the point: no shell in between


if __name__ == "__main__":
    main()
