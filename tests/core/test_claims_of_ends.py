"""Ends that bring the serial numbers which the issuance did not have; groups; planned credits."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

import states
from offset.core.commands import (
    Cancel,
    Claim,
    Command,
    Decision,
    Retire,
    Sell,
    claim_of,
    decide,
    decide_create,
)
from offset.core.errors import (
    NotHeld,
    OffsetError,
    PlannedCredits,
    QuantityMismatch,
    RecordDiffers,
    Refused,
    SerialOverlap,
)
from offset.core.events import ACTS, Cancelled, Created, Draft, Retired, Sold, Stamp
from offset.core.holdings import Holding, Holdings, Part
from offset.core.records import Record, RecordState
from offset.core.serials import Serial
from offset.deciding import Appended, Batch
from offset.units import Answer, Result, Unit
from states import CREDIT, RECORD_ID, cancel, event_id, retire, sell, verra_serial


def lot(quantity_g: int) -> Record:
    """An issuance of Verra's without serial numbers."""
    return replace(states.opaque_record(quantity_g), registry="verra")


LOT: Final = lot(10 * CREDIT)
FRESH: Final = states.new_state(LOT)
TWO_HOLDERS: Final = states.after(FRESH, sell(2, quantity_g=3 * CREDIT))
GROUP: Final = event_id(77)
TEXT: Final = Serial.opaque(registry="verra", text="CERTIFICATE 5")


def claims(decision: Decision) -> list[Serial | None]:
    """What each event claims; its bytes have to say the same."""
    for draft in decision.drafts:
        assert draft.happening.data().get("claim") == (draft.claim and draft.claim.text)
    return [draft.claim for draft in decision.drafts]


def said(decision: Decision, name: str) -> list[Any]:
    """What each event says under a name."""
    return [draft.happening.data()[name] for draft in decision.drafts]


def refusal(
    state: RecordState, command: Sell | Retire | Cancel, taken: Claim | None = None
) -> OffsetError:
    with pytest.raises(OffsetError) as refused:
        decide(state, command, taken)
    return refused.value


# Claims


def test_a_retirement_says_and_claims_the_serial_numbers_that_it_came_with() -> None:
    claim = verra_serial(101, 104)
    decision = decide(FRESH, retire(2, quantity_g=4 * CREDIT, claim=claim))
    happened = Retired(parts=(Part(0, 4 * CREDIT),), holder=None, claim=claim.text)
    assert decision.drafts == (Draft(event_id(2), happened, claim),)
    assert happened.data()["claim"] == claim.text


def test_a_cancellation_says_and_claims_the_serial_numbers_that_it_came_with() -> None:
    claim = verra_serial(101, 104)
    decision = decide(FRESH, cancel(2, quantity_g=4 * CREDIT, claim=claim))
    happened = Cancelled(
        parts=(Part(0, 4 * CREDIT),), holder=None, cause="destroyed", claim=claim.text
    )
    assert decision.drafts == (Draft(event_id(2), happened, claim),)
    assert happened.data()["claim"] == claim.text


@pytest.mark.parametrize("command", [retire(2), cancel(2)])
def test_an_end_without_serial_numbers_of_its_own_says_nothing_of_a_claim(
    command: Retire | Cancel,
) -> None:
    decision = decide(FRESH, command)
    assert claims(decision) == [None]
    assert "claim" not in decision.drafts[0].happening.data()


@pytest.mark.parametrize("claim", [None, "9001-1-1-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1"])
def test_an_end_is_read_back_with_its_claim_and_without(claim: str | None) -> None:
    parts = (Part(0, CREDIT),)
    for happened in (
        Retired(parts=parts, holder="acme", claim=claim),
        Cancelled(parts=parts, holder="acme", cause="other", claim=claim),
    ):
        assert ACTS[happened.TYPE].from_data(happened.data()) == happened


@pytest.mark.parametrize("command, claimed", [
    (states.create_command(states.a_record()), verra_serial()),
    (states.create_command(LOT), LOT.serial),
    (retire(2, claim=verra_serial()), verra_serial()),
    (cancel(2, claim=TEXT), TEXT),
    (retire(2), None),
    (cancel(2), None),
    (sell(2), None),
])  # fmt: skip
def test_what_a_command_claims(command: Command, claimed: Serial | None) -> None:
    assert claim_of(command) == claimed


@pytest.mark.parametrize("make", [retire, cancel])
def test_the_events_of_one_command_share_its_claim_in_their_order(make: Any) -> None:
    decision = decide(TWO_HOLDERS, make(3, claim=verra_serial(101, 110)))
    assert claims(decision) == [verra_serial(101, 103), verra_serial(104, 110)]
    assert said(decision, "holder") == ["acme", None]
    assert said(decision, "group") == [event_id(3), event_id(3)]


def test_a_claim_goes_on_where_an_event_has_as_many_parts_as_it_may() -> None:
    count = 2_002
    holdings = Holdings(
        Holding(n * CREDIT, CREDIT, "acme" if n % 2 else None) for n in range(count)
    )
    state = replace(states.new_state(lot(count * CREDIT)), holdings=holdings)
    decision = decide(state, retire(2, holder="acme", claim=verra_serial(1, 1_001)))
    assert [len(draft.happening.parts) for draft in decision.drafts] == [1_000, 1]
    assert claims(decision) == [verra_serial(1, 1_000), verra_serial(1_001, 1_001)]


def test_a_text_without_numbers_is_claimed_by_the_first_event_alone() -> None:
    assert claims(decide(TWO_HOLDERS, retire(3, claim=TEXT))) == [TEXT, None]
    assert claims(decide(FRESH, retire(2, quantity_g=1, claim=TEXT))) == [TEXT]


@pytest.mark.parametrize("make", [retire, cancel])
@pytest.mark.parametrize("quantity_g, quantity", [
    (3 * CREDIT, 3),
    (5 * CREDIT, 5),
    (4 * CREDIT - 1, 3.999999),
    (4 * CREDIT + 1, 4.000001),
    (None, 10),
])  # fmt: skip
def test_a_claim_is_of_as_many_credits_as_are_taken(
    quantity_g: int | None, quantity: float, make: Any
) -> None:
    refused = refusal(FRESH, make(2, quantity_g=quantity_g, claim=verra_serial(101, 104)))
    assert type(refused) is QuantityMismatch
    assert refused.facts == {"quantity": quantity, "serial_quantity": 4}


def test_a_credit_is_claimed_by_one_event_and_not_by_two() -> None:
    state = states.after(FRESH, sell(2, quantity_g=3 * CREDIT - 1))
    refused = refusal(state, retire(3, claim=verra_serial(101, 110)))
    assert type(refused) is QuantityMismatch
    claims(decide(TWO_HOLDERS, retire(3, claim=verra_serial(101, 110))))


@pytest.mark.parametrize("make", [retire, cancel])
def test_serial_numbers_that_are_claimed_cannot_be_claimed_again(make: Any) -> None:
    taken = Claim(record_id="ab" * 32, first=104, last=120)
    refused = refusal(FRESH, make(2, quantity_g=4 * CREDIT, claim=verra_serial(101, 104)), taken)
    assert type(refused) is SerialOverlap
    assert refused.facts == {
        "record_id": "ab" * 32,
        "serial_first": 101,
        "serial_last": 104,
        "other_first": 104,
        "other_last": 120,
    }
    refused = refusal(FRESH, make(2, claim=TEXT), Claim(record_id="ab" * 32, first=0, last=0))
    assert type(refused) is SerialOverlap
    assert refused.facts == {"record_id": "ab" * 32, "serial_number": "CERTIFICATE 5"}


# Claims of a batch


def batch_of(*units: Sequence[Command]) -> tuple[Batch, list[str | None]]:
    """Decide atomic units on a lot of ten credits; a refused unit's code, and None of others."""
    batch = Batch({RECORD_ID: (0, FRESH)}, past=lambda *_: ())
    made = [Unit(commands=tuple(unit), shape=_no_answer, atomic=True) for unit in units]
    batch.decide(made, {})
    appended = Appended(made=(), events={}, at=states.AT)
    last = [batch.results(number, appended, {})[-1] for number in range(len(made))]
    return batch, [result.code if isinstance(result, OffsetError) else None for result in last]


def _no_answer(_: Sequence[Result]) -> Answer:
    raise NotImplementedError


def claimed(batch: Batch) -> list[Serial]:
    return [pending.draft.claim for pending in batch.pending if pending.draft.claim is not None]


def ending(number: int, first: int, last: int, **said: Any) -> Retire:
    claim = verra_serial(first, last)
    return retire(number, quantity_g=(last - first + 1) * CREDIT, claim=claim, **said)


def creating(number: int, first: int, last: int) -> Command:
    record = states.a_record(serial=verra_serial(first, last), count=last - first + 1)
    return states.create_command(replace(record, id=f"{number:064x}"), number=number)


def test_claims_of_one_batch_never_overlap() -> None:
    batch, codes = batch_of(
        [ending(2, 101, 103)],
        [ending(3, 103, 104)],  # an end's
        [creating(4, 102, 102)],  # an end's, by a record
        [creating(5, 110, 119)],
        [ending(6, 119, 120)],  # a record's, by an end
        [ending(7, 104, 105)],
        [cancel(8, quantity_g=CREDIT, claim=verra_serial(105, 105))],
    )
    overlap = "serial-overlap"
    assert codes == [None, overlap, overlap, None, overlap, None, overlap]
    assert claimed(batch) == [
        verra_serial(101, 103),
        verra_serial(110, 119),
        verra_serial(104, 105),
    ]


def test_an_atomic_unit_does_not_claim_one_credit_twice() -> None:
    batch, codes = batch_of(
        [ending(2, 101, 103), ending(3, 103, 103)],
        [ending(4, 101, 103), ending(5, 104, 104)],
    )
    assert codes == ["serial-overlap", None]
    assert claimed(batch) == [verra_serial(101, 103), verra_serial(104, 104)]


def test_the_claims_of_a_unit_that_was_undone_are_free_again() -> None:
    too_much = retire(9, quantity_g=9 * CREDIT)
    batch, codes = batch_of(
        [ending(2, 101, 102), creating(3, 110, 119), ending(4, 103, 104), too_much],
        [ending(5, 102, 103)],
        [ending(6, 115, 116)],
        [ending(7, 103, 103)],
    )
    assert codes == ["insufficient-quantity", None, None, "serial-overlap"]
    assert claimed(batch) == [verra_serial(102, 103), verra_serial(115, 116)]
    assert batch.states[RECORD_ID].retired_g == 4 * CREDIT


# Grams that are named, and groups


@pytest.mark.parametrize("make, happened", [
    (sell, Sold), (retire, Retired), (cancel, Cancelled)
])  # fmt: skip
def test_exactly_the_grams_that_are_named_are_taken(make: Any, happened: type[Any]) -> None:
    parts = (Part(1, 2), Part(5 * CREDIT, CREDIT))
    decision = decide(FRESH, make(2, holder=None, parts=parts))
    (draft,) = decision.drafts
    assert type(draft.happening) is happened
    assert draft.happening.parts == parts
    ended = 0 if happened is Sold else CREDIT + 2
    assert decision.state.held_g == 10 * CREDIT - ended


def test_grams_that_are_named_and_not_held_by_the_named_are_refused() -> None:
    for holder, part in ((None, Part(2 * CREDIT, 2 * CREDIT)), ("acme", Part(3 * CREDIT, 1))):
        refused = refusal(TWO_HOLDERS, retire(3, holder=holder, parts=(part,)))
        assert type(refused) is NotHeld
        assert refused.facts["holder"] == holder
    twice = retire(3, holder="acme", parts=(Part(0, 2), Part(1, 2)))
    assert type(refusal(TWO_HOLDERS, twice)) is Refused


def test_more_named_parts_than_an_event_may_have_become_a_group_that_shares_the_claim() -> None:
    parts = tuple(Part(2 * n * CREDIT, CREDIT) for n in range(1_001))
    state = states.new_state(lot(2_002 * CREDIT))
    named = retire(2, holder=None, parts=parts, claim=verra_serial(1, 1_001))
    decision = decide(state, named)
    assert [draft.happening.parts for draft in decision.drafts] == [parts[:1_000], parts[1_000:]]
    assert claims(decision) == [verra_serial(1, 1_000), verra_serial(1_001, 1_001)]
    assert said(decision, "group") == [event_id(2), event_id(2)]


@pytest.mark.parametrize("make", [sell, retire, cancel])
def test_every_event_of_a_command_is_of_the_group_that_it_names(make: Any) -> None:
    one = decide(FRESH, make(3, quantity_g=CREDIT, group=GROUP))
    assert said(one, "group") == [GROUP]
    newest = one.state.sold or one.state.retired or one.state.cancelled
    assert newest is not None
    assert newest.event_id == GROUP
    if make is not sell:
        several = decide(TWO_HOLDERS, make(3, group=GROUP))
        assert said(several, "group") == [GROUP, GROUP]


# Planned credits

PLANNED: Final = states.new_state(replace(LOT, extra={"planned": True}))


def test_planned_credits_cannot_be_retired() -> None:
    for command in (
        retire(2),
        retire(2, quantity_g=1),
        retire(2, holder=None, parts=(Part(0, 1),)),
    ):
        refused = refusal(PLANNED, command)
        assert type(refused) is PlannedCredits
        assert (refused.code, refused.facts) == ("planned-credits", {"record_id": RECORD_ID})
    sold = states.after(PLANNED, sell(2))
    assert type(refusal(sold, retire(3, holder="acme"))) is PlannedCredits


def test_planned_credits_are_sold_and_cancelled_as_others_are() -> None:
    sold = states.after(PLANNED, sell(2, quantity_g=4 * CREDIT))
    assert states.after(sold, cancel(3)).cancelled_g == 10 * CREDIT


def test_credits_that_are_not_planned_say_nothing_of_it() -> None:
    for extra, planned in (({}, False), ({"planned": True}, True)):
        record = replace(LOT, extra=extra)
        data = Created(record=record).data()
        assert record.planned is planned
        assert ("planned" in data) is planned
        assert Created.from_data(RECORD_ID, data, LOT.serial).record == record


def test_a_record_does_not_become_planned_by_being_created_again() -> None:
    again = states.create_command(PLANNED.record, number=2)
    with pytest.raises(RecordDiffers) as refused:
        decide_create(FRESH, None, again)
    assert refused.value.facts == {"record_id": RECORD_ID, "field": "planned"}
    assert decide_create(PLANNED, None, again).drafts == ()


def test_history_that_retired_planned_credits_can_still_be_replayed() -> None:
    retired = Retired(parts=(Part(0, CREDIT),), holder=None)
    assert retired.apply(PLANNED, Stamp(event_id(2), states.AT)).retired_g == CREDIT
