"""Disks that fill up: what is written until then is there, the rest is refused in plain words."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg
import sqlalchemy as sa

from domain.categories import AddCategory
from domain.store.database import StoreUnavailable, open_database
from tests.books import Book
from tests.crowds import FOOD, assert_in_order, spend
from tests.system.auditor import assert_file_is_sound

DEVICES: Final = 8
REFUSALS_EACH: Final = 3
MOST_COMMANDS_EACH: Final = 2000
DISK_SIZE: Final = "64m"


def fill(database_url: str, begin: Callable[[Book], None], make_room: Callable[[], None]) -> None:
    """Record until the disk is full, and somewhat longer; then make room and go on."""
    book = Book(open_database(database_url))
    book.record(AddCategory(id=FOOD, name="خوراک", kind="expense"))
    begin(book)
    with ThreadPoolExecutor(DEVICES) as pool:
        devices = [pool.submit(_record_until_it_is_full, book) for _ in range(DEVICES)]
        recorded = sum(device.result() for device in devices)
    assert recorded > DEVICES, "it was full to begin with"
    assert book.head().expense == recorded
    assert_in_order(book)
    make_room()
    book.record(spend(1))
    assert book.head().expense == recorded + 1
    assert_in_order(book)
    book.database.close()
    assert_file_is_sound(database_url)


def _record_until_it_is_full(book: Book) -> int:
    recorded = refused = 0
    for _ in range(MOST_COMMANDS_EACH):
        try:
            book.record(spend(1, description="پر" * 400))
        except StoreUnavailable:
            refused += 1
            if refused == REFUSALS_EACH:
                return recorded
        else:
            recorded += 1
    raise AssertionError("it never was full")


@contextmanager
def small_disk() -> Iterator[Path | None]:
    """A disk of its own, where we may have one; beside no test's files, for PostgreSQL to enter."""
    disk = Path(tempfile.mkdtemp(prefix="dakhl-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE},mode=0755", "none", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        disk.rmdir()
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()


def put_on_disk(server_url: str, database_url: str, disk: Path) -> bool:
    """Move the tables of a database to a disk; False when its server is on another machine."""
    with psycopg.connect(server_url, autocommit=True) as admin:
        row = admin.execute("SHOW data_directory").fetchone()
        assert row is not None
        if not Path(row[0]).exists():
            return False
        owner = Path(row[0]).stat()
        os.chown(disk, owner.st_uid, owner.st_gid)
        name = sa.make_url(database_url).database
        admin.execute(f"CREATE TABLESPACE small LOCATION '{disk}'".encode())
        admin.execute(f"ALTER DATABASE {name} SET TABLESPACE small".encode())
    return True


def leave_room(disk: Path, room_bytes: int) -> Path:
    """Leave only so much room; the file that takes the rest."""
    ballast = disk / "ballast"
    with suppress(OSError):  # others write, too: then there is none
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free - room_bytes))
    return ballast


def main() -> None:
    """Fill a file that may not grow: the limit is the process's own, so it needs one."""
    database_url, path = sys.argv[1:]
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)

    def allow(more_bytes: int) -> None:
        size = max(Path(f"{path}{end}").stat().st_size for end in ("", "-wal"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + more_bytes, most))

    fill(database_url, lambda _book: allow(500_000), lambda: allow(5_000_000))


if __name__ == "__main__":
    main()
