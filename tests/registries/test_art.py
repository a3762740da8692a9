"""The ART registry's grammar: ART's own credits and the FCPF's, in ACR's form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.core.canonical import canonical_serial
from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries import acr
from offset.registries.art import finds, parse, stated
from offset.registries.stated import Stated, same_project
from real_exports import real_exports
from serial_texts import one_edit_away, overlaps, rows

TREES = "ART-GY-902-2021-9011-2700001 TO 2701000"
FCPF = "FCPF-CI-930-2023-9020-1 TO 46000"

numbers = st.integers(1, 2_000_000_000) | st.integers(1, LARGEST_NUMBER)


@st.composite
def serials(draw: st.DrawFn) -> tuple[str, Serial, Stated]:
    """Write a serial number from its parts, with what has to be read from it."""
    first, last = sorted((draw(numbers), draw(numbers)))
    program, unit = draw(st.sampled_from([("ART", "TREES"), ("FCPF", "FCPF")]))
    country = draw(st.from_regex(r"[A-Z]{2}", fullmatch=True))
    project, batch = draw(st.integers(1, 9_999)), draw(st.integers(1, 999_999))
    vintage = draw(st.integers(1900, 2199))
    serial = Serial(
        registry="art",
        series=f"{program}-{project}-{vintage}-{batch}",
        first=first,
        last=last,
        unit=unit,
        head=f"{program}-{country}-{project}-{vintage}-{batch}-",
        infix=" to ",
    )
    says = Stated(project=str(project), country=country, vintage=vintage, period=None)
    return f"{serial.head}{first} to {last}", serial, says


@given(serials(), st.data())
def test_every_serial_and_every_part_of_it_is_read_and_written_as_it_was(
    made: tuple[str, Serial, Stated], data: st.DataObject
) -> None:
    text, serial, says = made
    assert parse(canonical_serial(text)) == serial
    assert serial.text == text
    assert stated(canonical_serial(text)) == says
    assert finds(canonical_serial(text))
    ends = data.draw(st.tuples(*[st.integers(serial.first, serial.last)] * 2), label="range")
    part = serial.part(min(ends), max(ends))
    assert parse(canonical_serial(part.text)) == part


def test_the_two_programs_are_counted_apart() -> None:
    own, banks = parse(TREES), parse(TREES.replace("ART", "FCPF"))
    assert own is not None
    assert banks is not None
    assert (own.series, own.unit) == ("ART-902-2021-9011", "TREES")
    assert (banks.series, banks.unit) == ("FCPF-902-2021-9011", "FCPF")


def test_acr_and_art_read_only_their_own_programs() -> None:
    assert acr.parse(TREES) is None
    assert acr.parse(FCPF) is None
    assert parse(TREES.replace("ART", "ACR")) is None
    assert acr.parse(TREES.replace("ART", "ACR")) is not None


@pytest.mark.parametrize(
    "text",
    [
        TREES.replace("2700001", "2701001"),
        TREES.replace("2700001", "02700001"),
        TREES.replace("2701000", str(LARGEST_NUMBER + 1)),
        TREES.replace("902", "0902"),
        TREES.replace(" TO ", "-"),
        TREES.replace("-", " "),
        f"{FCPF} {FCPF}",
        f"LOT {FCPF}, SOLD",
        FCPF[:21],
        FCPF[8:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)


@pytest.mark.parametrize("text", [TREES, FCPF])
def test_no_stray_character_hides_a_serial(text: str) -> None:
    assert parse(text) is not None
    hidden = [near for near in one_edit_away(text) if parse(near) is None and not finds(near)]
    assert hidden == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ART",
        "ART-GY-902",
        "ART 2021 TO 2022",
        "ART-2021-7-100",
        "FCPF-CI-930",
        "PART-US-902-LOT 1 TO 100",
        "ART-ISSUANCE:ART902/2021/2022-08-02/3081/1",
        "CAR-1-US-9999-27-845-WA-2015-9001-1 TO 86",
    ],
)
def test_a_text_of_ones_own_or_of_another_registry_is_not_found(text: str) -> None:
    assert not finds(text)
    assert parse(text) is None


@given(
    st.text()
    | st.lists(st.sampled_from([*"0179-", "ART-", "FCPF-", "GY-", "2019-", " TO "])).map("".join)
)
def test_any_text_has_an_answer_and_whatever_is_read_is_found(text: str) -> None:
    serial = parse(text)
    assert (stated(text) is None) == (serial is None)
    if serial is None:
        assert finds(text) in (True, False)
    else:
        assert canonical_serial(serial.text) == text
        assert finds(text)


# As the registry names them; the exports have no codes.
COUNTRY_CODES = {"COTE D'IVOIRE": "CI", "COSTA RICA": "CR", "GUYANA": "GY"}


def test_the_11_real_rows_agree_with_their_serials_and_none_overlap() -> None:
    read = []
    for name in ("retirements.csv", "cancellations.csv"):
        for row in rows(real_exports() / "carbonplan-2026-04" / "art-trees" / name):
            text = row["Credit Serial Numbers"]
            serial, says = parse(canonical_serial(text)), stated(canonical_serial(text))
            assert serial is not None
            assert says is not None
            assert serial.text == text
            assert serial.count == int(row["Quantity of Credits"])
            assert says.project is not None
            assert same_project("art", says.project, row["Program ID"])
            assert says.vintage == int(row["Vintage"])
            assert says.country == COUNTRY_CODES[row["Program  Country"]]
            read.append(serial)
    assert len(read) == 11
    assert [serial.unit for serial in read].count("FCPF") == 5
    assert overlaps(read) == []
