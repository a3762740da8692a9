"""Other implementations' answers: what they made is what we make, what they refuse we refuse.

`go-xmod.json` was made with golang.org/x/mod (sumdb/tlog and sumdb/note): for trees of 1 to
70,000 leaves the root, inclusion and consistency proofs, and a signed checkpoint. The folders
`inclusion` and `consistency` are the test data of github.com/transparency-dev/merkle.
"""

import json
from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from log_vectors import log_vectors
from offset.core.checkpoints import (
    Checkpoint,
    LogProof,
    read_checkpoint,
    read_proof,
    verify_checkpoint,
    verify_proof,
)
from offset.core.errors import NotProven
from offset.core.merkle import (
    HASH_SIZE,
    NodeReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_nodes,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from offset.core.notes import VerifierKey, read_note, read_vkey
from offset.core.tiles import Edge, Tile, tile_nodes

SIZES: Final = {*range(1, 21), 31, 32, 33, 63, 64, 65, 127, 255, 256, 257, 511, 512, 513, 1000}
LARGE_SIZES: Final = {65_535, 65_536, 65_537, 70_000}
# Two roots of 12 bytes, which are equal. We know no root that is not a hash.
NO_ROOTS: Final = "consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"


@cache
def go() -> Any:
    return json.loads((log_vectors() / "go-xmod.json").read_text(encoding="utf-8"))


@cache
def leaf(index: int) -> bytes:
    text = go()["leaf"] % index
    assert isinstance(text, str)
    return text.encode()


def unbase64(texts: list[str] | None) -> list[bytes]:
    return [b64decode(text, validate=True) for text in texts or []]


def trees() -> Iterator[tuple[Any, NodeReader]]:
    """Each tree of the file, ascending, with its nodes read from tiles that grew up to there."""
    edge = Edge()
    tiles: dict[tuple[int, int], bytes] = {}

    def read(tile: Tile) -> bytes:
        return tiles[tile.level, tile.index]

    for vector in go()["vectors"]:
        edge, wider = edge.append([leaf_hash(leaf(n)) for n in range(edge.size, vector["size"])])
        tiles |= {(tile.level, tile.index): hashes for tile, hashes in wider}
        assert edge.root == b64decode(vector["root"])
        yield vector, tile_nodes(read, edge.size)


def test_every_proof_of_go_is_made_from_tiles_byte_for_byte() -> None:
    sizes, proofs = set(), 0
    for vector, nodes in trees():
        size, root = vector["size"], b64decode(vector["root"])
        assert tree_root(size, nodes) == root
        for case in vector["inclusion"]:
            index, proof = case["index"], unbase64(case["proof"])
            assert inclusion_proof(index, size, nodes) == proof
            verify_inclusion(leaf_hash(leaf(index)), index, size, proof, root)
        for case in vector["consistency"]:
            old, proof = case["old"], unbase64(case["proof"])
            assert consistency_proof(old, size, nodes) == proof
            verify_consistency(old, size, proof, tree_root(old, nodes), root)
        sizes.add(size)
        proofs += len(vector["inclusion"]) + len(vector["consistency"])
    assert sizes == SIZES | LARGE_SIZES
    assert proofs == 686


def test_every_proof_of_go_is_made_from_all_leaves_byte_for_byte() -> None:
    for vector in go()["vectors"]:
        size = vector["size"]
        if size in SIZES:
            nodes = leaf_nodes([leaf_hash(leaf(n)) for n in range(size)])
            for case in vector["inclusion"]:
                assert inclusion_proof(case["index"], size, nodes) == unbase64(case["proof"])
            for case in vector["consistency"]:
                assert consistency_proof(case["old"], size, nodes) == unbase64(case["proof"])


def key() -> VerifierKey:
    return read_vkey(go()["vkey"])


def test_every_checkpoint_of_go_verifies_and_is_written_byte_for_byte() -> None:
    assert key().vkey == go()["vkey"]
    for vector in go()["vectors"]:
        text = vector["checkpoint"]
        note = read_note(text.encode())
        expected = Checkpoint(
            origin=key().name, size=vector["size"], root=b64decode(vector["root"])
        )
        assert verify_checkpoint(note, key()) == (expected, {})
        assert read_checkpoint(note.text) == expected
        assert (expected.text, note.encode()) == (note.text, text.encode())


def test_every_inclusion_of_go_verifies_as_a_proof_file() -> None:
    for vector in go()["vectors"]:
        note = read_note(vector["checkpoint"].encode())
        for case in vector["inclusion"]:
            entry, hashes = leaf(case["index"]), tuple(unbase64(case["proof"]))
            made = LogProof(index=case["index"], hashes=hashes, checkpoint=note, extra=entry)
            proof = read_proof(made.encode())
            checkpoint, _ = verify_proof(proof, proof.extra or b"", key())
            assert checkpoint.size == vector["size"]


# The cases of transparency-dev ----------------------------------------------------------------


def cases(kind: str) -> dict[str, Any]:
    folder = log_vectors()
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((folder / kind).rglob("*.json"))
    }


def is_included(case: Any) -> bool:
    leaf_hashed, root = unbase64([case["leafHash"], case["root"]])
    proof = unbase64(case["proof"])
    try:
        verify_inclusion(leaf_hashed, case["leafIdx"], case["treeSize"], proof, root)
    except NotProven:
        return False
    return True


def is_consistent(case: Any) -> bool:
    old_root, new_root = unbase64([case["root1"], case["root2"]])
    proof = unbase64(case["proof"])
    try:
        verify_consistency(case["size1"], case["size2"], proof, old_root, new_root)
    except NotProven:
        return False
    return True


def test_every_inclusion_of_transparency_dev_is_judged_as_published() -> None:
    found = cases("inclusion")
    assert len(found) == 98
    assert sum(not case["wantErr"] for case in found.values()) == 6
    judged = {name: is_included(case) for name, case in found.items()}
    assert judged == {name: not case["wantErr"] for name, case in found.items()}


def test_every_consistency_of_transparency_dev_is_judged_as_published_but_for_no_roots() -> None:
    found = cases("consistency")
    assert len(found) == 98
    assert sum(not case["wantErr"] for case in found.values()) == 6
    no_roots = found.pop(NO_ROOTS)
    assert not no_roots["wantErr"]
    assert len(b64decode(no_roots["root1"])) == 12 < HASH_SIZE
    assert not is_consistent(no_roots)
    judged = {name: is_consistent(case) for name, case in found.items()}
    assert judged == {name: not case["wantErr"] for name, case in found.items()}
