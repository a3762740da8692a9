"""What a caller asks for, and the decision: the events it makes, or a refusal with its reason.

Everything here is pure. A command carries the id of the event it will make and the salt of its
details from the moment it is submitted, so that trying again can never do it twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final
from uuid import UUID, uuid5

from offset.core.canonical import details_sha256
from offset.core.errors import (
    HolderRequired,
    IssuanceDiffers,
    IssuedBySerial,
    Missing,
    NoDetails,
    PreconditionFailed,
    QuantityMismatch,
    RecordDiffers,
    RecordNotFound,
    Refused,
    SerialOverlap,
)
from offset.core.events import (
    LARGEST_PARTS,
    Act,
    Cancelled,
    Created,
    Draft,
    Erased,
    Retired,
    Sold,
    Stamp,
)
from offset.core.holdings import Holding, Part
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes, tonnes_text
from offset.core.records import (
    Record,
    RecordState,
    holder_name,
    not_held,
    nothing_left,
    nothing_unsold,
    serial_part,
    too_little,
)
from offset.core.serials import BY_SERIAL, WITHOUT_SERIALS, Serial, SerialFact


class Anyone(Enum):
    """Said where the caller named no holder; None names the unnamed issuer."""

    ANYONE = "anyone"


ANYONE: Final = Anyone.ANYONE
Holder = str | None | Anyone

LARGEST_BATCH: Final = 10_000  # commands in one request
PURPOSES: Final = (
    "environmental-benefit",
    "third-party",
    "person-or-organization",
    "retail-program",
    "compliance",
    "other",
)
CAUSES: Final = ("destroyed", "converted", "reversed", "invalidated", "buffer", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Words and prices beside an event: erasable, bound into it by a salted hash."""

    salt: bytes
    content: Mapping[str, Any]
    private: bool = False

    @property
    def sha256(self) -> str:
        """The hash that stands in the event."""
        return details_sha256(self.salt, self.content).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The serial numbers `first` to `last` of a series that a record covers."""

    record_id: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Bring an issuance into the ledger, or find that it is there.

    Raises:
        QuantityMismatch: the quantity is not the number of credits of the serial range.
    """

    event_id: str
    record: Record
    details: Details | None = None

    def __post_init__(self) -> None:
        count = self.record.serial.count
        if count is not None and count * GRAMS_PER_CREDIT != self.record.quantity_g:
            raise QuantityMismatch(
                f"serial {self.record.serial.text} covers {count} credits, "
                f"the quantity is {tonnes_text(self.record.quantity_g)}",
                quantity=tonnes(self.record.quantity_g),
                serial_quantity=count,
            )

    @property
    def record_id(self) -> str:
        """The id of the record, known before it exists."""
        return self.record.id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Take:
    """What sell, retire and cancel have in common: which grams, of which record.

    Without a quantity, serial numbers and `parts`, all that the giver has. `parts` are exactly
    these grams of `holder`. `expected_seq` is the version that the caller has seen (If-Match).
    `group` names the first event of the group to which the command's events belong, where the
    commands of a unit make one.
    """

    event_id: str
    record_id: str
    holder: Holder = ANYONE
    quantity_g: int | None = None
    serial_first: int | None = None
    serial_last: int | None = None
    parts: tuple[Part, ...] | None = None
    effective_on: str | None = None
    expected_seq: int | None = None
    group: str | None = None
    details: Details | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sell(_Take):
    """Sell to `buyer`; without a holder, only what was never sold."""

    buyer: str
    verb: ClassVar[str] = "sell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire(_Take):
    """Retire for ever; without anything said, all that is left, whoever holds it.

    `claim` are the serial numbers of the credits, where the issuance had none.
    """

    purpose: str | None = None
    country: str | None = None
    claim: Serial | None = None
    verb: ClassVar[str] = "retire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(_Take):
    """Cancel for a cause of `CAUSES`; `converted_to` names where converted credits went.

    `claim` as in `Retire`.
    """

    cause: str
    converted_to: str | None = None
    claim: Serial | None = None
    verb: ClassVar[str] = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """Erase the details of the event `erased`.

    `has_details` and `erased_before` say what stands in the details table; the ledger fills
    them, together with the record's id, when it has locked the record.
    """

    event_id: str
    erased: str
    record_id: str
    has_details: bool = False
    erased_before: bool = False


Take = Sell | Retire | Cancel
Command = Create | Take | Erase


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The events to write (none for a repeated create) and the state after them."""

    drafts: tuple[Draft, ...]
    state: RecordState


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A fact of a record's issuance, and what another record states of the same subject."""

    fact: SerialFact
    stated: str
    record_id: str


def decide_create(
    state: RecordState | None,
    taken: Claim | None,
    command: Create,
    contradiction: Contradiction | None = None,
) -> Decision:
    """Decide a create. `taken` is another record's claim on some of the serial numbers.

    Raises:
        RecordDiffers: the record is there, with other optional fields.
        SerialOverlap: another record covers some of the serial numbers.
        IssuedBySerial, IssuanceDiffers: another record states the contrary of the same issuance.
    """
    if state is not None:
        _check_same(state.record, command.record)
        return Decision(drafts=(), state=state)
    if taken is not None:
        raise _overlap(command.record.serial, taken)
    if contradiction is not None:
        raise _contradicted(contradiction)
    details = command.details
    created = Created(record=command.record, details_sha256=details.sha256 if details else None)
    created.check(None)
    stamp = Stamp(command.event_id, None)
    draft = Draft(command.event_id, created, command.record.serial)
    return Decision(drafts=(draft,), state=created.apply(None, stamp))


def decide(
    state: RecordState | None, command: Take | Erase, taken: Claim | None = None
) -> Decision:
    """Decide what happens to a record. `taken` is a claim on what the command would claim.

    Raises:
        RecordNotFound: there is no such record.
        SerialOverlap: some of the serial numbers are claimed.
        PreconditionFailed: the record has moved on since the caller looked.
        Invalid: the command can never be right for this record.
        Refused: the present state does not allow it.
    """
    if state is None:
        raise record_not_found(command.record_id)
    claim = claim_of(command)
    if claim is not None and taken is not None:
        raise _overlap(claim, taken)
    acts = _erasure(command) if isinstance(command, Erase) else _acts(state, command)
    drafts: list[Draft] = []
    for number, (act, claimed) in enumerate(acts):
        act.check(state)
        event_id = command.event_id if number == 0 else _next_id(command.event_id, number)
        state = act.apply(state, Stamp(event_id, None))
        drafts.append(Draft(event_id, act, claimed))
    return Decision(drafts=tuple(drafts), state=state)


def record_not_found(record_id: str) -> Missing:
    """Say that there is no such record."""
    return RecordNotFound(f"record {record_id}: not in this ledger", record_id=record_id)


def _erasure(command: Erase) -> Sequence[tuple[Act, None]]:
    if not command.has_details:
        raise NoDetails(f"event {command.erased}: it has no details", event_id=command.erased)
    return ((Erased(erased=command.erased, erased_before=command.erased_before), None),)


def _acts(state: RecordState, command: Take) -> Sequence[tuple[Act, Serial | None]]:
    if command.expected_seq is not None and command.expected_seq != state.seq:
        raise PreconditionFailed(
            f"{state.name} is at event {state.seq}, not {command.expected_seq}",
            record_id=state.record.id,
            seq=state.seq,
        )
    taken = [
        (holder, chunk)
        for holder, parts in _chosen(state, command)
        for chunk in _chunks(parts, LARGEST_PARTS)
    ]
    group = command.group or (command.event_id if len(taken) > 1 else None)
    hashed = command.details.sha256 if command.details else None
    claim = claim_of(command)
    # A serial number of credits whose record has none.
    assert claim is None or not state.record.serial.parsed
    claims = _shares(claim, [parts for _, parts in taken])
    return [
        (_act(command, holder, parts, group, claim, hashed if number == 0 else None), claim)
        for number, ((holder, parts), claim) in enumerate(zip(taken, claims, strict=True))
    ]


def claim_of(command: Command) -> Serial | None:
    """Give the serial numbers that a command claims."""
    if isinstance(command, Create):
        return command.record.serial
    return command.claim if isinstance(command, Retire | Cancel) else None


def _shares(claim: Serial | None, taken: Sequence[tuple[Part, ...]]) -> list[Serial | None]:
    """Share a claim out among the events of a command, in their order.

    Raises:
        QuantityMismatch: the claim is not of as many credits as are taken.
    """
    if claim is None or claim.count is None:  # a text without numbers stands at the first event
        return [claim, *(None for _ in taken[1:])]
    grams = [sum(part.quantity_g for part in parts) for parts in taken]
    if sum(grams) != claim.count * GRAMS_PER_CREDIT or any(g % GRAMS_PER_CREDIT for g in grams):
        raise QuantityMismatch(
            f"serial {claim.text} covers {claim.count} credits, "
            f"the quantity is {tonnes_text(sum(grams))}",
            quantity=tonnes(sum(grams)),
            serial_quantity=claim.count,
        )
    shares: list[Serial | None] = []
    first = claim.first
    for quantity_g in grams:
        last = first + quantity_g // GRAMS_PER_CREDIT - 1
        shares.append(claim.part(first, last))
        first = last + 1
    return shares


def _act(
    command: Take,
    holder: str | None,
    parts: tuple[Part, ...],
    group: str | None,
    claim: Serial | None,
    hashed: str | None,
) -> Act:
    if isinstance(command, Sell):
        return Sold(
            parts=parts,
            seller=holder,
            buyer=command.buyer,
            effective_on=command.effective_on,
            group=group,
            details_sha256=hashed,
        )
    if isinstance(command, Retire):
        return Retired(
            parts=parts,
            holder=holder,
            purpose=command.purpose,
            country=command.country,
            effective_on=command.effective_on,
            group=group,
            claim=claim.text if claim else None,
            details_sha256=hashed,
        )
    return Cancelled(
        parts=parts,
        holder=holder,
        cause=command.cause,
        converted_to=command.converted_to,
        effective_on=command.effective_on,
        group=group,
        claim=claim.text if claim else None,
        details_sha256=hashed,
    )


def _chosen(state: RecordState, command: Take) -> list[tuple[str | None, tuple[Part, ...]]]:
    """Choose who gives which grams."""
    if command.parts is not None:
        assert command.holder is not ANYONE, "grams are named together with their holder"
        return [(command.holder, command.parts)]
    if command.serial_first is not None and command.serial_last is not None:
        part = serial_part(state.record, command.serial_first, command.serial_last)
        return [(_giver_of(state, command, part), (part,))]
    if isinstance(command, Sell) and command.holder is ANYONE:
        return [_from_first_holder(state, command.quantity_g)]
    if command.quantity_g is None and command.holder is ANYONE:
        return _everything(state)
    if state.held_g == 0 and command.quantity_g is None:
        raise nothing_left(state)
    holder = _one_holder(state, command)
    available_g = state.holdings.held_by(holder)
    if available_g == 0 or (command.quantity_g or 0) > available_g:
        raise too_little(state, holder, asked_g=command.quantity_g, available_g=available_g)
    return [(holder, state.holdings.lowest(holder, command.quantity_g or available_g))]


def _from_first_holder(
    state: RecordState, quantity_g: int | None
) -> tuple[str | None, tuple[Part, ...]]:
    first = state.record.first_holder
    available_g = state.holdings.held_by(first)
    if available_g == 0 and quantity_g is None:
        raise nothing_unsold(state)
    if quantity_g is not None and quantity_g > available_g:
        raise too_little(state, first, asked_g=quantity_g, available_g=available_g)
    return first, state.holdings.lowest(first, quantity_g or available_g)


def _everything(state: RecordState) -> list[tuple[str | None, tuple[Part, ...]]]:
    if not state.holdings:
        raise nothing_left(state)
    by_holder: dict[str | None, list[Part]] = {}
    for holding in state.holdings:
        by_holder.setdefault(holding.holder, []).append(Part(*holding[:2]))
    return [(holder, tuple(parts)) for holder, parts in by_holder.items()]


def _one_holder(state: RecordState, command: Take) -> str | None:
    if command.holder is not ANYONE:
        return command.holder
    if not state.holdings:
        return state.record.first_holder
    holder = next(iter(state.holdings)).holder
    if state.holdings.held_by(holder) < state.held_g:
        raise _holder_required(state, command, list(state.holdings.holders()))
    return holder


def _giver_of(state: RecordState, command: Take, part: Part) -> str | None:
    """Find who gives a named interval."""
    if command.holder is not ANYONE:
        return command.holder
    if isinstance(command, Sell):
        return state.record.first_holder
    inside = list(state.holdings.within(part))
    holders = list(dict.fromkeys(holding.holder for holding in inside))
    if len(holders) > 1 and sum(_within(h, part) for h in inside) == part.quantity_g:
        raise _holder_required(state, command, holders)
    if not holders:
        raise not_held(state, None, part)
    return holders[0]


def _within(holding: Holding, part: Part) -> int:
    return min(holding.end_g, part.end_g) - max(holding.from_g, part.from_g)


def _holder_required(
    state: RecordState, command: Take, holders: Sequence[str | None]
) -> HolderRequired:
    named = ", ".join(holder_name(holder) for holder in holders[:10])
    return HolderRequired(
        f"{state.name} is held by {named}{' and others' if len(holders) > 10 else ''}: "
        f"say whose credits to {command.verb}",
        record_id=state.record.id,
        holders=list(holders[:10]),
    )


def _check_same(record: Record, again: Record) -> None:
    """Refuse a repeated create whose optional fields are present and differ."""
    before = {"holder": record.first_holder, "effective_on": record.effective_on, **record.extra}
    now = {"holder": again.first_holder, "effective_on": again.effective_on, **again.extra}
    for name, value in now.items():
        if value is not None and value != before.get(name):
            raise RecordDiffers(
                f"record {record.id[:12]}... exists with another {name}",
                record_id=record.id,
                field=name,
            )


def _contradicted(found: Contradiction) -> Refused:
    fact, other = found.fact, found.record_id
    if fact.value in (BY_SERIAL, WITHOUT_SERIALS):
        forms = ("by serial numbers", "without serial numbers")
        here, there = forms if fact.value == BY_SERIAL else forms[::-1]
        return IssuedBySerial(
            f"{fact.subject}: record {other} issues it {there}, this one {here}; its credits can "
            "stand in the ledger in one form only",
            record_id=other,
            issuance=fact.subject,
        )
    return IssuanceDiffers(
        f"issuance {fact.subject}: record {other} states {found.stated}, this one {fact.value}",
        record_id=other,
        issuance=fact.subject,
        stated=found.stated,
    )


def _overlap(serial: Serial, taken: Claim) -> SerialOverlap:
    if not serial.parsed:
        return SerialOverlap(
            f"serial {serial.text} is record {taken.record_id}'s already",
            record_id=taken.record_id,
            serial_number=serial.text,
        )
    return SerialOverlap(
        f"serial numbers {serial.first} to {serial.last} of {serial.registry} {serial.series} "
        f"overlap {taken.first} to {taken.last} of record {taken.record_id}",
        record_id=taken.record_id,
        serial_first=serial.first,
        serial_last=serial.last,
        other_first=taken.first,
        other_last=taken.last,
    )


def _chunks(parts: tuple[Part, ...], size: int) -> Iterator[tuple[Part, ...]]:
    for start in range(0, len(parts), size):
        yield parts[start : start + size]


def _next_id(event_id: str, number: int) -> str:
    """Name the further events of a group: the same at every try."""
    return str(uuid5(UUID(event_id), str(number)))
