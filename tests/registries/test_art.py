"""The ART registry's grammar: ART's own credits and the FCPF's, in ACR's form."""

import pytest

from drawn_serials import TEXTS
from offset.core.canonical import canonical_serial
from offset.registries import acr
from offset.registries.art import finds, parse, stated
from offset.registries.stated import same_project
from real_exports import real_exports
from serial_texts import overlaps, rows

TREES, FCPF = TEXTS["art"]


def test_the_two_programs_are_counted_apart() -> None:
    own, banks = parse(TREES), parse(TREES.replace("ART", "FCPF"))
    assert own is not None
    assert banks is not None
    assert (own.series, own.unit) == ("ART-902-2021-9011", "TREES")
    assert (banks.series, banks.unit) == ("FCPF-902-2021-9011", "FCPF")


def test_acr_and_art_read_only_their_own_programs() -> None:
    assert acr.parse(TREES) is None
    assert acr.parse(FCPF) is None
    assert parse(TREES.replace("ART", "ACR")) is None
    assert acr.parse(TREES.replace("ART", "ACR")) is not None


@pytest.mark.parametrize(
    "text",
    [
        TREES.replace("902", "0902"),
        TREES.replace(" TO ", "-"),
        FCPF[:21],
        FCPF[8:],
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)


# As the registry names them; the exports have no codes.
COUNTRY_CODES = {"COTE D'IVOIRE": "CI", "COSTA RICA": "CR", "GUYANA": "GY"}


def test_the_11_real_rows_agree_with_their_serials_and_none_overlap() -> None:
    read = []
    for name in ("retirements.csv", "cancellations.csv"):
        for row in rows(real_exports() / "carbonplan-2026-04" / "art-trees" / name):
            text = row["Credit Serial Numbers"]
            serial, says = parse(canonical_serial(text)), stated(canonical_serial(text))
            assert serial is not None
            assert says is not None
            assert serial.text == text
            assert serial.count == int(row["Quantity of Credits"])
            assert says.project is not None
            assert same_project("art", says.project, row["Program ID"])
            assert says.vintage == int(row["Vintage"])
            assert says.country == COUNTRY_CODES[row["Program  Country"]]
            read.append(serial)
    assert len(read) == 11
    assert [serial.unit for serial in read].count("FCPF") == 5
    assert overlaps(read) == []
