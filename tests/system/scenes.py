"""Scenes: a whole service in processes of its own, every part of which may be killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil

from domain.store.migrate import upgrade
from tests.domain.store.full_disks import put_on_disk, small_disk
from tests.keeper import ROOT, Kept, restartable_postgres
from tests.proxies import Proxy, proxied
from tests.servers import LiveServer, PostgresDatabases, Valkey, end_family
from tests.system.deaths import ORDER, Orders
from tests.system.load import Spender
from tests.system.people import sign_in
from workers.group import worker_command

PEOPLE: Final = 3
LOOK_SECONDS: Final = 1
SCHEDULER: Final = (
    f"from workers import schedule as s; s.LOOK_EVERY_SECONDS = {LOOK_SECONDS}; s.main()"
)


class MortalServer(LiveServer):
    """The web server, two processes of it, to be killed at named points."""

    def command(self) -> list[str]:
        return [*super().command()[:-1], "tests.system.dying_web:app"]


class Scene:
    """The parts of a service that runs, and the people who use it."""

    def __init__(self, folder: Path, stack: ExitStack, dialect: str) -> None:
        self.folder = folder
        self.orders = Orders(folder)
        self.proxy: Proxy | None = None
        self.postgres: Kept | None = None
        self.disk: Path | None = None
        """Where PostgreSQL keeps the tables, if we may have one."""
        self.database_url = f"sqlite:///{folder}/ledger.sqlite3"
        if dialect == "postgresql":
            self._start_postgres(stack)
        upgrade(self.database_url)
        self.valkey = Valkey()
        self.valkey.start()
        stack.callback(self.valkey.kill)
        self.environ = self._environ()
        self.server = MortalServer(self.environ, folder / "web.log", processes=2)
        stack.callback(self.server.stop)
        self.server.start()
        self._start_workers(stack)
        people = [sign_in(self.server, f"091212345{number:02}") for number in range(PEOPLE)]
        self.spenders = [Spender(one, one.add_category("expense", "خوراک")) for one in people]

    @property
    def dialect(self) -> str:
        """What kind of database it has."""
        return "sqlite" if self.postgres is None else "postgresql"

    def _environ(self) -> dict[str, str]:
        return {
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database_url if self.proxy is None else self.proxy.url,
            "REDIS_URL": self.valkey.url,
            "RQ_REDIS_URL": self.valkey.url,
            "OTP_SENDER": "outbox",
            "OTP_OUTBOX": str(self.folder / "outbox.jsonl"),
            "OTP_ADDRESS_QUOTA": "1000000",
            "RATE_LIMIT": "off",
            "ACCESS_TOKEN_SECONDS": "86400",
            ORDER: str(self.orders.file),
        }

    def _start_postgres(self, stack: ExitStack) -> None:
        self.disk = stack.enter_context(small_disk())
        self.postgres = stack.enter_context(restartable_postgres())
        databases = PostgresDatabases(self.postgres.url)
        self.database_url = databases.empty()
        databases.close()
        if self.disk is not None:
            put_on_disk(self.postgres.url, self.database_url, self.disk)
        self.proxy = stack.enter_context(proxied(self.database_url))

    def _start_workers(self, stack: ExitStack) -> None:
        worker = worker_command()
        worker[worker.index("--worker-class") + 1] = "tests.system.dying_worker.Worker"
        for command in (worker, [sys.executable, "-c", SCHEDULER]):
            stack.enter_context(_running(command, self))


@contextmanager
def staged(dialect: str) -> Iterator[Scene]:
    """A service on a database of its own, up and running."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="dakhl-faults-")))
        yield Scene(folder, stack, dialect)


@contextmanager
def _running(command: list[str], scene: Scene) -> Iterator[psutil.Process]:
    """A process of the service; with its children it is gone in the end."""
    with (scene.folder / "processes.log").open("ab") as log:
        process: subprocess.Popen[Any] = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **scene.environ}, stdout=log, stderr=log
        )
    family = psutil.Process(process.pid)
    try:
        yield family
    finally:
        end_family(family)
        process.wait()
