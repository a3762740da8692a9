"""From rows to values: records with their state, events, details."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Select, and_, bindparam, select

from offset.core.events import Event, read_leaf, time_text
from offset.core.records import Holding, Past, Record, RecordState
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
from offset.units import events_shown

EVENTS_IN_RECORD: Final = 1_000  # the newest so many are shown with a record


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
        self._by_id = WHOLE.where(database.among(records.c.id, "ids"))
        self._holdings = (
            select(holdings)
            .where(database.among(holdings.c.record_number, "numbers"))
            .order_by(holdings.c.record_number, holdings.c.from_g)
        )
        self._newest = (
            select(events.c.position, events.c.leaf)
            .join(record_state, record_state.c.record_number == events.c.record_number)
            .where(
                and_(
                    database.among(events.c.record_number, "numbers"),
                    events.c.seq > record_state.c.seq - EVENTS_IN_RECORD,
                )
            )
            .order_by(events.c.position)
        )
        self._at = select(events.c.position, events.c.leaf).where(
            database.among(events.c.position, "positions")
        )
        self._details = select(details).where(database.among(details.c.position, "positions"))

    def states(
        self, connection: Connection, record_ids: Iterable[str]
    ) -> dict[str, tuple[int, RecordState]]:
        """Load records by id, each with its number, its state and its holdings."""
        ids = [bytes.fromhex(record_id) for record_id in record_ids]
        if not ids:
            return {}
        rows = connection.execute(self._by_id, {"ids": ids}).all()
        return self.from_rows(connection, rows)

    def from_rows(
        self, connection: Connection, rows: Sequence[Any]
    ) -> dict[str, tuple[int, RecordState]]:
        """Turn rows of `WHOLE` into states, with the holdings of all of them."""
        held = self._held(connection, [row.number for row in rows])
        return {
            row.id.hex(): (row.number, _state(row, tuple(held.get(row.number, ())))) for row in rows
        }

    def _held(self, connection: Connection, numbers: Sequence[int]) -> dict[int, list[Holding]]:
        held: dict[int, list[Holding]] = {}
        if numbers:
            for number, from_g, quantity_g, holder in connection.execute(
                self._holdings, {"numbers": numbers}
            ):
                held.setdefault(number, []).append(Holding(from_g, quantity_g, holder))
        return held

    def history(self, connection: Connection, numbers: Sequence[int]) -> dict[str, list[Event]]:
        """Load the newest events of records, in order, by record id."""
        found: dict[str, list[Event]] = {}
        if numbers:
            for position, leaf in connection.execute(self._newest, {"numbers": numbers}):
                event = read_leaf(position, leaf)
                found.setdefault(event.record_id, []).append(event)
        return found

    def times(self, connection: Connection, positions: Sequence[int]) -> dict[int, str]:
        """Give the times at which events were recorded, by position."""
        rows = connection.execute(self._at, {"positions": positions})
        return {position: read_leaf(position, leaf).at for position, leaf in rows}

    def fill_details(self, connection: Connection, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Put the details, or that they were erased, into every event that the bodies show."""
        waiting: dict[int, list[dict[str, Any]]] = {}
        for body in bodies:
            for event in events_shown(body):
                if event["payload"].get("details_sha256"):
                    waiting.setdefault(event["position"], []).append(event)
        if not waiting:
            return
        for row in connection.execute(self._details, {"positions": list(waiting)}):
            for event in waiting[row.position]:
                event["details"] = None if row.content is None else json.loads(row.content)
                event["details_erased"] = row.content is None
                event["details_private"] = row.private


def form_of(serial: Serial) -> str | None:
    """Keep how a registry writes a serial number; None where the text is all there is."""
    if not serial.parsed:
        return None
    return json.dumps([serial.unit, serial.head, serial.infix, serial.tail, serial.width])


def serial_of(
    *, registry: str, text: str, line: str, first: int, last: int, form: str | None
) -> Serial:
    """Read back what `form_of` kept; `line` is the series' name, `text` the serial number."""
    if form is None:
        return Serial.opaque(registry=registry, text=text)
    unit, head, infix, tail, width = json.loads(form)
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


def record_of(row: Any) -> Record:
    """Make the record of a row of `WHOLE`."""
    return Record(
        id=row.id.hex(),
        project_name=row.project_name,
        registry=row.registry,
        vintage=row.vintage,
        quantity_g=row.quantity_g,
        serial_number=row.serial_number,
        sent=json.loads(row.sent),
        first_holder=row.first_holder,
        extra=json.loads(row.extra),
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


def _state(row: Any, held: tuple[Holding, ...]) -> RecordState:
    return RecordState(
        record=record_of(row),
        seq=row.seq,
        leaf_hash=bytes(row.leaf_hash),
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
    return str(UUID(bytes=bytes(value)))
