"""Processes that live and die together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.keeper import ROOT
from workers.processes import ProcessGroup

SLEEP = [sys.executable, "-c", "import time; print('started', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n"
    "print('started', flush=True)\nwhile True: time.sleep(1)",
]


def test_each_line_stands_behind_its_process_name(capfd: pytest.CaptureFixture[str]) -> None:
    group = ProcessGroup()
    group.start("web", SLEEP, {})
    assert _soon(lambda: "web       │ started" in capfd.readouterr().out)
    group.stop()


def test_it_says_which_process_ended_and_how() -> None:
    group = ProcessGroup()
    group.start("web", SLEEP, {})
    group.start("worker", [sys.executable, "-c", "raise SystemExit(3)"], {})
    try:
        assert group.watch(print) == "worker ended by itself (exit code 3)"
    finally:
        group.stop()


def test_a_killed_process_is_named_with_its_signal() -> None:
    group = ProcessGroup()
    group.start("web", [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], {})
    assert group.watch(print) == "web ended by itself (killed by SIGKILL)"
    group.stop()


def test_being_asked_to_stop_is_not_a_failure() -> None:
    group = ProcessGroup()
    group.start("web", SLEEP, {})
    group.stop_asked.set()
    assert group.watch(print) is None
    group.stop()


@pytest.mark.slow
def test_a_process_that_will_not_stop_is_killed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.processes.ASK_SECONDS", 0.2)
    monkeypatch.setattr("workers.processes.ASK_AGAIN_SECONDS", 0.2)
    group = ProcessGroup()
    group.start("web", STUBBORN, {})
    assert _soon(lambda: "started" in capfd.readouterr().out)
    group.stop()
    assert capfd.readouterr().out.count("no") == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of it")
def test_nothing_outlives_a_group_that_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child = (
        f"import os, time, pathlib; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))"
        "; time.sleep(60)"
    )
    parent = (
        "import sys, time; from workers.processes import ProcessGroup\n"
        f"ProcessGroup().start('child', [sys.executable, '-c', {child!r}], {{}}); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT)
    assert _soon(lambda: pid_file.exists() and pid_file.read_text() != "")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert _soon(lambda: not _is_alive(int(pid_file.read_text())))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return status != "Z"


def _soon(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
