"""Creating a record, again or anew, and erasing the words beside an event."""

from typing import Any

import pytest

import states
from offset.core.commands import Claim, Create, Decision, Details, Erase, decide, decide_create
from offset.core.errors import (
    AlreadyErased,
    NoDetails,
    OffsetError,
    QuantityMismatch,
    RecordDiffers,
    RecordNotFound,
    SerialOverlap,
)
from offset.core.events import Created, Draft, Erased
from offset.core.records import RecordState
from states import CREDIT, after, event_id, retire

FRESH = states.new_state(states.a_record(count=10))
DETAILS = Details(salt=b"0123456789abcdef", content={"note": "Jane Example"})


# Creating


def refusal(
    state: RecordState | None, command: Create | Erase, taken: Claim | None = None
) -> OffsetError:
    try:
        if isinstance(command, Create):
            decide_create(state, taken, command)
        else:
            decide(state, command)
    except OffsetError as refused:
        return refused
    raise AssertionError("it was accepted")


def test_a_new_record_is_created_by_one_event() -> None:
    record = states.a_record(first_holder="developer")
    command = Create(event_id=event_id(1), record=record, details=DETAILS)
    decision = decide_create(None, None, command)
    created = Created(record=record, details_sha256=DETAILS.sha256)
    assert decision.drafts == (Draft(event_id(1), created, record.serial),)
    assert decision.state == states.without_time(states.new_state(record))
    assert command.record_id == record.id
    plain = decide_create(None, None, states.create_command(record))
    assert plain.drafts == (Draft(event_id(1), Created(record=record), record.serial),)


def test_a_repeated_create_finds_the_record_as_it_is_now() -> None:
    state = after(FRESH, retire(2))
    again = decide_create(state, None, states.create_command(states.a_record(count=10)))
    assert again == Decision(drafts=(), state=state)


OPTIONAL = {"project_id": "9999", "country": "KE", "methodology": "VM0009"}
WHOLE = states.a_record(
    first_holder="developer", effective_on="2026-01-31", extra={**OPTIONAL, "vintage_start": "x"}
)


@pytest.mark.parametrize(
    "said",
    [
        {"first_holder": "developer"},
        {"effective_on": "2026-01-31"},
        {"extra": OPTIONAL},
        {"extra": {"vintage_start": "x"}},
        {},
    ],
)
def test_a_repeated_create_may_leave_optional_fields_out(said: dict[str, Any]) -> None:
    state = states.new_state(WHOLE)
    again = decide_create(state, None, states.create_command(states.a_record(**said)))
    assert again.drafts == ()


@pytest.mark.parametrize(
    "said, field",
    [
        ({"first_holder": "acme"}, "holder"),
        ({"effective_on": "2026-02-01"}, "effective_on"),
        ({"extra": {**OPTIONAL, "country": "UG"}}, "country"),
        ({"extra": {"vintage_end": "x"}}, "vintage_end"),
    ],
)
def test_a_repeated_create_with_another_optional_field_is_refused(
    said: dict[str, Any], field: str
) -> None:
    state = states.new_state(WHOLE)
    refused = refusal(state, states.create_command(states.a_record(**said)))
    assert type(refused) is RecordDiffers
    assert refused.detail == f"record 5d5d5d5d5d5d... exists with another {field}"
    assert refused.facts == {"record_id": states.RECORD_ID, "field": field}


@pytest.mark.parametrize("quantity_g", [9 * CREDIT, 11 * CREDIT, 10 * CREDIT + 1, 1])
def test_a_quantity_is_the_number_of_credits_of_the_range(quantity_g: int) -> None:
    with pytest.raises(QuantityMismatch) as refused:
        states.create_command(states.a_record(count=10, quantity_g=quantity_g))
    assert refused.value.facts == {"quantity": quantity_g / CREDIT, "serial_quantity": 10}
    said = f"{quantity_g / CREDIT:.6f}".rstrip("0").rstrip(".")
    assert refused.value.detail == (
        f"serial {states.verra_serial().text} covers 10 credits, the quantity is {said} t"
    )


def test_serial_numbers_of_another_record_are_not_issued_again() -> None:
    taken = Claim(record_id="77" * 32, first=5_000_010, last=5_000_020)
    refused = refusal(None, states.create_command(states.a_record(count=10)), taken)
    assert type(refused) is SerialOverlap
    assert refused.detail == (
        "serial numbers 5000001 to 5000010 of verra VCS-VCU overlap 5000010 to 5000020 "
        f"of record {'77' * 32}"
    )
    assert refused.facts == {
        "record_id": "77" * 32,
        "serial_first": 5_000_001,
        "serial_last": 5_000_010,
        "other_first": 5_000_010,
        "other_last": 5_000_020,
    }


def test_a_serial_that_nobody_reads_is_not_issued_again() -> None:
    taken = Claim(record_id="77" * 32, first=0, last=0)
    refused = refusal(None, states.create_command(states.opaque_record(5)), taken)
    assert type(refused) is SerialOverlap
    assert refused.facts == {"record_id": "77" * 32, "serial_number": "ABC-2020-0001"}
    assert refused.detail == f"serial ABC-2020-0001 is record {'77' * 32}'s already"


# Erasing


def erase(**said: bool) -> Erase:
    return Erase(event_id=event_id(2), erased=event_id(1), record_id=states.RECORD_ID, **said)


def test_an_erasure_is_one_event() -> None:
    decision = decide(FRESH, erase(has_details=True))
    assert decision.drafts == (Draft(event_id(2), Erased(erased=event_id(1))),)
    assert (decision.state.erasures, decision.state.holdings) == (1, FRESH.holdings)


def test_an_event_without_details_has_nothing_to_erase() -> None:
    refused = refusal(FRESH, erase())
    assert type(refused) is NoDetails
    assert refused.facts == {"event_id": event_id(1)}
    assert refused.detail == f"event {event_id(1)}: it has no details"


def test_nothing_is_erased_twice_or_in_no_record() -> None:
    assert type(refusal(FRESH, erase(has_details=True, erased_before=True))) is AlreadyErased
    assert type(refusal(None, erase(has_details=True))) is RecordNotFound
