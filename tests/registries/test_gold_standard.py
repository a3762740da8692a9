"""Gold Standard's grammar: batches, CERs in the same column, and that its real rows fit."""

import csv
from collections import defaultdict
from itertools import pairwise

import pytest

from drawn_serials import TEXTS
from offset.registries.gold_standard import finds, parse, stated
from offset.registries.stated import Stated
from real_exports import real_exports

NATIVE, OLD = TEXTS["gold-standard"]
CERS = TEXTS["cdm"][0]


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
    assert (serial.registry, serial.series, serial.unit) == ("cdm", "CDM-RW", "CER")
    assert finds(CERS)
    assert stated(CERS) == Stated(project=None, country="RW", vintage=None, period=None)


@pytest.mark.parametrize(
    "text",
    [
        NATIVE.replace("90001", "090001"),
        NATIVE.replace("90001", "0"),
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
        NATIVE.removesuffix("-350"),
        NATIVE[9:],
        OLD[7:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)


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
