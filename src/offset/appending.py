"""The last step of writing: move the head, stamp the drafts, insert every row in bulk."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from operator import itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Table, bindparam, update

from offset.core.events import Created, Erased, Event, leaf_bytes, time_text, time_us
from offset.core.holdings import Holdings
from offset.core.merkle import leaf_hash
from offset.core.records import Past, RecordState
from offset.core.serials import MOST_CLAIMS, Serial
from offset.database import Database
from offset.deciding import Appended, Batch, Pending
from offset.loading import NO_FORM, form_of, uuid_bytes
from offset.models import (
    details,
    event_parts,
    events,
    holdings,
    record_state,
    records,
    serial_claims,
    serial_facts,
    series,
)
from offset.names import Name, Names

_NOTHING: Final = Holdings()
_SLICE: Final = 5_000  # rows of a statement; PostgreSQL takes some 10 microseconds for one
_SLICE_OF_LONG: Final = 250  # leaves and details, which have up to 64 and 200 KB


class Appender:
    """Writes what a batch decided, all of it with one time and dense positions."""

    def __init__(self, database: Database, *, origin: str, clock: Callable[[], int]) -> None:
        self._database = database
        self._origin: Final = origin
        self._clock = clock
        self._names = Names(database)
        self._erase = (
            update(details)
            .where(details.c.position == bindparam("erased_position"))
            .values(salt=None, content=None)
        )

    @contextmanager
    def appending(self, connection: Connection, batch: Batch) -> Iterator[Appended]:
        """Write the batch's events and what follows from them; all of it is written at the end.

        PostgreSQL writes while the code inside goes on; no rows can be asked for there.
        """
        pending = batch.pending
        if not pending:
            yield Appended(made=(), events={}, at="")
            return
        last, at_us = self._database.move_head(connection, len(pending), self._clock())
        start, at = last - len(pending) + 1, time_text(at_us)
        made, rows = self._stamp(batch, start, at)
        parts = self._part_rows(batch, start)
        hashes = {entry.record_id: row[-1] for entry, row in zip(pending, rows, strict=True)}
        names = [
            Name(position, entry.draft.happening.record.project_name)
            for position, entry in enumerate(pending, start)
            if isinstance(entry.draft.happening, Created)
        ]
        new_names = self._names.new(connection, names)
        # What is written together is answered together, and in time only where it is not much.
        is_small = len(pending) + len(parts) <= _SLICE
        with self._database.together(connection) if is_small else nullcontext():
            self._insert_new_records(connection, batch, start, at)
            self._insert(connection, batch, events, rows)
            self._names.keep(connection, new_names)
            self._insert_claims(connection, batch, start)
            self._insert(connection, batch, event_parts, parts)
            self._write_states(connection, batch, hashes, at)
            self._write_holdings(connection, batch, hashes)
            self._write_details(connection, batch, start)
            by_record: dict[str, list[Event]] = {}
            for event in made:
                by_record.setdefault(event.record_id, []).append(event)
            yield Appended(made=made, events=by_record, at=at)

    def _stamp(
        self, batch: Batch, start: int, at: str
    ) -> tuple[list[Event], list[tuple[Any, ...]]]:
        """Give every draft its position, time and predecessor, and write its leaf."""
        hashes: dict[str, bytes | None] = {
            record_id: state.leaf_hash for record_id, state in batch.before.items()
        }
        made: list[Event] = []
        rows: list[tuple[Any, ...]] = []
        for position, entry in enumerate(batch.pending, start):
            batch.check_time()
            draft, record_id = entry.draft, entry.record_id
            if isinstance(draft.happening, Created):
                batch.numbers[record_id] = position
            previous = hashes.get(record_id)
            data = draft.happening.data()
            leaf = leaf_bytes(
                event_id=draft.event_id,
                event_type=draft.happening.TYPE,
                data=data,
                at=at,
                by=None,
                log=self._origin,
                prev=b64encode(previous).decode() if previous else None,
                record=record_id,
                seq=entry.seq,
            )
            hashed = hashes[record_id] = leaf_hash(leaf)
            made.append(
                Event(
                    id=draft.event_id,
                    record_id=record_id,
                    type=draft.happening.TYPE,
                    seq=entry.seq,
                    position=position,
                    at=at,
                    data=data,
                )
            )
            rows.append(
                (
                    position,
                    batch.numbers[record_id],
                    entry.seq,
                    uuid_bytes(draft.event_id),
                    draft.happening.TYPE,
                    leaf,
                    hashed,
                )
            )
        return made, rows

    def _insert_new_records(
        self, connection: Connection, batch: Batch, start: int, at: str
    ) -> None:
        record_rows: list[tuple[Any, ...]] = []
        at_us = time_us(at)
        for position, entry in enumerate(batch.pending, start):
            if not isinstance(entry.draft.happening, Created):
                continue
            record = entry.draft.happening.record
            record_rows.append(
                (
                    position,
                    bytes.fromhex(record.id),
                    record.project_name,
                    record.registry,
                    record.vintage,
                    record.quantity_g,
                    record.serial_number,
                    _text(record.sent),
                    record.first_holder,
                    _text(record.extra),
                    record.effective_on,
                    at_us,
                )
            )
        self._insert(connection, batch, records, record_rows)

    def _insert_claims(self, connection: Connection, batch: Batch, start: int) -> None:
        series_rows: list[tuple[Any, ...]] = []
        claim_rows: list[tuple[Any, ...]] = []
        fact_rows: list[tuple[Any, ...]] = []
        for position, entry in enumerate(batch.pending, start):
            serial = entry.draft.claim
            if serial is None:
                continue
            own = isinstance(entry.draft.happening, Created)
            rows = claim_rows_of(serial, position, own=own)
            for number, (line, first, last, form, of_event) in enumerate(rows):
                if line not in batch.series:
                    batch.series[line] = position if number == 0 else further(position, number)
                    series_rows.append((batch.series[line], *line))
                record_number = batch.numbers[entry.record_id]
                row = (batch.series[line], first, last, record_number, form, of_event)
                claim_rows.append(row)
            fact_rows += [
                (*fact, batch.numbers[entry.record_id])
                for fact in (serial.facts if own else ())
                if batch.facts[fact[:2]][1] == entry.record_id
            ]
        self._insert(connection, batch, series, series_rows)
        self._insert(connection, batch, serial_claims, claim_rows)
        self._database.insert(connection, serial_facts, fact_rows)

    def _insert(
        self, connection: Connection, batch: Batch, table: Table, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert rows by slices, none of which takes long.

        Raises:
            Overdue: the batch has had its time.
        """
        size = _SLICE_OF_LONG if table in (events, details) else _SLICE
        for begin in range(0, len(rows), size):
            batch.check_time()
            self._database.insert(connection, table, rows[begin : begin + size])

    def _part_rows(self, batch: Batch, start: int) -> list[tuple[Any, ...]]:
        return [
            (position, *part, batch.numbers[entry.record_id], entry.draft.happening.TYPE)
            for position, entry in enumerate(batch.pending, start)
            if not isinstance(entry.draft.happening, Created)
            for part in entry.draft.happening.parts
        ]

    def _write_states(
        self, connection: Connection, batch: Batch, hashes: dict[str, bytes], at: str
    ) -> None:
        rows = [
            (batch.numbers[record_id], *state_row(batch.states[record_id], hashed, at))
            for record_id, hashed in hashes.items()
        ]
        self._database.put(connection, record_state, rows)

    def _write_holdings(
        self, connection: Connection, batch: Batch, hashes: dict[str, bytes]
    ) -> None:
        gone: list[tuple[int, int]] = []
        new: list[tuple[Any, ...]] = []
        for record_id, hashed in hashes.items():
            number = batch.numbers[record_id]
            before = batch.before.get(record_id)
            now = batch.states[record_id].holdings
            lost, added = now.since(before.holdings if before else _NOTHING)
            gone += [(number, holding.from_g) for holding in lost]
            new += [(number, *holding) for holding in added]
            self._database.holdings_cache.keep(number, hashed, now)
        gone.sort()
        for begin in range(0, len(gone), _SLICE):
            batch.check_time()
            keys = gone[begin : begin + _SLICE]
            self._database.delete(connection, holdings, ("record_number", "from_g"), keys)
        self._insert(connection, batch, holdings, sorted(new, key=itemgetter(0, 1)))

    def _write_details(self, connection: Connection, batch: Batch, start: int) -> None:
        added: list[tuple[Any, ...]] = []
        erased: list[dict[str, int]] = []
        for position, entry in enumerate(batch.pending, start):
            if entry.details is not None:
                added.append(_details_row(position, entry))
            happening = entry.draft.happening
            if isinstance(happening, Erased):
                erased.append({"erased_position": batch.erasable[happening.erased][0]})
        self._insert(connection, batch, details, added)
        if erased:
            connection.execute(self._erase, erased)


def claim_rows_of(
    serial: Serial, position: int, *, own: bool
) -> list[tuple[tuple[str, str], int, int, str | None, int | None]]:
    """Make the rows of `serial_claims` of a serial number: line, first, last, form, position.

    A record's own serial number has no position; what it claims further, in other series, has
    that of the event, and no form of its own.

    Args:
        serial: what is claimed.
        position: of the event that claims it.
        own: whether that is the record's CREATED event.
    """
    form = form_of(serial)
    (registry, series, first, last), *others = serial.claims
    rows = [((registry, series), first, last, form, None if own else position)]
    rest = None if form is None else NO_FORM
    for registry, series, first, last in others:
        rows.append(((registry, series), first, last, rest, position))
    return rows


def further(position: int, number: int) -> int:
    """Number the series of an event's further claims: below zero, apart from all positions."""
    return -(position * MOST_CLAIMS + number)


def state_row(state: RecordState, hashed: bytes, at: str) -> tuple[Any, ...]:
    """Make the row of `record_state`, without the record's number, that a state stands for."""
    balance = state.balance
    return (
        state.seq,
        hashed,
        state.status.value,
        balance.available_g,
        balance.sold_g,
        balance.retired_g,
        balance.cancelled_g,
        state.erasures,
        *(_past_text(past, at) for past in (state.sold, state.retired, state.cancelled)),
    )


def _past_text(past: Past | None, at: str) -> str | None:
    return None if past is None else f"{past.event_id} {past.at or at}"


def _details_row(position: int, entry: Pending) -> tuple[Any, ...]:
    words = entry.details
    assert words is not None
    return (position, words.salt, _text(words.content), words.private)


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
