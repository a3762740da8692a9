"""The Merkle tree of RFC 6962: its hashes, its two kinds of proof, and their verification.

D[a:b] are the leaves from a up to b, MTH(D[a:b]) is the hash of the tree over them (RFC 6962,
section 2.1). A hash is 32 bytes; a leaf is known here by its hash alone.

Every hash that a root or a proof needs is one tree's or several complete trees' hashes joined,
so each is first written down as the nodes it is made of: the caller may look at these, fetch
what it stores of them at once, and then have the hashes made.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from offset.core.errors import NotProven

LEAF_PREFIX: Final = b"\x00"  # RFC 6962, section 2.1
NODE_PREFIX: Final = b"\x01"
HASH_SIZE: Final = 32  # bytes of SHA-256
EMPTY_ROOT: Final = sha256(b"").digest()  # MTH({})


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """The complete tree over the 2**level leaves from index * 2**level on."""

    level: int
    index: int


NodeReader = Callable[[Node], bytes]
"""Gives a node's hash."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash a leaf's bytes."""
    return sha256(LEAF_PREFIX + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours into the node above them."""
    return sha256(NODE_PREFIX + left + right).digest()


def complete_hash(hashes: bytes) -> bytes:
    """Hash 1, 2, 4, 8 ... hashes, joined, into the root of the complete tree over them."""
    pair = 2 * HASH_SIZE
    while len(hashes) > HASH_SIZE:
        hashes = b"".join(
            [
                sha256(NODE_PREFIX + hashes[at : at + pair]).digest()
                for at in range(0, len(hashes), pair)
            ]
        )
    return hashes


# What a root and a proof are made of ---------------------------------------------------------


def root_nodes(size: int) -> list[Node]:
    """List the nodes of MTH(D[0:size]), left to right; none for the empty tree."""
    return _nodes(0, size)


def inclusion_nodes(index: int, size: int) -> list[list[Node]]:
    """List the nodes of each hash of an inclusion proof: PATH(index, D[0:size]), section 2.1.1."""
    assert 0 <= index < size, f"leaf {index} of {size}"
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            path.append(_nodes(middle, end))
            end = middle
        else:
            path.append(_nodes(start, middle))
            start = middle
    return path[::-1]


def consistency_nodes(old_size: int, new_size: int) -> list[list[Node]]:
    """List the nodes of each hash of a consistency proof: PROOF(old, D[0:new]), section 2.1.2.

    From the empty tree and from a tree to itself it has no hashes.
    """
    assert 0 <= old_size <= new_size, f"from {old_size} to {new_size} leaves"
    if old_size == 0:
        return []
    proof = []
    start, end = 0, new_size  # SUBPROOF(old - start, D[start:end], start == 0)
    while end > old_size:
        middle = _middle(start, end)
        if old_size <= middle:
            proof.append(_nodes(middle, end))
            end = middle
        else:
            proof.append(_nodes(start, middle))
            start = middle
    if start > 0:
        proof.append(_nodes(start, end))
    return proof[::-1]


def _middle(start: int, end: int) -> int:
    """Split D[start:end] after the largest power of two that is smaller than its length."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _nodes(start: int, end: int) -> list[Node]:
    """Divide D[start:end] into complete trees, the largest first.

    `start` has to be a multiple of the largest of them, as it always is in a tree.
    """
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(Node(level, start >> level))
        start += 1 << level
    return found


# Making them ---------------------------------------------------------------------------------


def tree_root(size: int, read: NodeReader) -> bytes:
    """Make the root of the tree of the first `size` leaves."""
    return _joined(root_nodes(size), read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """Prove that the leaf is in the tree: hashes from the leaf's sibling to the root's child."""
    return [_joined(nodes, read) for nodes in inclusion_nodes(index, size)]


def consistency_proof(old_size: int, new_size: int, read: NodeReader) -> list[bytes]:
    """Prove that the old tree's leaves are the first ones of the new tree."""
    return [_joined(nodes, read) for nodes in consistency_nodes(old_size, new_size)]


def _joined(nodes: Iterable[Node], read: NodeReader) -> bytes:
    """Hash neighbouring complete trees, the largest first, from the right: the smallest joins."""
    *others, joined = [read(node) for node in nodes]
    for left in reversed(others):
        joined = node_hash(left, joined)
    return joined


def leaf_nodes(leaf_hashes: Sequence[bytes]) -> NodeReader:
    """Read nodes from all the leaf hashes of a tree: for a tree that is small."""

    def read(node: Node) -> bytes:
        start, end = node.index << node.level, (node.index + 1) << node.level
        return complete_hash(b"".join(leaf_hashes[start:end]))

    return read


# Verifying them ------------------------------------------------------------------------------


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the leaf with the hash `leaf` is number `index` of the tree (RFC 9162, 2.1.3.2).

    Size and root have to come from one checkpoint: a proof binds the index and the leaf to the
    root, and the size only as far as the shape of the path goes.

    Raises:
        NotProven: it does not follow from the proof.
    """
    if not 0 <= index < size:
        raise NotProven(f"leaf {index}: not in a tree of {size} leaves")
    _check_sizes(leaf, *proof, root)
    position, last = index, size - 1  # fn and sn of the RFC
    made = leaf
    for other in proof:
        if last == 0:
            raise NotProven(f"leaf {index} of {size}: the proof has too many hashes")
        if position & 1 or position == last:
            made = node_hash(other, made)
            position, last = _up_to_a_right_child(position, last)
        else:
            made = node_hash(made, other)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise NotProven(f"leaf {index} of {size}: the proof has too few hashes")
    if made != root:
        raise NotProven(f"leaf {index} of {size}: the proof leads to another root")


def verify_consistency(
    old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Check that the new tree begins with all leaves of the old one (RFC 9162, 2.1.4.2).

    Every tree begins with the empty one, so from size 0 there is nothing to check, and it is
    refused. Each size has to come from one checkpoint with its root.

    Raises:
        NotProven: it does not follow from the proof.
    """
    what = f"from {old_size} to {new_size} leaves"
    if not 0 < old_size <= new_size:
        raise NotProven(f"{what}: nothing can be proven")
    _check_sizes(old_root, *proof, new_root)
    if old_size == new_size:
        if proof or old_root != new_root:
            raise NotProven(f"{what}: two roots of one size, or a proof where none is needed")
        return
    hashes = list(proof)
    if old_size & (old_size - 1) == 0:  # a complete tree is a node of the new one
        hashes.insert(0, old_root)
    if not hashes:
        raise NotProven(f"{what}: the proof is empty")
    position, last = old_size - 1, new_size - 1  # fn and sn of the RFC
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = hashes[0]
    for other in hashes[1:]:
        if last == 0:
            raise NotProven(f"{what}: the proof has too many hashes")
        if position & 1 or position == last:
            old, new = node_hash(other, old), node_hash(other, new)
            position, last = _up_to_a_right_child(position, last)
        else:
            new = node_hash(new, other)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise NotProven(f"{what}: the proof has too few hashes")
    if (old, new) != (old_root, new_root):
        raise NotProven(f"{what}: the proof leads to other roots")


def _up_to_a_right_child(position: int, last: int) -> tuple[int, int]:
    """Skip the levels on which the last node has no sibling and is taken up as it is."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _check_sizes(*hashes: bytes) -> None:
    for given in hashes:
        if len(given) != HASH_SIZE:
            raise NotProven(f"a hash of {len(given)} bytes, where SHA-256 has {HASH_SIZE}")
