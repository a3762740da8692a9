"""A unit of work: one request with its commands, its idempotency key and its one answer."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from offset.core.commands import Command
from offset.core.errors import OffsetError
from offset.core.events import Event
from offset.core.records import RecordState


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command did: its events (none for a repeated create) and the state after them.

    `history` are the events that the answer shows: all of the record's while they are few.
    """

    state: RecordState
    events: tuple[Event, ...]
    history: tuple[Event, ...]


Result = Done | OffsetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the client is told; `body` is plain JSON."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An Idempotency-Key, whose it is, and a hash of the request that it was sent with."""

    caller: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One request. An atomic unit is done as a whole or not at all.

    A command that could never be right stands in the list as its error, so that every result
    keeps its place. `shape` turns the results into the answer, without details; where it shows no
    events, `shows_events` spares reading them, and where it shows only those that the unit makes,
    `shows_history` spares reading earlier ones.
    """

    commands: tuple[Command | OffsetError, ...]
    shape: Callable[[Sequence[Result]], Answer]
    atomic: bool = False
    key: Key | None = None
    shows_events: bool = True
    shows_history: bool = True


def json_bytes(body: Any) -> bytes:
    """Write JSON without spaces, in UTF-8."""
    try:
        return orjson.dumps(body)
    except TypeError:  # a lone surrogate, or a number of more than 64 bits: what was sent is quoted
        return _encode(body).encode("utf-8", errors="backslashreplace")


_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def events_shown(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk the events that the body of an answer shows, also those inside a batch's items."""
    yield from body.get("events", ())
    for item in body.get("items", ()):
        if isinstance(item, dict):
            yield from (item.get("body") or item).get("events", ())
