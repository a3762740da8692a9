"""What happens to a record: one frozen class per event type, with its check and its effect.

`check` judges a new event against the state it meets; `apply` replays an accepted one. They are
separate, so that a tighter rule never makes old history unreadable. `data` is what the event
says in its hashed bytes: no names of people, no prices, no free text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Self

import orjson

from offset.core.canonical import canonical_fields, canonical_json
from offset.core.errors import AlreadyErased, PlannedCredits, Refused, SameHolder
from offset.core.holdings import Holding, Holdings, Part
from offset.core.records import Past, Record, RecordState, not_held
from offset.core.serials import Serial

LARGEST_PARTS: Final = 1_000  # an event's bytes have to fit a 16-bit length
LARGEST_LEAF: Final = 65_535  # bytes; an entry bundle has a 16-bit length
EXTRA_FIELDS: Final = (
    *("project_id", "country", "methodology", "vintage_start", "vintage_end"),
    "planned",
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which event it is and when it was recorded; `at` is None until the batch is appended."""

    event_id: str
    at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A record came into the ledger."""

    TYPE: ClassVar[str] = "CREATED"

    record: Record
    details_sha256: str | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The whole record."""
        return (Part(0, self.record.quantity_g),)

    def check(self, state: RecordState | None) -> None:
        """Accept: the claim and the id were judged by the command, which knows the neighbours."""
        assert state is None, "a record is created once"

    def apply(self, state: RecordState | None, stamp: Stamp) -> RecordState:
        """Give the whole record to its first holder."""
        assert state is None, "a record is created once"
        record = self.record
        return RecordState(
            record=record,
            seq=1,
            leaf_hash=None,
            created_at=stamp.at or "",
            holdings=Holdings([Holding(0, record.quantity_g, record.first_holder)]),
        )

    def data(self) -> dict[str, Any]:
        """Say what is hashed into the id, and the five texts as they are shown."""
        record = self.record
        return {
            "canonical": canonical_fields(record),
            "sent": record.sent,
            "holder": record.first_holder,
            "effective_on": record.effective_on,
            "details_sha256": self.details_sha256,
            **record.extra,
        }

    @classmethod
    def from_data(cls, record_id: str, data: Mapping[str, Any], serial: Serial) -> Self:
        """Read the event back; `serial` is its serial number as the registry's grammar reads it."""
        return cls(
            record=Record(
                id=record_id,
                **data["canonical"],
                sent=dict(data["sent"]),
                first_holder=data["holder"],
                extra={name: data[name] for name in EXTRA_FIELDS if name in data},
                effective_on=data["effective_on"],
                serial=serial,
            ),
            details_sha256=data["details_sha256"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """Parts of a record went from one holder to another."""

    TYPE: ClassVar[str] = "SOLD"

    parts: tuple[Part, ...]
    seller: str | None
    buyer: str
    effective_on: str | None = None
    group: str | None = None
    details_sha256: str | None = None

    def check(self, state: RecordState) -> None:
        """Refuse what the seller does not hold.

        Raises:
            SameHolder: seller and buyer are the same.
            Refused: a part is not the seller's.
        """
        if self.seller == self.buyer:
            raise SameHolder(f"{state.name}: {self.buyer} cannot sell to itself")
        _check_parts(state, self.seller, self.parts)

    def apply(self, state: RecordState, stamp: Stamp) -> RecordState:
        """Move the parts to the buyer."""
        left = _cut(state, self.seller, self.parts)
        return state.then(left.give(self.parts, self.buyer), sold=_newest(self, stamp))

    def data(self) -> dict[str, Any]:
        """Say which grams went from whom to whom."""
        return {
            "parts": self.parts,
            "from": self.seller,
            "to": self.buyer,
            "effective_on": self.effective_on,
            "group": self.group,
            "details_sha256": self.details_sha256,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read the event back from its hashed bytes."""
        return cls(
            parts=read_parts(data["parts"]),
            seller=data["from"],
            buyer=data["to"],
            effective_on=data["effective_on"],
            group=data["group"],
            details_sha256=data["details_sha256"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """Parts of a record were used up, once and for ever, on someone's behalf.

    `claim` is the serial number of the credits, where the issuance had none.
    """

    TYPE: ClassVar[str] = "RETIRED"

    parts: tuple[Part, ...]
    holder: str | None
    purpose: str | None = None
    country: str | None = None
    effective_on: str | None = None
    group: str | None = None
    claim: str | None = None
    details_sha256: str | None = None

    def check(self, state: RecordState) -> None:
        """Refuse what the holder does not hold.

        Raises:
            PlannedCredits: the credits are announced and not yet issued.
            Refused: a part is not the holder's.
        """
        if state.record.planned:
            raise PlannedCredits(
                f"{state.name} is of planned credits: they cannot be retired before they exist",
                record_id=state.record.id,
            )
        _check_parts(state, self.holder, self.parts)

    def apply(self, state: RecordState, stamp: Stamp) -> RecordState:
        """End the parts: nobody holds them any more."""
        left = _cut(state, self.holder, self.parts)
        return state.then(left, retired_g=_grams(self.parts), retired=_newest(self, stamp))

    def data(self) -> dict[str, Any]:
        """Say which grams of whom were retired, and for what."""
        return {
            "parts": self.parts,
            "holder": self.holder,
            "purpose": self.purpose,
            "country": self.country,
            "effective_on": self.effective_on,
            "group": self.group,
            "details_sha256": self.details_sha256,
            **_claimed(self.claim),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read the event back from its hashed bytes."""
        return cls(**{**data, "parts": read_parts(data["parts"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Parts of a record left the ledger without being retired; `claim` as in `Retired`."""

    TYPE: ClassVar[str] = "CANCELLED"

    parts: tuple[Part, ...]
    holder: str | None
    cause: str
    converted_to: str | None = None
    effective_on: str | None = None
    group: str | None = None
    claim: str | None = None
    details_sha256: str | None = None

    def check(self, state: RecordState) -> None:
        """Refuse what the holder does not hold.

        Raises:
            Refused: a part is not the holder's.
        """
        _check_parts(state, self.holder, self.parts)

    def apply(self, state: RecordState, stamp: Stamp) -> RecordState:
        """End the parts: nobody holds them any more."""
        left = _cut(state, self.holder, self.parts)
        return state.then(left, cancelled_g=_grams(self.parts), cancelled=_newest(self, stamp))

    def data(self) -> dict[str, Any]:
        """Say which grams of whom were cancelled, and why."""
        return {
            "parts": self.parts,
            "holder": self.holder,
            "cause": self.cause,
            "converted_to": self.converted_to,
            "effective_on": self.effective_on,
            "group": self.group,
            "details_sha256": self.details_sha256,
            **_claimed(self.claim),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read the event back from its hashed bytes."""
        return cls(**{**data, "parts": read_parts(data["parts"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """The details of an earlier event of the record were erased for good."""

    TYPE: ClassVar[str] = "ERASED"

    erased: str
    erased_before: bool = False

    @property
    def parts(self) -> tuple[Part, ...]:
        """No grams: only words are gone."""
        return ()

    @property
    def details_sha256(self) -> None:
        """An erasure has no details of its own."""
        return None

    def check(self, state: RecordState) -> None:
        """Refuse to erase twice.

        Raises:
            AlreadyErased: the details are gone already.
        """
        if self.erased_before:
            raise AlreadyErased(
                f"event {self.erased}: its details are erased already", event_id=self.erased
            )

    def apply(self, state: RecordState, stamp: Stamp) -> RecordState:
        """Count the erasure: no gram moves."""
        return state.then(state.holdings, erasures=1)

    def data(self) -> dict[str, Any]:
        """Say whose details are gone."""
        return {"event": self.erased}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read the event back from its hashed bytes."""
        return cls(erased=data["event"])


Act = Sold | Retired | Cancelled | Erased
Happening = Created | Act
ACTS: Final[Mapping[str, type[Sold | Retired | Cancelled | Erased]]] = {
    kind.TYPE: kind for kind in (Sold, Retired, Cancelled, Erased)
}


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that was decided but not yet written, and the serial numbers that it claims."""

    event_id: str
    happening: Happening
    claim: Serial | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as it stands in the ledger: what its leaf says, and its position in the log."""

    id: str
    record_id: str
    type: str
    seq: int
    position: int
    at: str
    data: Mapping[str, Any]


def read_leaf(position: int, leaf: bytes) -> Event:
    """Read an event from the bytes that the log hashes."""
    said = orjson.loads(leaf)
    return Event(
        id=said["id"],
        record_id=said["record"],
        type=said["type"],
        seq=said["seq"],
        position=position,
        at=said["at"],
        data=said["data"],
    )


def leaf_bytes(
    *,
    event_id: str,
    event_type: str,
    data: Mapping[str, Any],
    at: str,
    by: str | None,
    log: str,
    prev: str | None,
    record: str,
    seq: int,
) -> bytes:
    """Write an event's canonical bytes (RFC 8785); they are made once and never again."""
    leaf = canonical_json(
        {
            "at": at,
            "by": by,
            "data": data,
            "id": event_id,
            "log": log,
            "prev": prev,
            "record": record,
            "seq": seq,
            "type": event_type,
            "v": 1,
        }
    )
    assert len(leaf) <= LARGEST_LEAF, "the sizes of every field keep a leaf below the limit"
    return leaf


def read_parts(parts: Sequence[Sequence[int]]) -> tuple[Part, ...]:
    """Read `[[from_g, quantity_g], ...]` as it stands in a leaf."""
    return tuple(Part(from_g, quantity_g) for from_g, quantity_g in parts)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(at_us: int) -> str:
    """Write microseconds since 1970 as RFC 3339 in UTC, with six fraction digits and Z."""
    moment = _EPOCH + timedelta(microseconds=at_us)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_us(at: str) -> int:
    """Read what `time_text` writes."""
    return (datetime.fromisoformat(at) - _EPOCH) // timedelta(microseconds=1)


def _claimed(claim: str | None) -> dict[str, str]:
    """Say a claim only where there is one: it is rare."""
    return {} if claim is None else {"claim": claim}


def _check_parts(state: RecordState, holder: str | None, parts: Sequence[Part]) -> None:
    assert 0 < len(parts) <= LARGEST_PARTS, "an event has 1 to 1,000 parts"
    if state.holdings.cut(holder, parts) is None:
        for part in parts:
            if state.holdings.cut(holder, (part,)) is None:
                raise not_held(state, holder, part)
        raise Refused(f"{state.name}: the parts overlap", record_id=state.record.id)


def _cut(state: RecordState, holder: str | None, parts: Sequence[Part]) -> Holdings:
    left = state.holdings.cut(holder, parts)
    assert left is not None, f"{state.name}: history takes what was not held"
    return left


def _grams(parts: Sequence[Part]) -> int:
    return sum([part.quantity_g for part in parts])


def _newest(act: "Sold | Retired | Cancelled", stamp: Stamp) -> Past:
    """Remember an act by the id that all events of its group share."""
    return Past(*act.parts[0], act.TYPE, act.group or stamp.event_id, stamp.at or "")
