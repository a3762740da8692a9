"""The cost of a sale or a retirement does not grow with the parts that a record has already."""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from urllib.parse import urlsplit

import psycopg
import pytest

from builders import created, do, opened, retiring, selling

FEW, MANY = 100, 20_000
FILL = (
    "INSERT INTO event_parts SELECT 1, n, 1, 0, 'SOLD' FROM"
    " (WITH RECURSIVE numbers(n) AS (SELECT {} UNION ALL SELECT n + 1 FROM numbers WHERE n < {})"
    " SELECT n FROM numbers) AS numbers"
)
PARTS = [(1, "SOLD"), (2, "RETIRED")]  # the event's position, and its type
ADD = "INSERT INTO event_parts VALUES ({}, 5000000, 1000000, 0, '{}')"


def _count(counted: Iterator[int]) -> int:
    next(counted)
    return 0  # goes on


def fill(url: str) -> None:
    """A record with an event of each type, and grams that were sold."""
    with opened(url) as ledger:
        record_id = created(ledger, first=1, last=10)
        do(ledger, selling(record_id, to="acme", serial_first=7, serial_last=7))
        do(ledger, retiring(record_id, holder=None, serial_first=9, serial_last=9))


@pytest.mark.parametrize("position, kind", PARTS)
def test_sqlite_takes_as_many_steps_beside_many_parts_as_beside_few(
    position: int, kind: str, sqlite_url: str
) -> None:
    fill(sqlite_url)
    steps: list[int] = []
    with closing(sqlite3.connect(urlsplit(sqlite_url).path[1:], isolation_level=None)) as file:
        for first, last in ((1, FEW), (FEW + 1, MANY)):
            file.execute(FILL.format(first, last))
            counted = itertools.count()
            file.execute("BEGIN")
            file.set_progress_handler(partial(_count, counted), 1)
            file.execute(ADD.format(position, kind))
            file.set_progress_handler(None, 0)
            file.execute("ROLLBACK")
            steps.append(next(counted))
    assert steps[1] <= steps[0] + 20, steps


@pytest.mark.parametrize("position, kind", PARTS)
def test_postgresql_reads_few_parts_beside_many(
    position: int, kind: str, postgresql_url: str
) -> None:
    fill(postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(FILL.format(1, MANY).encode())
        connection.execute("SET enable_seqscan = off")  # as the ledger's own writer has it
        connection.execute("BEGIN")
        connection.execute(ADD.format(position, kind).encode())
        read = connection.execute(
            "SELECT sum(pg_stat_get_xact_tuples_returned(relid) + idx_tup_fetch)"
            " FROM pg_stat_xact_user_tables WHERE relname = 'event_parts'"
        ).fetchone()
        assert read is not None
        assert read[0] < 20
        connection.execute("ROLLBACK")
