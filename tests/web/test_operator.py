"""The `flask db` commands, as an operator types them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.store.migrate import latest_revision
from tests.keeper import ROOT

pytestmark = pytest.mark.slow


def flask(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the `flask` command from the project's root, without a setting of Flask's own."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "flask"), *words],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_upgrading_makes_the_tables_current(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    before = flask("db", "current", DATA_DIR=data)
    assert before.returncode == 1
    assert "run `flask db upgrade`" in before.stderr
    upgraded = flask("db", "upgrade", DATA_DIR=data)
    assert (upgraded.returncode, upgraded.stdout) == (
        0,
        f"The tables are at {latest_revision()}.\n",
    )
    after = flask("db", "current", DATA_DIR=data)
    assert after.returncode == 0
    assert after.stdout == f"tables: {latest_revision()}, code: {latest_revision()}\n"


@pytest.mark.postgresql
def test_a_migrated_database_needs_nothing(environ: dict[str, str]) -> None:
    assert flask("db", "current", **environ).returncode == 0
