"""A ledger of N records and 2 N events, loaded plainly: a million of them take a minute or two.

Record N is `samples.body(N)`. Of four records the first is sold in part and some of that retired,
the second retired in two acts, and nothing happened to the third and the fourth. Leaves, hashes
and states come from the rules themselves, so the ledger verifies; only the way of the rows into
the database is another one.
"""

import json
import sqlite3
from array import array
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import Table, make_url

from bench.samples import CREDITS, issued
from bench.unguarded import unguarded_postgresql, unguarded_sqlite
from offset.appending import claim_rows_of, further, state_row
from offset.core.commands import Details
from offset.core.events import Act, Created, Retired, Sold, Stamp, leaf_bytes, time_text
from offset.core.holdings import Part
from offset.core.merkle import HASH_SIZE, leaf_hash
from offset.core.quantities import GRAMS_PER_CREDIT
from offset.core.records import RecordState
from offset.models import (
    details,
    event_parts,
    events,
    holdings,
    project_names,
    record_state,
    records,
    serial_claims,
    series,
)

BUYERS: Final = 1_000
AT_US: Final = 1_767_225_600_000_000  # 2026-01-01; an event a microsecond
_TABLES: Final = (
    *(records, project_names, series, serial_claims, record_state),
    *(holdings, events, event_parts, details),
)
_COLUMNS: Final = {table.name: [column.name for column in table.columns] for table in _TABLES}
_RECORDS_AT_A_TIME: Final = 5_000
_STATE: Final = [column.name for column in record_state.columns if column.name != "record_number"]

Rows = dict[str, list[tuple[Any, ...]]]


def untouched(number: int) -> int:
    """Give the number of a record to which nothing happened: the 0th, 1st, 2nd ... of them."""
    return number // 2 * 4 + 2 + number % 2


def fill(url: str, origin: str, count: int) -> None:
    """Load `count` records (a multiple of 4) into a ledger that has its schema and is empty."""
    assert count % 4 == 0, "the records come in fours"
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database is not None
        with closing(sqlite3.connect(parsed.database)) as file, unguarded_sqlite(file):
            for rows in _rows(origin, count):
                for table in _TABLES:
                    marks = ", ".join("?" for _ in table.columns)
                    statement = f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks})"
                    file.executemany(statement, rows[table.name])
                file.commit()
            file.execute(_HEAD, {"position": 2 * count - 1, "at_us": AT_US + 2 * count - 1})
        return
    with psycopg.connect(url) as connection, unguarded_postgresql(connection):
        for rows in _rows(origin, count):
            for table in _TABLES:
                _copy(connection, table, rows[table.name])
            connection.commit()
        head = _HEAD.replace(":position", "%(position)s").replace(":at_us", "%(at_us)s")
        connection.execute(head, {"position": 2 * count - 1, "at_us": AT_US + 2 * count - 1})


_HEAD: Final = "UPDATE ledger_head SET position = :position, at_us = :at_us"


def _names(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


def _copy(connection: psycopg.Connection[Any], table: Table, rows: list[tuple[Any, ...]]) -> None:
    statement = f"COPY {table.name} ({_names(table)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _rows(origin: str, count: int) -> Iterator[Rows]:
    """Make the rows of all tables, some records at a time: all creates, then all that followed."""
    filler = _Filler(origin, count)
    for first in range(0, count, _RECORDS_AT_A_TIME):
        filler.begin()
        for number in range(first, min(first + _RECORDS_AT_A_TIME, count)):
            filler.create(number)
        yield filler.rows
    for first in range(0, count, _RECORDS_AT_A_TIME):
        filler.begin()
        for number in range(first, min(first + _RECORDS_AT_A_TIME, count)):
            if number % 4 < 2:
                filler.follow(number)
        yield filler.rows


class _Filler:
    """Collects rows, each as its table's columns stand."""

    def __init__(self, origin: str, count: int) -> None:
        self._origin = origin
        self._position = 0
        self._hashes = array("B", bytes(HASH_SIZE * count))
        self.rows: Rows = {}
        self._series: dict[tuple[str, str], int] = {}
        self._names: set[str] = set()

    def begin(self) -> None:
        self.rows = {table.name: [] for table in _TABLES}

    def create(self, number: int) -> None:
        record = issued(number)
        created = Created(record=record)
        hashed, stamp = self._event(number, number, record.id, created, 1, None)
        at = number * HASH_SIZE
        self._hashes[at : at + HASH_SIZE] = array("B", hashed)
        self._add(
            records,
            number=number,
            id=bytes.fromhex(record.id),
            project_name=record.project_name,
            registry=record.registry,
            vintage=record.vintage,
            quantity_g=record.quantity_g,
            serial_number=record.serial_number,
            sent=json.dumps(record.sent, ensure_ascii=False),
            first_holder=record.first_holder,
            extra=json.dumps(record.extra, ensure_ascii=False),
            effective_on=record.effective_on,
            created_at_us=AT_US + number,
        )
        if record.project_name not in self._names:
            self._names.add(record.project_name)
            self._add(project_names, number=number, name=record.project_name)
        rows = claim_rows_of(record.serial, number, own=True)
        for place, (line, first, last, form, of_event) in enumerate(rows):
            if line not in self._series:  # every sample is of one series, and of a batch
                self._series[line] = number if place == 0 else further(number, place)
                registry, name = line
                self._add(series, number=self._series[line], registry=registry, series=name)
            self._add(
                serial_claims,
                series_number=self._series[line],
                first=first,
                last=last,
                record_number=number,
                form=form,
                position=of_event,
            )
        if number % 4 >= 2:
            self._stand(number, created.apply(None, stamp), hashed)

    def follow(self, number: int) -> None:
        """Make the two events that follow the create of a record."""
        record = issued(number)
        state = Created(record=record).apply(None, self._stamp(number))
        at = number * HASH_SIZE
        hashed = self._hashes[at : at + HASH_SIZE].tobytes()
        for seq, (act, words) in enumerate(_acts(number), 2):
            place = self._count() + number // 4 * 4 + number % 4 * 2 + seq - 2
            hashed, stamp = self._event(place, number, record.id, act, seq, hashed)
            state = act.apply(state, stamp)
            for part in act.parts:
                self._add(
                    event_parts,
                    position=place,
                    from_g=part.from_g,
                    quantity_g=part.quantity_g,
                    record_number=number,
                    type=act.TYPE,
                )
            if words is not None:
                self._add(
                    details,
                    position=place,
                    salt=words.salt,
                    content=json.dumps(words.content, ensure_ascii=False),
                    private=words.private,
                )
        self._stand(number, state, hashed)

    def _count(self) -> int:
        return len(self._hashes) // HASH_SIZE

    def _event(
        self,
        position: int,
        number: int,
        record_id: str,
        happening: Created | Act,
        seq: int,
        previous: bytes | None,
    ) -> tuple[bytes, Stamp]:
        stamp = self._stamp(position)
        assert stamp.at is not None
        leaf = leaf_bytes(
            event_id=stamp.event_id,
            event_type=happening.TYPE,
            data=happening.data(),
            at=stamp.at,
            by=None,
            log=self._origin,
            prev=b64encode(previous).decode() if previous else None,
            record=record_id,
            seq=seq,
        )
        hashed = leaf_hash(leaf)
        self._add(
            events,
            position=position,
            record_number=number,
            seq=seq,
            id=UUID(stamp.event_id).bytes,
            type=happening.TYPE,
            leaf=leaf,
            leaf_hash=hashed,
        )
        return hashed, stamp

    def _stamp(self, position: int) -> Stamp:
        return Stamp(event_id(position), time_text(AT_US + position))

    def _stand(self, number: int, state: RecordState, hashed: bytes) -> None:
        """Write what all events of a record have made of it."""
        values = state_row(state, hashed, state.created_at)
        self._add(record_state, record_number=number, **dict(zip(_STATE, values, strict=True)))
        for holding in state.holdings:
            self._add(holdings, record_number=number, **holding._asdict())

    def _add(self, table: Table, **values: Any) -> None:
        self.rows[table.name].append(tuple([values[name] for name in _COLUMNS[table.name]]))


def event_id(position: int) -> str:
    """Give the id of the event at a position: random, though Offset's own begin with the time."""
    return str(UUID(int=(position + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128, version=4))


def _acts(number: int) -> tuple[tuple[Sold | Retired, Details | None], ...]:
    """Say what happened to a record whose number is 0 or 1 modulo 4."""
    tenth = CREDITS // 10 * GRAMS_PER_CREDIT
    if number % 4 == 0:
        buyer = f"buyer-{number // 4 % BUYERS}"
        sold = Sold(parts=(Part(0, 4 * tenth),), seller=None, buyer=buyer)
        return (sold, None), _retired(number, Part(0, tenth), buyer)
    return (
        _retired(number, Part(0, tenth), None),
        _retired(number, Part(tenth, 9 * tenth), None),
    )


def _retired(number: int, part: Part, holder: str | None) -> tuple[Retired, Details]:
    words = Details(
        salt=number.to_bytes(16, "big"), content={"beneficiary": f"Works {number}"}, private=False
    )
    act = Retired(
        parts=(part,),
        holder=holder,
        purpose="environmental-benefit",
        country="KE",
        details_sha256=words.sha256,
    )
    return act, words
