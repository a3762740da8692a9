"""Checkpoints and proof files: their text, what is refused, and that every bit of one counts."""

from dataclasses import replace
from hashlib import sha256

import pytest

from offset.core.checkpoints import (
    Checkpoint,
    LogProof,
    read_checkpoint,
    read_proof,
    sign_checkpoint,
    verify_checkpoint,
    verify_proof,
)
from offset.core.errors import LogMalformed, NotProven, NotSigned
from offset.core.merkle import EMPTY_ROOT, inclusion_proof, leaf_hash, leaf_nodes, tree_root
from offset.core.notes import Kind, Note, SigningKey, read_note

ORIGIN = "registry.example/log"
LOG = SigningKey(name=ORIGIN, seed=sha256(b"log").digest())
OTHER = SigningKey(name="other.example/log", seed=sha256(b"other").digest())
WITNESS = SigningKey(name="witness.example/w1", seed=sha256(b"w").digest(), kind=Kind.COSIGNATURE)
TIME_S = 1_679_315_147

# The example of tlog-cosignature: a checkpoint that its log signed and a witness cosigned.
EXAMPLE = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1\
gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1\
nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""

LEAVES = [f'{{"seq":{n}}}'.encode() for n in range(5)]
READ = leaf_nodes([leaf_hash(leaf) for leaf in LEAVES])
CHECKPOINT = Checkpoint(origin=ORIGIN, size=5, root=tree_root(5, READ))
NOTE = sign_checkpoint(CHECKPOINT, LOG)
PROOF = LogProof(
    index=3, hashes=tuple(inclusion_proof(3, 5, READ)), checkpoint=NOTE, extra=LEAVES[3]
)


def cosigned(note: Note) -> Note:
    return replace(note, signatures=(*note.signatures, WITNESS.cosign(note.text, TIME_S)))


# Checkpoints ----------------------------------------------------------------------------------


def test_the_specifications_example_is_read_and_written_again_byte_for_byte() -> None:
    note = read_note(EXAMPLE.encode())
    assert note.encode() == EXAMPLE.encode()
    checkpoint = read_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.root.hex()[:8] == "0ac5186a"
    assert checkpoint.text == note.text
    log, witness = note.signatures
    assert (log.name, log.key_id.hex(), len(log.value)) == (checkpoint.origin, "033de0ae", 64)
    assert (witness.key_id.hex(), len(witness.value)) == ("8d66cf3f", 72)
    assert int.from_bytes(witness.value[:8], "big") == TIME_S


def test_a_checkpoint_is_written_as_the_specification_says() -> None:
    empty = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
    text = f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert empty.text == text
    assert read_checkpoint(text) == empty
    extended = replace(empty, extensions=("one", "two + 2"))
    assert extended.text == f"{text}one\ntwo + 2\n"
    assert read_checkpoint(extended.text) == extended


ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


NO_CHECKPOINTS = [
    *("", "\n", f"origin\n7\n{ROOT}", "origin\n7\n", f"\n7\n{ROOT}\n", f"7\n{ROOT}\n"),
    *(f"origin\n7\n{ROOT}\n\n", f"origin\n7\n{ROOT}\n\nmore\n", f"origin\n7\n{ROOT}\nmore"),
    *(f"origin\n{size}\n{ROOT}\n" for size in ("", "-1", "+1", "01", "00", "1.0", "1e3", "٧")),
    *(f"origin\n{size}\n{ROOT}\n" for size in ("7 ", " 7", "1_0", 2**63, "9" * 5000)),
    *(f"origin\n7\n{root}\n" for root in ("", ROOT[:-1], "AAAA", f"{ROOT} ", ROOT * 2)),
    *(f"origin\n7\n{ROOT[:-2]}{last}=\n" for last in "VWX"),  # bits that mean nothing
]


@pytest.mark.parametrize("text", NO_CHECKPOINTS, ids=range(len(NO_CHECKPOINTS)))
def test_what_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(LogMalformed):
        read_checkpoint(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": ""},
        {"origin": "a\nb"},
        {"origin": "a\tb"},
        {"size": -1},
        {"size": 2**63},
        {"root": bytes(31)},
        {"extensions": ("",)},
        {"extensions": ("a\nb",)},
    ],
    ids=str,
)
def test_what_cannot_be_a_checkpoint_is_not_made(wrong: dict[str, object]) -> None:
    fields = {"origin": ORIGIN, "size": 5, "root": bytes(32), **wrong}
    with pytest.raises(LogMalformed):
        Checkpoint(**fields)  # type: ignore[arg-type]


def test_sizes_and_indexes_reach_to_the_largest_number() -> None:
    largest = replace(CHECKPOINT, size=2**63 - 1)
    assert read_checkpoint(largest.text) == largest
    proof = replace(PROOF, index=2**63 - 1, hashes=63 * (bytes(32),))
    assert read_proof(proof.encode()) == proof


def test_a_checkpoint_is_verified_with_its_logs_key_and_its_witnesses() -> None:
    assert verify_checkpoint(NOTE, LOG.verifier) == (CHECKPOINT, {})
    note = cosigned(NOTE)
    assert verify_checkpoint(note, LOG.verifier) == (CHECKPOINT, {})
    assert verify_checkpoint(note, LOG.verifier, [WITNESS.verifier]) == (
        *(CHECKPOINT, {WITNESS.verifier: TIME_S}),
    )
    assert verify_checkpoint(NOTE, LOG.verifier, [WITNESS.verifier]) == (CHECKPOINT, {})


def test_a_witness_does_not_stand_for_the_log() -> None:
    note = Note(text=NOTE.text, signatures=(WITNESS.cosign(NOTE.text, TIME_S),))
    with pytest.raises(NotSigned, match=f"log {ORIGIN} did not sign"):
        verify_checkpoint(note, LOG.verifier, [WITNESS.verifier])


def test_a_log_speaks_only_for_its_own_origin() -> None:
    note = Note(text=NOTE.text, signatures=(OTHER.sign(NOTE.text),))
    with pytest.raises(NotSigned, match=f"one of {ORIGIN}, not of other.example/log"):
        verify_checkpoint(note, OTHER.verifier)
    with pytest.raises(AssertionError):
        sign_checkpoint(CHECKPOINT, OTHER)


def test_a_key_of_the_other_kind_is_neither_log_nor_witness() -> None:
    for log, witnesses in ((WITNESS, []), (LOG, [OTHER.verifier])):
        with pytest.raises(LogMalformed, match="type 0x01"):
            verify_checkpoint(cosigned(NOTE), log.verifier, witnesses)


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    note = Note(text="anything\n", signatures=(LOG.sign("anything\n"),))
    with pytest.raises(LogMalformed, match="three lines"):
        verify_checkpoint(note, LOG.verifier)


# Proofs ---------------------------------------------------------------------------------------

HASH = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


def proof_text(
    extra: str, index: str, hashes: str, *, header: str = "c2sp.org/tlog-proof@v1\n"
) -> bytes:
    return f"{header}{extra}{index}{hashes}\n".encode() + NOTE.encode()


def test_a_proof_is_written_as_the_specification_says() -> None:
    bare = replace(PROOF, index=0, hashes=(EMPTY_ROOT, EMPTY_ROOT), extra=None)
    assert bare.encode() == proof_text("", "index 0\n", HASH + HASH)
    assert replace(bare, extra=b"leaf", hashes=()).encode() == (
        proof_text("extra bGVhZg==\n", "index 0\n", "")
    )


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("extra", [None, b"leaf"])
def test_a_proof_is_read_as_it_was_written_and_proves_its_leaf(
    index: int, extra: bytes | None
) -> None:
    hashes = tuple(inclusion_proof(index, 5, READ))
    proof = LogProof(index=index, hashes=hashes, checkpoint=cosigned(NOTE), extra=extra)
    assert read_proof(proof.encode()) == proof
    assert verify_proof(proof, LEAVES[index], LOG.verifier, [WITNESS.verifier]) == (
        *(CHECKPOINT, {WITNESS.verifier: TIME_S}),
    )


NO_PROOFS = [
    *(b"", b"\n\n", NOTE.encode(), PROOF.encode()[:-1], PROOF.encode() + b"\n"),
    PROOF.encode().replace(b"\n\n", b"\n"),
    PROOF.encode().replace(b"\n", b"\r\n"),
    PROOF.encode().partition(b"\n\n")[0] + b"\n\n",
    proof_text("", "", ""),
    proof_text("", "", HASH),
    proof_text("", "index 0\n", HASH, header="c2sp.org/tlog-proof@v2\n"),
    proof_text("", "index 0\n", HASH, header=" c2sp.org/tlog-proof@v1\n"),
    proof_text("", "index 0\n", HASH, header=""),
    *(proof_text("", f"index{index}\n", HASH) for index in ("", " ", "  1", " -1", " 01", " 1 ")),
    *(proof_text("", f"index {index}\n", HASH) for index in ("+1", "1.0", "٧", 2**63)),
    *(proof_text(f"extra{extra}\n", "index 0\n", HASH) for extra in ("", " ", " A", " QQ")),
    *(proof_text(f"extra {extra}\n", "index 0\n", HASH) for extra in ("QR==", "-_-_", "QQ== ")),
    proof_text("extra QQ==\nextra QQ==\n", "index 0\n", HASH),
    proof_text("", "index 0\nextra QQ==\n", HASH),
    proof_text("", "index 0\nindex 0\n", HASH),
    proof_text("", "index 0\n", "QQ==\n"),
    proof_text("", "index 0\n", HASH.replace("=", "")),
    proof_text("", "index 0\n", HASH.replace("U=", "V=")),
    proof_text("", "index 0\n", HASH + "\n" + HASH),
    proof_text("", "index 0\n", "\n" + HASH),
    proof_text("", "index 0\n", 64 * HASH),
    proof_text("", "index 0\n", HASH).replace(b"index", b"index\xff"),
]


@pytest.mark.parametrize("data", NO_PROOFS, ids=range(len(NO_PROOFS)))
def test_what_is_not_a_proof_is_refused(data: bytes) -> None:
    with pytest.raises(LogMalformed):
        read_proof(data)


@pytest.mark.parametrize(
    "wrong",
    [
        {"index": -1},
        {"index": 2**63},
        {"hashes": (bytes(31),)},
        {"hashes": 64 * (bytes(32),)},
        {"extra": b""},
        {"checkpoint": replace(NOTE, text="anything\n")},
    ],
    ids=str,
)
def test_what_cannot_be_a_proof_is_not_made(wrong: dict[str, object]) -> None:
    fields = {"index": 0, "hashes": (), "checkpoint": NOTE, **wrong}
    with pytest.raises(LogMalformed):
        LogProof(**fields)  # type: ignore[arg-type]


def test_another_leaf_is_not_proven() -> None:
    with pytest.raises(NotProven):
        verify_proof(PROOF, LEAVES[2], LOG.verifier)


def verify_file(data: bytes) -> None:
    """Do what someone does who has a proof file and the log's key."""
    proof = read_proof(data)
    verify_proof(proof, proof.extra or b"", LOG.verifier)


def test_one_changed_bit_anywhere_in_a_proof_fails() -> None:
    data = PROOF.encode()
    verify_file(data)
    for at in range(len(data)):
        for bit in range(8):
            damaged = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            with pytest.raises((LogMalformed, NotSigned, NotProven)):
                verify_file(damaged)
