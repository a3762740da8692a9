"""BioCarbon's grammar: what the series is made of, and what a serial number says."""

from datetime import date

import pytest

from drawn_serials import TEXTS
from offset.registries.biocarbon import finds, parse, stated
from offset.registries.stated import Stated

BLOCK, LETTERS, _ = TEXTS["biocarbon"]


def test_the_project_the_verification_and_the_months_are_the_series() -> None:
    serial = parse(BLOCK)
    assert serial is not None
    assert (serial.series, serial.unit, serial.width) == ("905-14-2-2-2101-2112", "VCC", 7)
    assert serial.part(7, 7).text == "BCR-CO-905-14-002-2-2101-2112-0000007-0000007"
    for old, new in (
        ("905", "906"),
        ("-14-", "-3-"),
        ("002", "003"),
        ("-2-2", "-3-2"),
        ("12", "11"),
    ):
        other = parse(BLOCK.replace(old, new, 1))
        assert other is not None
        assert other.series != serial.series


@pytest.mark.parametrize(
    "text",
    [
        BLOCK.replace("BCR", "PCR"),
        BLOCK.replace("CO", "BR"),
        BLOCK.replace("002", "2"),
        BLOCK.replace("-2-2101", "-02-2101"),
        BLOCK.replace("0000001-0299564", "1-299564"),
        BLOCK.replace("905", "9O5"),
    ],
)
def test_another_spelling_claims_the_same_numbers(text: str) -> None:
    serial, other = parse(BLOCK), parse(text)
    assert serial is not None
    assert other is not None
    assert other.claims == serial.claims


def test_a_serial_says_its_project_country_and_months() -> None:
    assert stated(BLOCK) == Stated(
        project="BCR-CO-905-14-002",
        country="CO",
        vintage=2021,
        period=(date(2021, 1, 1), date(2021, 12, 31)),
    )
    says = stated(LETTERS)
    assert says is not None
    assert says.project == "PCR-CO-ABC-14-001"


@pytest.mark.parametrize(
    "text",
    [
        BLOCK.replace("0000001", "00000001"),
        BLOCK.replace("2101", "2113"),
        BLOCK.replace("2101-2112", "2112-2101"),
        BLOCK.replace("-14", ""),
        BLOCK.replace("-CO", "-COL"),
        BLOCK[:20],
        BLOCK[14:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)
