"""Scenes: a whole service in processes of its own, every part of which may be killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil

from domain.store.migrate import upgrade
from tests.domain.store.full_disks import put_on_disk, small_disk
from tests.keeper import ROOT, Kept, restartable_postgres
from tests.proxies import Proxy, proxied
from tests.servers import LiveServer, PostgresDatabases, Valkey
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

    def __init__(self, database_url: str, environ: dict[str, str], folder: Path) -> None:
        self.database_url = database_url
        self.folder = folder
        self.environ = environ
        self.orders = Orders(folder)
        self.server = MortalServer(environ, folder / "web.log", processes=2)
        self.valkey: Valkey
        self.proxy: Proxy | None = None
        self.postgres: Kept | None = None
        self.disk: Path | None = None
        self.spenders: list[Spender] = []

    @property
    def dialect(self) -> str:
        """What kind of database it has."""
        return self.database_url.partition(":")[0]

    def sign_people_in(self) -> None:
        """Have a few people sign in, who spend on food."""
        people = [sign_in(self.server, f"091212345{number:02}") for number in range(PEOPLE)]
        self.spenders = [Spender(one, one.add_category("expense", "خوراک")) for one in people]


@contextmanager
def staged(dialect: str) -> Iterator[Scene]:
    """A service on a database of its own, up and running."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="dakhl-faults-")))
        scene_url, postgres, proxy, disk = f"sqlite:///{folder}/ledger.sqlite3", None, None, None
        if dialect == "postgresql":
            disk = stack.enter_context(small_disk())
            postgres = stack.enter_context(restartable_postgres())
            databases = PostgresDatabases(postgres.url)
            scene_url = databases.empty()
            databases.close()
            if disk is not None:
                put_on_disk(postgres.url, scene_url, disk)
            proxy = stack.enter_context(proxied(scene_url))
        upgrade(scene_url)
        valkey = Valkey()
        valkey.start()
        stack.callback(valkey.kill)
        environ = {
            "DATA_DIR": str(folder),
            "DATABASE_URL": scene_url if proxy is None else proxy.url,
            "REDIS_URL": valkey.url,
            "RQ_REDIS_URL": valkey.url,
            "OTP_SENDER": "outbox",
            "OTP_OUTBOX": str(folder / "outbox.jsonl"),
            "OTP_ADDRESS_QUOTA": "1000000",
            "RATE_LIMIT": "off",
            "ACCESS_TOKEN_SECONDS": "86400",
            ORDER: str(folder / "death-order"),
        }
        scene = Scene(scene_url, environ, folder)
        scene.valkey, scene.proxy, scene.postgres, scene.disk = valkey, proxy, postgres, disk
        stack.callback(scene.server.stop)
        scene.server.start()
        worker = worker_command()
        at_class = worker.index("--worker-class") + 1
        worker[at_class] = "tests.system.dying_worker.Worker"
        stack.enter_context(_running(worker, scene))
        stack.enter_context(_running([sys.executable, "-c", SCHEDULER], scene))
        scene.sign_people_in()
        yield scene


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
        for member in (family, *family.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()
