"""The Universal Carbon Registry's grammar: what the series is, and what a serial number says."""

from datetime import date

import pytest

from drawn_serials import TEXTS
from offset.registries.stated import Stated
from offset.registries.ucr import finds, parse, stated

BLOCK, SINGLE = TEXTS["ucr"]


def test_the_project_is_the_series() -> None:
    serial = parse(BLOCK)
    assert serial is not None
    assert (serial.series, serial.unit, serial.width) == ("CoU-957", "CoU", 6)
    assert serial.text == BLOCK.replace("COU", "CoU")
    other = parse(BLOCK.replace("957", "958"))
    assert other is not None
    assert other.series == "CoU-958"
    single = parse(SINGLE)
    assert single is not None
    assert (single.first, single.last) == (101, 101)


@pytest.mark.parametrize(
    "text",
    [
        BLOCK.replace("0001-", "0002-"),
        BLOCK.replace("0001-", "1-"),
        BLOCK.replace("957", "0957"),
        BLOCK.replace("-IN-", "-TR-"),
        BLOCK.replace("015001-016186", "15001-16186"),
        BLOCK.replace("01012021-31122021", "01012020-31122020"),
    ],
)
def test_another_spelling_claims_the_same_numbers(text: str) -> None:
    serial, other = parse(BLOCK), parse(text)
    assert serial is not None
    assert other is not None
    assert other.claims == serial.claims


def test_a_serial_says_its_project_country_and_days() -> None:
    assert stated(BLOCK) == Stated(
        project="957",
        country="IN",
        vintage=2021,
        period=(date(2021, 1, 1), date(2021, 12, 31)),
    )


@pytest.mark.parametrize(
    "text",
    [
        BLOCK.replace("015001", "0015001"),
        BLOCK.replace("015001-016186", "016186-015001"),
        BLOCK.replace("01012021-31122021", "31122021-01012021"),
        BLOCK.replace("-UCR", ""),
        BLOCK.replace("-COU", ""),
        BLOCK.replace("UCR-COU", "UCRCOU"),
        BLOCK[:22],
        BLOCK[23:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)
