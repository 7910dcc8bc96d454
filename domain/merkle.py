"""The tree over the leaf log: what a root or a proof is made of, by RFC 6962.

A tree of any size is a few perfect subtrees beside each other. The hashes of those never change
as the tree grows, so they are kept, and whatever is asked is made of a few of them.
"""

from collections.abc import Mapping, Sequence

from domain.verifier import Edge, joined

Subtree = tuple[int, int]
"""A perfect subtree: its level (it has 2 ** level leaves), and its place among those, from 0."""

Stretch = tuple[int, int]
"""Leaves of a tree, from the first up to but not including the second."""


def perfect_subtrees(stretch: Stretch) -> list[Subtree]:
    """The subtrees that a stretch which is one of RFC 6962's is made of, left to right."""
    start, end = stretch
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def stretch_hash(stretch: Stretch, hashes: Mapping[Subtree, bytes]) -> bytes:
    """The hash over a stretch, from those of its subtrees (RFC 6962, 2.1: MTH)."""
    return joined([hashes[subtree] for subtree in perfect_subtrees(stretch)])


def inclusion_path(index: int, size: int) -> list[Stretch]:
    """The stretches whose hashes prove a leaf, the nearest first (RFC 6962, 2.1.1)."""
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_path(first: int, second: int) -> list[Stretch]:
    """The stretches that prove that a tree goes on from an earlier one (RFC 6962, 2.1.2)."""
    path, start, end = [], 0, second
    while first < end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    # Whoever has the earlier tree's root need not be told it.
    if start:
        path.append((start, end))
    return path[::-1] if first < second else []


class Growth:
    """A tree that grows leaf by leaf, and tells which subtrees became perfect."""

    def __init__(self, size: int, hashes: Mapping[Subtree, bytes]) -> None:
        self.size = size
        subtrees = perfect_subtrees((0, size))
        self._edge = Edge((subtree[0], hashes[subtree]) for subtree in subtrees)

    def add(self, leaf: bytes) -> list[tuple[Subtree, bytes]]:
        """Add the hash of a leaf; the subtrees that became perfect by it, leaves not among them."""
        made = enumerate(self._edge.add(leaf), 1)
        found = [((level, self.size >> level), node) for level, node in made]
        self.size += 1
        return found

    @property
    def root(self) -> bytes:
        """The tree's root, once it has a leaf."""
        return self._edge.root


def wanted(stretches: Sequence[Stretch]) -> list[Subtree]:
    """Every subtree that these stretches are made of."""
    return [subtree for stretch in stretches for subtree in perfect_subtrees(stretch)]


def _split(size: int) -> int:
    """The largest power of two that is less than the size."""
    return 1 << ((size - 1).bit_length() - 1)
