"""What an audit finds in real exports, which are not part of the repository, and what they sum to.

Lines and sums are read off the files here, without any code of Offset's.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Final

from offset.auditing import Audit, audit
from real_exports import real_exports

CREDIT_G: Final = 1_000_000
CAR_CANCELLED: Final = (
    "Canceled for ARB Compliance",
    "Offset Credits Converted to VCUs",
    "Canceled",
)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = [" ".join(name.split()) for name in next(rows)]
        return [dict(zip(header, row, strict=True)) for row in rows]


def column_sum(path: Path, *columns: str) -> int:
    return sum(int(row[name] or 0) for row in rows_of(path) for name in columns)


def sums(result: Audit, registry: str) -> tuple[int, int, int]:
    """Issued, retired and cancelled credits of all vintages."""
    totals = [total for total in result.totals if total.registry == registry]
    issued_g = sum(total.issued_g for total in totals)
    retired_g = sum(total.retired_g for total in totals)
    cancelled_g = sum(total.cancelled_g for total in totals)
    assert (issued_g % CREDIT_G, retired_g % CREDIT_G, cancelled_g % CREDIT_G) == (0, 0, 0)
    return issued_g // CREDIT_G, retired_g // CREDIT_G, cancelled_g // CREDIT_G


def test_gold_standard_has_one_native_mismatch_48_others_and_two_double_listings() -> None:
    path = real_exports() / "berkeley-2021-12" / "GOLD_issuances.csv"
    rows = rows_of(path)
    result = audit([path])
    assert result.rows == len(rows) == 8083
    assert {finding.code for finding in result.findings} == {
        "quantity-mismatch",
        "issued-twice",
        "serial-malformed",  # the two ends do not say the same, or bare numbers
        "serial-country",  # CG for the Democratic Republic of the Congo
    }

    mismatches = [finding for finding in result.findings if finding.code == "quantity-mismatch"]
    native = [finding for finding in mismatches if "GS1-1-" in finding.text]
    assert [finding.line for finding in native] == [255]
    assert "3150 credits" in native[0].detail
    assert "9039 t" in native[0].detail
    others = [rows[finding.line - 2] for finding in mismatches if finding.line != 255]
    assert [row["Product Type"] for row in others] == ["CER"] * 48

    doubles = [finding for finding in result.findings if finding.code == "issued-twice"]
    shared = sorted(finding.detail.partition(" (")[0] for finding in doubles)
    assert shared == ["132 credits", "342 credits"]
    for finding in doubles:
        other = int(finding.detail.rpartition(" line ")[2])
        assert [rows[line - 2]["GSID"] for line in (finding.line, other)] == ["3607", "3607"]


def test_acr_and_car_have_no_fault_and_sums_that_equal_their_columns() -> None:
    folder = real_exports() / "berkeley-2021-12"
    names = ("ACR_issuances", "ACR_retirements", "CAR_issuances", "CAR_retirements")
    acr_issued, acr_retired, car_issued, car_retired = paths = [
        folder / f"{name}.csv" for name in names
    ]
    result = audit(paths)
    assert result.findings == []
    assert result.repeated == 0
    assert result.rows == 1053 + 2637 + 2864 + 5351
    assert sums(result, "acr") == (
        column_sum(acr_issued, "Total Credits Issued"),
        column_sum(acr_retired, "Quantity of Offset Credits"),
        0,
    )
    assert sums(result, "car") == (
        column_sum(car_issued, "Total Offset Credits Issued"),
        column_sum(car_retired, "Quantity of Offset Credits"),
        column_sum(car_issued, *CAR_CANCELLED),
    )


def test_the_flags_of_the_200_real_serials_of_verra_say_what_their_column_says(
    tmp_path: Path,
) -> None:
    path = real_exports() / "carbonplan-2026-04" / "verra" / "transactions.csv"
    rows = rows_of(path)
    column = "Additional Certifications"
    assert Counter((row["Serial Number"][-2:], row[column] != "") for row in rows) == {
        ("-0", False): 160,
        ("-1", True): 40,
    }
    assert Counter(finding.code for finding in audit([path]).findings) == {"serial-country": 8}

    swapped = tmp_path / "swapped.csv"
    with swapped.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**row, column: "" if row[column] else "CCB"} for row in rows)
    found = Counter(finding.code for finding in audit([swapped]).findings)
    assert found == {"serial-country": 8, "serial-flag": 200}


def test_two_editions_of_the_retirements_retire_no_credit_twice() -> None:
    earlier = real_exports() / "berkeley-2021-07" / "ACR_CAR_retirements.csv"
    later = [
        real_exports() / "berkeley-2021-12" / f"{registry}_retirements.csv"
        for registry in ("ACR", "CAR")
    ]
    result = audit([earlier, *later])
    assert result.findings == []
    assert result.repeated == 6614 + 87  # the latter under a rewritten serial number
    for path, registry in zip(later, ("acr", "car"), strict=True):
        assert sums(result, registry)[1] == column_sum(path, "Quantity of Offset Credits")
