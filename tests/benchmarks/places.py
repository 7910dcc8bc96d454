"""Where it is measured: a fresh database, and the web server as `make run` starts it."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import psycopg

from domain.store.migrate import upgrade
from domain.store.settings import Settings, read_settings
from tests.benchmarks import machine, yardsticks
from tests.keeper import running_postgres
from tests.servers import LiveServer
from workers.group import web_processes

COMMITS: Final = "commits of one row, one connection"
BUG_LINES: Final = 120
EIGHT_COMMITS: Final = "commits of one row, eight connections"
PATIENT: Final = {"ACCESS_TOKEN_SECONDS": "86400", "OTP_ADDRESS_QUOTA": "1000000"}


class Place(msgspec.Struct, frozen=True):
    """A database and a folder. Each yardstick is measured for so many seconds; commits a second."""

    name: str
    home: Path
    environ: dict[str, str]
    yardsticks: dict[str, Callable[[float], float]]
    facts: dict[str, str] = {}

    @property
    def settings(self) -> Settings:
        """What the service reads."""
        return read_settings(self.environ)

    @property
    def log(self) -> Path:
        """Where the web server writes."""
        return self.home / "web.log"

    def bug(self) -> str | None:
        """What the web server said about the first error that it did not expect."""
        _, found, after = self.log.read_text().partition("unexpected error")
        # A line of the log starts with a colour, a line of a traceback does not.
        told = [line for line in after.splitlines()[:BUG_LINES] if not line.startswith("\x1b")]
        return "\n".join([found, *told]) if found else None

    @property
    def processes(self) -> int:
        """How many web processes `make run` would start."""
        return web_processes(self.settings)


@contextmanager
def on_sqlite(valkey_url: str) -> Iterator[Place]:
    """A SQLite file."""
    with TemporaryDirectory(prefix="dakhl-bench-") as folder:
        home = Path(folder)
        environ = _environ(home, f"sqlite:///{home / 'ledger.sqlite3'}", valkey_url)
        commits = {COMMITS: lambda seconds: yardsticks.sqlite_commits_per_second(home, seconds)}
        yield Place("SQLite", home, environ, commits)


@contextmanager
def on_postgres(valkey_url: str) -> Iterator[Place]:
    """A PostgreSQL server that keeps what it was given."""
    with TemporaryDirectory(prefix="dakhl-bench-") as folder, _durable_postgres() as url:
        home = Path(folder)
        commits = {
            COMMITS: lambda seconds: yardsticks.postgres_commits_per_second(url, 1, seconds),
            EIGHT_COMMITS: lambda seconds: yardsticks.postgres_commits_per_second(url, 8, seconds),
        }
        facts = {"PostgreSQL": machine.postgres_facts(url)}
        yield Place("PostgreSQL", home, _environ(home, url, valkey_url), commits, facts)


PLACES: Final[dict[str, Callable[[str], AbstractContextManager[Place]]]] = {
    "sqlite": on_sqlite,
    "postgresql": on_postgres,
}


@contextmanager
def served(place: Place, server: LiveServer | None = None) -> Iterator[LiveServer]:
    """The web server, running."""
    upgrade(place.environ["DATABASE_URL"])
    Path(place.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(exist_ok=True)
    server = server or LiveServer(place.environ, place.log, place.processes)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def settle(place: Place) -> None:
    """What autovacuum would do within a minute, now instead of in the middle of a run."""
    url = place.environ["DATABASE_URL"]
    if url.startswith("postgres"):
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("VACUUM (ANALYZE)")


def _environ(home: Path, database_url: str, valkey_url: str) -> dict[str, str]:
    return {
        "DATA_DIR": str(home),
        "DATABASE_URL": database_url,
        "REDIS_URL": valkey_url,
        "PROMETHEUS_MULTIPROC_DIR": str(home / "metrics"),
        "OTP_SENDER": "outbox",
        "OTP_OUTBOX": str(home / "outbox.jsonl"),
        "RATE_LIMIT": "off",
        **PATIENT,
    }


@contextmanager
def _durable_postgres() -> Iterator[str]:
    """The tests' server is told to forget safety; here it keeps it, as it comes."""
    with running_postgres() as url:
        if "TEST_DATABASE_URL" not in os.environ:
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute("ALTER SYSTEM RESET ALL")
                admin.execute("SELECT pg_reload_conf()")
        yield url
