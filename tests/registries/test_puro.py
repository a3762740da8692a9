"""Puro's grammar: both kinds of numbers, every class, and that a stray character hides nothing."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offset.core.canonical import canonical_serial
from offset.core.errors import SerialOutsideRecord
from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.puro import finds, parse, stated
from offset.registries.stated import Stated
from serial_texts import one_edit_away

# Shaped like the registry's; no export of it is at hand.
ISSUANCE = "0f0e0d0c-1b2a-4394-8586-a7b8c9d0e1f2"
OTHER = "9f8e7d6c-5b4a-4930-8271-605f4e3d2c1b"
GSRN = "643002409999000010"
NEW_TEXT = f"PURO_PR_CORC100+_NA_990001_2025_{ISSUANCE}_775-784"
OLD_TEXT = f"PURO_PR_CORC_NO_990002_2022_{OTHER}_{GSRN}000000097989-{GSRN}000000102683"
NEW, OLD = NEW_TEXT.upper(), OLD_TEXT.upper()

CLASSES = ["CORC", "CORC20+", "CORC100+", "CORC1000+", "CORC_100"]

numbers = st.integers(1, 2_000_000_000) | st.integers(1, LARGEST_NUMBER)
counters = st.integers(1, 10**12 - 1)


@st.composite
def serials(draw: st.DrawFn) -> tuple[str, Serial, Stated]:
    """Write a serial number from its parts, with what has to be read from it."""
    gsrn = draw(st.just("") | st.from_regex(r"[0-9]{18}", fullmatch=True))
    of = counters if gsrn else numbers
    first, last = sorted((draw(of), draw(of)))
    credit = draw(st.sampled_from(CLASSES))
    country = draw(st.from_regex(r"[A-Z]{2}", fullmatch=True))
    facility, vintage = draw(st.integers(1, 999_999)), draw(st.integers(1900, 2199))
    issuance = str(UUID(int=draw(st.integers(0, 2**128 - 1))))
    serial = Serial(
        registry="puro",
        series=f"{issuance}_{gsrn}" if gsrn else issuance,
        first=first,
        last=last,
        unit=credit,
        head=f"PURO_PR_{credit}_{country}_{facility}_{vintage}_{issuance}_{gsrn}",
        infix=f"-{gsrn}",
        width=12 if gsrn else 1,
    )
    says = Stated(project=str(facility), country=country, vintage=vintage, period=None)
    digits = [f"{gsrn}{n:012}" if gsrn else str(n) for n in (first, last)]
    front = f"PURO_PR_{credit}_{country}_{facility}_{vintage}_{issuance}"
    return f"{front}_{digits[0]}-{digits[1]}", serial, says


@given(serials())
def test_every_serial_is_read_whole_and_written_in_the_registrys_words(
    made: tuple[str, Serial, Stated],
) -> None:
    text, serial, says = made
    canonical = canonical_serial(text)
    assert parse(canonical) == serial
    assert serial.text == text
    assert stated(canonical) == says
    assert finds(canonical)


@given(serials(), st.data())
def test_every_part_of_a_serial_is_read_as_that_part(
    made: tuple[str, Serial, Stated], data: st.DataObject
) -> None:
    _, serial, says = made
    ends = data.draw(st.tuples(*[st.integers(serial.first, serial.last)] * 2), label="range")
    part = serial.part(min(ends), max(ends))
    assert parse(canonical_serial(part.text)) == part
    assert stated(canonical_serial(part.text)) == says


@pytest.mark.parametrize("credit", CLASSES)
def test_every_class_is_the_unit_and_no_part_of_the_country(credit: str) -> None:
    text = NEW.replace("CORC100+", credit)
    serial, says = parse(text), stated(text)
    assert serial is not None
    assert serial.unit == credit
    assert says == Stated(project="990001", country="NA", vintage=2025, period=None)


def test_the_older_numbers_count_on_the_last_12_of_their_30_digits() -> None:
    serial = parse(OLD)
    assert serial is not None
    assert serial.series == f"{OTHER}_{GSRN}"
    assert (serial.first, serial.last, serial.count) == (97989, 102683, 4695)
    assert serial.part(97990, 97990).text == (
        f"PURO_PR_CORC_NO_990002_2022_{OTHER}_{GSRN}000000097990-{GSRN}000000097990"
    )
    with pytest.raises(SerialOutsideRecord):
        serial.part(97988, 97990)


def test_ranges_of_two_issuances_are_counted_apart() -> None:
    series = {serial.series for serial in map(parse, [NEW, NEW.replace("0F0E", "0F0F")]) if serial}
    assert series == {ISSUANCE, ISSUANCE.replace("0f0e", "0f0f")}


SPOILT = [
    NEW.replace("775", "0775"),  # one range, one text: no second spelling of it
    NEW.replace("775-", "0-"),
    NEW.replace("775", "785"),
    NEW.replace("784", str(LARGEST_NUMBER + 1)),
    NEW.replace("784", "9" * 5000),
    NEW.replace("CORC100+", "CORC++"),
    NEW.replace("CORC100+", "CORC100+_A"),
    NEW.replace("_NA", ""),
    NEW.replace("2025", "25"),
    NEW.replace("0F0E", "0G0E"),
    NEW.replace("0F0E", "0F0"),
    NEW.lower(),
    NEW.replace("_", "-"),
    NEW.replace("_", " "),
    NEW.replace("PURO_PR_", ""),
    f" {NEW}",
    f"{NEW}\n",
    f"{NEW} {NEW}",
    f"LOT {NEW}, SOLD",
    NEW[:40],
    OLD.replace(f"-{GSRN}", f"-{GSRN[:-1]}1"),  # another GSRN at the end than at the beginning
    OLD.replace(f"-{GSRN}", "-"),
    OLD.replace("000000097989", "000000102684"),
    OLD.replace("000000097989", "000000000000"),
    OLD.replace("000000097989", "97989"),
]


@pytest.mark.parametrize("text", SPOILT)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text.upper())


def test_the_largest_number_is_read() -> None:
    serial = parse(NEW.replace("784", str(LARGEST_NUMBER)))
    assert serial is not None
    assert serial.last == LARGEST_NUMBER


@pytest.mark.parametrize("text", [NEW, OLD, NEW.replace("CORC100+", "CORC_100")])
def test_no_stray_character_hides_a_serial(text: str) -> None:
    assert parse(text) is not None
    hidden = [near for near in one_edit_away(text) if parse(near) is None and not finds(near)]
    assert hidden == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "_",
        "PURO",
        "PURO_PR",
        "CORC100+",
        "CORC100+ 2025 LOT 7",
        "PURO 990001 2025 1-100",
        ISSUANCE.upper(),
        f"{ISSUANCE.upper()}_1-100",
        f"LOT 7 {ISSUANCE.upper()}",
        GSRN,
        "SN-1-100",
        "90001-1-250-VCS-VCU-901-VER-KE-14-9001-01012020-31122020-1",
        "ACR-US-901-2019-9001-120000095 TO 120000156",
        "CDC_901_1_1_321_14_1_2009/4426-4971",
    ],
)
def test_a_text_of_ones_own_or_of_another_registry_is_not_found(text: str) -> None:
    assert not finds(text)
    assert parse(text) is None


@given(
    st.text()
    | st.text(alphabet="0129ABCDEFOPRU_+-")
    | st.lists(
        st.sampled_from(
            [*"0179-_+", "PURO_PR_", "CORC", "_NA", "_990001", "_2025_", ISSUANCE.upper(), GSRN]
        )
    ).map("".join)
)
@example("\ud800")
@example("\0")
def test_any_text_has_an_answer_and_whatever_is_read_is_found(text: str) -> None:
    serial = parse(text)
    assert (stated(text) is None) == (serial is None)
    if serial is None:
        assert finds(text) in (True, False)
    else:
        assert canonical_serial(serial.text) == text
        assert finds(text)
