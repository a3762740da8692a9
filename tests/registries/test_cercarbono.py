"""Cercarbono's grammar: a text with a range behind it is read, one without is opaque."""

import ast
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offset.core.canonical import canonical_serial
from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.cercarbono import finds, parse, stated
from offset.registries.stated import Stated, same_project
from real_exports import real_exports
from serial_texts import one_edit_away, overlaps, rows

WHOLE = "CDC_901_1_1_321_14_1/0-9515"
YEAR = "CDC_901_1_1_321_14_1_2009/4426-4971"
COUNTRY = "CDC_907_3_1_323_14_CO_1_2_2020/13430-28892"
METHOD = "CDC_R_922_2_11_322_14_R4_2X_CO_1_2_BFC_2015/7-7"
OLDER = "IC_915_1_1_321_14_CO_1_1_2008_BF/1-71"
SERIALS = [WHOLE, YEAR, COUNTRY, METHOD, OLDER]

numbers = st.integers(0, 2_000_000_000) | st.integers(0, LARGEST_NUMBER)


@st.composite
def serials(draw: st.DrawFn) -> tuple[str, Serial, Stated]:
    """Write a serial number from its parts, with what has to be read from it."""
    first, last = sorted((draw(numbers), draw(numbers)))
    project = draw(st.integers(1, 99_999))
    country = draw(st.none() | st.just("CO") | st.just("MX"))
    vintage = draw(st.none() | st.integers(1900, 2199))
    text = f"{draw(st.sampled_from(['CDC', 'CDC_R', 'IC']))}_{project}"
    text += draw(st.from_regex(r"_[0-9]{1,2}_[0-9]{1,2}_[0-9]{2,3}_[0-9]{1,2}", fullmatch=True))
    text += draw(st.sampled_from(["", "_R1_XX", "_R4_2B", "_XX_XX"]))
    text += "_1" if country is None else f"_{country}_1_2"
    if vintage is None:
        text += draw(st.sampled_from(["", "_BF"]))
    else:
        text += draw(st.sampled_from(["_{}", "_{}_BF", "_BFC_{}", "_BFI_{}"])).format(vintage)
    serial = Serial(
        registry="cercarbono",
        series=f"{text}/",
        first=first,
        last=last,
        unit="Carboncer",
        head=f"{text}/",
        infix="-",
    )
    says = Stated(project=str(project), country=country, vintage=vintage, period=None)
    return f"{text}/{first}-{last}", serial, says


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
    ends = data.draw(st.tuples(*[st.integers(serial.first, serial.last)] * 2), label="range")
    part = serial.part(min(ends), max(ends))
    assert parse(part.text) == part
    assert stated(part.text) == says


@given(serials())
def test_without_its_range_a_serial_is_opaque_and_still_says_what_it_says(
    made: tuple[str, Serial, Stated],
) -> None:
    text, _, says = made
    alone = text.partition("/")[0]
    assert parse(alone) is None
    assert not finds(alone)
    assert stated(alone) == says


@given(serials())
def test_no_opaque_serial_can_stand_in_the_series_of_one_that_is_read(
    made: tuple[str, Serial, Stated],
) -> None:
    _, serial, _ = made
    assert finds(serial.series)
    assert parse(serial.series) is None


def test_number_0_is_read() -> None:
    serial = parse(WHOLE)
    assert serial is not None
    assert (serial.first, serial.last, serial.count) == (0, 9515, 9516)
    assert serial.part(0, 0).text == "CDC_901_1_1_321_14_1/0-0"


@pytest.mark.parametrize(
    "text",
    [
        YEAR.replace("4426", "04426"),  # one range, one text: no second spelling of it
        YEAR.replace("4426", "00"),
        YEAR.replace("4426", "4972"),
        YEAR.replace("4971", str(LARGEST_NUMBER + 1)),
        YEAR.replace("4971", "9" * 5000),
        YEAR.replace("901", "0901"),
        YEAR.replace("_14", ""),
        YEAR.replace("2009", "1899"),
        YEAR.replace("2009", "2009_BFC"),
        YEAR.replace("-4971", ""),
        YEAR.replace("/", " "),
        YEAR.replace("/", "//"),
        YEAR.replace("_", "-"),
        YEAR.replace("_", " "),
        YEAR.replace("/", " / "),
        f" {YEAR}",
        f"{YEAR} ",
        f"{YEAR}\n",
        f"{YEAR} {YEAR}",
        f"LOT {YEAR}, SOLD",
        YEAR[4:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)


def test_the_largest_number_is_read() -> None:
    serial = parse(YEAR.replace("4971", str(LARGEST_NUMBER)))
    assert serial is not None
    assert serial.last == LARGEST_NUMBER


@pytest.mark.parametrize("text", SERIALS)
def test_no_stray_character_hides_a_serial(text: str) -> None:
    assert parse(text) is not None
    hidden = [near for near in one_edit_away(text) if parse(near) is None and not finds(near)]
    assert hidden == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "CDC",
        "CDC-1",
        "CDC_1",
        "CDC_1/2",
        "CDC_2020_LOT 7",
        "IC_7/1-100",
        "LOT_7/1-100",
        "LOT_100_7_A/3-5",
        "2020_01_01/2020_12_31",
        "SN-1-100",
        *[text.partition("/")[0] for text in SERIALS],
        f"{YEAR.partition('/')[0]} (COPY)",
        "90001-1-250-VCS-VCU-901-VER-KE-14-9001-01012020-31122020-1",
        "GS1-1-KE-GS99001-16-2025-90001-1-50",
        "ACR-US-901-2019-9001-120000095 TO 120000156",
        "ACR-ISSUANCE:ACR901/2005/2006-08-02/3081/1",
        "PURO_PR_CORC100+_NA_990001_2025_0F0E0D0C-1B2A-4394-8586-A7B8C9D0E1F2_775-784",
        "PURO_PR_CORC_100_NA_990001_2025_0F0E0D0C-1B2A-4394-8586-A7B8C9D0E1F2_775-784",
    ],
)
def test_a_text_of_ones_own_or_of_another_registry_is_not_found(text: str) -> None:
    assert not finds(text)
    assert parse(text) is None


@given(
    st.text()
    | st.text(alphabet="0129CDRBFOX_/-")
    | st.lists(
        st.sampled_from([*"0179-_/", "CDC_", "IC_", "_321_14", "_CO_1_2", "_2009", "_BFC"])
    ).map("".join)
)
@example("\ud800")
@example("\0")
def test_any_text_has_an_answer_and_whatever_is_read_is_found(text: str) -> None:
    serial = parse(text)
    if serial is None:
        assert finds(text) in (True, False)
    else:
        assert serial.text == text
        assert stated(text) is not None
        assert finds(text)


FOLDER = "carbonplan-2026-04/cercarbono"


def test_the_100_real_retirements_agree_with_their_serials_and_none_overlap() -> None:
    read = []
    from_zero: Counter[bool] = Counter()
    for row in rows(real_exports() / FOLDER / "retirements.csv"):
        text = f"{row['serial']}/{row['from']}-{row['to']}"
        serial, says = parse(canonical_serial(text)), stated(canonical_serial(text))
        assert serial is not None
        assert says is not None
        assert serial.text == text
        assert serial.count == int(row["quantity"])
        assert says.project is not None
        assert same_project("cercarbono", says.project, row["project_id"])
        assert says.vintage in (int(row["vintage"]), None)
        from_zero[says.vintage is None] += serial.first == 0
        read.append(serial)
    assert len(read) == 100
    assert len({serial.series for serial in read}) == 22
    assert from_zero == {True: 5, False: 0}  # only where the text has no year
    assert overlaps(read) == []


def test_the_890_real_texts_of_50_projects_agree_with_their_columns_and_are_opaque() -> None:
    texts = set()
    for project in rows(real_exports() / FOLDER / "projects.csv"):
        for issuance in ast.literal_eval(project["serials"] or "[]"):
            text = issuance["serial"]
            says = stated(text)
            assert says is not None
            assert says.project is not None
            assert same_project("cercarbono", says.project, project["code"])
            assert says.vintage in (issuance["year"], None)
            assert parse(text) is None
            assert not finds(text)
            assert parse(f"{text}/1-{issuance['issued_quantity'] or 1}") is not None
            texts.add(text)
    assert len(texts) == 890
    issued = {row["serial"] for row in rows(real_exports() / FOLDER / "issuances.csv")}
    assert len(issued) == 100
    assert issued <= texts
