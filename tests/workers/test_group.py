"""`make run`'s process group: what it starts, how it ends, what it leaves behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import redis
import requests

from domain.store.settings import embedded_valkey_socket, embedded_valkey_url
from tests.keeper import ROOT
from tests.servers import TIMEOUT_SECONDS, free_port, wait_until
from tests.workers.gateways import SECRET, Gateway, document

pytestmark = pytest.mark.slow


class Group:
    """A running group and what it has said."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self.base_url = f"http://127.0.0.1:{environ['PORT']}"
        self._log = log
        clean = {key: value for key, value in os.environ.items() if key not in OURS}
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.tether", sys.executable, "-m", "workers.group"],
                cwd=ROOT,
                env={**clean, **environ},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """Everything in its log."""
        return self._log.read_text()

    def wait_until_ready(self) -> "Group":
        """Until it says where to go."""
        wait_until(lambda: "Dakhl-o-Kharj is ready" in self.said or self.process.poll() is not None)
        assert self.process.poll() is None, self.said
        return self

    def members(self) -> list[psutil.Process]:
        """Every process it has started, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code. Nothing it started may be left."""
        members = self.members()
        self.process.send_signal(number)
        code = self.process.wait(TIMEOUT_SECONDS)
        _gone, left = psutil.wait_procs(members, timeout=1)
        assert left == []
        return code


OURS = ("APP_ENV", "DATA_DIR", "DATABASE_URL", "REDIS_URL", "HOST", "PORT", "OTP_SENDER")
StartGroup = Callable[..., Group]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartGroup]:
    """Starts groups; the same data folder unless told otherwise."""
    groups: list[Group] = []

    def start_group(**environ: str) -> Group:
        defaults = {"DATA_DIR": str(tmp_path / "data"), "PORT": str(free_port())}
        group = Group({**defaults, **environ}, tmp_path / f"group-{len(groups)}.log")
        groups.append(group)
        return group

    yield start_group
    for group in groups:
        with suppress(psutil.NoSuchProcess):
            if group.process.poll() is None:
                group.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_stops_cleanly(start: StartGroup, number: signal.Signals) -> None:
    group = start().wait_until_ready()
    assert requests.get(f"{group.base_url}/healthz", timeout=5).status_code == 200
    assert "ورود" in group.said
    assert "09121234567" in group.said
    assert group.end(number) == 0


def test_being_stopped_while_still_starting_leaves_nothing(start: StartGroup) -> None:
    group = start()
    wait_until(lambda: len(group.members()) >= 2)
    assert group.end() == 0


def test_the_queue_is_still_there_after_a_restart(start: StartGroup, tmp_path: Path) -> None:
    group = start().wait_until_ready()
    with redis.Redis.from_url(embedded_valkey_url(tmp_path / "data")) as client:
        client.set("kept", "yes")
        group.end()
        start().wait_until_ready()
        assert client.get("kept") == b"yes"


def test_a_long_data_folder_gets_a_socket_elsewhere(start: StartGroup, tmp_path: Path) -> None:
    folder = tmp_path / ("پوشه" * 20)
    elsewhere = embedded_valkey_socket(folder).parent
    assert not elsewhere.is_relative_to(folder)
    group = start(DATA_DIR=str(folder)).wait_until_ready()
    assert group.end() == 0
    elsewhere.rmdir()


def test_a_code_reaches_the_gateway_and_nobody_else(start: StartGroup, tmp_path: Path) -> None:
    gateway = Gateway()
    group = start(
        OTP_SENDER="webhook",
        OTP_WEBHOOK_URL=f"{gateway.url}/hook",
        OTP_WEBHOOK_SECRET=SECRET,
        OTP_HOST="app.example.ir",
    ).wait_until_ready()
    body = {"phone": "09121234567"}
    asked = requests.post(f"{group.base_url}/v1/auth/otp", json=body, timeout=10)
    wait_until(lambda: len(gateway.received) == 1)
    code = document(gateway.received[0])["code"]
    body |= {"code": code, "request_id": asked.json()["request_id"]}
    assert requests.post(f"{group.base_url}/v1/auth/token", json=body, timeout=10).ok
    assert group.end() == 0
    gateway.close()
    # The welcome has an example with this number: what follows it is about the one who asked.
    said = group.said.partition("Ctrl-C stops everything")[2]
    assert not re.search(rf"(?<![\w.-]){code}(?![\w.-])", said)
    assert "9121234567" not in said
    kept = (tmp_path / "data" / "valkey").rglob("*")
    assert not [file for file in kept if file.is_file() and b"9121234567" in file.read_bytes()]


VICTIMS = {
    "valkey-server": "valkey",
    "rq": "worker",
    "workers.schedule": "scheduler",
    "workers.follow": "follower",
    "workers.deliver": "webhooks",
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_when_one_process_dies_it_says_which_and_stops_the_rest(
    start: StartGroup, victim: str
) -> None:
    name = VICTIMS[victim]
    group = start().wait_until_ready()
    members = group.members()
    next(member for member in members if _runs(member, victim)).kill()
    assert group.process.wait(TIMEOUT_SECONDS) == 1
    assert f"{name} ended by itself (killed by SIGKILL)" in group.said
    assert psutil.wait_procs(members, timeout=1)[1] == []


def _runs(process: psutil.Process, program: str) -> bool:
    # Split again: Valkey rewrites its command line into one word.
    words = " ".join(process.cmdline()).split()
    return any(Path(word).name == program for word in words)


def test_a_web_process_that_dies_is_replaced(start: StartGroup) -> None:
    group = start().wait_until_ready()
    web = next(member for member in group.members() if _runs(member, "granian"))
    web.children()[-1].kill()
    wait_until(lambda: _is_healthy(group.base_url))
    assert group.end() == 0


def test_a_hang_up_replaces_the_web_process_and_nothing_else(start: StartGroup) -> None:
    group = start().wait_until_ready()
    web = next(member for member in group.members() if _runs(member, "granian"))
    old, others = web.children(), {member.pid for member in group.members()} - _family(web)
    group.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not {*old} & {*web.children()})
    assert _is_healthy(group.base_url)
    assert others <= {member.pid for member in group.members()}
    assert group.end() == 0


def _family(process: psutil.Process) -> set[int]:
    return {process.pid, *(child.pid for child in process.children())}


def _is_healthy(base_url: str) -> bool:
    try:
        return requests.get(f"{base_url}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def test_a_taken_port_is_said_plainly(start: StartGroup) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        group = start(PORT=str(taken.getsockname()[1]))
        assert group.process.wait(TIMEOUT_SECONDS) == 1
    assert "Cannot start: port" in group.said


def test_a_second_group_on_the_same_data_is_refused(start: StartGroup) -> None:
    start().wait_until_ready()
    second = start()
    assert second.process.wait(TIMEOUT_SECONDS) == 1
    assert "Cannot start: the service already runs on" in second.said


def test_a_bad_setting_is_named(start: StartGroup) -> None:
    group = start(OTP_SENDER="pigeon")
    assert group.process.wait(TIMEOUT_SECONDS) == 1
    assert "Cannot start: OTP_SENDER='pigeon'" in group.said


def test_a_database_that_is_away_is_said_plainly(start: StartGroup, valkey_url: str) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    group = start(DATABASE_URL=nowhere, REDIS_URL=valkey_url)
    assert group.process.wait(TIMEOUT_SECONDS) == 1
    assert "Cannot start: the database cannot be reached" in group.said


@pytest.mark.postgresql
def test_it_runs_on_postgresql_and_redis_with_nothing_else_changed(
    start: StartGroup, environ: dict[str, str]
) -> None:
    group = start(DATABASE_URL=environ["DATABASE_URL"], REDIS_URL=environ["REDIS_URL"])
    group.wait_until_ready()
    assert not any(_runs(member, "valkey-server") for member in group.members())
    assert group.end() == 0
