"""What can be changed beside the events of a ledger, and the first difference that it makes."""

from typing import Final

from sqlalchemy import text, update

from builders import CREDIT, ORIGIN
from offset.models import (
    details,
    event_parts,
    events,
    holdings,
    ledger_head,
    ledger_origin,
    project_names,
    record_state,
    records,
    serial_claims,
    series,
)
from tampering import (
    EVENTS,
    START_US,
    A,
    B,
    C,
    Tampering,
    add,
    change,
    doing,
    of,
    remove,
    two_series_of_one_name,
)

HEAD: Final = ledger_head.c.id == 1
CLAIM: Final = (serial_claims.c.record_number == 10) & serial_claims.c.position.is_(None)
FURTHER: Final = serial_claims.c.position == 10
HOLDINGS_A: Final = f"record {A}: its holdings are not what its events make"
STATE_A: Final = f"record {A}: its record_state is not what its events make"
CLAIM_C: Final = f"record {C}: its serial claims are not what its serial number and its ends say"
PARTS: Final = "its event_parts are not what its bytes say"
DETAILS: Final = "its details are not those that it was made with"
ROWS: Final[dict[str, tuple[Tampering, str]]] = {
    # holdings
    "a holder": (change(holdings, holdings.c.holder == "acme", holder="mallory"), HOLDINGS_A),
    "a quantity held": (
        change(holdings, holdings.c.holder == "acme", quantity_g=3 * CREDIT),
        HOLDINGS_A,
    ),
    "a holding moved": (change(holdings, holdings.c.holder == "acme", from_g=0), HOLDINGS_A),
    "a holding removed": (remove(holdings, holdings.c.holder == "acme"), HOLDINGS_A),
    "a holding added": (add(holdings, 0, 0, CREDIT, "mallory"), HOLDINGS_A),
    "a holding of no record": (
        add(holdings, 999, 0, CREDIT, "mallory"),
        "holdings: 1 rows belong to none of records, the first has record_number 999",
    ),
    # records
    **{
        f"records.{name}": (
            change(records, records.c.number == 10, **{name: value}),
            f"record {C}: records.{name} is not what its CREATED event says",
        )
        for name, value in {
            "project_name": "another project",
            "registry": "acr",
            "vintage": 2021,
            "quantity_g": 11 * CREDIT,
            "serial_number": "9001-11-21-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1",
            "sent": "{}",
            "first_holder": "mallory",
            "extra": '{"country": "UG"}',
            "effective_on": "2026-01-31",
            "created_at_us": START_US,
        }.items()
    },
    "a record's id": (
        change(records, records.c.number == 10, id=b"\x77" * 32),
        f"record {'77' * 32}: event at position 10: its bytes say record '{C}', not '7777",
    ),
    "a record's number": (
        change(records, records.c.number == 10, number=50),
        f"record {C}: it has no CREATED event",
    ),
    "a record's number with all that hangs on it": (
        doing(
            update(records).where(records.c.number == 10).values(number=50),
            *(
                update(table).where(of(table, 10)).values(record_number=50)
                for table in (events, holdings, record_state, serial_claims)
            ),
        ),
        f"record {C}: event at position 10: the record's number is 50",
    ),
    "a record removed": (
        remove(records, records.c.number == 10),
        "events: 1 rows belong to none of records, the first has record_number 10",
    ),
    "a record added": (
        add(records, -7, b"\x77" * 32, "x", "x", 2020, 1, "x", "{}", None, "{}", None, START_US),
        f"record {'77' * 32}: it has no CREATED event",
    ),
    # the state of a record
    **{
        f"record_state.{name}": (
            change(record_state, of(record_state, 0), **{name: value}),
            STATE_A,
        )
        for name, value in {
            "seq": 7,
            "leaf_hash": b"\x77" * 32,
            "status": "CREATED",
            "available_g": 0,
            "sold_g": 0,
            "retired_g": 0,
            "cancelled_g": 0,
            "erasures": 0,
            "sold": None,
            "retired": None,
            "cancelled": None,
        }.items()
    },
    "a state removed": (remove(record_state, of(record_state, 0)), STATE_A),
    "a state of no record": (
        add(record_state, 999, 1, b"", "CREATED", 1, 0, 0, 0, 0, None, None, None),
        "record_state: 1 rows belong to none of records, the first has record_number 999",
    ),
    # claims and their series
    "the first number of a claim": (change(serial_claims, CLAIM, first=12), CLAIM_C),
    "the last number of a claim": (change(serial_claims, CLAIM, last=21), CLAIM_C),
    "a claim that reaches into another": (change(serial_claims, CLAIM, first=10), CLAIM_C),
    "how a claim is written": (change(serial_claims, CLAIM, form=None), CLAIM_C),
    "the series of a claim": (change(serial_claims, CLAIM, series_number=6), CLAIM_C),
    "a claim on no series": (change(serial_claims, CLAIM, series_number=999), CLAIM_C),
    "the record of a claim": (
        change(serial_claims, CLAIM, record_number=0),
        f"record {A}: its serial claims are not what its serial number and its ends say",
    ),
    "a further claim removed": (remove(serial_claims, FURTHER), CLAIM_C),
    "a further claim changed": (change(serial_claims, FURTHER, last=21), CLAIM_C),
    "a claim removed": (remove(serial_claims, CLAIM), CLAIM_C),
    "a claim added": (add(serial_claims, 0, 15, 30, 10, None, None), CLAIM_C),
    "a claim of no record": (
        add(serial_claims, 0, 31, 40, 999, None, None),
        "serial_claims: 1 rows belong to none of records, the first has record_number 999",
    ),
    "a claim of no record that overlaps": (
        add(serial_claims, 0, 15, 30, 999, None, None),
        "serial_claims: 15 to 30 overlaps the claim up to 20",
    ),
    "the name of a series": (
        change(series, series.c.number == 0, series="VCU"),
        f"record {A}: its serial claims are not what its serial number and its ends say",
    ),
    "a series that counts nothing": (
        add(series, 999, "verra", "X"),
        "series: 1 rows belong to none of serial_claims, the first has number 999",
    ),
    # names
    "the name of a project": (
        change(project_names, project_names.c.number == 0, name="mallory"),
        "project_names: misses the name of record 0",
    ),
    "a name removed": (
        remove(project_names, project_names.c.number == 0),
        "project_names: misses the name of record 0",
    ),
    "a name added": (
        add(project_names, 10, "mallory"),
        "project_names: adds the name of record 10",
    ),
    "two series of one name": (two_series_of_one_name, "series: two rows have the same name"),
    # parts
    "the quantity of a part": (
        change(event_parts, event_parts.c.position == 2, quantity_g=1),
        f"record {A}: event at position 2: {PARTS}",
    ),
    "the place of a part": (
        change(event_parts, event_parts.c.position == 3, from_g=0),
        f"record {A}: event at position 3: {PARTS}",
    ),
    "the type of a part": (
        change(event_parts, event_parts.c.position == 3, type="RETIRED"),
        f"record {A}: event at position 3: {PARTS}",
    ),
    "the record of a part": (
        change(event_parts, event_parts.c.position == 8, record_number=0),
        f"record {B}: event at position 8: {PARTS}",
    ),
    "the event of a part": (
        change(event_parts, event_parts.c.position == 8, position=6),
        f"record {B}: event at position 6: {PARTS}",
    ),
    "a part removed": (
        remove(event_parts, event_parts.c.position == 9),
        f"record {B}: event at position 9: {PARTS}",
    ),
    "a part added": (
        add(event_parts, 1, 9 * CREDIT, 1, 0, "SOLD"),
        f"record {A}: event at position 1: {PARTS}",
    ),
    "a part of a creation": (
        add(event_parts, 0, 0, CREDIT, 0, "CREATED"),
        f"record {A}: event at position 0: {PARTS}",
    ),
    "a part of an erasure": (
        add(event_parts, 5, 0, CREDIT, 0, "ERASED"),
        f"record {A}: event at position 5: {PARTS}",
    ),
    "a part of no event": (
        add(event_parts, 999, 0, CREDIT, 0, "RETIRED"),
        "event_parts: 1 rows belong to none of events, the first has position 999",
    ),
    "a part of another record's event": (
        add(event_parts, 10, 0, CREDIT, 6, "RETIRED"),
        "event_parts: 1 rows belong to none of events, the first has position 10",
    ),
    # details
    "details changed": (
        change(details, details.c.position == 2, content='{"beneficiary": "Mallory"}'),
        f"record {A}: event at position 2: {DETAILS}",
    ),
    "details that are not JSON": (
        change(details, details.c.position == 2, content="{"),
        f"record {A}: event at position 2: {DETAILS}",
    ),
    "a salt changed": (
        change(details, details.c.position == 1, salt=b"0123456789abcdef"),
        f"record {A}: event at position 1: {DETAILS}",
    ),
    "a salt of another length": (
        change(details, details.c.position == 1, salt=b""),
        f"record {A}: event at position 1: {DETAILS}",
    ),
    "details emptied": (
        change(details, details.c.position == 1, content=None, salt=None),
        f"record {A}: event at position 1: its details are gone without an ERASED event",
    ),
    "details emptied but for the salt": (
        change(details, details.c.position == 1, content=None),
        f"record {A}: event at position 1: {DETAILS}",
    ),
    "a salt emptied": (
        change(details, details.c.position == 1, salt=None),
        f"record {A}: event at position 1: {DETAILS}",
    ),
    "other details after the erasure": (
        change(details, details.c.position == 4, content="{}", salt=b"0123456789abcdef"),
        f"record {A}: event at position 4: {DETAILS}",
    ),
    "details removed": (
        remove(details, details.c.position == 4),
        f"record {A}: event at position 4: details are missing",
    ),
    "details added": (
        add(details, 3, b"0123456789abcdef", "{}", False),
        f"record {A}: event at position 3: details are not its own",
    ),
    "details of no event": (
        add(details, 999, b"0123456789abcdef", "{}", False),
        "details: 1 rows belong to none of events, the first has position 999",
    ),
    # head and origin
    "the head moved on": (
        change(ledger_head, HEAD, position=EVENTS),
        f"ledger_head: position {EVENTS}, the last event is at {EVENTS - 1}",
    ),
    "the head moved back": (
        change(ledger_head, HEAD, position=0),
        f"ledger_head: position 0, the last event is at {EVENTS - 1}",
    ),
    "the head's time moved on": (
        change(ledger_head, HEAD, at_us=START_US + 100 * CREDIT),
        "ledger_head: its time is not the last event's",
    ),
    "the head's time moved back": (
        change(ledger_head, HEAD, at_us=START_US),
        "ledger_head: its time is not the last event's",
    ),
    "the head removed": (remove(ledger_head, HEAD), "ledger_head: 0 rows instead of one"),
    "another head": (add(ledger_head, 2, 10, 0), "ledger_head: 2 rows instead of one"),
    "the origin changed": (
        change(ledger_origin, text("1 = 1"), origin="other.example/log"),
        f"record {A}: event at position 0: its bytes say log '{ORIGIN}', not 'other.example/log'",
    ),
    "the origin removed": (
        remove(ledger_origin, text("1 = 1")),
        f"record {A}: event at position 0: its bytes say log '{ORIGIN}', not None",
    ),
    "another origin": (
        add(ledger_origin, 2, "other.example/log"),
        "ledger_origin: 2 rows instead of one",
    ),
}
