"""What tests are given: real databases, a real Valkey, a real web server."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from domain.store.database import Database, open_database
from domain.store.logs import configure_logs
from domain.store.migrate import upgrade
from domain.store.settings import Settings, read_settings
from tests.keeper import running_postgres, running_valkey
from tests.logs import Log
from tests.proxies import Proxy, proxied
from tests.servers import LiveServer, PostgresDatabases, flush

# A fresh ledger per example is enough; the database may be shared. Deadlines fail on a busy host.
CI = hypothesis_settings(
    max_examples=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
hypothesis_settings.register_profile("ci", CI)
hypothesis_settings.register_profile("thorough", CI, max_examples=2000)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

DIALECTS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))


@pytest.fixture(scope="session", autouse=True)
def nowhere() -> Iterator[TextIO]:
    """Where every line of the log goes, through the real processors."""
    with Path(os.devnull).open("w") as file:
        configure_logs("production", file)
        yield file


@pytest.fixture
def logged(nowhere: TextIO) -> Iterator[Log]:
    """What this process logs, as in production."""
    log = Log()
    configure_logs("production", log)
    yield log
    configure_logs("production", nowhere)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server, started when the first test needs it."""
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_databases(postgres_url: str) -> Iterator[PostgresDatabases]:
    """Makes migrated databases on that server, quickly."""
    databases = PostgresDatabases(postgres_url)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "ledger.sqlite3"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh, migrated database: the test runs once for each kind."""
    if request.param == "sqlite":
        path = tmp_path / "ledger.sqlite3"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    url = databases.fresh()
    yield url
    databases.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database, open."""
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """Between us and the database's server; PostgreSQL only."""
    with proxied(database_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def valkey_server_url() -> Iterator[str]:
    """A Valkey server, started when the first test needs it."""
    with running_valkey() as url:
        yield url


@pytest.fixture
def valkey_url(valkey_server_url: str) -> str:
    """A Valkey server that holds nothing."""
    flush(valkey_server_url)
    return valkey_server_url


@pytest.fixture
def environ(database_url: str, valkey_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a service of its own: what `settings` and `live_server` read."""
    return {
        "APP_ENV": "development",
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "REDIS_URL": valkey_url,
        "OTP_SENDER": "outbox",
        "OTP_OUTBOX": str(tmp_path / "outbox.jsonl"),
        "OTP_ADDRESS_QUOTA": "1000000",
        "RATE_LIMIT": "off",
    }


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """Settings for this test's databases."""
    return read_settings(environ)


@pytest.fixture
def live_server(environ: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Starts real web servers: `live_server()`, or `live_server(RATE_LIMIT="5")`."""
    started: list[LiveServer] = []

    def start(processes: int = 1, **overrides: str) -> LiveServer:
        log = tmp_path / f"web-{len(started)}.log"
        server = LiveServer({**environ, **overrides}, log, processes)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()
