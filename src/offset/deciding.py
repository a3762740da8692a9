"""A batch being decided: states as values, what was drafted so far, and how to take it back."""

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from operator import itemgetter
from time import monotonic
from typing import Final

from offset.core.commands import (
    Claim,
    Command,
    Contradiction,
    Create,
    Decision,
    Details,
    Erase,
    Take,
    claim_of,
    decide,
    decide_create,
)
from offset.core.errors import NotHeld, OffsetError
from offset.core.events import Created, Draft, Event
from offset.core.records import Past, Record, RecordState, serial_part
from offset.core.serials import Serial
from offset.units import Done, Result, Unit

LARGE: Final = 1_000  # holdings or commands
EVENTS_IN_ANSWER: Final = 10  # an answer shows all events of a record while there are so many

PastOf = Callable[[int, int, int], tuple[Past, ...]]


@dataclass(frozen=True, slots=True)
class Pending:
    """A draft with its place in its record's history, waiting to be appended."""

    record_id: str
    seq: int
    draft: Draft
    details: Details | None


@dataclass(frozen=True, slots=True)
class _Made:
    """What one command made: the drafts `start` to `end` and the state after them."""

    state: RecordState
    start: int
    end: int
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What was written: every pending draft's event, in order and by record."""

    made: Sequence[Event]
    events: Mapping[str, Sequence[Event]]
    at: str


class Overdue(Exception):
    """The batch is not decided and written in the time that it has."""


class Batch:
    """The records that a batch touches, as they will be after what was decided so far.

    `series` maps (registry, series) to its number, `taken` the event that would claim serial
    numbers to a claim on some of them, `facts` (registry, subject) to what is stated of it and the
    id of the record that states it, `erasable` an event's id to its position and whether
    its details are gone; the ledger fills them. `past` asks the database which events sold or
    ended the grams of an interval.
    """

    def __init__(self, loaded: Mapping[str, tuple[int, RecordState]], *, past: PastOf) -> None:
        self.numbers: Final = {record_id: number for record_id, (number, _) in loaded.items()}
        self.before: Final = {record_id: state for record_id, (_, state) in loaded.items()}
        self.states: Final = dict(self.before)
        self.series: Final[dict[tuple[str, str], int]] = {}
        self.taken: Final[dict[str, Claim]] = {}
        self.facts: Final[dict[tuple[str, str], tuple[str, str]]] = {}
        self.erasable: Final[dict[str, tuple[int, bool]]] = {}
        self.pending: Final[list[Pending]] = []
        self._claims: Final[dict[tuple[str, str], list[tuple[int, int, str]]]] = {}
        self._past = past
        self._until = inf
        self._results: Final[dict[int, list[_Made | OffsetError]]] = {}
        self._shown: Final[set[int]] = set()  # units whose answers show events
        self._with_history: Final[set[int]] = set()  # of these, who shows earlier ones, too

    def is_large(self, units: Sequence[Unit]) -> bool:
        """Check whether deciding may take long: by the commands and the records' holdings."""
        commands = sum([len(unit.commands) for unit in units])
        return commands + sum([len(state.holdings) for state in self.before.values()]) > LARGE

    def check_time(self) -> None:
        """Raise Overdue where the batch has had its time."""
        if monotonic() > self._until:
            raise Overdue

    def decide(
        self, units: Sequence[Unit], replays: Mapping[int, object], *, until: float = inf
    ) -> None:
        """Decide every unit in order, but for those that were answered before.

        Of two units with one key the second takes the first one's answer.

        Raises:
            Overdue: it was not done at `until`, in seconds of the monotonic clock.
        """
        self._until = until
        keys: set[tuple[str, str]] = set()
        for number, unit in enumerate(units):
            own = (unit.key.caller, unit.key.key) if unit.key else None
            if number in replays or own in keys:
                continue
            if own:
                keys.add(own)
            self._results[number] = self._decide_unit(unit)
            if unit.shows_events:
                self._shown.add(number)
            if unit.shows_events and unit.shows_history:
                self._with_history.add(number)

    def _decide_unit(self, unit: Unit) -> list[_Made | OffsetError]:
        results: list[_Made | OffsetError] = []
        start, undone = len(self.pending), dict[str, RecordState | None]()
        for command in unit.commands:
            self.check_time()
            result = command if isinstance(command, OffsetError) else self._try(command, undone)
            results.append(result)
            if unit.atomic and isinstance(result, OffsetError):
                _name_no_events(result, {entry.draft.event_id for entry in self.pending[start:]})
                self._undo(start, undone)
                break
        return results

    def _try(self, command: Command, undone: dict[str, RecordState | None]) -> _Made | OffsetError:
        try:
            decision = self._decide(command)
        except OffsetError as refused:
            return refused
        record_id = command.record_id
        state, start = decision.state, len(self.pending)
        if not decision.drafts:
            return _Made(state, start, start, repeated=True)
        undone.setdefault(record_id, self.states.get(record_id))
        first_seq = state.seq - len(decision.drafts) + 1
        details = None if isinstance(command, Erase) else command.details
        for offset, draft in enumerate(decision.drafts):
            self.pending.append(
                Pending(record_id, first_seq + offset, draft, None if offset else details)
            )
            if draft.claim is not None:
                self._claim(draft.claim, record_id)
            if isinstance(draft.happening, Created):
                self._state(draft.happening.record)
        self.states[record_id] = state
        if isinstance(command, Erase):
            self.erasable[command.erased] = (self.erasable[command.erased][0], True)
        return _Made(state, start, len(self.pending), repeated=False)

    def _decide(self, command: Command) -> Decision:
        state = self.states.get(command.record_id)
        if isinstance(command, Create):
            if state is not None:
                return decide_create(state, None, command)
            return decide_create(None, self._taken(command), command, self._contradiction(command))
        if isinstance(command, Erase):
            has, erased = command.erased in self.erasable, False
            if has:
                erased = self.erasable[command.erased][1]
            return decide(state, replace(command, has_details=has, erased_before=erased))
        try:
            return decide(state, command, self._taken(command))
        except NotHeld:
            if state is None or command.serial_first is None or command.serial_last is None:
                raise
            part = serial_part(state.record, command.serial_first, command.serial_last)
            past = tuple(self._past_of(command.record_id, part.from_g, part.end_g))
            return decide(replace(state, past=past), command)

    def _past_of(self, record_id: str, from_g: int, end_g: int) -> Iterator[Past]:
        if record_id in self.numbers:
            yield from self._past(self.numbers[record_id], from_g, end_g)
        for pending in self.pending:
            if pending.record_id == record_id and pending.draft.happening.TYPE != "CREATED":
                for part in pending.draft.happening.parts:
                    if part.from_g < end_g and from_g < part.end_g:
                        kind = pending.draft.happening.TYPE
                        yield Past(*part, kind, pending.draft.event_id, "")

    def _taken(self, command: Create | Take) -> Claim | None:
        """Find a claim on the serial numbers, in the database or earlier in this batch."""
        if command.event_id in self.taken:
            return self.taken[command.event_id]
        serial = claim_of(command)
        if serial is None:
            return None
        for claim in serial.claims:
            line = self._claims.get(claim[:2], [])
            # Claims of a series are disjoint: only the highest that begins early enough overlaps.
            place = bisect_right(line, claim.last, key=itemgetter(0))
            if place and line[place - 1][1] >= claim.first:
                first, last, record_id = line[place - 1]
                return Claim(record_id=record_id, first=first, last=last)
        return None

    def _contradiction(self, command: Create) -> Contradiction | None:
        """Find a fact of the record's issuance that another record contradicts."""
        for fact in command.record.serial.facts:
            value, record_id = self.facts.get(fact[:2], (fact.value, ""))
            if value != fact.value:
                return Contradiction(fact=fact, stated=value, record_id=record_id)
        return None

    def _claim(self, serial: Serial, record_id: str) -> None:
        for claim in serial.claims:
            line = self._claims.setdefault(claim[:2], [])
            insort(line, (claim.first, claim.last, record_id))

    def _unclaim(self, serial: Serial, record_id: str) -> None:
        for claim in serial.claims:
            self._claims[claim[:2]].remove((claim.first, claim.last, record_id))

    def _state(self, record: Record) -> None:
        """Note what a new record states of its issuance."""
        for fact in record.serial.facts:
            self.facts.setdefault(fact[:2], (fact.value, record.id))

    def _unstate(self, record: Record) -> None:
        for fact in record.serial.facts:
            if self.facts[fact[:2]][1] == record.id:
                del self.facts[fact[:2]]

    def _undo(self, start: int, undone: Mapping[str, RecordState | None]) -> None:
        """Restore what was there before an atomic unit's first command."""
        for record_id, state in undone.items():
            if state is not None:
                self.states[record_id] = state
            else:
                del self.states[record_id]
        for pending in self.pending[start:]:
            if pending.draft.claim is not None:
                self._unclaim(pending.draft.claim, pending.record_id)
            if isinstance(pending.draft.happening, Created):
                self._unstate(pending.draft.happening.record)
            erased = getattr(pending.draft.happening, "erased", None)
            if erased is not None:
                self.erasable[erased] = (self.erasable[erased][0], False)
        del self.pending[start:]

    def histories_shown(self) -> dict[int, int]:
        """Name the records whose earlier events the answers will show, and how many they have."""
        shown: dict[str, None] = {}
        for number in sorted(self._with_history):
            for made in self._results[number]:
                if not isinstance(made, _Made):
                    continue
                if made.repeated or made.state.seq <= EVENTS_IN_ANSWER:
                    shown[made.state.record.id] = None
        before = self.before
        return {self.numbers[one]: before[one].seq for one in shown if one in before}

    def results(
        self, unit: int, appended: Appended, history: Mapping[str, Sequence[Event]]
    ) -> list[Result]:
        """Give a unit's results, now that its events have their positions and times."""
        results: list[Result] = []
        for made in self._results[unit]:
            if isinstance(made, OffsetError):
                for name, value in made.facts.items():
                    if name.endswith("_at") and value == "":  # by an event of this very batch
                        made.facts[name] = appended.at
                results.append(made)
                continue
            state = made.state
            if unit not in self._shown:
                results.append(Done(state=state, events=(), history=()))
                continue
            own = tuple(appended.made[made.start : made.end])
            shown = own
            if unit in self._with_history and (made.repeated or state.seq <= EVENTS_IN_ANSWER):
                events = history.get(state.record.id, ())
                shown = tuple(event for event in events if event.seq <= state.seq)
            if not state.created_at:  # by this very batch
                state = replace(state, created_at=appended.at)
            results.append(Done(state=state, events=own, history=shown))
        return results


def _name_no_events(refused: OffsetError, undone: set[str]) -> None:
    """Take events that will never be out of a refusal: their unit is undone with it."""
    for name, value in list(refused.facts.items()):
        if isinstance(value, str) and value in undone:
            del refused.facts[name]
            words = "by an earlier command of this batch"
            refused.detail = refused.detail.replace(f"by event {value}", words)
        elif name.endswith("_at") and value == "":
            del refused.facts[name]
