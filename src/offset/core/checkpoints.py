"""What a log signs, and what shows that an entry is in it: C2SP's tlog-checkpoint and tlog-proof.

tlog-proof has no tagged version; read was commit 0065ea5b716154a2dd48508e3f905012a16ce5e9.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from offset.core.errors import LogMalformed, NotSigned
from offset.core.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from offset.core.notes import (
    LARGEST_NUMBER,
    Kind,
    Note,
    SigningKey,
    VerifierKey,
    base64_text,
    read_base64,
    read_note,
    read_number,
    utf8_text,
    verify_note,
)

LARGEST_PROOF: Final = 63  # hashes: the height of the largest tree
PROOF_HEADER: Final = "c2sp.org/tlog-proof@v1"

# A line without control characters; surrogates have no UTF-8.
_LINE: Final = re.compile("[^\x00-\x1f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree of a log: whose it is, how many leaves it has, and its root.

    Raises:
        LogMalformed: the origin or an extension is empty or no line, or size or root cannot be.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()  # of other logs; what they mean is theirs

    def __post_init__(self) -> None:
        if not all(_LINE.fullmatch(line) for line in (self.origin, *self.extensions)):
            raise LogMalformed("a checkpoint: its origin or an extension is not a line of text")
        if not 0 <= self.size <= LARGEST_NUMBER or len(self.root) != HASH_SIZE:
            raise LogMalformed("a checkpoint: its size or its root cannot be one")

    @property
    def text(self) -> str:
        """The note text, which is signed."""
        lines = (self.origin, str(self.size), base64_text(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note as a checkpoint.

    Raises:
        LogMalformed: it is not one.
    """
    *lines, rest = text.split("\n")
    if rest or len(lines) < 3:
        raise LogMalformed("a checkpoint: has fewer than three lines, or no newline at its end")
    origin, size, root, *extensions = lines
    return Checkpoint(
        origin=origin,
        size=read_number(size, "a checkpoint's size"),
        root=read_base64(root, "a checkpoint's root"),
        extensions=tuple(extensions),
    )


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> Note:
    """Sign a checkpoint as its log, whose key has the origin for its name."""
    assert key.name == checkpoint.origin
    return Note(text=checkpoint.text, signatures=(key.sign(checkpoint.text),))


def verify_checkpoint(
    note: Note, log: VerifierKey, witnesses: Iterable[VerifierKey] = ()
) -> tuple[Checkpoint, dict[VerifierKey, int]]:
    """Check that the log signed, and give its checkpoint and the witnesses that cosigned.

    A witness comes with the time of its cosignature, in seconds since 1970. How many have to
    have cosigned is the caller's to judge, and whether a time lies in the future.

    Raises:
        LogMalformed: what was signed is no checkpoint, or a key is of the wrong kind.
        NotSigned: the log did not sign, or a signature is wrong, or the origin is another log's.
    """
    witnesses = tuple(witnesses)
    if log.kind is not Kind.SIGNATURE or any(w.kind is not Kind.COSIGNATURE for w in witnesses):
        raise LogMalformed("a log's key has to be of type 0x01, a witness's of type 0x04")
    signed = verify_note(note, (log, *witnesses))
    if log not in signed:
        raise NotSigned(f"the checkpoint: log {log.name} did not sign it")
    checkpoint = read_checkpoint(note.text)
    if checkpoint.origin != log.name:  # tlog-policy, "Defining a log"
        raise NotSigned(f"the checkpoint: is one of {checkpoint.origin}, not of {log.name}")
    times_s = {key: time_s for key, time_s in signed.items() if time_s is not None}
    return checkpoint, times_s


# Proofs of entries ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """All that shows, offline, that an entry is in a log: a `.tlog-proof` file.

    Raises:
        LogMalformed: a hash has not 32 bytes, there are too many, the index cannot be one,
            `extra` is there and empty, or the note's text is no checkpoint.
    """

    index: int
    hashes: tuple[bytes, ...]  # from the leaf's sibling to the root's child
    checkpoint: Note
    extra: bytes | None = None  # nobody vouches for it; with us it is the leaf, which is proven

    def __post_init__(self) -> None:
        if not 0 <= self.index <= LARGEST_NUMBER or len(self.hashes) > LARGEST_PROOF:
            raise LogMalformed("a proof: its index cannot be one, or it has too many hashes")
        if any(len(one) != HASH_SIZE for one in self.hashes) or self.extra == b"":
            raise LogMalformed(f"a proof: a hash has not {HASH_SIZE} bytes, or extra is empty")
        read_checkpoint(self.checkpoint.text)

    def encode(self) -> bytes:
        """Write the file."""
        extra = [] if self.extra is None else [f"extra {base64_text(self.extra)}"]
        lines = [PROOF_HEADER, *extra, f"index {self.index}", *map(base64_text, self.hashes)]
        return "".join(f"{line}\n" for line in [*lines, ""]).encode() + self.checkpoint.encode()


def read_proof(data: bytes) -> LogProof:
    """Read a `.tlog-proof` file; nothing in it means anything yet.

    Raises:
        LogMalformed: it is not one.
    """
    head, blank_line, checkpoint = data.partition(b"\n\n")
    header, *lines = utf8_text(head, "a proof").split("\n")
    if not blank_line or header != PROOF_HEADER:
        raise LogMalformed(f"a proof: does not begin with {PROOF_HEADER}, or has no checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = read_base64(lines.pop(0).removeprefix("extra "), "a proof's extra data")
    if not lines or not lines[0].startswith("index "):
        raise LogMalformed("a proof: has no index")
    return LogProof(
        index=read_number(lines.pop(0).removeprefix("index "), "a proof's index"),
        hashes=tuple(read_base64(line, "a proof's hash") for line in lines),
        checkpoint=read_note(checkpoint),
        extra=extra,
    )


def verify_proof(
    proof: LogProof, leaf: bytes, log: VerifierKey, witnesses: Iterable[VerifierKey] = ()
) -> tuple[Checkpoint, dict[VerifierKey, int]]:
    """Check that the leaf is in the log, and give what `verify_checkpoint` gives.

    Raises:
        LogMalformed: what was signed is no checkpoint, or a key is of the wrong kind.
        NotSigned: the log did not sign, or a signature is wrong, or the origin is another log's.
        NotProven: the leaf is not number `proof.index` of the checkpoint's tree.
    """
    checkpoint, times_s = verify_checkpoint(proof.checkpoint, log, witnesses)
    verify_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint, times_s
