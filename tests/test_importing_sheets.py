"""What an import makes of workbooks as they come: several sheets, of which some repeat rows."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from builders import opened
from export_rows import ACR_ISSUED, ACR_RETIRED, ARB, CAR_ISSUED, VERRA, Cells, acr
from imports import balances, block, ends_made, records, retired, take_paths
from offset.auditing import audit
from offset.ledger import Ledger
from workbooks import Value, write_workbook


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with opened(database_url) as opened_ledger:
        yield opened_ledger


def sheet(right: Cells, *rows: Cells, titles: int = 0) -> list[list[Value]]:
    """A sheet: titles, the header, and its rows as what they have in place of the right one."""
    above: list[list[Value]] = [[f"Title {n}"] for n in range(titles)]
    below: list[list[Value]] = [[*{**right, **row}.values()] for row in rows]
    return [*above, [*right], *below]


def workbook(folder: Path, sheets: Mapping[str, Sequence[Sequence[Value]]]) -> Path:
    return write_workbook(folder / "export.xlsx", sheets)


def arb(letter: str, **cells: str) -> Cells:
    return {"CARB Issuance ID": f"CAFR9037-{letter}", **cells}


# California's, without the column that the editions of 2021 to 2024 do not have.
WITHOUT_ID = {name: text for name, text in ARB.items() if name != "CARB Project ID"}


def test_californias_workbook_is_taken_as_it_is_downloaded(ledger: Ledger, tmp_path: Path) -> None:
    voluntary = {"Retired Voluntarily": "30"}
    path = workbook(
        tmp_path,
        {
            "Introduction": [["ARB Offset Credit Issuance"]],
            "Issuance": sheet(WITHOUT_ID, arb("A"), arb("B", **voluntary), arb("(zero)")),
            "Latest Issuances": sheet(WITHOUT_ID, arb("B", **voluntary)),
            "Latest Reduced": sheet(WITHOUT_ID),
        },
    )
    taken = take_paths(ledger, path)
    assert (taken.counts, taken.codes, taken.differences) == ((3, 1, 0), [], [])
    assert [one["project_id"] for one in records(ledger.database)] == ["CAFR9037"] * 3
    assert sum(row[3] for row in balances(ledger.database)) == 30
    assert taken.imported.passed_over == [
        "export.xlsx: sheet Introduction: no export that is known has the columns of its first rows"
    ]
    again = take_paths(ledger, path)
    assert (again.counts, again.codes, again.differences) == ((0, 4, 0), [], [])
    totals = audit([path])
    assert (sum(one.issued_g for one in totals.totals), totals.findings) == (300_000_000, [])


def test_sheets_of_several_registries_are_taken_together(ledger: Ledger, tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        {
            "ACR retirements": sheet(ACR_RETIRED, {}, titles=3),
            "ACR issuances": sheet(ACR_ISSUED, {}, titles=2),
            "CAR issuances": sheet(CAR_ISSUED, {"Canceled": "x"}, {}),
            "Projects": [["Project ID", "Project Name", "Country"], ["ACR901", "Ida", "US"]],
        },
    )
    taken = take_paths(ledger, path)
    assert taken.counts == (3, 0, 1)
    assert [(one.file, one.line, one.code) for one in taken.issues] == [
        ("export.xlsx, sheet CAR issuances", 2, "invalid-quantity")
    ]
    assert len(ends_made(ledger.database)) == 1


def test_equal_issuances_of_two_sheets_are_the_same_and_of_one_sheet_are_not(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = workbook(
        tmp_path, {"All": sheet(ACR_ISSUED, {}, {}), "Latest": sheet(ACR_ISSUED, {}, {})}
    )
    taken = take_paths(ledger, path)
    assert (taken.counts, taken.codes, taken.differences) == ((2, 2, 0), [], [])


def test_sheets_that_state_the_same_credits_otherwise_are_reported(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = workbook(
        tmp_path,
        {
            "All": sheet(VERRA, block(1, 100), block(101, 200)),
            "Latest": sheet(VERRA, retired(1, 100), block(101, 200), block(150, 300)),
        },
    )
    taken = take_paths(ledger, path)
    assert taken.counts == (2, 1, 2)
    assert taken.codes == [(2, "stated-twice"), (4, "stated-twice")]
    assert "line 2 of sheet All states" in taken.issues[0].detail


def test_running_totals_of_a_vintage_add_up_over_sheets(ledger: Ledger, tmp_path: Path) -> None:
    first = {"Total Offset Credits Issued": "100", "Canceled": "10"}
    second = {"Total Offset Credits Issued": "200", "Canceled": "20"}
    path = workbook(
        tmp_path,
        {"2020": sheet(CAR_ISSUED, first), "2021": sheet(CAR_ISSUED, second, first)},
    )
    for counts in ((2, 1, 0), (0, 3, 0)):
        taken = take_paths(ledger, path)
        assert (taken.counts, taken.codes, taken.differences) == (counts, [], [])
    assert sum(row[4] for row in balances(ledger.database)) == 30


# What a row that is reported lists has not vanished


def reported(right: Cells, row: Cells, code: str) -> tuple[Cells, Cells, Cells, str]:
    """A kind of row, what the first edition has of it, the second, and why that is reported."""
    return right, {}, row, code


REPORTED = [
    reported(ARB, {"Retired Voluntarily": "101"}, "ended-exceeds-issued"),
    reported(ARB, {"Issuance Date": "2020-02-30"}, "invalid-date"),
    reported(VERRA, {"Quantity Issued": "99"}, "quantity-mismatch"),
    reported(VERRA, {"Vintage End": "soon"}, "invalid-date"),
    reported(
        VERRA, {"Serial Number": "9019-1-100-VCS-VCU-901-VER-IN-1-9001-0"}, "serial-malformed"
    ),
    reported(VERRA, {"Serial Number": ""}, "no-serial"),
    reported(ACR_ISSUED, {"Total Credits Issued": "many"}, "invalid-quantity"),
    reported(CAR_ISSUED, {"Canceled": "101"}, "ended-exceeds-issued"),
]


@pytest.mark.parametrize("right, before, after, code", REPORTED, ids=lambda one: str(one)[:40])
def test_a_row_that_is_reported_has_not_vanished(
    ledger: Ledger, tmp_path: Path, right: Cells, before: Cells, after: Cells, code: str
) -> None:
    # A second row of the project, which stays as it is.
    other: dict[str, Cells] = {
        "CARB Issuance ID": {"CARB Issuance ID": "CAFR9037-B"},
        "Serial Number": block(101, 200),
        "Date Issued (GMT)": {"Date Issued (GMT)": "2021-02-14"},
        "Date Issued": {"Date Issued": "2021-02-14"},
    }
    stays = next(row for name, row in other.items() if name in right)
    path = workbook(tmp_path, {"One": sheet(right, before, stays)})
    assert take_paths(ledger, path).counts == (2, 0, 0)
    path = workbook(tmp_path, {"Two": sheet(right, after, stays)})
    taken = take_paths(ledger, path)
    assert (taken.counts, taken.codes) == ((0, 1, 1), [(2, code)])
    # The same without the row, which has vanished.
    path = workbook(tmp_path, {"Three": sheet(right, stays)})
    assert [code for _, code in take_paths(ledger, path).codes] == ["vanished"]


def test_a_row_whose_cells_are_shifted_still_lists_its_credits(
    ledger: Ledger, tmp_path: Path
) -> None:
    header = ",".join(VERRA)
    rows = [",".join({**VERRA, **block(first, first + 99)}.values()) for first in (1, 101, 201)]
    path = tmp_path / "vcus.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    assert take_paths(ledger, path).counts == (3, 0, 0)
    path.write_text("\n".join([header, rows[0], f"{rows[1]},one,more"]), encoding="utf-8")
    taken = take_paths(ledger, path)
    assert taken.codes == [(3, "field-count"), (None, "vanished")]
    assert "201 to 300" in taken.issues[1].detail


def test_what_a_row_states_beyond_another_rows_has_not_vanished(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = workbook(tmp_path, {"One": sheet(VERRA, block(1, 100), block(101, 200))})
    assert take_paths(ledger, path).counts == (2, 0, 0)
    path = workbook(tmp_path, {"Two": sheet(VERRA, block(1, 150), block(51, 200))})
    assert take_paths(ledger, path).codes == [(3, "stated-twice")]


def test_an_end_of_a_row_that_is_reported_has_not_vanished(ledger: Ledger, tmp_path: Path) -> None:
    def row(first: int, last: int, **cells: str) -> Cells:
        numbers = {"Credit Serial Numbers": acr(first, last)}
        return {"Quantity of Credits": str(last - first + 1), **numbers, **cells}

    def edition(*rows: Cells) -> Path:
        issued = sheet(ACR_ISSUED, {})
        return workbook(tmp_path, {"Issued": issued, "Retired": sheet(ACR_RETIRED, *rows)})

    assert take_paths(ledger, edition(row(1, 50), row(51, 60))).counts == (3, 0, 0)
    taken = take_paths(ledger, edition(row(1, 50, **{"Retirement Reason": "Fun"}), row(51, 60)))
    assert taken.codes == [(2, "unknown-reason")]
    assert take_paths(ledger, edition(row(51, 60))).codes == [(None, "vanished")]


def test_a_total_of_which_a_row_is_reported_has_not_decreased(
    ledger: Ledger, tmp_path: Path
) -> None:
    first = {"Canceled": "10"}
    second = {"Total Offset Credits Issued": "200", "Canceled": "20"}
    path = workbook(tmp_path, {"One": sheet(CAR_ISSUED, first, second)})
    assert take_paths(ledger, path).counts == (2, 0, 0)
    bad = {**second, "Date Issued": "2021-02-30"}
    path = workbook(tmp_path, {"Two": sheet(CAR_ISSUED, first, bad)})
    assert take_paths(ledger, path).codes == [(3, "invalid-date")]
    path = workbook(tmp_path, {"Three": sheet(CAR_ISSUED, first, {**second, "Canceled": "19"})})
    assert [code for _, code in take_paths(ledger, path).codes] == ["total-decreased"]
