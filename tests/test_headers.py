"""Headers: which of them are a list of projects, and which unknown column may change a row."""

import csv
from pathlib import Path

import pytest

from export_rows import VERRA as GOOD
from export_samples import open_export
from offset.headers import lists_projects, may_matter, recognised, says_what_became
from offset.registries.files import FileKind
from offset.rows import Row, RowIssue

VERRA = ["Vintage Start", "Quantity Issued", "Serial Number", "Retirement/Cancellation Date"]


def verra() -> FileKind:
    kind = recognised(VERRA)
    assert kind is not None
    return kind


@pytest.mark.parametrize(
    "header",
    [
        "Project ID,Project Name,Developer,Validator,Country,Predicted Sequestration (tCO2e)",
        "Project ID,Project Name,Supplier,Methodology,Annual Capacity (tCO2)",
        "Project ID,Project Name,Status,Total Credits Issued,Total Credits Retired",
    ],
)
def test_what_a_project_may_bring_is_no_quantity_of_credits(header: str) -> None:
    assert lists_projects(header.split(","))


@pytest.mark.parametrize(
    "more",
    [
        *("Retired", "Cancelled", "VCUs", "Units", "Qty", "Number", "From", "Beneficiary"),
        *("Retired by", "Account Holder", "Retired on behalf of"),
    ],
)
def test_a_table_about_credits_is_no_list_of_projects(more: str) -> None:
    header = ["Project ID", "Project Name", "Country"]
    assert lists_projects(header)
    assert not lists_projects([*header, more])


@pytest.mark.parametrize(
    "name",
    [
        *("qty", "sold", "removed", "duplicate of", "valid?", "net", "from", "unit type", "menge"),
        *("corrected quantity", "exclude", "count", "estado", "disposition"),
    ],
)
def test_an_unknown_column_that_may_change_a_row_matters(name: str) -> None:
    assert may_matter(name, verra())


@pytest.mark.parametrize(
    "name",
    [
        *("our reference", "portfolio", "comment", "cost centre", "amount paid", "total price"),
        *("retirement certificate", "amount (usd)", "correspondingly adjusted", "state", "size"),
        *("country risk", "first name of the buyer", "sub-type", "type"),
    ],
)
def test_an_unknown_column_beside_the_credits_does_not_matter(name: str) -> None:
    assert not may_matter(name, verra())


@pytest.mark.parametrize(
    "cell, says",
    [("Retired ", True), ("CANCELLATION", True), ("sold", True), ("Ohio", False), ("wind", False)],
)
def test_a_cell_may_say_in_one_word_what_became_of_credits(cell: str, says: bool) -> None:
    assert says_what_became(cell) is says


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
@pytest.mark.parametrize(
    "numbers, taken", [("0 1", 2), ("7 9", 2), ("1 1", 0), ("0 x", 0), ("0 ", 1), ("0.5 1.5", 0)]
)
def test_a_first_column_without_a_name_may_number_the_rows(
    tmp_path: Path, name: str, numbers: str, taken: int
) -> None:
    path = tmp_path / "export.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = ([number, *GOOD.values()] for number in numbers.split(" "))
        csv.writer(file).writerows([[name, *GOOD], *rows])
    found = list(open_export(path).rows())
    assert sum(isinstance(row, Row) for row in found) == taken
    assert {row.code for row in found if isinstance(row, RowIssue)} <= {"unnamed-column"}
