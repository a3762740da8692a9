"""ACR's grammar: what it reads, what it refuses, and that a stray character hides nothing."""

from collections import Counter, defaultdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offset.core.canonical import canonical_serial
from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.acr import finds, parse, stated
from offset.registries.stated import Stated, same_project
from real_exports import real_exports
from serial_texts import one_edit_away, overlaps, rows

BLOCK = "ACR-US-901-2019-9001-120000095 TO 120000156"
ONE = "ACR-FR-9129-2025-9917-7 TO 7"
NUMBER_LIKE_A_YEAR = "ACR-CA-2015-2010-2012-2000 TO 2020"

numbers = st.integers(1, 2_000_000_000) | st.integers(1, LARGEST_NUMBER)


@st.composite
def serials(draw: st.DrawFn) -> tuple[str, Serial, Stated]:
    """Write a serial number from its parts, with what has to be read from it."""
    first, last = sorted((draw(numbers), draw(numbers)))
    country = draw(st.from_regex(r"[A-Z]{2}", fullmatch=True))
    project, batch = draw(st.integers(1, 99_999)), draw(st.integers(1, 999_999))
    vintage = draw(st.integers(1900, 2199))
    serial = Serial(
        registry="acr",
        series=f"ACR-{project}-{vintage}-{batch}",
        first=first,
        last=last,
        unit="ERT",
        head=f"ACR-{country}-{project}-{vintage}-{batch}-",
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


def test_project_vintage_and_batch_are_the_series() -> None:
    series = {
        serial.series
        for text in (
            BLOCK,
            BLOCK.replace("901", "902"),
            BLOCK.replace("2019", "2018"),
            BLOCK.replace("9001", "9002"),
            BLOCK.replace("US", "CA"),  # no part of the key
        )
        if (serial := parse(text))
    }
    assert series == {
        "ACR-901-2019-9001",
        "ACR-902-2019-9001",
        "ACR-901-2018-9001",
        "ACR-901-2019-9002",
    }


@pytest.mark.parametrize(
    "text",
    [
        BLOCK.replace("120000095", "0120000095"),  # one range, one text: no second spelling of it
        BLOCK.replace("901", "0901"),
        BLOCK.replace("9001", "09001"),
        BLOCK.replace("120000095", "0"),
        BLOCK.replace("120000095", "120000157"),
        BLOCK.replace("120000156", str(LARGEST_NUMBER + 1)),
        BLOCK.replace("120000156", "9" * 5000),
        BLOCK.replace("2019", "1899"),
        BLOCK.replace("2019", "19"),
        BLOCK.replace("US", "USA"),
        BLOCK.replace("US-", ""),
        BLOCK.replace(" TO ", "-"),
        BLOCK.replace(" TO ", " to "),
        BLOCK.replace(" TO 120000156", ""),
        BLOCK.replace("ACR", "ART"),
        BLOCK.replace("-", " "),
        BLOCK.replace("-", "/"),
        BLOCK.replace("-", "--"),
        BLOCK.replace("-", " - "),
        f" {BLOCK}",
        f"{BLOCK} ",
        f"{BLOCK}\n",
        f"{BLOCK} {BLOCK}",
        f"LOT {BLOCK}, SOLD",
        BLOCK[:24],
        BLOCK[7:],
    ],
)
def test_a_spoilt_serial_is_not_read(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None


@pytest.mark.parametrize(
    "text",
    [
        BLOCK.replace("120000095", "120000157"),
        BLOCK.replace("120000156", "9" * 5000),
        BLOCK.replace("901", "0901"),
        BLOCK.replace(" TO ", "-"),
        BLOCK.replace("-", " "),
        BLOCK.replace("-", " - "),
        f"{BLOCK} {BLOCK}",
        f"LOT {BLOCK}, SOLD",
        BLOCK[:24],
        BLOCK[7:],
    ],
)
def test_a_spoilt_serial_is_found(text: str) -> None:
    assert finds(text)


def test_the_largest_number_is_read() -> None:
    serial = parse(BLOCK.replace("120000156", str(LARGEST_NUMBER)))
    assert serial is not None
    assert serial.last == LARGEST_NUMBER


@pytest.mark.parametrize("text", [BLOCK, ONE, NUMBER_LIKE_A_YEAR])
def test_no_stray_character_hides_a_serial(text: str) -> None:
    assert parse(text) is not None
    hidden = [near for near in one_edit_away(text) if parse(near) is None and not finds(near)]
    assert hidden == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "ACR",
        "ACR901",
        "ACR-US",
        "ACR-US-901",
        "ACR-2020-001",
        "ACR-US-2020-LOT 7",
        "ACR 2020 TO 2021",
        "ACR-US 2020-01-01 TO 2020-12-31",
        "LOT 17, 2020-01-01 TO 2020-12-31",
        "SN-1 TO 100",
        "1 TO 100",
        "2020-7-1 TO 100",
        "ACR-ISSUANCE:ACR901/2019/2020-08-02/3081/1",
        "90001-1-250-VCS-VCU-901-VER-KE-14-9001-01012020-31122020-1",
        "GS1-1-KE-GS99001-16-2025-90001-1-50",
        "CAR-1-US-9999-27-845-WA-2015-9001-1 TO 86",
        "CDC_901_1_1_321_14_1_2009/4426-4971",
    ],
)
def test_a_text_of_ones_own_or_of_another_registry_is_not_found(text: str) -> None:
    assert not finds(text)
    assert parse(text) is None


@given(
    st.text()
    | st.text(alphabet="0129ACRTOUS- ")
    | st.lists(st.sampled_from([*"0179-", "ACR-", "US-", "2019-", "901-", " TO "])).map("".join)
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


BERKELEY = "berkeley-2021-12/ACR_retirements.csv"
CARBONPLAN = "carbonplan-2026-04/american-carbon-registry"


@pytest.mark.parametrize(
    "path, serial_column, quantity_column, count",
    [
        (BERKELEY, "Offset Credit Serial Numbers", "Quantity of Offset Credits", 2637),
        (f"{CARBONPLAN}/retirements.csv", "Credit Serial Numbers", "Quantity of Credits", 100),
        (f"{CARBONPLAN}/cancellations.csv", "Credit Serial Numbers", "Quantity of Credits", 50),
    ],
)
def test_every_real_row_agrees_with_its_serial_and_none_overlap(
    path: str, serial_column: str, quantity_column: str, count: int
) -> None:
    read = []
    for row in rows(real_exports() / path):
        text = row[serial_column]
        serial, says = parse(canonical_serial(text)), stated(canonical_serial(text))
        assert serial is not None
        assert says is not None
        assert serial.text == text
        assert serial.count == int(row[quantity_column])
        assert says.project is not None
        assert same_project("acr", says.project, row["Project ID"])
        assert says.vintage == int(row["Vintage"])
        assert says.country == row["Project Site Country"]
        read.append(serial)
    assert len(read) == count
    assert overlaps(read) == []


def test_the_2112_real_rows_of_july_2021_are_read_and_none_overlap() -> None:
    texts = [
        row["Offset Credit Serial Numbers"]
        for row in rows(real_exports() / "berkeley-2021-07" / "ACR_CAR_retirements.csv")
        if row["Project ID"].startswith("ACR")
    ]
    read = [serial for serial in map(parse, map(canonical_serial, texts)) if serial]
    assert [serial.text for serial in read] == texts
    assert len(read) == 2112
    assert overlaps(read) == []


def test_the_real_numbers_run_on_up_to_batch_298_and_begin_at_1_from_306_on() -> None:
    lowest: defaultdict[int, int] = defaultdict(lambda: LARGEST_NUMBER)
    projects: defaultdict[int, set[str]] = defaultdict(set)
    rows_of: Counter[int] = Counter()
    for row in rows(real_exports() / BERKELEY):
        serial = parse(canonical_serial(row["Offset Credit Serial Numbers"]))
        assert serial is not None
        batch = int(serial.series.rpartition("-")[2])
        rows_of[batch] += 1
        projects[batch].add(serial.series)
        lowest[batch] = min(lowest[batch], serial.first)
    assert len(rows_of) == 437
    assert {len(series) for series in projects.values()} == {1}  # in 2021; no more in 2026
    assert sum(count for batch, count in rows_of.items() if batch <= 298) == 1174
    assert not [batch for batch in rows_of if 298 < batch < 306]
    assert min(first for batch, first in lowest.items() if batch <= 298) >= 10**8
    assert max(first for batch, first in lowest.items() if batch >= 306) < 10**8
