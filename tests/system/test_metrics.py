"""Metrics of real processes: several that tell one sum, workers that count in Redis."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import redis
import requests
from prometheus_client.parser import text_string_to_metric_families
from rq import Queue

from domain.store import tallies
from domain.store.jobs import QUEUE
from tests.keeper import ROOT
from tests.servers import LiveServer, wait_until
from tests.system.people import sign_in, together
from workers.group import worker_command

pytestmark = pytest.mark.slow


def told(server: LiveServer, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    text = requests.get(f"{server.base_url}/metrics", timeout=9).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_every_commit_is_timed(live_server: Callable[..., LiveServer]) -> None:
    server = live_server()
    person = sign_in(server)
    before = {name: told(server, f"dakhl_{name}_seconds_count") for name in STAGES}
    groceries = person.add_category("expense", "نان")
    for _ in range(5):
        assert person.record(groceries, 1000).status_code == 201
    person.balance()
    grown = {name: told(server, f"dakhl_{name}_seconds_count") - before[name] for name in STAGES}
    assert grown == dict.fromkeys(STAGES, 6)
    sums = {name: told(server, f"dakhl_{name}_seconds_sum") for name in STAGES}
    assert 0 < sums["lock"] < sums["bracket"]
    assert sums["commit"] > 0
    recorded = {"command": "recordTransaction", "outcome": "recorded"}
    assert told(server, "dakhl_commands_total", **recorded) == 5


STAGES = ("lock", "bracket", "commit")


def test_several_web_processes_tell_one_sum_that_never_shrinks(
    live_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    server = live_server(processes=2, PROMETHEUS_MULTIPROC_DIR=str(folder))
    requests_total = {"route": "/v1/me", "status": "4xx"}

    def ask(_index: int) -> int:
        return requests.get(f"{server.base_url}/v1/me", timeout=9).status_code

    for asked in (40, 80):
        assert set(together(40, ask)) == {401}
        assert {told(server, "dakhl_requests_total", **requests_total) for _ in range(9)} == {asked}
    busy = {path.stem.rpartition("_")[2] for path in folder.glob("counter_*.db")}
    victims = [psutil.Process(int(pid)) for pid in busy if psutil.pid_exists(int(pid))]
    assert len(victims) >= 2
    victims[0].kill()
    assert told_in_the_end(server, "dakhl_requests_total", **requests_total) == 80


def told_in_the_end(server: LiveServer, name: str, **labels: str) -> float:
    """What is told by the first to answer: who was just killed resets what it had accepted."""
    answers: list[float] = []

    def has_answered() -> bool:
        with suppress(requests.RequestException):
            answers.append(told(server, name, **labels))
        return bool(answers)

    wait_until(has_answered)
    return answers[0]


def test_a_worker_leaves_its_counts_in_redis_and_names_its_jobs(
    environ: dict[str, str], valkey_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    with redis.Redis.from_url(valkey_url) as client:
        queue = Queue(QUEUE, connection=client)
        queue.enqueue("workers.jobs.remove_stale_sessions", job_id="good")
        queue.enqueue("builtins.int", "09121234567 is no number", job_id="bad")
        with log.open("wb") as output:
            subprocess.run(
                [*worker_command(), "--burst"],
                cwd=ROOT,
                env={
                    **environ,
                    "RQ_REDIS_URL": valkey_url,
                    "PATH": str(Path(sys.executable).parent),
                },
                stdout=output,
                stderr=output,
                check=True,
                timeout=60,
            )
        counted = {tuple(labels): number for labels, number in tallies.counted(client, "jobs")}
    assert counted == {
        ("remove_stale_sessions", "done"): 1,
        ("int", "failed"): 1,
    }
    assert "09121234567" not in log.read_text()
    assert "0912***4567" in log.read_text()
