"""The Reserve's grammar: what it reads, what it refuses, and which text is the same credits."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offset.core.canonical import canonical_serial
from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.car import finds, parse, stated
from offset.registries.stated import Stated, same_project
from real_exports import real_exports
from serial_texts import one_edit_away, overlaps, rows

TONNE = "CAR-1-US-9008-27-945-WA-2015-9010-1 TO 8600"
COMPLIANCE = "CAR-ROC-US-9056-129-9283-WV-2025-9969-60000 TO 60294"
NUMBER_LIKE_A_YEAR = "CAR-1-MX-2012-42-2013-EM-2018-2010-2000 TO 2000"

numbers = st.integers(1, 2_000_000_000) | st.integers(1, LARGEST_NUMBER)


@st.composite
def serials(draw: st.DrawFn) -> tuple[str, Serial, Stated]:
    """Write a serial number from its parts, with what has to be read from it."""
    first, last = sorted((draw(numbers), draw(numbers)))
    kind, unit = draw(st.sampled_from([("1", "CRT"), ("ROC", "ROC")]))
    country, state = (draw(st.from_regex(r"[A-Z]{2}", fullmatch=True)) for _ in "ab")
    project, batch = draw(st.integers(1, 99_999)), draw(st.integers(1, 999_999))
    protocol, developer = draw(st.integers(1, 999)), draw(st.integers(1, 99_999))
    vintage = draw(st.integers(1900, 2199))
    serial = Serial(
        registry="car",
        series=str(batch),
        first=first,
        last=last,
        unit=unit,
        head=f"CAR-{kind}-{country}-{project}-{protocol}-{developer}-{state}-{vintage}-{batch}-",
        infix=" to ",
    )
    says = Stated(project=str(project), country=country, vintage=vintage, period=None)
    return f"{serial.head}{first} to {last}", serial, says


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


def test_a_rewritten_text_is_the_same_credits() -> None:
    old, new = parse(TONNE), parse(TONNE.replace("-945-", "-963-"))
    assert old is not None
    assert new is not None
    assert (old.series, old.first, old.last) == (new.series, new.first, new.last)
    assert old.text != new.text


def test_both_kinds_of_credits_are_counted_on_one_line() -> None:
    tonne, compliance = parse(TONNE), parse(TONNE.replace("CAR-1-", "CAR-ROC-"))
    assert tonne is not None
    assert compliance is not None
    assert (tonne.series, tonne.unit) == ("9010", "CRT")
    assert (compliance.series, compliance.unit) == ("9010", "ROC")


SPOILT = [
    TONNE.replace("-1 TO ", "-01 TO "),  # one range, one text: no second spelling of it
    TONNE.replace("-9010-", "-09010-"),
    TONNE.replace("-1 TO ", "-0 TO "),
    TONNE.replace("-1 TO ", "-8601 TO "),
    TONNE.replace("8600", str(LARGEST_NUMBER + 1)),
    TONNE.replace("8600", "9" * 5000),
    TONNE.replace("2015", "2200"),
    TONNE.replace("WA", "WAS"),
    TONNE.replace("-WA", ""),
    TONNE.replace("-945", ""),
    TONNE.replace("CAR-1", "CAR-2"),
    TONNE.replace(" TO ", "-"),
    TONNE.replace(" TO ", " to "),
    TONNE.replace("-", " "),
    TONNE.replace("-", "/"),
    TONNE.replace("-", " - "),
    f" {TONNE}",
    f"{TONNE} ",
    f"{TONNE}\n",
    f"{TONNE} {TONNE}",
    f"LOT {TONNE}, SOLD",
    TONNE[:20],
    TONNE[21:],
]


@pytest.mark.parametrize("text", SPOILT)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)


def test_the_largest_number_is_read() -> None:
    serial = parse(TONNE.replace("8600", str(LARGEST_NUMBER)))
    assert serial is not None
    assert serial.last == LARGEST_NUMBER


@pytest.mark.parametrize("text", [TONNE, COMPLIANCE, NUMBER_LIKE_A_YEAR])
def test_no_stray_character_hides_a_serial(text: str) -> None:
    assert parse(text) is not None
    hidden = [near for near in one_edit_away(text) if parse(near) is None and not finds(near)]
    assert hidden == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "CAR",
        "CAR9008",
        "CAR-1",
        "CAR-1-US",
        "CAR-1-US-9008",
        "CAR-2020-001",
        "CAR-7-100 TO 200",
        "CAR 2020 TO 2021",
        "CAR US-2020-01-01 TO 2020-12-31",
        "SN-1 TO 100",
        "CAR-ISSUANCE:CAR9008/2015/2016-08-02/3081/1",
        "90001-1-250-VCS-VCU-901-VER-KE-14-9001-01012020-31122020-1",
        "GS1-1-KE-GS99001-16-2025-90001-1-50",
        "ACR-US-901-2019-9001-120000095 TO 120000156",
        "ART-GY-902-2021-9011-2700001 TO 2701000",
        "CDC_901_1_1_321_14_1_2009/4426-4971",
    ],
)
def test_a_text_of_ones_own_or_of_another_registry_is_not_found(text: str) -> None:
    assert not finds(text)
    assert parse(text) is None


@given(
    st.text()
    | st.text(alphabet="0129CARTOUSW- ")
    | st.lists(
        st.sampled_from([*"0179-", "CAR-1-", "CAR-ROC-", "US-", "WA-", "2015-", "901-", " TO "])
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


COLUMN = "Offset Credit Serial Numbers"
DECEMBER = "berkeley-2021-12/CAR_retirements.csv"
CARBONPLAN = "carbonplan-2026-04/climate-action-reserve"


def read_real(text: str) -> Serial:
    serial = parse(canonical_serial(text))
    assert serial is not None
    assert serial.text == text
    return serial


@pytest.mark.parametrize(
    "path, count, compliance_count",
    [
        (DECEMBER, 5351, 0),
        (f"{CARBONPLAN}/retirements.csv", 100, 2),
        (f"{CARBONPLAN}/cancellations.csv", 50, 50),
    ],
)
def test_every_real_row_agrees_with_its_serial_and_none_overlap(
    path: str, count: int, compliance_count: int
) -> None:
    read = []
    for row in rows(real_exports() / path):
        serial, says = read_real(row[COLUMN]), stated(canonical_serial(row[COLUMN]))
        assert says is not None
        assert serial.count == int(row["Quantity of Offset Credits"])
        assert says.project is not None
        assert same_project("car", says.project, row["Project ID"])
        assert says.vintage == int(row["Vintage"])
        assert says.country == row["Project Site Country"]
        read.append(serial)
    assert len(read) == count
    assert Counter(serial.unit for serial in read)["ROC"] == compliance_count
    assert overlaps(read) == []


def test_the_1537_real_batches_of_2021_are_each_of_one_project_and_vintage() -> None:
    owners: dict[str, set[tuple[str, str]]] = {}
    for row in rows(real_exports() / DECEMBER):
        serial = read_real(row[COLUMN])
        owners.setdefault(serial.series, set()).add((row["Project ID"], row["Vintage"]))
    assert len(owners) == 1537
    assert {len(owner) for owner in owners.values()} == {1}


def test_the_1640_real_batches_each_hold_one_kind_of_credits() -> None:
    units: dict[str, set[str]] = {}
    for path in (
        "berkeley-2021-07/ACR_CAR_retirements.csv",
        DECEMBER,
        f"{CARBONPLAN}/retirements.csv",
        f"{CARBONPLAN}/cancellations.csv",
    ):
        for row in rows(real_exports() / path):
            if row["Project ID"].startswith("CAR"):
                serial = read_real(row[COLUMN])
                units.setdefault(serial.series, set()).add(serial.unit)
    assert len(units) == 1640
    assert {len(kinds) for kinds in units.values()} == {1}


def test_between_two_editions_87_real_texts_were_rewritten_and_no_credits_went() -> None:
    july = [
        read_real(row[COLUMN])
        for row in rows(real_exports() / "berkeley-2021-07" / "ACR_CAR_retirements.csv")
        if row["Project ID"].startswith("CAR")
    ]
    december = [read_real(row[COLUMN]) for row in rows(real_exports() / DECEMBER)]
    assert len(july) == 4649
    assert overlaps(july) == []
    gone = {serial.text for serial in july} - {serial.text for serial in december}
    kept = {(serial.series, serial.first, serial.last) for serial in december}
    rewritten = [serial for serial in july if serial.text in gone]
    assert len(rewritten) == 87
    assert {(serial.series, serial.first, serial.last) for serial in rewritten} <= kept
    says = [stated(canonical_serial(serial.text)) for serial in rewritten]
    assert len({said.project for said in says if said}) == 4


def test_with_the_project_as_the_series_4684_real_rows_would_overlap_falsely() -> None:
    claims = []
    for row in rows(real_exports() / DECEMBER):
        serial = read_real(row[COLUMN])
        claims.append((row["Project ID"], serial.first, serial.last))
    reached: Counter[str] = Counter()
    false = 0
    for project, first, last in sorted(claims):
        false += first <= reached[project]
        reached[project] = max(reached[project], last)
    assert false == 4684
