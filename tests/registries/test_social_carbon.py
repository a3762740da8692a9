"""SocialCarbon's grammar: what the series is made of, and what a serial number says."""

import pytest

from drawn_serials import TEXTS
from offset.registries.social_carbon import finds, parse, stated
from offset.registries.stated import Stated

BLOCK, NAMED = TEXTS["social-carbon"]


def test_the_project_the_vintage_and_the_time_are_the_series() -> None:
    serial, elsewhere = parse(BLOCK), parse(BLOCK.replace("BRA", "BRAZIL"))
    assert serial is not None
    assert elsewhere is not None
    assert (serial.series, serial.unit) == ("907-2020-14052025145100", "SCU")
    assert elsewhere.claims == serial.claims
    for old, new in (("907", "908"), ("-2020-", "-2021-"), ("145100", "145101")):
        other = parse(BLOCK.replace(old, new))
        assert other is not None
        assert other.series != serial.series


def test_a_serial_says_its_project_and_vintage() -> None:
    assert stated(NAMED) == Stated(project="9", country=None, vintage=2020, period=None)


@pytest.mark.parametrize(
    "text",
    [
        BLOCK.replace("907", "0907"),
        BLOCK.replace("-BRA", ""),
        BLOCK.replace("14052025", "14132025"),
        BLOCK.replace("14052025", "20250514"),
        BLOCK.replace("101-10121", "10121-101"),
        BLOCK.replace("101-10121", "0101-10121"),
        BLOCK[:30],
        BLOCK[21:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)
