"""Many rows in one statement, of any number, come out as they went in, on both databases."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import select

from offset.database import Database
from offset.models import details, holdings, idempotency_keys, log_tiles, record_state, series

COUNTS = (0, 1, 2, 3, 7, 64, 255, 256, 257, 700)
TEXTS = ("", "é", "森", "a'b\"c\\d", "\n\t\x01\x7f", "🌳", "\u2028", "%s ? :x $1", "[[]]", "null")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url)) as opened:
        yield opened


def rows_of(count: int) -> list[tuple[Any, ...]]:
    """Rows of `idempotency_keys`: texts, and bytes that are no text."""
    return [
        (TEXTS[n % len(TEXTS)], f"key-{n}", bytes([n % 256, 255, 0]) * (n % 3), str(n))
        for n in range(count)
    ]


@pytest.mark.parametrize("count", COUNTS)
def test_rows_are_inserted_as_they_are(count: int, database: Database) -> None:
    rows = rows_of(count)
    with database.writing() as connection:
        database.insert(connection, idempotency_keys, rows)
    with database.reading() as connection:
        found = {tuple(row) for row in connection.execute(select(idempotency_keys))}
    assert found == set(rows)


@pytest.mark.parametrize("count", COUNTS)
def test_a_question_finds_the_rows_of_its_values(count: int, database: Database) -> None:
    question = database.question(select(idempotency_keys), idempotency_keys.c.key)
    with database.writing() as connection:
        database.insert(connection, idempotency_keys, rows_of(700))
        asked = [f"key-{n}" for n in range(count)]
        found = database.ask(connection, question, [*asked, "key-of-nobody"] if count else asked)
    assert sorted(found) == sorted(rows_of(count))


def test_numbers_bytes_and_nothing_keep_their_kind(database: Database) -> None:
    largest = 2**63 - 1
    rows = [(0, largest, b"\x00\xff"), (1, 0, b""), (32_767, 1, b"'")]
    with database.writing() as connection:
        database.insert(connection, log_tiles, rows)
        by_tile = database.question(select(log_tiles), log_tiles.c.tile)
        assert sorted(database.ask(connection, by_tile, [largest, 0, 1])) == sorted(rows)
        database.insert(connection, series, [(0, "verra", "VCU")])
        assert database.series_numbers(connection, [("verra", "VCU"), ("acr", "VCU")]) == {
            ("verra", "VCU"): 0
        }


@pytest.mark.parametrize("count", [0, 1, 5, 64, 300])
def test_rows_are_put_in_the_place_of_those_with_their_key(count: int, database: Database) -> None:
    with database.writing() as connection:
        database.insert(connection, log_tiles, [(0, n, b"old") for n in range(400)])
        database.put(connection, log_tiles, [(0, n, b"new") for n in range(count)])
        database.put(connection, log_tiles, [(1, 7, b"first")])
    with database.reading() as connection:
        found = {tuple(row) for row in connection.execute(select(log_tiles))}
    assert found == {
        *((0, n, b"new" if n < count else b"old") for n in range(400)),
        (1, 7, b"first"),
    }


@pytest.mark.parametrize("count", [0, 1, 5, 64, 300])
def test_the_rows_of_these_keys_alone_are_deleted(count: int, database: Database) -> None:
    with database.writing() as connection:
        database.insert(connection, log_tiles, [(n % 3, n, b"") for n in range(400)])
        keys = [(n % 3, n) for n in range(count)] + [(2, 0), (0, 1)]
        database.delete(connection, log_tiles, ("level", "tile"), keys)
    with database.reading() as connection:
        left = sorted(row.tile for row in connection.execute(select(log_tiles)))
    assert left == list(range(count, 400))


def test_every_table_that_is_written_in_bulk_can_be_told(database: Database) -> None:
    """A statement without rows is none; one for each table is still made of its columns."""
    with database.writing() as connection:
        for table in (details, holdings, record_state):
            database.insert(connection, table, [])
            database.delete(connection, table, (next(iter(table.c)).name,), [])
