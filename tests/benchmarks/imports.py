"""`python -m tests.benchmarks.imports`: how long an import takes, and how long others wait."""

import csv
import io
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import psutil
import requests
from openpyxl import Workbook
from rich.console import Console

from tests.keeper import ROOT, running_postgres, running_valkey
from tests.servers import LiveServer
from tests.system.people import Person, sign_in
from workers.group import worker_command

HEADER: Final = ("تاریخ", "مبلغ", "دسته", "نوع", "شرح")
SIZES: Final = (10_000, 100_000)
PAUSE_SECONDS: Final = 0.05

phones: Final = (f"0912{number:07}" for number in count(2_000_000))


class Measured(NamedTuple):
    """One import: seconds, the worker's peak, and others' commands meanwhile (milliseconds)."""

    name: str
    upload_seconds: float
    seconds: float
    peak_mib: float
    others: list[float]


def main() -> None:
    """Measure imports on SQLite and on PostgreSQL, and show what came out."""
    console = Console()
    with running_valkey() as valkey_url, TemporaryDirectory(prefix="dakhl-bench-") as home:
        environ = {
            "DATA_DIR": home,
            "REDIS_URL": valkey_url,
            "OTP_SENDER": "outbox",
            "OTP_OUTBOX": f"{home}/outbox.jsonl",
            "RATE_LIMIT": "off",
        }
        sqlite = {**environ, "DATABASE_URL": f"sqlite:///{home}/ledger.sqlite3"}
        for measured in _measure("SQLite", sqlite, Path(home)):
            console.print(_shown(measured))
        with running_postgres() as url:
            for measured in _measure("PostgreSQL", {**environ, "DATABASE_URL": url}, Path(home)):
                console.print(_shown(measured))


def table(size: int) -> Iterator[tuple[str, int, str, str, str]]:
    """Believable rows, every one different."""
    for index in range(size):
        day = f"14{index // 12_000 % 6:02}/{1 + index % 12:02}/{1 + index % 29:02}"
        kind = ("هزینه", "هزینه", "هزینه", "درآمد")[index % 4]
        yield day, 10_000 + index * 137 % 9_000_000, f"{kind} {index % 20}", kind, f"ردیف {index}"


def csv_file(size: int) -> bytes:
    """The rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(table(size))
    return text.getvalue().encode()


def xlsx_file(size: int) -> bytes:
    """The rows as a workbook."""
    book = Workbook()
    sheet = book.worksheets[0]
    for row in (HEADER, *table(size)):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _measure(name: str, environ: dict[str, str], home: Path) -> Iterator[Measured]:
    from domain.store.migrate import upgrade

    upgrade(environ["DATABASE_URL"])
    server = LiveServer(environ, home / "web.log")
    server.start()
    try:
        other = sign_in(server, next(phones))
        with _worker(environ) as worker:
            for size in SIZES:
                person = sign_in(server, next(phones))
                yield _one(f"{name}, CSV, {size:,}", csv_file(size), person, other, worker)
            person = sign_in(server, next(phones))
            file = xlsx_file(SIZES[-1])
            yield _one(f"{name}, XLSX, {SIZES[-1]:,}", file, person, other, worker)
    finally:
        server.stop()


@contextmanager
def _worker(environ: dict[str, str]) -> Iterator[psutil.Process]:
    env = {**os.environ, **environ, "RQ_REDIS_URL": environ["REDIS_URL"]}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        worker_command(), cwd=ROOT, env=env, stdout=quiet, stderr=quiet
    ) as worker:
        try:
            yield psutil.Process(worker.pid)
        finally:
            worker.terminate()


def _one(name: str, file: bytes, person: Person, other: Person, worker: psutil.Process) -> Measured:
    food = other.add_category("expense", name)
    over = threading.Event()
    peaks: list[int] = []
    waits: list[float] = []
    watchers = [
        threading.Thread(target=_watch_memory, args=(worker, over, peaks)),
        threading.Thread(target=_record_meanwhile, args=(other, food, over, waits)),
    ]
    started = time.monotonic()
    job = _post(person, file)
    uploaded = time.monotonic()
    for watcher in watchers:
        watcher.start()
    while (found := person.get(job).json())["status"] not in ("done", "failed"):
        time.sleep(0.2)
    seconds = time.monotonic() - uploaded
    over.set()
    for watcher in watchers:
        watcher.join()
    summary = person.get(found["result_url"]).json()
    assert summary["recorded"] == summary["total"], summary
    return Measured(name, uploaded - started, seconds, max(peaks) / 2**20, waits)


def _post(person: Person, file: bytes) -> str:
    answer = requests.post(
        f"{person.base_url}/v1/imports",
        files={"file": ("rows", file)},
        data={"options": '{"missing_categories": "create"}'},
        headers={"Authorization": f"Bearer {person.tokens['access_token']}"},
        timeout=120,
    )
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


def _watch_memory(worker: psutil.Process, over: threading.Event, peaks: list[int]) -> None:
    while not over.wait(PAUSE_SECONDS):
        for process in worker.children(recursive=True):
            try:
                peaks.append(process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue


def _record_meanwhile(
    person: Person, category: str, over: threading.Event, waits: list[float]
) -> None:
    while not over.wait(PAUSE_SECONDS):
        started = time.monotonic()
        assert person.record(category, 1000).status_code == 201
        waits.append((time.monotonic() - started) * 1000)


def _shown(measured: Measured) -> str:
    median = statistics.median(measured.others)
    late = statistics.quantiles(measured.others, n=100, method="inclusive")[98]
    return (
        f"{measured.name}: upload {measured.upload_seconds:.1f} s, import {measured.seconds:.1f} s,"
        f" worker's peak {measured.peak_mib:.0f} MiB; others' commands:"
        f" median {median:.0f} ms, p99 {late:.0f} ms, longest {max(measured.others):.0f} ms"
    )


if __name__ == "__main__":
    main()
