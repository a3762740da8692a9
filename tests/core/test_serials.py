"""A serial number as a value: what it covers, how it and its parts are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import states
from offset.core.errors import SerialOutsideRecord
from offset.core.serials import LARGEST_NUMBER, Serial

OPAQUE = Serial.opaque(registry="acme", text="ABC-2020-0001")
TEN = states.verra_serial(5_000_001, 5_000_010)


def padded(first: int, last: int) -> Serial:
    """A serial number whose numbers are padded to five digits."""
    return Serial(
        registry="acme",
        series="A",
        first=first,
        last=last,
        unit="credit",
        head="A-",
        infix=" to ",
        width=5,
    )


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Four numbers: of a serial, and of a part of it."""
    first, part_first, part_last, last = sorted(draw(st.lists(NUMBERS, min_size=4, max_size=4)))
    return first, last, part_first, part_last


NUMBERS = st.integers(1, 20) | st.integers(1, LARGEST_NUMBER)


def test_a_serial_is_written_with_its_numbers_in_their_places() -> None:
    assert TEN.text == ("9001-5000001-5000010-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1")
    assert padded(7, 120).text == "A-00007 to 00120"
    assert padded(7, 1_234_567).text == "A-00007 to 1234567"


def test_a_serial_counts_its_credits_both_ends_included() -> None:
    assert TEN.count == 10
    assert padded(7, 7).count == 1


def test_a_text_that_no_grammar_reads_is_a_series_of_its_own_and_counts_nothing() -> None:
    assert (
        Serial(
            registry="acme",
            series="ABC-2020-0001",
            first=0,
            last=0,
            unit="credit",
            head="ABC-2020-0001",
            parsed=False,
        )
        == OPAQUE
    )
    assert OPAQUE.text == "ABC-2020-0001"
    assert OPAQUE.count is None


@given(ranges())
def test_a_part_of_a_serial_is_the_same_serial_with_other_numbers(
    numbers: tuple[int, int, int, int],
) -> None:
    first, last, part_first, part_last = numbers
    part = states.verra_serial(first, last).part(part_first, part_last)
    assert part == states.verra_serial(part_first, part_last)
    assert part.count == part_last - part_first + 1


@pytest.mark.parametrize(
    "first, last",
    [(5_000_000, 5_000_001), (5_000_010, 5_000_011), (1, 2), (5_000_002, 5_000_001), (0, 10**9)],
)
def test_a_part_outside_the_serial_is_refused_with_what_it_covers(first: int, last: int) -> None:
    with pytest.raises(SerialOutsideRecord) as refusal:
        TEN.part(first, last)
    assert refusal.value.detail == (
        f"serial numbers {first} to {last}: the record covers 5000001 to 5000010"
    )
    assert refusal.value.facts == {"serial_first": 5_000_001, "serial_last": 5_000_010}


def test_no_part_of_a_serial_that_nobody_reads_can_be_named() -> None:
    with pytest.raises(SerialOutsideRecord) as refusal:
        OPAQUE.part(0, 0)
    assert refusal.value.detail == (
        "serial ABC-2020-0001: its numbers are not known, so no part of it can be named"
    )
    assert refusal.value.facts == {"serial": "ABC-2020-0001"}


def test_the_largest_serial_number_survives_json() -> None:
    assert float(LARGEST_NUMBER) == LARGEST_NUMBER
    assert float(LARGEST_NUMBER + 2) != LARGEST_NUMBER + 2
