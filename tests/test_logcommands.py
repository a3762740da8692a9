"""What the commands about a log say, and their exit status."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from logs import OTHER_KEY, BuiltLog, Story, sound_story, witness
from offset.core.errors import LogMalformed, Unfit
from offset.core.notes import base64_text
from offset.logcommands import export_files, verify_checkpoints, verify_log, verify_proof

LEAVES: Final = sound_story(40).leaves
LOG: Final = BuiltLog(LEAVES)
VKEY: Final = LOG.vkey()
ROOT: Final = base64_text(LOG.edge.root)
SIGNED: Final = f"Signed by ledger.example/log+0cabce82 for size 280, root {ROOT}"


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_proof_is_told_line_by_line(tmp_path: Path) -> None:
    said: list[str] = []
    file = written(tmp_path / "8.tlog-proof", LOG.proof(8).encode())
    assert verify_proof(file, [VKEY], None, said.append) == 0
    assert {"type       RETIRED", "quantity   10 t", "purpose    voluntary"} <= set(said)
    assert said[-1] == f"It stands at position 8 of the log. {SIGNED}."


def test_a_key_may_be_a_file_and_a_policy_may_have_it(tmp_path: Path) -> None:
    file = written(tmp_path / "8.tlog-proof", LOG.proof(8).encode())
    key = written(tmp_path / "vkey", f"{VKEY}\n".encode())
    keys = written(tmp_path / "vkeys", f"{OTHER_KEY.verifier.vkey}\n{VKEY}\n".encode())
    policy = written(tmp_path / "policy", f"log {VKEY}\nquorum none\n".encode())
    assert verify_proof(file, [str(keys)], None, print) == 0
    assert verify_proof(file, [str(key)], None, print) == 0
    assert verify_proof(file, [], policy, print) == 0
    with pytest.raises(Unfit, match="whose log it has to be is not said"):
        verify_proof(file, [], None, print)
    with pytest.raises(Unfit, match="nowhere: No such file"):
        verify_proof(file, [str(tmp_path / "nowhere")], None, print)
    with pytest.raises(LogMalformed):
        verify_proof(file, [VKEY[:-4]], None, print)


def test_a_proof_that_does_not_hold_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    wrong = replace(LOG.proof(8), index=9)
    file = written(tmp_path / "8.tlog-proof", wrong.encode())
    assert verify_proof(file, [VKEY], None, said.append) == 1
    assert said == [f"{file}: does not verify: leaf 9 of 280: the proof leads to another root"]


def test_what_a_terminal_could_act_on_is_escaped(tmp_path: Path) -> None:
    said: list[str] = []
    story = Story()
    story.create(1, 10, holder="\N{CONTROL SEQUENCE INTRODUCER}2J\N{RIGHT-TO-LEFT OVERRIDE}")
    file = written(tmp_path / "0.tlog-proof", BuiltLog(story.leaves).proof(0).encode())
    assert verify_proof(file, [VKEY], None, said.append) == 0
    assert "holder     \\x9b2J\\u202e" in said


def test_a_witness_is_told_with_its_time(tmp_path: Path) -> None:
    said: list[str] = []
    one = witness("one")
    text = f"witness one {one.verifier.vkey}\nquorum one\n"
    policy = written(tmp_path / "policy", text.encode())
    log = BuiltLog(LEAVES, witnesses=[one])
    file = written(tmp_path / "8.tlog-proof", log.proof(8).encode())
    assert verify_proof(file, [VKEY], policy, said.append) == 0
    assert said[-1].endswith("; cosigned by one.example/witness at 2026-01-02T00:00:00Z.")


def test_a_log_is_exported_and_checked(tmp_path: Path) -> None:
    said: list[str] = []
    folder, state = tmp_path / "log", tmp_path / "state"
    assert export_files(BuiltLog(LEAVES[:100]), folder, said.append) == 0
    assert verify_log(str(folder), [VKEY], None, state, said.append) == 0
    assert export_files(LOG, folder, said.append) == 0
    assert verify_log(str(folder), [VKEY], None, state, said.append) == 0
    assert [line for line in said if line.startswith(("Sound", str(folder)))] == [
        f"{folder}: 100 events, 4 files written.",
        "Sound: 100 events, 16 records.",
        f"{folder}: 280 events, 7 files written.",
        "Sound: 180 new events behind 100, 40 records.",
    ]
    assert said[-1] == f"{SIGNED}."


def test_a_log_that_is_not_sound_is_told_with_both_forks(tmp_path: Path) -> None:
    said: list[str] = []
    state = tmp_path / "state"
    verify_log(str(LOG.write(tmp_path / "1")), [VKEY], None, state, said.append)
    fork = BuiltLog([*LEAVES[:-2], LEAVES[-1], LEAVES[-2]])
    said.clear()
    assert verify_log(str(fork.write(tmp_path / "2")), [VKEY], None, state, said.append) == 1
    text = "\n".join(said)
    assert "two roots are signed for size 280" in text
    assert LOG.checkpoint().decode() in text
    assert fork.checkpoint().decode() in text


def test_two_checkpoints_are_held_against_each_other(tmp_path: Path) -> None:
    said: list[str] = []
    old = written(tmp_path / "old", BuiltLog(LEAVES[:100]).checkpoint())
    new = written(tmp_path / "new", LOG.checkpoint())
    fork = written(tmp_path / "fork", BuiltLog([LEAVES[1], LEAVES[0], *LEAVES[2:]]).checkpoint())
    place = str(LOG.write(tmp_path / "log"))
    assert verify_checkpoints([old, new], place, [VKEY], None, said.append) == 0
    assert verify_checkpoints([new, fork], None, [VKEY], None, said.append) == 1
    assert verify_checkpoints([old, new], None, [VKEY], None, said.append) == 1
    assert said == [
        f"The checkpoints agree. {SIGNED}.",
        "Proof of fraud: log ledger.example/log: two roots are signed for size 280. Keep both.",
        "not shown: the checkpoints of sizes 100 and 280: no proof is given",
    ]
