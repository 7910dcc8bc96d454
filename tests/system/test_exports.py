"""Exports in the processes that people run: a real worker, a real server, and what goes wrong."""

import http.client
import os
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from domain.calendar import jalali_parts, today_in_tehran
from domain.store.database import Database
from domain.store.ledgers import utc_now
from tests.servers import LiveServer, wait_until
from tests.system.people import Person, sign_in
from tests.workers.test_imports import worker
from tests.workers.test_statements import pages
from workers.files.statement import MOST_ENTRIES

pytestmark = pytest.mark.slow

ENTRIES = 3000


@pytest.fixture
def server(live_server: Callable[..., LiveServer]) -> LiveServer:
    """A web server."""
    return live_server()


@pytest.fixture
def person(server: LiveServer) -> Person:
    """Somebody with some years of entries."""
    somebody = sign_in(server)
    food = somebody.add_category("expense", "خوراک")
    for _ in range(ENTRIES // 1000):
        items = [{"category_id": food, "amount": n + 1, "description": "نان"} for n in range(1000)]
        answer = somebody.post("/v1/transactions/batch", {"items": items})
        assert answer.status_code == 201, answer.text
    return somebody


def _bearer(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.tokens['access_token']}"}


def _wanted(person: Person, kind: str, **more: Any) -> str:
    answer = person.post("/v1/exports", {"format": kind, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Location"])


def _is_done(person: Person, job: str) -> bool:
    found = person.get(job).json()
    assert found["status"] != "failed", found
    return bool(found["status"] == "done")


def test_a_worker_that_is_killed_leaves_no_half_a_file(
    person: Person, environ: dict[str, str]
) -> None:
    job = _wanted(person, "xlsx")
    with worker(environ) as process:
        wait_until(lambda: person.get(job).json()["status"] != "queued")
        # The work horse alone: its worker notices, and has the job run again.
        for child in process.children():
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getpgid(child.pid) == child.pid:
                    child.kill()
        early = person.get(job.replace("jobs", "exports"))
        assert early.status_code in (200, 409)
        wait_until(partial(_is_done, person, job))
    file = person.get(person.get(job).json()["result_url"])
    assert file.headers["ETag"] == f'"{sha256(file.content).hexdigest()}"'
    assert file.content.startswith(b"PK")


def test_a_worker_sets_a_statement(person: Person, environ: dict[str, str]) -> None:
    year, month, _ = jalali_parts(today_in_tehran(utc_now()))
    job = _wanted(person, "pdf", year=year, month=month, language="en")
    with worker(environ):
        wait_until(partial(_is_done, person, job))
    first, *rest = pages(person.get(person.get(job).json()["result_url"]).content)
    assert f"{ENTRIES * 1001 // 2:,} Rials" in first
    assert f"{ENTRIES - MOST_ENTRIES:,} more transactions" in rest[-1]


def test_a_file_that_goes_away_meanwhile_is_seen_to_be_cut(
    person: Person, server: LiveServer, environ: dict[str, str], database: Database
) -> None:
    job = _wanted(person, "events")
    with worker(environ):
        wait_until(partial(_is_done, person, job))
    path = person.get(job).json()["result_url"]
    whole = person.get(path)
    assert int(whole.headers["Content-Length"]) == len(whole.content) > 600_000
    database.write(lambda c: c.run("DELETE FROM export_chunks WHERE number > 0"))
    host = urlsplit(server.base_url).netloc
    with closing(http.client.HTTPConnection(host, timeout=20)) as connection:
        connection.request("GET", path, headers=_bearer(person))
        answer = connection.getresponse()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
