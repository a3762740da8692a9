"""What an import makes of running totals: what an issuance counts as cancelled or retired so far.

The rows of a project's vintage are summed, because its credits are interchangeable. What a total
counts more than the ledger has ended for its cause is ended now; less is reported.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from builders import cancelling, do, leaves, opened, retiring, selling
from export_rows import ARB, CAR_CANCELLED, CAR_ISSUED, CAR_RETIRED, Cells, car
from imports import File, balances, claims, ends_made, records, take, take_paths
from offset.ledger import Ledger
from workbooks import write_workbook

PROJECT = ("car", "CAR901", 2019)


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with opened(database_url) as opened_ledger:
        yield opened_ledger


def issued(*rows: tuple[int, int, int]) -> File:
    """CAR's issuances: each of a quantity, of which some are converted, some cancelled."""
    return File(
        CAR_ISSUED,
        [
            {
                "Total Offset Credits Issued": str(quantity),
                "Canceled for ARB Compliance": str(converted),
                "Canceled": str(cancelled),
            }
            for quantity, converted, cancelled in rows
        ],
    )


def end(first: int, last: int) -> Cells:
    """A row of CAR's cancellations or retirements."""
    count = str(last - first + 1)
    return {"Quantity of Offset Credits": count, "Offset Credit Serial Numbers": car(first, last)}


def cancelled(*numbers: tuple[int, int]) -> File:
    """CAR's cancellations for California."""
    return File(CAR_CANCELLED, [end(*both) for both in numbers])


def left(ledger: Ledger) -> list[tuple[Any, ...]]:
    """Every record's tonnes, oldest in the ledger first: issued, available, retired, cancelled."""
    return [row[1:] for row in balances(ledger.database)]


def causes(ledger: Ledger) -> list[tuple[str, str | None, int, bool]]:
    """Every cancellation: cause, where to, tonnes, and whether it claims serial numbers."""
    return [
        (
            said["cause"],
            said["converted_to"],
            sum(part[1] for part in said["parts"]) // 1_000_000,
            "claim" in said,
        )
        for said in (event.data for event in ends_made(ledger.database))
    ]


def test_what_an_issuance_counts_as_ended_is_ended(ledger: Ledger, tmp_path: Path) -> None:
    file = issued((100, 60, 7))
    taken = take(ledger, tmp_path, file)
    assert (taken.counts, taken.issues, taken.differences) == ((1, 0, 0), [], [])
    assert causes(ledger) == [("converted", "arb", 60, False), ("other", None, 7, False)]
    first, second = ends_made(ledger.database)
    assert first.data["group"] == second.data["group"] == first.id
    before = leaves(ledger.database)
    assert take(ledger, tmp_path, file).counts == (0, 1, 0)
    assert leaves(ledger.database) == before


def test_an_increase_is_one_cancellation_of_what_is_new(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, issued((100, 60, 0)))
    taken = take(ledger, tmp_path, issued((100, 85, 0)))
    assert (taken.counts, taken.issues, taken.differences) == ((1, 0, 0), [], [])
    assert causes(ledger) == [("converted", "arb", 60, False), ("converted", "arb", 25, False)]


def test_a_decrease_is_reported_and_nothing_comes_back(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, issued((100, 60, 10)))
    taken = take(ledger, tmp_path, issued((100, 50, 10)))
    assert (taken.counts, taken.codes) == ((0, 0, 1), [(2, "total-decreased")])
    assert "is 50 t; the ledger has 60 t" in taken.issues[0].detail
    assert taken.differences == [(*PROJECT, "cancelled", 60, 70)]
    assert left(ledger) == [(100, 30, 0, 70)]


def test_large_totals_are_written_out(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, issued((9_000_000, 7_654_321, 0)))
    taken = take(ledger, tmp_path, issued((9_000_000, 1_234_567, 0)))
    assert "is 1234567 t; the ledger has 7654321 t" in taken.issues[0].detail


def test_a_total_that_is_gone_altogether_is_a_decrease(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, issued((100, 60, 10)))
    taken = take(ledger, tmp_path, issued((100, 60, 0)))
    assert taken.codes == [(2, "total-decreased")]


def test_totals_that_move_between_the_rows_of_a_vintage_change_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, issued((100, 60, 0), (80, 20, 0)))
    taken = take(ledger, tmp_path, issued((100, 20, 0), (80, 60, 0)))
    assert (taken.counts, taken.issues, taken.differences) == ((0, 2, 0), [], [])


def test_an_increase_falls_on_its_own_issuance_first_then_on_its_siblings(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, issued((100, 0, 0), (80, 50, 0)))
    assert left(ledger) == [(100, 100, 0, 0), (80, 30, 0, 50)]
    do(ledger, selling(records(ledger.database)[1]["id"], to="acme", quantity=20))
    taken = take(ledger, tmp_path, issued((100, 0, 0), (80, 75, 0)))
    assert (taken.counts, taken.issues) == ((1, 1, 0), [])
    assert [row[3] for row in left(ledger)] == [15, 60]
    _, second, third = ends_made(ledger.database)
    assert second.data["group"] == third.data["group"] == second.id


def test_a_total_of_more_than_is_left_is_reported(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, issued((100, 40, 0)))
    do(ledger, retiring(records(ledger.database)[0]["id"], quantity=50))
    taken = take(ledger, tmp_path, issued((100, 60, 0)))
    assert (taken.counts, taken.codes) == ((0, 0, 1), [(2, "not-enough")])
    assert "10 t of the issuance are left" in taken.issues[0].detail
    assert left(ledger) == [(100, 10, 50, 40)]


# Totals beside rows of their own


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_a_cancellation_that_a_total_counts_too_is_ended_once(
    order: Sequence[int], ledger: Ledger, tmp_path: Path
) -> None:
    """All files in one import, in any order: 60 are converted, of which rows tell of 25."""
    files = [
        issued((100, 60, 0)),
        cancelled((1, 25)),
        File(CAR_RETIRED, [end(61, 90)]),
    ]
    sorted_files = [files[place] for place in order]
    taken = take(ledger, tmp_path, *sorted_files)
    assert (taken.counts, taken.differences) == ((3, 0, 0), [])
    assert left(ledger) == [(100, 10, 30, 60)]
    assert ("car", "9001", "CANCELLED", 1, 25) in claims(ledger.database)
    assert take(ledger, tmp_path, *sorted_files).counts == (0, 3, 0)


def test_a_row_that_came_before_its_total_counts_in_it(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, issued((100, 0, 0)))
    take(ledger, tmp_path, cancelled((1, 25)))
    taken = take(ledger, tmp_path, issued((100, 60, 0)))
    assert (taken.counts, taken.by_code["counted-in-total"]) == ((1, 0, 0), 0)
    assert causes(ledger) == [("converted", "arb", 25, True), ("converted", "arb", 35, False)]


def test_a_row_that_comes_after_its_total_is_reported(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, issued((100, 60, 0)))
    taken = take(ledger, tmp_path, cancelled((1, 25)))
    assert (taken.counts, taken.codes) == ((0, 0, 1), [(2, "counted-in-total")])
    assert f"event {ends_made(ledger.database)[0].id}" in taken.issues[0].detail
    assert left(ledger) == [(100, 40, 0, 60)]


def test_a_row_of_another_cause_than_the_total_is_taken(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, issued((100, 0, 60)))
    assert take(ledger, tmp_path, cancelled((1, 25))).counts == (1, 0, 0)
    assert left(ledger) == [(100, 15, 0, 85)]


def test_an_increase_that_rows_of_the_same_import_tell_of_is_ended_once(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, issued((100, 25, 0)), cancelled((1, 25)))
    taken = take(ledger, tmp_path, issued((100, 60, 0)), cancelled((1, 25), (26, 60)))
    assert (taken.counts, taken.issues, taken.differences) == ((1, 2, 0), [], [])
    assert causes(ledger) == [("converted", "arb", 25, True), ("converted", "arb", 35, True)]


def test_a_cancellation_that_others_made_counts_in_a_total(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, issued((100, 0, 0)))
    record_id = records(ledger.database)[0]["id"]
    do(ledger, cancelling(record_id, quantity=10, cause="converted", converted_to="arb"))
    assert take(ledger, tmp_path, issued((100, 60, 0))).counts == (1, 0, 0)
    assert left(ledger) == [(100, 40, 0, 60)]


# California's issuances, each of which is known by an id


def arb(*rows: Cells) -> File:
    return File(ARB, rows)


def test_an_issuance_of_california_counts_its_own_ends_by_purpose_and_cause(
    ledger: Ledger, tmp_path: Path
) -> None:
    spent = {
        "Invalidated or Canceled": "5",
        "Buffer Pool Retired": "10",
        "Retired 1st Compliance Period (CA)": "30",
        "Retired Voluntarily": "1",
    }
    file = arb(spent, {"CARB Issuance ID": "CAFR9037-B", "Buffer Pool Retired": "2"})
    taken = take(ledger, tmp_path, file)
    assert (taken.counts, taken.issues, taken.differences) == ((2, 0, 0), [], [])
    assert left(ledger) == [(100, 54, 31, 15), (100, 98, 0, 2)]
    said = [(event.type, event.data.get("purpose") or event.data["cause"]) for event in _of(ledger)]
    assert sorted(said) == [
        ("CANCELLED", "buffer"),
        ("CANCELLED", "buffer"),
        ("CANCELLED", "invalidated"),
        ("RETIRED", "compliance"),
        ("RETIRED", "other"),
    ]
    again = take(ledger, tmp_path, file)
    assert (again.counts, again.issues) == ((0, 2, 0), [])


def _of(ledger: Ledger) -> Sequence[Any]:
    return ends_made(ledger.database)


def test_a_total_of_california_never_falls_on_another_issuance(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, arb({}, {"CARB Issuance ID": "CAFR9037-B"}))
    do(ledger, retiring(records(ledger.database)[0]["id"], quantity=80, purpose="other"))
    later = {"Retired 1st Compliance Period (CA)": "30"}
    taken = take(ledger, tmp_path, arb(later, {"CARB Issuance ID": "CAFR9037-B"}))
    assert (taken.counts, taken.codes[0]) == ((0, 1, 1), (2, "not-enough"))
    assert left(ledger) == [(100, 20, 80, 0), (100, 100, 0, 0)]


@pytest.mark.parametrize(
    "retired, applied",
    [((10, 10, 10), 1), ((0, 10, 10), 2), ((10, 0, 30), 2), ((10, 30, 20), 2), ((0, 10, 30), 3)],
)
def test_of_sheets_that_repeat_an_issuance_the_largest_total_counts(
    ledger: Ledger, tmp_path: Path, retired: tuple[int, ...], applied: int
) -> None:
    sheets = {
        f"Sheet {n}": [[*ARB], [*{**ARB, "Retired Voluntarily": str(count)}.values()]]
        for n, count in enumerate(retired)
    }
    path = write_workbook(tmp_path / "export.xlsx", sheets)
    for counts in ((applied, 3 - applied, 0), (0, 3, 0)):
        taken = take_paths(ledger, path)
        assert (taken.counts, taken.codes, taken.differences) == (counts, [], [])
    assert left(ledger) == [(100, 100 - max(retired), max(retired), 0)]
