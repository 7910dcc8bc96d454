"""The machine that measured, as far as it explains the numbers."""

import datetime as dt
import os
import platform
import re
import sqlite3
from importlib.metadata import version
from pathlib import Path

import psycopg


def facts() -> dict[str, str]:
    """What the machine is and runs; no names, no addresses."""
    return {
        "measured on": dt.datetime.now(dt.UTC).date().isoformat(),
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
        "SQLite": f"{sqlite3.sqlite_version}, WAL, synchronous=FULL",
        "granian": version("granian"),
    }


def postgres_facts(url: str) -> str:
    """The server's version, and how it keeps its word."""
    with psycopg.connect(url, autocommit=True) as admin:
        told = {name: _setting(admin, name) for name in ("fsync", "synchronous_commit")}
        number = _setting(admin, "server_version").split()[0]
    return ", ".join([number, *(f"{name}={value}" for name, value in told.items())])


def _setting(admin: psycopg.Connection, name: str) -> str:
    row = admin.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", told, re.MULTILINE)
    return found.group(1) if found else platform.machine()
