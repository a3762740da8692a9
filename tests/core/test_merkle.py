"""The tree of RFC 6962, held against the RFC's own words, example and recursion."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.core.errors import NotProven
from offset.core.merkle import (
    EMPTY_ROOT,
    complete_hash,
    consistency_nodes,
    consistency_proof,
    inclusion_nodes,
    inclusion_proof,
    leaf_hash,
    leaf_nodes,
    node_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 70  # leaves: past 64, so that seven levels and what lies beside them are met
LEAVES = [leaf_hash(f"leaf {n}".encode()) for n in range(LARGEST)]
READ = leaf_nodes(LEAVES)
ROOTS = [tree_root(size, READ) for size in range(LARGEST + 1)]


# RFC 6962, section 2.1, as it is written ------------------------------------------------------


def split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def mth(d: Sequence[bytes]) -> bytes:
    if len(d) == 1:
        return d[0]
    k = split(len(d))
    return sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: Sequence[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    k = split(len(d))
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


def subproof(m: int, d: Sequence[bytes], b: bool) -> list[bytes]:
    if m == len(d):
        return [] if b else [mth(d)]
    k = split(len(d))
    if m <= k:
        return [*subproof(m, d[:k], b), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


def inclusion(index: int, size: int) -> list[bytes]:
    return inclusion_proof(index, size, READ)


def consistency(old: int, new: int) -> list[bytes]:
    return consistency_proof(old, new, READ)


def flipped(value: bytes, bit: int) -> bytes:
    """The bytes with one bit changed."""
    return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")


def test_the_hashes_are_those_of_the_standard() -> None:
    # The leaf of no bytes is the first one of Certificate Transparency's own reference tree.
    empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"").hex() == empty_leaf
    assert sha256(b"").digest() == EMPTY_ROOT == tree_root(0, READ)
    a, b = LEAVES[:2]
    assert node_hash(a, b) == sha256(b"\x01" + a + b).digest()
    assert complete_hash(a) == a
    assert complete_hash(b"".join(LEAVES[:8])) == mth(LEAVES[:8])


def test_the_proofs_of_the_standards_example_are_as_it_lists_them() -> None:
    # RFC 6962, section 2.1.3: seven leaves d0 to d6, whose hashes are a, b, c, d, e, f, j.
    a, b, c, d, e, f, j = LEAVES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741
    assert inclusion(0, 7) == [b, h, l]
    assert inclusion(3, 7) == [c, g, l]
    assert inclusion(4, 7) == [f, j, k]
    assert inclusion(6, 7) == [i, k]
    assert consistency(3, 7) == [c, d, g, l]
    assert consistency(4, 7) == [l]
    assert consistency(6, 7) == [i, j, k]


def test_every_proof_of_every_small_tree_is_the_standards_and_verifies() -> None:
    for size in range(1, LARGEST + 1):
        assert ROOTS[size] == mth(LEAVES[:size])
        for index in range(size):
            proof = inclusion(index, size)
            assert proof == path(index, LEAVES[:size])
            verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
        for old in range(1, size + 1):
            proof = consistency(old, size)
            assert proof == subproof(old, LEAVES[:size], True)
            verify_consistency(old, size, proof, ROOTS[old], ROOTS[size])


def test_no_leaf_is_proven_at_another_index() -> None:
    for size in range(2, 40):
        for index in range(size):
            proof = inclusion(index, size)
            for other in {*range(size)} - {index}:
                with pytest.raises(NotProven):
                    verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])


def test_every_part_of_every_proof_counts() -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            parts = [LEAVES[index], *inclusion(index, size), ROOTS[size]]
            for n, part in enumerate(parts):
                wrong = [*parts[:n], flipped(part, (7 * size + index) % 256), *parts[n + 1 :]]
                with pytest.raises(NotProven):
                    verify_inclusion(wrong[0], index, size, wrong[1:-1], wrong[-1])
        for old in range(1, size + 1):
            parts = [ROOTS[old], *consistency(old, size), ROOTS[size]]
            for n, part in enumerate(parts):
                wrong = [*parts[:n], flipped(part, (7 * size + old) % 256), *parts[n + 1 :]]
                with pytest.raises(NotProven):
                    verify_consistency(old, size, wrong[1:-1], wrong[0], wrong[-1])


@given(data=st.data(), size=st.integers(1, LARGEST), bit=st.integers(0, 255))
def test_one_changed_bit_anywhere_fails(data: st.DataObject, size: int, bit: int) -> None:
    which = data.draw(st.integers(0, size - 1))
    parts = [LEAVES[which], *inclusion(which, size), ROOTS[size]]
    n = data.draw(st.integers(0, len(parts) - 1))
    parts[n] = flipped(parts[n], bit)
    with pytest.raises(NotProven):
        verify_inclusion(parts[0], which, size, parts[1:-1], parts[-1])
    old = which + 1
    parts = [ROOTS[old], *consistency(old, size), ROOTS[size]]
    n = data.draw(st.integers(0, len(parts) - 1))
    parts[n] = flipped(parts[n], bit)
    with pytest.raises(NotProven):
        verify_consistency(old, size, parts[1:-1], parts[0], parts[-1])


@pytest.mark.parametrize("size", [1, 2, 7, 8, 64, 70])
def test_a_proof_with_a_hash_too_many_or_too_few_fails(size: int) -> None:
    for index in range(size):
        proof = inclusion(index, size)
        for wrong in ([*proof, ROOTS[size]], [LEAVES[index], *proof], proof[:-1], proof[1:]):
            if wrong != proof:
                with pytest.raises(NotProven):
                    verify_inclusion(LEAVES[index], index, size, wrong, ROOTS[size])
    for old in range(1, size + 1):
        proof = consistency(old, size)
        for wrong in ([*proof, ROOTS[size]], [ROOTS[old], *proof], proof[:-1], proof[1:], []):
            if wrong != proof:
                with pytest.raises(NotProven):
                    verify_consistency(old, size, wrong, ROOTS[old], ROOTS[size])


@pytest.mark.parametrize("index, size", [(7, 7), (8, 7), (-1, 7), (0, 0), (2**64, 7)])
def test_no_leaf_is_proven_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(NotProven, match="not in a tree"):
        verify_inclusion(LEAVES[6], index, size, inclusion(6, 7), ROOTS[7])


@pytest.mark.parametrize("length", [0, 12, 31, 33])
def test_what_is_no_hash_fails(length: int) -> None:
    short = bytes(length)
    proof = inclusion(1, 2)
    for parts in (
        [short, *proof, ROOTS[2]],
        [LEAVES[1], short, ROOTS[2]],
        [LEAVES[1], *proof, short],
    ):
        with pytest.raises(NotProven, match=f"{length} bytes"):
            verify_inclusion(parts[0], 1, 2, parts[1:-1], parts[-1])
    for parts in ([short, ROOTS[2]], [ROOTS[1], short]):
        with pytest.raises(NotProven, match=f"{length} bytes"):
            verify_consistency(1, 2, inclusion(0, 2), parts[0], parts[1])
    with pytest.raises(NotProven, match=f"{length} bytes"):
        verify_consistency(1, 1, [], short, short)


def test_two_trees_of_one_size_are_equal_or_a_fraud() -> None:
    verify_consistency(5, 5, [], ROOTS[5], ROOTS[5])
    with pytest.raises(NotProven, match="two roots of one size"):
        verify_consistency(5, 5, [], ROOTS[5], ROOTS[6])
    with pytest.raises(NotProven, match="where none is needed"):
        verify_consistency(5, 5, [ROOTS[5]], ROOTS[5], ROOTS[5])


@pytest.mark.parametrize("old, new", [(0, 0), (0, 3), (4, 3), (-1, 3)])
def test_nothing_is_proven_from_the_empty_tree_or_backwards(old: int, new: int) -> None:
    with pytest.raises(NotProven, match="nothing can be proven"):
        verify_consistency(old, new, [], EMPTY_ROOT, EMPTY_ROOT)


def test_from_the_empty_tree_and_to_itself_a_proof_has_no_hashes() -> None:
    assert consistency(0, 5) == consistency(0, 0) == consistency(5, 5) == []


def test_no_proof_is_made_of_what_is_not_in_the_tree() -> None:
    for index in (-1, 5):
        with pytest.raises(AssertionError, match=f"leaf {index} of 5"):
            inclusion(index, 5)
    for old in (-1, 6):
        with pytest.raises(AssertionError, match=f"from {old} to 5"):
            consistency(old, 5)


@given(data=st.data(), size=st.integers(1, 2**63 - 1))
def test_proofs_of_the_largest_trees_are_short(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    proof = inclusion_nodes(index, size)
    assert len(proof) <= (size - 1).bit_length() <= 63
    # Together with the leaf, what a proof is made of covers every leaf once.
    leaves = sum(1 << node.level for node in chain.from_iterable(proof))
    assert leaves == size - 1
    assert len(consistency_nodes(old, size)) <= 64
