"""How parts are cut out of a record, counted against a plain list of its grams."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import states
from offset.core.errors import (
    AlreadyCancelled,
    AlreadyRetired,
    AlreadySold,
    InsufficientQuantity,
    NotHeld,
    SerialOutsideRecord,
)
from offset.core.holdings import Holding, Part
from offset.core.records import (
    Balance,
    Past,
    RecordState,
    Status,
    holder_name,
    not_held,
    nothing_left,
    nothing_unsold,
    serial_part,
    status,
    too_little,
)
from states import ENDED, holdings_of

HOLDERS = st.sampled_from([None, "acme", "zeta"])
Cells = list[str | None]
# Long runs and single grams: uniform draws alone would give hardly any run.
CELLS = st.lists(
    st.tuples(st.sampled_from([None, "acme", "zeta", ENDED]), st.integers(1, 5)),
    min_size=1,
    max_size=12,
).map(lambda runs: [cell for cell, length in runs for _ in range(length)])


def held(cells: Cells, holder: str | None) -> list[int]:
    return [gram for gram, cell in enumerate(cells) if cell == holder]


def changed(cells: Cells, grams: Sequence[int], to: str | None) -> Cells:
    marked = set(grams)
    return [to if gram in marked else cell for gram, cell in enumerate(cells)]


# Credits and serial numbers


@given(st.integers(1, 10), st.integers(0, 9))
def test_credit_n_covers_the_millionth_grams_of_n(count: int, before: int) -> None:
    record = states.a_record(count=20)
    part = serial_part(record, 5_000_001 + before, 5_000_000 + before + count)
    assert part == Part(before * 1_000_000, count * 1_000_000)
    assert part.end_g == (before + count) * 1_000_000


def test_serial_numbers_of_another_record_are_refused() -> None:
    with pytest.raises(SerialOutsideRecord):
        serial_part(states.a_record(count=10), 5_000_010, 5_000_011)


# Status and balance


@pytest.mark.parametrize(
    "held_g, retired_g, was_sold, word",
    [
        (10, 0, False, "CREATED"),
        (4, 6, False, "CREATED"),
        (10, 0, True, "SOLD"),
        (1, 9, True, "SOLD"),
        (0, 10, False, "RETIRED"),
        (0, 1, True, "RETIRED"),
        (0, 0, False, "CANCELLED"),
        (0, 0, True, "CANCELLED"),
    ],
)
def test_one_word_says_where_the_credits_are(
    held_g: int, retired_g: int, was_sold: bool, word: str
) -> None:
    assert status(held_g=held_g, retired_g=retired_g, was_sold=was_sold) == word


@given(CELLS, HOLDERS, st.data())
def test_a_balance_counts_every_gram_once(
    cells: Cells, first: str | None, data: st.DataObject
) -> None:
    ended = len(held(cells, ENDED))
    cancelled_g = data.draw(st.integers(0, ended))
    state = RecordState(
        record=states.opaque_record(len(cells), first_holder=first),
        seq=3,
        leaf_hash=None,
        created_at=states.AT,
        holdings=holdings_of(cells),
        retired_g=ended - cancelled_g,
        cancelled_g=cancelled_g,
    )
    assert state.held_g == len(cells) - ended
    assert state.balance == Balance(
        issued_g=len(cells),
        available_g=len(held(cells, first)),
        sold_g=len(cells) - ended - len(held(cells, first)),
        retired_g=ended - cancelled_g,
        cancelled_g=cancelled_g,
    )


def test_a_new_record_is_all_its_first_holders() -> None:
    state = states.new_state(states.a_record(count=2, first_holder="zeta"))
    assert state.holdings == (Holding(0, 2_000_000, "zeta"),)
    assert (state.status, state.held_g, state.seq) == (Status.CREATED, 2_000_000, 1)
    assert state.name == "record 5d5d5d5d5d5d..."


def test_a_holder_has_a_name_in_a_sentence() -> None:
    assert [holder_name(None), holder_name("acme")] == ["the unnamed issuer", "acme"]


# Why not: each refusal names the event that took the grams


def with_past(cells: Cells, *past: Past, first: str | None = None) -> RecordState:
    state = states.state_of(states.opaque_record(len(cells), first_holder=first), cells)
    return RecordState(
        record=state.record,
        seq=9,
        leaf_hash=None,
        created_at=states.AT,
        holdings=state.holdings,
        retired_g=state.retired_g,
        sold=next((p for p in reversed(past) if p.event_type == "SOLD"), None),
        retired=next((p for p in reversed(past) if p.event_type == "RETIRED"), None),
        cancelled=next((p for p in reversed(past) if p.event_type == "CANCELLED"), None),
        past=past,
    )


SOLD = Past(0, 2, "SOLD", "sale", "T1")
RETIRED = Past(2, 2, "RETIRED", "retirement", "T2")
CANCELLED = Past(4, 2, "CANCELLED", "cancellation", "T3")


@pytest.mark.parametrize(
    "past, kind, facts",
    [
        ([RETIRED], AlreadyRetired, {"retirement_id": "retirement", "retired_at": "T2"}),
        ([CANCELLED], AlreadyCancelled, {"cancellation_id": "cancellation", "cancelled_at": "T3"}),
        (
            [CANCELLED, RETIRED],
            AlreadyRetired,
            {"retirement_id": "retirement", "retired_at": "T2"},
        ),
    ],
)
def test_where_nothing_is_left_the_refusal_names_what_ended_it(
    past: list[Past], kind: type[AlreadyRetired], facts: dict[str, str]
) -> None:
    state = with_past([ENDED] * 4, *past)
    for refusal in (nothing_left(state), nothing_unsold(state)):
        assert type(refusal) is kind
        assert re.fullmatch(r"record (5d){6}\.{3} was \w+ by event \w+", refusal.detail)
        assert refusal.facts == {"record_id": states.RECORD_ID, **facts}


def test_where_all_was_sold_the_refusal_names_the_newest_sale() -> None:
    refusal = nothing_unsold(with_past(["acme"] * 4, SOLD, SOLD._replace(event_id="newest")))
    assert type(refusal) is AlreadySold
    assert refusal.detail == "record 5d5d5d5d5d5d... was sold by event newest"
    assert refusal.facts == {"record_id": states.RECORD_ID, "sale_id": "newest", "sold_at": "T1"}


@pytest.mark.parametrize(
    "part, past, kind, taken_by",
    [
        (Part(0, 2), [SOLD], AlreadySold, "sale"),
        (Part(1, 1), [SOLD], AlreadySold, "sale"),
        (Part(0, 3), [SOLD, RETIRED], AlreadyRetired, "retirement"),
        (Part(2, 1), [SOLD, RETIRED], AlreadyRetired, "retirement"),
        (Part(3, 2), [CANCELLED, RETIRED], AlreadyCancelled, "cancellation"),
        (Part(3, 2), [RETIRED, CANCELLED], AlreadyRetired, "retirement"),
        (Part(1, 4), [SOLD, CANCELLED], AlreadyCancelled, "cancellation"),
        (Part(1, 1), [SOLD, SOLD._replace(event_id="resale")], AlreadySold, "resale"),
        (Part(6, 1), [SOLD, RETIRED, CANCELLED], NotHeld, None),
        (Part(2, 2), [SOLD, CANCELLED], NotHeld, None),
    ],
)
def test_a_named_interval_is_refused_with_what_became_of_it(
    part: Part, past: list[Past], kind: type[NotHeld], taken_by: str | None
) -> None:
    cells = ["acme", "acme", ENDED, ENDED, ENDED, ENDED, "acme"]
    refusal = not_held(with_past(list(cells), *past), None, part)
    assert type(refusal) is kind
    ids = [value for name, value in refusal.facts.items() if name != "record_id"]
    assert ids[:1] == [taken_by]


def test_a_sale_is_no_reason_to_one_who_was_not_the_first_holder() -> None:
    refusal = not_held(with_past(["acme", "acme", "zeta"], SOLD), "zeta", Part(0, 2))
    assert type(refusal) is NotHeld
    assert refusal.detail == "record 5d5d5d5d5d5d...: zeta does not hold all of grams 0 to 1"
    assert refusal.facts == {"record_id": states.RECORD_ID, "holder": "zeta"}


def test_too_little_says_how_much_was_asked_and_how_much_is_held() -> None:
    state = with_past(["acme", None], SOLD)
    refusal = too_little(state, "acme", asked_g=2_500_000, available_g=1)
    assert type(refusal) is InsufficientQuantity
    assert refusal.detail == "record 5d5d5d5d5d5d...: 2.5 t asked, 0.000001 t held by acme"
    assert refusal.facts == {"record_id": states.RECORD_ID, "available": 0.000001}


def test_too_little_names_what_took_the_rest_where_nothing_is_held() -> None:
    state = with_past(["acme", ENDED], SOLD, RETIRED)
    refusal = too_little(state, None, asked_g=None, available_g=0)
    assert refusal.detail == "record 5d5d5d5d5d5d...: 0 t held by the unnamed issuer"
    assert refusal.facts == {
        "record_id": states.RECORD_ID,
        "available": 0,
        "sale_id": "sale",
        "retirement_id": "retirement",
    }
    assert too_little(with_past(["acme"]), None, asked_g=1, available_g=0).facts == {
        "record_id": states.RECORD_ID,
        "available": 0,
    }
