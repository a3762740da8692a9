"""No statement of an import reads a whole table: a ledger of millions is as quick as an empty one.

SQLite tells how it would do each statement; PostgreSQL has the same indexes, and chooses by size.
"""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import event

from builders import opened
from offset.importing import import_files
from offset.ledger import Ledger
from offset.synthetic import write_registries

# One row each, the settings of SQLite's own search, a list that came as a parameter, and the
# tables that one question makes for itself.
SMALL = re.compile(
    r"SCAN (ledger_head|main\.project_names_fts_config|w|\d+ CONSTANT ROWS?|CONSTANT ROW|\(.*)\b"
)


def statements_of(ledger: Ledger, *files: Path) -> Iterator[str]:
    """Import files; every statement that SQLite was given, once for each text."""
    given: dict[str, str] = {}

    def note(statement: str) -> None:
        shape = re.sub(r"'(?:[^']|'')*'|x'[^']*'|\b\d+\b", "?", statement)
        given.setdefault(re.sub(r"\?(?:, ?\?)+", "?", shape), statement)

    def connect(connection: sqlite3.Connection, _: object) -> None:
        connection.set_trace_callback(note)

    engines = (ledger.database.engine, ledger.database.writer)
    ledger.database.close()
    for engine in engines:
        event.listen(engine, "connect", connect)
    import_files(ledger, files, report=lambda _: None)
    for engine in engines:
        event.remove(engine, "connect", connect)
    ledger.database.close()
    yield from given.values()


def test_no_statement_of_an_import_reads_a_whole_table(sqlite_url: str, tmp_path: Path) -> None:
    with opened(sqlite_url) as ledger:
        given: list[str] = []
        for edition in (1, 2):  # into an empty ledger, and against what is there
            folder = tmp_path / str(edition)
            folder.mkdir()
            written = write_registries(folder, rows=300, seed=3, edition=edition)
            given += statements_of(ledger, *(one.path for one in written))
        scans = []
        with ledger.database.reading() as connection:
            for statement in given:
                if re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)\b", statement):
                    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
                    scans += [
                        (step.detail, statement[:2_000])
                        for step in plan
                        if step.detail.startswith("SCAN ") and not SMALL.match(step.detail)
                    ]
    assert len(given) > 20
    assert scans == []
