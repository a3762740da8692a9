"""That one event is in a log, and that two checkpoints of a log do not contradict each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from offset.checking.leaves import Leaf, read_leaf
from offset.core.checkpoints import Checkpoint, LogProof, read_proof, verify_checkpoint
from offset.core.errors import LogForked, LogMalformed, NotProven, NotSigned
from offset.core.merkle import (
    EMPTY_ROOT,
    NodeReader,
    consistency_proof,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from offset.core.notes import Note, VerifierKey, read_note
from offset.core.policies import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A checkpoint that its log signed and a quorum cosigned, if one is asked for.

    `witnesses` are those of the policy that cosigned, with the time of it in seconds since 1970.
    """

    checkpoint: Checkpoint
    note: Note
    key: VerifierKey
    witnesses: dict[VerifierKey, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a proof shows: the event at this position of the log, under this checkpoint."""

    event: Leaf
    leaf: bytes
    position: int
    seen: Seen


def see(data: bytes, keys: Sequence[VerifierKey], policy: Policy | None = None) -> Seen:
    """Check a signed checkpoint.

    Args:
        data: the note.
        keys: the keys of accepted logs. Where the policy names logs, they have to be among
            those; where none are given, the policy's are meant.
        policy: which witnesses have to have cosigned; without one, none.

    Raises:
        LogMalformed: it is not a checkpoint, or a key is not one of a log.
        NotSigned: no accepted log signed it, or a signature of a known key is wrong.
        NotWitnessed: no quorum cosigned it.
    """
    return _seen(read_note(data), keys, policy)


def _seen(note: Note, keys: Sequence[VerifierKey], policy: Policy | None) -> Seen:
    logs = _accepted(keys, policy)
    signers = [key for key in logs if _signed_by(note, key)]
    if not signers:
        raise NotSigned("the checkpoint: no log that is accepted here signed it")
    known = () if policy is None else tuple(policy.witnesses.values())
    for key in signers:
        checkpoint, witnesses = verify_checkpoint(note, key, known)
    if policy is not None:
        policy.require(witnesses)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise NotProven("the checkpoint: the root of no leaves is another one")
    return Seen(checkpoint=checkpoint, note=note, key=signers[0], witnesses=witnesses)


def _accepted(keys: Sequence[VerifierKey], policy: Policy | None) -> Sequence[VerifierKey]:
    if policy is None or not policy.logs:
        return keys
    return [key for key in keys if key in policy.logs] if keys else policy.logs


def _signed_by(note: Note, key: VerifierKey) -> bool:
    return any((one.name, one.key_id) == (key.name, key.key_id) for one in note.signatures)


def check_proof(data: bytes, keys: Sequence[VerifierKey], policy: Policy | None = None) -> Shown:
    """Check a proof file that has the leaf in its `extra`, and give what it shows.

    Args:
        data: the `.tlog-proof` file.
        keys: as `see` takes them.
        policy: as `see` takes it.

    Raises:
        LogMalformed: the file, its checkpoint or its leaf is not written as it has to be.
        NotSigned: no accepted log signed its checkpoint, or a signature is wrong.
        NotWitnessed: no quorum cosigned it.
        NotProven: the leaf is not at that position of the log, or is of another log.
    """
    proof: LogProof = read_proof(data)
    if proof.extra is None:
        raise LogMalformed("a proof: has no leaf in its extra line")
    seen = _seen(proof.checkpoint, keys, policy)
    checkpoint = seen.checkpoint
    verify_inclusion(
        leaf_hash(proof.extra), proof.index, checkpoint.size, proof.hashes, checkpoint.root
    )
    event = read_leaf(proof.extra)
    if event.log != checkpoint.origin:
        raise NotProven(f"the leaf: is of log {event.log}, not of {checkpoint.origin}")
    return Shown(event=event, leaf=proof.extra, position=proof.index, seen=seen)


# Two checkpoints -----------------------------------------------------------------------------


def check_pair(one: Seen, other: Seen, proof: Iterable[bytes] | NodeReader | None = None) -> None:
    """Check that the larger tree of a log begins with the smaller.

    Two signed roots of one size are proof of fraud, and so is a tile tree that has the newer root
    and does not begin with the older one.

    Args:
        one: a checkpoint; which is the older does not matter.
        other: another one.
        proof: the hashes of a consistency proof, or the nodes of the larger tree; not needed
            for trees of one size, or where one is empty.

    Raises:
        LogForked: the checkpoints contradict each other.
        LogMalformed: the nodes cannot be read.
        NotProven: they are of two logs, or the proof or the nodes do not hold.
    """
    check_beginning(one.checkpoint, other.checkpoint, proof)


def check_beginning(
    one: Checkpoint, other: Checkpoint, proof: Iterable[bytes] | NodeReader | None = None
) -> None:
    """Do what `check_pair` does, for checkpoints whose signatures were checked before."""
    old, new = sorted((one, other), key=lambda checkpoint: checkpoint.size)
    if old.origin != new.origin:
        raise NotProven(f"the checkpoints: are of two logs, {old.origin} and {new.origin}")
    if old.size == new.size and old.root != new.root:
        raise LogForked(f"log {old.origin}: two roots are signed for size {old.size}")
    if old.size in (0, new.size):
        return
    if proof is None:
        raise NotProven(f"the checkpoints of sizes {old.size} and {new.size}: no proof is given")
    if not callable(proof):
        verify_consistency(old.size, new.size, tuple(proof), old.root, new.root)
        return
    # The nodes are proven by the new root first: then another old root is the log's own fault.
    begins = tree_root(old.size, proof)
    hashes = consistency_proof(old.size, new.size, proof)
    verify_consistency(old.size, new.size, hashes, begins, new.root)
    if begins != old.root:
        raise LogForked(
            f"log {old.origin}: its tree of size {new.size} does not begin with the tree that it "
            f"signed for size {old.size}"
        )
