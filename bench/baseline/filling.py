"""Records of the plain implementation, loaded plainly: a quarter sold, a quarter retired."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from sqlalchemy import create_engine, make_url

from bench.baseline.database import Base
from bench.baseline.models import Event, Record
from bench.baseline.utils import record_id
from bench.samples import body
from bench.unguarded import unguarded_postgresql, unguarded_sqlite

_RECORDS_AT_A_TIME: Final = 5_000
_RECORD: Final = (
    *("id", "project_name", "registry", "vintage", "quantity", "serial_number"),
    "created_at",
)
_EVENT: Final = ("id", "record_id", "event_type", "buyer", "created_at")


def fill_baseline(url: str, count: int) -> None:
    """Make the tables in an empty database and load `count` records."""
    engine = create_engine(url)
    assert {Record.__tablename__, Event.__tablename__} == set(Base.metadata.tables)
    Base.metadata.create_all(engine)
    engine.dispose()
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database is not None
        with closing(sqlite3.connect(parsed.database)) as file, unguarded_sqlite(file):
            for records, events in _rows(count):
                for name, columns, rows in _tables(records, events):
                    marks = ", ".join("?" for _ in columns)
                    file.executemany(
                        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", rows
                    )
                file.commit()
        return
    with psycopg.connect(url) as connection, unguarded_postgresql(connection):
        for records, events in _rows(count):
            for name, columns, rows in _tables(records, events):
                with (
                    connection.cursor() as cursor,
                    cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy,
                ):
                    for row in rows:
                        copy.write_row(row)
            connection.commit()
        connection.execute("SELECT setval('events_id_seq', (SELECT max(id) FROM events))")


Rows = list[tuple[Any, ...]]


def _tables(records: Rows, events: Rows) -> Iterator[tuple[str, tuple[str, ...], Rows]]:
    yield "records", _RECORD, records
    yield "events", _EVENT, events


def _rows(count: int) -> Iterator[tuple[Rows, Rows]]:
    at, event_id = str(datetime.now(UTC).replace(tzinfo=None)), 0
    for first in range(0, count, _RECORDS_AT_A_TIME):
        records: Rows = []
        events: Rows = []
        for number in range(first, min(first + _RECORDS_AT_A_TIME, count)):
            sent = body(number)
            sent["quantity"] = float(sent["quantity"])
            key = record_id(**sent)
            records.append((key, *sent.values(), at))
            happened: list[tuple[str, str | None]] = [("CREATED", None)]
            if number % 4 == 0:
                happened.append(("SOLD", f"buyer-{number // 4 % 1000}"))
            elif number % 4 == 1:
                happened.append(("RETIRED", None))
            for event_type, buyer in happened:
                event_id += 1
                events.append((event_id, key, event_type, buyer, at))
        yield records, events
