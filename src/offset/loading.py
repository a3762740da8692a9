"""From rows to values: records with their state, events, details."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, Select, and_, bindparam, func, select

from offset.core.events import Event, read_leaf, time_text
from offset.core.holdings import Holding, Holdings
from offset.core.records import Past, Record, RecordState
from offset.core.serials import Serial
from offset.database import Database
from offset.models import (
    details,
    event_parts,
    events,
    holdings,
    record_state,
    records,
    serial_claims,
    series,
)
from offset.statements import MANY, Row
from offset.units import events_shown
from offset.waiting import in_thread

NO_FORM: Final = "[]"  # of a claim in another series than the serial number's own
EVENTS_IN_RECORD: Final = 1_000  # the newest so many are shown with a record
LARGEST_HISTORY: Final = 1024 * 1024  # bytes of their leaves; of an ordinary one a few hundred
LARGEST_DETAILS: Final = 1024 * 1024  # characters of details in an answer
_FEW: Final = 16  # events; their leaves and details need not be measured


# A record with its state and its claim.
WHOLE: Final[Select[Any]] = (
    select(
        *records.columns,
        *(column for column in record_state.columns if column.name != "record_number"),
        series.c.series,
        serial_claims.c.first,
        serial_claims.c.last,
        serial_claims.c.form,
    )
    .join(record_state, record_state.c.record_number == records.c.number)
    .join(
        serial_claims,
        and_(serial_claims.c.record_number == records.c.number, serial_claims.c.position.is_(None)),
    )
    .join(series, series.c.number == serial_claims.c.series_number)
)


# Who holds what, record by record, from its first gram on.
HOLDINGS: Final = select(holdings).order_by(holdings.c.record_number, holdings.c.from_g)


class Whole(NamedTuple):
    """A row of `WHOLE`."""

    number: int
    id: bytes
    project_name: str
    registry: str
    vintage: int
    quantity_g: int
    serial_number: str
    sent: str
    first_holder: str | None
    extra: str
    effective_on: str | None
    created_at_us: int
    seq: int
    leaf_hash: bytes
    status: str
    available_g: int
    sold_g: int
    retired_g: int
    cancelled_g: int
    erasures: int
    sold: str | None
    retired: str | None
    cancelled: str | None
    series: str
    first: int
    last: int
    form: str | None


assert Whole._fields == tuple(column.name for column in WHOLE.selected_columns)

# What sold or ended the grams `from_g` to `end_g` of the record `number`, in order.
PARTS_WITHIN: Final[Select[Any]] = (
    select(event_parts, events.c.id)
    .join(events, events.c.position == event_parts.c.position)
    .where(
        and_(
            event_parts.c.record_number == bindparam("number"),
            event_parts.c.from_g < bindparam("end_g"),
            event_parts.c.from_g + event_parts.c.quantity_g > bindparam("from_g"),
        )
    )
    .order_by(event_parts.c.position)
)


class Loader:
    """The reads that writing and reading share, with their statements made once."""

    def __init__(self, database: Database) -> None:
        self.database: Final = database
        question = database.question
        self._by_id = question(WHOLE, records.c.id)
        self._by_number = question(WHOLE, records.c.number)
        self._holdings = question(HOLDINGS, holdings.c.record_number)
        all_events = select(events.c.position, events.c.leaf).order_by(events.c.position)
        self._all_events = question(all_events, events.c.record_number)
        self._newest = question(
            select(events.c.record_number, events.c.position, func.length(events.c.leaf))
            .join(record_state, record_state.c.record_number == events.c.record_number)
            .where(events.c.seq > record_state.c.seq - EVENTS_IN_RECORD)
            .order_by(events.c.position.desc()),
            events.c.record_number,
        )
        self._at = question(select(events.c.position, events.c.leaf), events.c.position)
        self._details = question(select(details), details.c.position)
        self._details_sizes = question(
            select(details.c.position, func.length(details.c.content)), details.c.position
        )

    def states(
        self, connection: Connection, record_ids: Iterable[str]
    ) -> dict[str, tuple[int, RecordState]]:
        """Load records by id, each with its number, its state and its holdings."""
        ids = [bytes.fromhex(record_id) for record_id in record_ids]
        return self._from_rows(connection, self.database.ask(connection, self._by_id, ids))

    def states_with_history(
        self, connection: Connection, record_ids: Iterable[str]
    ) -> tuple[dict[str, tuple[int, RecordState]], dict[str, list[Event]]]:
        """Load records by id as `states` does, and their newest events as `history` does."""
        ids = [bytes.fromhex(record_id) for record_id in record_ids]
        (rows,) = self.database.ask_together(connection, (self._by_id, ids))
        found = [Whole._make(row) for row in rows]
        lengths = {row.number: row.seq for row in found}
        kept, is_long = self._kept(found), _is_long(lengths)
        held, newest = self.database.ask_together(
            connection,
            (self._holdings, [number for number in lengths if number not in kept]),
            (self._newest if is_long else self._all_events, list(lengths)),
        )
        states = self._states_of(found, kept, held)
        if is_long:
            newest = self._leaves(connection, newest)
        return states, _history(newest)

    def numbered(
        self, connection: Connection, numbers: Collection[int]
    ) -> dict[str, tuple[int, RecordState]]:
        """Load records by number, as `states` does by id."""
        rows = self.database.ask(connection, self._by_number, list(numbers))
        return self._from_rows(connection, rows)

    def _from_rows(
        self, connection: Connection, rows: Sequence[Row]
    ) -> dict[str, tuple[int, RecordState]]:
        found = [Whole._make(row) for row in rows]
        kept = self._kept(found)
        numbers = [row.number for row in found if row.number not in kept]
        held = self.database.ask(connection, self._holdings, numbers)
        return self._states_of(found, kept, held)

    def _kept(self, found: Iterable[Whole]) -> dict[int, Holdings]:
        """Find the holdings of these records that need not be loaded, by the record's number."""
        find = self.database.holdings_cache.find
        return {
            row.number: kept
            for row in found
            if (kept := find(row.number, row.leaf_hash)) is not None
        }

    def _states_of(
        self, found: Sequence[Whole], kept: Mapping[int, Holdings], parts: Sequence[Row]
    ) -> dict[str, tuple[int, RecordState]]:
        """Make states of rows; of many in a thread, or they would hold the event loop."""
        make = partial(_states, found, kept, parts)
        states = make() if len(parts) < MANY else in_thread(make)
        cache = self.database.holdings_cache
        if len(parts) >= cache.smallest:
            for row in found:
                cache.keep(row.number, row.leaf_hash, states[row.id.hex()][1].holdings)
        return states

    def history(self, connection: Connection, lengths: Mapping[int, int]) -> dict[str, list[Event]]:
        """Load the newest events of records, in order, by record id.

        `lengths` says how many events the record with a number has.
        """
        if not _is_long(lengths):
            return _history(self.database.ask(connection, self._all_events, list(lengths)))
        newest = self.database.ask(connection, self._newest, list(lengths))
        return _history(self._leaves(connection, newest))

    def _leaves(self, connection: Connection, newest: Sequence[Row]) -> list[Row]:
        """Read the newest events, given newest first, up to `LARGEST_HISTORY` of a record."""
        sizes: dict[int, int] = {}
        positions: list[int] = []
        for number, position, size in newest:
            before = sizes.get(number, 0)
            if not before or before + size <= LARGEST_HISTORY:
                positions.append(position)
            sizes[number] = before + size
        rows = self.database.ask(connection, self._at, positions)
        return sorted(rows, key=itemgetter(0))

    def _leave_out(self, connection: Connection, shown: Sequence[Sequence[dict[str, Any]]]) -> None:
        """Mark the events whose details are more than an answer shows."""
        positions = list({event["position"] for event in chain.from_iterable(shown)})
        rows = self.database.ask(connection, self._details_sizes, positions)
        sizes: dict[int, int | None] = dict(rows)
        for of_body in shown:
            _mark_left_out(of_body, sizes)

    def times(self, connection: Connection, positions: Sequence[int]) -> dict[int, str]:
        """Give the times at which events were recorded, by position."""
        rows = self.database.ask(connection, self._at, positions)
        return {position: read_leaf(position, leaf).at for position, leaf in rows}

    def fill_details(self, connection: Connection, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Put the details, or that they were erased, into the events that the bodies show.

        A body shows those of its newest events, up to `LARGEST_DETAILS`; the others say so.
        """
        shown = [
            [event for event in events_shown(body) if event["payload"].get("details_sha256")]
            for body in bodies
        ]
        if sum([len(of_body) for of_body in shown]) > _FEW:
            self._leave_out(connection, shown)
        waiting: dict[int, list[dict[str, Any]]] = {}
        for event in chain.from_iterable(shown):
            if not event.get("details_left_out"):
                waiting.setdefault(event["position"], []).append(event)
        for position, _, content, private in self.database.ask(
            connection, self._details, list(waiting)
        ):
            for event in waiting[position]:
                event["details"] = None if content is None else orjson.loads(content)
                event["details_erased"] = content is None
                event["details_private"] = bool(private)


def _mark_left_out(shown: Iterable[dict[str, Any]], sizes: Mapping[int, int | None]) -> None:
    total = 0
    for event in sorted(shown, key=itemgetter("position"), reverse=True):
        total += sizes.get(event["position"]) or 0
        if total > LARGEST_DETAILS:
            event["details_left_out"] = True


def _is_long(lengths: Mapping[int, int]) -> bool:
    few = min(_FEW, EVENTS_IN_RECORD)
    return any(length > few for length in lengths.values())


def _states(
    found: Sequence[Whole], kept: Mapping[int, Holdings], parts: Iterable[Row]
) -> dict[str, tuple[int, RecordState]]:
    """Turn rows of `WHOLE` and of the records' holdings into states; `kept` were not loaded."""
    held: dict[int, list[Holding]] = {row.number: [] for row in found}
    for number, from_g, quantity_g, holder in parts:
        held[number].append(Holding(from_g, quantity_g, holder))
    return {
        row.id.hex(): (
            row.number,
            _state(row, kept.get(row.number) or Holdings(held[row.number])),
        )
        for row in found
    }


def _history(rows: Sequence[Row]) -> dict[str, list[Event]]:
    """Read events; many of them in a thread, or they would hold the event loop."""
    is_much = sum([len(leaf) for _, leaf in rows]) > LARGEST_HISTORY
    return in_thread(partial(_read_history, rows)) if is_much else _read_history(rows)


def _read_history(rows: Iterable[Row]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for position, leaf in rows:
        event = read_leaf(position, leaf)
        found.setdefault(event.record_id, []).append(event)
    return found


def form_of(serial: Serial) -> str | None:
    """Keep how a registry writes a serial number; None where the text is all there is."""
    if not serial.parsed:
        return None
    form = (serial.unit, serial.head, serial.infix, serial.tail, serial.width)
    return orjson.dumps(form).decode()


def serial_of(
    *, registry: str, text: str, line: str, first: int, last: int, form: str | None
) -> Serial:
    """Read back what `form_of` kept; `line` is the series' name, `text` the serial number."""
    if form is None:
        return Serial.opaque(registry=registry, text=text)
    unit, head, infix, tail, width = orjson.loads(form)
    return Serial(
        registry=registry,
        series=line,
        first=first,
        last=last,
        unit=unit,
        head=head,
        infix=infix,
        tail=tail,
        width=width,
    )


def record_of(row: Whole) -> Record:
    """Make the record of a row of `WHOLE`."""
    return Record(
        id=row.id.hex(),
        project_name=row.project_name,
        registry=row.registry,
        vintage=row.vintage,
        quantity_g=row.quantity_g,
        serial_number=row.serial_number,
        sent=orjson.loads(row.sent),
        first_holder=row.first_holder,
        extra=orjson.loads(row.extra),
        effective_on=row.effective_on,
        serial=serial_of(
            registry=row.registry,
            text=row.serial_number,
            line=row.series,
            first=row.first,
            last=row.last,
            form=row.form,
        ),
    )


def _state(row: Whole, held: Holdings) -> RecordState:
    return RecordState(
        record=record_of(row),
        seq=row.seq,
        leaf_hash=row.leaf_hash,
        created_at=time_text(row.created_at_us),
        holdings=held,
        retired_g=row.retired_g,
        cancelled_g=row.cancelled_g,
        erasures=row.erasures,
        sold=_newest_past("SOLD", row.sold),
        retired=_newest_past("RETIRED", row.retired),
        cancelled=_newest_past("CANCELLED", row.cancelled),
    )


def _newest_past(event_type: str, text: str | None) -> Past | None:
    if text is None:
        return None
    event_id, at = text.split(" ")
    return Past(0, 0, event_type, event_id, at)


def uuid_text(value: bytes) -> str:
    """Write a stored event id."""
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid_bytes(text: str) -> bytes:
    """Give an event id as it is stored; the text is one of ours."""
    return bytes.fromhex(text.replace("-", ""))
