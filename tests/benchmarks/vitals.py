"""Vital signs: what the web processes and the database hold at a moment."""

import time
from pathlib import Path

import msgspec
import psutil
import psycopg
import sqlalchemy as sa

from tests.servers import LiveServer


class Vitals(msgspec.Struct, frozen=True):
    """Of all web processes together; `connections` are PostgreSQL's, `wal_mib` is SQLite's."""

    at: float
    rss_mib: float
    open_files: int
    threads: int
    connections: int
    wal_mib: float


def vitals(server: LiveServer) -> Vitals:
    """Take them now."""
    processes = [psutil.Process(pid) for pid in server.workers()]
    return Vitals(
        time.monotonic(),
        sum(process.memory_info().rss for process in processes) / 2**20,
        sum(process.num_fds() for process in processes),
        sum(process.num_threads() for process in processes),
        _connections(server.environ["DATABASE_URL"]),
        _wal_bytes(server.environ["DATABASE_URL"]) / 2**20,
    )


def _connections(url: str) -> int:
    if not url.startswith("postgres"):
        return 0
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with psycopg.connect(url, autocommit=True) as admin:
        row = admin.execute(count).fetchone()
    assert row is not None
    return int(row[0]) - 1  # ours


def _wal_bytes(url: str) -> int:
    path = Path(f"{sa.make_url(url).database}-wal")
    return path.stat().st_size if path.exists() else 0
