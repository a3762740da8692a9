"""Verra's grammar: what it reads, what it refuses, and that a stray character hides nothing."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.stated import Stated
from offset.registries.verra import finds, parse, stated
from real_exports import real_exports

NEW = "90001-5000001-5000250-VCS-VCU-901-VER-KE-14-9001-01012020-31122020-1"
OLD = "1401-7-7-VCU-091-MER-AU-14-901-16042012-15042013-0"
UNSCOPED = "90002-12-345-VCS-VCU-500-VER-US-90021-01012024-31122024-0"
PLASTIC = "90003-1-75-PWRP-WCC-9196-VER-TH-9003-01012021-31052021-RIGID,PET-EOL2,EOL6-0"
SERIALS = [NEW, OLD, UNSCOPED, PLASTIC]

# The countries of the real rows, as Verra names them.
COUNTRY_CODES = {
    "Argentina": "AR", "Brazil": "BR", "Cambodia": "KH", "Canada": "CA", "Chile": "CL",
    "China": "CN", "Colombia": "CO", "Congo": "CG", "El Salvador": "SV", "Ethiopia": "ET",
    "Ghana": "GH", "India": "IN", "Malawi": "MW", "Malaysia": "MY", "Mexico": "MX", "Oman": "OM",
    "Pakistan": "PK", "Rwanda": "RW", "Sierra Leone": "SL", "Thailand": "TH", "Turkey": "TR",
    "Uganda": "UG", "United States": "US", "Uruguay": "UY", "Viet Nam": "VN",
}  # fmt: skip

numbers = st.integers(1, 2_000_000_000) | st.integers(1, LARGEST_NUMBER)
words = st.lists(st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True), min_size=1, max_size=4)


@st.composite
def serials(draw: st.DrawFn) -> tuple[str, Serial, Stated]:
    """Write a serial number from its parts, with what has to be read from it."""
    first, last = sorted((draw(numbers), draw(numbers)))
    start, end = sorted((draw(st.dates()), draw(st.dates())))
    series = draw(st.sampled_from(["VCU", "VCS-VCU", "PWRP-WRC", "PWRP-WCC"]))
    country = draw(st.from_regex(r"[A-Z]{2}", fullmatch=True))
    project = draw(st.from_regex(r"[0-9]{1,6}", fullmatch=True))
    dates = "-".join(f"{day.day:02}{day.month:02}{day.year:04}" for day in (start, end))
    tail = draw(st.from_regex(r"-[0-9]{1,6}-(VER|MER|APX)-", fullmatch=True)) + country
    tail += draw(st.from_regex(r"(-[0-9]{1,2})?", fullmatch=True)) + f"-{project}-{dates}"
    if series.startswith("PWRP"):
        tail += f"-{','.join(draw(words))}-{','.join(draw(words))}"
    serial = Serial(
        registry="verra",
        series=series,
        first=first,
        last=last,
        unit=series[-3:],
        head=f"{draw(st.integers(0, 999_999_999))}-",
        infix="-",
        tail=f"-{series}{tail}-{draw(st.sampled_from('01'))}",
    )
    says = Stated(project=project, country=country, vintage=start.year, period=(start, end))
    return f"{serial.head}{first}-{last}{serial.tail}", serial, says


def one_edit_away(text: str) -> Iterator[str]:
    """Delete, insert and replace one character, everywhere."""
    for at in range(len(text) + 1):
        for stray in ("", *"0179ACUVWX- ,./_\n\0\u0421\u0661\u2212"):
            yield text[:at] + stray + text[at:]
            yield text[:at] + stray + text[at + 1 :]


@given(serials())
def test_every_serial_is_read_whole_and_its_text_is_its_own(
    made: tuple[str, Serial, Stated],
) -> None:
    text, serial, says = made
    assert parse(text) == serial
    assert serial.text == text
    assert stated(text) == says
    assert finds(text)


@given(serials(), st.data())
def test_every_part_of_a_serial_is_read_as_that_part(
    made: tuple[str, Serial, Stated], data: st.DataObject
) -> None:
    _, serial, says = made
    first, last = sorted(
        data.draw(st.tuples(*[st.integers(serial.first, serial.last)] * 2), label="range")
    )
    part = serial.part(first, last)
    assert parse(part.text) == part
    assert stated(part.text) == says


def test_the_old_and_the_new_vcus_are_counted_apart() -> None:
    new, old = parse(NEW), parse(NEW.replace("VCS-", ""))
    assert new is not None
    assert old is not None
    assert (new.series, new.unit, new.count) == ("VCS-VCU", "VCU", 250)
    assert (old.series, old.unit, old.count) == ("VCU", "VCU", 250)


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
        NEW.replace("5000001", "05000001"),  # one range, one text: no second spelling of it
        NEW.replace("5000250", "05000250"),
        NEW.replace("-5000001-5000250-", "-0-250-"),
        NEW.replace("-5000001-5000250-", "-0-0-"),
        NEW.replace("-5000001-5000250-", "-250-249-"),
        NEW.replace("5000250", str(LARGEST_NUMBER + 1)),
        NEW.replace("5000250", "9" * 19),
        NEW.replace("5000250", "9" * 5000),
        NEW.replace("01012020", "00012020"),
        NEW.replace("01012020", "30022020"),
        NEW.replace("01012020", "01132020"),
        NEW.replace("01012020", "01010000"),
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
        NEW.replace("-", "--"),
        f" {NEW}",
        f"{NEW} ",
        f"{NEW}\n",
        f"{NEW}-{NEW}",
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
        f"LOT {NEW}, SOLD",
    ],
)
def test_a_serial_that_was_cut_off_or_stands_in_other_words_is_found(text: str) -> None:
    assert parse(text) is None
    assert finds(text)


def test_the_largest_number_is_read() -> None:
    serial = parse(NEW.replace("5000250", str(LARGEST_NUMBER)))
    assert serial is not None
    assert serial.last == LARGEST_NUMBER


def test_a_leap_day_is_read_only_in_a_leap_year() -> None:
    leap = stated(NEW.replace("01012020", "29022020"))
    assert leap is not None
    assert leap.period is not None
    assert leap.period[0] == date(2020, 2, 29)
    assert parse(NEW.replace("01012020", "29022019")) is None


def test_a_vintage_of_one_day_is_read() -> None:
    assert parse(NEW.replace("31122020", "01012020")) is not None


@pytest.mark.parametrize("text", SERIALS)
def test_no_stray_character_hides_a_serial(text: str) -> None:
    hidden = [near for near in one_edit_away(text) if parse(near) is None and not finds(near)]
    assert hidden == []


@pytest.mark.parametrize("text", [NEW, OLD, UNSCOPED])
def test_no_stray_character_moves_a_vcu_to_another_series(text: str) -> None:
    series = {near.series for near in map(parse, one_edit_away(text)) if near is not None}
    serial = parse(text)
    assert serial is not None
    assert series == {serial.series}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "VCU",
        "VCS-VCU",
        "VCU-2020-001",
        "VCU-2020-001-100",
        "VCS-001",
        "VCS-1764-2019",
        "SN-1-100",
        "1-100",
        "2020-100-VCU",
        "LOT7-100-VCU-A",
        "2020-7-100-VCUBE",
        "VER-KE-14-9001",
        "WRC-2020-1-90",
        "VERRA/2021/LOT 17",
        "GS1-1-KE-GS99001-16-2025-90001-1-50",
        "GS1-1-KH-99002-16-2012-90002-1-50",
        "ACR-US-9999-2020-90001-1 TO 62",
        "CAR-1-US-9999-27-845-WA-2015-90001-1 TO 86",
        "ACR-ISSUANCE:ACR9999/2005/2006-08-02/3081/1",
        "CDC_1_1_1_999_14_1_2009/4426-4971",
    ],
)
def test_a_text_of_ones_own_or_of_another_registry_is_not_found(text: str) -> None:
    assert not finds(text)
    assert parse(text) is None


@given(
    st.text()
    | st.text(alphabet="0123456789VCSUWRP- ,")
    | st.lists(
        st.sampled_from([*"0179-,", "-VCS", "-VCU", "-PWRP", "-WRC", "-VER-KE", "-01012020"])
    ).map("".join)
)
@example("\ud800")
@example("\0")
def test_any_text_has_an_answer_and_whatever_is_read_is_found(text: str) -> None:
    serial = parse(text)
    assert (stated(text) is None) == (serial is None)
    if serial is None:
        assert finds(text) in (True, False)
    else:
        assert serial.text == text
        assert finds(text)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


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
    claims = sorted(
        (serial.series, serial.first, serial.last) for serial in map(parse, texts) if serial
    )
    overlaps = [
        (one, other) for one, other in pairwise(claims) if one[0] == other[0] and other[1] <= one[2]
    ]
    assert overlaps == []
