"""Webhooks in the processes that people run: soon, whoever is dead beside them, and never lost."""

import datetime as dt
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from domain.store.database import Database
from tests.keeper import ROOT
from tests.servers import LiveServer, wait_until
from tests.system.people import Person, sign_in
from tests.workers.receivers import Receiver, hangs, says

pytestmark = pytest.mark.slow

HERE = {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}


@contextmanager
def running(environ: dict[str, str], *names: str) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Processes as people run them, until they are killed."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", name],
            cwd=ROOT,
            env={**os.environ, **environ, **HERE},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in names
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.fixture
def person(live_server: Callable[..., LiveServer]) -> Person:
    """Somebody whose webhooks may lead to this machine."""
    return sign_in(live_server(**HERE))


def hook(person: Person, url: str) -> dict[str, Any]:
    """A webhook that hears of expenses."""
    answer = person.post("/v1/webhooks", {"url": url, "events": ["expense-recorded"]})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def deliveries(person: Person, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    """What was sent to a webhook."""
    path = f"/v1/webhooks/{webhook['id']}/deliveries?limit=200"
    found: list[dict[str, Any]] = person.get(path).json()["items"]
    return found


def test_dead_receivers_hold_nobody_up(person: Person, environ: dict[str, str]) -> None:
    with closing(Receiver()) as good, closing(Receiver(always=hangs)) as dead:
        category = person.add_category("expense", "نان")
        for _ in range(4):
            hook(person, dead.url())
        webhook = hook(person, good.url())
        with running(environ, "workers.follow", "workers.deliver"):
            person.record(category, 1)
            wait_until(lambda: bool(good.taken) and len(dead.taken) == 4)
            for number in range(1, 6):
                recorded_at = time.monotonic()
                person.record(category, 5)
                wait_until(lambda number=number: len(good.taken) > number)  # type: ignore[misc]
                assert time.monotonic() - recorded_at < 2
            assert len(dead.taken) == 4, "one at a time"
            wait_until(
                lambda: {one["status"] for one in deliveries(person, webhook)} == {"succeeded"}
            )


def test_a_sender_killed_in_the_middle_loses_nothing(
    person: Person, environ: dict[str, str], database: Database
) -> None:
    with closing(Receiver(always=hangs)) as receiver:
        category = person.add_category("expense", "نان")
        webhook = hook(person, receiver.url())
        for _ in range(5):
            person.record(category, 5)
        with running(environ, "workers.follow", "workers.deliver") as (_, sender):
            wait_until(lambda: bool(receiver.taken) and len(deliveries(person, webhook)) == 5)
            sender.kill()
            sender.wait()
        receiver.always = says(200)
        with running(environ, "workers.deliver"):
            time.sleep(1)
            assert len(receiver.taken) == 1, "the lease of the dead one still holds"
            end_leases(database)
            wait_until(
                lambda: {one["status"] for one in deliveries(person, webhook)} == {"succeeded"}
            )
        first, again, *others = receiver.taken
        assert first.headers["webhook-id"] == again.headers["webhook-id"]
        assert first.body == again.body
        told = [json.loads(taken.body)["data"]["version"] for taken in (again, *others)]
        assert told == sorted(one["version"] for one in deliveries(person, webhook))
        assert len(told) == 5


def end_leases(database: Database) -> None:
    """As if the time that they last were over."""
    now = dt.datetime.now(dt.UTC)
    end = "UPDATE webhooks SET due_at = :now WHERE lease IS NOT NULL"
    assert database.write(lambda c: c.run(end, now=now)) == 1


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_receiver_of_the_documents_takes_what_is_signed(
    person: Person, environ: dict[str, str], tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text()
    [program] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "receiver.py").write_text(program)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    webhook = hook(person, f"http://127.0.0.1:{port}/")
    category = person.add_category("expense", "نان")
    command = [sys.executable, "receiver.py", webhook["secret"], str(port)]
    listening = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with listening, running(environ, "workers.follow", "workers.deliver"):
        try:
            wait_until(lambda: listens(port))
            person.record(category, 5)
            assert listening.stdout is not None
            assert json.loads(listening.stdout.readline())["data"]["data"]["amount_rials"] == 5
            person.post(f"/v1/webhooks/{webhook['id']}/secret", {})
            person.post(f"/v1/webhooks/{webhook['id']}/test", {})
            assert json.loads(listening.stdout.readline())["type"] == "ping"
        finally:
            listening.kill()
