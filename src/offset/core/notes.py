"""Signed texts and the keys that sign them: C2SP's signed-note and tlog-cosignature.

Of the signature types there are two here: 0x01, by which a log signs its checkpoints, and 0x04,
by which a witness cosigns them.

Reading is strict, base64 included, so that every value has one text: what was read and is
written again has the same bytes. A text means nothing before its signature was verified.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from offset.core.errors import LogMalformed, NotSigned
from offset.core.unicode14 import WHITE_SPACE, characters

LARGEST_NUMBER: Final = 2**63 - 1  # of sizes, indexes and times
LARGEST_SIGNATURES: Final = 100  # of one note; signed-note asks for at least 16

_KEY_SIZE: Final = 32  # bytes, of the public key and of the seed (RFC 8032, section 5.1.5)
_SIGNATURE_SIZE: Final = 64  # bytes
_ID_SIZE: Final = 4  # bytes
_TIME_SIZE: Final = 8  # bytes
_PRIVATE: Final = "PRIVATE+KEY+"
_DASH: Final = "\N{EM DASH} "
_CONTROL: Final = "\x00-\x09\x0b-\x1f\ud800-\udfff"  # surrogates have no UTF-8
_TEXT: Final = re.compile(f"[^{_CONTROL}]*\n")
_NAME: Final = re.compile(f"[^{_CONTROL}\n+{characters(WHITE_SPACE)}]+")
_NUMBER: Final = re.compile("0|[1-9][0-9]{0,18}")


class Kind(IntEnum):
    """What a key's signatures are: the signature type identifier byte."""

    SIGNATURE = 0x01  # Ed25519 over the note's text
    COSIGNATURE = 0x04  # Ed25519 over a time and the text: what a witness says of a checkpoint


# Notes ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature line: who signed by its own account, and bytes that only its key can judge.

    Raises:
        LogMalformed: the name is not one, the id has not 4 bytes, or the value none.
    """

    name: str
    key_id: bytes
    value: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.key_id) != _ID_SIZE or not self.value:
            raise LogMalformed(f"a signature by {self.name}: is too short")

    @property
    def line(self) -> str:
        """The line, with its newline."""
        return f"{_DASH}{self.name} {base64_text(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text, which ends with a newline, and who signed it by their own account.

    Raises:
        LogMalformed: the text has control characters or no newline at its end, or there are no
            signatures or more than 100.
    """

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if not _TEXT.fullmatch(self.text):
            raise LogMalformed("a note: has no newline at its end, or control characters")
        if not 0 < len(self.signatures) <= LARGEST_SIGNATURES:
            raise LogMalformed(f"a note: has {len(self.signatures)} signatures")

    def encode(self) -> bytes:
        """Write the note."""
        return f"{self.text}\n{''.join(one.line for one in self.signatures)}".encode()


def read_note(data: bytes) -> Note:
    """Read a note, whoever signed it; its text means nothing yet.

    Raises:
        LogMalformed: it is not a note.
    """
    text, blank_line, signatures = utf8_text(data, "a note").rpartition("\n\n")
    if not blank_line:
        raise LogMalformed("a note: has no blank line between its text and its signatures")
    return Note(text=text + "\n", signatures=read_signatures(signatures))


def read_signatures(lines: str) -> tuple[Signature, ...]:
    """Read signature lines, as they stand in a note and in a witness's answer.

    Raises:
        LogMalformed: a line is not a signature, the last has no newline, or they are too many.
    """
    *found, rest = lines.split("\n")
    if rest or len(found) > LARGEST_SIGNATURES:
        raise LogMalformed("signatures: no newline at their end, or too many of them")
    return tuple(_signature(line) for line in found)


def _signature(line: str) -> Signature:
    dash, name, encoded = line[: len(_DASH)], *line[len(_DASH) :].partition(" ")[::2]
    if dash != _DASH:
        raise LogMalformed("a signature line: does not begin with a dash and a space")
    value = read_base64(encoded, "a signature")
    return Signature(name=name, key_id=value[:_ID_SIZE], value=value[_ID_SIZE:])


# Keys ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class VerifierKey:
    """A public key, the name it signs with, and what its signatures are.

    Raises:
        LogMalformed: the name is not one, or the key has not 32 bytes.
    """

    name: str
    public: bytes
    kind: Kind = Kind.SIGNATURE

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != _KEY_SIZE:
            raise LogMalformed(f"key {self.name}: has {len(self.public)} bytes, not {_KEY_SIZE}")

    @cached_property
    def key_id(self) -> bytes:
        """The four bytes that stand before its signatures."""
        hashed = f"{self.name}\n".encode() + bytes([self.kind]) + self.public
        return sha256(hashed).digest()[:_ID_SIZE]

    @property
    def vkey(self) -> str:
        """The text by which the key is published: `name+id+base64`."""
        return f"{self.name}+{self.key_id.hex()}+{base64_text(bytes([self.kind]) + self.public)}"

    def verify(self, text: str, signature: Signature) -> int | None:
        """Check a signature and give the time of a cosignature, in seconds since 1970.

        Raises:
            NotSigned: it is not one of this key for this text.
        """
        value, message, time_s = signature.value, text.encode(), None
        if self.kind is Kind.COSIGNATURE:
            time_s, value = int.from_bytes(value[:_TIME_SIZE], "big"), value[_TIME_SIZE:]
            message = _cosigned(text, time_s)
        wrong = NotSigned(f"the signature of {self.name}+{self.key_id.hex()}: is wrong")
        if len(value) != _SIGNATURE_SIZE or (time_s or 0) > LARGEST_NUMBER:
            raise wrong
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(value, message)
        except InvalidSignature:
            raise wrong from None
        return time_s


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A private key, which is a seed of 32 random bytes, with its name and kind.

    Raises:
        LogMalformed: the name is not one, or the seed has not 32 bytes.
    """

    name: str
    seed: bytes = field(repr=False)
    kind: Kind = Kind.SIGNATURE

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.seed) != _KEY_SIZE:
            raise LogMalformed(f"key {self.name}: has {len(self.seed)} bytes, not {_KEY_SIZE}")

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def verifier(self) -> VerifierKey:
        """The key by which others verify."""
        public = self._private.public_key().public_bytes_raw()
        return VerifierKey(name=self.name, public=public, kind=self.kind)

    @property
    def skey(self) -> str:
        """The key as a text, which is as secret as the seed: `PRIVATE+KEY+name+id+base64`."""
        secret = base64_text(bytes([self.kind]) + self.seed)
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{secret}"

    def sign(self, text: str) -> Signature:
        """Sign a note's text; the same text always gets the same signature."""
        assert self.kind is Kind.SIGNATURE
        return self._signature(self._private.sign(text.encode()))

    def cosign(self, text: str, time_s: int) -> Signature:
        """Cosign a checkpoint's text at a time, in seconds since 1970, as a witness does."""
        assert self.kind is Kind.COSIGNATURE
        assert 0 <= time_s <= LARGEST_NUMBER
        signed = self._private.sign(_cosigned(text, time_s))
        return self._signature(time_s.to_bytes(_TIME_SIZE, "big") + signed)

    def _signature(self, value: bytes) -> Signature:
        return Signature(name=self.name, key_id=self.verifier.key_id, value=value)


def _cosigned(text: str, time_s: int) -> bytes:
    """The bytes that a cosignature signs (tlog-cosignature, "Ed25519 signed message")."""
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def read_vkey(vkey: str) -> VerifierKey:
    """Read a key that verifies, from its published text.

    Raises:
        LogMalformed: it is not such a text, or the id is not the key's.
    """
    name, key_id, kind, public = _key_parts(vkey)
    key = VerifierKey(name=name, public=public, kind=kind)
    if key.key_id.hex() != key_id:
        raise LogMalformed(f"key {name}: its id is {key.key_id.hex()}, another one is written")
    return key


def read_skey(skey: str) -> SigningKey:
    """Read a key that signs, from its secret text; no error repeats any of it but the name.

    Raises:
        LogMalformed: it is not such a text, or the id is not the key's.
    """
    if not skey.startswith(_PRIVATE):
        raise LogMalformed(f"a private key: does not begin with {_PRIVATE}")
    name, key_id, kind, seed = _key_parts(skey.removeprefix(_PRIVATE))
    key = SigningKey(name=name, seed=seed, kind=kind)
    if key.verifier.key_id.hex() != key_id:
        raise LogMalformed(f"key {name}: the id that is written is another key's")
    return key


def _key_parts(text: str) -> tuple[str, str, Kind, bytes]:
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    _check_name(name)
    material = read_base64(encoded, f"key {name}")
    if material[:1] not in {bytes([kind]) for kind in Kind}:
        raise LogMalformed(f"key {name}: is of no type that is known here")
    return name, key_id, Kind(material[0]), material[1:]


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int | None]:
    """Verify the signatures of known keys; those of others are ignored, as they have to be.

    Gives the keys that signed, each with the time of its newest cosignature in seconds since
    1970; None for a key whose signatures have no time.

    Raises:
        NotSigned: no known key signed, or a signature under the name and id of one is wrong.
    """
    signed: dict[VerifierKey, int | None] = {}
    for key in keys:
        of_key = (key.name, key.key_id)
        own = [one for one in note.signatures if (one.name, one.key_id) == of_key]
        times_s = [key.verify(note.text, one) for one in own]
        if times_s:
            signed[key] = max(times_s, key=lambda time_s: time_s or 0)
    if not signed:
        raise NotSigned("the note: no known key signed it")
    return signed


# Texts ---------------------------------------------------------------------------------------


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise LogMalformed("a key's name: is empty, or has a space, a plus or control characters")


def utf8_text(data: bytes, what: str) -> str:
    """Read UTF-8.

    Raises:
        LogMalformed: it is not; `what` begins its sentence.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise LogMalformed(f"{what}: is not UTF-8") from None


def read_number(text: str, what: str) -> int:
    """Read a decimal number below 2**63, without leading zeros.

    Raises:
        LogMalformed: it is not one; `what` begins its sentence.
    """
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST_NUMBER:
        raise LogMalformed(f"{what}: is not a plain decimal number below 2**63")
    return int(text)


def base64_text(data: bytes) -> str:
    """Write base64 of the standard alphabet, padded (RFC 4648, section 4)."""
    return b64encode(data).decode()


def read_base64(text: str, what: str) -> bytes:
    """Read base64 of the standard alphabet, padded, in the one way in which it can be written.

    Raises:
        LogMalformed: it is not base64; `what` begins its sentence.
    """
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise LogMalformed(f"{what}: is not base64") from None
    if base64_text(data) != text:
        raise LogMalformed(f"{what}: is not base64 as it is written")
    return data
