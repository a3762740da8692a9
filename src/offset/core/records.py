"""What a record is, who holds which part of it, and how parts are cut out.

The invariant of the whole ledger lives here: at every moment the holdings of a record and its
retired and cancelled parts tile its grams exactly, without a gap or an overlap. A gram that is
not held by the giver cannot be cut out, so it can be neither sold nor retired nor cancelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from offset.core.canonical import canonical_record
from offset.core.errors import (
    AlreadyCancelled,
    AlreadyRetired,
    AlreadySold,
    Fact,
    InsufficientQuantity,
    NotHeld,
    Refused,
)
from offset.core.holdings import Holdings, Part
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes, tonnes_text
from offset.core.serials import Serial


class Past(NamedTuple):
    """A part that was sold, retired or cancelled before, and by which event.

    `at` is empty while the event's batch is not yet appended.
    """

    from_g: int
    quantity_g: int
    event_type: str
    event_id: str
    at: str


class Status(StrEnum):
    """Where the credits of a record are, in one word."""

    CREATED = "CREATED"
    SOLD = "SOLD"
    RETIRED = "RETIRED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How a record's grams are spread: issued = available + sold + retired + cancelled."""

    issued_g: int
    available_g: int
    sold_g: int
    retired_g: int
    cancelled_g: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An issuance as it came into the ledger. It never changes.

    `sent` holds the five texts as they came, for display; `extra` the optional fields that are
    not part of the id.
    """

    id: str
    project_name: str
    registry: str
    vintage: int
    quantity_g: int
    serial_number: str
    sent: dict[str, str]
    first_holder: str | None
    extra: dict[str, Any]
    effective_on: str | None
    serial: Serial

    @property
    def planned(self) -> bool:
        """Whether the credits are announced and not yet issued."""
        return bool(self.extra.get("planned"))


class ReadSerial(Protocol):
    """How a record's serial number is read: `offset.registries.read_serial`."""

    def __call__(
        self, registry: str, text: str, quantity_g: int, project: str | None, vintage: int, /
    ) -> Serial:
        """Read a canonical text."""


def issuance(
    *,
    project_name: str,
    registry: str,
    vintage: int | str,
    quantity_g: int,
    serial_number: str,
    read_serial: "ReadSerial",
    first_holder: str | None = None,
    extra: Mapping[str, Any] | None = None,
    effective_on: str | None = None,
) -> Record:
    """Make a record of the five texts as they came; `read_serial` reads canonical ones.

    Raises:
        Invalid: the texts cannot make a record.
    """
    canonical = canonical_record(
        project_name=project_name,
        registry=registry,
        vintage=vintage,
        quantity_g=quantity_g,
        serial_number=serial_number,
    )
    return Record(
        id=canonical.record_id.hex(),
        project_name=canonical.project_name,
        registry=canonical.registry,
        vintage=canonical.vintage,
        quantity_g=canonical.quantity_g,
        serial_number=canonical.serial_number,
        sent={
            "project_name": project_name,
            "registry": registry,
            "vintage": str(vintage),
            "quantity": tonnes_text(quantity_g).removesuffix(" t"),
            "serial_number": serial_number,
        },
        first_holder=first_holder,
        extra={name: value for name, value in (extra or {}).items() if value},
        effective_on=effective_on,
        serial=read_serial(
            canonical.registry,
            canonical.serial_number,
            canonical.quantity_g,
            (extra or {}).get("project_id"),
            canonical.vintage,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordState:
    """A record and everything that its events have made of it.

    `past` holds earlier parts only where a command names an interval; it serves to say which
    event took a gram, and no rule rests on it.
    """

    record: Record
    seq: int
    leaf_hash: bytes | None
    created_at: str
    holdings: Holdings
    retired_g: int = 0
    cancelled_g: int = 0
    erasures: int = 0
    sold: Past | None = None
    retired: Past | None = None
    cancelled: Past | None = None
    past: tuple[Past, ...] = ()

    def then(
        self,
        holdings: Holdings,
        *,
        retired_g: int = 0,
        cancelled_g: int = 0,
        erasures: int = 0,
        sold: Past | None = None,
        retired: Past | None = None,
        cancelled: Past | None = None,
    ) -> "RecordState":
        """Give the state after one more event: who holds what then, and what it added."""
        return RecordState(
            record=self.record,
            seq=self.seq + 1,
            leaf_hash=self.leaf_hash,
            created_at=self.created_at,
            holdings=holdings,
            retired_g=self.retired_g + retired_g,
            cancelled_g=self.cancelled_g + cancelled_g,
            erasures=self.erasures + erasures,
            sold=sold or self.sold,
            retired=retired or self.retired,
            cancelled=cancelled or self.cancelled,
            past=self.past,
        )

    @property
    def held_g(self) -> int:
        """All that is left: neither retired nor cancelled."""
        return self.record.quantity_g - self.retired_g - self.cancelled_g

    @property
    def balance(self) -> Balance:
        """The record's grams by what became of them."""
        available_g = self.holdings.held_by(self.record.first_holder)
        return Balance(
            issued_g=self.record.quantity_g,
            available_g=available_g,
            sold_g=self.held_g - available_g,
            retired_g=self.retired_g,
            cancelled_g=self.cancelled_g,
        )

    @property
    def status(self) -> Status:
        """Derived from what is left and what happened."""
        return status(held_g=self.held_g, retired_g=self.retired_g, was_sold=self.sold is not None)

    @property
    def name(self) -> str:
        """The record's name in a sentence."""
        return f"record {self.record.id[:12]}..."


def status(*, held_g: int, retired_g: int, was_sold: bool) -> Status:
    """Say in one word where a record's credits are."""
    if held_g == 0:
        return Status.RETIRED if retired_g else Status.CANCELLED
    return Status.SOLD if was_sold else Status.CREATED


def serial_part(record: Record, serial_first: int, serial_last: int) -> Part:
    """Give the grams of the credits `serial_first` to `serial_last`, both included.

    Raises:
        SerialOutsideRecord: the record does not cover all of these numbers.
    """
    part = record.serial.part(serial_first, serial_last)
    return Part(
        (part.first - record.serial.first) * GRAMS_PER_CREDIT,
        (part.last - part.first + 1) * GRAMS_PER_CREDIT,
    )


def nothing_left(state: RecordState) -> Refused:
    """Say why nothing of the record can be given any more."""
    if state.retired is not None:
        return _retired(state, state.retired)
    assert state.cancelled is not None, "a record without holdings has ended"
    return _cancelled(state, state.cancelled)


def nothing_unsold(state: RecordState) -> Refused:
    """Say why the first holder has nothing to sell any more."""
    if state.held_g == 0:
        return nothing_left(state)
    assert state.sold is not None, "what others hold was sold to them"
    return _sold(state, state.sold)


def not_held(state: RecordState, holder: str | None, part: Part) -> Refused:
    """Say what became of a named interval that `holder` does not hold."""
    taken = [past for past in state.past if _took(past, state, holder, part)]
    for past in taken:
        if past.event_type == Status.RETIRED:
            return _retired(state, past)
        if past.event_type == Status.CANCELLED:
            return _cancelled(state, past)
    if taken and holder == state.record.first_holder:
        return _sold(state, taken[-1])
    return NotHeld(
        f"{state.name}: {holder_name(holder)} does not hold all of grams {part.from_g} "
        f"to {part.end_g - 1}",
        record_id=state.record.id,
        holder=holder,
    )


def too_little(
    state: RecordState, holder: str | None, *, asked_g: int | None, available_g: int
) -> InsufficientQuantity:
    """Say how much of the record `holder` has, and what took the rest."""
    asked = "" if asked_g is None else f"{tonnes_text(asked_g)} asked, "
    facts: dict[str, Fact] = {}
    if available_g == 0 and state.sold is not None:
        facts["sale_id"] = state.sold.event_id
    if available_g == 0 and state.retired is not None:
        facts["retirement_id"] = state.retired.event_id
    return InsufficientQuantity(
        f"{state.name}: {asked}{tonnes_text(available_g)} held by {holder_name(holder)}",
        record_id=state.record.id,
        available=tonnes(available_g),
        **facts,
    )


def holder_name(holder: str | None) -> str:
    """Name a holder in a sentence."""
    return "the unnamed issuer" if holder is None else holder


def _took(past: Past, state: RecordState, holder: str | None, part: Part) -> bool:
    """Tell whether grams of `part` went by this event and are not with `holder` again."""
    from_g = max(past.from_g, part.from_g)
    end_g = min(past.from_g + past.quantity_g, part.end_g)
    return from_g < end_g and state.holdings.cut(holder, [Part(from_g, end_g - from_g)]) is None


def _retired(state: RecordState, past: Past) -> Refused:
    return AlreadyRetired(
        f"{state.name} was retired by event {past.event_id}",
        record_id=state.record.id,
        retirement_id=past.event_id,
        retired_at=past.at,
    )


def _cancelled(state: RecordState, past: Past) -> Refused:
    return AlreadyCancelled(
        f"{state.name} was cancelled by event {past.event_id}",
        record_id=state.record.id,
        cancellation_id=past.event_id,
        cancelled_at=past.at,
    )


def _sold(state: RecordState, past: Past) -> Refused:
    return AlreadySold(
        f"{state.name} was sold by event {past.event_id}",
        record_id=state.record.id,
        sale_id=past.event_id,
        sold_at=past.at,
    )
