"""What became of serial numbers: the records and the ends that cover them."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal_column, select

from offset.answers import Json, event_view, links, part_view, record_summary
from offset.core.events import Event, read_leaf, read_parts
from offset.core.holdings import Part
from offset.core.quantities import GRAMS_PER_CREDIT
from offset.core.records import Record, RecordState
from offset.core.serials import Serial
from offset.database import Database
from offset.loading import Loader, serial_of, uuid_text
from offset.models import event_parts, events, serial_claims, series

PARTS_OF_SERIAL: Final = 1_000  # of parts and of events, an answer shows so many
PARTS_OF_RECORD: Final = 10  # so many at least of each record
RECORDS_OF_SERIAL: Final = 100  # of a range that spans more, those of its first numbers
_CLAIMS_AT_ONCE: Final = 200
_FEW: Final = 10_000  # parts; of more, only those that are shown are read

_number: Final = itemgetter(0)
# Written out: by a parameter SQLite would not see that the index of ended parts has them all.
_ENDED: Final[tuple[ColumnElement[str], ...]] = (
    literal_column("'RETIRED'"),
    literal_column("'CANCELLED'"),
)
_END_G: Final = event_parts.c.from_g + event_parts.c.quantity_g
# What sold or ended some of the grams of each [record number, from, end].
_PARTS_ON_SQLITE: Final = (
    "SELECT p.*, e.id FROM json_each(?) AS w"
    " CROSS JOIN event_parts AS p ON p.record_number = json_extract(w.value, '$[0]')"
    " AND p.from_g < json_extract(w.value, '$[2]')"
    " AND p.from_g + p.quantity_g > json_extract(w.value, '$[1]')"
    " CROSS JOIN events AS e ON e.position = p.position LIMIT ?"
)
_PARTS_ON_POSTGRESQL: Final = (  # OFFSET 0: one after the other, and no table is joined whole
    "SELECT p.*, e.id FROM jsonb_array_elements(%s::jsonb) AS w"
    " CROSS JOIN LATERAL (SELECT * FROM event_parts"
    " WHERE record_number = (w.value ->> 0)::bigint AND from_g < (w.value ->> 2)::bigint"
    " AND from_g + quantity_g > (w.value ->> 1)::bigint OFFSET 0) AS p"
    " CROSS JOIN LATERAL (SELECT id FROM events WHERE position = p.position OFFSET 0) AS e"
    " LIMIT %s"
)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What sold or ended the asked grams of a record: the lowest ended parts, the newest events.

    `positions` are those of the events, in order.
    """

    ended: Sequence[Any] = ()
    ended_total: int = 0
    positions: Sequence[int] = ()
    positions_total: int = 0


@dataclass(frozen=True, slots=True)
class _Trace:
    """A record, the newest events that touched the asked grams, and what became of these.

    `positions` are those of the events, that of CREATED is the first.
    """

    state: RecordState
    positions: Sequence[int]
    positions_total: int
    parts: Sequence[Json]
    parts_total: int

    def newest(self, most: int) -> Sequence[int]:
        """Return the positions of the events that are shown."""
        return [self.positions[0], *self.positions[1:][-most + 1 :]]


# A registry's code, or None for any registry, and the name of a series.
Line = tuple[str | None, str]

_CLAIMS: Final = select(serial_claims, series.c.registry, series.c.series).join(
    series, series.c.number == serial_claims.c.series_number
)


class Tracer:
    """Looks serial numbers up in one ledger."""

    def __init__(self, database: Database, loader: Loader) -> None:
        self._database = database
        self._loader = loader
        self._own_claims = _CLAIMS.where(
            database.among(serial_claims.c.record_number, "numbers")
        ).order_by(serial_claims.c.record_number, serial_claims.c.first)
        self._events = (
            select(events.c.position, events.c.leaf)
            .where(database.among(events.c.position, "positions"))
            .order_by(events.c.position)
        )

    def records(
        self, connection: Connection, serial: Serial | None, lines: Collection[Line]
    ) -> list[Json]:
        """Show each record that covers some of the serial numbers, and what became of them.

        Where no grammar reads the text, `serial` is None and `lines` are looked up.
        """
        claims: dict[int, list[Any]] = {}
        for row in self._claims(connection, serial, lines):
            claims.setdefault(row.record_number, []).append(row)
        if not claims:
            return []
        states = dict(sorted(self._loader.numbered(connection, claims).values(), key=_number))
        asked = {
            number: _asked_of(state.record, serial)
            for number, state in states.items()
            if any(_is_own(claim) for claim in claims[number])
        }
        most = max(PARTS_OF_RECORD, PARTS_OF_SERIAL // len(states))
        taken = self._taken(connection, asked)
        ends = [
            claim.position for number in claims.keys() - asked.keys() for claim in claims[number]
        ]
        made = self._made(connection, ends)
        traces = [
            _own_trace(number, state, asked[number], taken.get(number, _Taken()), most)
            if number in asked
            else _end_trace(number, state, claims[number], made, serial, most)
            for number, state in states.items()
        ]
        wanted = {position for trace in traces for position in trace.newest(most)}
        made |= self._made(connection, wanted - made.keys())
        return [_shown(trace, made, most) for trace in traces]

    def _made(self, connection: Connection, positions: Collection[int]) -> dict[int, Event]:
        """Read events by position."""
        if not positions:
            return {}
        rows = connection.execute(self._events, {"positions": sorted(positions)})
        return {row.position: read_leaf(*row) for row in rows}

    def _taken(self, connection: Connection, asked: Mapping[int, Part]) -> dict[int, _Taken]:
        """Find what sold or ended some of the asked grams, by record number."""
        found: dict[int, list[Any]] = {}
        wanted = [(number, part.from_g, part.end_g) for number, part in asked.items()]
        if not wanted:
            return {}
        rows = connection.exec_driver_sql(
            _PARTS_ON_SQLITE if self._database.is_sqlite else _PARTS_ON_POSTGRESQL,
            (json.dumps(wanted), _FEW + 1),
        ).all()
        if len(rows) > _FEW:
            return {each[0]: self._taken_of(connection, *each) for each in wanted}
        for row in sorted(rows, key=attrgetter("position")):
            found.setdefault(row.record_number, []).append(row)
        return {number: _taken_by(rows) for number, rows in found.items()}

    def _taken_of(self, connection: Connection, number: int, from_g: int, end_g: int) -> _Taken:
        """Find what sold or ended grams of one record by as few rows as are shown."""
        parts = event_parts.c
        within = and_(parts.record_number == number, parts.from_g < end_g, from_g < _END_G)
        ended = and_(within, parts.type.in_(_ENDED))
        lowest = (
            select(event_parts, events.c.id)
            .join(events, events.c.position == parts.position)
            .where(ended)
            .order_by(parts.from_g)
            .limit(PARTS_OF_SERIAL)
        )
        newest = (
            select(parts.position)
            .distinct()
            .where(within)
            .order_by(parts.position.desc())
            .limit(PARTS_OF_SERIAL)
        )
        count = select(func.count()).select_from(event_parts)
        counted = select(func.count(parts.position.distinct()))
        return _Taken(
            ended=connection.execute(lowest).all(),
            ended_total=connection.execute(count.where(ended)).scalar_one(),
            positions=connection.execute(newest).scalars().all()[::-1],
            positions_total=connection.execute(counted.where(within)).scalar_one(),
        )

    def _claims(
        self, connection: Connection, serial: Serial | None, lines: Collection[Line]
    ) -> Sequence[Any]:
        """Read the claims of the records that are shown; a range may be wide."""
        if serial is None:
            covering = _of_text(lines)
        else:
            own = (serial.registry, serial.series)
            line = self._database.series_numbers(connection, [own]).get(own)
            if line is None:
                return []
            covering = _covering(serial, line)
        rows = connection.execute(covering.limit(_CLAIMS_AT_ONCE + 1)).all()
        numbers = dict.fromkeys(row.record_number for row in rows)
        if len(rows) <= _CLAIMS_AT_ONCE and len(numbers) <= RECORDS_OF_SERIAL:
            return rows
        if len(numbers) < RECORDS_OF_SERIAL:
            stream = connection.execute(covering.execution_options(yield_per=_CLAIMS_AT_ONCE))
            for row in stream:
                numbers[row.record_number] = None
                if len(numbers) == RECORDS_OF_SERIAL:
                    break
            stream.close()
        shown = list(numbers)[:RECORDS_OF_SERIAL]
        rows = connection.execute(self._own_claims, {"numbers": shown}).all()
        return [row for row in rows if _covers(row, serial, lines)]


def _of_text(lines: Collection[Line]) -> Select[Any]:
    """Find the claims on a text that no grammar reads, in any of its spellings."""
    found = _CLAIMS.where(
        series.c.series.in_({name for _, name in lines}), serial_claims.c.form.is_(None)
    )
    registries = {registry for registry, _ in lines}
    return found if None in registries else found.where(series.c.registry.in_(registries))


def _is_own(claim: Any) -> bool:
    """Check whether a claim is of a record itself, and not of an end of its credits."""
    return claim.position in (None, claim.record_number)


def _covering(serial: Serial, line: int) -> Select[Any]:
    """Find the claims on serial numbers of the series `line`, in the order of these."""
    claim = serial_claims.c
    # Claims are disjoint: of those that begin before, only the nearest one can overlap.
    before = serial_claims.alias().c
    nearest = (
        select(func.max(before.first))
        .where(before.series_number == line, before.first <= serial.first)
        .scalar_subquery()
    )
    return _CLAIMS.where(
        claim.series_number == line,
        claim.first >= func.coalesce(nearest, serial.first),
        claim.first <= serial.last,
        claim.last >= serial.first,
    ).order_by(claim.first)


def _asked_of(record: Record, serial: Serial | None) -> Part:
    """Give the grams of a record that the asked serial numbers are."""
    own = record.serial
    if serial is None or not own.parsed:
        return Part(0, record.quantity_g)
    first, last = max(serial.first, own.first), min(serial.last, own.last)
    return Part((first - own.first) * GRAMS_PER_CREDIT, (last - first + 1) * GRAMS_PER_CREDIT)


def _taken_by(rows: Sequence[Any]) -> _Taken:
    ended = [row for row in rows if row.type != "SOLD"]
    positions = list(dict.fromkeys(row.position for row in rows))
    return _Taken(ended, len(ended), positions, len(positions))


def _own_trace(number: int, state: RecordState, asked: Part, taken: _Taken, most: int) -> _Trace:
    """Show the asked part of a record, and what it was sold and ended by."""
    own = state.record.serial
    held = list(state.holdings.within(asked))
    lowest = [(h.from_g, h.quantity_g, {"holder": h.holder}) for h in held[:most]]
    lowest += [
        (row.from_g, row.quantity_g, {"event_id": uuid_text(row.id), "type": row.type})
        for row in taken.ended
    ]
    fates = [
        (max(from_g, asked.from_g), min(from_g + quantity_g, asked.end_g), fate)
        for from_g, quantity_g, fate in sorted(lowest, key=itemgetter(0))[:most]
    ]
    parts = [
        {"status": fate.pop("type", "HELD"), **fate, **part_view(own, Part(start, end - start))}
        for start, end, fate in fates
    ]
    positions = [number, *taken.positions]
    total = len(held) + taken.ended_total
    return _Trace(state, positions, 1 + taken.positions_total, parts, total)


def _end_trace(
    number: int,
    state: RecordState,
    claims: Sequence[Any],
    made: Mapping[int, Event],
    serial: Serial | None,
    most: int,
) -> _Trace:
    """Show the ends that claim the serial numbers: their record has none of its own."""
    parts: list[Json] = []
    for claim in claims:
        event = made[claim.position]
        claimed = serial_of(
            registry=claim.registry,
            text=event.data["claim"],
            line=claim.series,
            first=claim.first,
            last=claim.last,
            form=claim.form,
        )
        fate = {"status": event.type, "event_id": event.id}
        parts += [{**fate, **part} for part in _asked(event, claimed, serial)]
    positions = [number, *sorted(claim.position for claim in claims)]
    return _Trace(state, positions, len(positions), parts[:most], len(parts))


def _shown(trace: _Trace, made: Mapping[int, Event], most: int) -> Json:
    state = trace.state
    return {
        **record_summary(state.record),
        "status": state.status.value,
        "parts": trace.parts,
        "parts_total": trace.parts_total,
        "events": [event_view(made[at], state.record.serial) for at in trace.newest(most)],
        "events_total": trace.positions_total,
        "links": links(state.record.id),
    }


def _covers(claim: Any, serial: Serial | None, lines: Collection[Line]) -> bool:
    """Tell whether a claim is one of those that `_covering` finds."""
    if serial is None:
        return claim.form is None and any(
            claim.series == name and registry in (None, claim.registry) for registry, name in lines
        )
    line = (claim.registry, claim.series) == (serial.registry, serial.series)
    return line and bool(claim.first <= serial.last and claim.last >= serial.first)


def _asked(event: Event, claimed: Serial, serial: Serial | None) -> Iterator[Json]:
    """Show the grams of an end that the asked serial numbers are.

    Its grams, in their order, are the credits that it claims, in theirs.
    """
    parts = read_parts(event.data["parts"])
    if serial is None:
        for part in parts:
            yield {**part_view(claimed, part), "serial_number": claimed.text}
        return
    first, last = max(serial.first, claimed.first), min(serial.last, claimed.last)
    asked_from = (first - claimed.first) * GRAMS_PER_CREDIT
    asked_end = (last - claimed.first + 1) * GRAMS_PER_CREDIT
    start = 0
    for part in parts:
        low, high = max(asked_from, start), min(asked_end, start + part.quantity_g)
        if low < high:
            credits_of = part_view(claimed, Part(low, high - low))
            yield {**credits_of, "from_g": part.from_g + low - start}
        start += part.quantity_g
