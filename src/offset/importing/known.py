"""What the ledger knows of some rows: who claims their serial numbers, and what became of them."""

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import Connection, Select, and_, bindparam, select

from offset.core.events import Event, read_leaf
from offset.core.records import Holding
from offset.database import Database
from offset.importing.pools import Pool
from offset.loading import uuid_text
from offset.models import (
    event_parts,
    events,
    holdings,
    record_state,
    records,
    serial_claims,
    series,
)

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
        line = self.claims.get((numbers.registry, numbers.series))
        if line is None:
            return ()
        start = bisect_left(line, numbers.first, key=attrgetter("last"))
        end = start
        while end < len(line) and line[end].first <= numbers.last:
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
        among = database.among
        project = database.extra_field("project_id")
        claim, part = serial_claims.c, event_parts.c
        line = and_(  # with the registry, which the index begins with
            series.c.registry == bindparam("registry"), among(series.c.series, "names")
        )
        self._series = select(series.c.number, series.c.series).where(line)
        self._records = _STANDING.where(among(records.c.number, "numbers"))
        self._holdings = (
            select(holdings)
            .where(among(holdings.c.record_number, "numbers"))
            .order_by(holdings.c.record_number, holdings.c.from_g)
        )
        self._events = select(events.c.position, events.c.type, events.c.id).where(
            among(events.c.position, "positions")
        )
        self._ends = (
            select(events.c.record_number, events.c.position, events.c.leaf)
            .where(among(events.c.record_number, "numbers"))
            .where(events.c.type.in_(("RETIRED", "CANCELLED")))
            .order_by(events.c.position)
        )
        self._parts = (
            select(event_parts, events.c.id)
            .join(events, events.c.position == part.position)
            .where(among(part.record_number, "numbers"))
            .where(part.type.in_(("RETIRED", "CANCELLED")))
            .order_by(part.record_number, part.from_g)
        )
        self._of_projects = (
            _STANDING.add_columns(records.c.vintage, project.label("project"))
            .where(claim.form.is_(None))
            .where(records.c.registry == bindparam("registry"))
            .where(among(project, "projects"))
            .order_by(records.c.effective_on.is_(None), records.c.effective_on, records.c.number)
        )
        self._of_texts = (
            _STANDING.add_columns(series.c.series)
            .join(series, claim.series_number == series.c.number)
            .where(line, claim.form.is_(None))
        )

    def ask(self, serials: Sequence[Numbers], pools: Sequence[Pool], *, with_ends: bool) -> Known:
        """Look up serial numbers and pools at one moment; `with_ends` with the pools' ends.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        known = Known()
        with self._database.reading() as connection:
            numbers = self._claims(connection, serials, known)
            self._pools(connection, pools, known)
            members = list(known.standings)
            if numbers:
                self._claimants(connection, numbers, known)
                self._spent(connection, numbers, known)
            if with_ends and members:
                for row in connection.execute(self._ends, {"numbers": members}):
                    event = read_leaf(row.position, row.leaf)
                    known.ends.setdefault(row.record_number, []).append(event)
        return known

    def _claims(self, connection: Connection, serials: Sequence[Numbers], known: Known) -> set[int]:
        """Find the claims on serial numbers; give the records that have them as their own."""
        names: dict[str, set[str]] = {}
        for serial in serials:
            names.setdefault(serial.registry, set()).add(serial.series)
        lines = {
            number: (registry, name)
            for registry, own in names.items()
            for number, name in connection.execute(
                self._series, {"registry": registry, "names": list(own)}
            )
        }
        by_name = {name: number for number, name in lines.items()}
        wanted = [
            (by_name[line], serial.first, serial.last)
            for serial in serials
            if (line := (serial.registry, serial.series)) in by_name
        ]
        rows = self._database.claims_within(connection, wanted)
        positions = [row.position for row in rows if row.position is not None]
        made = {}
        if positions:
            made = {
                row.position: (row.type, uuid_text(row.id))
                for row in connection.execute(self._events, {"positions": positions})
            }
        for row in rows:
            event_type, event_id = made.get(row.position, (None, None))
            quantity_g = None
            if row.position is not None and row.form is None:
                quantity_g = _quantity_of(connection, row.position)
            number = row.record_number
            claimed = Claimed(row.first, row.last, number, event_type, event_id, quantity_g)
            known.claims.setdefault(lines[row.series_number], []).append(claimed)
        for found in known.claims.values():
            found.sort(key=attrgetter("first"))
        return {row.record_number for row in rows if row.position is None}

    def _pools(self, connection: Connection, pools: Sequence[Pool], known: Known) -> None:
        """Find the records of each pool, oldest issuance first."""
        found = known.pools
        by_project: dict[str, dict[str, list[Pool]]] = {}
        by_text: dict[str, dict[str, Pool]] = {}
        for pool in pools:
            found[pool] = []
            if pool.project is not None:
                by_project.setdefault(pool.registry, {}).setdefault(pool.project, []).append(pool)
            if pool.serial is not None:
                by_text.setdefault(pool.registry, {})[pool.serial] = pool
        for registry, projects in by_project.items():
            asked = {"registry": registry, "projects": list(projects)}
            for *row, vintage, name in connection.execute(self._of_projects, asked):
                standing = _standing(row)
                for pool in projects[name]:
                    if pool.vintage is None or pool.vintage == vintage:
                        found[pool].append(standing.number)
                        known.standings[standing.number] = standing
        for registry, texts in by_text.items():
            named = {"registry": registry, "names": list(texts)}
            for *row, text in connection.execute(self._of_texts, named):
                standing = _standing(row)
                found[texts[text]].append(standing.number)
                known.standings[standing.number] = standing

    def _claimants(self, connection: Connection, numbers: set[int], known: Known) -> None:
        """Find how the records stand that have claims, and who holds what of them."""
        asked = {"numbers": list(numbers)}
        for row in connection.execute(self._records, asked):
            known.standings[row.number] = _standing(row)
        for number, *held in connection.execute(self._holdings, asked):
            known.holdings.setdefault(number, []).append(Holding(*held))

    def _spent(self, connection: Connection, numbers: set[int], known: Known) -> None:
        """Find which grams of the records that have claims ended."""
        touched = [number for number in numbers if known.standings[number].ended_g]
        if touched:
            for row in connection.execute(self._parts, {"numbers": touched}):
                part = Ended(row.from_g, row.from_g + row.quantity_g, row.type, uuid_text(row.id))
                known.ended.setdefault(row.record_number, []).append(part)


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
