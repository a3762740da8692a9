"""What a row asks of the ledger, cut at the borders of what the ledger knows: pure.

A row is taken as a whole or reported as a whole. What it says of credits that the ledger has is
held against them; what it says of credits that the ledger does not have makes new records, where
the file is of a kind that issues, or takes from issuances that had no serial numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from offset.core.canonical import canonical_serial
from offset.core.commands import Command
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes_text
from offset.core.records import Holding, Part, RecordState
from offset.core.serials import Serial
from offset.exports import FileKind, Meaning, Row
from offset.importing.drafting import End, as_group, create, details_of, end, project_of
from offset.importing.known import Claimed, Known, Pool
from offset.registries import REGISTRIES

_ENDS: Final = (Meaning.RETIRED, Meaning.CANCELLED)
_STATES_HERE: Final = {"RETIRED": "retired-here", "CANCELLED": "cancelled-here"}


class Contradiction(Exception):
    """Why a row is not taken: a stable code, and a sentence with the fact and no words of it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Serial numbers of a row between two borders, and who claims them."""

    serial: Serial
    claimed: Claimed | None


def tells_the_present(kind: FileKind) -> bool:
    """Tell whether a row that lists credits as issued says that they are active now.

    Verra's do. Gold Standard's list of issuances keeps what was retired since.
    """
    return kind.meaning is Meaning.HELD or kind.ended is not None


def pool_of(row: Row) -> Pool | None:
    """Name the issuances without serial numbers that a row's credits may be of."""
    if row.issuance_text is not None:
        return Pool(row.registry, serial=canonical_serial(row.issuance_text))
    project = project_of(row)
    if project is None:
        return None
    # Where ids stand for serial numbers, only the project tells of which issuance credits are.
    return Pool(row.registry, project, row.vintage if row.registry in REGISTRIES else None)


class Planner:
    """Plans rows of one file against one view of the ledger; earlier plans count."""

    def __init__(self, known: Known, kind: FileKind) -> None:
        self._known = known
        self._active = tells_the_present(kind)
        self._taken_g: dict[int, int] = {}  # of a pool's records, by the rows before

    def plan(self, row: Row) -> list[Command]:
        """Give the commands of a row; none where the ledger knows all of it.

        Raises:
            Contradiction: the row and the ledger cannot both be right.
            Invalid: the row's texts cannot stand in the ledger.
        """
        assert row.serial is not None  # an issuance without one was given one
        creates: list[Command] = []
        ends: list[End] = []
        taken_before = dict(self._taken_g)
        try:
            for stretch in self._stretches(row.serial):
                if stretch.claimed is not None:
                    ends += self._covered(row, stretch.serial, stretch.claimed)
                elif row.issues:
                    made = create(row, stretch.serial)
                    creates.append(made)
                    if row.meaning in _ENDS:
                        part = Part(0, made.record.quantity_g)
                        ends.append(end(row, made.record_id, None, parts=[part]))
                else:
                    ends += self._from_pool(row, stretch.serial)
            return [*creates, *as_group(ends, details_of(row) if ends else None)]
        except Exception:
            self._taken_g = taken_before
            raise

    def _stretches(self, serial: Serial) -> Iterator[_Stretch]:
        """Cut a row's serial numbers at the borders of claims."""
        if not serial.parsed:
            yield _Stretch(serial, next(self._known.claims_on(serial), None))
            return
        number = serial.first
        for claimed in self._known.claims_on(serial):
            low, high = max(claimed.first, serial.first), min(claimed.last, serial.last)
            if low > number:
                yield _Stretch(serial.part(number, low - 1), None)
            yield _Stretch(serial.part(low, high), claimed)
            number = high + 1
        if number <= serial.last:
            yield _Stretch(serial.part(number, serial.last), None)

    def _covered(self, row: Row, serial: Serial, claimed: Claimed) -> Iterator[End]:
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
        state = self._known.states[claimed.number]
        record, part = state.record, Part(0, state.record.quantity_g)
        if serial.parsed:
            first = serial.first - record.serial.first
            part = Part(
                first * GRAMS_PER_CREDIT, (serial.last - serial.first + 1) * GRAMS_PER_CREDIT
            )
        elif row.quantity_g != record.quantity_g:
            raise Contradiction(
                "quantity-differs",
                f"{state.name} is of {tonnes_text(record.quantity_g)}, "
                f"the row of {tonnes_text(row.quantity_g)}",
            )
        if row.planned != record.planned:
            words = ("planned", "issued") if record.planned else ("issued", "planned")
            raise Contradiction(
                "planned-differs",
                f"{state.name} is {words[0]} in the ledger, {words[1]} in the row",
            )
        for ended in self._known.ended_within(claimed.number, part.from_g, part.end_g):
            self._check_end(row, serial, ended.event_type, ended.event_id)
        if row.meaning in _ENDS:
            yield from self._held(row, state, part)

    def _check_end(self, row: Row, serial: Serial, event_type: str, event_id: str) -> None:
        """Refuse a row that says something else of credits that ended."""
        if row.meaning is Meaning.ISSUED and not self._active:
            return
        if row.meaning.value == event_type:
            return
        code = _STATES_HERE[event_type]
        if (row.meaning, event_type) == (Meaning.CANCELLED, "RETIRED"):
            code = "moved-to-cancelled"
        there = "active" if row.meaning not in _ENDS else row.meaning.value.lower()
        raise Contradiction(
            code,
            f"credits of {serial.text} are {event_type.lower()} in the ledger by event {event_id}, "
            f"{there} in the row",
        )

    def _held(self, row: Row, state: RecordState, part: Part) -> Iterator[End]:
        """End what is still held of a part, holder by holder."""
        parts: dict[str | None, list[Part]] = {}
        for holding in state.holdings:
            from_g = max(holding.from_g, part.from_g)
            end_g = min(holding.end_g, part.end_g)
            if from_g < end_g:
                parts.setdefault(holding.holder, []).append(Part(from_g, end_g - from_g))
        for holder, own in parts.items():
            yield end(row, state.record.id, holder, parts=own)

    def _from_pool(self, row: Row, serial: Serial) -> Iterator[End]:
        """Take credits from issuances that had no serial numbers, oldest first."""
        pool = pool_of(row)
        members = self._known.pools.get(pool, []) if pool else []
        if not members or row.meaning not in _ENDS:
            raise Contradiction("not-issued", f"no issuance of {_named(row)} is in the ledger")
        self._check_totals(row, members)
        count = serial.count
        wanted_g = row.quantity_g if count is None else count * GRAMS_PER_CREDIT
        taken = list(self._take(row, members, wanted_g, whole_credits=count is not None))
        missing_g = wanted_g - sum(quantity_g for _, quantity_g in taken)
        if missing_g:
            raise Contradiction(
                "not-enough",
                f"{tonnes_text(wanted_g - missing_g)} of {_named(row)} are left, "
                f"the row ends {tonnes_text(wanted_g)}",
            )
        number = serial.first
        for index, (member, quantity_g) in enumerate(taken):
            claim: Serial | None = serial if index == 0 else None
            if count is not None:
                last = number + quantity_g // GRAMS_PER_CREDIT - 1
                claim = serial.part(number, last)
                number = last + 1
            self._taken_g[member] = self._taken_g.get(member, 0) + quantity_g
            record = self._known.states[member].record
            yield end(row, record.id, record.first_holder, quantity_g=quantity_g, claim=claim)

    def _take(
        self, row: Row, members: list[int], wanted_g: int, *, whole_credits: bool
    ) -> Iterator[tuple[int, int]]:
        for member in members:
            state = self._known.states[member]
            left_g = left_of(state) - self._taken_g.get(member, 0)
            if whole_credits:
                left_g -= left_g % GRAMS_PER_CREDIT
            if left_g > 0 and wanted_g:
                taken_g = min(left_g, wanted_g)
                wanted_g -= taken_g
                yield member, taken_g

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


def left_of(state: RecordState) -> int:
    """Give the grams that a record's first holder still has."""
    return sum(_grams(state.holdings, state.record.first_holder))


def _grams(holdings: tuple[Holding, ...], holder: str | None) -> Iterator[int]:
    return (one.quantity_g for one in holdings if one.holder == holder)


def _named(row: Row) -> str:
    project = f"project {project_of(row) or 'unknown'}"
    return f"{project}, vintage {row.vintage}" if row.registry in REGISTRIES else project
