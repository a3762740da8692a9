"""Puro's grammar: both kinds of numbers, and every class."""

import pytest

from drawn_serials import PURO_CLASSES, PURO_GSRN, PURO_ISSUANCE, PURO_OTHER, TEXTS
from offset.core.errors import SerialOutsideRecord
from offset.core.serials import SerialFact
from offset.registries.puro import finds, has_issuance, parse, stated
from offset.registries.stated import Stated

NEW, OLD, _ = TEXTS["puro"]


@pytest.mark.parametrize("credit", PURO_CLASSES)
def test_every_class_is_the_unit_and_no_part_of_the_country(credit: str) -> None:
    text = NEW.replace("CORC100+", credit)
    serial, says = parse(text), stated(text)
    assert serial is not None
    assert serial.unit == credit
    assert says == Stated(project="990001", country="NA", vintage=2025, period=None)


def test_the_older_numbers_count_on_the_last_12_of_their_30_digits() -> None:
    serial = parse(OLD)
    assert serial is not None
    assert serial.series == PURO_OTHER
    assert serial.facts == (SerialFact("puro", PURO_OTHER, PURO_GSRN),)
    assert (serial.first, serial.last, serial.count) == (97989, 102683, 4695)
    assert serial.part(97990, 97990).text == (
        f"PURO_PR_CORC_NO_990002_2022_{PURO_OTHER}_{PURO_GSRN}000000097990-{PURO_GSRN}000000097990"
    )
    with pytest.raises(SerialOutsideRecord):
        serial.part(97988, 97990)


def test_the_newer_numbers_are_the_same_counter() -> None:
    old = parse(OLD)
    new = parse(OLD.replace(PURO_GSRN, "").replace("000000097989", "97989").replace("-000000", "-"))
    assert old is not None
    assert new is not None
    assert new.claims == old.claims
    assert new.facts == ()


def test_the_id_of_an_issuance_is_known_with_and_without_its_hyphens() -> None:
    assert has_issuance(f"LOT {PURO_ISSUANCE.upper()}")
    assert has_issuance(PURO_ISSUANCE.upper().replace("-", ""))
    assert not has_issuance(PURO_ISSUANCE.upper()[1:])
    assert not has_issuance(f"{PURO_ISSUANCE.upper()}0")


def test_ranges_of_two_issuances_are_counted_apart() -> None:
    series = {serial.series for serial in map(parse, [NEW, NEW.replace("0F0E", "0F0F")]) if serial}
    assert series == {PURO_ISSUANCE, PURO_ISSUANCE.replace("0f0e", "0f0f")}


@pytest.mark.parametrize(
    "text",
    [
        NEW.replace("CORC100+", "CORC++"),
        NEW.replace("CORC100+", "CORC100+_A"),
        NEW.replace("_NA", ""),
        NEW.replace("2025", "25"),
        NEW.replace("0F0E", "0G0E"),
        NEW.replace("0F0E", "0F0"),
        NEW.lower(),
        NEW.replace("_", "-"),
        NEW.replace("_", " "),
        NEW.replace("PURO_PR_", ""),
        NEW[:40],
        OLD.replace(
            f"-{PURO_GSRN}", f"-{PURO_GSRN[:-1]}1"
        ),  # another GSRN at the end than at the beginning
        OLD.replace(f"-{PURO_GSRN}", "-"),
        OLD.replace("000000097989", "97989"),
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text.upper())
