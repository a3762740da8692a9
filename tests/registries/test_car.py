"""The Reserve's grammar: its two kinds of credits, and which text is the same credits."""

from collections import Counter

import pytest

from drawn_serials import TEXTS
from offset.core.canonical import canonical_serial
from offset.core.serials import Serial
from offset.registries.car import finds, parse, stated
from offset.registries.stated import same_project
from real_exports import real_exports
from serial_texts import overlaps, rows

TONNE = TEXTS["car"][0]


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


@pytest.mark.parametrize(
    "text",
    [
        TONNE.replace("-9010-", "-09010-"),
        TONNE.replace("2015", "2200"),
        TONNE.replace("WA", "WAS"),
        TONNE.replace("-WA", ""),
        TONNE.replace("-945", ""),
        TONNE.replace("CAR-1", "CAR-2"),
        TONNE.replace(" TO ", "-"),
        TONNE.replace(" TO ", " to "),
        TONNE[:20],
        TONNE[21:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
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
