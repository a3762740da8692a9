"""A request's vintage and period held against what its serial number says of them."""

from typing import Any

import pytest

from builders import command_of, create
from offset.core.errors import VintageMismatch

GOLD = "GS1-1-KE-GS9001-2-2027-20001-1-10"
ACR = "ACR-US-901-2019-9001-1 to 10"
CERS = "RW-5-900001-2-2-0-99207 - RW-5-900250-2-2-0-99207"
ACROSS = "9001-1-10-VCS-VCU-999-VER-KE-14-9999-01072019-30062021-1"


def body(serial: str, **fields: Any) -> dict[str, Any]:
    registry = {"G": "Gold Standard", "A": "ACR"}.get(serial[0], "Verra")
    return create(registry=registry, serial_number=serial, **fields)


@pytest.mark.parametrize("sent", [
    create(vintage=2020),
    create(vintage="2020"),
    create(vintage_start="2020-01-01", vintage_end="2020-12-31"),
    create(vintage_start="2020-02-01", vintage_end="2020-11-30"),
    create(vintage_start="2020-12-31"),
    create(vintage_end="2020-01-01"),
    create(vintage="2019 - 2020"),
    create(vintage="2020-07-01/2021-06-30"),
    # A registry may name the period by any year in it.
    *(body(ACROSS, vintage=year) for year in (2019, 2020, 2021)),
    create(vintage=2021, vintage_start="2020-07-01", vintage_end="2021-06-30")
    | {"serial_number": create()["serial_number"]},
    body(GOLD, vintage=2027, planned=True),
    body(GOLD, vintage=2026, vintage_start="2026-07-01", vintage_end="2027-06-30"),
    create(registry="CDM", serial_number=CERS, quantity=250, vintage=2003),  # which state no year
    create(registry="Woods", serial_number="LOT 2001", vintage=2020),
])  # fmt: skip
def test_a_vintage_that_the_serial_number_touches_is_accepted(sent: dict[str, Any]) -> None:
    assert command_of(sent).record.sent["project_name"]


@pytest.mark.parametrize("sent, stated", [
    (body(create()["serial_number"], vintage=2019), ("2020-01-01", "2020-12-31")),
    (body(create()["serial_number"], vintage=2021), ("2020-01-01", "2020-12-31")),
    (body(create()["serial_number"], vintage="2021 - 2022"), ("2020-01-01", "2020-12-31")),
    (create(vintage_start="2021-01-01"), ("2020-01-01", "2020-12-31")),
    (create(vintage_end="2019-12-31"), ("2020-01-01", "2020-12-31")),
    (create(vintage_start="2018-01-01", vintage_end="2018-12-31"), ("2020-01-01", "2020-12-31")),
    # A period that is not the serial number's makes its year no better.
    (body(create()["serial_number"], vintage=2015, vintage_start="2015-01-01",
          vintage_end="2015-12-31"), ("2020-01-01", "2020-12-31")),
    (body(create()["serial_number"], vintage=2022, vintage_start="2020-07-01",
          vintage_end="2021-06-30"), ("2020-01-01", "2020-12-31")),
    (body(ACROSS, vintage=2018), ("2019-07-01", "2021-06-30")),
    (body(ACROSS, vintage=2022), ("2019-07-01", "2021-06-30")),
    (body(GOLD, vintage=2026), ("2027-01-01", "2027-12-31")),
    (body(ACR, vintage=2020), ("2019-01-01", "2019-12-31")),
])  # fmt: skip
def test_a_vintage_that_the_serial_number_contradicts_is_refused_with_both(
    sent: dict[str, Any], stated: tuple[str, str]
) -> None:
    with pytest.raises(VintageMismatch) as refusal:
        command_of(sent)
    facts = refusal.value.facts
    assert (facts["serial_start"], facts["serial_end"]) == stated
    assert facts["vintage_start"] == sent.get("vintage_start")
    assert facts["vintage_end"] == sent.get("vintage_end")
    assert str(facts["vintage"]) in str(sent["vintage"])
    for said in (*stated, f"vintage {sent['vintage']}"):
        assert said in refusal.value.detail
