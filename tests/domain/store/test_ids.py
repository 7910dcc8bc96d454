"""Ids: UUIDs of version 7, in the order of time."""

import time
from uuid import RFC_4122

from domain.store.ids import new_id


def test_an_id_says_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= after


def test_later_ids_sort_after_earlier_ones() -> None:
    earlier = new_id()
    time.sleep(0.002)
    assert earlier < new_id()


def test_ids_of_the_same_moment_differ() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000
