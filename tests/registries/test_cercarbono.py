"""Cercarbono's grammar: a text with a range behind it is read, one without is opaque."""

import ast
import re
from collections import Counter

import pytest
from hypothesis import given

from drawn_serials import TEXTS, Made, cercarbono_serials
from offset.core.canonical import canonical_serial
from offset.core.serials import BY_SERIAL, WITHOUT_SERIALS
from offset.registries.cercarbono import (
    facts_of_issuance,
    finds,
    is_spelled_in,
    names_of_issuance,
    parse,
    stated,
)
from offset.registries.stated import same_project
from real_exports import real_exports
from serial_texts import overlaps, rows

WHOLE, YEAR, *_ = TEXTS["cercarbono"]


@given(cercarbono_serials())
def test_without_its_range_a_serial_is_opaque_and_still_says_what_it_says(made: Made) -> None:
    text, _, says = made
    alone = text.partition("/")[0]
    assert parse(alone) is None
    assert not finds(alone)
    assert stated(alone) == says


@pytest.mark.parametrize("text", TEXTS["cercarbono"])
def test_a_note_behind_a_serial_without_its_range_is_no_range(text: str) -> None:
    alone = text.partition("/")[0]
    assert not finds(alone)
    assert not finds(f"{alone} (COPY)")


@pytest.mark.parametrize(
    "text",
    [
        YEAR.replace("CDC_901", "IC_901"),
        YEAR.replace("CDC_901", "CDC_R_901"),
        YEAR.replace("_321_", "_322_"),
        YEAR.replace("_14_", "_1_"),
        YEAR.replace("_1_2009", "_CO_1_1_2009"),
    ],
)
def test_what_adds_nothing_to_an_issuance_is_no_part_of_the_claim(text: str) -> None:
    serial, other = parse(YEAR), parse(text)
    assert serial is not None
    assert other is not None
    assert serial.series == other.series == "CDC_901_1_2009/"
    assert serial.text != other.text
    assert serial.facts == other.facts


@pytest.mark.parametrize(
    "text",
    [
        YEAR.replace("901", "902"),
        YEAR.replace("_1_2009", "_2_2009"),
        YEAR.replace("_2009", "_2008"),
        YEAR.replace("_2009", ""),
        YEAR.replace("_2009", "_2009_BF"),
        YEAR.replace("_2009", "_BFC_2009"),
        YEAR.replace("_14_1_", "_14_R1_XX_1_"),
    ],
)
def test_another_issuance_has_numbers_of_its_own(text: str) -> None:
    serial, other = parse(YEAR), parse(text)
    assert serial is not None
    assert other is not None
    assert not {claim[:2] for claim in serial.claims} & {claim[:2] for claim in other.claims}


def test_either_all_texts_of_a_verifications_year_have_a_methodology_or_none() -> None:
    facts = [
        serial.facts[1]
        for methodology in ("_14_", "_14_R1_XX_", "_14_R4_2X_")
        if (serial := parse(YEAR.replace("_14_", methodology)))
    ]
    assert {fact.subject for fact in facts} == {"methodology of CDC_901_1_2009"}
    assert [fact.value for fact in facts] == ["without", "with", "with"]


@pytest.mark.parametrize("alone", ["CDC_901_1_1_321_14_1_2009", "IC-901 2-11_322_1_CO_1_1-2009"])
def test_a_text_without_a_range_names_all_of_the_issuance(alone: str) -> None:
    serial = parse(YEAR)
    assert serial is not None
    assert names_of_issuance(alone)[1] == serial.series.removesuffix("/")
    whole, methodology = facts_of_issuance(alone)
    ranged = serial.facts[0]
    assert (whole.subject, whole.value, ranged.value) == (
        ranged.subject,
        WITHOUT_SERIALS,
        BY_SERIAL,
    )
    assert methodology == serial.facts[1]


@pytest.mark.parametrize("text", [YEAR, "CDC-LOT-7", "CDC_0901_1_1_321_14_1_2009", ""])
def test_no_other_text_names_an_issuance(text: str) -> None:
    assert names_of_issuance(text) == ()
    assert facts_of_issuance(text) == ()


@pytest.mark.parametrize("text", TEXTS["cercarbono"])
def test_a_serial_is_known_in_any_spelling(text: str) -> None:
    assert is_spelled_in(text)
    assert is_spelled_in(text.replace("_", "-").replace("/", ", "))
    assert is_spelled_in(re.sub("[_/-]", "", text))
    assert is_spelled_in(text.replace("0", "O").replace("1", "L"))


def test_number_0_is_read() -> None:
    serial = parse(WHOLE)
    assert serial is not None
    assert (serial.first, serial.last, serial.count) == (0, 9515, 9516)
    assert serial.part(0, 0).text == "CDC_901_1_1_321_14_1/0-0"


@pytest.mark.parametrize(
    "text",
    [
        YEAR.replace("4426", "00"),
        YEAR.replace("901", "0901"),
        YEAR.replace("_14", ""),
        YEAR.replace("2009", "1899"),
        YEAR.replace("2009", "2009_BFC"),
        YEAR.replace("-4971", ""),
        YEAR.replace("_", "-"),
        YEAR.replace("_", " "),
        YEAR[4:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
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
    assert len({names_of_issuance(text)[1] for text in texts}) == 890
    assert {names_of_issuance(text)[0] for text in texts} == texts
    methodologies = {fact for text in texts for fact in facts_of_issuance(text)[1:]}
    assert len({fact.subject for fact in methodologies}) == len(methodologies)
    issued = {row["serial"] for row in rows(real_exports() / FOLDER / "issuances.csv")}
    assert len(issued) == 100
    assert issued <= texts
