"""Holdings: who holds which unbroken parts of a record, as a value that is cheap to change.

A record may have ten thousand holders, and a batch ten thousand sales of it. So the holdings are
kept in chunks, in the order of their grams, beside each holder's total and an index of where its
holdings begin: a change copies one chunk, a chunk of the index and a bucket of totals, and shares
the rest with the value before it. Touching holdings of one holder are always one.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Final, NamedTuple, TypeVar, overload

LARGEST_CHUNK: Final = 128  # holdings; one that grows beyond is cut in two
_BUCKETS: Final = 64
T = TypeVar("T")


class Part(NamedTuple):
    """The grams `from_g` to `from_g + quantity_g`, the last one excluded."""

    from_g: int
    quantity_g: int

    @property
    def end_g(self) -> int:
        """The first gram after the part."""
        return self.from_g + self.quantity_g


class Holding(NamedTuple):
    """One unbroken part of a record and who holds it; None is the ledger's unnamed issuer."""

    from_g: int
    quantity_g: int
    holder: str | None

    @property
    def end_g(self) -> int:
        """The first gram after the holding."""
        return self.from_g + self.quantity_g


_Chunk = tuple[Holding, ...]
_Start = tuple[str, int]  # a holder and a gram; no holder has an empty name: it stands for None
_from_g: Final = attrgetter("from_g")


def merged(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Join touching parts; the parts come sorted and disjoint."""
    joined: list[Part] = []
    for part in parts:
        if joined and joined[-1].end_g == part.from_g:
            joined[-1] = Part(joined[-1].from_g, joined[-1].quantity_g + part.quantity_g)
        else:
            joined.append(part)
    return tuple(joined)


def _cut_in_two(chunk: tuple[T, ...]) -> tuple[tuple[T, ...], ...]:
    """Return a chunk as the pieces that replace it: none if it is empty, two if it is large."""
    if len(chunk) > LARGEST_CHUNK:
        half = len(chunk) // 2
        return (chunk[:half], chunk[half:])
    return (chunk,) if chunk else ()


class _Index:
    """Where each holder's holdings begin: pairs of a holder and a gram, sorted, in chunks."""

    __slots__ = ("_chunks", "_firsts")

    def __init__(self, starts: Sequence[_Start] = ()) -> None:
        self._chunks: tuple[tuple[_Start, ...], ...] = tuple(
            [tuple(starts[at : at + LARGEST_CHUNK]) for at in range(0, len(starts), LARGEST_CHUNK)]
        )
        self._firsts: tuple[_Start, ...] = tuple([chunk[0] for chunk in self._chunks])

    def of(self, holder: str | None) -> Iterator[int]:
        """Iterate over the grams at which the holdings of one holder begin, the lowest first."""
        name = holder or ""
        at = max(bisect_right(self._firsts, (name, -1)) - 1, 0)
        for chunk in self._chunks[at:]:
            for other, from_g in chunk[bisect_right(chunk, (name, -1)) :]:
                if other != name:
                    return
                yield from_g

    def with_(self, holder: str | None, from_g: int) -> "_Index":
        """Return the index with one more holding."""
        start = (holder or "", from_g)
        at = max(bisect_right(self._firsts, start) - 1, 0)
        chunk = self._chunks[at] if self._chunks else ()
        place = bisect_right(chunk, start)
        return self._replaced(at, (*chunk[:place], start, *chunk[place:]))

    def without(self, holder: str | None, from_g: int) -> "_Index":
        """Return the index without a holding that it has."""
        start = (holder or "", from_g)
        at = bisect_right(self._firsts, start) - 1
        chunk = self._chunks[at]
        place = bisect_right(chunk, start) - 1
        assert chunk[place] == start, "every holding is in the index"
        return self._replaced(at, (*chunk[:place], *chunk[place + 1 :]))

    def _replaced(self, at: int, chunk: tuple[_Start, ...]) -> "_Index":
        pieces = _cut_in_two(chunk)
        changed = _Index.__new__(_Index)
        changed._chunks = (*self._chunks[:at], *pieces, *self._chunks[at + 1 :])
        firsts = [piece[0] for piece in pieces]
        changed._firsts = (*self._firsts[:at], *firsts, *self._firsts[at + 1 :])
        return changed


def _count_same(pairs: Iterable[tuple[_Chunk, _Chunk]]) -> int:
    """Count the pairs before the first one whose chunks are not one object."""
    count = 0
    for one, other in pairs:
        if one is not other:
            break
        count += 1
    return count


class Holdings(Sequence[Holding]):
    """The holdings of one record, sorted by their grams; a value, equal to a tuple of the same."""

    __slots__ = ("_chunks", "_index", "_length", "_starts", "_totals")

    def __init__(self, holdings: Iterable[Holding] = ()) -> None:
        """Keep holdings that are sorted and disjoint, and of which no two that touch are alike."""
        kept = tuple(holdings)
        self._chunks: tuple[_Chunk, ...] = tuple(
            kept[at : at + LARGEST_CHUNK] for at in range(0, len(kept), LARGEST_CHUNK)
        )
        self._starts: tuple[int, ...] = tuple([chunk[0].from_g for chunk in self._chunks])
        self._length = len(kept)
        self._index = _Index(sorted([(h.holder or "", h.from_g) for h in kept]))
        totals: dict[str | None, int] = {}
        for holding in kept:
            totals[holding.holder] = totals.get(holding.holder, 0) + holding.quantity_g
        # Few holders share one bucket, which is then all that a change copies.
        self._totals: tuple[dict[str | None, int], ...] = (totals,)
        if len(totals) > _BUCKETS:
            self._totals = tuple({} for _ in range(_BUCKETS))
            for holder, total_g in totals.items():
                self._totals[hash(holder) % _BUCKETS][holder] = total_g

    # a sequence ------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Holding]:
        for chunk in self._chunks:
            yield from chunk

    @overload
    def __getitem__(self, place: int) -> Holding: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Holding, ...]: ...

    def __getitem__(self, place: int | slice) -> Holding | tuple[Holding, ...]:
        if isinstance(place, slice):
            if len(self._chunks) == 1:
                return self._chunks[0][place]
            return tuple(islice(self, *place.indices(self._length)))
        return tuple(self)[place]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Holdings | tuple):
            return NotImplemented
        return tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Holdings({list(self)!r})"

    # who holds what --------------------------------------------------------------------------

    def held_by(self, holder: str | None) -> int:
        """Return the grams that `holder` holds."""
        buckets = self._totals
        return buckets[hash(holder) % len(buckets) if len(buckets) > 1 else 0].get(holder, 0)

    def holders(self) -> Iterator[str | None]:
        """Iterate over the holders, each once, in the order of their first grams."""
        return iter(dict.fromkeys(holding.holder for holding in self))

    def within(self, part: Part) -> Iterator[Holding]:
        """Iterate over the holdings that have grams of `part`."""
        for holding in self._from(part.from_g):
            if holding.from_g >= part.end_g:
                return
            if holding.end_g > part.from_g:
                yield holding

    def lowest(self, holder: str | None, quantity_g: int) -> tuple[Part, ...]:
        """Choose `quantity_g` of what `holder` holds, lowest grams first.

        The caller has checked that so much is held.
        """
        parts: list[Part] = []
        for from_g in self._index.of(holder):
            if not quantity_g:
                break
            at, place = self._place(from_g)
            taken_g = min(quantity_g, self._chunks[at][place].quantity_g)
            parts.append(Part(from_g, taken_g))
            quantity_g -= taken_g
        assert quantity_g == 0, "more was to be taken than the holder holds"
        return merged(parts)

    def since(self, before: "Holdings") -> tuple[set[Holding], set[Holding]]:
        """Compare with an earlier value: which holdings are gone, and which are new.

        The chunks that both values share are not looked into.
        """
        old, now = before._chunks, self._chunks
        start = _count_same(zip(old, now, strict=False))
        end = _count_same(zip(reversed(old[start:]), reversed(now[start:]), strict=False))
        old, now = old[start : len(old) - end], now[start : len(now) - end]
        shared = set(map(id, old)) & set(map(id, now))
        gone, new = (
            {holding for chunk in chunks if id(chunk) not in shared for holding in chunk}
            for chunks in (old, now)
        )
        return gone - new, new - gone

    # changes ---------------------------------------------------------------------------------

    def cut(self, holder: str | None, parts: Sequence[Part]) -> "Holdings | None":
        """Cut sorted `parts` out of what `holder` holds; None where one of them is not held."""
        left, end_g = self._copy(), 0
        for part in parts:
            if part.from_g < end_g or not left._cut(holder, part):
                return None
            end_g = part.end_g
        return left

    def give(self, parts: Sequence[Part], holder: str | None) -> "Holdings":
        """Add `parts`, which nobody holds, to what `holder` holds, joining what touches."""
        given = self._copy()
        for part in parts:
            given._give(part, holder)
        return given

    # Below, a copy that nobody has seen yet is changed; its chunks and buckets never are.

    def _copy(self) -> "Holdings":
        copy = Holdings.__new__(Holdings)
        copy._chunks, copy._starts = self._chunks, self._starts
        copy._length, copy._totals, copy._index = self._length, self._totals, self._index
        return copy

    def _cut(self, holder: str | None, part: Part) -> bool:
        at, place = self._place(part.from_g)
        if place < 0:
            return False
        chunk = self._chunks[at]
        whole = chunk[place]
        if whole.holder != holder or part.end_g > whole.end_g:
            return False
        rest: list[Holding] = []
        if part.from_g > whole.from_g:
            rest.append(Holding(whole.from_g, part.from_g - whole.from_g, holder))
        if part.end_g < whole.end_g:
            rest.append(Holding(part.end_g, whole.end_g - part.end_g, holder))
            self._index = self._index.with_(holder, part.end_g)
        if part.from_g == whole.from_g:
            self._index = self._index.without(holder, part.from_g)
        self._put(at, (*chunk[:place], *rest, *chunk[place + 1 :]))
        self._set_total(holder, self.held_by(holder) - part.quantity_g)
        return True

    def _give(self, part: Part, holder: str | None) -> None:
        at, place = self._place(part.from_g)
        chunk = self._chunks[at] if self._chunks else ()
        before = chunk[place] if place >= 0 else None
        after = next((h for h in self._from(part.end_g) if h.from_g >= part.end_g), None)
        from_g, end_g = part.from_g, part.end_g
        if before is not None and before.holder == holder and before.end_g == from_g:
            from_g = before.from_g
            self._index = self._index.without(holder, from_g)
            self._put(at, (*chunk[:place], *chunk[place + 1 :]))
        if after is not None and after.holder == holder and after.from_g == end_g:
            end_g = after.end_g
            self._index = self._index.without(holder, after.from_g)
            at, place = self._place(after.from_g)
            chunk = self._chunks[at]
            self._put(at, (*chunk[:place], *chunk[place + 1 :]))
        at, place = self._place(from_g)
        chunk = self._chunks[at] if self._chunks else ()
        joined = Holding(from_g, end_g - from_g, holder)
        self._put(at, (*chunk[: place + 1], joined, *chunk[place + 1 :]))
        self._index = self._index.with_(holder, from_g)
        self._set_total(holder, self.held_by(holder) + part.quantity_g)

    def _place(self, from_g: int) -> tuple[int, int]:
        """Find the last holding that begins at a gram or before it: its chunk, its place there.

        The place is -1, of the first chunk, where there is none.
        """
        at = max(bisect_right(self._starts, from_g) - 1, 0)
        chunk = self._chunks[at] if self._chunks else ()
        return at, bisect_right(chunk, from_g, key=_from_g) - 1

    def _from(self, from_g: int) -> Iterator[Holding]:
        """Iterate over the holdings from the one that has a gram, or the next one, on."""
        at, place = self._place(from_g)
        if self._chunks:
            yield from self._chunks[at][max(place, 0) :]
        for chunk in self._chunks[at + 1 :]:
            yield from chunk

    def _put(self, at: int, chunk: _Chunk) -> None:
        """Replace the chunk at a place; an empty one goes, a large one becomes two."""
        self._length += len(chunk) - (len(self._chunks[at]) if self._chunks else 0)
        pieces = _cut_in_two(chunk)
        starts = tuple([piece[0].from_g for piece in pieces])
        self._chunks = (*self._chunks[:at], *pieces, *self._chunks[at + 1 :])
        self._starts = (*self._starts[:at], *starts, *self._starts[at + 1 :])

    def _set_total(self, holder: str | None, total_g: int) -> None:
        buckets = self._totals
        at = hash(holder) % len(buckets)
        bucket = dict(buckets[at])
        if total_g:
            bucket[holder] = total_g
        else:
            bucket.pop(holder, None)
        self._totals = (*buckets[:at], bucket, *buckets[at + 1 :])
        if len(buckets) == 1 and len(bucket) > _BUCKETS:
            spread: tuple[dict[str | None, int], ...] = tuple({} for _ in range(_BUCKETS))
            for one, its in bucket.items():
                spread[hash(one) % _BUCKETS][one] = its
            self._totals = spread
