"""A ledger of twenty thousand records, written row by row: enough for a database to plan by."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import Connection, Table, text

from builders import synthetic_serial
from databases import PostgresDatabases, sqlite_url_of
from offset.core.canonical import canonical_json
from offset.core.events import time_text
from offset.database import Database
from offset.models import (
    details,
    event_parts,
    events,
    holdings,
    import_issues,
    imports,
    project_names,
    record_state,
    records,
    serial_claims,
    series,
)

RECORDS: Final = 20_000
NAMES: Final = 4_000
CREDIT: Final = 1_000_000  # grams; every record is one credit
IMPORTS: Final = 2_000
RARE: Final = "zebra"  # in one name of a thousand
_HASH: Final = bytes(32)
_AT_US: Final = 1_767_225_600_000_000

Rows = dict[Table, list[tuple[Any, ...]]]


def record_id(n: int) -> str:
    """The id of the n-th record; its number is twice as much."""
    return f"{n:064x}"


def event_id(position: int) -> str:
    return str(UUID(int=position + 1))


def opaque(n: int) -> bool:
    """Whether no grammar reads the serial number of the n-th record; of a quarter none does."""
    return n % 4 == 3


def retired(n: int) -> bool:
    """Whether the n-th record is retired; the others are sold."""
    return n % 4 == 2


def registry_of(n: int) -> str:
    return "acr" if n % 7 == 0 else "verra"


def vintage(n: int) -> int:
    return 1990 + n % 30


def holder(n: int) -> str | None:
    if retired(n):
        return None
    return "acme" if n % 3 == 0 else f"holder-{n % 900}"


def name(n: int) -> str:
    return f"{RARE if n % 1_000 == 7 else 'plain'} forest {n % NAMES}"


@contextmanager
def filled_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database with such a ledger, on the engine that `request.param` names."""
    source = {"sqlite": "sqlite_template", "postgresql": "postgres"}[request.param]
    template = request.getfixturevalue(source)
    with ExitStack() as stack:
        if isinstance(template, Path):
            path = tmp_path_factory.mktemp("filled") / "offset.db"
            shutil.copyfile(template, path)
            url = sqlite_url_of(path)
        else:
            assert isinstance(template, PostgresDatabases)
            url = stack.enter_context(template.prepared())
        database = stack.enter_context(closing(Database(url)))
        fill(database)
        yield database


def fill(database: Database) -> None:
    """Write it into an empty ledger and let the database look at what it has."""
    rows: Rows = {table: [] for table in _ORDER}
    for n in range(RECORDS):
        _issue(n, rows)
        _end(n, rows)
    rows[project_names] = [(2 * n, name(n)) for n in range(NAMES)]
    _import(rows)
    with database.writing() as connection:
        if not database.is_sqlite:  # foreign keys are checked row by row
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table, made in rows.items():
            database.insert(connection, table, made)
        if database.is_sqlite:
            rebuilt = "INSERT INTO project_names_fts(project_names_fts) VALUES ('rebuild')"
            connection.execute(text(rebuilt))
    if (
        not database.is_sqlite
    ):  # SQLite's plans do not rest on statistics, unless someone makes them
        with database.engine.connect() as connection:
            _analyze(connection)


def _analyze(connection: Connection) -> None:
    connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


def _issue(n: int, rows: Rows) -> None:
    number = 2 * n
    serial = f"LOT-{n}" if opaque(n) else synthetic_serial(n + 1, n + 1)
    registry = registry_of(n)
    sent = {
        "project_name": name(n),
        "registry": registry,
        "vintage": "2020",
        "quantity": "1",
        "serial_number": serial,
    }
    extra = {"project_id": str(n % 500)} if n % 2 else {}
    data = {"sent": sent, "holder": None, "details_sha256": None}
    rows[records].append(
        (
            *(number, bytes.fromhex(record_id(n)), name(n), registry, vintage(n), CREDIT),
            *(serial, json.dumps(sent), None, json.dumps(extra), None, _AT_US + number),
        )
    )
    line = number if opaque(n) else 0
    if line == number:
        rows[series].append(
            (line, registry if opaque(n) else "verra", f"10T{n}" if line else "VCS-VCU")
        )
    form = json.dumps(["VCU", "9001-", "-", "-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1", 1])
    first = 0 if opaque(n) else n + 1
    rows[serial_claims].append((line, first, first, number, None if opaque(n) else form, None))
    rows[events].append(_event(number, n, 1, "CREATED", data))


def _end(n: int, rows: Rows) -> None:
    number = 2 * n
    kind = "RETIRED" if retired(n) else "SOLD"
    data = {
        "parts": [[0, CREDIT]],
        "group": event_id(number + 1),
        "holder": None,
        "purpose": None,
        "country": None,
        "effective_on": None,
        "details_sha256": "00",
    }
    rows[events].append(_event(number + 1, n, 2, kind, data))
    rows[event_parts].append((number + 1, 0, CREDIT, number, kind))
    rows[details].append((number + 1, None, None, False))
    ended = (0, 0, CREDIT, 0) if retired(n) else (CREDIT, CREDIT, 0, 0)
    rows[record_state].append((number, 2, _HASH, kind, *ended, 0, None, None, None))
    if not retired(n):
        rows[holdings].append((number, 0, CREDIT, holder(n)))


def _event(position: int, n: int, seq: int, kind: str, data: dict[str, Any]) -> tuple[Any, ...]:
    said = {
        "at": time_text(_AT_US + position),
        "data": data,
        "id": event_id(position),
        "record": record_id(n),
        "seq": seq,
        "type": kind,
    }
    key = UUID(event_id(position)).bytes
    return (position, 2 * n, seq, key, kind, canonical_json(said), _HASH)


def _import(rows: Rows) -> None:
    for n in range(IMPORTS):
        key = UUID(int=n).bytes
        rows[imports].append((key, n, n, "done", "file", False, 1, 1, 0, 0, None, None))
        rows[import_issues].append((key, 1, 1, "code", "text", "detail"))


_ORDER: Final = (
    *(records, series, serial_claims, record_state, holdings, events, event_parts, details),
    *(project_names, imports, import_issues),
)
