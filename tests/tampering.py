"""A ledger to tamper with, and the ways to do so around all guards."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, create_engine, delete, insert, select, text, update

from builders import CREDIT, Json, cancelling, created, do, erasing, opened, retiring, selling
from offset.core.canonical import canonical_json
from offset.core.events import time_text
from offset.core.merkle import leaf_hash
from offset.database import Database
from offset.models import (
    details,
    events,
    ledger_head,
    metadata,
    record_state,
    serial_claims,
    series,
)
from offset.reading import Reader
from offset.verifying import Report, verify_database

Tampering = Callable[[Connection], None]
START_US: Final = 1_767_225_600_000_000  # 2026-01-01; every event is a second later
EVENTS: Final = 11
A, B, C = "a-record", "b-record", "c-record"  # stand for the ids of the three records


@dataclass(frozen=True, kw_only=True)
class Story:
    """A ledger in which everything has happened once, and what was erased from it.

    0 CREATED, 1 SOLD*, 2 RETIRED*, 3 CANCELLED, 4 RETIRED*, 5 ERASED: record A, of ten credits
    6 CREATED, 7 SOLD, 8 and 9 RETIRED as a group: record B, whose serial nobody can read
    10 CREATED: record C, the ten credits after those of A

    Those with a star have details; those of event 4 were erased.
    """

    url: str
    ids: dict[str, str]
    erased: Json


def tell_story(url: str) -> Story:
    """Write the story into an empty ledger; copies of it tell it too."""
    times = count(START_US, CREDIT)
    with opened(url, clock=lambda: next(times)) as ledger:
        a = created(ledger, first=1, last=10, holder="developer", country="KE")
        do(ledger, selling(a, to="acme", quantity=4, note="framework contract"))
        do(ledger, retiring(a, holder="acme", quantity="1.5", beneficiary="Jane Example"))
        do(ledger, cancelling(a, holder="developer", quantity=2, cause="reversed"))
        last = do(ledger, retiring(a, holder="developer", quantity=1, beneficiary="Erased Example"))
        with ledger.database.reading() as connection:
            row = connection.execute(select(details).where(details.c.position == 4)).one()
        do(ledger, erasing(a, last.body["retired"]["id"]))
        b = created(ledger, registry="Acme Registry", serial_number="LOT-1", quantity=5)
        do(ledger, selling(b, to="acme", quantity=2))
        do(ledger, retiring(b))
        c = created(ledger, first=11, last=20)
        assert Reader(ledger.database).head() == EVENTS - 1
    return Story(url=url, ids={A: a, B: b, C: c}, erased=dict(row._mapping))


def verified(url: str) -> Report:
    database = Database(url, pool_size=1)
    try:
        return verify_database(database)
    finally:
        database.close()


def first_difference(story: Story, tamper: Tampering) -> str:
    """The first difference after tampering, with the records' ids as this module names them."""
    with unguarded(story.url) as connection:
        tamper(connection)
    report = verified(story.url)
    assert not report.sound
    found = report.differences[0]
    for name, record_id in story.ids.items():
        found = found.replace(record_id, name)
    return found


@contextmanager
def unguarded(url: str) -> Iterator[Connection]:
    """A connection that no guard hinders, as someone has who owns the database."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                _unguard_sqlite(connection)
            else:
                _unguard_postgresql(connection)
            yield connection
    finally:
        engine.dispose()


def _unguard_sqlite(connection: Connection) -> None:
    connection.execute(text("PRAGMA ignore_check_constraints = ON"))
    triggers = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for name in connection.scalars(triggers).all():
        connection.execute(text(f'DROP TRIGGER "{name}"'))


def _unguard_postgresql(connection: Connection) -> None:
    for table in metadata.tables:
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
    for row in connection.execute(
        text(
            "SELECT conrelid::regclass AS owner, conname FROM pg_constraint"
            " WHERE contype IN ('x', 'c') AND connamespace = 'public'::regnamespace"
        )
    ).all():
        connection.execute(text(f"ALTER TABLE {row.owner} DROP CONSTRAINT {row.conname}"))


# How to tamper


def doing(*statements: Any) -> Tampering:
    def tamper(connection: Connection) -> None:
        for statement in statements:
            done = connection.execute(statement)
            assert done.rowcount != 0, f"nothing was changed by {statement}"

    return tamper


def change(table: Any, where: Any, **values: Any) -> Tampering:
    return doing(update(table).where(where).values(**values))


def add(table: Any, *values: Any) -> Tampering:
    return doing(insert(table).values(dict(zip(table.columns.keys(), values, strict=True))))


def remove(table: Any, where: Any) -> Tampering:
    return doing(delete(table).where(where))


def at(position: int) -> Any:
    return events.c.position == position


def byte_changed(column: Any, position: int) -> Tampering:
    """Change one byte, and not into another way of saying the same."""

    def tamper(connection: Connection) -> None:
        value = bytearray(connection.execute(select(column).where(at(position))).scalar_one())
        value[len(value) // 2] ^= 1
        doing(update(events).where(at(position)).values({column: bytes(value)}))(connection)

    return tamper


def rewritten(
    position: int, said: Callable[[Json], Json | bytes], *then: Tampering, chained: bool = True
) -> Tampering:
    """Write other bytes for an event, with the right hash of them, also where it is the newest."""

    def tamper(connection: Connection) -> None:
        row = connection.execute(select(events).where(at(position))).one()
        made = said(json.loads(row.leaf))
        leaf = made if isinstance(made, bytes) else canonical_json(made)
        hashed = leaf_hash(leaf)
        change(events, at(position), leaf=leaf, leaf_hash=hashed)(connection)
        state = record_state.c.leaf_hash == row.leaf_hash
        if chained and connection.execute(select(record_state).where(state)).first():
            change(record_state, state, leaf_hash=hashed)(connection)
        for other in then:
            other(connection)

    return tamper


def saying(**values: Any) -> Callable[[Json], Json]:
    return lambda said: {**said, **values}


def with_data(**values: Any) -> Callable[[Json], Json]:
    return lambda said: {**said, "data": {**said["data"], **values}}


def swapped(one: int, other: int, *tables: Any) -> Tampering:
    """Exchange two positions, in these tables."""
    steps = [(one, -one), (other, one), (-one, other)]
    return doing(
        *(
            update(table).where(table.c.position == before).values(position=after)
            for table in tables
            for before, after in steps
        )
    )


def forged(said: Callable[[Json], Json], *then: Tampering) -> Tampering:
    """Add an event to record A: its cancellation once more, with its place in the chain."""

    def tamper(connection: Connection) -> None:
        model = connection.execute(select(events).where(at(3))).one()
        newest = connection.execute(select(events).where(at(5))).one()
        event_id = UUID(int=7)
        leaf = canonical_json(
            said(
                {
                    **json.loads(model.leaf),
                    "id": str(event_id),
                    "seq": 7,
                    "prev": b64encode(newest.leaf_hash).decode(),
                    "at": time_text(connection.execute(select(ledger_head.c.at_us)).scalar_one()),
                }
            )
        )
        row = (EVENTS, 0, 7, event_id.bytes, "CANCELLED", leaf, leaf_hash(leaf))
        add(events, *row)(connection)
        for other in (change(ledger_head, text("1 = 1"), position=EVENTS), *then):
            other(connection)

    return tamper


def two_series_of_one_name(connection: Connection) -> None:
    """Let two rows of `series` have one name, and have two such rows."""
    connection.execute(text("CREATE TABLE loose AS SELECT * FROM series"))
    cascade = "" if connection.dialect.name == "sqlite" else " CASCADE"
    connection.execute(text(f"DROP TABLE series{cascade}"))
    connection.execute(text("ALTER TABLE loose RENAME TO series"))
    add(series, 10, "verra", "VCS-VCU")(connection)
    own = serial_claims.c.position.is_(None)
    of_record = (serial_claims.c.record_number == 10) & own
    change(serial_claims, of_record, series_number=10)(connection)


def of(table: Any, number: int) -> Any:
    return table.c.record_number == number
