"""Bulk: an import of registries' exports, beside the plain loading of the rows that it makes.

    import    files are read and imported as `offset import` does: rules, ids, leaves, guards
    guarded   the finished rows of all tables are loaded into the same guarded schema: COPY on
              PostgreSQL, executemany on SQLite
    bare      the same into tables without keys, indexes and guards

Each runs in a process of its own, so that its peak of memory is its own.
"""

import json
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Table, select

from offset.database import Database
from offset.importing import import_files
from offset.ledger import Ledger, ensure_origin
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

TABLES: Final[Sequence[Table]] = (
    *(
        records,
        project_names,
        series,
        serial_claims,
        record_state,
        holdings,
        events,
        event_parts,
        details,
    ),
)
_ROWS_AT_A_TIME: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one process did: rows of exports (or of tables), seconds, its peak of memory in MB."""

    rows: int
    seconds: float
    peak_mb: int


def measured(what: str, url: str, *paths: Path) -> Measured:
    """Run one of this module's commands in a process of its own."""
    command = [sys.executable, "-m", "bench.bulk", what, url, *map(str, paths)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout))


def run_import(url: str, paths: Sequence[Path]) -> tuple[int, float]:
    """Import files into a migrated, empty ledger; give rows and seconds."""
    with closing(Database(url, pool_size=2)) as database:
        ledger = Ledger(database, origin=ensure_origin(database, "bench.example/log", None))
        start = time.perf_counter()
        imported = import_files(ledger, paths, report=lambda _: None)
        return imported.rows, time.perf_counter() - start


def run_dump(url: str, folder: Path) -> tuple[int, float]:
    """Write the rows of every table, in the order in which their guards take them."""
    count = 0
    start = time.perf_counter()
    with (
        closing(Database(url, pool_size=1)) as database,
        database.reading(patiently=True) as reader,
    ):
        for table in TABLES:
            order = list(table.primary_key)
            rows = reader.execute(
                select(table).order_by(*order).execution_options(yield_per=_ROWS_AT_A_TIME)
            )
            with (folder / table.name).open("wb") as file:
                for some in rows.partitions():
                    pickle.dump([tuple(row) for row in some], file)
                    count += len(some)
    return count, time.perf_counter() - start


def run_load(url: str, folder: Path) -> tuple[int, float]:
    """Load dumped rows into tables that are there; only the loading counts, not the reading."""
    count, seconds = 0, 0.0
    with closing(Database(url, pool_size=1)) as database:
        for table in TABLES:
            for some in _dumped(folder / table.name):
                start = time.perf_counter()
                _load(database, table, some)
                seconds += time.perf_counter() - start
                count += len(some)
    return count, seconds


def run_bare(url: str, folder: Path) -> tuple[int, float]:
    """Make tables without keys, indexes and guards in an empty database, and load dumped rows."""
    with closing(Database(url, pool_size=1)) as database, database.writing() as connection:
        for table in TABLES:
            columns = ", ".join(
                f"{column.name} {column.type.compile(database.engine.dialect)}"
                for column in table.columns
            )
            connection.exec_driver_sql(f"CREATE TABLE {table.name} ({columns})")
    return run_load(url, folder)


def _load(database: Database, table: Table, rows: list[tuple[Any, ...]]) -> None:
    with database.writing() as connection:
        if database.is_sqlite:
            marks = ", ".join("?" for _ in table.columns)
            connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", rows)
            return
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _dumped(path: Path) -> Iterator[list[tuple[Any, ...]]]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return


def main(what: str, url: str, *paths: str) -> None:
    """Run one command and print what was measured, as JSON."""
    files = [Path(path) for path in paths]
    if what == "import":
        rows, seconds = run_import(url, files)
    else:
        run = {"dump": run_dump, "guarded": run_load, "bare": run_bare}[what]
        rows, seconds = run(url, files[0])
    sys.stdout.write(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": _peak_mb()}))


def _peak_mb() -> int:
    """Give this process's peak of resident memory."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says on Linux includes the process that started this one
        lines = dict(line.split(":", 1) for line in status.read_text("ascii").splitlines())
        return int(lines["VmHWM"].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20  # bytes on macOS


if __name__ == "__main__":
    main(*sys.argv[1:])
