"""What a row asks of the ledger, cut at the borders of what the ledger knows: pure.

A row is taken as a whole or reported as a whole. What it says of credits that the ledger has is
held against them; what it says of credits that the ledger does not have makes new records, where
the file is of a kind that issues, or takes from issuances that had no serial numbers.
"""

from collections.abc import Iterator
from typing import Final

from offset.core.commands import Command, Create
from offset.core.holdings import Part
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes_text
from offset.core.serials import Serial
from offset.exports import FileKind, Meaning, Row
from offset.importing.drafting import ENDS, Random, Taking, details_of, ends_of, project_of
from offset.importing.known import Claimed, Known, Standing
from offset.importing.preparing import Ready, create_of, made_ready, tells_the_present
from offset.registries import REGISTRIES

_STATES_HERE: Final = {"RETIRED": "retired-here", "CANCELLED": "cancelled-here"}


class Contradiction(Exception):
    """Why a row is not taken: a stable code, and a sentence with the fact and no words of it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Planner:
    """Plans rows of one file against one view of the ledger; earlier plans count."""

    def __init__(self, known: Known, kind: FileKind, random: Random) -> None:
        self._known = known
        self._random = random
        self._active = tells_the_present(kind)
        self._taken_g: dict[int, int] = {}  # of a pool's records, by the rows before

    def plan(self, ready: Ready) -> list[Command]:
        """Give the commands of a row; none where the ledger knows all of it.

        Raises:
            Contradiction: the row and the ledger cannot both be right.
            Invalid: the row's texts cannot stand in the ledger.
        """
        row = ready.row
        commands: list[Command] = []
        takings: list[Taking] = []
        taken: list[tuple[int, int]] = []
        try:
            for serial, claimed in self._stretches(row.serial):
                if claimed is not None:
                    takings += self._covered(row, serial, claimed)
                elif row.issues:
                    made = self._created(ready, serial)
                    commands.append(made)
                    if row.meaning in ENDS:
                        part = Part(0, made.record.quantity_g)
                        takings.append(Taking(made.record_id, None, parts=(part,)))
                else:
                    takings += self._from_pool(ready, serial, taken)
            if takings:
                commands += ends_of(row, takings, made_ready(ready.details), self._random)
        except Exception:
            for member, quantity_g in taken:
                self._taken_g[member] -= quantity_g
            raise
        return commands

    def _stretches(self, serial: Serial | None) -> Iterator[tuple[Serial, Claimed | None]]:
        """Cut a row's serial numbers at the borders of claims; give each part with its claim."""
        assert serial is not None  # an issuance without one was given one
        claims = self._known.claims_on(serial)
        if not claims:
            yield serial, None
            return
        if not serial.parsed:
            yield serial, claims[0]
            return
        number = serial.first
        for claimed in claims:
            low, high = max(claimed.first, serial.first), min(claimed.last, serial.last)
            if low > number:
                yield serial.part(number, low - 1), None
            yield serial.part(low, high), claimed
            number = high + 1
        if number <= serial.last:
            yield serial.part(number, serial.last), None

    def _created(self, ready: Ready, serial: Serial) -> Create:
        """Bring in a row's credits: what was made ready, or a part of them."""
        if serial is not ready.row.serial:
            # Each part has its own salt.
            details = details_of(ready.row, self._random)
            return create_of(ready.row, serial, details, self._random)
        assert ready.create is not None  # the row issues
        return made_ready(ready.create)

    def _covered(self, row: Row, serial: Serial, claimed: Claimed) -> Iterator[Taking]:
        """Hold a row against credits that the ledger has; end those that are still held."""
        if claimed.event_type is not None:
            self._check_end(row, serial, claimed.event_type, claimed.event_id or "")
            if claimed.quantity_g not in (None, row.quantity_g):
                raise Contradiction(
                    "quantity-differs",
                    f"{serial.text} ended {tonnes_text(claimed.quantity_g or 0)} in the ledger by "
                    f"event {claimed.event_id}, {tonnes_text(row.quantity_g)} in the row",
                )
            return
        standing = self._known.standings[claimed.number]
        part = Part(0, standing.quantity_g)
        if serial.parsed:
            first = serial.first - standing.first
            part = Part(
                first * GRAMS_PER_CREDIT, (serial.last - serial.first + 1) * GRAMS_PER_CREDIT
            )
        elif row.quantity_g != standing.quantity_g:
            raise Contradiction(
                "quantity-differs",
                f"{standing.name} is of {tonnes_text(standing.quantity_g)}, "
                f"the row of {tonnes_text(row.quantity_g)}",
            )
        if row.planned != standing.planned:
            words = ("planned", "issued") if standing.planned else ("issued", "planned")
            raise Contradiction(
                "planned-differs",
                f"{standing.name} is {words[0]} in the ledger, {words[1]} in the row",
            )
        for ended in self._known.ended_within(claimed.number, part.from_g, part.end_g):
            self._check_end(row, serial, ended.event_type, ended.event_id)
        if row.meaning in ENDS:
            yield from self._held(standing, part)

    def _check_end(self, row: Row, serial: Serial, event_type: str, event_id: str) -> None:
        """Refuse a row that says something else of credits that ended."""
        if row.meaning is Meaning.ISSUED and not self._active:
            return
        if row.meaning.value == event_type:
            return
        code = _STATES_HERE[event_type]
        if (row.meaning, event_type) == (Meaning.CANCELLED, "RETIRED"):
            code = "moved-to-cancelled"
        there = "active" if row.meaning not in ENDS else row.meaning.value.lower()
        raise Contradiction(
            code,
            f"credits of {serial.text} are {event_type.lower()} in the ledger by event {event_id}, "
            f"{there} in the row",
        )

    def _held(self, standing: Standing, part: Part) -> Iterator[Taking]:
        """End what is still held of a part, holder by holder."""
        parts: dict[str | None, list[Part]] = {}
        for holding in self._known.holdings.get(standing.number, ()):
            from_g = max(holding.from_g, part.from_g)
            end_g = min(holding.end_g, part.end_g)
            if from_g < end_g:
                parts.setdefault(holding.holder, []).append(Part(from_g, end_g - from_g))
        for holder, own in parts.items():
            yield Taking(standing.record_id, holder, parts=tuple(own))

    def _from_pool(
        self, ready: Ready, serial: Serial, taken: list[tuple[int, int]]
    ) -> Iterator[Taking]:
        """Take credits from issuances that had no serial numbers, oldest first.

        What is taken of which record is noted in `taken`.
        """
        row = ready.row
        members = self._known.pools.get(ready.pool, []) if ready.pool else []
        if not members or row.meaning not in ENDS:
            raise Contradiction("not-issued", f"no issuance of {_named(row)} is in the ledger")
        self._check_totals(row, members)
        count = serial.count
        wanted_g = row.quantity_g if count is None else count * GRAMS_PER_CREDIT
        shares = list(self._shares(members, wanted_g, whole_credits=count is not None))
        missing_g = wanted_g - sum(quantity_g for _, quantity_g in shares)
        if missing_g:
            raise Contradiction(
                "not-enough",
                f"{tonnes_text(wanted_g - missing_g)} of {_named(row)} are left, "
                f"the row ends {tonnes_text(wanted_g)}",
            )
        number = serial.first
        for index, (member, quantity_g) in enumerate(shares):
            claim: Serial | None = serial if index == 0 else None
            if count is not None and len(shares) > 1:
                last = number + quantity_g // GRAMS_PER_CREDIT - 1
                claim = serial.part(number, last)
                number = last + 1
            self._taken_g[member] = self._taken_g.get(member, 0) + quantity_g
            taken.append((member, quantity_g))
            standing = self._known.standings[member]
            yield Taking(
                standing.record_id, standing.first_holder, quantity_g=quantity_g, claim=claim
            )

    def _shares(
        self, members: list[int], wanted_g: int, *, whole_credits: bool
    ) -> Iterator[tuple[int, int]]:
        """Share grams out among records: so much of each of them."""
        for member in members:
            left_g = self._known.standings[member].available_g - self._taken_g.get(member, 0)
            if whole_credits:
                left_g -= left_g % GRAMS_PER_CREDIT
            if left_g > 0:
                taken_g = min(left_g, wanted_g)
                wanted_g -= taken_g
                yield member, taken_g
                if not wanted_g:
                    return

    def _check_totals(self, row: Row, members: list[int]) -> None:
        """Refuse a cancellation that a running total may have counted before."""
        if row.meaning is not Meaning.CANCELLED:
            return
        for member in members:
            for event in self._known.ends.get(member, ()):
                said = event.data
                if (
                    event.type == "CANCELLED"
                    and "claim" not in said
                    and (said["cause"], said["converted_to"]) == (row.cause, row.converted_to)
                ):
                    raise Contradiction(
                        "counted-in-total",
                        f"credits of {_named(row)} were cancelled for this cause by event "
                        f"{event.id}, from a running total that may count the row's",
                    )


def _named(row: Row) -> str:
    project = f"project {project_of(row) or 'unknown'}"
    return f"{project}, vintage {row.vintage}" if row.registry in REGISTRIES else project
