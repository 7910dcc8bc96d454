"""Notices in the processes that people run: soon, once each, whatever dies."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from domain.store.database import Database
from projections.rebuild import rebuild_ledger
from tests.keeper import ROOT
from tests.servers import LiveServer, flush, wait_until
from tests.system.deaths import AFTER_COMMIT, BEFORE_COMMIT, IN_FOLLOWING, ORDER, Orders
from tests.system.people import Person, sign_in
from tests.workers.test_imports import worker

pytestmark = pytest.mark.slow

MONTH = {"start": "1400-01-01", "end": "1499-12-29"}


@contextmanager
def follower(
    environ: dict[str, str], orders: Orders | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """The follower as people run it, or one that dies where it is told to."""
    name = "workers.follow" if orders is None else "tests.system.dying_follower"
    told = {} if orders is None else {ORDER: str(orders.file)}
    process = subprocess.Popen(
        [sys.executable, "-m", name],
        cwd=ROOT,
        env={**os.environ, **environ, **told},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def budget(person: Person, name: str) -> str:
    """A category whose budget 900 nearly use."""
    category = person.add_category("expense", name)
    body = {"category_id": category, "max_amount": 1000, **MONTH}
    assert person.post("/v1/budgets", body).status_code == 201
    return category


def notices(person: Person) -> list[dict[str, Any]]:
    """Everything that somebody was told."""
    found: list[dict[str, Any]] = person.get("/v1/notifications?limit=200").json()["items"]
    return found


@pytest.mark.parametrize("point", [BEFORE_COMMIT, IN_FOLLOWING, AFTER_COMMIT])
def test_a_follower_that_is_killed_tells_everything_once(
    live_server: Callable[..., LiveServer],
    environ: dict[str, str],
    tmp_path: Path,
    point: str,
) -> None:
    person, orders = sign_in(live_server()), Orders(tmp_path)
    categories = [budget(person, f"دستهٔ {number}") for number in range(6)]
    for category in categories:
        orders.give(point)
        with follower(environ, orders) as process:
            person.record(category, 900)
            assert orders.wait() == process.pid
    with follower(environ):
        wait_until(lambda: len(notices(person)) >= len(categories))
        last = budget(person, "آخری")
        person.record(last, 900)
        wait_until(lambda: last in {notice["data"]["category_id"] for notice in notices(person)})
    told = Counter((notice["data"]["category_id"], notice["kind"]) for notice in notices(person))
    assert told == Counter((category, "budget_near") for category in [*categories, last])


def test_two_followers_and_a_redis_that_forgets_tell_everything_once(
    live_server: Callable[..., LiveServer], environ: dict[str, str], valkey_url: str
) -> None:
    person = sign_in(live_server())
    with follower(environ), follower(environ):
        categories = [budget(person, f"دستهٔ {number}") for number in range(20)]
        for category in categories:
            flush(valkey_url)
            person.record(category, 900)
        wait_until(lambda: len(notices(person)) >= len(categories))
    told = Counter(notice["data"]["category_id"] for notice in notices(person))
    assert told == Counter(categories)


def test_rows_that_are_built_anew_make_no_news(
    live_server: Callable[..., LiveServer], environ: dict[str, str], database: Database
) -> None:
    person = sign_in(live_server())
    person.record(budget(person, "خوراک"), 900)
    with follower(environ):
        wait_until(lambda: len(notices(person)) == 1)
        before = notices(person)
        rebuild_ledger(database, person.ledger_id())
        other = budget(person, "پوشاک")
        person.record(other, 900)
        wait_until(lambda: len(notices(person)) == 2)
    assert notices(person)[1:] == before


def test_a_worker_tells_that_an_export_is_ready(
    live_server: Callable[..., LiveServer], environ: dict[str, str]
) -> None:
    person = sign_in(live_server())
    job = person.post("/v1/exports", {"format": "csv"}).json()["job_id"]
    with worker(environ):
        wait_until(lambda: notices(person) != [])
    [notice] = notices(person)
    assert (notice["kind"], notice["data"]["export_id"]) == ("export_ready", job)
