"""Whether a database is the ledger that its own events make: replayed, and compared row by row.

The records are read some hundred at a time, and their events as a stream, so that memory does not
grow with the ledger. Nothing is repaired; each difference is named with the place where it was
found. The database is taken for what someone with all its rights has left: in SQLite a column can
hold anything.
"""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, and_, func, select

from offset.appending import claim_rows_of, state_row
from offset.core.canonical import (
    CanonicalRecord,
    canonical_json,
    canonical_record,
    canonical_serial,
    details_sha256,
)
from offset.core.errors import OffsetError
from offset.core.events import ACTS, Created, Erased, Stamp, time_us
from offset.core.holdings import Holding, Part
from offset.core.merkle import leaf_hash
from offset.core.quantities import GRAMS_PER_CREDIT, grams
from offset.core.records import Record, RecordState
from offset.core.serials import Serial, SerialFact
from offset.database import Database
from offset.log.check import check_log
from offset.models import (
    details,
    event_parts,
    events,
    holdings,
    ledger_head,
    ledger_origin,
    project_names,
    record_state,
    records,
    serial_claims,
    serial_facts,
    series,
)
from offset.registries import read_serial
from offset.stretches import ROWS_AT_A_TIME, Stretch, stretch

RECORDS_AT_A_TIME: Final = 500
# What bytes of another shape can raise where they are read as an event.
_FORGED: Final = (
    *(OffsetError, AssertionError, ArithmeticError, AttributeError),
    *(LookupError, RecursionError, TypeError, ValueError),
)
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
    """Replay every event and compare records, states, holdings, parts, claims, names, the log.

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
        check.names()
        check.log()
    return report


class _Check:
    def __init__(self, connection: Connection, report: Report, progress: Progress | None) -> None:
        self._connection = connection
        self._report = report
        self._progress = progress
        self._origins = connection.execute(select(ledger_origin.c.origin)).scalars().all()
        self._total = self._count(events)
        self._facts = {tuple(row[:2]): row[2] for row in connection.execute(select(serial_facts))}
        self._stated: set[tuple[str, str]] = set()

    def _count(self, table: Any) -> int:
        return int(self._connection.execute(select(func.count()).select_from(table)).scalar_one())

    def _differs(self, words: str) -> None:
        if len(self._report.differences) < LARGEST_REPORT:
            self._report.differences.append(words)

    # the ledger as a whole -------------------------------------------------------------------

    def head(self) -> None:
        """Compare the head with the last event; there is one head and one origin."""
        if len(self._origins) > 1:
            self._differs(f"ledger_origin: {len(self._origins)} rows instead of one")
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
        for position, leaf in self._connection.execute(
            select(events.c.position, events.c.leaf)
            .order_by(events.c.position)
            .execution_options(yield_per=ROWS_AT_A_TIME)
        ):
            if position != before + 1:
                self._differs(f"events: nothing between positions {before} and {position}")
            now = _text(leaf)[7:34]  # {"at":"...
            if now < at:
                self._differs(f"event at position {position}: its time goes back")
            before, at = position, now
        heads = self._connection.execute(select(ledger_head.c.at_us)).scalars().all()
        if len(heads) == 1 and heads[0] != _time(at):
            self._differs("ledger_head: its time is not the last event's")

    def claims(self) -> None:
        """Check that no serial number is claimed twice."""
        claim = serial_claims.c
        below = func.lag(claim.last).over(partition_by=claim.series_number, order_by=claim.first)
        lines = select(claim.first, claim.last, below.label("below")).subquery()
        overlaps = select(lines).where(lines.c.below >= lines.c.first).limit(LARGEST_REPORT)
        for first, last, end in self._connection.execute(overlaps):
            self._differs(f"serial_claims: {first} to {last} overlaps the claim up to {end}")
        names = select(series.c.registry, series.c.series).distinct().subquery()
        if self._count(names) != self._count(series):
            self._differs("series: two rows have the same name")

    def names(self) -> None:
        """Check that each project's name is kept once, with the first record that has it."""
        kept = select(project_names.c.number, project_names.c.name)
        first = func.min(records.c.number)
        made = select(first, records.c.project_name).group_by(records.c.project_name)
        for differing, words in ((made.except_(kept), "misses"), (kept.except_(made), "adds")):
            for number, _ in self._connection.execute(differing.limit(LARGEST_REPORT)):
                self._differs(f"project_names: {words} the name of record {number}")
        if self._connection.dialect.name == "sqlite":  # PostgreSQL keeps its index by itself
            self._groups()

    def _groups(self) -> None:
        """Check that as many names are in the index as there are, for each group of three."""
        made: Counter[str] = Counter()
        for (name,) in self._connection.execute(select(project_names.c.name)):
            made.update({name[at : at + 3] for at in range(len(name) - 2)})
        self._connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE temp.groups USING fts5vocab(main, project_names_fts, row)"
        )
        rows = self._connection.exec_driver_sql("SELECT term, doc FROM temp.groups")
        found: dict[str, int] = {row[0]: row[1] for row in rows}
        self._connection.exec_driver_sql("DROP TABLE temp.groups")
        for group in sorted(found.keys() | made.keys()):
            if found.get(group, 0) != made[group]:
                words = f"{found.get(group, 0)} names with {group!r} instead of {made[group]}"
                self._differs(f"project_names_fts: {words}")
                return

    def strays(self) -> None:
        """Check that no table has rows that belong to no record or event."""
        for table, names, owner, keys in _OWNERS:
            columns = [table.c[name] for name in names]
            pairs = zip(columns, (owner.c[key] for key in keys), strict=True)
            count, first = self._connection.execute(
                select(func.count(), func.min(columns[0]))
                .select_from(table.outerjoin(owner, and_(*(one == other for one, other in pairs))))
                .where(owner.c[keys[0]].is_(None))
            ).one()
            if count:
                self._differs(
                    f"{table.name}: {count} rows belong to none of {owner.name}, "
                    f"the first has {names[0]} {first}"
                )

    def log(self) -> None:
        """Check that the log's tiles, roots and checkpoints are those of the events."""
        try:
            check_log(self._connection, next(iter(self._origins), None), self._differs)
        except _FORGED as error:
            self._differs(f"the log: cannot be read: {type(error).__name__} {error}")

    # record by record ------------------------------------------------------------------------

    def records(self) -> None:
        """Replay each record's events and compare what they make with what stands there."""
        after = -(2**63)
        while rows := self._connection.execute(
            select(records)
            .where(records.c.number > after)
            .order_by(records.c.number)
            .limit(RECORDS_AT_A_TIME)
        ).all():
            after = rows[-1].number
            with stretch(self._connection, rows[0].number, after) as chunk:
                for row in rows:
                    self._record(row, chunk)
            if self._progress:
                self._progress(self._report.events, self._total)
        for registry, subject in sorted(self._facts.keys() - self._stated)[:LARGEST_REPORT]:
            self._differs(f"serial_facts: no record states anything of {registry} {subject}")

    def _record(self, row: Any, chunk: "Stretch") -> None:
        self._report.records += 1
        replay = _Replay(row, next(iter(self._origins), None))
        found: str | None = None
        for event in chunk.events.take((row.number,)):
            self._report.events += 1
            where = f"event at position {event.position}"
            found = found or _difference(where, replay.event, event, chunk)
        found = found or _difference("its details", replay.erasures)
        found = found or _difference("its rows", replay.compare, chunk)
        for fact in replay.facts:
            self._stated.add(fact[:2])
            if self._facts.get(fact[:2]) != fact.value:
                found = found or f"serial_facts does not say {fact.value} of {fact.subject}"
        if found:
            self._differs(f"record {_hex(row.id)}: {found}")


def _difference(where: str, check: Callable[..., None], *what: Any) -> str | None:
    """Give the words of the difference that a check finds."""
    try:
        check(*what)
    except _Found as difference:
        return str(difference)
    except _FORGED as error:
        return f"{where}: cannot be replayed: {type(error).__name__} {error}"
    return None


class _Replay:
    """One record's events, replayed; raises `_Found` at the first difference."""

    def __init__(self, row: Any, origin: str | None) -> None:
        self._row = row
        self._origin = origin
        self._id = _hex(row.id)
        self._state: RecordState | None = None
        self._position = -1
        self._hash: bytes | None = None
        self._ended: list[Holding] = []
        self._bound: dict[str, tuple[int, bool]] = {}  # events with details: position, emptied
        self._gone: set[str] = set()  # events whose details were erased
        self._claims: list[tuple[Any, ...]] = []  # what its events claim

    @property
    def facts(self) -> Sequence[SerialFact]:
        """What the record states of its issuance."""
        return () if self._state is None else self._state.record.serial.facts

    def event(self, event: Any, chunk: Stretch) -> None:
        """Check an event's bytes, chain, parts and details, and apply it."""
        where = f"event at position {event.position}"
        leaf, hashed = event.leaf, event.leaf_hash
        if not isinstance(leaf, bytes) or leaf_hash(leaf) != hashed:
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
        if event.position <= self._position:
            raise _Found(f"{where}: it stands before the record's event {seq - 1}")
        parts = self._apply(event, said, where)
        place = (self._row.number, event.position)
        self._compare_parts(event, parts, [*chunk.parts.take(place)], where)
        self._compare_details(said, [*chunk.details.take(place)], event.position, where)
        self._hash, self._position = hashed, event.position

    def _apply(self, event: Any, said: dict[str, Any], where: str) -> Sequence[Part]:
        """Apply an event; the parts that `event_parts` has to have of it."""
        data, stamp = said["data"], Stamp(said["id"], said["at"])
        if event.type == Created.TYPE:
            if self._state is not None:
                raise _Found(f"{where}: the record is created again")
            self._state = self._created(event, data, stamp, where)
            return ()
        if self._state is None:
            raise _Found(f"{where}: it is before the record's creation")
        act = ACTS[event.type].from_data(data)
        self._state = act.apply(self._state, stamp)
        if (claim := data.get("claim")) is not None:
            serial = read_serial(self._state.record.registry, canonical_serial(claim))
            self._claims += _claims(serial, event.position, own=False)
            quantity_g = sum(part.quantity_g for part in act.parts)
            if serial.count is not None and serial.count * GRAMS_PER_CREDIT != quantity_g:
                raise _Found(f"{where}: it claims {serial.count} credits and ends others")
        if event.type in ("RETIRED", "CANCELLED"):
            self._ended += [Holding(*part, None) for part in act.parts]
        return act.parts

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
        serial = read_serial(
            canonical.registry,
            canonical.serial_number,
            canonical.quantity_g,
            data.get("project_id"),
            canonical.vintage,
        )
        created = Created.from_data(self._id, data, serial)
        if event.position != self._row.number:
            raise _Found(f"{where}: the record's number is {self._row.number}")
        if stored := _unlike(self._row, created.record, stamp):
            raise _Found(f"records.{stored} is not what its CREATED event says")
        return created.apply(None, stamp)

    def _compare_parts(
        self, event: Any, parts: Sequence[Part], rows: Sequence[Any], where: str
    ) -> None:
        stored = [(row.from_g, row.quantity_g, row.type) for row in rows]
        if stored != [(*part, event.type) for part in parts]:
            raise _Found(f"{where}: its event_parts are not what its bytes say")

    def _compare_details(
        self, said: dict[str, Any], rows: Sequence[Any], position: int, where: str
    ) -> None:
        hashed = said["data"].get("details_sha256")
        if len(rows) != (hashed is not None):
            raise _Found(f"{where}: details are {'not its own' if rows else 'missing'}")
        for row in rows:
            emptied = row.content is None and row.salt is None
            self._bound[said["id"]] = (position, emptied)
            if not emptied and _details_hash(row) != hashed:
                raise _Found(f"{where}: its details are not those that it was made with")
        if said["type"] == Erased.TYPE:
            erased = said["data"]["event"]
            if erased not in self._bound:
                raise _Found(f"{where}: it erases details that there never were")
            self._gone.add(erased)

    def erasures(self) -> None:
        """Check that details are gone exactly where an ERASED event says so."""
        for event_id, (position, emptied) in self._bound.items():
            if emptied != (event_id in self._gone):
                words = "gone without an ERASED event" if emptied else "there after an ERASED event"
                raise _Found(f"event at position {position}: its details are {words}")

    def compare(self, chunk: Stretch) -> None:
        """Compare the state that the events make with the stored one."""
        state, number = self._state, self._row.number
        if state is None or self._hash is None:
            raise _Found("it has no CREATED event")
        held = [
            Holding(row.from_g, row.quantity_g, row.holder)
            for row in chunk.holdings.take((number,))
        ]
        if held != [*state.holdings]:
            raise _Found("its holdings are not what its events make")
        end_g = 0
        for part in sorted([*state.holdings, *self._ended], key=lambda part: part.from_g):
            if part.from_g != end_g:
                raise _Found(f"gram {min(part.from_g, end_g)} is not held or ended exactly once")
            end_g = part.end_g
        if end_g != state.record.quantity_g:
            raise _Found(f"gram {end_g} is neither held nor ended")
        stored = [tuple(row)[1:] for row in chunk.states.get(number, ())]
        if stored != [state_row(state, self._hash, "")]:
            raise _Found("its record_state is not what its events make")
        claims = {
            (row.registry, row.series, row.first, row.last, row.form, row.position)
            for row in chunk.claims.get(number, ())
        }
        own = _claims(state.record.serial, number, own=True)
        if claims != {*own, *self._claims}:
            raise _Found("its serial claims are not what its serial number and its ends say")


def _claims(serial: Serial, position: int, *, own: bool) -> list[tuple[Any, ...]]:
    return [(*line, *rest) for line, *rest in claim_rows_of(serial, position, own=own)]


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
    """Read the time of the last event; 0 where there is none."""
    try:
        return time_us(at) if at else 0
    except ValueError:
        return None


def _details_hash(row: Any) -> str | None:
    try:
        return details_sha256(row.salt, json.loads(row.content)).hex()
    except (AssertionError, TypeError, ValueError):
        return None


def _hex(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)


def _text(leaf: Any) -> str:
    return leaf.decode("utf-8", "replace") if isinstance(leaf, bytes) else str(leaf)


# The rows of a table, by some of its columns, belong to the rows of another.
_OWNERS: Final = (
    (events, ("record_number",), records, ("number",)),
    (event_parts, ("position", "record_number"), events, ("position", "record_number")),
    (details, ("position",), events, ("position",)),
    (holdings, ("record_number",), records, ("number",)),
    (record_state, ("record_number",), records, ("number",)),
    (serial_claims, ("record_number",), records, ("number",)),
    (series, ("number",), serial_claims, ("series_number",)),
)
