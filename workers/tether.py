"""Become a command that is asked to stop when the process which started it is gone."""

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h; survives exec


def main() -> None:
    """`python -m workers.tether COMMAND…`; elsewhere than on Linux the command just runs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  # the point: no shell in between


if __name__ == "__main__":
    main()
