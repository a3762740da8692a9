"""Verra's grammar: its units, dates and lists, and that its real rows fit."""

from collections import Counter
from datetime import date, datetime

import pytest

from drawn_serials import TEXTS
from offset.registries.verra import finds, parse, stated
from real_exports import real_exports
from serial_texts import one_edit_away, overlaps, rows

NEW, OLD, UNSCOPED, PLASTIC = TEXTS["verra"]

# The countries of the real rows, as Verra names them.
COUNTRY_CODES = {
    "Argentina": "AR", "Brazil": "BR", "Cambodia": "KH", "Canada": "CA", "Chile": "CL",
    "China": "CN", "Colombia": "CO", "Congo": "CG", "El Salvador": "SV", "Ethiopia": "ET",
    "Ghana": "GH", "India": "IN", "Malawi": "MW", "Malaysia": "MY", "Mexico": "MX", "Oman": "OM",
    "Pakistan": "PK", "Rwanda": "RW", "Sierra Leone": "SL", "Thailand": "TH", "Turkey": "TR",
    "Uganda": "UG", "United States": "US", "Uruguay": "UY", "Viet Nam": "VN",
}  # fmt: skip


def test_the_old_and_the_new_vcus_are_counted_apart() -> None:
    new, old = parse(NEW), parse(NEW.replace("VCS-", ""))
    assert new is not None
    assert old is not None
    assert (new.series, new.unit, new.count) == ("VCS-VCU", "VCU", 250)
    assert (old.series, old.unit, old.count) == ("VCU", "VCU", 250)


def test_vcus_claim_their_numbers_in_their_batch_too() -> None:
    new, old = parse(NEW), parse(f"0{NEW.replace('VCS-', '')}")
    assert new is not None
    assert old is not None
    assert new.also == old.also == ("BATCH-90001",)
    elsewhere = parse(NEW.replace("90001", "90002"))
    assert elsewhere is not None
    assert elsewhere.series == new.series
    assert elsewhere.also == ("BATCH-90002",)
    plastic = parse(PLASTIC)
    assert plastic is not None
    assert plastic.also == ()


def test_the_operator_of_the_first_years_is_read() -> None:
    serial = parse(NEW.replace("VER", "TZ1"))
    assert serial is not None
    assert serial.tail.startswith("-VCS-VCU-901-TZ1-")


def test_the_plastic_credits_are_counted_apart() -> None:
    collected, recycled = parse(PLASTIC), parse(PLASTIC.replace("WCC", "WRC"))
    assert collected is not None
    assert recycled is not None
    assert (collected.series, collected.unit) == ("PWRP-WCC", "WCC")
    assert (recycled.series, recycled.unit) == ("PWRP-WRC", "WRC")


def test_batch_and_account_keep_their_leading_zeros() -> None:
    text = f"00{OLD}"
    serial = parse(text)
    assert serial is not None
    assert serial.head == "001401-"
    assert serial.text == text


@pytest.mark.parametrize(
    "text",
    [
        NEW.replace("01012020", "00012020"),
        NEW.replace("01012020", "30022020"),
        NEW.replace("01012020", "01132020"),
        NEW.replace("01012020", "01010000"),
        NEW.replace("01012020", "20121010"),  # not 20 December 1010
        NEW.replace("01012020", "01012021"),  # ends before it starts
        NEW.replace("31122020", "2020"),
        NEW.replace("31122020-1", "31122020"),
        NEW.replace("31122020-1", "31122020-2"),
        NEW.replace("31122020-1", "31122020-LDPE-EOL2-1"),
        PLASTIC.replace("RIGID,PET-EOL2,EOL6-", ""),
        PLASTIC.replace("EOL2,EOL6", "EOL2,"),
        PLASTIC.replace("EOL2,EOL6", "EOL2,,EOL6"),
        PLASTIC.replace("EOL2,EOL6", ",".join(["EOL2"] * 21)),
        PLASTIC.replace("PWRP-", "VCS-PWRP-"),
        NEW.replace("VCS-VCU", "VCS-VCS-VCU"),
        NEW.replace("VCS-VCU", "WRC"),
        NEW.replace("901-", "", 1),
        NEW.replace("VER", "VERR"),
        NEW.replace("KE", "KEN"),
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)


@pytest.mark.parametrize(
    "text",
    [
        NEW[:29],  # up to the unit
        NEW[6:30] + "9",  # without batch, up to the account
        NEW[26:48],  # from the unit to the project
        NEW[34:66],  # from the operator to the dates
        PLASTIC[6:21],
        PLASTIC[11:35],
    ],
)
def test_a_serial_that_was_cut_off_is_found(text: str) -> None:
    assert parse(text) is None
    assert finds(text)


def test_a_leap_day_is_read_only_in_a_leap_year() -> None:
    leap = stated(NEW.replace("01012020", "29022020"))
    assert leap is not None
    assert leap.period is not None
    assert leap.period[0] == date(2020, 2, 29)
    assert parse(NEW.replace("01012020", "29022019")) is None


def test_a_vintage_of_one_day_is_read() -> None:
    assert parse(NEW.replace("31122020", "01012020")) is not None


@pytest.mark.parametrize("text", [NEW, OLD, UNSCOPED])
def test_no_stray_character_moves_a_vcu_to_another_series(text: str) -> None:
    series = {near.series for near in map(parse, one_edit_away(text)) if near is not None}
    serial = parse(text)
    assert serial is not None
    assert series == {serial.series}


def test_the_200_real_rows_of_2026_agree_with_their_serials() -> None:
    transactions = rows(real_exports() / "carbonplan-2026-04" / "verra" / "transactions.csv")
    assert len(transactions) == 200
    elsewhere: Counter[tuple[str, str]] = Counter()
    for row in transactions:
        text = row["Serial Number"]
        serial, says = parse(text), stated(text)
        assert serial is not None
        assert says is not None
        assert serial.text == text
        assert serial.count == int(row["Quantity Issued"].replace(",", ""))
        assert says.project == row["ID"]
        days = (row["Vintage Start"], row["Vintage End"])
        assert says.period == tuple(map(date.fromisoformat, days))
        assert says.country is not None
        if says.country != COUNTRY_CODES[row["Country/Area"]]:
            elsewhere[row["Country/Area"], says.country] += 1
    # Projects in several countries: the serial names another one than the column.
    assert elsewhere == {("Chile", "PY"): 2, ("Rwanda", "CD"): 3, ("Rwanda", "ML"): 3}


def test_the_161_real_rows_of_the_mco2_token_agree_with_their_serials() -> None:
    blocks = rows(real_exports() / "klimadao" / "mco2_verra_data.csv")
    assert len(blocks) == 161
    for row in blocks:
        text = row["Serial Number"]
        serial, says = parse(text), stated(text)
        assert serial is not None
        assert says is not None
        assert serial.text == text
        assert serial.count == int(row["Quantity of Credits"].replace(",", ""))
        assert says.project == row["Project ID"]
        start, end = (
            datetime.strptime(day, "%d/%m/%Y").date()  # noqa: DTZ007 (a day, not a moment)
            for day in row["Vintage"].split("-")
        )
        assert says.period == (start, end)


def test_the_real_rows_overlap_nowhere_inside_their_series() -> None:
    exports = real_exports()
    texts = {
        row["Serial Number"]
        for path in ("carbonplan-2026-04/verra/transactions.csv", "klimadao/mco2_verra_data.csv")
        for row in rows(exports / path)
    }
    assert len(texts) == 361
    assert overlaps(serial for serial in map(parse, texts) if serial) == []
