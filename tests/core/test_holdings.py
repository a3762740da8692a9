"""Holdings against a plain list of grams: what is cut out, given, chosen and joined."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offset.core import holdings
from offset.core.holdings import Holding, Holdings, Part, merged
from states import ENDED, holdings_of, parts_of

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


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    """Chunks of three holdings and three buckets of totals, so that few holdings fill several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holdings, "LARGEST_CHUNK", 3)
        patch.setattr(holdings, "_BUCKETS", 2)
        yield


# What is cut, given, chosen and joined


@given(CELLS, HOLDERS, st.data())
def test_what_a_holder_holds_can_be_cut_out_and_nothing_else_changes(
    cells: Cells, holder: str | None, data: st.DataObject
) -> None:
    grams = data.draw(st.sets(st.sampled_from(held(cells, holder) or [0])))
    grams = grams & set(held(cells, holder))
    left = holdings_of(cells).cut(holder, parts_of(grams))
    assert left == holdings_of(changed(cells, sorted(grams), ENDED))


@given(CELLS, HOLDERS, st.sets(st.integers(0, 70), min_size=1))
@example([None, None], None, {2})
@example([None, None], None, {1, 2})
@example([ENDED, None], None, {0})
@example(["acme", None, "acme"], "acme", {0, 1, 2})
@example(["acme", None, "acme"], "acme", {0, 2})
@example([ENDED, ENDED], None, {0})
def test_parts_with_one_gram_that_is_not_held_cannot_be_cut_out(
    cells: Cells, holder: str | None, grams: set[int]
) -> None:
    left = holdings_of(cells).cut(holder, parts_of(grams))
    if grams <= set(held(cells, holder)):
        assert left == holdings_of(changed(cells, sorted(grams), ENDED))
    else:
        assert left is None


@pytest.mark.parametrize(
    "parts",
    [
        [Part(0, 2), Part(0, 2)],
        [Part(0, 2), Part(1, 2)],
        [Part(2, 2), Part(0, 2)],
        [Part(0, 4), Part(2, 1)],
    ],
)
def test_no_gram_is_cut_out_twice_and_no_part_out_of_order(parts: list[Part]) -> None:
    assert holdings_of([None] * 4).cut(None, parts) is None


def test_touching_parts_are_cut_out_as_one() -> None:
    assert holdings_of([None] * 4).cut(None, [Part(0, 2), Part(2, 1)]) == (Holding(3, 1, None),)


@given(CELLS, HOLDERS, st.data())
def test_what_is_given_joins_what_the_holder_has(
    cells: Cells, holder: str | None, data: st.DataObject
) -> None:
    free = held(cells, ENDED)
    grams = data.draw(st.sets(st.sampled_from(free))) if free else set()
    given_ = holdings_of(cells).give(parts_of(grams), holder)
    assert given_ == holdings_of(changed(cells, sorted(grams), holder))


@given(CELLS, HOLDERS)
def test_what_is_cut_out_and_given_back_leaves_no_trace(cells: Cells, holder: str | None) -> None:
    parts = parts_of(held(cells, holder))
    left = holdings_of(cells).cut(holder, parts)
    assert left is not None
    assert left.give(parts, holder) == holdings_of(cells)


@given(CELLS, HOLDERS, st.data())
def test_the_lowest_grams_are_chosen_first(
    cells: Cells, holder: str | None, data: st.DataObject
) -> None:
    grams = held(cells, holder)
    quantity_g = data.draw(st.integers(0, len(grams)))
    assert holdings_of(cells).lowest(holder, quantity_g) == parts_of(grams[:quantity_g])
    assert holdings_of(cells).held_by(holder) == len(grams)


def test_more_than_is_held_is_never_chosen() -> None:
    with pytest.raises(AssertionError, match="more was to be taken than the holder holds"):
        holdings_of(["acme", None]).lowest("acme", 2)


def test_chosen_parts_that_touch_are_joined() -> None:
    apart = [Holding(0, 2, None), Holding(2, 2, None), Holding(5, 1, None)]
    assert Holdings(apart).lowest(None, 5) == (Part(0, 4), Part(5, 1))


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_touching_parts_are_joined_and_others_kept(grams: set[int], borders: set[int]) -> None:
    pieces: list[Part] = []
    for gram in sorted(grams):
        if pieces and pieces[-1].end_g == gram and gram not in borders:
            pieces[-1] = Part(pieces[-1].from_g, pieces[-1].quantity_g + 1)
        else:
            pieces.append(Part(gram, 1))
    assert merged(pieces) == parts_of(grams)
    assert merged(parts_of(grams)) == parts_of(grams)


# As a value


@given(CELLS)
def test_holdings_are_a_sequence_that_equals_its_tuple(cells: Cells) -> None:
    held_ = holdings_of(cells)
    plain = tuple(held_)
    assert held_ == plain
    assert held_ == Holdings(plain)
    assert hash(held_) == hash(Holdings(plain))
    assert len(held_) == len(plain)
    assert held_[1:3] == plain[1:3]
    assert held_ != (*plain, Holding(1_000, 1, "acme"))
    if plain:
        assert held_[-1] == plain[-1]


@given(CELLS, st.integers(0, 40), st.integers(1, 10))
def test_the_holdings_within_a_part_are_those_that_have_grams_of_it(
    cells: Cells, from_g: int, quantity_g: int
) -> None:
    part = Part(from_g, quantity_g)
    assert list(holdings_of(cells).within(part)) == [
        one for one in holdings_of(cells) if one.from_g < part.end_g and part.from_g < one.end_g
    ]


@given(st.lists(st.tuples(HOLDERS, HOLDERS, st.integers(0, 29), st.integers(1, 8)), max_size=40))
def test_any_moves_leave_what_a_list_of_grams_says(
    moves: list[tuple[str | None, str | None, int, int]],
) -> None:
    cells: Cells = [None] * 30
    now = holdings_of(cells)
    for giver, taker, from_g, quantity_g in moves:
        part = Part(from_g, min(quantity_g, 30 - from_g))
        before = tuple(now)
        left = now.cut(giver, [part])
        grams = range(part.from_g, part.end_g)
        assert (left is not None) == all(cells[gram] == giver for gram in grams)
        if left is not None:
            now = left.give([part], taker)
            cells = changed(cells, grams, taker)
            assert tuple(holdings_of(changed(cells, grams, giver))) == before
        assert now == holdings_of(cells)
        for holder in (None, "acme", "zeta"):
            assert now.held_by(holder) == len(held(cells, holder))
            assert now.lowest(holder, now.held_by(holder)) == parts_of(held(cells, holder))
        assert list(now.holders()) == list(dict.fromkeys(cells))


def test_a_change_copies_one_chunk_and_shares_the_rest() -> None:
    many = Holdings(Holding(n * 2, 1, f"holder-{n}") for n in range(300))
    left = many.cut("holder-150", [Part(300, 1)])
    assert left is not None
    shared = {id(chunk) for chunk in many._chunks} & {id(chunk) for chunk in left._chunks}
    assert len(shared) == len(many._chunks) - 1
    assert len(many) == len(left) + 1 == 300


@given(CELLS, HOLDERS, st.integers(0, 30), st.integers(1, 30))
def test_what_is_gone_and_new_since_a_value_is_what_differs(
    cells: Cells, holder: str | None, start: int, length: int
) -> None:
    before = holdings_of(cells)
    grams = [gram for gram in range(start, start + length) if gram < len(cells)]
    own = [gram for gram in grams if cells[gram] == holder]
    left = before.cut(holder, parts_of(set(own)))
    assert left is not None
    for after in (left, left.give(parts_of(set(own)), "buyer"), holdings_of(cells), Holdings()):
        gone, new = after.since(before)
        assert (gone, new) == (set(before) - set(after), set(after) - set(before))
