"""What an import makes of real exports, which are not part of the repository.

What is expected is read off the files here with `csv`, without any code of Offset's.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from builders import CREDIT, do, opened, selling
from imports import ends_made, records, take_paths
from offset.core.events import read_parts
from offset.database import Database
from offset.ledger import Ledger
from offset.models import records as record_table
from real_exports import real_exports

Key = tuple[str, int]  # a project's digits with its registry's letters, and a vintage
MEASURES: Final = ("issued", "retired", "converted", "cancelled")
Sums = dict[str, Counter[Key]]
FOUR: Final = ("ACR_issuances", "ACR_retirements", "CAR_issuances", "CAR_retirements")
ACR, CAR = "american-carbon-registry", "climate-action-reserve"


@pytest.fixture
def ledger(sqlite_url: str) -> Iterator[Ledger]:
    with opened(sqlite_url) as opened_ledger:
        yield opened_ledger


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = [" ".join(name.split()) for name in next(rows)]
        return [dict(zip(header, row, strict=True)) for row in rows]


def edition(name: str) -> list[Path]:
    """Berkeley's files of ACR and CAR: four of 2021-12, three of 2021-07."""
    folder = real_exports() / f"berkeley-{name}"
    return sorted(path for path in folder.glob("*.csv") if not path.name.startswith("GOLD"))


def key_of(row: dict[str, str]) -> Key:
    letters, digits = re.fullmatch(r"(\D+)0*(\d+)", row["Project ID"]).groups()  # type: ignore[union-attr]
    return f"{letters}{digits}", int(row["Vintage"])


def day_of(text: str) -> date:
    """A day as the two editions write it: `38931`, or `8/2/06`."""
    if "/" not in text:
        return date(1899, 12, 30) + timedelta(days=int(float(text)))
    month, day, year = map(int, text.split(maxsplit=1)[0].split("/"))
    return date(year % 100 + 2000, month, day)


def number(text: str) -> int:
    return int(text or 0)


def sums_of_files(paths: Iterable[Path]) -> Sums:
    """Credits by project and vintage, from the columns of Berkeley's files."""
    sums: Sums = {name: Counter() for name in MEASURES}
    for path in paths:
        for row in rows_of(path):
            key = key_of(row)
            if "retirements" in path.name:
                ended = row["Retirement Reason"] == "Cancellation"
                what = "cancelled" if ended else "retired"
                sums[what][key] += number(row["Quantity of Offset Credits"])
                continue
            issued = row.get("Total Credits Issued") or row.get("Total Offset Credits Issued")
            sums["issued"][key] += number(issued or "")
            for column in ("Canceled for ARB Compliance", "Offset Credits Converted to VCUs"):
                sums["converted"][key] += number(row.get(column, ""))
            sums["cancelled"][key] += number(row.get("Canceled", ""))
    return {name: +found for name, found in sums.items()}


def sums_of_ledger(database: Database) -> Sums:
    """Credits by project and vintage, from the records and the events that ended them."""
    record = record_table.c
    with database.reading() as connection:
        issued = connection.execute(
            select(record.id, record.extra, record.vintage, record.quantity_g)
        ).all()
    keys = {one.id.hex(): (json.loads(one.extra)["project_id"], one.vintage) for one in issued}
    grams: Sums = {name: Counter() for name in MEASURES}
    for one in issued:
        grams["issued"][keys[one.id.hex()]] += one.quantity_g
    for end in ends_made(database):
        what = "retired"
        if end.type == "CANCELLED":
            what = "converted" if end.data["cause"] == "converted" else "cancelled"
        quantity_g = sum(part.quantity_g for part in read_parts(end.data["parts"]))
        grams[what][keys[end.record_id]] += quantity_g
    assert all(g % CREDIT == 0 for found in grams.values() for g in found.values())
    return {
        name: Counter({key: g // CREDIT for key, g in found.items()})
        for name, found in grams.items()
    }


# ACR and CAR, two editions


def test_all_of_acr_and_car_is_taken_and_adds_up_to_the_files(database_url: str) -> None:
    paths = edition("2021-12")
    assert [path.stem for path in paths] == list(FOUR)
    with opened(database_url) as ledger:
        taken = take_paths(ledger, *paths)
        assert (taken.counts, taken.issues, taken.differences) == ((11_905, 0, 0), [], [])
        expected = sums_of_files(paths)
        assert sums_of_ledger(ledger.database) == expected
    assert expected["converted"].total() > 90_000_000  # so that something was compared


def test_the_earlier_edition_and_then_the_later_one_differ_by_what_was_counted(
    ledger: Ledger, tmp_path: Path
) -> None:
    earlier, later = edition("2021-07"), edition("2021-12")
    first = take_paths(ledger, *earlier)
    removed = [row for row in rows_of(earlier[0]) if row["Retirement Reason"] == "Cancellation"]
    issued = sums_of_files(earlier)["issued"]
    unissued = [row for row in removed if key_of(row) not in issued]
    assert (len(removed), len(unissued)) == (60, 3)
    assert first.by_code == {"not-issued": 3}
    assert {issue.serial for issue in first.issues} == {
        row["Offset Credit Serial Numbers"] for row in unissued
    }

    part = rewritten(earlier[0], later[3], tmp_path / "rewritten.csv")
    assert take_paths(ledger, part).counts == (0, 87, 0)
    second = take_paths(ledger, *later)
    assert second.imported.reported == 0
    assert Counter((issue.file, issue.code) for issue in second.issues) == {
        ("ACR_retirements.csv", "vanished"): 57,
        ("ACR_issuances.csv", "vanished"): 1,
        ("CAR_issuances.csv", "vanished"): 1,
    }
    expected = sums_of_files(later)
    for row in removed:
        if row not in unissued:
            expected["cancelled"][key_of(row)] += number(row["Quantity of Offset Credits"])
    gone = issuances(earlier[1:]) - issuances(later)
    assert sorted(key[0][:3] for key, _, _ in gone.elements()) == ["ACR", "CAR"]
    for key, _, quantity in gone.elements():
        expected["issued"][key] += quantity
    # CAR moved one of its issuances to another vintage, and what was converted of it.
    expected["converted"] |= sums_of_files(earlier)["converted"]
    assert (expected["converted"] - sums_of_files(later)["converted"]).total() == 15_174
    assert sums_of_ledger(ledger.database) == expected


def issuances(paths: Iterable[Path]) -> Counter[tuple[Key, date, int]]:
    """Every issuance: project and vintage, its day, its credits."""
    found: Counter[tuple[Key, date, int]] = Counter()
    for path in paths:
        for row in rows_of(path) if "issuances" in path.name else ():
            issued = row.get("Total Credits Issued") or row["Total Offset Credits Issued"]
            found[key_of(row), day_of(row["Date Issued"]), int(issued)] += 1
    return found


def rewritten(earlier: Path, later: Path, part: Path) -> Path:
    """Write down the rows of the later file that are earlier ones under another serial text."""
    texts = {row["Offset Credit Serial Numbers"] for row in rows_of(earlier)}
    numbers = {car_numbers(text) for text in texts if text.startswith("CAR")}
    rows = [
        row
        for row in rows_of(later)
        if (text := row["Offset Credit Serial Numbers"]) not in texts
        and car_numbers(text) in numbers
    ]
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return part


def car_numbers(text: str) -> str:
    """Batch and range: what stays of a serial number."""
    return "-".join(text.split("-")[-2:])


# Gold Standard


def test_of_gold_standards_file_all_is_taken_but_what_is_known_to_be_wrong(ledger: Ledger) -> None:
    path = real_exports() / "berkeley-2021-12" / "GOLD_issuances.csv"
    rows = rows_of(path)
    taken = take_paths(ledger, path)
    assert taken.by_code == {"quantity-mismatch": 49, "serial-malformed": 11, "stated-twice": 2}
    assert taken.counts == (len(rows) - 62, 0, 62)
    (native,) = [issue for issue in taken.issues if issue.line == 255]
    assert native.code == "quantity-mismatch"
    assert "3150 credits, the quantity is 9039 t" in native.detail
    twice = [issue for issue in taken.issues if issue.code == "stated-twice"]
    for issue in twice:
        assert issue.line is not None
        other = int(re.findall(r"line (\d+)", issue.detail)[0])
        assert {rows[line - 2]["GSID"] for line in (issue.line, other)} == {"3607"}
    reported = {issue.line for issue in taken.issues}
    expected: Counter[bool] = Counter()
    for line, row in enumerate(rows, start=2):
        if line not in reported:
            expected[row["Product Type"] == "PER"] += int(row["Quantity"])
    issued: Counter[bool] = Counter()
    record = record_table.c
    with ledger.database.reading() as connection:
        for extra, quantity_g in connection.execute(select(record.extra, record.quantity_g)):
            issued["planned" in json.loads(extra)] += quantity_g
    assert issued == Counter({planned: many * CREDIT for planned, many in expected.items()})
    assert expected[True] > 0


# The others. Of CarbonPlan's samples of 100 rows most ends have their issuance elsewhere.


def sample(registry: str, *names: str) -> list[Path]:
    return [real_exports() / "carbonplan-2026-04" / registry / f"{name}.csv" for name in names]


@pytest.mark.parametrize(
    "registry, rows, applied", [(ACR, 250, 140), (CAR, 250, 136), ("art-trees", 22, 22)]
)
def test_an_end_is_taken_where_its_projects_vintage_was_issued(
    registry: str, rows: int, applied: int, ledger: Ledger
) -> None:
    paths = sample(registry, "issuances", "retirements", "cancellations")
    issued = {sample_key(row) for row in rows_of(paths[0])}
    unissued = [
        (path.name, line)
        for path in paths[1:]
        for line, row in enumerate(rows_of(path), start=2)
        if sample_key(row) not in issued
    ]
    taken = take_paths(ledger, *paths)
    assert taken.counts == (applied, 0, rows - applied)
    assert taken.by_code.keys() <= {"not-issued"}
    assert sorted((issue.file, issue.line) for issue in taken.issues) == sorted(unissued)
    again = take_paths(ledger, *reversed(paths))
    assert again.counts == (0, applied, rows - applied)


def sample_key(row: dict[str, str]) -> tuple[int, str]:
    project = row.get("Project ID") or row["Program ID"]
    return int(re.sub(r"\D", "", project)), row["Vintage"]


@pytest.mark.parametrize(
    "registry, names, rows",
    [
        ("cercarbono", ("issuances", "retirements", "projects"), 200),
        ("gold-standard", ("retirements", "issuances", "projects"), 200),
        ("verra", ("transactions", "projects"), 200),
    ],
)
def test_files_without_a_fault_are_taken_whole(
    registry: str, names: Sequence[str], rows: int, ledger: Ledger
) -> None:
    paths = sample(registry, *names)
    taken = take_paths(ledger, *paths)
    assert (taken.counts, taken.issues, taken.differences) == ((rows, 0, 0), [], [])
    assert [text.partition(":")[0] for text in taken.imported.passed_over] == ["projects.csv"]
    again = take_paths(ledger, *paths)
    assert (again.counts, again.issues) == ((0, rows, 0), [])


def test_a_retirement_of_isometric_of_more_than_its_project_has_is_reported(
    ledger: Ledger,
) -> None:
    paths = sample("isometric", "issuances", "retirements")
    kilograms = "credit_batch_size_total.credit_kgs"
    left: Counter[str] = Counter()
    for row in rows_of(paths[0]):
        left[row["project_id"]] += int(row[kilograms])
    short = []
    for line, row in enumerate(rows_of(paths[1]), start=2):
        if left[row["project_id"]] < int(row[kilograms]):
            short.append((line, "not-enough"))
        else:
            left[row["project_id"]] -= int(row[kilograms])
    taken = take_paths(ledger, *paths)
    assert (taken.counts, taken.codes) == ((199, 0, 1), short)


def test_an_issuance_of_california_without_a_quantity_is_reported(ledger: Ledger) -> None:
    (path,) = sample("arb", "nc-arboc_issuance_sheet3")
    rows = rows_of(path)
    taken = take_paths(ledger, path)
    assert taken.codes == [(45, "no-quantity"), (58, "no-quantity")]
    assert {rows[line - 2]["ARB Offset Credits Issued"] for line in (45, 58)} <= {"", "n/a"}
    assert (taken.counts, taken.differences) == ((98, 0, 2), [])
    assert take_paths(ledger, path).counts == (0, 98, 2)


# Verra


def test_a_sale_of_a_part_of_a_real_block_prints_verras_text(ledger: Ledger) -> None:
    (path,) = sample("verra", "transactions")
    holdings = real_exports() / "klimadao" / "mco2_verra_data.csv"
    taken = take_paths(ledger, path, holdings)
    assert (taken.counts, taken.issues) == ((361, 0, 0), [])
    active = [row for row in rows_of(path) if not row["Retirement/Cancellation Date"]]
    by_text = {record["serial_number"]: record for record in records(ledger.database)}
    assert len(active) > 1
    for row in active[:20]:
        text = row["Serial Number"]
        batch, first, last, rest = text.split("-", 3)
        low, high = int(first) + (int(last) - int(first)) // 3, int(last)
        sold = do(
            ledger,
            selling(by_text[text]["id"], to="acme", serial_first=low, serial_last=high),
        ).body["sold"]
        assert [part["serial_number"] for part in sold["parts"]] == [f"{batch}-{low}-{high}-{rest}"]
        assert sold["quantity"] == high - low + 1
