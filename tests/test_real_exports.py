"""Real input: every export in the folder of real ones is recognised, and no row of it is lost.

The rows are not part of the repository. What the files add up to is counted here a second time,
with the csv module alone.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Final

import pytest

from export_samples import open_export
from offset.cells import read_grams
from offset.exports import ISSUES, Meaning, Row, RowIssue, open_exports, recognised
from offset.registries.stated import same_project
from real_exports import real_exports

TONNE: Final = 1_000_000  # grams

ACR_2021: Final = "berkeley-2021-12/ACR_retirements.csv"
CAR_2021: Final = "berkeley-2021-12/CAR_retirements.csv"
MIXED: Final = "berkeley-2021-07/ACR_CAR_retirements.csv"
GOLD_2021: Final = "berkeley-2021-12/GOLD_issuances.csv"
LATE: Final = "carbonplan-2026-04"

# Each file: its kind, its rows, the column of quantities and their sum in tonnes.
FILES: Final = {
    MIXED: ("acr/car retirements", 6_761, "Quantity of Offset Credits", "69806316"),
    "berkeley-2021-07/ACR_issuances.csv": (
        *("acr issuances", 871, "Total Credits Issued", "182033281"),
    ),
    "berkeley-2021-07/CAR_issuances.csv": (
        *("car issuances", 2_584, "Total Offset Credits Issued", "158965259"),
    ),
    "berkeley-2021-12/ACR_issuances.csv": (
        *("acr issuances", 1_053, "Total Credits Issued", "199823611"),
    ),
    ACR_2021: ("acr retirements", 2_637, "Quantity of Offset Credits", "13912689"),
    "berkeley-2021-12/CAR_issuances.csv": (
        *("car issuances", 2_864, "Total Offset Credits Issued", "168806186"),
    ),
    CAR_2021: ("car retirements", 5_351, "Quantity of Offset Credits", "49547885"),
    GOLD_2021: ("gold-standard credits", 8_083, "Quantity", "192605043"),
    f"{LATE}/american-carbon-registry/cancellations.csv": (
        *("acr cancellations", 50, "Quantity of Credits", "7646709"),
    ),
    f"{LATE}/american-carbon-registry/issuances.csv": (
        *("acr issuances", 100, "Total Credits Issued", "7749713"),
    ),
    f"{LATE}/american-carbon-registry/retirements.csv": (
        *("acr retirements", 100, "Quantity of Credits", "298881"),
    ),
    f"{LATE}/arb/nc-arboc_issuance_sheet3.csv": (
        *("arb issuances", 100, "ARB Offset Credits Issued", "8069970"),
    ),
    f"{LATE}/art-trees/cancellations.csv": ("art cancellations", 3, "Quantity of Credits", "36100"),
    f"{LATE}/art-trees/issuances.csv": (
        *("art issuances", 11, "Total Emission Reductions/Removals", "62322618"),
    ),
    f"{LATE}/art-trees/retirements.csv": ("art retirements", 8, "Quantity of Credits", "420998"),
    f"{LATE}/cercarbono/issuances.csv": (
        *("cercarbono issuances", 100, "issued_quantity", "2166860"),
    ),
    f"{LATE}/cercarbono/retirements.csv": ("cercarbono retirements", 100, "quantity", "639718"),
    f"{LATE}/climate-action-reserve/cancellations.csv": (
        *("car cancellations", 50, "Quantity of Offset Credits", "4406143"),
    ),
    f"{LATE}/climate-action-reserve/issuances.csv": (
        *("car issuances", 100, "Total Offset Credits Issued", "10275056"),
    ),
    f"{LATE}/climate-action-reserve/retirements.csv": (
        *("car retirements", 100, "Quantity of Offset Credits", "1506818"),
    ),
    f"{LATE}/gold-standard/issuances.csv": ("gold-standard credits", 100, "Quantity", "5380873"),
    f"{LATE}/gold-standard/retirements.csv": ("gold-standard credits", 100, "Quantity", "1968759"),
    f"{LATE}/isometric/issuances.csv": (
        *("isometric issuances", 100, "credit_batch_size_total.credits", "85162.16"),
    ),
    f"{LATE}/isometric/retirements.csv": (
        *("isometric retirements", 100, "credit_batch_size_total.credits", "14366.11"),
    ),
    f"{LATE}/verra/transactions.csv": ("verra transactions", 200, "Quantity Issued", "4029227"),
    "klimadao/mco2_verra_data.csv": ("verra holdings", 161, "Quantity of Credits", "3041044"),
}
PROJECTS: Final = {
    f"{LATE}/american-carbon-registry/projects.csv": ("acr projects", 50),
    f"{LATE}/art-trees/projects.csv": ("art projects", 28),
    f"{LATE}/cercarbono/projects.csv": ("cercarbono projects", 50),
    f"{LATE}/climate-action-reserve/projects.csv": ("car projects", 50),
    f"{LATE}/gold-standard/projects.csv": ("gold-standard projects", 50),
    f"{LATE}/isometric/projects.csv": ("isometric projects", 50),
    f"{LATE}/verra/projects.csv": ("verra projects", 50),
}
# The rows that are not taken; every other is.
NOT_TAKEN: Final = {
    GOLD_2021: {"quantity-mismatch": 49, "serial-malformed": 11},
    f"{LATE}/arb/nc-arboc_issuance_sheet3.csv": {"no-quantity": 2},
}


@cache
def read(name: str) -> tuple[list[Row], list[RowIssue]]:
    answers = list(open_export(real_exports() / name).rows())
    return (
        [one for one in answers if isinstance(one, Row)],
        [one for one in answers if isinstance(one, RowIssue)],
    )


def records(name: str) -> list[dict[str, str]]:
    with (real_exports() / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def tonnes(rows: Iterable[Row]) -> Decimal:
    return Decimal(sum(row.quantity_g for row in rows)).scaleb(-6)


def test_every_file_in_the_folder_is_expected() -> None:
    folder = real_exports()
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.csv")}
    assert found == {*FILES, *PROJECTS}


@pytest.mark.parametrize("name", PROJECTS)
def test_a_list_of_projects_gives_no_rows_for_the_ledger(name: str) -> None:
    with (real_exports() / name).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    kind = recognised(header)
    assert kind is not None
    assert (kind.title, len(rows)) == PROJECTS[name]
    file_ = open_exports(real_exports() / name)
    assert (list(file_.exports), len(file_.passed_over)) == ([], 1)


@pytest.mark.parametrize("name", FILES)
def test_every_row_gives_one_answer_and_nothing_is_lost(name: str) -> None:
    kind, count, column, expected = FILES[name]
    export = open_export(real_exports() / name)
    rows, issues = read(name)
    assert (export.kind.title, export.row_count) == (kind, count)
    lines = [row.line for row in rows] + [issue.line for issue in issues]
    assert sorted(lines) == list(range(2, count + 2))
    assert Counter(issue.code for issue in issues) == NOT_TAKEN.get(name, {})
    assert {issue.code for issue in issues} <= set(ISSUES)
    by_line = dict(enumerate(records(name), start=2))
    reported = sum(quantity(by_line[issue.line][column]) for issue in issues)
    whole = sum(quantity(record[column]) for record in by_line.values())
    assert tonnes(rows) + reported == whole == Decimal(expected)


def quantity(text: str) -> Decimal:
    return Decimal(text.strip().replace(",", "") or "0")


@pytest.mark.parametrize("name", FILES)
def test_every_row_has_what_a_ledger_needs(name: str) -> None:
    rows, _ = read(name)
    for row in rows:
        ended = row.meaning in {Meaning.RETIRED, Meaning.CANCELLED}
        assert row.project_name
        assert row.project_id
        assert row.ended_on is None or ended
        assert (row.cause is not None) == (row.meaning is Meaning.CANCELLED)
        assert len(row.text) <= 2_000
        assert "\n" not in row.text
        if row.serial is not None and row.serial.parsed:
            assert row.serial.count is not None
            assert row.serial.count * TONNE == row.quantity_g
            assert row.serial.registry in {row.registry, "cdm"}  # of CERs


def test_every_serial_number_is_read_where_the_registry_has_a_grammar() -> None:
    opaque = {
        name: sum(1 for row in read(name)[0] if row.serial and not row.serial.parsed)
        for name in FILES
    }
    assert {name: count for name, count in opaque.items() if count} == {
        f"{LATE}/arb/nc-arboc_issuance_sheet3.csv": 98,
        f"{LATE}/cercarbono/issuances.csv": 100,  # without numbers
        f"{LATE}/isometric/issuances.csv": 100,
        f"{LATE}/isometric/retirements.csv": 100,
    }


def test_the_mismatches_of_gold_standard_are_those_that_were_counted() -> None:
    """One of 6,453 native rows, 48 of 1,630 of the United Nations'; no other file has any."""
    rows, issues = read(GOLD_2021)
    lines = {i.line: i for i in issues if i.code == "quantity-mismatch"}
    native = {line for line, issue in lines.items() if "GS1-1-" in issue.text}
    assert native == {255}
    assert len(lines) - len(native) == 48
    assert "3150 credits" in lines[255].detail
    assert "9039 t" in lines[255].detail
    products = Counter(record["Product Type"] for record in records(GOLD_2021))
    assert products == {"VER": 5_700, "CER": 1_630, "PER": 753}
    planned = sum(row.planned for row in rows)
    assert planned == 753 - ("PER" in lines[255].text)


def test_one_serial_number_of_gold_standards_stands_twice() -> None:
    rows, _ = read(GOLD_2021)
    assert all(row.serial is not None for row in rows)
    counts = Counter(row.serial for row in rows)
    twice = [serial for serial, count in counts.items() if count > 1]
    assert [(serial.count, counts[serial]) for serial in twice if serial] == [(132, 2)]


def test_no_credits_overlap_in_a_file_but_two_pairs_of_gold_standards() -> None:
    overlaps = {}
    for name in FILES:
        serials = [r.serial for r in read(name)[0] if r.serial is not None and r.serial.parsed]
        serials.sort(key=lambda serial: (serial.series, serial.first, serial.last))
        shared = [
            min(one.last, other.last) - other.first + 1
            for one, other in pairwise(serials)
            if one.series == other.series and other.first <= one.last
        ]
        overlaps[name] = sorted(shared)
    assert {name: shared for name, shared in overlaps.items() if shared} == {GOLD_2021: [132, 342]}


def test_the_mixed_file_is_told_apart_by_its_serial_numbers() -> None:
    rows, _ = read(MIXED)
    counts = Counter((row.registry, row.meaning.value) for row in rows)
    assert counts == {
        ("acr", "RETIRED"): 2_052,
        ("acr", "CANCELLED"): 60,
        ("car", "RETIRED"): 4_649,
    }
    gone = [row for row in rows if row.meaning is Meaning.CANCELLED]
    assert {(row.cause, row.purpose, row.details["reason"]) for row in gone} == {
        ("other", None, "Cancellation")
    }


def test_between_two_editions_87_serials_are_rewritten_and_60_rows_are_gone() -> None:
    """By batch and range; 1,374 rows are new by their text, of which 87 are the rewritten ones."""
    before = [*read(MIXED)[0]]
    after = [*read(ACR_2021)[0], *read(CAR_2021)[0]]
    texts = {row.serial_text for row in after}
    ranges = {range_of(row) for row in after}
    other_text = [row for row in before if row.serial_text not in texts]
    rewritten = [row for row in other_text if range_of(row) in ranges]
    gone = [row for row in other_text if range_of(row) not in ranges]
    assert (len(other_text), len(rewritten), len(gone)) == (147, 87, 60)
    assert {row.registry for row in rewritten} == {"car"}
    assert {(row.registry, row.meaning) for row in gone} == {("acr", Meaning.CANCELLED)}
    assert len(texts - {row.serial_text for row in before}) == 1_374


def range_of(row: Row) -> tuple[str, str, int, int]:
    assert row.serial is not None
    return (row.serial.registry, row.serial.series, row.serial.first, row.serial.last)


def test_a_day_is_the_same_however_an_edition_writes_it() -> None:
    """Spreadsheet numbers in July and m/d/yy in December: equal on all 6,614 common rows."""
    days = {row.serial_text: row.ended_on for row in read(MIXED)[0]}
    later = {
        row.serial_text: row.ended_on for name in (ACR_2021, CAR_2021) for row in read(name)[0]
    }
    common = days.keys() & later.keys()
    assert len(common) == 6_614
    assert [text for text in common if days[text] != later[text]] == []


@pytest.mark.parametrize(
    "edition, arb, other, verra",
    [("07", 85_935_276, 878_279, 50_000), ("12", 97_880_562, 892_517, 50_000)],
)
def test_the_reserves_issuances_count_what_was_cancelled(
    edition: str, arb: int, other: int, verra: int
) -> None:
    totals: Counter[str] = Counter()
    for row in read(f"berkeley-2021-{edition}/CAR_issuances.csv")[0]:
        totals.update(row.cancelled_totals_g)
    assert totals == {
        "converted:arb": arb * TONNE,
        "other": other * TONNE,
        "converted:verra": verra * TONNE,
    }


def test_cancelled_for_a_compliance_market_is_a_conversion() -> None:
    causes = {
        registry: Counter(
            (row.cause, row.converted_to) for row in read(f"{LATE}/{registry}/cancellations.csv")[0]
        )
        for registry in ("american-carbon-registry", "climate-action-reserve", "art-trees")
    }
    assert causes == {
        "american-carbon-registry": {
            ("converted", "arb"): 41,
            ("converted", "wa-ecology"): 6,
            ("other", None): 3,
        },
        "climate-action-reserve": {("converted", "arb"): 45, ("converted", "wa-ecology"): 5},
        "art-trees": {("other", None): 3},
    }


def test_the_acr_and_car_rows_agree_with_their_serial_numbers() -> None:
    """A project's id stands in both; 2,637 of 2,637 and 5,351 of 5,351."""
    for name, count in ((ACR_2021, 2_637), (CAR_2021, 5_351)):
        rows, _ = read(name)
        texts = [(row, (row.serial_text or "").split("-")) for row in rows]
        agreeing = [
            row
            for row, parts in texts
            if any(same_project(row.registry, row.project_id or "", part) for part in parts[2:4])
            and str(row.vintage) in parts
            and row.country in parts
        ]
        assert len(agreeing) == count


def test_a_status_is_trusted_where_a_date_is_missing() -> None:
    rows, _ = read(f"{LATE}/gold-standard/retirements.csv")
    counts = Counter((row.meaning.value, row.ended_on is None) for row in rows)
    assert counts == {("RETIRED", False): 94, ("CANCELLED", True): 6}
    rows, _ = read(f"{LATE}/verra/transactions.csv")
    assert Counter(row.meaning.value for row in rows) == {"ISSUED": 100, "RETIRED": 100}


def test_kilograms_are_kept() -> None:
    counts = [
        sum(row.quantity_g % TONNE != 0 for row in read(f"{LATE}/isometric/{name}.csv")[0])
        for name in ("issuances", "retirements")
    ]
    assert counts == [100, 23]


def test_every_country_that_is_named_is_known() -> None:
    unknown: Counter[str] = Counter()
    for name in FILES:
        columns = [c for c in records(name)[0] if c.split()[-1:] in (["Country"], ["Country/Area"])]
        by_line = dict(enumerate(records(name), start=2))
        for row in read(name)[0] if columns else ():
            if row.country is None:
                unknown[by_line[row.line][columns[0]]] += 1
    assert set(unknown) == {"International"}


def test_quantities_are_written_with_commas_and_read_with_them() -> None:
    texts = {record["Quantity Issued"] for record in records(f"{LATE}/verra/transactions.csv")}
    grouped = {text for text in texts if "," in text}
    assert len(grouped) > 10
    assert {text: read_grams(text) for text in grouped} == {
        text: int(quantity(text)) * TONNE for text in grouped
    }
