"""Files to import: synthetic exports of Verra's, whole, in part and spoiled."""

import csv
from pathlib import Path
from typing import Final

from offset.synthetic import write

ROWS: Final = 40
BENEFICIARY: Final = "Jane Roe"  # of spoiled rows
SERIAL: Final = "Serial Number"


def export(path: Path, *, rows: int = ROWS) -> Path:
    """An export of which every row can be taken."""
    return write(path, "verra transactions", rows=rows, seed=5, oddities=False).path


def table_of(path: Path) -> list[dict[str, str]]:
    """The rows of a file, by the names of their columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def put(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows as a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def spoiled(path: Path) -> Path:
    """An export with two rows more: one cannot be read, the other states its first row again."""
    rows = table_of(export(path))
    wrong = {**rows[0], "Quantity Issued": "0.5", "Retirement Beneficiary": BENEFICIARY}
    return put(path, [*rows, wrong, {**rows[0], "Retirement Beneficiary": BENEFICIARY}])


def tonnes_of(row: dict[str, str]) -> int:
    """How many credits a row is of."""
    return int(row["Quantity Issued"].replace(",", ""))


def fates(applied: int, unchanged: int, reported: int) -> dict[str, int]:
    """How rows fared, as an import says it."""
    rows = applied + unchanged + reported
    return {"rows": rows, "applied": applied, "unchanged": unchanged, "reported": reported}
