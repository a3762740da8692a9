"""The United Nations' grammar: one text for a ledger, every shape for a file's audit."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drawn_serials import TEXTS
from offset.core.serials import LARGEST_NUMBER
from offset.registries.cdm import CdmEnd, CdmRange, clean, finds, parse, read_cdm, stated
from real_exports import real_exports
from serial_texts import one_edit_away

CERS, FEW = TEXTS["cdm"]


@pytest.mark.parametrize("text", [CERS, FEW])
def test_no_stray_character_moves_a_serial_to_another_series(text: str) -> None:
    series = {near.series for near in map(parse, one_edit_away(text)) if near is not None}
    serial = parse(text)
    assert serial is not None
    assert series == {serial.series}


@pytest.mark.parametrize(
    "text",
    [
        "RW-05-00-900001-02-02-000-0099207 - RW-05-00-900250-02-02-000-0099207",
        "RW-5-900001-2-2-0-99207 TO RW-5-900250-2-2-0-99207",
        "RW-5-900001-2-2-0-99207-RW-5-900250-2-2-0-99207",
        "RW-5-900001-2-2-0-99207 -RW-5-900250-2-2-0-99207",
        "RW-5-900001-2-2-099207 - RW-5-900250-2-2-099207",  # a hyphen lost
        "RW-5-900001-2-2-099207 - RW-5-900250-2-2-0-99207",
        "RW-5-900001-2-2-0-99207 - RW-900250-2-2-0-99207",  # the 5 lost
        "RW-900001-2-2-0-99207 - RW-900250-2-2-0-99207",
        "RW - 5 - 900001 -2-2-0-99207 - RW - 5 - 900250 - 2-2-0-99207",
        "RW-5- 900001-2- 2-0-99207 - RW-5-900250-2-2- 0- 99207",
        "RW-5-900001-2-2-0-99207 - RW-5-900250-2-2-0-9920 7",
        "RW-5-0900001-2-2-0-99207 - RW-5-900250-2-2-0-99207",
    ],
)
def test_another_spelling_is_read_of_a_file_and_written_as_the_one_text(text: str) -> None:
    read = read_cdm(text)
    assert read is not None
    assert read.count == 250
    assert read.serial == parse(CERS)
    assert parse(text) is None
    assert finds(text)


@pytest.mark.parametrize(
    "text, count",
    [
        ("RW-5-900250-2-2-0-99207 - RW-5-900001-2-2-0-99207", -248),
        ("RW-5-900001-2-2-0-99207 - RW-5-900250-1-1-0-99207", 250),
        ("RW-5-900001-2-2-0-99207 - RW-5-900250-2-2-0-9920", 250),
        ("RW-5-900001-2-2-0-99207 - UG-5-900250-2-2-0-99207", 250),
        ("R-5-900001-2-2-0-99207 - RW-5-900250-2-2-0-99207", 250),
        ("R-5-900001-2-2-0-99207 - R-5-900250-2-2-0-99207", 250),
        ("RW-5-9000012-2-0-99207 - RW-5-9002502-2-0-99207", 2491),  # a hyphen lost
        ("RW-5-0-2-2-0-99207 - RW-5-250-2-2-0-99207", 251),
        (f"RW-5-1-2-2-0-99207 - RW-5-{LARGEST_NUMBER + 1}-2-2-0-99207", LARGEST_NUMBER + 1),
        ("900001 - 900250", 250),
        ("900001-900250", 250),
        ("900001 - RW-5-900250-2-2-0-99207", 250),
    ],
)
def test_a_range_of_which_the_ends_do_not_say_all_of_the_same_has_a_count_but_no_serial(
    text: str, count: int
) -> None:
    read = read_cdm(text)
    assert read is not None
    assert read.count == count
    assert read.serial is None
    assert parse(text) is None


def test_a_range_that_lost_a_hyphen_at_both_ends_is_found() -> None:
    assert finds("RW-5-9000012-2-0-99207 - RW-5-9002502-2-0-99207")


def test_the_ends_are_as_they_are_written() -> None:
    whole = CdmEnd(number=900001, country="RW", period=2, project="99207")
    assert read_cdm("RW-05-00-900001-02-02-000-0099207 - N-5-9002502-2-0-9") == CdmRange(
        first=whole, last=CdmEnd(number=9002502, country="N", period=None, project="9")
    )
    assert read_cdm("7 - 9") == CdmRange(first=CdmEnd(number=7), last=CdmEnd(number=9))


@pytest.mark.parametrize(
    "text",
    [
        "RW-5-900001-2-2-0-99207",
        "RW-5-900001-2-2-0-99207 - RW-5-900250",
        "RW-5-900001-1-2-0-99207 - RW-5-900250-1-2-0-99207",
        "RW-5-9000 01-2-2-0-99207 - RW-5-900250-2-2-0-99207",  # a number is never joined
        f"{CERS}.",
        f"{CERS}\n",
        f"{CERS} - {CERS}",
    ],
)
def test_a_spoilt_serial_is_not_read_but_found(text: str) -> None:
    assert read_cdm(text) is None
    assert parse(text) is None
    assert stated(text) is None
    assert finds(text)


@pytest.mark.parametrize(
    "text",
    [
        "RW-7-2-2-0-99207 - RW-9-2-2-0-99207",  # no 5 and a short number: another kind of unit?
        "RW-6-900001-2-2-0-99207 - RW-6-900250-2-2-0-99207",
        "RW-5-900001-3-3-0-99207 - RW-5-900250-3-3-0-99207",
        "RW-5-900001-2-2-1-99207 - RW-5-900250-2-2-1-99207",
        "RW-5-900001-2-2-0-0 - RW-5-900250-2-2-0-0",
        "RW-5-" + "9" * 5000 + "-2-2-0-99207 - RW-5-900250-2-2-0-99207",
        "9" * 5000 + " - 900250",
        "900001",
        "900001 - 900250 - 900300",
        "900001 TO",
        "",
        "-",
        "RW",
    ],
)
def test_a_text_that_could_mean_something_else_is_not_read(text: str) -> None:
    assert read_cdm(text) is None
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        CERS,
        f"  {CERS.lower()}\t",
        CERS.replace(" - ", "\xa0-  "),
        CERS.replace(" - ", "\xc2\xa0- \xc2\xa0"),
        CERS.replace(" - ", "\xc3\u201a\xc2\xa0- "),  # misread twice
        CERS.replace("-", "\u2013"),
        CERS.replace("-", "\xe2\u20ac\u201c"),
        CERS.replace("-", "\xe2\u20ac\u201d"),
        CERS.replace("-", "\xe2\u02c6\u2019"),
        CERS.replace("-", "\xc3\xa2\xe2\u201a\xac\xe2\u20ac\u0153"),  # misread twice
        CERS.replace("-", "\u200b-\ufeff"),
    ],
)
def test_what_was_misread_or_cannot_be_seen_is_mended(text: str) -> None:
    assert clean(text) == CERS


@pytest.mark.parametrize("text", [CERS, "GS1-1-KE-GS99001-16-2025-90001-1-50", "ÂME 7", "ÂÂ-"])
def test_nothing_else_is_changed(text: str) -> None:
    assert clean(text) == text


@given(st.text() | st.text(alphabet="\xc2\xa0\xe2\u20ac\u201c\u201d\xc3-R 5"))
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(
    st.text()
    | st.text(alphabet="0125RW- TO")
    | st.lists(st.sampled_from([*"0125-", "RW-5-", "900001", "-2-2-0-9", " - ", " TO "])).map(
        "".join
    )
)
@example("\ud800")
@example("\0")
def test_whatever_a_file_states_is_written_as_a_serial_that_is_read(text: str) -> None:
    read = read_cdm(text)
    if read is not None and read.serial is not None:
        assert parse(read.serial.text) == read.serial
        assert read.serial.count == read.count


@pytest.mark.parametrize("run", ["1", "0", "-", " ", "A-", "RW-5-", "RW-5-900001-2-2-0-9 ", "-TO "])
def test_a_long_text_takes_time_in_proportion_to_its_length(run: str) -> None:
    text = run * (300_000 // len(run))
    start = perf_counter()
    assert read_cdm(text) is None
    assert finds(clean(text)) in (True, False)
    assert perf_counter() - start < 5  # seconds; some 0.1, or hours if it went by the square


class Row:
    """A row with a serial number of CERs: its record's number + 1, its project, what it states."""

    def __init__(self, line: int, row: dict[str, str]) -> None:
        read = read_cdm(clean(row["Serial Number"]))
        assert read is not None
        self.line = line
        self.project = row["GSID"]
        self.quantity = int(row["Quantity"])
        self.text = clean(row["Serial Number"])
        self.read = read
        self.serial = read.serial


def rows(path: str) -> list[Row]:
    with (real_exports() / path).open(encoding="utf-8-sig", newline="") as file:
        return [
            Row(line, row)
            for line, row in enumerate(csv.DictReader(file), 2)
            if row["Product Type"] == "CER"
        ]


def overlaps(exported: list[Row], key: Callable[[Row], Hashable]) -> list[tuple[Row, Row, int]]:
    """Give the pairs of rows with a serial that overlap under a key, and by how many credits."""
    pairs = []
    series: dict[Hashable, list[Row]] = defaultdict(list)
    for row in sorted(exported, key=lambda row: row.read.first.number):
        for other in series[key(row)]:
            shared = min(row.read.last.number, other.read.last.number) - row.read.first.number + 1
            if shared > 0:
                pairs.append((other, row, shared))
        series[key(row)].append(row)
    return pairs


BERKELEY = "berkeley-2021-12/GOLD_issuances.csv"
ISSUED = "carbonplan-2026-04/gold-standard/issuances.csv"


def test_all_1633_real_rows_are_read_and_48_of_them_state_another_quantity() -> None:
    exported = rows(BERKELEY)
    assert len(exported) == 1630
    recent = rows(ISSUED)
    assert [(row.read.count, parse(row.text)) for row in recent] == [
        (row.quantity, row.serial) for row in recent
    ]
    assert len(recent) == 3
    differing = [row for row in exported if row.read.count != row.quantity]
    assert len(differing) == 48
    off = Counter(min(abs(row.read.count - row.quantity), 4) for row in differing)
    assert off == {1: 28, 2: 2, 4: 18}
    listed = {row.line: (row.quantity, row.read.count) for row in differing}
    assert listed[986] == (76519, 1)  # both ends equal
    assert listed[3684] == (36002, 360011)  # a hyphen lost
    assert listed[4357] == (5034, -5240)  # backwards
    assert listed[7632] == (21904, 21905)


def test_22_real_rows_have_no_serial_and_all_but_bare_numbers_are_found() -> None:
    exported = rows(BERKELEY)
    unsaid = [row for row in exported if row.serial is None]
    why: Counter[str] = Counter()
    for row in unsaid:
        first, last = row.read.first, row.read.last
        if first.country is None:
            why["bare"] += 1
        elif first.period is None:
            why["one period"] += 1
        elif row.read.count < 1:
            why["backwards"] += 1
        elif first.country != last.country:
            why["two countries"] += 1
        elif first.period != last.period:
            why["two periods"] += 1
        elif first.project != last.project:
            why["two projects"] += 1
    assert why == {
        "bare": 10,
        "one period": 6,
        "backwards": 2,
        "two countries": 2,
        "two periods": 1,
        "two projects": 1,
    }
    assert sum(why.values()) == len(unsaid) == 22
    assert sum(parse(row.text) is not None for row in exported) == 1495
    assert [row.read.first.country for row in exported if not finds(row.text)] == [None] * 10


def test_the_real_rows_overlap_only_in_the_two_double_listings_of_project_3607() -> None:
    exported = [row for path in (BERKELEY, ISSUED) for row in rows(path)]
    counted = [row for row in exported if row.serial and row.read.count == row.quantity]
    assert len(counted) == 1574

    def country(row: Row) -> str:
        assert row.serial is not None
        return row.serial.series

    found = [
        (one.line, other.line, one.project, other.project, one.quantity, other.quantity, shared)
        for one, other, shared in overlaps(counted, country)
    ]
    assert found == [
        (3765, 3770, "3607", "3607", 132, 132, 132),
        (3771, 3766, "3607", "3607", 352, 352, 342),
    ]
    wider = overlaps(counted, lambda row: (country(row), row.read.first.period))
    assert [(one.line, other.line) for one, other, _ in wider] == [(3765, 3770), (3771, 3766)]
    assert len(overlaps(counted, lambda row: row.read.first.period)) == 293


def test_of_the_real_rows_with_another_quantity_four_overlap_others() -> None:
    exported = [row for row in rows(BERKELEY) if row.serial]
    double = {3765, 3766, 3770, 3771}
    partners: dict[int, set[int]] = defaultdict(set)
    for one, other, _ in overlaps(exported, lambda row: row.serial and row.serial.series):
        if one.line not in double:
            partners[one.line].add(other.line)
            partners[other.line].add(one.line)
    # Without row 3757, whose start has lost a digit, three are left with six partners.
    for line in partners.pop(3757):
        partners[line].discard(3757)
    wrong = {line: len(partners[line]) for line in (1966, 4019, 7578)}
    assert wrong == {1966: 4, 4019: 1, 7578: 1}
    differing = {row.line for row in exported if row.read.count != row.quantity}
    assert differing.issuperset({1966, 3757, 4019, 7578})
    left = {line for line, others in partners.items() if others - set(wrong)}
    assert left == set(wrong)


def test_the_real_numbers_run_on_from_the_first_period_into_the_second() -> None:
    started: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows(BERKELEY):
        if row.serial is not None and row.read.count == row.quantity:
            country, period = row.read.first.country, row.read.first.period
            assert country is not None
            assert period is not None
            known = started[country].setdefault(period, row.serial.first)
            started[country][period] = min(known, row.serial.first)
    both = {country: firsts for country, firsts in started.items() if len(firsts) == 2}
    assert len(both) == 13
    assert [country for country, firsts in both.items() if firsts[2] <= firsts[1]] == []
