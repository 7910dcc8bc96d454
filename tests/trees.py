"""RFC 6962's trees and proofs, word for word: slow, and easy to compare with the text."""

from hashlib import sha256


def leaf(data: bytes) -> bytes:
    """The hash of a leaf (2.1)."""
    return sha256(b"\x00" + data).digest()


def mth(leaves: list[bytes]) -> bytes:
    """The Merkle Tree Hash (2.1) over hashes of leaves."""
    if len(leaves) == 1:
        return leaves[0]
    k = _largest_power_below(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """The audit path (2.1.1)."""
    if len(leaves) == 1:
        return []
    k = _largest_power_below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: list[bytes], *, is_known: bool = True) -> list[bytes]:
    """The consistency proof (2.1.2); `is_known` is the text's `b`."""
    if m == len(leaves):
        return [] if is_known else [mth(leaves)]
    k = _largest_power_below(len(leaves))
    if m <= k:
        return [*proof(m, leaves[:k], is_known=is_known), mth(leaves[k:])]
    return [*proof(m - k, leaves[k:], is_known=False), mth(leaves[:k])]


def _largest_power_below(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power
