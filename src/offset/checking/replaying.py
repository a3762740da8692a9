"""The ledger that a log's events tell of, replayed in their order: every rule that its leaves show.

The state is in SQLite tables, so that memory does not grow with the log: `records` has what is
held and what has ended of each record, `ids` the events, `claims` the serial numbers. Rows of the
records and events that were met last are kept in memory and written together.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from offset.checking.leaves import Leaf, read_leaf
from offset.core.canonical import (
    CanonicalRecord,
    canonical_fields,
    canonical_json,
    canonical_record,
    canonical_serial,
)
from offset.core.errors import LogMalformed, OffsetError
from offset.core.events import ACTS, Cancelled, Created, Erased, Retired, Sold
from offset.core.holdings import Holding, Holdings, Part, merged
from offset.core.quantities import GRAMS_PER_CREDIT, grams
from offset.core.records import holder_name
from offset.core.serials import Serial
from offset.registries import read_serial

TABLES: Final = """
CREATE TABLE records (id BLOB PRIMARY KEY, seq INTEGER, hash BLOB, registry TEXT,
    quantity_g INTEGER, holdings TEXT, ended TEXT, broken INTEGER) WITHOUT ROWID;
CREATE TABLE ids (id BLOB PRIMARY KEY, position INTEGER, record BLOB, details INTEGER)
    WITHOUT ROWID;
CREATE TABLE claims (registry TEXT, series TEXT, first INTEGER, last INTEGER, position INTEGER,
    PRIMARY KEY (registry, series, first)) WITHOUT ROWID;
CREATE TABLE facts (registry TEXT, subject TEXT, value TEXT, position INTEGER,
    PRIMARY KEY (registry, subject)) WITHOUT ROWID;
"""
_KEPT: Final = 4_096  # events whose records and ids are in memory

# What bytes of another shape can raise where they are read as an event.
_FORGED: Final = (
    *(OffsetError, AssertionError, ArithmeticError, AttributeError),
    *(LookupError, RecursionError, TypeError, ValueError),
)
_SENT: Final = {"project_name", "registry", "vintage", "quantity", "serial_number"}
# The members of `data` that are codes, so that there is no place for names and free text.
_HOLDER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_WORD: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    **dict.fromkeys(("holder", "from", "to", "converted_to"), _HOLDER),
    **dict.fromkeys(("purpose", "cause"), _WORD),
    "country": re.compile(r"[A-Z]{2}"),
    "effective_on": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "details_sha256": re.compile(r"[0-9a-f]{64}"),
    "group": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}
_NO_DETAILS, _DETAILS, _ERASED = range(3)


class _Wrong(Exception):
    """What is wrong with an event, in words."""


@dataclass(slots=True, kw_only=True)
class _Record:
    """What a record's events have made of it; a broken one is not replayed any further."""

    seq: int = 0
    hash: bytes | None = None
    registry: str = ""
    quantity_g: int = 0
    holdings: Holdings = field(default_factory=Holdings)
    ended: tuple[Part, ...] = ()
    broken: bool = False

    def gram_astray(self) -> int | None:
        """Find the first gram that is not held or ended exactly once."""
        end_g = 0
        held = (Part(one.from_g, one.quantity_g) for one in self.holdings)
        for part in sorted([*held, *self.ended]):
            if part.from_g != end_g or part.quantity_g <= 0:
                return min(part.from_g, end_g)
            end_g = part.end_g
        return None if end_g == self.quantity_g else min(end_g, self.quantity_g)


@dataclass(slots=True)
class _Id:
    position: int
    record: bytes
    details: int


class Replay:
    """The state after the events so far; `at` is the time of the last one."""

    def __init__(self, tables: sqlite3.Connection, origin: str, at: str = "") -> None:
        self.at = at
        self._tables = tables
        self._origin = origin
        self._records: dict[bytes, _Record] = {}
        self._ids: dict[bytes, _Id] = {}

    def count(self) -> int:
        """Count the records, those of `flush` included."""
        return int(self._tables.execute("SELECT count(*) FROM records").fetchone()[0])

    def event(self, position: int, leaf: bytes, hashed: bytes) -> Iterator[str]:
        """Replay the event at a position, and say what is wrong with it."""
        try:
            event = read_leaf(leaf)
        except LogMalformed as error:
            yield f"position {position}: {error.detail}"
            return
        if event.log != self._origin:
            yield f"position {position}: the leaf is of log {event.log}"
        if event.at < self.at:
            yield f"position {position}: its time goes back, from {self.at} to {event.at}"
        self.at = max(event.at, self.at)
        event_id = event.id_bytes
        earlier = self._id(event_id)
        if earlier is not None:
            yield f"position {position}: its id is the one of the event at {earlier.position}"
        record_id = bytes.fromhex(event.record)
        record = self._record(record_id)
        if not record.broken:
            try:
                _follow(record, event)
                self._apply(record, event, position)
                record.seq, record.hash = event.seq, hashed
            except _Wrong as wrong:
                record.broken = True
                yield f"position {position}, record {event.record}: {wrong}"
            except _FORGED as error:
                record.broken = True
                name = type(error).__name__
                yield (
                    f"position {position}, record {event.record}: cannot be replayed: "
                    f"{name} {error}"
                )
        if earlier is None:
            has = event.data.get("details_sha256") is not None
            details = _DETAILS if has else _NO_DETAILS
            self._ids[event_id] = _Id(position, record_id, details)
        if len(self._ids) >= _KEPT:
            yield from self.flush()

    def flush(self) -> Iterator[str]:
        """Write what is in memory, and say which records' grams are not all there."""
        for record_id, record in self._records.items():
            if not record.broken and (gram := record.gram_astray()) is not None:
                record.broken = True
                yield f"record {record_id.hex()}: gram {gram} is not held or ended exactly once"
        self._tables.executemany(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    *(record_id, record.seq, record.hash, record.registry, record.quantity_g),
                    *(json.dumps(list(record.holdings)), json.dumps(record.ended), record.broken),
                )
                for record_id, record in self._records.items()
            ),
        )
        self._tables.executemany(
            "INSERT OR REPLACE INTO ids VALUES (?, ?, ?, ?)",
            ((key, one.position, one.record, one.details) for key, one in self._ids.items()),
        )
        self._records.clear()
        self._ids.clear()

    # what stands in the tables ---------------------------------------------------------------

    def _record(self, record_id: bytes) -> _Record:
        """Give a record to be changed; a new one without events where there is none."""
        record = self._records.get(record_id)
        if record is None:
            row = self._tables.execute(
                "SELECT seq, hash, registry, quantity_g, holdings, ended, broken "
                "FROM records WHERE id = ?",
                (record_id,),
            ).fetchone()
            record = _Record() if row is None else _read_record(row)
            self._records[record_id] = record
        return record

    def _id(self, event_id: bytes) -> _Id | None:
        found = self._ids.get(event_id)
        if found is None:
            row = self._tables.execute(
                "SELECT position, record, details FROM ids WHERE id = ?", (event_id,)
            ).fetchone()
            found = None if row is None else _Id(*row)
        return found

    def _claim(self, serial: Serial, position: int) -> None:
        """Claim serial numbers. Claims are disjoint, so one neighbour can overlap and no other."""
        for claim in serial.claims:
            row = self._tables.execute(
                "SELECT first, last, position FROM claims WHERE registry = ? AND series = ? "
                "AND first <= ? ORDER BY first DESC LIMIT 1",
                (*claim[:2], claim.last),
            ).fetchone()
            if row is not None and row[1] >= claim.first:
                first, last, other = row
                raise _Wrong(
                    f"its serial numbers {claim.first} to {claim.last} of {claim.registry} "
                    f"{claim.series} overlap {first} to {last} of the event at position {other}"
                )
            self._tables.execute("INSERT INTO claims VALUES (?, ?, ?, ?, ?)", (*claim, position))

    def _state_facts(self, serial: Serial, position: int) -> None:
        """Note what a record states of its issuance, or find the event that contradicts it."""
        for registry, subject, value in serial.facts:
            row = self._tables.execute(
                "SELECT value, position FROM facts WHERE registry = ? AND subject = ?",
                (registry, subject),
            ).fetchone()
            if row is None:
                self._tables.execute(
                    "INSERT INTO facts VALUES (?, ?, ?, ?)", (registry, subject, value, position)
                )
            elif row[0] != value:
                raise _Wrong(
                    f"it states {value} of {registry} {subject}, and the event at position "
                    f"{row[1]} {row[0]}"
                )

    # one event -------------------------------------------------------------------------------

    def _apply(self, record: _Record, event: Leaf, position: int) -> None:
        _check_forms(event)
        if event.type == Created.TYPE:
            if record.seq:
                raise _Wrong("it is created again")
            self._create(record, event, position)
        elif event.type == Erased.TYPE:
            self._erase(event)
        else:
            self._take(record, event, position)

    def _create(self, record: _Record, event: Leaf, position: int) -> None:
        said, sent, holder = (event.data[name] for name in ("canonical", "sent", "holder"))
        if sent.keys() != _SENT:
            raise _Wrong("what was sent is not five texts")
        canonical = CanonicalRecord(**said)
        if canonical.record_id.hex() != event.record:
            raise _Wrong("its id is not the hash of its canonical form")
        made = canonical_record(
            project_name=sent["project_name"],
            registry=sent["registry"],
            vintage=int(sent["vintage"]) if sent["vintage"].isdigit() else sent["vintage"],
            quantity_g=grams(sent["quantity"]),
            serial_number=sent["serial_number"],
        )
        # As bytes: true equals 1 in Python, and nowhere else.
        if canonical_json(canonical_fields(made)) != canonical_json(said):
            raise _Wrong("its canonical form is not that of what was sent")
        serial = read_serial(
            made.registry,
            made.serial_number,
            made.quantity_g,
            event.data.get("project_id"),
            made.vintage,
        )
        _check_count(serial, made.quantity_g, "the record has")
        self._claim(serial, position)
        self._state_facts(serial, position)
        record.registry, record.quantity_g = made.registry, made.quantity_g
        record.holdings = Holdings([Holding(0, made.quantity_g, holder)])

    def _take(self, record: _Record, event: Leaf, position: int) -> None:
        act = ACTS[event.type].from_data(event.data)
        assert isinstance(act, Sold | Retired | Cancelled)
        _check_parts(act.parts)
        giver = act.seller if isinstance(act, Sold) else act.holder
        left = record.holdings.cut(giver, act.parts)
        if left is None:
            raise _Wrong(_not_held(record, event.type, giver, act.parts))
        if isinstance(act, Sold):
            if act.buyer is None:
                raise _Wrong("it is sold to nobody")
            record.holdings = left.give(act.parts, act.buyer)
            return
        self._claim_end(record, act, position)
        record.holdings = left
        record.ended = merged(sorted([*record.ended, *act.parts]))

    def _claim_end(self, record: _Record, end: Retired | Cancelled, position: int) -> None:
        """Claim the serial numbers that an end carries, where the issuance had none."""
        if end.claim is not None:
            serial = read_serial(record.registry, canonical_serial(end.claim))
            quantity_g = sum(part.quantity_g for part in end.parts)
            _check_count(serial, quantity_g, f"{end.TYPE} is of")
            self._claim(serial, position)

    def _erase(self, event: Leaf) -> None:
        named = event.data["event"]
        key = UUID(named).bytes
        erased = self._id(key)
        if erased is None or erased.record.hex() != event.record or not erased.details:
            raise _Wrong(f"it erases details of event {named}, which it has not")
        if erased.details == _ERASED:
            raise _Wrong(f"it erases the details of event {named} twice")
        self._ids[key] = _Id(erased.position, erased.record, _ERASED)


def _read_record(row: Sequence[Any]) -> _Record:
    seq, hashed, registry, quantity_g, holdings, ended, broken = row
    return _Record(
        seq=seq,
        hash=hashed,
        registry=registry,
        quantity_g=quantity_g,
        holdings=Holdings(Holding(*one) for one in json.loads(holdings)),
        ended=tuple(Part(*one) for one in json.loads(ended)),
        broken=bool(broken),
    )


def _follow(record: _Record, event: Leaf) -> None:
    """Check that an event follows the record's last one."""
    if record.seq == 0 and event.type != Created.TYPE:
        raise _Wrong(f"its first event is {event.type}, not {Created.TYPE}")
    if event.seq != record.seq + 1:
        raise _Wrong(f"its event {event.seq} follows event {record.seq}")
    if event.prev != record.hash:
        raise _Wrong(f"prev is not the leaf hash of its event {record.seq}")


def _check_forms(event: Leaf) -> None:
    """Check that what is a code in an event is one, or null."""
    for name, value in event.data.items():
        form = _FORMS.get(name)
        if form is None or value is None:
            continue
        if not isinstance(value, str) or not form.fullmatch(value):
            raise _Wrong(f"its {name} is not one")


def _check_parts(parts: Sequence[Part]) -> None:
    """Check what `cut` takes for granted: the parts are there, sorted and disjoint."""
    end_g = 0
    for part in parts:
        if not all(type(number) is int for number in part):
            raise _Wrong("a part is not two integers")
        if part.from_g < end_g or part.quantity_g <= 0:
            raise _Wrong("its parts are empty, or not in order and disjoint")
        end_g = part.end_g
    if not parts:
        raise _Wrong("it has no parts")


def _check_count(serial: Serial, quantity_g: int, whose: str) -> None:
    if serial.count is not None and serial.count * GRAMS_PER_CREDIT != quantity_g:
        raise _Wrong(f"its serial covers {serial.count} credits, {whose} {quantity_g} g")


_VERBS: Final[Mapping[str, str]] = {
    Sold.TYPE: "sells",
    Retired.TYPE: "retires",
    Cancelled.TYPE: "cancels",
}


def _not_held(record: _Record, kind: str, giver: str | None, parts: Sequence[Part]) -> str:
    part = next(part for part in parts if record.holdings.cut(giver, (part,)) is None)
    ended = any(part.from_g < one.end_g and one.from_g < part.end_g for one in record.ended)
    why = "some of them have ended" if ended else f"{holder_name(giver)} does not hold them"
    return f"it {_VERBS[kind]} grams {part.from_g} to {part.end_g - 1}: {why}"
