"""Gold Standard's grammar: what it reads, what it refuses, and that nothing hides a serial."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offset.core.canonical import canonical_serial
from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.gold_standard import finds, parse, stated
from offset.registries.stated import Stated
from real_exports import real_exports

NATIVE = "GS1-1-KE-GS99001-16-2025-90001-101-350"
OLD = "GS1-1-KH-990-4-2012-302-7-7"
CERS = "RW-5-900001-2-2-0-99207 - RW-5-900250-2-2-0-99207"

numbers = st.integers(1, 2_000_000) | st.integers(1, LARGEST_NUMBER)


@st.composite
def serials(draw: st.DrawFn) -> tuple[str, Serial, Stated]:
    """Write a serial number from its parts, with what has to be read from it."""
    first, last = sorted((draw(numbers), draw(numbers)))
    country = draw(st.from_regex(r"[A-Z]{2}", fullmatch=True))
    project = str(draw(st.integers(100, 9_999_999)))
    vintage = draw(st.integers(1900, 2199))
    batch = draw(st.integers(1, 999_999_999))
    prefix, kind = draw(st.sampled_from(["GS", ""])), draw(st.integers(1, 99))
    serial = Serial(
        registry="gold-standard",
        series=f"GS1-{batch}",
        first=first,
        last=last,
        unit="VER",
        head=f"GS1-1-{country}-{prefix}{project}-{kind}-{vintage}-{batch}-",
        infix="-",
    )
    says = Stated(project=project, country=country, vintage=vintage, period=None)
    return f"{serial.head}{first}-{last}", serial, says


def one_edit_away(text: str) -> Iterator[str]:
    """Delete, insert and replace one character, everywhere."""
    for at in range(len(text) + 1):
        for stray in ("", *"0179AGKSX- ,./_\n\0\u0421\u0661\u2212"):
            yield text[:at] + stray + text[at:]
            yield text[:at] + stray + text[at + 1 :]


@given(serials())
def test_every_serial_is_read_whole_and_its_text_is_its_own(
    made: tuple[str, Serial, Stated],
) -> None:
    text, serial, says = made
    assert parse(text) == serial
    assert serial.text == text
    assert stated(text) == says
    assert finds(text)


@given(serials(), st.data())
def test_every_part_of_a_serial_is_read_as_that_part(
    made: tuple[str, Serial, Stated], data: st.DataObject
) -> None:
    _, serial, says = made
    first, last = sorted(
        data.draw(st.tuples(*[st.integers(serial.first, serial.last)] * 2), label="range")
    )
    part = serial.part(first, last)
    assert parse(part.text) == part
    assert stated(part.text) == says


@given(serials(), st.data())
def test_no_stray_character_hides_any_serial(
    made: tuple[str, Serial, Stated], data: st.DataObject
) -> None:
    text = made[0]
    at = data.draw(st.integers(0, len(text)), label="place")
    stray = data.draw(st.sampled_from("09AGHSZ- /\n\u0421") | st.just(""), label="stray")
    rest = data.draw(st.sampled_from([text[at:], text[at + 1 :]]), label="rest")
    near = canonical_serial(text[:at] + stray + rest)
    assert parse(near) is not None or finds(near)


@pytest.mark.parametrize("text", [NATIVE, OLD, CERS])
def test_no_stray_character_hides_a_serial(text: str) -> None:
    hidden = [near for near in one_edit_away(text) if parse(near) is None and not finds(near)]
    assert hidden == []


def test_the_batch_is_the_series_whatever_stands_before_it() -> None:
    serial = parse(NATIVE)
    assert serial is not None
    assert (serial.series, serial.unit, serial.count) == ("GS1-90001", "VER", 250)
    for other in (
        NATIVE.replace("GS99001", "99001"),
        NATIVE.replace("KE-GS99001-16", "UG-GS777-3"),
    ):
        elsewhere = parse(other)
        assert elsewhere is not None
        assert (elsewhere.series, elsewhere.first, elsewhere.last) == ("GS1-90001", 101, 350)


def test_cers_are_read_in_the_same_column_and_counted_apart() -> None:
    serial = parse(CERS)
    assert serial is not None
    assert (serial.registry, serial.series, serial.unit) == ("gold-standard", "CDM-RW", "CER")
    assert finds(CERS)
    assert stated(CERS) == Stated(project=None, country="RW", vintage=None, period=None)


@pytest.mark.parametrize(
    "text",
    [
        NATIVE.replace("-101-", "-0101-"),  # one range, one text: no second spelling of it
        NATIVE.replace("-350", "-0350"),
        NATIVE.replace("90001", "090001"),
        NATIVE.replace("90001", "0"),
        NATIVE.replace("-101-", "-0-"),
        NATIVE.replace("-101-350", "-350-101"),
        NATIVE.replace("350", str(LARGEST_NUMBER + 1)),
        NATIVE.replace("350", "9" * 5000),
        NATIVE.replace("2025", "2225"),
        NATIVE.replace("2025", "25"),
        NATIVE.replace("-16-", "-016-"),
        NATIVE.replace("-16-", "-"),
        NATIVE.replace("99001", "99"),
        NATIVE.replace("99001", "099001"),
        NATIVE.replace("GS99001", "VCS99001"),
        NATIVE.replace("KE", "KEN"),
        NATIVE.replace("GS1-1", "GS1-2"),
        NATIVE.replace("GS1-1", "GS2-1"),
        NATIVE.replace("-101-350", " 101 TO 350"),
        NATIVE.replace("-", " - "),
        NATIVE.replace("-", "/"),
        NATIVE.removesuffix("-350"),
        NATIVE[9:],
        OLD[7:],
        f" {NATIVE}",
        f"{NATIVE}\n",
        f"{NATIVE}-1",
        f"LOT {NATIVE}, SOLD",
        f"{NATIVE} {NATIVE}",
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)


def test_the_largest_number_is_read() -> None:
    serial = parse(NATIVE.replace("350", str(LARGEST_NUMBER)))
    assert serial is not None
    assert serial.last == LARGEST_NUMBER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "GS",
        "GS1",
        "GS1-1",
        "GS-001",
        "GS-2020-001",
        "GS-2020-001-100",
        "GS1001",
        "GS1001-2019-1-100",
        "GS1001/2019/LOT 7",
        "GS1-1-100",
        "GOLD-STANDARD-GS1001-12-2019",
        "SN-1-100",
        "SN 1/7/2019-31/12/2020",
        "LOT 10/12/2019-15/12/2020",
        "VER-KE-14-9001",
        "16-2025-90001-1-50",
        "2020-12-31-1-100",
        "90001-5000001-5000250-VCS-VCU-901-VER-KE-14-9001-01012020-31122020-1",
        "90003-1-75-PWRP-WCC-9196-VER-TH-9003-01012021-31052021-RIGID,PET-EOL2,EOL6-0",
        "ACR-US-9999-2020-90001-1 TO 62",
        "CAR-1-US-9999-27-845-WA-2015-90001-1 TO 86",
        "CAR-ROC-US-9999-129-2283-WV-2025-90001-1 TO 86",
        "ACR-ISSUANCE:ACR9999/2005/2006-08-02/3081/1",
        "CDC_1_1_1_999_14_1_2009/4426-4971",
        "PURO_PR_CORC100+_US_999999_2026_82509F97-A54D-4745-86B3-A6DA7A4C9E6E_1-3001",
    ],
)
def test_a_text_of_ones_own_or_of_another_registry_is_not_found(text: str) -> None:
    assert not finds(text)
    assert parse(text) is None


@given(
    st.text()
    | st.text(alphabet="0123456789GSKEN- ")
    | st.lists(st.sampled_from([*"0179-", "GS1-1", "-KE", "-GS", "-2019", "-5-", "-2-2-0-"])).map(
        "".join
    )
)
@example("\ud800")
@example("\0")
def test_any_text_has_an_answer_and_whatever_is_read_is_found(text: str) -> None:
    serial = parse(text)
    assert (stated(text) is None) == (serial is None)
    if serial is None:
        assert finds(text) in (True, False)
    else:
        assert serial.text == text
        assert finds(text)


@pytest.mark.parametrize(
    "run", ["1", "1-", "A-1", "GS1-1-", "GS1-1", "A-100-1-2000-1", "RW-5-1", "RW-5-900001-2-2-"]
)
def test_a_long_text_takes_time_in_proportion_to_its_length(run: str) -> None:
    text = run * (300_000 // len(run))
    start = perf_counter()
    assert parse(text) is None
    assert finds(text) in (True, False)
    assert perf_counter() - start < 5  # seconds; some 0.1, or hours if it went by the square


def rows(path: str) -> list[dict[str, str]]:
    with (real_exports() / path).open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.DictReader(file) if row["Serial Number"].startswith("GS1-")]


BERKELEY = "berkeley-2021-12/GOLD_issuances.csv"
ISSUED = "carbonplan-2026-04/gold-standard/issuances.csv"
RETIRED = "carbonplan-2026-04/gold-standard/retirements.csv"


@pytest.mark.parametrize("path, count", [(BERKELEY, 6453), (ISSUED, 97), (RETIRED, 100)])
def test_the_real_rows_say_what_their_serials_say(path: str, count: int) -> None:
    exported = rows(path)
    assert len(exported) == count
    differing = []
    for row in exported:
        text = row["Serial Number"]
        serial, says = parse(text), stated(text)
        assert serial is not None
        assert says is not None
        assert serial.text == text
        assert (serial.unit, says.project) == ("VER", row["GSID"])
        assert says.vintage == int(row["Vintage"])
        if serial.count != int(row["Quantity"]):
            differing.append((row["GSID"], int(row["Quantity"]), serial.count))
    # Row 255 of the file, by its records.
    assert differing == ([("1064", 9039, 3150)] if path == BERKELEY else [])


def test_the_real_countries_are_those_of_the_column_but_for_three_rows() -> None:
    codes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for path in (BERKELEY, ISSUED, RETIRED):
        for row in rows(path):
            says = stated(row["Serial Number"])
            assert says is not None
            assert says.country is not None
            codes[row["Country"]][says.country] += 1
    several = {name: dict(counted) for name, counted in codes.items() if len(counted) > 1}
    assert several == {"Congo the Democratic Republic of the": {"CG": 3, "CD": 11}}


def test_a_real_batch_is_one_project_and_vintage_and_its_rows_do_not_overlap() -> None:
    batches: dict[str, set[tuple[str, str]]] = defaultdict(set)
    split = 0
    for path in (BERKELEY, ISSUED, RETIRED):
        claims = []
        for row in rows(path):
            serial = parse(row["Serial Number"])
            assert serial is not None
            batches[serial.series].add((row["GSID"], row["Vintage"]))
            claims.append((serial.series, serial.first, serial.last))
        claims.sort()
        together = [(one, other) for one, other in pairwise(claims) if one[0] == other[0]]
        assert [pair for pair in together if pair[1][1] <= pair[0][2]] == []
        split += len(together) if path != RETIRED else 0
    assert (len(batches), split) == (6591, 2)
    assert max(map(len, batches.values())) == 1
