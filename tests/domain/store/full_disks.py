"""Disks that fill up: what is written until then is there, the rest is refused in plain words."""

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from domain.categories import AddCategory
from domain.store.database import StoreUnavailable, open_database
from tests.books import Book
from tests.crowds import FOOD, assert_in_order, spend
from tests.system.auditor import assert_file_is_sound

DEVICES: Final = 8
REFUSALS_EACH: Final = 3
MOST_COMMANDS_EACH: Final = 2000


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
