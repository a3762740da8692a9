"""Loading fast: guards and indexes are taken off a ledger and put back when the rows are there.

What is put back is what the database itself said of it, so the schema afterwards is the one
before; the database checks every row against it once.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

_KINDS: Final = "puxf"  # keys first, those that refer to them last


@contextmanager
def unguarded_sqlite(connection: sqlite3.Connection) -> Iterator[None]:
    """Take triggers and indexes off an SQLite ledger; keys stay."""
    for pragma in ("synchronous = OFF", "cache_size = -1000000", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    kept = connection.execute(
        "SELECT type, name, sql FROM sqlite_master"
        " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in kept:
        connection.execute(f"DROP {kind} {name}")
    yield
    for _, _, statement in kept:
        connection.execute(statement)
    # What a trigger would have put into it, name by name.
    connection.execute("INSERT INTO project_names_fts (project_names_fts) VALUES ('rebuild')")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def unguarded_postgresql(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Take constraints, indexes and triggers off a PostgreSQL ledger."""
    connection.execute("SET synchronous_commit = off")
    connection.execute("SET maintenance_work_mem = '1GB'")
    constraints = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), contype"
        " FROM pg_constraint WHERE connamespace = current_schema()::regnamespace"
        " AND contype = ANY(%s) ORDER BY strpos(%s, contype::text), conrelid, conname",
        (list(_KINDS), _KINDS),
    ).fetchall()
    indexes = connection.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT EXISTS ("
        "SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)"
        " AND c.relnamespace = current_schema()::regnamespace"
    ).fetchall()
    triggers = connection.execute(
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger JOIN pg_class c"
        " ON c.oid = tgrelid WHERE NOT tgisinternal"
        " AND c.relnamespace = current_schema()::regnamespace"
    ).fetchall()
    for table, name, _ in triggers:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
    for table, name, _, _ in reversed(constraints):
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.commit()
    yield
    for table, name, definition, _ in constraints:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for _, definition in indexes:
        connection.execute(definition)
    for table, name, enabled in triggers:
        how = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}[enabled]
        connection.execute(f"ALTER TABLE {table} {how} TRIGGER {name}")
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")  # as autovacuum does; SQLite has nothing like it
    connection.execute("CHECKPOINT")
