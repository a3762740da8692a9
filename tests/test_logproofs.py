"""One proof file, and two checkpoints: what they show, and what they do not."""

import json
from dataclasses import replace
from typing import Final

import pytest

from builders import ORIGIN
from logs import KEY, OTHER_KEY, TIME_S, BuiltLog, sound_story, witness
from offset.checking.proofs import Seen, check_pair, check_proof, see
from offset.core.checkpoints import Checkpoint, sign_checkpoint
from offset.core.errors import LogForked, LogMalformed, NotProven, NotSigned, NotWitnessed
from offset.core.merkle import consistency_proof, leaf_hash, leaf_nodes
from offset.core.notes import SigningKey
from offset.core.policies import Policy, read_policy

LEAVES: Final = sound_story(40).leaves
LOG: Final = BuiltLog(LEAVES)
KEYS: Final = [KEY.verifier]
ONE, TWO = witness("one"), witness("two")
OTHER_LOG: Final = SigningKey(name="other.example/log", seed=OTHER_KEY.seed)


def policy_of(*lines: str) -> Policy:
    keys = (f"witness one {ONE.verifier.vkey}", f"witness two {TWO.verifier.vkey}")
    return read_policy("".join(f"{line}\n" for line in (*keys, *lines)).encode())


# One proof ------------------------------------------------------------------------------------


def test_a_proof_shows_the_event_and_its_position() -> None:
    for position in (0, 8, 255, 279):
        shown = check_proof(LOG.proof(position).encode(), KEYS)
        said = json.loads(LEAVES[position])
        assert (shown.position, shown.leaf) == (position, LEAVES[position])
        assert (shown.event.id, shown.event.type) == (said["id"], said["type"])
        assert (shown.event.record, shown.event.seq) == (said["record"], said["seq"])
        assert shown.event.data == said["data"]
        assert shown.seen.checkpoint == Checkpoint(origin=ORIGIN, size=280, root=LOG.edge.root)
        assert (shown.seen.key, shown.seen.witnesses) == (KEY.verifier, {})


def test_a_proof_of_another_leaf_or_position_shows_nothing() -> None:
    proof = LOG.proof(8)
    for changed in (
        replace(proof, index=9),
        replace(proof, extra=LEAVES[9]),
        replace(proof, hashes=proof.hashes[1:]),
        replace(proof, checkpoint=BuiltLog(LEAVES[:279]).note),
    ):
        with pytest.raises(NotProven):
            check_proof(changed.encode(), KEYS)


def test_a_proof_without_its_leaf_shows_nothing() -> None:
    with pytest.raises(LogMalformed, match="no leaf"):
        check_proof(replace(LOG.proof(8), extra=None).encode(), KEYS)


def test_every_changed_byte_of_a_proof_is_found() -> None:
    data = LOG.proof(8).encode()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises((LogMalformed, NotProven, NotSigned)):
            check_proof(bytes(changed), KEYS)


def test_a_leaf_that_can_be_read_in_two_ways_is_refused() -> None:
    twice = LEAVES[8].replace(b'"type":"RETIRED"', b'"type":"SOLD","type":"RETIRED"')
    assert json.loads(twice) == json.loads(LEAVES[8])
    with pytest.raises(LogMalformed, match="the leaf: is not in canonical form"):
        check_proof(BuiltLog([twice]).proof(0).encode(), KEYS)


def test_a_leaf_of_another_log_is_refused() -> None:
    proof = BuiltLog(LEAVES, key=OTHER_LOG).proof(8)
    with pytest.raises(NotProven, match=r"of log ledger.example/log, not of other.example/log"):
        check_proof(proof.encode(), [OTHER_LOG.verifier])


def test_only_accepted_logs_count() -> None:
    proof = LOG.proof(8).encode()
    assert check_proof(proof, [OTHER_KEY.verifier, KEY.verifier]).seen.key == KEY.verifier
    for keys in ([], [OTHER_KEY.verifier], [OTHER_LOG.verifier]):
        with pytest.raises(NotSigned, match="no log that is accepted"):
            check_proof(proof, keys)


def test_a_policys_logs_are_accepted_and_no_others() -> None:
    proof = LOG.proof(8).encode()
    own, other = f"log {KEY.verifier.vkey}", f"log {OTHER_KEY.verifier.vkey}"
    assert check_proof(proof, [], policy_of(own, other, "quorum none")).position == 8
    assert check_proof(proof, KEYS, policy_of(own, other, "quorum none")).position == 8
    assert check_proof(proof, KEYS, policy_of("quorum none")).position == 8
    for keys, policy in (
        ([], policy_of(other, "quorum none")),
        (KEYS, policy_of(other, "quorum none")),
        ([OTHER_KEY.verifier], policy_of(own, "quorum none")),
    ):
        with pytest.raises(NotSigned, match="no log that is accepted"):
            check_proof(proof, keys, policy)


def test_a_policys_witnesses_are_shown_and_required() -> None:
    both = policy_of("group both all one two", "quorum both")
    proof = BuiltLog(LEAVES, witnesses=[ONE, TWO]).proof(8).encode()
    shown = check_proof(proof, KEYS, both)
    assert shown.seen.witnesses == {ONE.verifier: TIME_S, TWO.verifier: TIME_S}
    proof = BuiltLog(LEAVES, witnesses=[ONE]).proof(8).encode()
    one = check_proof(proof, KEYS, policy_of("group any any one two", "quorum any"))
    assert set(one.seen.witnesses) == {ONE.verifier}
    with pytest.raises(NotWitnessed):
        check_proof(proof, KEYS, both)


def test_a_wrong_cosignature_of_a_known_witness_is_refused() -> None:
    false = SigningKey(name=ONE.name, seed=TWO.seed, kind=ONE.kind).cosign("text\n", TIME_S)
    forged = replace(false, key_id=ONE.verifier.key_id)
    proof = LOG.proof(8)
    note = replace(proof.checkpoint, signatures=(*proof.checkpoint.signatures, forged))
    with pytest.raises(NotSigned):
        check_proof(replace(proof, checkpoint=note).encode(), KEYS, policy_of("quorum none"))


# Two checkpoints ------------------------------------------------------------------------------


def seen(log: BuiltLog) -> Seen:
    return see(log.checkpoint(), [log.verifier])


NODES: Final = leaf_nodes([leaf_hash(leaf) for leaf in LEAVES])
SWAPPED: Final = [LEAVES[1], LEAVES[0], *LEAVES[2:]]


@pytest.mark.parametrize("old", [1, 2, 128, 200, 256, 279])
def test_a_log_that_grew_is_consistent_by_proof_and_by_nodes(old: int) -> None:
    before, now = seen(BuiltLog(LEAVES[:old])), seen(LOG)
    for proof in (consistency_proof(old, 280, NODES), NODES):
        check_pair(before, now, proof)
        check_pair(now, before, proof)


def test_from_nothing_and_to_itself_no_proof_is_needed() -> None:
    check_pair(seen(BuiltLog([])), seen(LOG))
    check_pair(seen(LOG), seen(BuiltLog(LEAVES, witnesses=[ONE])))


def test_two_roots_for_one_size_are_proof_of_fraud() -> None:
    with pytest.raises(LogForked, match="two roots are signed for size 280"):
        check_pair(seen(LOG), seen(BuiltLog(SWAPPED)))


def test_a_tree_that_begins_otherwise_is_proof_of_fraud() -> None:
    for old in (1, 2, 128, 200):
        with pytest.raises(LogForked, match=f"that it signed for size {old}"):
            check_pair(seen(BuiltLog(SWAPPED[:old])), seen(LOG), NODES)


def test_nodes_that_do_not_make_the_newer_root_prove_nothing() -> None:
    swapped = leaf_nodes([leaf_hash(leaf) for leaf in SWAPPED])
    for old in (1, 128, 200):
        with pytest.raises(NotProven):
            check_pair(seen(BuiltLog(LEAVES[:old])), seen(LOG), swapped)


def test_a_wrong_proof_proves_nothing() -> None:
    before, now = seen(BuiltLog(LEAVES[:200])), seen(LOG)
    right = consistency_proof(200, 280, NODES)
    for proof in (None, [], right[:-1], [*right, right[0]], right[::-1]):
        with pytest.raises(NotProven):
            check_pair(before, now, proof)


def test_checkpoints_of_two_logs_are_not_compared() -> None:
    with pytest.raises(NotProven, match="are of two logs"):
        check_pair(seen(LOG), seen(BuiltLog(LEAVES, key=OTHER_LOG)))


def test_a_root_of_no_leaves_is_the_one_that_it_has() -> None:
    note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=0, root=bytes(32)), KEY)
    with pytest.raises(NotProven, match="the root of no leaves is another one"):
        see(note.encode(), KEYS)
