"""Events: what they do, what they say in their hashed bytes, and how large those can get."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

import states
from offset.core.commands import CAUSES, PURPOSES, Create
from offset.core.errors import AlreadyErased, NotHeld, Refused, SameHolder
from offset.core.events import (
    ACTS,
    EXTRA_FIELDS,
    LARGEST_LEAF,
    LARGEST_PARTS,
    Act,
    Cancelled,
    Created,
    Erased,
    Event,
    Retired,
    Sold,
    Stamp,
    leaf_bytes,
    read_leaf,
    read_parts,
    time_text,
    time_us,
)
from offset.core.holdings import Holding, Part
from offset.core.merkle import leaf_hash
from offset.core.quantities import LARGEST_QUANTITY_G
from offset.core.records import Balance, Past, Status
from offset.schemas import CreateRecord
from offset.submitting import Submission

STAMP = Stamp("5d2f7a34-0000-4000-8000-000000000009", states.AT)
GROUP = "5d2f7a34-0000-4000-8000-000000000007"
HASH = "ab" * 32
RECORD = states.opaque_record(10)
NEW = states.new_state(RECORD)
PARTS = (Part(0, 2), Part(5, 1))


def whole_leaf(data: Mapping[str, Any], event_type: str = "RETIRED", **own: Any) -> bytes:
    fields: dict[str, Any] = {
        "event_id": STAMP.event_id,
        "event_type": event_type,
        "data": data,
        "at": states.AT,
        "by": None,
        "log": "ledger.example/log",
        "prev": None,
        "record": states.RECORD_ID,
        "seq": 2,
        **own,
    }
    return leaf_bytes(**fields)


def name_of(act: Act) -> str:
    return f"{act.TYPE}-{'with' if act.details_sha256 else 'without'}-details"


# What an event does


def test_a_creation_gives_the_whole_record_to_its_first_holder() -> None:
    record = states.opaque_record(10, first_holder="zeta")
    created = Created(record=record)
    created.check(None)
    assert created.parts == (Part(0, 10),)
    state = created.apply(None, STAMP)
    assert state.holdings == (Holding(0, 10, "zeta"),)
    assert (state.record, state.seq, state.created_at) == (record, 1, states.AT)
    assert created.apply(None, Stamp("x", None)).created_at == ""


def test_a_record_is_created_once() -> None:
    with pytest.raises(AssertionError, match="a record is created once"):
        Created(record=RECORD).check(NEW)
    with pytest.raises(AssertionError, match="a record is created once"):
        Created(record=RECORD).apply(NEW, STAMP)


def test_a_sale_moves_grams_to_the_buyer() -> None:
    sold = Sold(parts=PARTS, seller=None, buyer="acme")
    sold.check(NEW)
    state = sold.apply(NEW, STAMP)
    assert state.holdings == (
        Holding(0, 2, "acme"),
        Holding(2, 3, None),
        Holding(5, 1, "acme"),
        Holding(6, 4, None),
    )
    assert (state.seq, state.status, state.held_g) == (2, Status.SOLD, 10)
    assert state.sold == Past(0, 2, "SOLD", STAMP.event_id, states.AT)
    assert (state.retired, state.cancelled) == (None, None)


@pytest.mark.parametrize(
    "act, word, ended",
    [
        (Retired(parts=PARTS, holder=None), Status.RETIRED, (3, 0)),
        (Cancelled(parts=PARTS, holder=None, cause="reversed"), Status.CANCELLED, (0, 3)),
    ],
)
def test_what_is_retired_or_cancelled_is_held_by_nobody(
    act: Retired | Cancelled, word: Status, ended: tuple[int, int]
) -> None:
    act.check(NEW)
    state = act.apply(NEW, STAMP)
    assert state.holdings == (Holding(2, 3, None), Holding(6, 4, None))
    assert (state.seq, state.retired_g, state.cancelled_g) == (2, *ended)
    past = Past(0, 2, act.TYPE, STAMP.event_id, states.AT)
    assert (state.retired, state.cancelled) == ((past, None) if ended[0] else (None, past))
    rest = type(act).from_data({**act.data(), "parts": [[2, 3], [6, 4]]})
    assert rest.apply(state, STAMP).status is word
    assert rest.apply(state, STAMP).balance == Balance(
        issued_g=10,
        available_g=0,
        sold_g=0,
        retired_g=10 if ended[0] else 0,
        cancelled_g=10 if ended[1] else 0,
    )


def test_an_erasure_moves_no_gram() -> None:
    erased = Erased(erased=GROUP)
    erased.check(NEW)
    state = erased.apply(NEW, STAMP)
    assert (erased.parts, erased.details_sha256) == ((), None)
    assert (state.seq, state.erasures, state.holdings) == (2, 1, NEW.holdings)


def test_details_are_erased_once() -> None:
    with pytest.raises(AlreadyErased) as refusal:
        Erased(erased=GROUP, erased_before=True).check(NEW)
    assert refusal.value.detail == f"event {GROUP}: its details are erased already"
    assert refusal.value.facts == {"event_id": GROUP}


def test_an_event_of_a_group_is_remembered_by_the_id_that_they_share() -> None:
    state = Retired(parts=PARTS, holder=None, group=GROUP).apply(NEW, STAMP)
    assert state.retired == Past(0, 2, "RETIRED", GROUP, states.AT)


# What an event refuses


def test_nobody_sells_to_itself() -> None:
    with pytest.raises(SameHolder) as refusal:
        Sold(parts=PARTS, seller="acme", buyer="acme").check(NEW)
    assert refusal.value.detail == "record 5d5d5d5d5d5d...: acme cannot sell to itself"


@pytest.mark.parametrize(
    "act",
    [
        Sold(parts=PARTS, seller="acme", buyer="zeta"),
        Retired(parts=PARTS, holder="acme"),
        Cancelled(parts=PARTS, holder="acme", cause="other"),
    ],
)
def test_nobody_gives_what_another_holds(act: Act) -> None:
    with pytest.raises(NotHeld) as refusal:
        act.check(NEW)
    assert refusal.value.facts == {"record_id": states.RECORD_ID, "holder": "acme"}


def test_the_refusal_is_of_the_first_part_that_is_not_held() -> None:
    state = Retired(parts=(Part(5, 1),), holder=None).apply(NEW, STAMP)
    with pytest.raises(NotHeld, match=r"does not hold all of grams 5 to 5"):
        Retired(parts=PARTS, holder=None).check(state)


def test_parts_that_overlap_are_refused() -> None:
    with pytest.raises(Refused) as refusal:
        Retired(parts=(Part(0, 2), Part(1, 2)), holder=None).check(NEW)
    assert type(refusal.value) is Refused
    assert refusal.value.detail == "record 5d5d5d5d5d5d...: the parts overlap"
    assert refusal.value.facts == {"record_id": states.RECORD_ID}


@pytest.mark.parametrize("count", [0, LARGEST_PARTS + 1])
def test_an_event_has_one_to_a_thousand_parts(count: int) -> None:
    state = states.new_state(states.opaque_record(2 * count + 1))
    parts = tuple(Part(2 * number, 1) for number in range(count))
    with pytest.raises(AssertionError, match="an event has 1 to 1,000 parts"):
        Retired(parts=parts, holder=None).check(state)


def test_history_that_takes_what_was_not_held_cannot_be_replayed() -> None:
    with pytest.raises(AssertionError, match="history takes what was not held"):
        Retired(parts=PARTS, holder="acme").apply(NEW, STAMP)


def test_a_replay_asks_no_more_than_that_the_grams_are_there() -> None:
    assert Erased(erased=GROUP, erased_before=True).apply(NEW, STAMP).erasures == 1
    state = Sold(parts=PARTS, seller=None, buyer="acme").apply(NEW, STAMP)
    again = Sold(parts=PARTS, seller="acme", buyer="acme").apply(state, STAMP)
    assert again.holdings == state.holdings


# What an event says


ACTS_MADE: list[Act] = [
    Sold(parts=PARTS, seller=None, buyer="acme"),
    Sold(
        parts=PARTS,
        seller="zeta",
        buyer="acme",
        effective_on="2026-01-31",
        group=GROUP,
        details_sha256=HASH,
    ),
    Retired(parts=PARTS, holder=None),
    Retired(
        parts=PARTS,
        holder="acme",
        purpose="compliance",
        country="KE",
        effective_on="2026-01-31",
        group=GROUP,
        details_sha256=HASH,
    ),
    Cancelled(parts=PARTS, holder=None, cause="buffer"),
    Cancelled(
        parts=PARTS,
        holder="acme",
        cause="converted",
        converted_to="other-ledger",
        effective_on="2026-01-31",
        group=GROUP,
        details_sha256=HASH,
    ),
    Erased(erased=GROUP),
]


@pytest.mark.parametrize("act", ACTS_MADE, ids=[*map(name_of, ACTS_MADE)])
def test_an_event_is_read_back_from_what_it_says(act: Act) -> None:
    leaf = whole_leaf(act.data(), act.TYPE)
    assert ACTS[act.TYPE].from_data(json.loads(leaf)["data"]) == act
    assert set(ACTS) == {"SOLD", "RETIRED", "CANCELLED", "ERASED"}


def test_a_sale_says_who_gave_which_grams_to_whom() -> None:
    assert json.loads(json.dumps(ACTS_MADE[1].data())) == {
        "parts": [[0, 2], [5, 1]],
        "from": "zeta",
        "to": "acme",
        "effective_on": "2026-01-31",
        "group": GROUP,
        "details_sha256": HASH,
    }


@pytest.mark.parametrize("extra", [{}, dict.fromkeys(EXTRA_FIELDS, "x")])
def test_a_creation_is_read_back_from_what_it_says(extra: dict[str, str]) -> None:
    record = states.a_record(first_holder="zeta", effective_on="2026-01-31", extra=extra)
    created = Created(record=record, details_sha256=HASH)
    data = json.loads(whole_leaf(created.data(), "CREATED"))["data"]
    assert data == {
        "canonical": {
            "project_name": "sample peatland project",
            "registry": "verra",
            "vintage": 2020,
            "quantity_g": 10_000_000,
            "serial_number": record.serial.text,
        },
        "sent": record.sent,
        "holder": "zeta",
        "effective_on": "2026-01-31",
        "details_sha256": HASH,
        **extra,
    }
    assert Created.from_data(record.id, data, record.serial) == created


def test_the_words_that_stand_in_hashed_bytes_never_change() -> None:
    assert Created.TYPE == "CREATED"
    assert list(EXTRA_FIELDS) == [
        *("project_id", "country", "methodology", "vintage_start", "vintage_end"),
        "planned",
    ]
    assert set(CAUSES) >= {"destroyed", "converted", "reversed", "invalidated", "buffer", "other"}
    assert set(PURPOSES) >= {
        "environmental-benefit",
        "third-party",
        "person-or-organization",
        "retail-program",
        "compliance",
        "other",
    }


def test_parts_are_read_as_they_stand_in_a_leaf() -> None:
    assert read_parts([[0, 2], [5, 1]]) == PARTS


# The hashed bytes


@pytest.mark.parametrize("act", ACTS_MADE, ids=[*map(name_of, ACTS_MADE)])
def test_a_leaf_is_the_canonical_json_of_what_it_says(act: Act) -> None:
    leaf = whole_leaf(act.data(), act.TYPE, by="desk", prev="Zm9v")
    said: dict[str, Any] = {
        "v": 1,
        "type": act.TYPE,
        "seq": 2,
        "record": states.RECORD_ID,
        "prev": "Zm9v",
        "log": "ledger.example/log",
        "id": STAMP.event_id,
        "data": act.data(),
        "by": "desk",
        "at": states.AT,
    }
    assert leaf == rfc8785.dumps(said)
    assert read_leaf(7, leaf) == Event(
        id=STAMP.event_id,
        record_id=states.RECORD_ID,
        type=act.TYPE,
        seq=2,
        position=7,
        at=states.AT,
        data=json.loads(leaf)["data"],
    )


# Text as display_text lets through, weighted to what JSON escapes.
TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\0")
    | st.sampled_from('"\\/\b\f\n\r\t\x01\x1f\x7f\x80\u2028\ufeff\U0001f333'),
    min_size=1,
    max_size=20,
)


@given(st.dictionaries(st.sampled_from(["project_name", "registry", "serial_number"]), TEXT), TEXT)
def test_a_leaf_is_canonical_whatever_text_was_sent(sent: dict[str, str], project: str) -> None:
    record = states.a_record(sent=sent, project_name=project, extra={"methodology": project})
    leaf = whole_leaf(Created(record=record).data(), "CREATED")
    assert leaf == rfc8785.dumps(json.loads(leaf))
    assert json.loads(leaf)["data"]["sent"] == sent


def test_a_leaf_begins_with_its_time() -> None:
    assert whole_leaf({}).startswith(b'{"at":"2026-01-31T12:00:00.000000Z",')


def test_a_leaf_is_hashed_as_rfc_6962_says() -> None:
    # RFC 6962, section 2.1: MTH({d(0)}) = SHA-256(0x00 || d(0))
    assert leaf_hash(b"") == sha256(b"\0").digest()
    assert leaf_hash(b"leaf") == sha256(b"\0leaf").digest()


# How large a leaf can get


def largest_parts() -> tuple[Part, ...]:
    """A thousand parts of the largest record, with as many digits as they can have."""
    step = 3_000_000_000_000
    start = LARGEST_QUANTITY_G - LARGEST_PARTS * step
    return tuple(Part(start + n * step, step - 1) for n in range(LARGEST_PARTS))


HOLDER = "z" * 64
LARGEST_ACTS: list[Act] = [
    Sold(
        parts=largest_parts(),
        seller=HOLDER,
        buyer=HOLDER,
        effective_on="2026-01-31",
        group=GROUP,
        details_sha256=HASH,
    ),
    Retired(
        parts=largest_parts(),
        holder=HOLDER,
        purpose=max(PURPOSES, key=len),
        country="KE",
        effective_on="2026-01-31",
        group=GROUP,
        details_sha256=HASH,
    ),
    Cancelled(
        parts=largest_parts(),
        holder=HOLDER,
        cause=max(CAUSES, key=len),
        converted_to=HOLDER,
        effective_on="2026-01-31",
        group=GROUP,
        details_sha256=HASH,
    ),
    Erased(erased=GROUP),
]


def largest_leaf(data: Mapping[str, Any], event_type: str) -> bytes:
    origin = f"{'o' * 200}/{'p' * 200}"
    prev = "A" * 44  # 32 bytes in base64
    return whole_leaf(data, event_type, by=HOLDER, log=origin, prev=prev, seq=2**31 - 1)


@pytest.mark.parametrize("act", LARGEST_ACTS, ids=lambda act: act.TYPE)
def test_the_largest_act_fits_an_entry_bundle(act: Act) -> None:
    act.from_data(act.data())
    leaf = largest_leaf(act.data(), act.TYPE)
    assert len(leaf) < LARGEST_LEAF
    if act.parts:
        assert len(leaf) > 30 * LARGEST_PARTS, "they are really large"


def largest_create(character: str) -> Create:
    """A create with every text at its limit, all of one character."""
    body = {
        "project_name": character * 500,
        "registry": character * 100,
        "vintage": "2020\u200b" + "\u200b" * 50 + "- 2021",
        "quantity": "3999999999.999999",
        "serial_number": character * 500,
        "holder": HOLDER,
        "project_id": character * 100,
        "country": "KE",
        "methodology": character * 100,
        "vintage_start": "2020-01-01",
        "vintage_end": "2021-12-31",
        "effective_on": "2026-01-31",
        "details": {"note": character},
    }
    return Submission().create(CreateRecord.model_validate(body))


def largest_creation(character: str) -> int:
    """The bytes of the leaf of such a create."""
    command = largest_create(character)
    assert command.details is not None
    created = Created(record=command.record, details_sha256=command.details.sha256)
    return len(largest_leaf(created.data(), "CREATED"))


# Of all characters that are accepted U+1FB7 takes the most bytes, as sent and again in canonical
# form; the others here grow in capitals, when folded, or in UTF-8.
@pytest.mark.parametrize("character", ['"', "\u1fb7", "\u0390", "\U0001f333", "\uffee"])
def test_the_largest_creation_fits_an_entry_bundle(character: str) -> None:
    assert 3_000 < largest_creation(character) <= largest_creation("\u1fb7") < LARGEST_LEAF // 3


# Times


@given(st.integers(0, 253_402_300_799_999_999))
def test_every_microsecond_comes_back_from_its_text(at_us: int) -> None:
    text = time_text(at_us)
    assert time_us(text) == at_us
    assert len(text) == 27
    assert text.endswith("Z")


@given(st.integers(0, 2**55), st.integers(0, 2**55))
def test_times_are_ordered_as_their_texts_are(one: int, other: int) -> None:
    assert (one < other) == (time_text(one) < time_text(other))


def test_a_time_is_written_like_this() -> None:
    assert time_text(0) == "1970-01-01T00:00:00.000000Z"
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert time_text(int(moment.timestamp()) * 1_000_000 + 1) == "2026-01-31T12:00:00.000001Z"
