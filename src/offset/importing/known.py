"""What the ledger knows of some rows: who claims their serial numbers, and what became of them."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import Connection, and_, select

from offset.core.events import Event, read_leaf
from offset.core.records import RecordState
from offset.core.serials import Serial
from offset.database import Database
from offset.loading import Loader, uuid_text
from offset.models import event_parts, events, records, serial_claims, series


class Pool(NamedTuple):
    """Issuances without serial numbers whose credits are interchangeable.

    Of a registry's project, of one vintage or of any; or the one record whose serial number is
    the text `serial`.
    """

    registry: str
    project: str | None = None
    vintage: int | None = None
    serial: str | None = None


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


@dataclass(kw_only=True)
class Known:
    """What the ledger knows of some rows, at one moment. Records are named by their numbers."""

    claims: dict[tuple[str, str], list[Claimed]] = field(default_factory=dict)
    states: dict[int, RecordState] = field(default_factory=dict)
    ended: dict[int, list[Ended]] = field(default_factory=dict)
    pools: dict[Pool, list[int]] = field(default_factory=dict)
    ends: dict[int, list[Event]] = field(default_factory=dict)  # RETIRED and CANCELLED, of pools

    def claims_on(self, serial: Serial) -> Iterator[Claimed]:
        """Walk the claims on some of the serial numbers, in their order."""
        line = self.claims.get((serial.registry, serial.series), [])
        for claimed in line[bisect_left(line, serial.first, key=attrgetter("last")) :]:
            if claimed.first > serial.last:
                return
            yield claimed

    def ended_within(self, number: int, from_g: int, end_g: int) -> Iterator[Ended]:
        """Walk the ended grams of a record that lie in an interval."""
        for ended in self.ended.get(number, ()):
            if ended.from_g < end_g and from_g < ended.end_g:
                yield ended


class Knower:
    """Asks a ledger what it knows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loader = Loader(database)
        among = database.among
        self._series = select(series).where(among(series.c.series, "names"))
        self._events = select(events.c.position, events.c.type, events.c.id).where(
            among(events.c.position, "positions")
        )
        self._ends = (
            select(events.c.record_number, events.c.position, events.c.leaf)
            .where(among(events.c.record_number, "numbers"))
            .where(events.c.type.in_(("RETIRED", "CANCELLED")))
            .order_by(events.c.position)
        )

    def ask(self, serials: Sequence[Serial], pools: Sequence[Pool], *, with_ends: bool) -> Known:
        """Look up serial numbers and pools at one moment; `with_ends` with the pools' ends.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        known = Known()
        with self._database.reading() as connection:
            numbers = self._claims(connection, serials, known)
            for pool, members in self._pools(connection, pools).items():
                known.pools[pool] = members
            members = [number for found in known.pools.values() for number in found]
            self._states(connection, {*numbers, *members}, known)
            self._spent(connection, serials, known)
            if with_ends and members:
                for row in connection.execute(self._ends, {"numbers": members}):
                    event = read_leaf(row.position, row.leaf)
                    known.ends.setdefault(row.record_number, []).append(event)
        return known

    def _claims(self, connection: Connection, serials: Sequence[Serial], known: Known) -> set[int]:
        """Find the claims on serial numbers; give the records that have them as their own."""
        names = list({serial.series for serial in serials})
        if not names:
            return set()
        lines = {
            row.number: (row.registry, row.series)
            for row in connection.execute(self._series, {"names": names})
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

    def _pools(self, connection: Connection, pools: Sequence[Pool]) -> dict[Pool, list[int]]:
        """Find the records of each pool, oldest issuance first."""
        found: dict[Pool, list[int]] = {pool: [] for pool in pools}
        own = and_(
            serial_claims.c.record_number == records.c.number, serial_claims.c.position.is_(None)
        )
        project = self._database.extra_field("project_id")
        asked = (
            select(records.c.number, records.c.registry, records.c.vintage, project)
            .join(serial_claims, own)
            .where(serial_claims.c.form.is_(None))
            .order_by(records.c.effective_on.is_(None), records.c.effective_on, records.c.number)
        )
        by_project: dict[str, dict[str, list[Pool]]] = {}
        for pool in found:
            if pool.project is not None:
                by_project.setdefault(pool.registry, {}).setdefault(pool.project, []).append(pool)
        for registry, projects in by_project.items():
            statement = asked.where(records.c.registry == registry).where(
                self._database.among(project, "projects")
            )
            rows = connection.execute(statement, {"projects": list(projects)})
            for number, _, vintage, name in rows:
                for pool in projects[name]:
                    if pool.vintage is None or pool.vintage == vintage:
                        found[pool].append(number)
        texts = {(pool.registry, pool.serial): pool for pool in found if pool.serial is not None}
        if texts:
            statement = (
                select(series.c.registry, series.c.series, serial_claims.c.record_number)
                .join(serial_claims, serial_claims.c.series_number == series.c.number)
                .where(self._database.among(series.c.series, "names"))
                .where(serial_claims.c.form.is_(None), serial_claims.c.position.is_(None))
            )
            names = [text for _, text in texts]
            for name_of, text, number in connection.execute(statement, {"names": names}):
                if (name_of, text) in texts:
                    found[texts[name_of, text]].append(number)
        return found

    def _states(self, connection: Connection, numbers: set[int], known: Known) -> None:
        for number, state in self._loader.numbered(connection, numbers).values():
            known.states[number] = state

    def _spent(self, connection: Connection, serials: Sequence[Serial], known: Known) -> None:
        """Find which grams of the touched records ended."""
        touched: dict[int, None] = {}
        for serial in serials:
            for claimed in known.claims_on(serial):
                state = known.states.get(claimed.number)
                if claimed.event_type is None and state and state.retired_g + state.cancelled_g:
                    touched[claimed.number] = None
        if not touched:
            return
        statement = (
            select(event_parts, events.c.id)
            .join(events, events.c.position == event_parts.c.position)
            .where(self._database.among(event_parts.c.record_number, "numbers"))
            .where(event_parts.c.type.in_(("RETIRED", "CANCELLED")))
            .order_by(event_parts.c.record_number, event_parts.c.from_g)
        )
        for row in connection.execute(statement, {"numbers": list(touched)}):
            part = Ended(row.from_g, row.from_g + row.quantity_g, row.type, uuid_text(row.id))
            known.ended.setdefault(row.record_number, []).append(part)


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
