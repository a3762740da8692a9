"""Plan Vivo's grammar: what the series is made of, and what a serial number says."""

from datetime import date

import pytest

from drawn_serials import TEXTS
from offset.registries.plan_vivo import finds, parse, stated
from offset.registries.stated import Stated

FUTURE, OLDER = TEXTS["plan-vivo"]


def test_the_project_and_the_vintages_first_year_are_the_series() -> None:
    serial, older = parse(FUTURE), parse(OLDER)
    assert serial is not None
    assert older is not None
    assert (serial.series, serial.unit) == ("900000000012345-2020", "PVC")
    assert serial.text == FUTURE.replace("FPVC", "fPVC")
    assert older.series == "900000000012345-2014"


@pytest.mark.parametrize(
    "text",
    [
        FUTURE.replace("FPVC", "VPVC"),  # verified since
        FUTURE.replace("FPVC", "PVC"),
        FUTURE.replace("-KE-", "-UG-"),
        FUTURE.replace("-SPG", "-MER-0-A"),
    ],
)
def test_a_certificate_keeps_its_number(text: str) -> None:
    serial, other = parse(FUTURE), parse(text)
    assert serial is not None
    assert other is not None
    assert other.claims == serial.claims


def test_a_serial_says_its_project_country_and_days() -> None:
    assert stated(FUTURE) == Stated(
        project="900000000012345",
        country="KE",
        vintage=2020,
        period=(date(2020, 1, 1), date(2020, 12, 31)),
    )


@pytest.mark.parametrize(
    "text",
    [
        FUTURE.removesuffix("-SPG"),
        f"{FUTURE}-1",
        FUTURE.replace("01012020-31122020", "20200101-20201231"),
        FUTURE.replace("01012020-31122020", "20121001-20121012"),  # no days of the year 1001
        FUTURE.replace("01012020-31122020", "31122020-01012020"),
        FUTURE.replace("-101-", "-0101-"),
        FUTURE.replace("FPVC", "XPVC"),
        FUTURE[:30],
        FUTURE[11:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)
