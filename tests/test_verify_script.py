"""docs/verify_retirement.py, as a stranger runs it: what it verifies, and what it refuses."""

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from logs import KEY, OTHER_KEY, BuiltLog, sound_story, witness
from offset.core.canonical import canonical_json
from offset.core.notes import SigningKey, read_vkey

SCRIPT: Final = Path(__file__).parents[1] / "docs" / "verify_retirement.py"
LOG: Final = BuiltLog(sound_story(12).leaves)
RETIRED: Final = 8


def run(folder: Path, proof: bytes, vkey: str = KEY.verifier.vkey) -> tuple[int, str, str]:
    file = folder / "retirement.tlog-proof"
    file.write_bytes(proof)
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(file), vkey],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


def test_it_has_at_most_100_lines_and_needs_cryptography_alone() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported - sys.stdlib_module_names == {"cryptography"}


def test_a_retirement_is_verified_and_its_event_printed(tmp_path: Path) -> None:
    status, out, err = run(tmp_path, LOG.proof(RETIRED).encode())
    assert (status, err) == (0, "")
    assert out.startswith(f"VERIFIED: position {RETIRED} of log {KEY.name}, signed for size 84\n")
    assert '"type": "RETIRED"' in out


@pytest.mark.parametrize("size", [1, 2, 3, 84])
def test_proofs_of_all_shapes_are_verified(tmp_path: Path, size: int) -> None:
    log = BuiltLog(LOG.all_leaves[:size], witnesses=[witness("w")])
    status, _, err = run(tmp_path, log.proof(size - 1).encode())
    assert (status, err) == (0, "")


CERTAINLY: Final = LOG.proof(RETIRED)
FORGED: Final[dict[str, tuple[bytes, str]]] = {
    "another leaf": (
        replace(CERTAINLY, extra=LOG.all_leaves[7]).encode(),
        "the proof leads to another root",
    ),
    "another position": (
        replace(CERTAINLY, index=9).encode(),
        "the proof leads to another root",
    ),
    "a position behind the end": (
        replace(CERTAINLY, index=84).encode(),
        "the position is behind the end of the log",
    ),
    "a hash too few": (
        replace(CERTAINLY, hashes=CERTAINLY.hashes[:-1]).encode(),
        "the proof has too few hashes",
    ),
    "a hash too many": (
        replace(CERTAINLY, hashes=(*CERTAINLY.hashes, bytes(32))).encode(),
        "the proof has too many hashes",
    ),
    "no event": (replace(CERTAINLY, extra=None).encode(), "there is no event in it"),
    "a size that was not signed": (
        CERTAINLY.encode().replace(b"\n84\n", b"\n85\n"),
        "the signature of the checkpoint is wrong",
    ),
    "another key's signature": (
        BuiltLog(LOG.all_leaves, key=OTHER_KEY).proof(RETIRED).encode(),
        "this key did not sign the checkpoint",
    ),
    "a log that signs with our key for another": (
        BuiltLog(
            [canonical_json({"log": "other.example/log"})],
        )
        .proof(0)
        .encode(),
        "the event is of another log",
    ),
    "an event with two types": (
        BuiltLog([b'{"log":"ledger.example/log","type":"SOLD","type":"RETIRED"}'])
        .proof(0)
        .encode(),
        "the event can be read in two ways",
    ),
    "nothing": (b"", "this is not written as a proof is"),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_does_not_hold_is_refused(tmp_path: Path, what: str) -> None:
    proof, words = FORGED[what]
    status, out, err = run(tmp_path, proof)
    assert (status, out) == (1, "")
    assert err.startswith(f"NOT VERIFIED: {words}")


def test_a_changed_signature_is_refused(tmp_path: Path) -> None:
    signature = CERTAINLY.checkpoint.signatures[0]
    value = bytes([signature.value[0] ^ 1]) + signature.value[1:]
    note = replace(CERTAINLY.checkpoint, signatures=(replace(signature, value=value),))
    status, _, err = run(tmp_path, replace(CERTAINLY, checkpoint=note).encode())
    assert (status, err) == (1, "NOT VERIFIED: the signature of the checkpoint is wrong\n")


def test_a_key_with_another_id_is_refused(tmp_path: Path) -> None:
    vkey = re.sub(r"\+[0-9a-f]{8}\+", "+00000000+", KEY.verifier.vkey)
    status, _, err = run(tmp_path, CERTAINLY.encode(), vkey)
    assert (status, err) == (1, "NOT VERIFIED: the key's id is another one\n")


def test_a_key_of_another_name_did_not_sign(tmp_path: Path) -> None:
    vkey = SigningKey(name="other.example/log", seed=KEY.seed).verifier.vkey
    status, _, err = run(tmp_path, CERTAINLY.encode(), vkey)
    assert (status, err) == (1, "NOT VERIFIED: this key did not sign the checkpoint\n")


def test_the_keys_in_the_document_beside_it_are_keys() -> None:
    text = (SCRIPT.parent / "verify.md").read_text(encoding="utf-8")
    vkeys = re.findall(r"registry\.example/log\+\S+", text)
    assert len(vkeys) == 2
    assert {read_vkey(vkey).name for vkey in vkeys} == {"registry.example/log"}
