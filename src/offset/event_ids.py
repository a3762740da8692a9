"""Ids of events: UUIDs of version 7, which begin with the time.

An index of random ids has a page to change for each event; one of ids in their order of time has
the same page for all events of a batch. What they tell of the time stands in every event anyway.
"""

import os
import time


def new_event_id() -> str:
    """Draw an id."""
    return event_id_of(os.urandom(16))


def event_id_of(drawn: bytes) -> str:
    """Make an id of now and of 16 random bytes (RFC 9562, section 5.7)."""
    ms = f"{time.time_ns() // 1_000_000:012x}"
    digits = drawn.hex()
    variant = "89ab"[drawn[8] & 3]
    return f"{ms[:8]}-{ms[8:]}-7{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
