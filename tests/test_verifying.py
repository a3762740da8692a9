"""Whatever is changed in the events of a ledger is found, and named with its place."""

import json
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text, update

from builders import CREDIT, ORIGIN, opened
from offset.core.events import leaf_hash, time_text
from offset.database import Database
from offset.demo import fill
from offset.models import details, event_parts, events, holdings, ledger_head
from offset.reading import Reader
from offset.verifying import LARGEST_REPORT, RECORDS_AT_A_TIME, verify_database
from tampering import (
    EVENTS,
    START_US,
    A,
    B,
    C,
    Story,
    Tampering,
    add,
    at,
    byte_changed,
    change,
    doing,
    first_difference,
    forged,
    remove,
    rewritten,
    saying,
    swapped,
    tell_story,
    unguarded,
    verified,
    with_data,
)


@pytest.fixture
def story(database_url: str) -> Story:
    return tell_story(database_url)


def test_a_ledger_that_nobody_tampered_with_is_sound(story: Story) -> None:
    report = verified(story.url)
    assert (report.differences, report.sound) == ([], True)
    assert (report.events, report.records) == (EVENTS, 3)


def test_a_ledger_without_any_event_is_sound(database_url: str) -> None:
    report = verified(database_url)
    assert (report.differences, report.events, report.records) == ([], 0, 0)


LATER: Final = START_US + 100 * CREDIT
HOLDINGS_A: Final = f"record {A}: its holdings are not what its events make"
PARTS: Final = "its event_parts are not what its bytes say"
CASES: Final[dict[str, tuple[Tampering, str]]] = {
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
        swapped(5, 7, events, event_parts),
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


@pytest.mark.parametrize("case", CASES)
def test_what_was_changed_in_the_events_is_named(story: Story, case: str) -> None:
    tamper, difference = CASES[case]
    assert first_difference(story, tamper).startswith(difference)


def test_bytes_that_became_text_are_found(sqlite_url: str) -> None:
    story = tell_story(sqlite_url)
    found = first_difference(
        story, change(events, at(2), leaf=func.replace(events.c.leaf, "1", "2"))
    )
    assert found == f"record {A}: event at position 2: its leaf hash is not that of its bytes"


def test_thousands_of_events_are_replayed_and_a_change_at_their_end_is_found(
    database_url: str,
) -> None:
    seen: list[tuple[int, int]] = []
    with opened(database_url) as ledger:
        made = fill(ledger, Reader(ledger.database), records=700, seed=7)
        report = verify_database(ledger.database, lambda done, total: seen.append((done, total)))
        total = Reader(ledger.database).head() + 1
    assert report.differences == []
    assert (report.events, report.records) == (total, made.records)
    assert total > 2_000
    assert len(seen) == -(-700 // RECORDS_AT_A_TIME) > 1
    assert seen[-1] == (total, total)
    with unguarded(database_url) as connection:
        last = connection.scalar(select(func.max(holdings.c.record_number)))
        change(holdings, holdings.c.record_number == last, holder="mallory")(connection)
    (difference,) = verified(database_url).differences
    assert difference.endswith(": its holdings are not what its events make")


def test_a_report_ends_with_the_first_differences(database_url: str) -> None:
    with opened(database_url) as ledger:
        fill(ledger, Reader(ledger.database), records=2 * LARGEST_REPORT, seed=1)
    with unguarded(database_url) as connection:
        change(holdings, text("1 = 1"), holder="mallory")(connection)
    assert len(verified(database_url).differences) == LARGEST_REPORT


def test_verifying_writes_nothing(story: Story) -> None:
    database = Database(story.url, pool_size=1)
    try:
        before = [*_rows(database)]
        verify_database(database)
        assert [*_rows(database)] == before
    finally:
        database.close()


def _rows(database: Database) -> list[str]:
    with database.reading() as connection:
        return [
            repr(row) for table in (events, details) for row in connection.execute(select(table))
        ]
