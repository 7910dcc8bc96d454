"""The tree: against a plain reading of RFC 6962, and the vectors of Certificate Transparency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merkle import (
    Growth,
    Stretch,
    Subtree,
    consistency_path,
    inclusion_path,
    perfect_subtrees,
    stretch_hash,
    wanted,
)
from domain.verifier import is_consistent, root_by_inclusion
from tests.trees import leaf, mth, path, proof

MOST = 70

# The leaves and roots that Certificate Transparency's implementations are tested with.
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


LEAVES = [leaf(number.to_bytes(2, "big")) for number in range(MOST)]


def kept(leaves: list[bytes]) -> dict[Subtree, bytes]:
    """Every perfect subtree of a tree, leaves too."""
    return added(Growth(0, {}), leaves)


def added(growth: Growth, leaves: list[bytes]) -> dict[Subtree, bytes]:
    """The subtrees that leaves make perfect, and the leaves themselves."""
    found: dict[Subtree, bytes] = {}
    for one in leaves:
        found[0, growth.size] = one
        found |= dict(growth.add(one))
    return found


def hashed(stretches: list[Stretch], size: int) -> list[bytes]:
    """The hashes of stretches, from what a tree of this size keeps."""
    nodes = kept(LEAVES[:size])
    return [stretch_hash(stretch, nodes) for stretch in stretches]


def test_the_roots_are_certificate_transparency_s() -> None:
    leaves = [leaf(data) for data in CT_LEAVES]
    roots = [stretch_hash((0, size), kept(leaves[:size])).hex() for size in range(1, 9)]
    assert roots == CT_ROOTS


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_roots_and_paths_are_those_of_the_rfc(size: int) -> None:
    leaves = LEAVES[:size]
    root = mth(leaves)
    assert hashed([(0, size)], size) == [root]
    for index in range(size):
        found = hashed(inclusion_path(index, size), size)
        assert found == path(index, leaves)
        assert root_by_inclusion(leaves[index], index, size, found) == root


@pytest.mark.parametrize("second", range(1, MOST + 1))
def test_consistency_proofs_are_those_of_the_rfc(second: int) -> None:
    root = mth(LEAVES[:second])
    for first in range(1, second + 1):
        found = hashed(consistency_path(first, second), second)
        assert found == proof(first, LEAVES[:second])
        before = mth(LEAVES[:first])
        assert is_consistent((first, before), (second, root), found)
        assert not is_consistent((first, leaf(b"other")), (second, root), found)
        assert not is_consistent((first, before), (second, leaf(b"other")), found)


@given(st.data())
def test_no_other_path_leads_to_the_root(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, MOST))
    index = data.draw(st.integers(0, size - 1))
    root, right = mth(LEAVES[:size]), path(index, LEAVES[:size])
    other = data.draw(st.integers(0, MOST).filter(lambda other: other != index))
    assert root_by_inclusion(LEAVES[index], index, size, right) == root
    assert root_by_inclusion(LEAVES[index], other, size, right) != root
    assert root_by_inclusion(leaf(b"other"), index, size, right) != root
    assert root_by_inclusion(LEAVES[index], index, size, [*right, LEAVES[0]]) != root
    for missing in range(len(right)):
        shorter = right[:missing] + right[missing + 1 :]
        assert root_by_inclusion(LEAVES[index], index, size, shorter) != root
    for place in range(len(right) - 1):
        swapped = [*right]
        swapped[place : place + 2] = swapped[place : place + 2][::-1]
        assert root_by_inclusion(LEAVES[index], index, size, swapped) != root


@given(st.data())
def test_no_other_consistency_proof_will_do(data: st.DataObject) -> None:
    second = data.draw(st.integers(2, MOST))
    first = data.draw(st.integers(1, second - 1))
    right = proof(first, LEAVES[:second])
    heads = (first, mth(LEAVES[:first])), (second, mth(LEAVES[:second]))
    assert is_consistent(*heads, right)
    assert not is_consistent(*heads, [*right, LEAVES[0]])
    assert not is_consistent(*heads, [])
    assert not is_consistent(heads[1], heads[0], right)
    for missing in range(len(right)):
        assert not is_consistent(*heads, right[:missing] + right[missing + 1 :])
        changed = [*right[:missing], leaf(b"other"), *right[missing + 1 :]]
        assert not is_consistent(*heads, changed)


@given(st.integers(0, MOST), st.integers(0, MOST))
def test_growing_step_by_step_keeps_what_growing_at_once_keeps(one: int, other: int) -> None:
    first, second = sorted((one, other))
    before = kept(LEAVES[:first])
    edge = {subtree: before[subtree] for subtree in perfect_subtrees((0, first))}
    growth = Growth(first, edge)
    after = added(growth, LEAVES[first:second])
    assert before | after == kept(LEAVES[:second])
    assert not before.keys() & after.keys()
    assert not second or growth.root == mth(LEAVES[:second])


def test_a_proof_of_a_million_leaves_asks_for_few_subtrees() -> None:
    size = 1_000_003
    for index in (0, 1, size // 2, size - 2, size - 1):
        assert len(wanted(inclusion_path(index, size))) <= 40
    assert len(wanted(consistency_path(999_999, size))) <= 60
