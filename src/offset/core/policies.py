"""Which logs are accepted, and which witnesses have to have cosigned: C2SP's tlog-policy.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

tlog-policy has no tagged version; read was commit 13027eee7f3f824e464e803373c774ab37fcc43e.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from offset.core.errors import LogMalformed, NotWitnessed
from offset.core.notes import Kind, VerifierKey, read_vkey, utf8_text

LARGEST_POLICY: Final = 100_000  # bytes; the specification asks for 32 logs, witnesses, groups
NO_QUORUM: Final = b"none"

_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER: Final = re.compile(rb"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Witnesses and groups of which so many have to have cosigned; names are opaque octets."""

    name: bytes
    threshold: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The accepted logs, the known witnesses, and the quorum that has to have cosigned.

    `groups` stand in the order of the file: each names only witnesses and earlier groups.
    `logs` may be empty, where the log is known from elsewhere.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: dict[bytes, VerifierKey]
    groups: tuple[Group, ...]
    quorum: bytes

    def is_met(self, cosigned: Collection[VerifierKey]) -> bool:
        """Tell whether the witnesses that cosigned are a quorum."""
        met = {NO_QUORUM, *(name for name, key in self.witnesses.items() if key in cosigned)}
        for group in self.groups:
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(group.name)
        return self.quorum in met

    def require(self, cosigned: Collection[VerifierKey]) -> None:
        """Refuse a checkpoint that no quorum cosigned.

        Raises:
            NotWitnessed: too few of the witnesses, or the wrong ones, cosigned.
        """
        if not self.is_met(cosigned):
            known = sum(key in cosigned for key in self.witnesses.values())
            raise NotWitnessed(
                f"the checkpoint: {known} of the policy's {len(self.witnesses)} witnesses cosigned "
                f"it, which is not its quorum {_shown(self.quorum)}"
            )


def read_policy(data: bytes) -> Policy:
    """Read a policy file.

    Raises:
        LogMalformed: it is not one; the sentence names the line.
    """
    if len(data) > LARGEST_POLICY:
        raise LogMalformed(f"a policy: is larger than {LARGEST_POLICY} bytes")
    *lines, rest = data.split(b"\n")
    if rest:
        raise LogMalformed("a policy: has no newline at its end")
    reading = _Reading()
    for number, line in enumerate(lines, 1):
        try:
            reading.line(line)
        except LogMalformed as error:
            raise LogMalformed(f"a policy, line {number}: {error.detail}") from None
    return reading.policy()


class _Reading:
    """What the lines up to here have defined."""

    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._witnesses: dict[bytes, VerifierKey] = {}
        self._groups: dict[bytes, Group] = {}
        self._members: set[bytes] = set()
        self._quorum: bytes | None = None

    def line(self, line: bytes) -> None:
        """Take a line."""
        if _FORBIDDEN.search(line):
            raise LogMalformed("has control characters")
        words = [word for word in re.split(rb"[ \t]+", line) if word]
        if words and not words[0].startswith(b"#"):
            self._define(words)

    def _define(self, words: Sequence[bytes]) -> None:
        match words:
            case [b"log", vkey] | [b"log", vkey, _]:
                self._logs.append(_key(vkey, Kind.SIGNATURE, self._logs))
            case [b"witness", name, vkey] | [b"witness", name, vkey, _]:
                self._check_new(name)
                known = [*self._witnesses.values()]
                self._witnesses[name] = _key(vkey, Kind.COSIGNATURE, known)
            case [b"group", name, threshold, *members] if members:
                self._check_new(name)
                self._groups[name] = self._group(name, threshold, tuple(members))
            case [b"quorum", name]:
                if self._quorum is not None:
                    raise LogMalformed("there is a quorum already")
                if name != NO_QUORUM:
                    self._check_defined(name)
                self._quorum = name
            case _:
                raise LogMalformed("is no log, witness, group or quorum as a policy writes them")

    def policy(self) -> Policy:
        """Give the whole."""
        if self._quorum is None:
            raise LogMalformed("a policy: has no quorum")
        return Policy(
            logs=tuple(self._logs),
            witnesses=self._witnesses,
            groups=tuple(self._groups.values()),
            quorum=self._quorum,
        )

    def _group(self, name: bytes, threshold: bytes, members: tuple[bytes, ...]) -> Group:
        for member in members:
            self._check_defined(member)
            if member in self._members:
                raise LogMalformed(f"{_shown(member)} is a member twice")
            self._members.add(member)
        if threshold not in (b"all", b"any") and not _NUMBER.fullmatch(threshold):
            raise LogMalformed("the threshold is neither all nor any nor a number")
        words = {b"all": len(members), b"any": 1}
        number = words[threshold] if threshold in words else int(threshold)
        if number > len(members):
            raise LogMalformed(f"{number} of {len(members)} members can never be")
        return Group(name=name, threshold=number, members=members)

    def _check_new(self, name: bytes) -> None:
        if name == NO_QUORUM or name in self._witnesses or name in self._groups:
            raise LogMalformed(f"the name {_shown(name)} is taken")

    def _check_defined(self, name: bytes) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise LogMalformed(f"{_shown(name)} is no witness and no group of a line before")


def _key(vkey: bytes, kind: Kind, known: Sequence[VerifierKey]) -> VerifierKey:
    key = read_vkey(utf8_text(vkey, "a key"))
    if key.kind is not kind:
        raise LogMalformed(f"key {key.name}: is of type 0x{key.kind:02x}, not 0x{kind:02x}")
    if any(key.public == other.public for other in known):
        raise LogMalformed(f"key {key.name}: the same public key is there already")
    return key


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
