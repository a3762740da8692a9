"""What every grammar has to do: read, write, refuse and find.

What one of them alone does stands in its own module.
"""

from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_serials import GRAMMARS, PURO_GSRN, PURO_ISSUANCE, Grammar
from offset.core.canonical import canonical_serial
from offset.core.errors import RegistryMismatch, SerialMalformed
from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries import REGISTRIES, find_serial, opaque_keys, read_serial
from serial_texts import STRAYS, one_edit_away

grammars = pytest.mark.parametrize("name", GRAMMARS)
each_text = pytest.mark.parametrize(
    "name, text", [(name, text) for name, grammar in GRAMMARS.items() for text in grammar.texts]
)

# ART writes its serial numbers as ACR does, and CERs stand in Gold Standard's column.
ALIKE = {("acr", "art"), ("art", "acr"), ("cdm", "gold-standard"), ("ucr", "verra")}

# What an owner may call credits of its own, beside words that serial numbers are made of.
OWN = [
    *("", "-", "_", "/", "1-100", "1 TO 100", "SN-1-100", "SN-1 TO 100", "900001 - 900250"),
    *("SN-5-100", "SN-5-2020-1-01", "SN-5-2020-2-2-01", "SN-2020-1-1-0-7", "SN-20200101-1-01"),
    *("SN 1/7/2019-31/12/2020", "LOT 10/12/2019-15/12/2020", "LOT 17, 2020-01-01 TO 2020-12-31"),
    *("2020-12-31-1-100", "2020-7-1 TO 100", "2020_01_01/2020_12_31", "LOT-5-900001-2-2"),
    *("SN-5-2020-1-0-7", "GS100-1-2000-1-1"),
    *("VCU", "VCS-VCU", "VCU-2020-001", "VCU-2020-001-100", "VCS-001", "VCS-1764-2019"),
    *("2020-100-VCU", "LOT7-100-VCU-A", "2020-7-100-VCUBE", "VER-KE-14-9001", "WRC-2020-1-90"),
    "VERRA/2021/LOT 17",
    *("GS", "GS1", "GS1-1", "GS-001", "GS-2020-001", "GS-2020-001-100", "GS1001"),
    *("GS1001-2019-1-100", "GS1001/2019/LOT 7", "GS1-1-100", "GOLD-STANDARD-GS1001-12-2019"),
    "16-2025-90001-1-50",
    *("ACR", "ACR901", "ACR-US", "ACR-US-901", "ACR-2020-001", "ACR-US-2020-LOT 7"),
    *("ACR 2020 TO 2021", "ACR-US 2020-01-01 TO 2020-12-31"),
    *("ACR-ISSUANCE:ACR901/2019/2020-08-02/3081/1", "ACR-ISSUANCE:ACR9999/2005/2006-08-02/3081/1"),
    *("ART", "ART-GY-902", "ART 2021 TO 2022", "ART-2021-7-100", "FCPF-CI-930"),
    *("PART-US-902-LOT 1 TO 100", "ART-ISSUANCE:ART902/2021/2022-08-02/3081/1"),
    *("CAR", "CAR9008", "CAR-1", "CAR-1-US", "CAR-1-US-9008", "CAR-2020-001", "CAR-7-100 TO 200"),
    *("CAR 2020 TO 2021", "CAR US-2020-01-01 TO 2020-12-31"),
    "CAR-ISSUANCE:CAR9008/2015/2016-08-02/3081/1",
    *("CDC", "CDC-1", "CDC_1", "CDC_1/2", "CDC_2020_LOT 7", "IC_7/1-100", "LOT_7/1-100"),
    "LOT_100_7_A/3-5",
    *("PURO", "PURO_PR", "CORC100+", "CORC100+ 2025 LOT 7", "PURO 990001 2025 1-100"),
    *(PURO_GSRN, PURO_ISSUANCE.upper(), f"{PURO_ISSUANCE.upper()}_1-100"),
    f"LOT 7 {PURO_ISSUANCE.upper()}",
]


def read(grammar: Grammar, text: str) -> Serial:
    serial = grammar.parse(text)
    assert serial is not None
    return serial


def test_every_registry_has_its_grammar_tested_and_cers_have_theirs() -> None:
    assert sorted(GRAMMARS) == sorted(REGISTRIES)


@grammars
@given(data=st.data())
def test_every_serial_is_read_whole_and_written_in_the_registrys_words(
    name: str, data: st.DataObject
) -> None:
    grammar = GRAMMARS[name]
    text, serial, says = data.draw(grammar.serials)
    canonical = canonical_serial(text)
    assert grammar.parse(canonical) == serial
    assert serial.text == text
    assert grammar.stated(canonical) == says
    assert grammar.finds(canonical)
    readers = {code for code, one in REGISTRIES.items() if one.parse(canonical)}
    assert readers - {"gold-standard"} == {serial.registry} - {"gold-standard"}
    found = find_serial(canonical)
    assert found is not None
    assert replace(found, facts=serial.facts) == serial
    assert read_serial(serial.registry, canonical) == found
    with pytest.raises(RegistryMismatch):
        read_serial("acme", canonical)


@grammars
@given(data=st.data())
def test_every_part_of_a_serial_is_read_as_that_part(name: str, data: st.DataObject) -> None:
    grammar = GRAMMARS[name]
    _, serial, says = data.draw(grammar.serials)
    ends = data.draw(st.tuples(*[st.integers(serial.first, serial.last)] * 2), label="range")
    part = serial.part(min(ends), max(ends))
    canonical = canonical_serial(part.text)
    read_part = read(grammar, canonical)
    # Numbers that fill the width do not tell whether zeros were left out.
    assert replace(read_part, width=part.width) == part
    assert read_part.text == part.text
    assert part.count == abs(ends[1] - ends[0]) + 1
    assert grammar.stated(canonical) == says


@grammars
@given(data=st.data())
def test_no_opaque_serial_can_stand_in_the_series_of_one_that_is_read(
    name: str, data: st.DataObject
) -> None:
    grammar = GRAMMARS[name]
    _, serial, _ = data.draw(grammar.serials)
    # An opaque serial is number 0 of what it claims.
    opaque = opaque_keys(serial.registry, canonical_serial(serial.series))
    assert serial.first > 0 or not {claim[:2] for claim in opaque} & {serial.key[:2]}


def with_numbers(serial: Serial, first: str, last: str) -> str:
    return canonical_serial(f"{serial.head}{first}{serial.infix}{last}{serial.tail}")


def spoilt(grammar: Grammar, text: str) -> Iterator[str]:
    """Spoil a serial number in the ways in which each can be."""
    serial = read(grammar, text)
    first, last = (str(number).zfill(serial.width) for number in (serial.first, serial.last))
    if serial.width == 1 or len(first) == len(last):
        yield with_numbers(serial, f"0{first}", last)  # one range, one text
        yield with_numbers(serial, first, f"0{last}")
    yield with_numbers(serial, str(serial.last + 1).zfill(serial.width), last)
    yield with_numbers(serial, first, str(LARGEST_NUMBER + 1))
    yield with_numbers(serial, first, "9" * 19)
    yield with_numbers(serial, first, "9" * 5000)
    if grammar.lowest > 0:
        yield with_numbers(serial, "0".zfill(serial.width), last)
        yield with_numbers(serial, "0".zfill(serial.width), "0".zfill(serial.width))
    yield from (f" {text}", f"{text} ", f"{text}\n", f"{text}.", f"{text}-1", f"X{text}")
    yield from (f"{text} {text}", f"{text}-{text}", f"LOT {text}, SOLD")
    for separator, others in (("-", (" ", "/", " - ", "--")), ("/", (" ", "//", " / "))):
        if separator in text:
            yield from (text.replace(separator, other) for other in others)


@each_text
def test_a_spoilt_serial_is_not_read_but_found_and_refused(name: str, text: str) -> None:
    grammar = GRAMMARS[name]
    for near in spoilt(grammar, text):
        assert (near, grammar.parse(near)) == (near, None)
        assert (near, grammar.stated(near)) == (near, None)
        assert (near, grammar.finds(near)) == (near, True)
        with pytest.raises(SerialMalformed):
            read_serial(read(grammar, text).registry, near)


@each_text
def test_the_largest_number_is_read(name: str, text: str) -> None:
    grammar = GRAMMARS[name]
    serial = read(grammar, text)
    largest = LARGEST_NUMBER if serial.width == 1 else 10**serial.width - 1
    whole = replace(serial, last=largest)
    assert grammar.parse(canonical_serial(whole.text)) == whole
    assert whole.part(largest, largest).last == largest


@each_text
def test_no_stray_character_hides_a_serial(name: str, text: str) -> None:
    grammar = GRAMMARS[name]
    read(grammar, text)
    near = one_edit_away(text)
    assert [one for one in near if grammar.parse(one) is None and not grammar.finds(one)] == []


@grammars
@given(data=st.data())
def test_no_stray_character_hides_any_serial(name: str, data: st.DataObject) -> None:
    grammar = GRAMMARS[name]
    text = canonical_serial(data.draw(grammar.serials)[0])
    at = data.draw(st.integers(0, len(text)), label="place")
    stray = data.draw(st.sampled_from(STRAYS), label="stray")
    rest = data.draw(st.sampled_from([text[at:], text[at + 1 :]]), label="rest")
    near = canonical_serial(text[:at] + stray + rest)
    assert grammar.parse(near) is not None or grammar.finds(near)


@each_text
def test_no_other_grammar_reads_a_serial_and_none_finds_it_but_where_two_are_alike(
    name: str, text: str
) -> None:
    others = {other: grammar for other, grammar in GRAMMARS.items() if other != name}
    assert {(name, other) for other, one in others.items() if one.finds(text)} <= ALIKE
    reading = {(name, other) for other, one in others.items() if one.parse(text)}
    assert reading <= {("cdm", "gold-standard")}


@pytest.mark.parametrize("text", OWN)
def test_a_text_of_ones_own_is_found_by_no_grammar_and_opaque(text: str) -> None:
    assert [name for name, one in GRAMMARS.items() if one.finds(text) or one.parse(text)] == []
    for registry in (*REGISTRIES, "acme"):
        if registry == "puro" and PURO_ISSUANCE.upper() in text:
            continue  # there a UUID is an issuance's: see test_registries
        serial = read_serial(registry, text)
        keys = opaque_keys(registry, text)
        opaque = Serial.opaque(registry=registry, text=text, keys=keys, facts=serial.facts)
        assert serial == opaque
        key = "ACME" if registry == "acme" else registry
        ends = {(claim.registry, claim.first, claim.last) for claim in serial.claims}
        assert ends == {(key, 0, 0)}


@grammars
@given(data=st.data())
def test_any_text_has_an_answer_and_whatever_is_read_is_found(
    name: str, data: st.DataObject
) -> None:
    grammar = GRAMMARS[name]
    letters = sorted(set("0129-_/, +").union(*grammar.texts))
    word = st.sampled_from([*"0179-", *grammar.words])
    texts = st.text() | st.text(alphabet=letters) | st.lists(word).map("".join)
    assert_answered(grammar, data.draw(texts))


def assert_answered(grammar: Grammar, text: str) -> None:
    serial, says = grammar.parse(text), grammar.stated(text)
    if serial is None:
        assert grammar.finds(text) in (True, False)
        assert says is None or grammar.bare
    else:
        assert says is not None
        assert canonical_serial(serial.text) == text
        assert grammar.finds(text)


@grammars
def test_a_null_and_half_a_character_have_an_answer(name: str) -> None:
    for text in ("\0", "\ud800"):
        assert_answered(GRAMMARS[name], text)


def long_runs(grammar: Grammar) -> Iterator[str]:
    """Texts that begin like serial numbers again and again, or once and never end."""
    for text in grammar.texts:
        yield from (text, f"{text} ", *(text[: len(text) // part] for part in (2, 3, 4, 8)))
    yield from ("0", "1", "1-", "A-", " ", "-", "_", "A-100-1-2000-1", *grammar.words)


@grammars
def test_a_long_text_takes_time_in_proportion_to_its_length(name: str) -> None:
    grammar = GRAMMARS[name]
    for run in long_runs(grammar):
        text = run * (100_000 // len(run))
        start = perf_counter()
        assert grammar.parse(text) is None
        assert grammar.finds(text) in (True, False)
        # Seconds; some 0.02, or many minutes if it went by the square.
        assert (run, perf_counter() - start < 2) == (run, True)
