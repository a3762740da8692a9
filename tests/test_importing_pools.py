"""What an import makes of issuances without serial numbers: pools, claims of ends, running totals.

ACR, CAR and ART publish issuances without serial numbers and ends with them; at Isometric ids
stand for numbers; at Cercarbono an end names its issuance by text.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from builders import do, opened, selling
from export_rows import (
    ACR_CANCELLED,
    ACR_ISSUED,
    ACR_RETIRED,
    ART_CANCELLED,
    ART_ISSUED,
    ART_RETIRED,
    CERCARBONO_ISSUED,
    CERCARBONO_RETIRED,
    ISOMETRIC_ISSUED,
    ISOMETRIC_RETIRED,
    Cells,
    acr,
    art,
    car,
)
from imports import File, balances, claims, content, ends_made, records, take
from offset.core.holdings import Holding
from offset.ledger import Ledger
from offset.reading import Reader


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with opened(database_url) as opened_ledger:
        yield opened_ledger


def acr_issued(quantity: int, day: str = "2021-02-13", **cells: str) -> Cells:
    return {"Total Credits Issued": str(quantity), "Date Issued (GMT)": day, **cells}


def acr_end(first: int, last: int, **cells: str) -> Cells:
    """A row of retirements or cancellations."""
    count = str(last - first + 1)
    return {"Quantity of Credits": count, "Credit Serial Numbers": acr(first, last), **cells}


def car_issued(quantity: int, converted: int = 0, cancelled: int = 0, **cells: str) -> Cells:
    return {
        "Total Offset Credits Issued": str(quantity),
        "Canceled for ARB Compliance": str(converted),
        "Canceled": str(cancelled),
        **cells,
    }


def car_end(first: int, last: int, **cells: str) -> Cells:
    count = str(last - first + 1)
    return {
        "Quantity of Offset Credits": count,
        "Offset Credit Serial Numbers": car(first, last),
        **cells,
    }


def art_end(first: int, last: int) -> Cells:
    count = str(last - first + 1)
    return {"Quantity of Credits": count, "Credit Serial Numbers": art(first, last)}


def left(ledger: Ledger) -> list[tuple[Any, ...]]:
    """Every record's tonnes, oldest in the ledger first: issued, available, retired, cancelled."""
    return [row[1:] for row in balances(ledger.database)]


def held_by(ledger: Ledger, holder: str) -> list[Holding]:
    reader = Reader(ledger.database)
    states = [reader.record(record["id"])[0] for record in records(ledger.database)]
    return [one for state in states for one in state.holdings if one.holder == holder]


# Issuances


def test_an_issuance_without_serial_numbers_gets_one_of_its_facts(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, File(ACR_ISSUED, [acr_issued(3081, "2006-08-02", Vintage="2005")]))
    (record,) = records(ledger.database)
    assert record["serial_number"] == "acr-issuance:ACR901/2005/2006-08-02/3081/1"
    assert record["serial"]["unparsed"] is True
    assert (record["project_id"], record["vintage"]) == ("ACR901", 2005)


def test_equal_issuances_are_told_apart_by_an_ordinal(ledger: Ledger, tmp_path: Path) -> None:
    file = File(ACR_ISSUED, [acr_issued(10), acr_issued(20), acr_issued(10), acr_issued(10)])
    assert take(ledger, tmp_path, file).counts == (4, 0, 0)
    assert [row[0].rpartition("/2021-02-13/")[2] for row in balances(ledger.database)] == [
        *("10/1", "20/1", "10/2", "10/3"),
    ]
    assert take(ledger, tmp_path, file).counts == (0, 4, 0)
    more = File(ACR_ISSUED, [acr_issued(10)] * 4 + [acr_issued(20)])
    assert take(ledger, tmp_path, more).counts == (1, 4, 0)


def test_one_of_equal_issuances_that_is_listed_no_more_has_vanished(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, File(ACR_ISSUED, [acr_issued(10)] * 3))
    taken = take(ledger, tmp_path, File(ACR_ISSUED, [acr_issued(10)] * 2))
    assert (taken.counts, taken.codes) == ((0, 2, 0), [(None, "vanished")])
    assert "ACR901/2019/2021-02-13/10/3" in taken.issues[0].detail
    assert taken.differences == [("acr", "ACR901", 2019, "issued", 20, 30)]


def test_a_vintage_that_is_listed_no_more_is_a_difference(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, File(ACR_ISSUED, [acr_issued(10), acr_issued(20, Vintage="2018")]))
    taken = take(ledger, tmp_path, File(ACR_ISSUED, [acr_issued(10)]))
    assert taken.codes == [(None, "vanished")]
    assert taken.differences == [("acr", "ACR901", 2018, "issued", 0, 20)]


def test_an_issuance_of_another_quantity_under_the_same_id_is_reported(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, File(CERCARBONO_ISSUED, [{}]))
    taken = take(ledger, tmp_path, File(CERCARBONO_ISSUED, [{"issued_quantity": "120"}]))
    assert (taken.counts, taken.codes) == ((0, 0, 1), [(2, "quantity-differs")])
    assert ["of 100 t" in taken.issues[0].detail, "of 120 t" in taken.issues[0].detail] == [
        True
    ] * 2
    assert left(ledger) == [(100, 100, 0, 0)]


# Ends


def test_ends_take_from_the_oldest_issuance_first_and_claim_their_numbers(
    ledger: Ledger, tmp_path: Path
) -> None:
    issued = [acr_issued(50, "2021-03-01"), acr_issued(30, "2020-05-01"), acr_issued(20)]
    ended = [acr_end(1, 40, **{"Retired on Behalf of": "Jane Roe"}), acr_end(41, 45)]
    taken = take(ledger, tmp_path, File(ACR_RETIRED, ended), File(ACR_ISSUED, issued))
    assert (taken.counts, taken.issues, taken.differences) == ((5, 0, 0), [], [])
    assert left(ledger) == [(50, 50, 0, 0), (30, 0, 30, 0), (20, 5, 15, 0)]
    first, second, third = ends_made(ledger.database)
    shown = Reader(ledger.database).retirement(second.id)
    assert shown["id"] == first.id
    assert shown["claims"] == [acr(1, 30), acr(31, 40)]
    assert (shown["quantity"], shown["beneficiary"]) == (40, "Jane Roe")
    assert [first.record_id, second.record_id] == shown["records"]
    assert (third.data["claim"], third.data["group"]) == (acr(41, 45), None)
    again = take(ledger, tmp_path, File(ACR_RETIRED, ended), File(ACR_ISSUED, issued))
    assert (again.counts, again.issues) == ((0, 5, 0), [])


def test_an_issuance_without_a_day_is_taken_from_last(ledger: Ledger, tmp_path: Path) -> None:
    """So it is on both databases, of which one sorts nothing first and one last."""
    issued = [acr_issued(50, ""), acr_issued(30, "2020-05-01"), acr_issued(30, "2019-05-01")]
    take(ledger, tmp_path, File(ACR_ISSUED, issued), File(ACR_RETIRED, [acr_end(1, 40)]))
    assert left(ledger) == [(50, 50, 0, 0), (30, 20, 10, 0), (30, 0, 30, 0)]


def test_an_end_takes_nothing_from_another_vintage_or_project(
    ledger: Ledger, tmp_path: Path
) -> None:
    issued = [acr_issued(100, Vintage="2018"), acr_issued(100, **{"Project ID": "ACR902"})]
    taken = take(ledger, tmp_path, File(ACR_ISSUED, issued), File(ACR_RETIRED, [acr_end(1, 40)]))
    assert (taken.counts, taken.codes) == ((2, 0, 1), [(2, "not-issued")])
    assert taken.differences == [("acr", "ACR901", 2019, "retired", 40, 0)]


@pytest.mark.parametrize("written", ["ACR0901", "acr901", "901", "ACR 901"])
def test_a_project_is_the_same_however_a_file_writes_it(
    written: str, ledger: Ledger, tmp_path: Path
) -> None:
    issued = File(ACR_ISSUED, [acr_issued(100, **{"Project ID": written})])
    ended = File(ACR_RETIRED, [acr_end(1, 100)])
    taken = take(ledger, tmp_path, issued, ended)
    assert (taken.counts, taken.issues, taken.differences) == ((2, 0, 0), [], [])


def test_an_end_of_more_than_is_left_is_reported_and_takes_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    issued = File(ACR_ISSUED, [acr_issued(30), acr_issued(20, "2021-03-01")])
    ended = File(ACR_RETIRED, [acr_end(1, 40), acr_end(41, 51), acr_end(52, 61)])
    taken = take(ledger, tmp_path, issued, ended)
    assert (taken.counts, taken.codes) == ((4, 0, 1), [(3, "not-enough")])
    assert "10 t of project ACR901, vintage 2019 are left" in taken.issues[0].detail
    assert left(ledger) == [(30, 0, 30, 0), (20, 0, 20, 0)]
    assert claims(ledger.database)[:2] == [
        ("acr", "ACR-901-2019-9001", "RETIRED", 1, 40),
        ("acr", "ACR-901-2019-9001", "RETIRED", 52, 61),
    ]


def test_credits_that_were_sold_here_are_not_taken_for_an_end(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Nothing tells that an end is of the credits that someone bought."""
    issued = File(ACR_ISSUED, [acr_issued(30), acr_issued(20, "2021-03-01")])
    take(ledger, tmp_path, issued)
    do(ledger, selling(records(ledger.database)[0]["id"], to="acme", quantity="10.5"))
    ended = File(ACR_RETIRED, [acr_end(1, 25), acr_end(26, 40)])
    taken = take(ledger, tmp_path, issued, ended)
    assert (taken.counts, taken.codes) == ((1, 2, 1), [(3, "not-enough")])
    assert [row[2] for row in left(ledger)] == [19, 6]
    assert sum(one.quantity_g for one in held_by(ledger, "acme")) == 10_500_000


def test_an_end_that_grew_since_takes_only_what_is_new(ledger: Ledger, tmp_path: Path) -> None:
    issued = File(ACR_ISSUED, [acr_issued(100)])
    take(ledger, tmp_path, issued, File(ACR_RETIRED, [acr_end(11, 20), acr_end(31, 40)]))
    taken = take(ledger, tmp_path, issued, File(ACR_RETIRED, [acr_end(1, 50)]))
    assert (taken.counts, taken.issues) == ((1, 1, 0), [])
    assert left(ledger) == [(100, 50, 50, 0)]
    new = ends_made(ledger.database)[2:]
    assert [end.data["claim"] for end in new] == [acr(1, 10), acr(21, 30), acr(41, 50)]
    assert {end.data["group"] for end in new} == {new[0].id}


def test_an_end_that_is_listed_no_more_has_vanished(ledger: Ledger, tmp_path: Path) -> None:
    issued = File(ACR_ISSUED, [acr_issued(100)])
    take(ledger, tmp_path, issued, File(ACR_RETIRED, [acr_end(1, 10), acr_end(11, 30)]))
    taken = take(ledger, tmp_path, issued, File(ACR_RETIRED, [acr_end(11, 29)]))
    assert (taken.counts, taken.codes) == ((0, 2, 0), [(None, "vanished")] * 2)
    assert [" 1 to 10 " in taken.issues[0].detail, " 11 to 30 " in taken.issues[1].detail] == [
        *(True, True),
    ]


def test_an_end_that_is_cancelled_in_a_later_edition_is_reported(
    ledger: Ledger, tmp_path: Path
) -> None:
    issued = File(ACR_ISSUED, [acr_issued(100)])
    take(ledger, tmp_path, issued, File(ACR_RETIRED, [acr_end(11, 30)]))
    before = content(ledger.database)
    taken = take(ledger, tmp_path, File(ACR_CANCELLED, [acr_end(11, 40)]))
    assert (taken.counts, taken.codes) == ((0, 0, 1), [(2, "moved-to-cancelled")])
    assert content(ledger.database) == before


def test_a_retired_row_of_acr_with_the_reason_cancellation_is_a_cancellation(
    ledger: Ledger, tmp_path: Path
) -> None:
    ended = File(ACR_RETIRED, [acr_end(1, 10, **{"Retirement Reason": "Cancellation"})])
    taken = take(ledger, tmp_path, File(ACR_ISSUED, [{}]), ended)
    assert (taken.counts, taken.differences) == ((2, 0, 0), [])
    assert left(ledger) == [(100, 90, 0, 10)]


@pytest.mark.parametrize("apart", [False, True])
def test_retirements_and_cancellations_leave_nothing_of_each_other_out(
    apart: bool, ledger: Ledger, tmp_path: Path
) -> None:
    """ART's files, which have no running totals; one import or one after the other."""
    files = [
        File(ART_ISSUED, [{}]),
        File(ART_RETIRED, [art_end(1, 10)]),
        File(ART_CANCELLED, [art_end(11, 40)]),
    ]
    if apart:
        assert [take(ledger, tmp_path, file).issues for file in files] == [[], [], []]
    assert take(ledger, tmp_path, *files).issues == []


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_files_of_one_import_may_come_in_any_order(
    order: Sequence[int], ledger: Ledger, tmp_path: Path
) -> None:
    files = [
        File(ACR_ISSUED, [acr_issued(60), acr_issued(40, "2020-05-01")]),
        File(ACR_RETIRED, [acr_end(1, 50)]),
        File(ACR_CANCELLED, [acr_end(51, 80)]),
    ]
    taken = take(ledger, tmp_path, *[files[place] for place in order])
    assert (taken.counts, taken.differences) == ((4, 0, 0), [])
    assert sum(row[2] for row in left(ledger)) == 50
    assert {end.data.get("converted_to") for end in ends_made(ledger.database)} == {None, "arb"}
    assert [row for row in claims(ledger.database) if row[2] != "CREATED"] == [
        ("acr", "ACR-901-2019-9001", "CANCELLED", 51, 80),
        ("acr", "ACR-901-2019-9001", "RETIRED", 1, 50),
    ]


# Issuances that an end names, or only their project


def test_an_end_of_cercarbono_takes_from_the_issuance_that_it_names(
    ledger: Ledger, tmp_path: Path
) -> None:
    other = {"serial": "CDC_901_1_1_321_14_2"}
    issued = File(CERCARBONO_ISSUED, [{}, other])
    ended = [
        {**other, "end_user": "Jane Roe"},
        {**other, "from": "10", "to": "19"},
        {"from": "90", "to": "99"},
    ]
    taken = take(ledger, tmp_path, issued, File(CERCARBONO_RETIRED, ended))
    assert (taken.counts, taken.issues, taken.differences) == ((5, 0, 0), [], [])
    assert left(ledger) == [(100, 90, 10, 0), (100, 80, 20, 0)]
    assert ends_made(ledger.database)[0].data["claim"] == "CDC_901_1_1_321_14_2/0-9"
    again = take(ledger, tmp_path, issued, File(CERCARBONO_RETIRED, ended))
    assert (again.counts, again.issues) == ((0, 5, 0), [])


@pytest.mark.parametrize("written", ["cdc_901_1_1_321_14_1", " CDC_901_1_1_321_14_1 "])
def test_an_issuance_is_found_however_an_end_writes_its_name(
    written: str, ledger: Ledger, tmp_path: Path
) -> None:
    issued = File(CERCARBONO_ISSUED, [{}])
    taken = take(ledger, tmp_path, issued, File(CERCARBONO_RETIRED, [{"serial": written}]))
    assert (taken.counts, taken.issues) == ((2, 0, 0), [])


def tonnes_of(kilograms: int) -> Cells:
    return {
        "credit_batch_size_total.credits": f"{kilograms / 1000:.3f}",
        "credit_batch_size_total.credit_kgs": str(kilograms),
    }


def test_ends_of_isometric_take_fractions_of_their_project_oldest_first(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Whatever vintage they name: an issuance states none."""
    older = {"id": "iss_2", "issued_at": "2024-01-01T00:00:00Z", **tonnes_of(1_500)}
    issued = File(ISOMETRIC_ISSUED, [{}, older])
    ended = [
        {"retirement_id": "ret_1", **tonnes_of(19), "beneficiary.name": "Jane Roe"},
        {"retirement_id": "ret_2", **tonnes_of(2_001), "sequestered_on": "2023-11-30"},
    ]
    taken = take(ledger, tmp_path, issued, File(ISOMETRIC_RETIRED, ended))
    assert (taken.counts, taken.issues, taken.differences) == ((4, 0, 0), [], [])
    assert left(ledger) == [(6.37, 5.85, 0.52, 0), (1.5, 0, 1.5, 0)]
    _, second, third = ends_made(ledger.database)
    shown = Reader(ledger.database).retirement(third.id)
    assert (shown["id"], shown["quantity"], shown["claims"]) == (second.id, 2.001, ["RET_2"])
    again = take(ledger, tmp_path, issued, File(ISOMETRIC_RETIRED, ended))
    assert (again.counts, again.issues) == ((0, 4, 0), [])


def test_an_end_of_another_quantity_under_the_same_id_is_reported(
    ledger: Ledger, tmp_path: Path
) -> None:
    issued = File(ISOMETRIC_ISSUED, [{}])
    take(ledger, tmp_path, issued, File(ISOMETRIC_RETIRED, [tonnes_of(19)]))
    taken = take(ledger, tmp_path, issued, File(ISOMETRIC_RETIRED, [tonnes_of(25)]))
    assert taken.counts == (0, 1, 1)
    assert taken.codes == [(2, "quantity-differs")]
