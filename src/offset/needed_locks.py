"""The locks that a write request needs, and those that foreign sessions were found to hold."""

import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from zlib import crc32

from offset.core.commands import claim_of
from offset.core.errors import OffsetError
from offset.database import Held
from offset.units import Unit

_SERIES_BUCKETS: Final = 1024
_HELD_S: Final = 10.0  # for which nobody waits for a lock again that was waited for in vain


class Needs(NamedTuple):
    """The locks that units need: of idempotency keys, buckets of series, and records."""

    keys: set[int]
    buckets: set[int]
    ids: set[bytes]


def needs_of(units: Sequence[Unit]) -> Needs:
    """Collect the locks that the units' commands and their idempotency keys need."""
    keys = {_hash(f"{unit.key.caller}\n{unit.key.key}") for unit in units if unit.key}
    lines: set[tuple[str, str]] = set()
    ids: set[bytes] = set()
    for unit in units:
        for command in unit.commands:
            if isinstance(command, OffsetError):
                continue
            ids.add(bytes.fromhex(command.record_id))
            if (serial := claim_of(command)) is not None:
                lines.update([claim[:2] for claim in serial.claims])
                lines.update([fact[:2] for fact in serial.facts])
    buckets = {_hash(f"{registry}\n{name}") % _SERIES_BUCKETS for registry, name in lines}
    return Needs(keys, buckets, ids)


class HeldLocks:
    """Locks that were waited for in vain, and until when nobody waits for them again."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, int | bytes], float] = {}

    def note(self, held: Held) -> None:
        """Remember what foreign sessions hold; what is not among it is forgotten in time."""
        until = time.monotonic() + _HELD_S
        self._until.update(dict.fromkeys(_named(held.keys, held.buckets, held.ids), until))

    def needed_by(self, units: Sequence[Unit]) -> list[int]:
        """Number the units that need one of these locks."""
        if not self._until:
            return []
        now = time.monotonic()
        self._until = {name: until for name, until in self._until.items() if until > now}
        return [
            number
            for number, unit in enumerate(units)
            if not self._until.keys().isdisjoint(_named(*needs_of([unit])))
        ]


def _named(
    keys: Iterable[int], buckets: Iterable[int], ids: Iterable[bytes]
) -> set[tuple[str, int | bytes]]:
    return {
        *(("key", number) for number in keys),
        *(("bucket", number) for number in buckets),
        *(("record", record_id) for record_id in ids),
    }


def _hash(text: str) -> int:
    """Hash to 31 bits, as PostgreSQL's advisory locks take them."""
    return crc32(text.encode()) & 0x7FFFFFFF
