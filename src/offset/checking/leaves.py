"""A leaf as a verifier reads it: distrustfully, so that no two parsers can read it differently."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from offset.core.canonical import canonical_json
from offset.core.errors import LogMalformed
from offset.core.events import ACTS, Created, time_text, time_us
from offset.core.merkle import HASH_SIZE
from offset.core.notes import read_base64, utf8_text

VERSION: Final = 1
TYPES: Final = frozenset({Created.TYPE, *ACTS})

_LARGEST_INTEGER: Final = 2**53 - 1  # what every parser of JSON reads exactly
_LONGEST_INTEGER: Final = 17  # characters
_MEMBERS: Final = {"at", "by", "data", "id", "log", "prev", "record", "seq", "type", "v"}
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_RECORD: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What an event says in its hashed bytes; the members are of their types, `data` is not."""

    at: str
    by: str | None
    data: dict[str, Any]
    id: str
    log: str
    prev: bytes | None
    record: str
    seq: int
    type: str

    @property
    def id_bytes(self) -> bytes:
        """The event's id as 16 bytes."""
        return bytes.fromhex(self.id.replace("-", ""))


def read_leaf(leaf: bytes) -> Leaf:
    """Read an event from the bytes of a leaf, which have to be its one canonical form.

    Raises:
        LogMalformed: they are not canonical JSON (RFC 8785) without floats and large integers,
            or not an event.
    """
    said = _canonical(leaf)
    if not isinstance(said, dict) or said.keys() != _MEMBERS:
        raise LogMalformed("the leaf: does not have the members of an event")
    at, by, prev = said["at"], said["by"], said["prev"]
    wrong = {
        "at": not _matches(_TIME, at) or not _is_time(at),
        "by": by is not None and not isinstance(by, str),
        "data": not isinstance(said["data"], dict),
        "id": not _matches(_ID, said["id"]),
        "log": not isinstance(said["log"], str),
        "prev": prev is not None and not isinstance(prev, str),
        "record": not _matches(_RECORD, said["record"]),
        "seq": type(said["seq"]) is not int or said["seq"] < 1,
        "type": not isinstance(said["type"], str) or said["type"] not in TYPES,
        "v": type(said["v"]) is not int or said["v"] != VERSION,
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            raise LogMalformed(f"the leaf: its member {name} cannot be one of an event")
    previous = None if prev is None else read_base64(prev, "the leaf: its member prev")
    if previous is not None and len(previous) != HASH_SIZE:
        raise LogMalformed("the leaf: its member prev is not a hash")
    del said["v"]
    return Leaf(**{**said, "prev": previous})


def _canonical(leaf: bytes) -> Any:
    """Parse, write canonically, and compare: duplicate keys and second spellings are lost."""
    text = utf8_text(leaf, "the leaf")
    try:
        said = _decode(text)
        again = canonical_json(said)
    except (ValueError, RecursionError):
        raise LogMalformed("the leaf: is not JSON of the kind that a log has") from None
    if again != leaf or (not leaf.isascii() and not _has_ascii_keys(said)):
        raise LogMalformed("the leaf: is not in canonical form")
    return said


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER or abs(int(digits)) > _LARGEST_INTEGER:
        raise ValueError
    return int(digits)


def _refuse(_: str) -> NoReturn:
    raise ValueError


_decode: Final = json.JSONDecoder(
    parse_int=_integer, parse_float=_refuse, parse_constant=_refuse
).decode


def _has_ascii_keys(said: Any) -> bool:
    """Tell whether sorting keys by code point is sorting them as RFC 8785 does."""
    if isinstance(said, dict):
        return all(key.isascii() and _has_ascii_keys(value) for key, value in said.items())
    return not isinstance(said, list) or all(_has_ascii_keys(value) for value in said)


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_time(at: str) -> bool:
    try:
        return time_text(time_us(at)) == at
    except (ValueError, OverflowError):
        return False
