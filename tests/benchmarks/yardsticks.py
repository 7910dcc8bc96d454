"""Yardsticks: what the machine's disk and databases can do without us."""

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import psycopg

A_ROW: Final = "x" * 200


def sqlite_commits_per_second(folder: Path, seconds: float) -> float:
    """One row a commit, WAL, `synchronous=FULL`, one connection."""
    raw = sqlite3.connect(folder / "yardstick.sqlite3", isolation_level=None)
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            raw.execute(f"PRAGMA {pragma}")
        raw.execute("CREATE TABLE IF NOT EXISTS yardstick (text TEXT)")
        return _per_second(
            lambda: raw.execute("INSERT INTO yardstick VALUES (?)", (A_ROW,)), seconds
        )
    finally:
        raw.close()


def postgres_commits_per_second(url: str, connections: int, seconds: float) -> float:
    """One row a commit, so many connections at once."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE TABLE IF NOT EXISTS yardstick (text TEXT)")
        with ThreadPoolExecutor(connections) as pool:
            parts = [pool.submit(_postgres_commits, url, seconds) for _ in range(connections)]
            total = sum(part.result() for part in parts)
        admin.execute("DROP TABLE yardstick")
    return total


def _postgres_commits(url: str, seconds: float) -> float:
    with psycopg.connect(url, autocommit=True) as raw:
        return _per_second(
            lambda: raw.execute("INSERT INTO yardstick VALUES (%s)", (A_ROW,)), seconds
        )


def _per_second(commit: Callable[[], object], seconds: float) -> float:
    started = time.perf_counter()
    count = 0
    while time.perf_counter() - started < seconds:
        commit()
        count += 1
    return count / (time.perf_counter() - started)
