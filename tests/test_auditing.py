"""An audit finds what is wrong in exports and nothing else, and its sums are the files' sums.

Synthetic files are written here, a row as what differs from a row that is right.
"""

import csv
import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from export_rows import (
    ACR_CANCELLED,
    ACR_ISSUED,
    ACR_RETIRED,
    CAR_ISSUED,
    CAR_RETIRED,
    GOLD,
    VERRA,
    VERRA_HELD,
    Cells,
)
from offset.auditing import CODES, Audit, Total, audit

ROOT: Final = Path(__file__).resolve().parent.parent

Given = Cells | str  # a row by its cells, or as it stands in the file


def vcu(first: int, last: int, project: int = 9001, flag: int = 0) -> str:
    return f"9019-{first}-{last}-VCS-VCU-901-VER-IN-1-{project}-01012019-31122019-{flag}"


def batch(first: int, last: int, project: int = 901, number: int = 9001) -> str:
    return f"ACR-US-{project}-2019-{number}-{first} to {last}"


def car(first: int, last: int, developer: int = 901) -> str:
    return f"CAR-1-US-901-4-{developer}-AL-2019-9001-{first} to {last}"


BOTH_RETIRED: Final[Cells] = {
    **{name: text for name, text in CAR_RETIRED.items() if name != "Protocol Version"},
    "Date Issued": "02/13/2021",
}


@dataclass(frozen=True)
class File:
    """A file: the row that is right, and what its rows have in place of that."""

    right: Cells
    rows: Sequence[Given]

    def write(self, path: Path) -> Path:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(self.right)
            for row in self.rows:
                if isinstance(row, str):
                    file.write(row + "\r\n")
                else:
                    assert row.keys() <= self.right.keys(), row
                    csv.writer(file).writerow({**self.right, **row}.values())
        return path


def audited(folder: Path, *files: File) -> Audit:
    """Write the files as `1.csv`, `2.csv`, ... and audit them together."""
    return audit([file.write(folder / f"{n}.csv") for n, file in enumerate(files, 1)])


def found(result: Audit) -> list[tuple[str, int, str]]:
    return [(finding.file, finding.line, finding.code) for finding in result.findings]


def acr_retired(first: int, last: int, **more: str) -> Cells:
    cells = {"Quantity of Credits": str(last - first + 1), **more}
    return {"Credit Serial Numbers": batch(first, last), **cells}


LATER: Final = {"Status Effective (GMT)": "3/15/2022 4:16:10 PM"}  # than the row that is right

# For each code: files in which this is wrong, and the lines of the last one where it is found.
WRONG: Final[Mapping[str, tuple[Sequence[File], Sequence[int]]]] = {
    "field-count": ([File(VERRA, [{}, "2021-02-13,2019-01-01"])], [3]),
    "unclosed-quote": ([File(VERRA, [{}, '2021-02-13,"2019-01-01,2019'])], [3]),
    "unnamed-column": ([File({**GOLD, "": ""}, [{"": "lost"}])], [2]),
    "no-quantity": ([File(GOLD, [{"Quantity": ""}])], [2]),
    "invalid-quantity": ([File(GOLD, [{"Quantity": "many"}])], [2]),
    "quantity-mismatch": ([File(VERRA, [{"Quantity Issued": "99"}])], [2]),
    "ended-exceeds-issued": ([File(CAR_ISSUED, [{"Canceled for ARB Compliance": "101"}])], [2]),
    "no-serial": ([File(VERRA, [{"Serial Number": " "}])], [2]),
    "serial-malformed": ([File(VERRA, [{"Serial Number": vcu(1, 100) + "-X"}])], [2]),
    "registry-mismatch": ([File(VERRA, [{"Serial Number": batch(1, 100)}])], [2]),
    "unknown-registry": (
        [File(BOTH_RETIRED, [{"Offset Credit Serial Numbers": vcu(1, 100)}])],
        [2],
    ),
    "invalid-date": ([File(GOLD, [{"Issuance Date": "2021-02-30"}])], [2]),
    "invalid-vintage": ([File(GOLD, [{"Vintage": "soon"}])], [2]),
    "unknown-status": ([File(GOLD, [{"Credit Status": "Lost"}])], [2]),
    "unknown-reason": ([File(ACR_RETIRED, [{"Retirement Reason": "Fun"}])], [2]),
    "unknown-product": ([File(GOLD, [{"Product Type": "XER"}])], [2]),
    "unparsed-serial": ([File(VERRA, [{}, {"Serial Number": "LOT 7"}])], [3]),
    "serial-project": ([File(VERRA, [{"ID": "9002"}])], [2]),
    "serial-vintage": ([File(VERRA, [{"Vintage End": "2019-12-30"}])], [2]),
    "serial-country": ([File(VERRA, [{"Country/Area": "Chile"}])], [2]),
    "serial-flag": ([File(VERRA, [{"Additional Certifications": "CCB"}])], [2]),
    "planned-ended": ([File(GOLD, [{"Credit Status": "Retired", "Product Type": "PER"}])], [2]),
    "duplicate-row": ([File(ACR_RETIRED, [{}, {}])], [3]),
    "repeated-serial": (
        [File(VERRA, [{"Serial Number": "LOT 7"}, {"Serial Number": "LOT 7", "Name": "Else"}])],
        [3],
    ),
    "issued-twice": ([File(VERRA, [{}, {"Name": "Another"}])], [3]),
    "held-twice": ([File(VERRA_HELD, [{}, {"Sub-Account Name": "Bolt"}])], [3]),
    "retired-twice": ([File(ACR_RETIRED, [{}, acr_retired(100, 199)])], [3]),
    "cancelled-twice": ([File(ACR_CANCELLED, [{}, {"Cancellation Details": "again"}])], [3]),
    "retired-and-cancelled": ([File(ACR_RETIRED, [{}]), File(ACR_CANCELLED, [{}])], [2]),
    "held-and-ended": (
        [File(VERRA, [{"Retirement/Cancellation Date": "2022-03-14"}]), File(VERRA_HELD, [{}])],
        [2],
    ),
    "never-issued": ([File(ACR_ISSUED, [{"Vintage": "2018"}]), File(ACR_RETIRED, [{}])], [2]),
    "retired-more-than-issued": (
        [File(ACR_ISSUED, [{}]), File(ACR_RETIRED, [{}, acr_retired(101, 101)])],
        [3],
    ),
    "ended-more-than-issued": (
        [
            File(ACR_ISSUED, [{}]),
            File(ACR_RETIRED, [{}]),
            File(ACR_CANCELLED, [acr_retired(101, 101)]),
        ],
        [2],
    ),
}
ALSO: Final = {"repeated-serial": {"unparsed-serial"}}  # what is wrong with those rows besides


@pytest.mark.parametrize("code", CODES)
def test_each_kind_of_wrong_is_found_at_its_line_and_nothing_else_is(
    tmp_path: Path, code: str
) -> None:
    files, lines = WRONG[code]
    result = audited(tmp_path, *files)
    name = f"{len(files)}.csv"
    others = [one for one in found(result) if one[2] not in ALSO.get(code, set())]
    assert others == [(name, line, code) for line in lines]
    assert {one[2] for one in found(result)} - {code} == ALSO.get(code, set())
    for finding in result.findings:
        text = (tmp_path / name).read_text(encoding="utf-8").splitlines()[finding.line - 1]
        assert finding.text == text
        assert re.search("[a-z0-9]", finding.detail)


def test_every_code_has_a_case_and_is_documented_with_its_meaning() -> None:
    assert set(WRONG) == set(CODES)
    text = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \|", text, re.MULTILINE)
    assert dict(rows) == dict(CODES)
    assert len(rows) == len(CODES)


def test_files_without_a_fault_have_no_findings_and_are_summed(tmp_path: Path) -> None:
    result = audited(
        tmp_path,
        File(
            VERRA,
            [
                {"Retirement/Cancellation Date": "2022-03-14"},
                {"Serial Number": vcu(101, 2100), "Quantity Issued": "2,000"},
            ],
        ),
        File(VERRA_HELD, [{"Serial Number": vcu(2001, 2100)}]),
        File(GOLD, [{}, {"Serial Number": "GS1-1-IN-GS9001-16-2019-9002-1-100"}]),
        File(ACR_ISSUED, [{}, {"Project ID": "ACR0902"}]),
        File(ACR_RETIRED, [acr_retired(1, 30), acr_retired(41, 60, **LATER)]),
        File(ACR_CANCELLED, [acr_retired(31, 40)]),
        File(CAR_ISSUED, [{"Canceled for ARB Compliance": "25"}]),
        File(
            CAR_RETIRED,
            [{"Offset Credit Serial Numbers": car(1, 75), "Quantity of Offset Credits": "75"}],
        ),
    )
    assert found(result) == []
    assert result.rows == 12
    assert result.repeated == 0
    assert [total_t(total) for total in result.totals] == [
        ("acr", 2019, 200, 50, 10),
        ("car", 2019, 100, 75, 25),
        ("gold-standard", 2019, 200, 0, 0),
        ("verra", 2019, 2100, 100, 0),
    ]


def total_t(total: Total) -> tuple[str, int, float, float, float]:
    amounts = (total.issued_g, total.retired_g, total.cancelled_g)
    issued, retired, cancelled = (amount_g / 1_000_000 for amount_g in amounts)
    return total.registry, total.vintage, issued, retired, cancelled


def test_a_wrong_quantity_makes_no_overlap_with_its_neighbours(tmp_path: Path) -> None:
    result = audited(
        tmp_path,
        File(
            ACR_RETIRED,
            [acr_retired(1, 50), acr_retired(1, 1000, **{"Quantity of Credits": "10"})],
        ),
    )
    assert found(result) == [("1.csv", 3, "quantity-mismatch")]


def test_the_flag_of_a_serial_is_held_against_the_column_of_certifications_alone(
    tmp_path: Path,
) -> None:
    certified, flagged = {"Additional Certifications": "CCB-Gold"}, vcu(1, 100, flag=1)
    result = audited(
        tmp_path,
        File(VERRA, [{**certified, "Serial Number": flagged}]),
        File(VERRA, [{"Additional Certifications": " ", "Serial Number": flagged}]),
        File(VERRA, [certified]),
        File(VERRA_HELD, [{"Serial Number": flagged}]),  # it has no such column
    )
    assert [(finding.file, finding.code, finding.detail) for finding in result.findings] == [
        ("2.csv", "serial-flag", "the serial tells of a second standard, the row of none"),
        ("3.csv", "serial-flag", "the serial tells of no second standard, the row of one"),
    ]


def test_a_row_that_stands_in_two_files_is_counted_once_and_is_no_finding(tmp_path: Path) -> None:
    rows = [acr_retired(1, 50), acr_retired(51, 100, **LATER)]
    result = audited(
        tmp_path,
        File(ACR_ISSUED, [{}, {}]),
        File(ACR_ISSUED, [{}, {"Project ID": "ACR0901"}]),
        File(ACR_RETIRED, rows),
        File(ACR_RETIRED, [*rows, {**acr_retired(101, 150), "Account Holder": "Bolt"}]),
    )
    assert found(result) == [("1.csv", 3, "duplicate-row")]
    assert result.repeated == 4
    assert [total_t(total) for total in result.totals] == [("acr", 2019, 200, 150, 0)]


def test_the_same_credits_under_a_rewritten_serial_number_are_the_same(tmp_path: Path) -> None:
    rewritten = {"Offset Credit Serial Numbers": car(1, 100, developer=902)}
    result = audited(tmp_path, File(CAR_RETIRED, [{}]), File(CAR_RETIRED, [rewritten]))
    assert found(result) == []
    assert [total_t(total) for total in result.totals] == [("car", 2019, 0, 100, 0)]
    one_file = audited(tmp_path, File(CAR_RETIRED, [{}, rewritten]))
    assert found(one_file) == [("1.csv", 3, "retired-twice")]


def test_credits_that_two_files_retire_on_two_days_are_retired_twice(tmp_path: Path) -> None:
    result = audited(tmp_path, File(ACR_RETIRED, [{}]), File(ACR_RETIRED, [{**LATER}]))
    assert found(result) == [("2.csv", 2, "retired-twice")]
    assert result.findings[0].detail == (
        f"100 credits ({batch(1, 100)}): retired on 2022-03-15, and retired on 2022-03-14 "
        "in line 2 of 1.csv"
    )


def test_numbers_that_two_files_give_to_two_projects_are_issued_twice(tmp_path: Path) -> None:
    other = {"ID": "9002", "Serial Number": vcu(41, 140, project=9002)}
    result = audited(tmp_path, File(VERRA, [{}]), File(VERRA, [other]))
    assert found(result) == [("2.csv", 2, "issued-twice")]
    assert result.findings[0].detail == (
        f"60 credits ({vcu(41, 100, project=9002)}): issued of project 9002, vintage 2019, and "
        "issued of project 9001, vintage 2019 in line 2 of 1.csv"
    )


def test_a_retirement_inside_an_issued_block_is_no_finding(tmp_path: Path) -> None:
    retired = {
        "Serial Number": vcu(41, 60),
        "Quantity Issued": "20",
        "Retirement/Cancellation Date": "2022-03-14",
    }
    for files in ([File(VERRA, [{}, retired])], [File(VERRA, [retired]), File(VERRA, [{}])]):
        result = audited(tmp_path, *files)
        assert found(result) == []
        assert [total_t(total) for total in result.totals] == [("verra", 2019, 100, 20, 0)]


def test_planned_credits_are_counted_apart(tmp_path: Path) -> None:
    result = audited(tmp_path, File(GOLD, [{"Product Type": "PER"}]))
    assert found(result) == []
    assert result.planned_g == 100_000_000
    assert [total_t(total) for total in result.totals] == [("gold-standard", 2019, 0, 0, 0)]


def test_running_totals_and_rows_of_the_same_cancellations_count_once(tmp_path: Path) -> None:
    grown = [{"Canceled for ARB Compliance": text} for text in ("30", "40")]
    result = audited(tmp_path, *(File(CAR_ISSUED, [row]) for row in grown))
    assert found(result) == []
    assert [total_t(total) for total in result.totals] == [("car", 2019, 100, 0, 40)]


def test_a_shortfall_says_that_issuances_could_not_be_read(tmp_path: Path) -> None:
    result = audited(
        tmp_path,
        File(ACR_ISSUED, [{}, {"Total Credits Issued": "n/a"}]),
        File(ACR_RETIRED, [{}, acr_retired(101, 200)]),
    )
    assert found(result) == [("1.csv", 3, "no-quantity"), ("2.csv", 3, "retired-more-than-issued")]
    assert result.findings[1].detail == (
        "project 901, vintage 2019: 200 t retired, 0 t cancelled, 100 t issued; "
        "1 rows of files with issuances could not be read"
    )


def test_a_sentence_says_nothing_to_a_terminal(tmp_path: Path) -> None:
    result = audited(tmp_path, File(VERRA, [{"ID": "9\x1b[2J"}]))
    assert [finding.detail for finding in result.findings] == [
        "the serial is of project 9001, the row of 9\N{REPLACEMENT CHARACTER}[2J"
    ]


def test_many_rows_about_one_credit_make_one_finding_each(tmp_path: Path) -> None:
    rows = [acr_retired(1, 1, **{"Account Holder": f"Holder {n}"}) for n in range(300)]
    result = audited(tmp_path, File(ACR_RETIRED, rows))
    assert found(result) == [("1.csv", line, "retired-twice") for line in range(3, 302)]


def test_every_row_that_reaches_into_one_that_begins_before_it_is_found(tmp_path: Path) -> None:
    chance = random.Random(1)
    for _ in range(20):
        spans = [
            (first, first + chance.randrange(12)) for first in chance.choices(range(1, 90), k=12)
        ]
        rows = [
            acr_retired(first, last, **{"Account Holder": str(n)})
            for n, (first, last) in enumerate(spans)
        ]
        result = audited(tmp_path, File(ACR_RETIRED, rows))
        before = sorted(range(len(spans)), key=lambda n: (spans[n][0], n))
        expected = {
            n + 2
            for place, n in enumerate(before)
            if any(spans[m][1] >= spans[n][0] for m in before[:place])
        }
        assert found(result) == [("1.csv", line, "retired-twice") for line in sorted(expected)]


def test_editions_that_cut_the_same_credits_anew_add_up_to_them(tmp_path: Path) -> None:
    chance = random.Random(2)
    for _ in range(10):
        files = []
        for _ in range(3):
            cuts = [0, *sorted(chance.sample(range(1, 200), k=chance.randrange(9))), 200]
            files.append(
                File(
                    ACR_RETIRED,
                    [acr_retired(a + 1, b) for a, b in pairwise(cuts)],
                )
            )
        result = audited(tmp_path, *files)
        assert found(result) == []
        assert [total_t(total) for total in result.totals] == [("acr", 2019, 0, 200, 0)]


@pytest.mark.parametrize("issued_on, codes", [("2011-12-31", []), ("2012-01-01", ["serial-flag"])])
def test_the_flag_of_credits_that_verra_issued_before_2012_tells_nothing(
    tmp_path: Path, issued_on: str, codes: list[str]
) -> None:
    row = {"Issuance Date": issued_on, "Additional Certifications": "CCB"}
    result = audited(tmp_path, File(VERRA, [row]))
    assert [finding.code for finding in result.findings] == codes


def test_the_answer_as_json_has_the_documented_members(tmp_path: Path) -> None:
    result = audited(tmp_path, File(GOLD, [{"Quantity": "99"}, {}]))
    assert json.loads(json.dumps(result.as_json())) == {
        "rows": 2,
        "findings": [
            {
                "file": "1.csv",
                "line": 2,
                "code": "quantity-mismatch",
                "text": "2019,Issued,99,9001,Stoves of Ida,India,VER,2021-02-13,,"
                "GS1-1-IN-GS9001-16-2019-9001-1-100",
                "detail": "serial GS1-1-IN-GS9001-16-2019-9001-1-100 states 100 credits, "
                "the quantity is 99 t",
            }
        ],
        "totals": [
            {
                "registry": "gold-standard",
                "vintage": 2019,
                "issued": 100,
                "retired": 0,
                "cancelled": 0,
            }
        ],
        "passed_over": [],
        "notes": [],
    }


def test_progress_ends_at_the_number_of_rows_and_lists_of_projects_are_passed_over(
    tmp_path: Path,
) -> None:
    steps: list[tuple[int, int]] = []
    many = [{"Serial Number": vcu(n, n), "Quantity Issued": "1"} for n in range(1, 1501)]
    credits_file = File(VERRA, many).write(tmp_path / "credits.csv")
    header = {
        "ID": "9001",
        "Proponent": "Acme",
        "Country/Area": "India",
        "Estimated Annual Emission Reductions": "5",
    }
    projects = File(header, [{}]).write(tmp_path / "projects.csv")
    result = audit([credits_file, projects], lambda done, total: steps.append((done, total)))
    assert steps == [(1000, 1500), (1500, 1500)]
    assert result.rows == 1500
    assert [sentence.partition(":")[0] for sentence in result.passed_over] == ["projects.csv"]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    paths = []
    for folder in ("2021", "2022"):
        (tmp_path / folder).mkdir()
        paths.append(File(GOLD, [{"Quantity": "99"}]).write(tmp_path / folder / "credits.csv"))
    assert [finding.file for finding in audit(paths).findings] == [str(path) for path in paths]
