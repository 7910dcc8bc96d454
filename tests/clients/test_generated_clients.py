"""Generated clients compile, and work against a real server."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.servers import LiveServer

pytestmark = pytest.mark.slow

HERE: Final = Path(__file__).parent
PHONE: Final = "09121234567"
SEEN: Final = {
    "is_new": True,
    "amount": 1_850_000,
    "direction": None,
    "rehearsed_events": 1,
    "balance": -1_850_000,
    "status": "negative",
    "shares": [{"name": "خوراک", "share": 100.0}],
    "problem": "validation_failed",
    "flaws": [{"field": "amount", "code": "out_of_range"}],
}
DATABASES: Final = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@DATABASES
def test_a_python_client(live_server: Callable[..., LiveServer], tmp_path: Path) -> None:
    server = live_server()
    (tmp_path / "config.yml").write_text("post_hooks: []\n")
    run(
        *(tool("openapi-python-client"), "generate", "--fail-on-warning", "--meta", "none"),
        *("--url", f"{server.base_url}/v1/openapi.json", "--config", "config.yml"),
        *("--output-path", "dakhl_client"),
        at=tmp_path,
    )
    shutil.copy(HERE / "household.py", tmp_path)
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-household]\nstrict = True\n")
    run(tool("mypy"), "-p", "dakhl_client", "-m", "household", at=tmp_path)
    seen = run(sys.executable, "household.py", *told(server), at=tmp_path)
    assert json.loads(seen) == {**SEEN, "day": "2026-10-24"}


@DATABASES
def test_a_typescript_client(live_server: Callable[..., LiveServer], tmp_path: Path) -> None:
    server = live_server()
    (tmp_path / "node_modules").symlink_to(node_modules())
    for name in ("household.ts", "tsconfig.json", "package.json"):
        shutil.copy(HERE / name, tmp_path)
    document = f"{server.base_url}/v1/openapi.json"
    made = ("--output", "api.ts", "--default-non-nullable", "false")
    run(tool("npx"), "--no-install", "openapi-typescript", document, *made, at=tmp_path)
    run(tool("npx"), "--no-install", "tsc", at=tmp_path)
    seen = run(tool("node"), "household.ts", *told(server), at=tmp_path)
    assert json.loads(seen) == SEEN


def told(server: LiveServer) -> tuple[str, str, str]:
    """What the example programs are called with."""
    return server.base_url, PHONE, server.environ["OTP_OUTBOX"]


def tool(name: str) -> str:
    """A program of our virtual environment: Node comes in a wheel."""
    return str(Path(sys.executable).parent / name)


def node_modules() -> Path:
    """What package-lock.json says, installed once for each version of it, beside our packages."""
    lock = (HERE / "package-lock.json").read_bytes()
    home = Path(sys.prefix) / "node" / hashlib.sha256(lock).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not (home / "done").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, home)
            run(tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", at=home)
            (home / "done").touch()
    return home / "node_modules"


def run(*command: str, at: Path) -> str:
    """What a program prints; its complaints too, when it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=at,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
