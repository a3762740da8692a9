"""Whether a database is the ledger that its own events make: replayed, and compared row by row.

The events are read by record, some hundred records at a time, so that memory does not grow with
the ledger. Nothing is repaired; each difference is named with the place where it was found.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, func, select

from offset.appending import state_row
from offset.core.canonical import (
    CanonicalRecord,
    canonical_json,
    canonical_record,
    details_sha256,
)
from offset.core.errors import OffsetError
from offset.core.events import ACTS, Created, Stamp, leaf_hash, time_us
from offset.core.quantities import grams
from offset.core.records import Holding, Record, RecordState
from offset.core.serials import Serial
from offset.database import Database
from offset.loading import form_of
from offset.models import (
    details,
    event_parts,
    events,
    holdings,
    ledger_head,
    ledger_origin,
    record_state,
    records,
    serial_claims,
    series,
)
from offset.registries import read_serial

RECORDS_AT_A_TIME: Final = 500
LARGEST_REPORT: Final = 20  # differences; the first one is what matters

Progress = Callable[[int, int], None]


@dataclass
class Report:
    """What was checked, and the first differences found."""

    events: int = 0
    records: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether the database is what its events make."""
        return not self.differences


class _Found(Exception):
    """A difference, in words."""


def verify_database(database: Database, progress: Progress | None = None) -> Report:
    """Replay every event and compare records, states, holdings, parts, claims, heads, hashes.

    `progress` is called with the number of events that are done and of all events.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    report = Report()
    with database.reading(patiently=True) as connection:
        check = _Check(connection, report, progress)
        check.head()
        check.records()
        check.order()
        check.claims()
        check.strays()
    return report


class _Check:
    def __init__(self, connection: Connection, report: Report, progress: Progress | None) -> None:
        self._connection = connection
        self._report = report
        self._progress = progress
        self._origin = connection.execute(select(ledger_origin.c.origin)).scalar_one_or_none()
        self._total = self._count(events)
        self._seen = dict.fromkeys(("parts", "holdings", "details", "states", "claims"), 0)

    def _count(self, table: Any) -> int:
        return int(self._connection.execute(select(func.count()).select_from(table)).scalar_one())

    def _differs(self, words: str) -> None:
        if len(self._report.differences) < LARGEST_REPORT:
            self._report.differences.append(words)

    # the ledger as a whole -------------------------------------------------------------------

    def head(self) -> None:
        """Compare the head with the last event."""
        rows = self._connection.execute(select(ledger_head)).all()
        if len(rows) != 1:
            self._differs(f"ledger_head: {len(rows)} rows instead of one")
            return
        last = self._connection.execute(select(func.max(events.c.position))).scalar_one()
        last = -1 if last is None else last
        if rows[0].position != last:
            self._differs(f"ledger_head: position {rows[0].position}, the last event is at {last}")
        if last != self._total - 1:
            self._differs(f"events: {self._total} of them, the last one at position {last}")

    def order(self) -> None:
        """Check that positions have no gap, and that times never go back."""
        before, at = -1, ""
        while True:
            rows = self._connection.execute(
                select(events.c.position, events.c.leaf)
                .where(events.c.position > before)
                .order_by(events.c.position)
                .limit(5_000)
            ).all()
            for position, leaf in rows:
                if position != before + 1:
                    self._differs(f"events: nothing between positions {before} and {position}")
                now = bytes(leaf[7:34]).decode("ascii", "replace")  # {"at":"...
                if now < at:
                    self._differs(f"event at position {position}: its time goes back")
                before, at = position, now
            if not rows:
                break
        head_at = self._connection.execute(select(ledger_head.c.at_us)).scalar_one_or_none()
        if at and head_at is not None and _time(at) is not None and head_at < (_time(at) or 0):
            self._differs("ledger_head: its time is before the last event's")

    def claims(self) -> None:
        """Check that no serial number is claimed twice."""
        before: tuple[int, int, int] | None = None
        rows = self._connection.execute(
            select(serial_claims.c.series_number, serial_claims.c.first, serial_claims.c.last)
            .order_by(serial_claims.c.series_number, serial_claims.c.first)
            .execution_options(yield_per=5_000)
        )
        for line, first, last in rows:
            if before and before[0] == line and before[2] >= first:
                self._differs(
                    f"serial_claims: {first} to {last} overlaps {before[1]} to {before[2]}"
                )
            before = (line, first, last)

    def strays(self) -> None:
        """Check that no table has rows that belong to no record or event."""
        for name, table in (
            ("parts", event_parts),
            ("holdings", holdings),
            ("details", details),
            ("states", record_state),
            ("claims", serial_claims),
        ):
            count = self._count(table)
            if count != self._seen[name]:
                self._differs(f"{table.name}: {count} rows, the events make {self._seen[name]}")
        if self._report.events != self._total:
            self._differs(f"events: {self._total} rows, {self._report.events} of known records")

    # record by record ------------------------------------------------------------------------

    def records(self) -> None:
        """Replay each record's events and compare what they make with what stands there."""
        after = -1
        while rows := self._connection.execute(
            select(records)
            .where(records.c.number > after)
            .order_by(records.c.number)
            .limit(RECORDS_AT_A_TIME)
        ).all():
            after = rows[-1].number
            chunk = _Chunk(self._connection, rows[0].number, after)
            for row in rows:
                self._record(row, chunk)
            if self._progress:
                self._progress(self._report.events, self._total)

    def _record(self, row: Any, chunk: "_Chunk") -> None:
        self._report.records += 1
        own = chunk.events.get(row.number, [])
        self._report.events += len(own)
        held = chunk.holdings.get(row.number, [])
        self._seen["holdings"] += len(held)
        self._seen["parts"] += sum(len(chunk.parts.get(event.position, ())) for event in own)
        self._seen["details"] += sum(event.position in chunk.details for event in own)
        self._seen["states"] += row.number in chunk.states
        self._seen["claims"] += len(chunk.claims.get(row.number, ()))
        try:
            replay = _Replay(row, self._origin, chunk)
            for event in own:
                replay.event(event)
            replay.erasures()
            replay.compare(held)
        except _Found as difference:
            self._differs(f"record {bytes(row.id).hex()}: {difference}")
        except (OffsetError, AssertionError, ValueError, KeyError, TypeError) as error:
            self._differs(f"record {bytes(row.id).hex()}: its events cannot be replayed: {error}")


class _Chunk:
    """The rows of some hundred records, by record and by position."""

    def __init__(self, connection: Connection, first: int, last: int) -> None:
        self._connection = connection
        self._range = (first, last)
        self.events = self._by(events, events.c.record_number, events.c.seq)
        self.holdings = self._by(holdings, holdings.c.record_number, holdings.c.from_g)
        self.states = self._by(record_state, record_state.c.record_number)
        parts = event_parts.c
        found = self._rows(event_parts, parts.record_number, parts.position, parts.from_g)
        self.parts = {
            position: list(rows) for position, rows in groupby(found, lambda row: row.position)
        }
        self.claims = self._claims()
        self.details = self._details()

    def _rows(self, table: Any, column: Any, *order: Any) -> Iterator[Any]:
        first, last = self._range
        statement = select(table).where(column.between(first, last)).order_by(*(order or (column,)))
        return iter(self._connection.execute(statement).all())

    def _by(self, table: Any, column: Any, *order: Any) -> dict[int, list[Any]]:
        rows = self._rows(table, column, column, *order)
        return {number: list(own) for number, own in groupby(rows, lambda row: row.record_number)}

    def _claims(self) -> dict[int, list[Any]]:
        statement = (
            select(serial_claims, series.c.registry, series.c.series)
            .join(series, series.c.number == serial_claims.c.series_number)
            .where(serial_claims.c.record_number.between(*self._range))
            .order_by(serial_claims.c.record_number)
        )
        rows = self._connection.execute(statement).all()
        return {number: list(own) for number, own in groupby(rows, lambda row: row.record_number)}

    def _details(self) -> dict[int, Any]:
        statement = (
            select(details)
            .join(events, events.c.position == details.c.position)
            .where(events.c.record_number.between(*self._range))
        )
        return {row.position: row for row in self._connection.execute(statement)}


class _Replay:
    """One record's events, replayed; raises `_Found` at the first difference."""

    def __init__(self, row: Any, origin: str | None, chunk: _Chunk) -> None:
        self._row = row
        self._origin = origin
        self._chunk = chunk
        self._id = bytes(row.id).hex()
        self._state: RecordState | None = None
        self._hash: bytes | None = None
        self._ended: list[Holding] = []
        self._bound: dict[str, int] = {}  # events with details: their positions
        self._gone: set[str] = set()  # events whose details were erased

    def event(self, event: Any) -> None:
        """Check an event's bytes, chain and parts, and apply it."""
        where = f"event at position {event.position}"
        leaf = bytes(event.leaf)
        if leaf_hash(leaf) != bytes(event.leaf_hash):
            raise _Found(f"{where}: its leaf hash is not that of its bytes")
        try:
            said = json.loads(leaf)
        except ValueError:
            raise _Found(f"{where}: its bytes are not JSON") from None
        if canonical_json(said) != leaf:
            raise _Found(f"{where}: its bytes are not in canonical form")
        seq = 1 if self._state is None else self._state.seq + 1
        prev = None if self._hash is None else b64encode(self._hash).decode()
        expected = {
            "record": self._id,
            "seq": seq,
            "prev": prev,
            "log": self._origin,
            "id": str(UUID(bytes=bytes(event.id))),
            "type": event.type,
            "v": 1,
        }
        for name, value in expected.items():
            if said[name] != value:
                raise _Found(f"{where}: its bytes say {name} {said[name]!r}, not {value!r}")
        if event.seq != seq:
            raise _Found(f"{where}: it is number {event.seq} of its record, not {seq}")
        self._apply(event, said, where)
        self._hash = bytes(event.leaf_hash)

    def _apply(self, event: Any, said: dict[str, Any], where: str) -> None:
        data, stamp = said["data"], Stamp(said["id"], said["at"])
        if event.type == Created.TYPE:
            self._state = self._created(event, data, stamp, where)
            self._parts(event, (), where)
        else:
            if self._state is None:
                raise _Found(f"{where}: it is before the record's creation")
            act = ACTS[event.type].from_data(data)
            self._state = act.apply(self._state, stamp)
            self._parts(event, act.parts, where)
            if event.type in ("RETIRED", "CANCELLED"):
                self._ended += [Holding(*part, None) for part in act.parts]
        self._details(event, said, where)

    def _created(self, event: Any, data: dict[str, Any], stamp: Stamp, where: str) -> RecordState:
        canonical = CanonicalRecord(**data["canonical"])
        if canonical.record_id.hex() != self._id:
            raise _Found(f"{where}: the record's id is not the hash of its canonical form")
        sent = data["sent"]
        vintage = int(sent["vintage"]) if sent["vintage"].isdigit() else sent["vintage"]
        again = canonical_record(
            project_name=sent["project_name"],
            registry=sent["registry"],
            vintage=vintage,
            quantity_g=grams(sent["quantity"]),
            serial_number=sent["serial_number"],
        )
        if again != canonical:
            raise _Found(f"{where}: its canonical form is not that of what was sent")
        serial = read_serial(canonical.registry, canonical.serial_number)
        created = Created.from_data(self._id, data, serial)
        if event.position != self._row.number:
            raise _Found(f"{where}: the record's number is {self._row.number}")
        if stored := _unlike(self._row, created.record, stamp):
            raise _Found(f"records.{stored} is not what its CREATED event says")
        return created.apply(None, stamp)

    def _parts(self, event: Any, parts: Sequence[tuple[int, int]], where: str) -> None:
        stored = [
            (row.from_g, row.quantity_g, row.record_number, row.type)
            for row in self._chunk.parts.get(event.position, ())
        ]
        if stored != [(*part, self._row.number, event.type) for part in parts]:
            raise _Found(f"{where}: its event_parts are not what its bytes say")

    def _details(self, event: Any, said: dict[str, Any], where: str) -> None:
        hashed = said["data"].get("details_sha256")
        row = self._chunk.details.get(event.position)
        if (row is None) != (hashed is None):
            raise _Found(f"{where}: details are {'missing' if row is None else 'not its own'}")
        if row is not None:
            self._bound[said["id"]] = event.position
            if row.content is not None:
                found = details_sha256(bytes(row.salt), json.loads(row.content)).hex()
                if found != hashed:
                    raise _Found(f"{where}: its details are not those that it was made with")
        if event.type == "ERASED":
            erased = said["data"]["event"]
            if erased not in self._bound:
                raise _Found(f"{where}: it erases details that there never were")
            self._gone.add(erased)

    def erasures(self) -> None:
        """Check that details are gone exactly where an ERASED event says so."""
        for event_id, position in self._bound.items():
            gone = self._chunk.details[position].content is None
            if gone != (event_id in self._gone):
                words = "gone without an ERASED event" if gone else "there after an ERASED event"
                raise _Found(f"event at position {position}: its details are {words}")

    def compare(self, held: Sequence[Any]) -> None:
        """Compare the state that the events make with the stored one."""
        state = self._state
        if state is None or self._hash is None:
            raise _Found("it has no CREATED event")
        if [Holding(row.from_g, row.quantity_g, row.holder) for row in held] != [*state.holdings]:
            raise _Found("its holdings are not what its events make")
        end_g = 0
        for part in sorted([*state.holdings, *self._ended], key=lambda part: part.from_g):
            if part.from_g != end_g:
                raise _Found(f"gram {min(part.from_g, end_g)} is not held or ended exactly once")
            end_g = part.end_g
        if end_g != state.record.quantity_g:
            raise _Found(f"gram {end_g} is neither held nor ended")
        stored = self._chunk.states.get(self._row.number)
        wanted = state_row(state, self._hash, "")
        if not stored or tuple(stored[0])[1:] != wanted:
            raise _Found("its record_state is not what its events make")
        claims = [
            (row.registry, row.series, row.first, row.last, row.form)
            for row in self._chunk.claims.get(self._row.number, ())
        ]
        if claims != [_claim(state.record.serial)]:
            raise _Found("its serial claim is not what its serial number says")


def _claim(serial: Serial) -> tuple[Any, ...]:
    return (serial.registry, serial.series, serial.first, serial.last, form_of(serial))


def _unlike(row: Any, record: Record, stamp: Stamp) -> str | None:
    """Name the first column of a record's row that is not what its event says."""
    wanted = {
        "project_name": record.project_name,
        "registry": record.registry,
        "vintage": record.vintage,
        "quantity_g": record.quantity_g,
        "serial_number": record.serial_number,
        "first_holder": record.first_holder,
        "effective_on": record.effective_on,
        "created_at_us": time_us(stamp.at or ""),
    }
    for name, value in wanted.items():
        if getattr(row, name) != value:
            return name
    if json.loads(row.sent) != record.sent:
        return "sent"
    return None if json.loads(row.extra) == record.extra else "extra"


def _time(at: str) -> int | None:
    try:
        return time_us(at)
    except ValueError:
        return None
