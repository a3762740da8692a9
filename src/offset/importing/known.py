"""What the ledger knows of some rows: who claims their serial numbers, and what became of them."""

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import Connection, Select, and_, select

from offset.core.events import Event, read_leaf
from offset.core.holdings import Holding
from offset.core.serials import Serial, SerialClaim
from offset.database import Database
from offset.importing.pools import Pool
from offset.loading import HOLDINGS, uuid_text
from offset.models import (
    event_parts,
    events,
    holdings,
    record_state,
    records,
    serial_claims,
)
from offset.statements import Question

_OWN: Final = and_(
    serial_claims.c.record_number == records.c.number, serial_claims.c.position.is_(None)
)


class Numbers(Protocol):
    """Serial numbers of a registry's series, both ends included: a `Serial`, for one."""

    @property
    def registry(self) -> str:
        """The registry's code."""

    @property
    def series(self) -> str:
        """What the numbers are counted in."""

    @property
    def first(self) -> int:
        """The first of the numbers."""

    @property
    def last(self) -> int:
        """The last of the numbers."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Serial numbers that a record covers, or, with an event, that an end of some claims.

    `quantity_g` is what an end took whose claim is a text without numbers.
    """

    first: int
    last: int
    number: int
    event_type: str | None = None
    event_id: str | None = None
    quantity_g: int | None = None


class Ended(NamedTuple):
    """Grams of a record that were retired or cancelled, and by which event."""

    from_g: int
    end_g: int
    event_type: str
    event_id: str


class Standing(NamedTuple):
    """A record and how it stands, as far as a plan asks.

    `first` is its first serial number, `available_g` what its first holder still has, `ended_g`
    what was retired or cancelled; `seq` is its version. `extra` has its optional fields, as JSON.
    """

    number: int
    record_id: str
    first_holder: str | None
    quantity_g: int
    first: int
    extra: str
    seq: int
    available_g: int
    ended_g: int

    @property
    def planned(self) -> bool:
        """Whether the credits are announced and not yet issued."""
        return bool(json.loads(self.extra).get("planned"))

    @property
    def name(self) -> str:
        """The record's name in a sentence."""
        return f"record {self.record_id[:12]}..."


_STANDING: Final[Select[Any]] = (
    select(
        *(records.c.number, records.c.id, records.c.first_holder, records.c.quantity_g),
        *(serial_claims.c.first, records.c.extra, record_state.c.seq),
        record_state.c.available_g,
        (record_state.c.retired_g + record_state.c.cancelled_g).label("ended_g"),
    )
    .join(record_state, record_state.c.record_number == records.c.number)
    .join(serial_claims, _OWN)
)


@dataclass(kw_only=True)
class Known:
    """What the ledger knows of some rows, at one moment. Records are named by their numbers.

    Holdings and ended grams are those of records that claim some of the rows' serial numbers.
    """

    claims: dict[tuple[str, str], list[Claimed]] = field(default_factory=dict)
    standings: dict[int, Standing] = field(default_factory=dict)
    holdings: dict[int, list[Holding]] = field(default_factory=dict)
    ended: dict[int, list[Ended]] = field(default_factory=dict)
    pools: dict[Pool, list[int]] = field(default_factory=dict)
    ends: dict[int, list[Event]] = field(default_factory=dict)  # RETIRED and CANCELLED, of pools

    def claims_on(self, numbers: Numbers) -> Sequence[Claimed]:
        """List the claims on some of the serial numbers, in their order."""
        claim = _claim(numbers)
        line = self.claims.get(claim[:2])
        if line is None:
            return ()
        start = bisect_left(line, claim.first, key=attrgetter("last"))
        end = start
        while end < len(line) and line[end].first <= claim.last:
            end += 1
        return line[start:end]

    def ended_within(self, number: int, from_g: int, end_g: int) -> Iterator[Ended]:
        """Walk the ended grams of a record that lie in an interval."""
        for ended in self.ended.get(number, ()):
            if ended.from_g < end_g and from_g < ended.end_g:
                yield ended


class Knower:
    """Asks a ledger what it knows, in statements that are made once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        question, claim, part = database.question, serial_claims.c, event_parts.c
        ended = ("RETIRED", "CANCELLED")
        self._records = question(_STANDING, records.c.number)
        self._holdings = question(HOLDINGS, holdings.c.record_number)
        self._events = question(
            select(events.c.position, events.c.type, events.c.id), events.c.position
        )
        self._ends = question(
            select(events.c.record_number, events.c.position, events.c.leaf)
            .where(events.c.type.in_(ended))
            .order_by(events.c.position),
            events.c.record_number,
        )
        self._parts = question(
            select(part.record_number, part.from_g, part.quantity_g, part.type, events.c.id)
            .join(events, events.c.position == part.position)
            .where(part.type.in_(ended))
            .order_by(part.record_number, part.from_g),
            part.record_number,
        )
        self._of_series = question(
            _STANDING.add_columns(claim.series_number).where(claim.form.is_(None)),
            claim.series_number,
        )
        self._of_projects: dict[str, Question] = {}  # by registry

    def ask(self, serials: Sequence[Numbers], pools: Sequence[Pool], *, with_ends: bool) -> Known:
        """Look up serial numbers and pools at one moment; `with_ends` with the pools' ends.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        known = Known()
        ask = self._database.ask
        with self._database.reading(by_key=True) as connection:
            numbers = self._claims(connection, serials, known)
            self._pools(connection, pools, known)
            members = list(known.standings)
            if numbers:
                self._claimants(connection, list(numbers), known)
            if with_ends and members:
                for number, position, leaf in ask(connection, self._ends, members):
                    known.ends.setdefault(number, []).append(read_leaf(position, leaf))
        return known

    def _claims(self, connection: Connection, serials: Sequence[Numbers], known: Known) -> set[int]:
        """Find the claims on serial numbers; give the records that have them as their own."""
        claims = [_claim(serial) for serial in serials]
        lines = {claim[:2] for claim in claims}
        series_numbers = self._database.series_numbers(connection, lines)
        wanted = [
            (series_numbers[line], claim.first, claim.last)
            for claim in claims
            if (line := claim[:2]) in series_numbers
        ]
        rows = self._database.claims_within(connection, wanted)
        # What a record claims beside its own serial number has the position of its creation.
        ends = [row for row in rows if row.position not in (None, row.record_number)]
        positions = [row.position for row in ends if row.position is not None]
        made = {
            position: (event_type, uuid_text(event_id))
            for position, event_type, event_id in self._database.ask(
                connection, self._events, positions
            )
        }
        lines_of = {number: line for line, number in series_numbers.items()}
        for row in rows:
            event_type, event_id = made.get(row.position, (None, None))
            quantity_g = None
            if event_type is not None and row.position is not None and row.form is None:
                quantity_g = _quantity_of(connection, row.position)
            number = row.record_number
            claimed = Claimed(row.first, row.last, number, event_type, event_id, quantity_g)
            known.claims.setdefault(lines_of[row.series_number], []).append(claimed)
        for found in known.claims.values():
            found.sort(key=attrgetter("first"))
        return {row.record_number for row in rows if made.get(row.position) is None}

    def _pools(self, connection: Connection, pools: Sequence[Pool], known: Known) -> None:
        """Find the records of each pool, oldest issuance first."""
        found = known.pools
        by_project: dict[str, dict[str, list[Pool]]] = {}
        texts: dict[tuple[str, str], Pool] = {}
        for pool in pools:
            found[pool] = []
            if pool.project is not None:
                by_project.setdefault(pool.registry, {}).setdefault(pool.project, []).append(pool)
            if pool.serial is not None:
                texts[pool.registry, pool.serial] = pool
        for registry, projects in by_project.items():
            asked = self._asked_of_projects(registry)
            for *row, vintage, name in self._database.ask(connection, asked, list(projects)):
                standing = _standing(row)
                for pool in projects[name]:
                    if pool.vintage is None or pool.vintage == vintage:
                        found[pool].append(standing.number)
                        known.standings[standing.number] = standing
        lines = self._database.series_numbers(connection, texts)
        named = {number: texts[line] for line, number in lines.items()}
        for *row, series_number in self._database.ask(connection, self._of_series, list(named)):
            standing = _standing(row)
            found[named[series_number]].append(standing.number)
            known.standings[standing.number] = standing

    def _asked_of_projects(self, registry: str) -> Question:
        """Ask for a registry's issuances without serial numbers, by project, oldest first."""
        if registry not in self._of_projects:
            project = self._database.extra_field("project_id")
            self._of_projects[registry] = self._database.question(
                _STANDING.add_columns(records.c.vintage, project.label("project"))
                .where(serial_claims.c.form.is_(None), records.c.registry == registry)
                .order_by(
                    *(records.c.effective_on.is_(None), records.c.effective_on, records.c.number)
                ),
                project,
            )
        return self._of_projects[registry]

    def _claimants(self, connection: Connection, numbers: list[int], known: Known) -> None:
        """Find how the records stand that have claims, who holds what of them, and what ended."""
        ask = self._database.ask
        for row in ask(connection, self._records, numbers):
            known.standings[row[0]] = _standing(row)
        for number, *held in ask(connection, self._holdings, numbers):
            known.holdings.setdefault(number, []).append(Holding(*held))
        touched = [number for number in numbers if known.standings[number].ended_g]
        for number, from_g, quantity_g, event_type, event_id in ask(
            connection, self._parts, touched
        ):
            ended = Ended(from_g, from_g + quantity_g, event_type, uuid_text(event_id))
            known.ended.setdefault(number, []).append(ended)


def _claim(numbers: Numbers) -> SerialClaim:
    """Return what stands for a serial number among the claims of a ledger."""
    if isinstance(numbers, Serial):
        return numbers.key
    return SerialClaim(numbers.registry, numbers.series, numbers.first, numbers.last)


def _standing(row: Sequence[Any]) -> Standing:
    number, record_id, *rest = row
    return Standing(number, bytes(record_id).hex(), *rest)


def _quantity_of(connection: Connection, position: int) -> int:
    """Add up what an end took, with the other events of its group, which follow it."""
    rows = connection.execute(
        select(events.c.position, events.c.leaf)
        .where(events.c.position >= position)
        .order_by(events.c.position)
        .execution_options(yield_per=10)
    )
    quantity_g, group = 0, None
    for row in rows:
        event = read_leaf(*row)
        if event.position > position and (group is None or event.data.get("group") != group):
            break
        group = event.data["group"]
        quantity_g += sum(part[1] for part in event.data["parts"])
    rows.close()
    return quantity_g
