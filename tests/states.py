"""Records and their states as plain values, for tests that need no database.

A gram of a small record can be looked at by itself: `cells` is a list with one entry a gram, who
holds it or `ENDED`, and everything else is counted out of that list in the plainest way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from offset.core.commands import Cancel, Create, Decision, Erase, Retire, Sell, decide
from offset.core.events import Created, Stamp
from offset.core.holdings import Holding, Holdings, Part
from offset.core.records import Past, Record, RecordState
from offset.core.serials import Serial

ENDED: Final = "(ended)"  # no holder's code has brackets
CREDIT: Final = 1_000_000  # grams
RECORD_ID: Final = "5d" * 32
AT: Final = "2026-01-31T12:00:00.000000Z"


def event_id(number: int) -> str:
    """A UUID that tests can tell from others."""
    return str(UUID(int=number, version=4))


def verra_serial(first: int = 5_000_001, last: int = 5_000_010) -> Serial:
    """A serial number with a range, as a grammar reads it."""
    return Serial(
        registry="verra",
        series="VCS-VCU",
        first=first,
        last=last,
        unit="VCU",
        head="9001-",
        infix="-",
        tail="-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1",
    )


def a_record(
    *, count: int = 10, first_holder: str | None = None, serial: Serial | None = None, **own: Any
) -> Record:
    """A record of `count` credits with a serial range, or with the serial and fields named."""
    serial = serial or verra_serial(5_000_001, 5_000_000 + count)
    fields: dict[str, Any] = {
        "id": RECORD_ID,
        "project_name": "sample peatland project",
        "registry": serial.registry,
        "vintage": 2020,
        "quantity_g": count * CREDIT,
        "serial_number": serial.text,
        "sent": {
            "project_name": "Sample Peatland Project",
            "registry": "Verra",
            "vintage": "2020",
            "quantity": str(count),
            "serial_number": serial.text,
        },
        "first_holder": first_holder,
        "extra": {},
        "effective_on": None,
        "serial": serial,
        **own,
    }
    return Record(**fields)


def opaque_record(quantity_g: int, *, first_holder: str | None = None) -> Record:
    """A record whose serial number nobody can read, so that it can have any number of grams."""
    serial = Serial.opaque(registry="acme", text="ABC-2020-0001")
    return a_record(serial=serial, quantity_g=quantity_g, first_holder=first_holder)


def new_state(record: Record) -> RecordState:
    """The state right after the record's creation, by event 1."""
    return Created(record=record).apply(None, Stamp(event_id(1), AT))


def state_of(record: Record, cells: Sequence[str | None]) -> RecordState:
    """A state in which each gram of a record is where `cells` says, all that ended as retired.

    It says nothing of how it came to that: `sold` and `retired` name no event.
    """
    assert len(cells) == record.quantity_g
    return RecordState(
        record=record,
        seq=1,
        leaf_hash=None,
        created_at=AT,
        holdings=holdings_of(cells),
        retired_g=cells.count(ENDED),
    )


def after(state: RecordState, *commands: Sell | Retire | Cancel | Erase) -> RecordState:
    """The state after commands that are all accepted, as it is once their events have a time."""
    for command in commands:
        state = stamped(decide(state, command)).state
    return state


def stamped(decision: Decision) -> Decision:
    """The decision with every event's time in the state, as if it was read from the database."""
    state = decision.state
    parts = [past and past._replace(at=AT) for past in (state.sold, state.retired, state.cancelled)]
    sold, retired, cancelled = parts
    return Decision(
        drafts=decision.drafts,
        state=replace(state, sold=sold, retired=retired, cancelled=cancelled),
    )


def with_past(state: RecordState, past: tuple[Past, ...]) -> RecordState:
    """The state as it is loaded for a command that names an interval: with what happened to it."""
    return replace(state, past=past)


def without_time(state: RecordState) -> RecordState:
    """The state before its events are appended and get their time."""
    return replace(state, created_at="")


def holdings_of(cells: Sequence[str | None]) -> Holdings:
    """Count the holdings out of a list of grams."""
    runs = groupby(range(len(cells)), key=lambda gram: cells[gram])
    found = [(holder, list(grams)) for holder, grams in runs]
    return Holdings(
        Holding(grams[0], len(grams), holder) for holder, grams in found if holder != ENDED
    )


def parts_of(grams: Iterable[int]) -> tuple[Part, ...]:
    """Count the unbroken parts out of a set of grams."""
    marked = set(grams)
    cells = [ENDED if gram not in marked else None for gram in range(max(marked, default=-1) + 1)]
    return tuple(Part(*holding[:2]) for holding in holdings_of(cells))


def create_command(record: Record, *, number: int = 1) -> Create:
    """The command that creates a record by event `number`."""
    return Create(event_id=event_id(number), record=record)


def sell(number: int, buyer: str = "acme", **said: Any) -> Sell:
    """A sale by event `number`."""
    return Sell(event_id=event_id(number), record_id=RECORD_ID, buyer=buyer, **said)


def retire(number: int, **said: Any) -> Retire:
    """A retirement by event `number`."""
    return Retire(event_id=event_id(number), record_id=RECORD_ID, **said)


def cancel(number: int, **said: Any) -> Cancel:
    """A cancellation by event `number`."""
    return Cancel(event_id=event_id(number), record_id=RECORD_ID, **{"cause": "destroyed", **said})
