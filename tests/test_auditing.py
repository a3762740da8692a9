"""An audit finds what is wrong in exports and nothing else, and its sums are the files' sums.

Synthetic files are written here, a row as what differs from a row that is right.
"""

import csv
import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from offset.auditing import CODES, Audit, Total, audit
from real_exports import real_exports

ROOT: Final = Path(__file__).resolve().parent.parent

Cells = Mapping[str, str]
Given = Cells | str  # a row by its cells, or as it stands in the file


def vcu(first: int, last: int, project: int = 9001) -> str:
    return f"9019-{first}-{last}-VCS-VCU-901-VER-IN-1-{project}-01012019-31122019-0"


def batch(first: int, last: int, project: int = 901, number: int = 9001) -> str:
    return f"ACR-US-{project}-2019-{number}-{first} to {last}"


def car(first: int, last: int, developer: int = 901) -> str:
    return f"CAR-1-US-901-4-{developer}-AL-2019-9001-{first} to {last}"


VERRA: Final[Cells] = {
    "Issuance Date": "2021-02-13",
    "Vintage Start": "2019-01-01",
    "Vintage End": "2019-12-31",
    "ID": "9001",
    "Name": "Forest of Ida",
    "Country/Area": "India",
    "Quantity Issued": "100",
    "Serial Number": vcu(1, 100),
    "Retirement/Cancellation Date": "",
}
VERRA_HELD: Final[Cells] = {
    "Vintage": "2019",
    "Project ID": "9001",
    "Project Name": "Forest of Ida",
    "Quantity of Credits": "100",
    "Serial Number": vcu(1, 100),
    "Sub-Account Name": "Acme",
}
GOLD: Final[Cells] = {
    "Vintage": "2019",
    "Credit Status": "Issued",
    "Quantity": "100",
    "GSID": "9001",
    "Project Name": "Stoves of Ida",
    "Country": "India",
    "Product Type": "VER",
    "Issuance Date": "2021-02-13",
    "Serial Number": "GS1-1-IN-GS9001-16-2019-9001-1-100",
}
ACR_ISSUED: Final[Cells] = {
    "Project ID": "ACR901",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Date Issued (GMT)": "2/13/2021 4:16:10 PM",
    "Total Credits Issued": "100",
}
ACR_RETIRED: Final[Cells] = {
    "Project ID": "ACR901",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Date Issued (GMT)": "2/13/2021 4:16:10 PM",
    "Quantity of Credits": "100",
    "Credit Serial Numbers": batch(1, 100),
    "Status Effective (GMT)": "3/14/2022 4:16:10 PM",
    "Account Holder": "Acme",
    "Retirement Reason": "Environmental Benefit",
    "ARB Eligible": "No",
}
ACR_CANCELLED: Final[Cells] = {
    "Project ID": "ACR901",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Quantity of Credits": "100",
    "Credit Serial Numbers": batch(1, 100),
    "Status Effective (GMT)": "3/14/2022 4:16:10 PM",
    "Cancellation Type": "Removal of credits from the registry",
    "Cancellation Details": "",
}
CAR_ISSUED: Final[Cells] = {
    "Project ID": "CAR901",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Date Issued": "02/13/2021",
    "Total Offset Credits Issued": "100",
    "Canceled for ARB Compliance": "0",
}
CAR_RETIRED: Final[Cells] = {
    "Project ID": "CAR901",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Protocol Version": "Version 1.0",
    "Quantity of Offset Credits": "100",
    "Offset Credit Serial Numbers": car(1, 100),
    "Status Effective": "03/14/2022",
    "Account Holder": "Acme",
    "Retirement Reason": "Other",
    "CORSIA Eligible": "No",
}
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


LATER: Final = {"Status Effective (GMT)": "3/15/2022 4:16:10 PM"}

# For each code: files in which it is wrong, and (line, code) of all that is found in the last one.
WRONG: Final[Mapping[str, tuple[Sequence[File], Sequence[tuple[int, str]]]]] = {
    code: (files, [(line, code) for line in lines])
    for code, files, lines in (
        ("field-count", [File(VERRA, [{}, "2021-02-13,2019-01-01"])], [3]),
        ("unclosed-quote", [File(VERRA, [{}, '2021-02-13,"2019-01-01,2019'])], [3]),
        ("unnamed-column", [File({**GOLD, "": ""}, [{"": "lost"}])], [2]),
        ("no-quantity", [File(GOLD, [{"Quantity": ""}])], [2]),
        ("invalid-quantity", [File(GOLD, [{"Quantity": "many"}])], [2]),
        ("quantity-mismatch", [File(VERRA, [{"Quantity Issued": "99"}])], [2]),
        ("ended-exceeds-issued", [File(CAR_ISSUED, [{"Canceled for ARB Compliance": "101"}])], [2]),
        ("no-serial", [File(VERRA, [{"Serial Number": " "}])], [2]),
        ("serial-malformed", [File(VERRA, [{"Serial Number": vcu(1, 100) + "-X"}])], [2]),
        ("registry-mismatch", [File(VERRA, [{"Serial Number": batch(1, 100)}])], [2]),
        (
            "unknown-registry",
            [File(BOTH_RETIRED, [{"Offset Credit Serial Numbers": vcu(1, 100)}])],
            [2],
        ),
        ("invalid-date", [File(GOLD, [{"Issuance Date": "2021-02-30"}])], [2]),
        ("invalid-vintage", [File(GOLD, [{"Vintage": "soon"}])], [2]),
        ("unknown-status", [File(GOLD, [{"Credit Status": "Lost"}])], [2]),
        ("unknown-reason", [File(ACR_RETIRED, [{"Retirement Reason": "Fun"}])], [2]),
        ("unknown-product", [File(GOLD, [{"Product Type": "XER"}])], [2]),
        ("unparsed-serial", [File(VERRA, [{}, {"Serial Number": "LOT 7"}])], [3]),
        ("serial-project", [File(VERRA, [{"ID": "9002"}])], [2]),
        ("serial-vintage", [File(VERRA, [{"Vintage End": "2019-12-30"}]), File(VERRA, [])], []),
        ("serial-country", [File(VERRA, [{"Country/Area": "Chile"}])], [2]),
        ("planned-ended", [File(GOLD, [{"Credit Status": "Retired", "Product Type": "PER"}])], [2]),
        ("duplicate-row", [File(ACR_RETIRED, [{}, {}])], [3]),
        ("issued-twice", [File(VERRA, [{}, {"Name": "Another"}])], [3]),
        ("held-twice", [File(VERRA_HELD, [{}, {"Sub-Account Name": "Bolt"}])], [3]),
        ("retired-twice", [File(ACR_RETIRED, [{}, acr_retired(100, 199)])], [3]),
        ("cancelled-twice", [File(ACR_CANCELLED, [{}, {"Cancellation Details": "again"}])], [3]),
        ("retired-and-cancelled", [File(ACR_RETIRED, [{}]), File(ACR_CANCELLED, [{}])], [2]),
        (
            "held-and-ended",
            [
                File(VERRA, [{"Retirement/Cancellation Date": "2022-03-14"}]),
                File(VERRA_HELD, [{}]),
            ],
            [2],
        ),
        (
            "never-issued",
            [File(ACR_ISSUED, [{"Vintage": "2018"}]), File(ACR_RETIRED, [{}])],
            [2],
        ),
        (
            "retired-more-than-issued",
            [File(ACR_ISSUED, [{}]), File(ACR_RETIRED, [{}, acr_retired(101, 101)])],
            [3],
        ),
        (
            "ended-more-than-issued",
            [
                File(ACR_ISSUED, [{}]),
                File(ACR_RETIRED, [{}]),
                File(ACR_CANCELLED, [acr_retired(101, 101)]),
            ],
            [2],
        ),
    )
}
WRONG = {
    **WRONG,
    "serial-vintage": (
        [File(VERRA, [{"Vintage End": "2019-12-30"}, {"Serial Number": vcu(101, 200)}])],
        [(2, "serial-vintage")],
    ),
    "repeated-serial": (
        [File(VERRA, [{"Serial Number": "LOT 7"}, {"Serial Number": "LOT 7", "Name": "Else"}])],
        [(2, "unparsed-serial"), (3, "unparsed-serial"), (3, "repeated-serial")],
    ),
}
