"""Ids of events are UUIDs of version 7, in their order of time."""

import time
from uuid import RFC_4122, UUID

from offset.event_ids import event_id_of, new_event_id


def test_an_id_is_a_uuid_of_version_7_that_begins_with_the_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = [UUID(new_event_id()) for _ in range(1_000)]
    after = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert all(before <= one.int >> 80 <= after for one in ids)
    assert len(set(ids)) == 1_000


def test_an_id_has_74_of_its_bits_from_what_was_drawn() -> None:
    nothing, all_ones = UUID(event_id_of(bytes(16))), UUID(event_id_of(b"\xff" * 16))
    drawn = (nothing.int ^ all_ones.int) & (1 << 80) - 1
    assert drawn.bit_count() == 74


def test_an_id_is_written_as_uuids_are() -> None:
    text = new_event_id()
    assert str(UUID(text)) == text
