"""What an import makes of rows that have serial numbers: on both databases, row by row.

Every import goes through `imports.take`, which also replays the ledger and counts the rows.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders import (
    cancelling,
    created,
    do,
    leaves,
    opened,
)
from export_rows import ACR_ISSUED, ACR_RETIRED, GOLD, gold, vcu
from imports import (
    File,
    balances,
    block,
    content,
    ends_made,
    golden,
    held,
    records,
    retired,
    take,
    take_paths,
    verra,
    verra_create,
    words,
)
from offset.importing import CODES
from offset.ledger import Ledger
from offset.reading import Reader
from offset.rows import ISSUES


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with opened(database_url) as opened_ledger:
        yield opened_ledger


# Rows against nothing


def test_blank_lines_between_rows_are_no_rows_and_lines_keep_their_numbers(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = verra(block(1, 100), block(101, 200), block(150, 300)).write(tmp_path / "blank.csv")
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, "", rows[0], "", "", rows[1], "", rows[2], "", ""]))
    taken = take_paths(ledger, path)
    assert (taken.counts, taken.codes) == ((2, 0, 1), [(8, "stated-twice")])
    assert "line 6 states" in taken.issues[0].detail
    assert take_paths(ledger, path).counts == (0, 2, 1)


def test_a_methodology_that_is_too_long_for_a_record_stands_in_the_words(
    ledger: Ledger, tmp_path: Path
) -> None:
    name = "Methodology for " + "very " * 30 + "long names"
    take(ledger, tmp_path, verra(block(1, 100, Methodology=name), block(101, 200)))
    long, short = records(ledger.database)
    assert (long["methodology"], short["methodology"]) == (None, "VM0009")
    assert [json.loads(one).get("methodology") for one in words(ledger.database)] == [name]


def test_a_block_becomes_a_record_with_the_facts_of_its_row(ledger: Ledger, tmp_path: Path) -> None:
    taken = take(ledger, tmp_path, verra(block(1, 100)))
    assert (taken.counts, taken.issues, taken.differences) == ((1, 0, 0), [], [])
    (record,) = records(ledger.database)
    shown = {name: record[name] for name in ("registry", "vintage", "quantity", "serial_number")}
    assert shown == {
        "registry": "Verra",
        "vintage": 2019,
        "quantity": 100,
        "serial_number": vcu(1, 100),
    }
    names = ("project_name", "project_id", "country", "methodology", "effective_on", "planned")
    assert [record[name] for name in names] == [
        *("Forest of Ida", "VCS9001", "IN", "VM0009", "2021-02-13", False),
    ]
    assert (record["vintage_start"], record["vintage_end"]) == ("2019-01-01", "2019-12-31")
    assert (record["status"], record["events_total"]) == ("CREATED", 1)


def test_a_retired_block_becomes_a_record_that_is_retired(ledger: Ledger, tmp_path: Path) -> None:
    row = retired(1, 100, **{"Retirement Reason": "Environmental Benefit"})
    assert take(ledger, tmp_path, verra(row)).counts == (1, 0, 0)
    assert balances(ledger.database) == [(vcu(1, 100), 100, 0, 100, 0)]
    (end,) = ends_made(ledger.database)
    said = {name: end.data[name] for name in ("purpose", "effective_on", "holder", "group")}
    assert said == {
        "purpose": "environmental-benefit",
        "effective_on": "2022-03-14",
        "holder": None,
        "group": None,
    }


def test_the_same_file_again_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    file = verra(block(1, 100), retired(101, 200), block(201, 201))
    take(ledger, tmp_path, file)
    before = leaves(ledger.database)
    again = take(ledger, tmp_path, file)
    assert (again.counts, again.issues, again.differences) == ((0, 3, 0), [], [])
    assert leaves(ledger.database) == before


def test_a_files_own_serial_text_is_kept_where_it_says_the_same(
    ledger: Ledger, tmp_path: Path
) -> None:
    spaced = f"  {vcu(1, 100)}\N{NO-BREAK SPACE}"
    take(ledger, tmp_path, verra(block(1, 100, **{"Serial Number": spaced})))
    (record,) = records(ledger.database)
    assert record["serial_number"] == vcu(1, 100)
    assert record["serial"]["text"] == vcu(1, 100)


def test_rows_that_cannot_be_read_are_reported_and_the_others_taken(
    ledger: Ledger, tmp_path: Path
) -> None:
    taken = take(
        ledger,
        tmp_path,
        verra(
            block(1, 100),
            block(101, 200, **{"Quantity Issued": "99"}),
            block(201, 300, **{"Serial Number": f"see {vcu(201, 300)}"}),
            block(301, 400),
        ),
    )
    assert taken.counts == (2, 0, 2)
    assert [line for line, _ in taken.codes] == [3, 4]
    assert taken.codes[0] == (3, "quantity-mismatch")
    assert [row[0] for row in balances(ledger.database)] == [vcu(1, 100), vcu(301, 400)]


def test_a_row_whose_words_cannot_be_kept_is_reported_with_the_ledgers_own_code(
    ledger: Ledger, tmp_path: Path
) -> None:
    rows = [
        block(1, 100, Name="x" * 501),
        retired(101, 200, **{"Retirement Details": "x" * 4_001}),
        block(201, 300),
    ]
    taken = take(ledger, tmp_path, verra(*rows))
    assert taken.codes == [(2, "invalid-text"), (3, "invalid-text")]
    assert taken.counts == (1, 0, 2)
    assert balances(ledger.database) == [(vcu(201, 300), 100, 100, 0, 0)]


def test_a_vintage_that_the_serial_number_contradicts_is_reported(
    ledger: Ledger, tmp_path: Path
) -> None:
    other = {"Vintage Start": "2017-01-01", "Vintage End": "2017-12-31"}
    near = {"Vintage Start": "2019-02-01", "Vintage End": "2020-01-31"}
    taken = take(
        ledger, tmp_path, verra(block(1, 100), block(101, 200, **other), block(201, 300, **near))
    )
    assert (taken.codes, taken.counts) == ([(3, "vintage-mismatch")], (2, 0, 1))
    # What the ledger has is followed, whatever an edition says of its vintage.
    later = take(ledger, tmp_path, verra(retired(1, 100, **other), block(201, 300, **near)))
    assert (later.codes, later.counts) == ([], (1, 1, 0))


def test_a_cells_line_breaks_are_spaces_and_its_other_control_characters_report_the_row(
    ledger: Ledger, tmp_path: Path
) -> None:
    broken = {"Name": "Two\r\nRivers\tforest\u2028x", "Methodology": "VM\n0009"}
    rows = [
        block(1, 100, **broken),
        retired(101, 200, **{"Retirement Details": "one\n\ntwo\u200b"}),
        block(201, 300, Name="Soft\u00adhyphen \u200b\ufeffzero"),
        block(301, 400, Name="a\x1b[2Jb"),
        block(401, 500, Name="a\u202eb"),
        retired(501, 600, **{"Retirement Beneficiary": "a\u2066b"}),
        block(601, 700, ID="90\x0701"),
        block(701, 800, **{"Serial Number": vcu(701, 800).replace("VCS", "V\u200eCS")}),
    ]
    taken = take(ledger, tmp_path, verra(*rows))
    assert taken.codes == [(line, "invalid-text") for line in (5, 6, 7, 8)]
    assert taken.counts == (4, 0, 4)
    kept = {one["serial_number"]: one for one in records(ledger.database)}
    assert kept[vcu(1, 100)]["project_name"] == "Two Rivers forest x"
    assert kept[vcu(1, 100)]["methodology"] == "VM 0009"
    assert kept[vcu(201, 300)]["project_name"] == "Soft\u00adhyphen \u200b\ufeffzero"
    assert kept[vcu(701, 800)]["id"]
    assert any("one two\u200b" in json.loads(kept).values() for kept in words(ledger.database))
    assert take(ledger, tmp_path, verra(*rows)).counts == (0, 4, 4)


# Later editions


def test_a_block_that_a_later_edition_splits_is_retired_in_parts(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, verra(block(1, 100)))
    later = [block(1, 20), retired(21, 40), block(41, 60), retired(61, 61), block(62, 100)]
    assert take(ledger, tmp_path, verra(*later)).counts == (2, 3, 0)
    assert balances(ledger.database) == [(vcu(1, 100), 100, 79, 21, 0)]
    (record,) = records(ledger.database)
    kept = [(hold["serial_first"], hold["serial_last"]) for hold in record["holdings"]]
    assert kept == [(1, 20), (41, 60), (62, 100)]
    again = take(ledger, tmp_path, verra(*later))
    assert (again.counts, again.differences) == ((0, 5, 0), [])


def test_blocks_that_a_later_edition_joins_are_retired_as_one_group(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, verra(block(1, 40), block(41, 100)))
    joined = retired(31, 70, **{"Retirement Beneficiary": "Jane Roe"})
    later = verra(block(1, 30), joined, block(71, 100))
    assert take(ledger, tmp_path, later).counts == (1, 2, 0)
    first, second = ends_made(ledger.database)
    shown = Reader(ledger.database).retirement(second.id)
    assert (shown["id"], shown["quantity"], shown["beneficiary"]) == (first.id, 40, "Jane Roe")
    texts = [part["serial_number"] for part in shown["parts"]]
    assert texts == [vcu(31, 40), vcu(41, 70)]


@pytest.mark.parametrize("make", [block, retired])
def test_what_no_record_covers_becomes_a_record_with_the_text_of_that_part(
    make: Any, ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, verra(block(21, 40), block(61, 80)))
    taken = take(ledger, tmp_path, verra(make(1, 100)))
    assert (taken.counts, taken.differences) == ((1, 0, 0), [])
    left = (20, 20, 0, 0) if make is block else (20, 0, 20, 0)
    assert balances(ledger.database) == [
        (vcu(first, first + 19), *left) for first in (21, 61, 1, 41, 81)
    ]
    assert [record["serial"]["first"] for record in records(ledger.database)] == [21, 61, 1, 41, 81]


def test_what_was_retired_before_stays_and_the_rest_of_the_row_is_retired_now(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, verra(retired(1, 40), block(41, 100)))
    later = verra(retired(21, 60), retired(1, 20), block(61, 100))
    assert take(ledger, tmp_path, later).counts == (1, 2, 0)
    assert [row[1:] for row in balances(ledger.database)] == [(40, 0, 40, 0), (60, 40, 20, 0)]
    assert len(ends_made(ledger.database)) == 2


def test_another_name_of_the_project_is_no_contradiction(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, verra(block(1, 100)))
    renamed = {"Name": "Forest of Ida, Phase II", "Issuance Date": "2021-02-14", "ID": "VCS9001"}
    taken = take(ledger, tmp_path, verra(block(1, 60, **renamed), retired(61, 100, **renamed)))
    assert (taken.counts, taken.issues) == ((1, 1, 0), [])
    assert [record["project_name"] for record in records(ledger.database)] == ["Forest of Ida"]


def test_a_row_that_contradicts_the_ledger_in_part_applies_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Numbers 1 to 9 are new, 10 to 19 active, 20 to 29 cancelled: the row retires all."""
    record_id = created(ledger, **verra_create(10, 29))
    do(ledger, cancelling(record_id, serial_first=20, serial_last=29, cause="other"))
    before = content(ledger.database)
    taken = take(ledger, tmp_path, verra(retired(1, 29)))
    assert taken.codes == [(2, "cancelled-here")]
    assert taken.counts == (0, 0, 1)
    assert content(ledger.database) == before
    (issue,) = taken.issues
    assert issue.serial == vcu(1, 29)
    assert f"event {ends_made(ledger.database)[0].id}" in issue.detail


# What contradicts the ledger


def test_credits_that_are_retired_here_and_active_there_are_reported(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, verra(retired(1, 100)))
    for file in (verra(block(1, 100)), verra(block(50, 60)), held(100, 100), held(90, 110)):
        taken = take(ledger, tmp_path, file)
        assert taken.codes[0] == (2, "retired-here")
        assert taken.counts == (0, 0, 1)
    assert [row[0] for row in balances(ledger.database)] == [vcu(1, 100)]


@pytest.mark.parametrize(
    "ended, status, code",
    [
        ("Retired", "Canceled", "moved-to-cancelled"),
        ("Canceled", "Retired", "cancelled-here"),
    ],
)
def test_credits_that_ended_otherwise_are_reported(
    ended: str, status: str, code: str, ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, File(GOLD, [golden(1, 100, **{"Credit Status": ended})]))
    taken = take(ledger, tmp_path, File(GOLD, [golden(1, 100, **{"Credit Status": status})]))
    assert (taken.codes, taken.counts) == ([(2, code)], (0, 0, 1))
    assert "event " + ends_made(ledger.database)[0].id in taken.issues[0].detail


def test_holdings_are_taken_and_held_against_the_ledger(ledger: Ledger, tmp_path: Path) -> None:
    assert take(ledger, tmp_path, held(1, 100)).counts == (1, 0, 0)
    assert balances(ledger.database) == [(vcu(1, 100), 100, 100, 0, 0)]
    assert json.loads(*words(ledger.database)) == {"account": "Acme"}
    assert take(ledger, tmp_path, verra(retired(1, 40), block(41, 100))).counts == (1, 1, 0)
    assert take(ledger, tmp_path, held(41, 100)).counts == (0, 1, 0)


def test_holdings_of_one_sub_account_leave_nothing_out(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, verra(block(1, 100), block(101, 200)))
    assert take(ledger, tmp_path, held(41, 100)).issues == []


@pytest.mark.parametrize("order", [1, -1])
def test_an_issuance_of_gold_standard_says_nothing_of_what_became_of_its_credits(
    order: int, ledger: Ledger, tmp_path: Path
) -> None:
    """Its search for issuances lists all credits as issued, its search for retirements some."""
    spent = {"Credit Status": "Retired", "Retirement Date": "2022-03-14"}
    files = [File(GOLD, [golden(1, 100)]), File(GOLD, [golden(31, 40, **spent)])]
    taken = take(ledger, tmp_path, *files[::order])
    assert (taken.counts, taken.issues, taken.differences) == ((2, 0, 0), [], [])
    again = take(ledger, tmp_path, *files[::order])
    assert (again.counts, again.issues, again.differences) == ((0, 2, 0), [], [])


def test_an_issuance_of_acr_says_nothing_of_what_became_of_its_credits(
    ledger: Ledger, tmp_path: Path
) -> None:
    files = File(ACR_ISSUED, [{}]), File(ACR_RETIRED, [{}])
    take(ledger, tmp_path, *files)
    again = take(ledger, tmp_path, *files)
    assert (again.counts, again.issues) == ((0, 2, 0), [])


def test_credits_that_a_file_lists_twice_are_taken_once(ledger: Ledger, tmp_path: Path) -> None:
    taken = take(ledger, tmp_path, verra(block(1, 100), retired(100, 110), block(111, 120)))
    assert taken.codes == [(3, "stated-twice")]
    assert "line 2" in taken.issues[0].detail
    assert taken.counts == (2, 0, 1)
    assert [row[0] for row in balances(ledger.database)] == [vcu(1, 100), vcu(111, 120)]
    project = ("verra", "VCS9001", 2019)
    assert taken.differences == [
        (*project, "issued", 121, 110),
        (*project, "retired", 11, 0),
    ]


def test_what_a_later_edition_lists_no_more_is_reported(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, verra(block(1, 100), retired(101, 200), block(201, 300)))
    taken = take(ledger, tmp_path, verra(block(1, 100), block(201, 299)))
    assert taken.codes == [(None, "vanished")] * 2
    assert ["101 to 200" in taken.issues[0].detail, "201 to 300" in taken.issues[1].detail] == [
        *(True, True),
    ]
    project = ("verra", "VCS9001", 2019)
    assert taken.differences == [
        (*project, "issued", 199, 300),
        (*project, "retired", 0, 100),
    ]


def test_nothing_vanishes_of_a_project_that_the_file_is_not_about(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, verra(block(1, 100)))
    other = {"ID": "9002", "Serial Number": vcu(101, 200, project=9002)}
    assert take(ledger, tmp_path, verra(other)).issues == []


# Planned credits


def test_planned_credits_are_marked_and_counted_apart(ledger: Ledger, tmp_path: Path) -> None:
    file = File(GOLD, [golden(1, 60, **{"Product Type": "PER"}), golden(61, 100)])
    taken = take(ledger, tmp_path, file)
    assert (taken.counts, taken.differences) == ((2, 0, 0), [])
    assert [record["planned"] for record in records(ledger.database)] == [True, False]
    again = take(ledger, tmp_path, file)
    assert (again.counts, again.differences) == ((0, 2, 0), [])


def test_planned_credits_that_became_issued_are_reported(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, File(GOLD, [golden(1, 60, **{"Product Type": "PER"}), golden(61, 90)]))
    later = [golden(1, 60), golden(61, 90, **{"Product Type": "PER"})]
    taken = take(ledger, tmp_path, File(GOLD, later))
    assert taken.codes == [(2, "planned-differs"), (3, "planned-differs")]
    assert [record["planned"] for record in records(ledger.database)] == [True, False]


def test_planned_credits_that_a_row_retires_are_reported_as_the_ledger_refuses_them(
    ledger: Ledger, tmp_path: Path
) -> None:
    spent = {"Product Type": "PER", "Credit Status": "Retired"}
    taken = take(ledger, tmp_path, File(GOLD, [golden(1, 60, **spent), golden(61, 90)]))
    assert (taken.codes, taken.counts) == ([(2, "planned-credits")], (1, 0, 1))
    assert balances(ledger.database) == [(gold(61, 90), 30, 30, 0, 0)]


# Codes


@pytest.mark.parametrize("code", sorted(CODES.keys() - ISSUES.keys()))
def test_every_code_of_the_importers_own_is_looked_for_by_a_test(code: str) -> None:
    here = Path(__file__)
    tests = [path.read_text(encoding="utf-8") for path in here.parent.glob(f"{here.stem}*.py")]
    assert any(f'"{code}"' in text for text in tests)
