"""What can be changed in the events of a ledger, and the first difference that it makes."""

import json
from typing import Final
from uuid import UUID

from sqlalchemy import delete, update

from builders import CREDIT, ORIGIN
from offset.core.events import time_text
from offset.core.merkle import leaf_hash
from offset.models import details, event_parts, events, ledger_head
from tampering import (
    EVENTS,
    START_US,
    A,
    B,
    C,
    Tampering,
    add,
    at,
    byte_changed,
    change,
    doing,
    forged,
    remove,
    rewritten,
    saying,
    swapped,
    with_data,
)

LATER: Final = START_US + 100 * CREDIT
HOLDINGS_A: Final = f"record {A}: its holdings are not what its events make"
PARTS: Final = "its event_parts are not what its bytes say"
HAPPENED: Final[dict[str, tuple[Tampering, str]]] = {
    # the hashed bytes
    "a byte of a leaf": (
        byte_changed(events.c.leaf, 2),
        f"record {A}: event at position 2: its leaf hash is not that of its bytes",
    ),
    "a byte of a leaf hash": (
        byte_changed(events.c.leaf_hash, 9),
        f"record {B}: event at position 9: its leaf hash is not that of its bytes",
    ),
    "bytes that are not JSON": (
        rewritten(5, lambda _: b"{"),
        f"record {A}: event at position 5: its bytes are not JSON",
    ),
    "bytes in another order": (
        rewritten(5, lambda said: json.dumps(said).encode()),
        f"record {A}: event at position 5: its bytes are not in canonical form",
    ),
    "bytes of another shape": (
        rewritten(5, lambda _: b"[5]"),
        f"record {A}: event at position 5: cannot be replayed: TypeError",
    ),
    "an event that says less": (
        rewritten(5, lambda said: {k: v for k, v in said.items() if k != "data"}),
        f"record {A}: event at position 5: cannot be replayed: KeyError",
    ),
    "an event with other parts": (
        rewritten(4, with_data(parts=[[8 * CREDIT, CREDIT]])),
        f"record {A}: event at position 4: {PARTS}",
    ),
    "an event whose followers are left as they were": (
        rewritten(3, with_data(cause="buffer")),
        f"record {A}: event at position 4: its bytes say prev ",
    ),
    "another predecessor": (
        rewritten(5, saying(prev=None)),
        f"record {A}: event at position 5: its bytes say prev None, not ",
    ),
    "another number in the bytes": (
        rewritten(5, saying(seq=7)),
        f"record {A}: event at position 5: its bytes say seq 7, not 6",
    ),
    "another record in the bytes": (
        rewritten(5, saying(record="77" * 32)),
        f"record {A}: event at position 5: its bytes say record '7777",
    ),
    "another version of the bytes": (
        rewritten(5, saying(v=2)),
        f"record {A}: event at position 5: its bytes say v 2, not 1",
    ),
    "another log in the bytes": (
        rewritten(5, saying(log="other.example/log")),
        f"record {A}: event at position 5: its bytes say log 'other.example/log', not '{ORIGIN}'",
    ),
    "a creation of another record": (
        rewritten(10, with_data(canonical={"project_name": "x"})),
        f"record {C}: event at position 10: cannot be replayed: TypeError",
    ),
    "a creation that was sent otherwise": (
        rewritten(
            10, lambda said: with_data(sent={**said["data"]["sent"], "vintage": "2019"})(said)
        ),
        f"record {C}: event at position 10: its canonical form is not that of what was sent",
    ),
    "a creation with another canonical form": (
        rewritten(
            10, lambda said: with_data(canonical={**said["data"]["canonical"], "vintage": 1})(said)
        ),
        f"record {C}: event at position 10: the record's id is not the hash of its canonical form",
    ),
    "an erasure of what never was": (
        rewritten(5, with_data(event=str(UUID(int=5)))),
        f"record {A}: event at position 5: it erases details that there never were",
    ),
    # times
    "a time before the last one": (
        rewritten(5, saying(at=time_text(START_US))),
        "event at position 5: its time goes back",
    ),
    "a time after the next one": (
        rewritten(5, saying(at=time_text(LATER))),
        "event at position 6: its time goes back",
    ),
    "a time that is none": (
        rewritten(10, saying(at="soon")),
        f"record {C}: event at position 10: cannot be replayed: ValueError",
    ),
    # the columns beside the bytes
    "a number": (
        change(events, at(3), seq=99),
        f"record {A}: event at position 4: its bytes say seq 5, not 4",
    ),
    "the last number": (
        change(events, at(5), seq=7),
        f"record {A}: event at position 5: it is number 7 of its record, not 6",
    ),
    "a type": (
        change(events, at(3), type="RETIRED"),
        f"record {A}: event at position 3: its bytes say type 'CANCELLED', not 'RETIRED'",
    ),
    "an id": (
        change(events, at(3), id=UUID(int=5).bytes),
        f"record {A}: event at position 3: its bytes say id ",
    ),
    "the record of an event": (
        change(events, at(5), record_number=10),
        f"record {A}: event at position 4: its details are gone without an ERASED event",
    ),
    "a position": (
        change(events, at(10), position=12),
        "ledger_head: position 10, the last event is at 12",
    ),
    "a position and the head": (
        doing(
            update(events).where(at(10)).values(position=11),
            update(ledger_head).values(position=11),
        ),
        "events: 11 of them, the last one at position 11",
    ),
    # events that come and go
    "an event deleted": (
        doing(delete(event_parts).where(event_parts.c.position == 3), delete(events).where(at(3))),
        "events: 10 of them, the last one at position 10",
    ),
    "the last event deleted": (
        remove(events, at(10)),
        "ledger_head: position 10, the last event is at 9",
    ),
    "two events of a record swapped": (
        swapped(1, 2, events),
        f"record {A}: event at position 2: {PARTS}",
    ),
    "two events of a record swapped with all that hangs on them": (
        swapped(1, 2, events, event_parts, details),
        f"record {A}: event at position 1: it stands before the record's event 2",
    ),
    "two events of two records swapped": (
        swapped(5, 7, events),
        f"record {B}: event at position 5: it stands before the record's event 1",
    ),
    "an event added": (
        add(events, EVENTS, 0, 7, UUID(int=7).bytes, "CANCELLED", b"{}", leaf_hash(b"{}")),
        f"ledger_head: position 10, the last event is at {EVENTS}",
    ),
    "an event added that ends nothing": (
        forged(saying()),
        f"record {A}: event at position {EVENTS}: cannot be replayed: AssertionError",
    ),
    "an event added without its parts": (
        forged(with_data(parts=[[7 * CREDIT, CREDIT]])),
        f"record {A}: event at position {EVENTS}: {PARTS}",
    ),
    "an event added that ends what is still held": (
        forged(
            with_data(parts=[[8 * CREDIT, CREDIT]]),
            add(event_parts, EVENTS, 8 * CREDIT, CREDIT, 0, "CANCELLED"),
        ),
        HOLDINGS_A,
    ),
    "a second creation": (
        forged(saying(type="CREATED"), change(events, at(EVENTS), type="CREATED")),
        f"record {A}: event at position {EVENTS}: the record is created again",
    ),
    "an event of no record": (
        forged(saying(), change(events, at(EVENTS), record_number=999)),
        "events: 1 rows belong to none of records, the first has record_number 999",
    ),
}
