"""ACR's grammar: what the series is made of, and that its real rows fit."""

from collections import Counter, defaultdict

import pytest

from drawn_serials import TEXTS
from offset.core.canonical import canonical_serial
from offset.core.serials import LARGEST_NUMBER
from offset.registries.acr import finds, parse, stated
from offset.registries.stated import same_project
from real_exports import real_exports
from serial_texts import overlaps, rows

BLOCK = TEXTS["acr"][0]


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
        BLOCK.replace("901", "0901"),
        BLOCK.replace("9001", "09001"),
        BLOCK.replace("2019", "1899"),
        BLOCK.replace("2019", "19"),
        BLOCK.replace("US", "USA"),
        BLOCK.replace("US-", ""),
        BLOCK.replace(" TO ", "-"),
        BLOCK.replace(" TO ", " to "),
        BLOCK.replace(" TO 120000156", ""),
        BLOCK.replace("ACR", "ART"),
        BLOCK[:24],
        BLOCK[7:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text.upper())


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
