"""Running totals: issuances that count how much of them was cancelled and retired so far.

The credits of a pool are interchangeable, so its rows are summed: where they count more than the
ledger has ended for the same cause, the difference is ended now, on the row's own record first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from offset.core.commands import Cancel, Command, Retire
from offset.core.events import Event
from offset.core.quantities import tonnes_text
from offset.exports import FileKind
from offset.importing.drafting import End, Random
from offset.importing.known import Known, Standing
from offset.importing.planning import Contradiction
from offset.importing.pools import Pool, pool_named
from offset.importing.spool import Counting
from offset.registries.files import CancelledTotal, RetiredTotal


class Totals:
    """Plans what running totals ask for, row by row; earlier plans count."""

    def __init__(self, known: Known, random: Random) -> None:
        self._known = known
        self._random = random
        self._taken_g: dict[int, int] = {}
        self._planned: dict[int, int] = {}  # events, by record
        self._ended_g: dict[tuple[Pool, str], int] = {}

    def plan(self, row: Counting, before_g: Mapping[str, int]) -> list[Command]:
        """Give the commands that end what a row's totals count more than the ledger has.

        `before_g` are the sums of the same totals over the rows before it.

        Raises:
            Contradiction: less is left than the totals count.
        """
        pool = pool_named(row.pool)
        members = self._members(row, pool)
        ends: list[End] = []
        before: tuple[dict[int, int], dict[int, int], dict[tuple[Pool, str], int]] | None = None
        try:
            for key, total_g in row.totals.items():
                so_far_g = self._so_far(pool, key)
                missing_g = min(total_g, before_g[key] + total_g - so_far_g)
                if missing_g > 0:
                    before = before or (
                        *(dict(self._taken_g), dict(self._planned), dict(self._ended_g)),
                    )
                    ends += self._end(members, key, missing_g)
                    self._ended_g[pool, key] = so_far_g + missing_g
        except Contradiction:
            if before is not None:
                self._taken_g, self._planned, self._ended_g = before
            raise
        return [replace(one, group=ends[0].event_id) for one in ends] if len(ends) > 1 else [*ends]

    def _members(self, row: Counting, pool: Pool) -> list[int]:
        """List the pool's records, the row's own first."""
        own = [claimed.number for claimed in self._known.claims_on(row)]
        return own + [one for one in self._known.pools.get(pool, ()) if one not in own]

    def _so_far(self, pool: Pool, key: str) -> int:
        if (pool, key) not in self._ended_g:
            self._ended_g[pool, key] = _ended_so_far(self._known, pool, key)
        return self._ended_g[pool, key]

    def _end(self, members: list[int], key: str, wanted_g: int) -> list[End]:
        ends: list[End] = []
        asked_g = wanted_g
        for member in members:
            standing = self._known.standings[member]
            left_g = standing.available_g - self._taken_g.get(member, 0)
            if left_g <= 0 or not wanted_g:
                continue
            quantity_g = min(left_g, wanted_g)
            wanted_g -= quantity_g
            self._taken_g[member] = self._taken_g.get(member, 0) + quantity_g
            # The version that was read: of two imports at once, the second looks again.
            seq = standing.seq + self._planned.get(member, 0)
            self._planned[member] = self._planned.get(member, 0) + 1
            event_id = self._random.event_id()
            ends.append(_end(key, event_id, standing, quantity_g, seq))
        if wanted_g:
            raise Contradiction(
                "not-enough",
                f"{tonnes_text(asked_g - wanted_g)} of the issuance are left, its running total "
                f"ends {tonnes_text(asked_g)} more",
            )
        return ends


def _ended_so_far(known: Known, pool: Pool, key: str) -> int:
    """Add up what the ledger has ended of a pool for the cause of a total, in grams."""
    return sum(_grams(event) for event in _ends(known, pool) if _key_of(event) == key)


def counted_ends(known: Known, pool: Pool, kind: FileKind) -> dict[str, int]:
    """Add up what a pool's running totals have ended, by key, in grams.

    Ends that claim serial numbers came in rows of their own. Causes for which this kind of file
    has no total do not count.
    """
    counted = {
        f"{'RETIRED' if isinstance(one, RetiredTotal) else 'CANCELLED'} {one.key.partition(':')[0]}"
        for one in kind.columns.values()
        if isinstance(one, RetiredTotal | CancelledTotal)
    }
    sums: dict[str, int] = {}
    for event in _ends(known, pool):
        key = _key_of(event)
        if "claim" not in event.data and key.partition(":")[0] in counted:
            sums[key] = sums.get(key, 0) + _grams(event)
    return sums


def _ends(known: Known, pool: Pool) -> Iterator[Event]:
    for member in known.pools.get(pool, ()):
        yield from known.ends.get(member, ())


def _grams(event: Event) -> int:
    return sum(part[1] for part in event.data["parts"])


def _key_of(event: Event) -> str:
    said = event.data
    if event.type == "RETIRED":
        return f"RETIRED {said['purpose']}"
    target = f":{said['converted_to']}" if said["converted_to"] else ""
    return f"CANCELLED {said['cause']}{target}"


def _end(key: str, event_id: str, standing: Standing, quantity_g: int, seq: int) -> End:
    event_type, _, what = key.partition(" ")
    if event_type == "RETIRED":
        return Retire(
            event_id=event_id,
            record_id=standing.record_id,
            holder=standing.first_holder,
            quantity_g=quantity_g,
            expected_seq=seq,
            purpose=what,
        )
    cause, _, target = what.partition(":")
    return Cancel(
        event_id=event_id,
        record_id=standing.record_id,
        holder=standing.first_holder,
        quantity_g=quantity_g,
        expected_seq=seq,
        cause=cause,
        converted_to=target or None,
    )
