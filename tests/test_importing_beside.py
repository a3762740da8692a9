"""What an import makes of a ledger in which others sell and retire; words; and rehearsals."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from builders import (
    cancelling,
    created,
    do,
    leaves,
    opened,
    retiring,
    selling,
)
from export_rows import ACR_ISSUED, ACR_RETIRED, CAR_ISSUED, CAR_RETIRED, Cells, acr, car, vcu
from imports import (
    File,
    Taken,
    balances,
    block,
    content,
    ends_made,
    held,
    records,
    retired,
    take,
    verra,
    verra_create,
    words,
)
from offset.ledger import Ledger
from offset.reading import Reader


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with opened(database_url) as opened_ledger:
        yield opened_ledger


# Beside what others do


def test_a_sale_by_serial_numbers_of_an_imported_block_prints_verras_text(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, verra(block(1, 100)))
    record_id = records(ledger.database)[0]["id"]
    answer = do(ledger, selling(record_id, to="acme", serial_first=31, serial_last=50))
    assert [part["serial_number"] for part in answer.body["sold"]["parts"]] == [vcu(31, 50)]
    held_by = {hold["serial_number"]: hold["holder"] for hold in answer.body["holdings"]}
    assert held_by == {vcu(1, 30): None, vcu(31, 50): "acme", vcu(51, 100): None}


def test_a_retirement_of_parts_that_were_sold_to_several_is_one_group(
    ledger: Ledger, tmp_path: Path
) -> None:
    take(ledger, tmp_path, verra(block(1, 100)))
    record_id = records(ledger.database)[0]["id"]
    for buyer, first, last in (("acme", 11, 20), ("beta", 21, 30), ("acme", 41, 60)):
        do(ledger, selling(record_id, to=buyer, serial_first=first, serial_last=last))
    spent = retired(15, 50, **{"Retirement Beneficiary": "Jane Roe"})
    taken = take(ledger, tmp_path, verra(block(1, 14), spent, block(51, 100)))
    assert taken.counts == (1, 2, 0)
    ends = ends_made(ledger.database)
    assert {end.data["group"] for end in ends} == {ends[0].id}
    shown = [Reader(ledger.database).retirement(end.id) for end in ends]
    assert shown == [shown[0]] * 3
    assert sorted(shown[0]["holders"], key=str) == [None, "acme", "beta"]
    assert sorted(part["serial_number"] for part in shown[0]["parts"]) == [
        *(vcu(15, 20), vcu(21, 30), vcu(31, 40), vcu(41, 50)),
    ]
    assert (shown[0]["quantity"], shown[0]["beneficiary"]) == (36, "Jane Roe")


def test_credits_that_were_sold_here_are_no_contradiction(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, tmp_path, verra(block(1, 100)))
    do(ledger, selling(records(ledger.database)[0]["id"], to="acme", quantity=100))
    assert take(ledger, tmp_path, verra(block(1, 50), block(51, 100))).counts == (0, 2, 0)


def test_a_row_meets_credits_that_came_by_another_way(ledger: Ledger, tmp_path: Path) -> None:
    """A record of the API's that covers a part of the row; what is retired there stays so."""
    record_id = created(ledger, **verra_create(41, 60))
    do(ledger, retiring(record_id, serial_first=41, serial_last=45))
    taken = take(ledger, tmp_path, verra(retired(1, 60), block(61, 100)))
    assert (taken.counts, taken.differences) == ((2, 0, 0), [])
    assert balances(ledger.database) == [
        (vcu(41, 60), 20, 0, 20, 0),
        (vcu(1, 40), 40, 0, 40, 0),
        (vcu(61, 100), 40, 40, 0, 0),
    ]


def test_a_rewritten_text_of_car_is_the_same_credits(ledger: Ledger, tmp_path: Path) -> None:
    issued = File(CAR_ISSUED, [{}])
    take(ledger, tmp_path, issued, File(CAR_RETIRED, [{}]))
    before = content(ledger.database)
    rewritten = {"Offset Credit Serial Numbers": car(1, 100, developer=963)}
    taken = take(ledger, tmp_path, issued, File(CAR_RETIRED, [rewritten]))
    assert (taken.counts, taken.issues) == ((0, 2, 0), [])
    assert content(ledger.database) == before


# Words


def test_a_rows_words_stand_beside_its_event_and_nowhere_in_what_is_hashed(
    ledger: Ledger, tmp_path: Path
) -> None:
    spoken = {
        "Retirement Beneficiary": "Jane Roe",
        "Retirement Reason": "Environmental Benefit of Zanzibar",
        "Retirement Details": "For her wedding, \N{HEAVY BLACK HEART} 2022",
    }
    take(ledger, tmp_path, verra(block(1, 40), retired(41, 100, **spoken)), held(101, 120))
    private = {"Account Holder": "Acme Zanzibar", "Retired on Behalf of": "John Roe"}
    take(ledger, tmp_path, File(ACR_ISSUED, [{}]), File(ACR_RETIRED, [private]))
    assert [json.loads(text) for text in words(ledger.database)] == [
        {
            "account": "Acme Zanzibar",
            "beneficiary": "John Roe",
            "reason": "Environmental Benefit",
        },
        {"account": "Acme"},
        {
            "beneficiary": "Jane Roe",
            "note": "For her wedding, \N{HEAVY BLACK HEART} 2022",
            "reason": "Environmental Benefit of Zanzibar",
        },
    ]
    hashed = json.dumps(leaves(ledger.database), ensure_ascii=False)
    for word in ("Jane", "John", "Roe", "Zanzibar", "wedding", "Acme", "Benefit"):
        assert word not in hashed
    assert "Forest of Ida" in hashed


# Rehearsals


def earlier(ledger: Ledger, folder: Path) -> None:
    """A ledger with a history: imports, sales, retirements and cancellations by others."""
    take(ledger, folder, verra(block(1, 100), retired(101, 200)))
    take(ledger, folder, File(ACR_ISSUED, [{}]), File(ACR_RETIRED, [acr_part(1, 10)]))
    first = records(ledger.database)[0]["id"]
    do(ledger, selling(first, to="acme", serial_first=41, serial_last=60))
    do(ledger, retiring(first, serial_first=55, serial_last=65, holder="acme"))
    do(ledger, cancelling(first, serial_first=71, serial_last=75, cause="other"))
    created(ledger, first=9_001, last=9_010)


def acr_part(first: int, last: int) -> Cells:
    count = str(last - first + 1)
    return {"Quantity of Credits": count, "Credit Serial Numbers": acr(first, last)}


LATER: Final = (
    verra(block(1, 40), retired(41, 54), retired(50, 70), block(76, 100), retired(95, 300)),
    File(ACR_ISSUED, [{}, {}]),
    File(ACR_RETIRED, [acr_part(1, 30), acr_part(31, 300)]),
)


@pytest.mark.parametrize("has_history", [False, True])
def test_a_rehearsal_says_what_would_happen_and_changes_nothing(
    has_history: bool, ledger: Ledger, tmp_path: Path
) -> None:
    if has_history:
        earlier(ledger, tmp_path)
    rehearsed = take(ledger, tmp_path, *LATER, dry_run=True)
    real = take(ledger, tmp_path, *LATER)
    assert said(rehearsed) == said(real)
    assert real.imported.applied > 2


def said(taken: Taken) -> Any:
    """What an import says, but for the ids of the events that it made itself."""
    return taken.counts, [(*pair, issue.text) for pair, issue in told(taken)], taken.differences


def told(taken: Taken) -> list[tuple[tuple[int | None, str], Any]]:
    return list(zip(taken.codes, taken.issues, strict=True))
