"""Many rows in one statement, in the words of each database.

The drivers are asked directly: SQLAlchemy costs some 50 microseconds a statement, and giving rows
one by one costs more than the rows. Between two rows of an `executemany`, sqlite3 lets go of the
interpreter, and while another thread is at work it waits for it each time; psycopg sends each row
as a statement of its own. So SQLite gets statements of up to 256 rows, and PostgreSQL one JSON
parameter (measured beside COPY: as fast from 20 rows on, and one round trip instead of two).
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, Protocol

import orjson
import psycopg
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    Text,
    literal_column,
)

from offset.waiting import in_thread

Row = tuple[Any, ...]
LARGEST_STATEMENT: Final = 256  # rows; SQLite's parser takes at least 32,766 values
MANY: Final = 2_000  # rows that are fetched and read on the event loop; of more, it hears nothing
STATEMENTS_KEPT: Final = 512  # by the driver, in prepared form: a few for each table and size
_MARK: Final = "$values$"


class Cursor(Protocol):
    """What both drivers' cursors have."""

    def execute(self, statement: str, parameters: Sequence[Any], /) -> Any:
        """Run one statement."""

    def fetchmany(self, size: int, /) -> list[Row]:
        """Fetch the next rows, at most so many."""

    def fetchall(self) -> list[Row]:
        """Give the rows that are left."""


class PostgresqlCursor:
    """A cursor that says itself whether statements are prepared; rows come in binary form."""

    def __init__(self, cursor: psycopg.Cursor[Row], *, prepare: bool) -> None:
        self._cursor = cursor
        self._prepare = prepare

    def execute(self, statement: str, parameters: Sequence[Any], /) -> None:
        """Run one statement."""
        self._cursor.execute(statement.encode(), parameters, prepare=self._prepare, binary=True)

    def fetchmany(self, size: int, /) -> list[Row]:
        """Fetch the next rows, at most so many."""
        return self._cursor.fetchmany(size)

    def fetchall(self) -> list[Row]:
        """Give the rows that are left."""
        return self._cursor.fetchall()


class Question:
    """A statement that asks for the rows whose `column` has one of some values, made once."""

    def __init__(
        self, statement: Select[Any], column: ColumnElement[Any], dialect: Dialect
    ) -> None:
        sqlite = dialect.name == "sqlite"
        kind = column.type.compile(dialect=dialect)
        values = _MARK if sqlite else f"ANY({_MARK}::{kind}[])"
        compared = column.op("IN" if sqlite else "=")(literal_column(values))
        asked = statement.where(compared).compile(
            dialect=dialect, compile_kwargs={"literal_binds": True}
        )
        self._before, self._after = str(asked).split(_MARK)

    def text(self, values: str) -> str:
        """Write the statement around a mark for its values."""
        return f"{self._before}{values}{self._after}"


class SqliteStatements:
    """How SQLite is told."""

    def insert(self, cursor: Cursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert whole rows, in their order."""
        for some in _cut(rows):
            cursor.execute(_insert(table, len(some)), _flat(some))

    def put(self, cursor: Cursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert whole rows, in the place of those that have their key."""
        for some in _cut(rows):
            cursor.execute(f"{_insert(table, len(some))} {_instead(table)}", _flat(some))

    def delete(
        self, cursor: Cursor, table: Table, names: Sequence[str], keys: Sequence[Row]
    ) -> None:
        """Delete the rows whose columns `names`, which have an index, have one of these values."""
        one = " AND ".join(f"{name} = ?" for name in names)
        for some in _cut(keys):
            where = " OR ".join([f"({one})"] * len(some))
            cursor.execute(f"DELETE FROM {table.name} WHERE {where}", _flat(some))

    def ask(self, cursor: Cursor, question: Question, values: Sequence[Any]) -> list[Row]:
        """Give the rows whose column has one of these values."""
        found: list[Row] = []
        for start in range(0, len(values), LARGEST_STATEMENT):
            some = list(values[start : start + LARGEST_STATEMENT])
            # Repeated up to a power of two, so that a few texts serve all lengths.
            some += some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))
            marks = ", ".join(["?"] * len(some))
            cursor.execute(question.text(f"({marks})"), some)
            found += fetched(cursor)
        return found


class PostgresqlStatements:
    """How PostgreSQL is told."""

    def insert(self, cursor: Cursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert whole rows, in their order."""
        if rows:
            cursor.execute(_insert_json(table), (_json(rows),))

    def put(self, cursor: Cursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert whole rows, in the place of those that have their key."""
        if rows:
            cursor.execute(f"{_insert_json(table)} {_instead(table)}", (_json(rows),))

    def delete(
        self, cursor: Cursor, table: Table, names: Sequence[str], keys: Sequence[Row]
    ) -> None:
        """Delete the rows whose columns `names`, which have an index, have one of these values."""
        if not keys:
            return
        where = " AND ".join(
            f"{table.name}.{name} = {_value(table.c[name], place)}"
            for place, name in enumerate(names)
        )
        cursor.execute(f"DELETE FROM {table.name} USING {_ELEMENTS} WHERE {where}", (_json(keys),))

    def ask(self, cursor: Cursor, question: Question, values: Sequence[Any]) -> list[Row]:
        """Give the rows whose column has one of these values."""
        if not values:
            return []
        self.send(cursor, question, values)
        return fetched(cursor)

    def send(self, cursor: Cursor, question: Question, values: Sequence[Any]) -> None:
        """Ask for these rows, and leave them with the cursor."""
        cursor.execute(question.text("%s"), (list(values),))


def fetched(cursor: Cursor) -> list[Row]:
    """Fetch all rows; many of them in a thread, or they would hold the event loop."""
    rows = list(cursor.fetchmany(MANY))
    if len(rows) == MANY:
        rows += in_thread(cursor.fetchall)
    return rows


def _cut(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows into powers of two, so that a few statements, prepared once, serve all numbers."""
    start, size = 0, LARGEST_STATEMENT
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


def _flat(rows: Sequence[Row]) -> list[Any]:
    return list(chain.from_iterable(rows))


@cache
def _insert(table: Table, count: int) -> str:
    marks = ", ".join(["?"] * len(table.columns))
    values = ", ".join([f"({marks})"] * count)
    return f"INSERT INTO {table.name} ({_names(table)}) VALUES {values}"


@cache
def _instead(table: Table) -> str:
    key = ", ".join(column.name for column in table.primary_key)
    new = ", ".join(
        f"{column.name} = excluded.{column.name}"
        for column in table.columns
        if not column.primary_key
    )
    return f"ON CONFLICT ({key}) DO UPDATE SET {new}"


_ELEMENTS: Final = "jsonb_array_elements(%s::jsonb) AS one"


@cache
def _insert_json(table: Table) -> str:
    values = ", ".join(_value(column, place) for place, column in enumerate(table.columns))
    return f"INSERT INTO {table.name} ({_names(table)}) SELECT {values} FROM {_ELEMENTS}"


def _names(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


def _value(column: Column[Any], place: int) -> str:
    """Take a column's value out of a row in JSON, where bytes are hexadecimal digits."""
    text = f"(one ->> {place})"
    if isinstance(column.type, LargeBinary):
        return f"decode({text}, 'hex')"
    for kind, name in _KINDS:
        if isinstance(column.type, kind):
            return f"{text}::{name}"
    raise AssertionError(f"{column}: a type that no row has yet")


_KINDS: Final = (
    *((BigInteger, "bigint"), (SmallInteger, "smallint"), (Integer, "integer")),
    *((Boolean, "boolean"), (Text, "text")),
)


def _json(rows: Sequence[Row]) -> str:
    return orjson.dumps(rows, default=_json_value).decode()


def _json_value(value: object) -> object:
    """Give bytes as hexadecimal digits, and a named tuple as the array that it is."""
    return value.hex() if isinstance(value, bytes) else tuple(value)  # type: ignore[arg-type]
