"""What is decided: who gives which grams, and every refusal with its facts."""

from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

import states
from offset.core.commands import (
    ANYONE,
    Decision,
    Details,
    Erase,
    Take,
    decide,
    record_not_found,
)
from offset.core.errors import (
    AlreadyCancelled,
    AlreadyRetired,
    AlreadySold,
    HolderRequired,
    InsufficientQuantity,
    NotHeld,
    OffsetError,
    PreconditionFailed,
    RecordNotFound,
    SameHolder,
    SerialOutsideRecord,
)
from offset.core.events import LARGEST_PARTS, Cancelled, Draft, Retired, Sold
from offset.core.holdings import Holding, Part
from offset.core.records import Past, RecordState
from states import CREDIT, ENDED, after, cancel, event_id, retire, sell

NAME = "record 5d5d5d5d5d5d..."
FRESH = states.new_state(states.a_record(count=10))
OWNED = states.new_state(states.a_record(count=10, first_holder="developer"))
DETAILS = Details(salt=b"0123456789abcdef", content={"beneficiary": "Jane Example"})


def parts(decision: Decision) -> list[tuple[str | None, tuple[Part, ...]]]:
    """Who gives what, by the drafts of a decision."""
    given_by = []
    for draft in decision.drafts:
        act = draft.happening
        assert isinstance(act, Sold | Retired | Cancelled)
        given_by.append((act.seller if isinstance(act, Sold) else act.holder, act.parts))
    return given_by


def whole(first: int, last: int) -> Part:
    """The credits `first` to `last` of a record, counted from 0, the last one excluded."""
    return Part(first * CREDIT, (last - first) * CREDIT)


def serials(first: int, last: int) -> dict[str, int]:
    """Name the same credits by their serial numbers."""
    return {"serial_first": 5_000_001 + first, "serial_last": 5_000_000 + last}


def refusal(state: RecordState | None, command: Take | Erase) -> OffsetError:
    with pytest.raises(OffsetError) as refused:
        decide(state, command)
    return refused.value


def facts(**own: Any) -> dict[str, Any]:
    return {"record_id": states.RECORD_ID, **own}


# Who gives


@pytest.mark.parametrize("act", [sell, retire, cancel])
def test_grams_are_taken_lowest_first(act: Any) -> None:
    assert parts(decide(FRESH, act(2, quantity_g=1))) == [(None, (Part(0, 1),))]
    state = after(FRESH, retire(3, **serials(1, 2)))
    assert parts(decide(state, act(4, quantity_g=CREDIT + 5))) == [
        (None, (whole(0, 1), Part(2 * CREDIT, 5)))
    ]


def test_a_sale_without_a_seller_takes_only_from_the_first_holder() -> None:
    state = after(OWNED, sell(2, "acme", **serials(0, 4)))
    decision = decide(state, sell(3, "zeta"))
    assert parts(decision) == [("developer", (whole(4, 10),))]
    assert decision.state.holdings == (
        Holding(0, 4 * CREDIT, "acme"),
        Holding(4 * CREDIT, 6 * CREDIT, "zeta"),
    )


def test_a_sale_of_nothing_left_unsold_is_refused_with_the_sale() -> None:
    for before in ([], [retire(3, quantity_g=1)], [cancel(3, quantity_g=1)]):
        state = after(OWNED, *before, sell(2))
        refused = refusal(state, sell(4, "zeta"))
        assert type(refused) is AlreadySold
        assert refused.detail == f"{NAME} was sold by event {event_id(2)}"
        assert refused.facts == facts(sale_id=event_id(2), sold_at=states.AT)


def test_a_sale_of_more_than_was_never_sold_is_refused() -> None:
    state = after(OWNED, sell(2, quantity_g=8 * CREDIT))
    refused = refusal(state, sell(3, "zeta", quantity_g=2 * CREDIT + 1))
    assert type(refused) is InsufficientQuantity
    assert refused.detail == f"{NAME}: 2.000001 t asked, 2 t held by developer"
    assert refused.facts == facts(available=2)


def test_a_sale_of_a_quantity_where_nothing_is_unsold_is_too_little_too() -> None:
    refused = refusal(after(OWNED, sell(2)), sell(3, "zeta", quantity_g=1))
    assert type(refused) is InsufficientQuantity
    assert refused.facts == facts(available=0, sale_id=event_id(2))


def test_a_resale_names_the_seller() -> None:
    state = after(OWNED, sell(2, "acme", **serials(2, 5)))
    decision = decide(state, sell(3, "zeta", holder="acme", quantity_g=CREDIT))
    assert parts(decision) == [("acme", (whole(2, 3),))]
    everything = decide(state, sell(3, "zeta", holder="acme"))
    assert parts(everything) == [("acme", (whole(2, 5),))]
    named = decide(state, sell(3, "zeta", holder="acme", **serials(3, 4)))
    assert parts(named) == [("acme", (whole(3, 4),))]


@pytest.mark.parametrize("act", [retire, cancel])
def test_all_that_is_left_is_taken_whoever_holds_it(act: Any) -> None:
    state = after(FRESH, sell(2, "acme", **serials(2, 4)), sell(3, "zeta", **serials(6, 7)))
    decision = decide(state, act(4))
    assert parts(decision) == [
        (None, (whole(0, 2), whole(4, 6), whole(7, 10))),
        ("acme", (whole(2, 4),)),
        ("zeta", (whole(6, 7),)),
    ]
    assert decision.state.holdings == ()
    assert decision.state.held_g == 0


@pytest.mark.parametrize("act", [retire, cancel])
def test_a_quantity_is_taken_from_the_one_who_holds_all_that_is_left(act: Any) -> None:
    assert parts(decide(FRESH, act(2, quantity_g=5))) == [(None, (Part(0, 5),))]
    state = after(OWNED, sell(2, "acme"))
    assert parts(decide(state, act(3, quantity_g=5))) == [("acme", (Part(0, 5),))]


@pytest.mark.parametrize("act, verb", [(retire, "retire"), (cancel, "cancel")])
@pytest.mark.parametrize("said", [{"quantity_g": 1}, serials(3, 5)])
def test_a_holder_is_required_where_several_could_be_meant(
    act: Any, verb: str, said: dict[str, int]
) -> None:
    state = after(FRESH, sell(2, "acme", **serials(0, 4)))
    refused = refusal(state, act(3, **said))
    assert type(refused) is HolderRequired
    assert refused.facts["record_id"] == states.RECORD_ID
    assert refused.facts["holders"] == ["acme", None]
    assert refused.detail == (
        f"{NAME} is held by acme, the unnamed issuer: say whose credits to {verb}"
    )


def test_at_most_ten_holders_are_named() -> None:
    state = FRESH
    for number in range(10):
        state = after(state, sell(2 + number, f"buyer-{number}", **serials(number, number + 1)))
    ten = refusal(state, retire(12, quantity_g=1))
    assert ten.facts["holders"] == [f"buyer-{number}" for number in range(10)]
    assert " and others" not in ten.detail
    part = after(state, sell(12, "last", holder="buyer-9", quantity_g=1))
    eleven = refusal(part, retire(13, quantity_g=1))
    assert eleven.facts["holders"] == [*(f"buyer-{number}" for number in range(9)), "last"]
    assert "last and others: say whose" in eleven.detail


@pytest.mark.parametrize("act", [retire, cancel])
def test_serial_numbers_of_one_holder_need_no_name(act: Any) -> None:
    state = after(FRESH, sell(2, "acme", **serials(0, 4)))
    assert parts(decide(state, act(3, **serials(1, 4)))) == [("acme", (whole(1, 4),))]
    assert parts(decide(state, act(3, **serials(4, 6)))) == [(None, (whole(4, 6),))]


@pytest.mark.parametrize("act", [retire, cancel])
def test_a_named_holder_gives_its_own_and_all_of_it_where_nothing_else_is_said(act: Any) -> None:
    state = after(OWNED, sell(2, "acme", **serials(2, 4)), sell(3, "acme", **serials(6, 7)))
    assert parts(decide(state, act(4, holder="acme"))) == [("acme", (whole(2, 4), whole(6, 7)))]
    assert parts(decide(state, act(4, holder="acme", quantity_g=1))) == [
        ("acme", (Part(2 * CREDIT, 1),))
    ]
    assert parts(decide(state, act(4, holder="developer", **serials(9, 10)))) == [
        ("developer", (whole(9, 10),))
    ]


def test_the_unnamed_issuer_can_be_named() -> None:
    state = after(FRESH, sell(2, "acme", **serials(0, 4)))
    assert parts(decide(state, retire(3, holder=None))) == [(None, (whole(4, 10),))]
    assert parts(decide(state, sell(3, "zeta", holder=None))) == [(None, (whole(4, 10),))]
    assert retire(3).holder is ANYONE


# Whether there is enough


@pytest.mark.parametrize("act", [sell, retire, cancel])
def test_exactly_what_is_held_can_be_given(act: Any) -> None:
    assert parts(decide(OWNED, act(2, quantity_g=10 * CREDIT))) == [("developer", (whole(0, 10),))]
    state = after(OWNED, sell(2, "zeta", **serials(0, 4)))
    some = decide(state, act(3, holder="zeta", quantity_g=4 * CREDIT))
    assert parts(some) == [("zeta", (whole(0, 4),))]


@pytest.mark.parametrize("act", [retire, cancel])
@pytest.mark.parametrize(
    "holder, said, available, more",
    [
        ("acme", {"quantity_g": 4 * CREDIT + 1}, 4, {}),
        ("zeta", {"quantity_g": 1}, 0, {"sale_id": event_id(2)}),
        ("zeta", {}, 0, {"sale_id": event_id(2)}),
    ],
)
def test_no_holder_gives_more_than_it_holds(
    act: Any, holder: str, said: dict[str, int], available: int, more: dict[str, str]
) -> None:
    state = after(FRESH, sell(2, "acme", **serials(0, 4)))
    refused = refusal(state, act(3, holder=holder, **said))
    assert type(refused) is InsufficientQuantity
    assert refused.facts == facts(available=available, **more)
    assert refused.detail.endswith(f"{available} t held by {holder}")


@pytest.mark.parametrize(
    "end, again, kind, told",
    [
        (retire, retire, AlreadyRetired, ("retirement_id", "retired_at")),
        (retire, cancel, AlreadyRetired, ("retirement_id", "retired_at")),
        (retire, sell, AlreadyRetired, ("retirement_id", "retired_at")),
        (cancel, retire, AlreadyCancelled, ("cancellation_id", "cancelled_at")),
        (cancel, cancel, AlreadyCancelled, ("cancellation_id", "cancelled_at")),
        (cancel, sell, AlreadyCancelled, ("cancellation_id", "cancelled_at")),
    ],
)
def test_where_nothing_is_left_the_refusal_says_by_which_event(
    end: Any, again: Any, kind: type[OffsetError], told: tuple[str, str]
) -> None:
    state = after(FRESH, end(2))
    refused = refusal(state, again(3))
    assert type(refused) is kind
    assert refused.facts == facts(**dict(zip(told, (event_id(2), states.AT), strict=True)))
    if again is not sell:
        assert type(refusal(state, again(3, holder="acme"))) is kind
    some = refusal(state, again(3, quantity_g=1))
    assert type(some) is InsufficientQuantity
    assert some.facts["available"] == 0


# Named serial numbers


# Credits 0 and 1 were sold, 2 and 3 retired, 4 and 5 cancelled.
USED = states.with_past(
    after(
        OWNED,
        sell(2, "acme", **serials(0, 2)),
        retire(3, **serials(2, 4)),
        cancel(4, **serials(4, 6)),
    ),
    (
        Past(*whole(0, 2), "SOLD", event_id(2), states.AT),
        Past(*whole(2, 4), "RETIRED", event_id(3), states.AT),
        Past(*whole(4, 6), "CANCELLED", event_id(4), states.AT),
    ),
)


@pytest.mark.parametrize(
    "command, kind, taken_by",
    [
        (sell(5, "zeta", **serials(1, 2)), AlreadySold, event_id(2)),
        (sell(5, "zeta", **serials(1, 3)), AlreadyRetired, event_id(3)),
        (sell(5, "zeta", **serials(5, 7)), AlreadyCancelled, event_id(4)),
        (retire(5, **serials(2, 4)), AlreadyRetired, event_id(3)),
        (retire(5, **serials(3, 5)), AlreadyRetired, event_id(3)),
        (retire(5, **serials(1, 3)), AlreadyRetired, event_id(3)),
        (retire(5, **serials(0, 10)), AlreadyRetired, event_id(3)),
        (cancel(5, **serials(5, 7)), AlreadyCancelled, event_id(4)),
        (retire(5, holder="developer", **serials(1, 2)), AlreadySold, event_id(2)),
        (retire(5, holder="acme", **serials(7, 8)), NotHeld, "acme"),
        (retire(5, holder="acme", **serials(1, 3)), AlreadyRetired, event_id(3)),
        (sell(5, "zeta", holder="acme", **serials(7, 8)), NotHeld, "acme"),
    ],
)
def test_serial_numbers_that_are_gone_are_refused_with_what_took_them(
    command: Take, kind: type[OffsetError], taken_by: str
) -> None:
    refused = refusal(USED, command)
    assert type(refused) is kind
    assert list(refused.facts.values())[:2] == [states.RECORD_ID, taken_by]


def test_a_sale_that_was_bought_back_is_not_the_one_that_took_the_credits() -> None:
    state = after(
        OWNED,
        sell(2, "acme", **serials(0, 1)),
        sell(3, "acme", **serials(1, 2)),
        sell(4, "developer", holder="acme", **serials(1, 2)),
        sell(5, "acme", **serials(2, 10)),
    )
    past = tuple(
        Past(*whole(first, first + 1), "SOLD", event_id(number), states.AT)
        for number, first in ((2, 0), (3, 1), (4, 1))
    )
    refused = refusal(states.with_past(state, past), sell(6, "zeta", **serials(0, 2)))
    assert refused.facts == facts(sale_id=event_id(2), sold_at=states.AT)


@pytest.mark.parametrize("act", [sell, retire, cancel])
def test_serial_numbers_outside_the_record_are_refused(act: Any) -> None:
    refused = refusal(FRESH, act(2, **serials(9, 11)))
    assert type(refused) is SerialOutsideRecord
    assert refused.facts == {"serial_first": 5_000_001, "serial_last": 5_000_010}
    opaque = states.new_state(states.opaque_record(5))
    refused = refusal(opaque, act(2, serial_first=0, serial_last=0))
    assert type(refused) is SerialOutsideRecord
    assert refused.facts == {"serial": "ABC-2020-0001"}


@pytest.mark.parametrize("said", [{}, {"quantity_g": 1}, serials(0, 1)])
def test_a_holder_cannot_sell_to_itself(said: dict[str, int]) -> None:
    assert type(refusal(OWNED, sell(2, "developer", **said))) is SameHolder
    state = after(OWNED, sell(2, "acme", **serials(0, 4)))
    assert type(refusal(state, sell(3, "acme", holder="acme", **said))) is SameHolder


# Which record, which version


@pytest.mark.parametrize("act", [sell, retire, cancel])
def test_what_is_not_in_the_ledger_cannot_be_given(act: Any) -> None:
    refused = refusal(None, act(2))
    assert type(refused) is RecordNotFound
    assert refused.facts == facts()
    assert str(refused) == str(record_not_found(states.RECORD_ID))
    assert str(refused) == f"record {states.RECORD_ID}: not in this ledger"


def test_a_record_that_moved_on_is_left_alone() -> None:
    assert decide(FRESH, retire(2, expected_seq=1)).state.seq == 2
    refused = refusal(FRESH, retire(2, expected_seq=2))
    assert type(refused) is PreconditionFailed
    assert refused.detail == f"{NAME} is at event 1, not 2"
    assert refused.facts == facts(seq=1)


# The events


def test_a_sale_is_drafted_as_it_was_said() -> None:
    command = sell(2, "acme", quantity_g=5, effective_on="2026-01-31", details=DETAILS)
    act = Sold(
        parts=(Part(0, 5),),
        seller=None,
        buyer="acme",
        effective_on="2026-01-31",
        details_sha256=DETAILS.sha256,
    )
    decision = decide(FRESH, command)
    assert decision.drafts == (Draft(event_id(2), act),)
    assert decision.state.sold == Past(0, 5, "SOLD", event_id(2), "")


def test_a_retirement_is_drafted_as_it_was_said() -> None:
    command = retire(
        2, purpose="compliance", country="KE", effective_on="2026-01-31", details=DETAILS
    )
    act = Retired(
        parts=(whole(0, 10),),
        holder=None,
        purpose="compliance",
        country="KE",
        effective_on="2026-01-31",
        details_sha256=DETAILS.sha256,
    )
    assert decide(FRESH, command).drafts == (Draft(event_id(2), act),)


def test_a_cancellation_is_drafted_as_it_was_said() -> None:
    command = cancel(
        2, cause="converted", converted_to="eu-ets", effective_on="2026-01-31", details=DETAILS
    )
    act = Cancelled(
        parts=(whole(0, 10),),
        holder=None,
        cause="converted",
        converted_to="eu-ets",
        effective_on="2026-01-31",
        details_sha256=DETAILS.sha256,
    )
    assert decide(FRESH, command).drafts == (Draft(event_id(2), act),)


def test_the_details_are_bound_by_a_salted_hash() -> None:
    other = Details(salt=b"0123456789abcdeF", content=DETAILS.content)
    assert len(DETAILS.sha256) == 64
    assert DETAILS.sha256 != other.sha256


# Groups


def many_parts(count: int, owner: str | None = "acme") -> RecordState:
    """A state in which `owner` holds `count` single grams with gaps between them."""
    cells: list[str | None] = [owner if gram % 2 else ENDED for gram in range(2 * count)]
    return states.state_of(states.opaque_record(2 * count), cells)


@pytest.mark.parametrize(
    "count, sizes",
    [
        (LARGEST_PARTS, [LARGEST_PARTS]),
        (LARGEST_PARTS + 1, [LARGEST_PARTS, 1]),
        (2_500, [1_000, 1_000, 500]),
    ],
)
@pytest.mark.parametrize("act", [sell, retire, cancel])
def test_more_than_a_thousand_parts_become_a_group(act: Any, count: int, sizes: list[int]) -> None:
    command = act(2, **({"buyer": "zeta"} if act is sell else {}), holder="acme", details=DETAILS)
    decision = decide(many_parts(count), command)
    acts: list[Any] = [draft.happening for draft in decision.drafts]
    assert [len(made.parts) for made in acts] == sizes
    assert [part for made in acts for part in made.parts] == [
        Part(2 * number + 1, 1) for number in range(count)
    ]
    group = event_id(2) if len(sizes) > 1 else None
    assert [made.group for made in acts] == [group] * len(sizes)
    hashes = [DETAILS.sha256, *[None] * (len(sizes) - 1)]
    assert [made.details_sha256 for made in acts] == hashes
    assert decision.state.seq == 1 + len(sizes)


def test_the_ids_of_a_group_are_the_same_at_every_try() -> None:
    first, again = (decide(many_parts(2_500), retire(2)) for _ in range(2))
    assert first == again
    ids = [draft.event_id for draft in first.drafts]
    own = UUID(event_id(2))
    assert ids == [str(own), str(uuid5(own, "1")), str(uuid5(own, "2"))]
    other = [draft.event_id for draft in decide(many_parts(2_500), retire(3)).drafts]
    assert set(ids).isdisjoint(other)


def test_retirements_of_several_holders_are_one_group() -> None:
    state = after(FRESH, sell(2, "acme", quantity_g=1))
    decision = decide(state, retire(3))
    assert [getattr(draft.happening, "group", None) for draft in decision.drafts] == [
        event_id(3),
        event_id(3),
    ]
    assert decision.state.retired is not None
    assert decision.state.retired.event_id == event_id(3)


# Whatever is asked, nothing is lost


@given(
    st.lists(
        st.builds(
            lambda act, number, said: act(number, **said),
            st.sampled_from([sell, retire, cancel]),
            st.integers(2, 9),
            st.fixed_dictionaries(
                {},
                optional={
                    "holder": st.sampled_from([None, "acme", "zeta", ANYONE]),
                    "quantity_g": st.integers(1, 12),
                },
            ),
        ),
        max_size=12,
    )
)
def test_after_any_commands_holdings_and_ends_tile_the_record(commands: list[Take]) -> None:
    state = states.new_state(states.opaque_record(12))
    ended: list[Part] = []
    for command in commands:
        try:
            decision = decide(state, command)
        except OffsetError:
            continue
        state = decision.state
        for draft in decision.drafts:
            if isinstance(draft.happening, Retired | Cancelled):
                ended += draft.happening.parts
    tiles = sorted([*(Part(*holding[:2]) for holding in state.holdings), *ended])
    assert [tile.from_g for tile in tiles] == [0, *(tile.end_g for tile in tiles[:-1])]
    assert tiles[-1].end_g == 12
    assert sum(part.quantity_g for part in ended) == 12 - state.held_g
