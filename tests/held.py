"""Locks that another session holds in a ledger's database, while a test looks on."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import psycopg

_RECORD = (
    "SELECT 1 FROM record_state JOIN records ON number = record_number"
    " WHERE id = decode(%s, 'hex') FOR UPDATE OF record_state"
)


@contextmanager
def held_record(database_url: str, record_id: str) -> Iterator[None]:
    """Hold a record's row in PostgreSQL; in SQLite, the lock of the one who writes the file."""
    with held_rows(database_url, _RECORD, (record_id,)):
        yield


@contextmanager
def held_rows(database_url: str, statement: str, values: tuple[object, ...] = ()) -> Iterator[None]:
    """Hold what a statement locks in PostgreSQL; in SQLite, the lock of the one who writes."""
    if database_url.startswith("sqlite"):
        path = urlsplit(database_url).path[1:]
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            yield
            file.execute("ROLLBACK")
        return
    with psycopg.connect(database_url) as connection:
        assert connection.execute(statement, values).fetchone() is not None
        yield
        connection.rollback()
