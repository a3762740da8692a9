"""The engine, and all that differs between SQLite and PostgreSQL."""

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import Any, Final

import psycopg
from sqlalchemy import (
    ARRAY,
    URL,
    ColumnElement,
    Connection,
    Engine,
    Table,
    Text,
    bindparam,
    create_engine,
    event,
    func,
    literal_column,
    make_url,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from offset.core.commands import Claim
from offset.core.errors import DatabaseUnavailable, Unfit

COPY_FROM_ROWS: Final = 64  # below, PostgreSQL takes pipelined INSERTs as fast as a COPY
_DRIVERS: Final = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
_KEY_LOCKS, _SERIES_LOCKS, _PUBLISHER_LOCK = 1, 2, 4  # classes of PostgreSQL advisory locks
_CONNECTION: Final = {
    "prepare_threshold": None,  # a pooler in transaction mode loses prepared statements
    "connect_timeout": 3,  # seconds
    # A host that vanished is noticed within 11 s; by the system's own settings, after hours.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
_TIMEOUTS: Final = (  # milliseconds; set for each transaction, so that a pooler can sit between
    "SELECT set_config('lock_timeout', '2000', true),"
    " set_config('statement_timeout', '5000', true),"
    " set_config('idle_in_transaction_session_timeout', '10000', true)"
)
_NO_TIMEOUTS: Final = (
    "SELECT set_config('statement_timeout', '0', true),"
    " set_config('idle_in_transaction_session_timeout', '0', true)"
)
# A rewrite keeps only what is there now. VACUUM FULL would also keep dead rows that an older
# snapshot can see, and do nothing for a role that does not own the table, both without an error.
_REWRITE_DETAILS: Final = "ALTER TABLE details ALTER COLUMN content TYPE text USING content || ''"
_LOST_STATES: Final = ("57P01", "57P02", "57P03")  # the server is going away
_FAULT_STATES: Final = ("0A", "21", "22", "23", "42")  # what was sent makes no sense
_SQLITE_FAULTS: Final = (1, 18, 20, 21, 25)  # the same: ERROR, TOOBIG, MISMATCH, MISUSE, RANGE
_RACE_STATES: Final = ("40001", "40P01", "55P03", "23505", "23P01", "23514", "23001", "23503")


class Objection(Enum):
    """What it means that the database refused a transaction."""

    RACE = "another transaction was there first: decide again"
    LOST = "the connection is gone, and with it the answer to a COMMIT"
    AWAY = "the database cannot do it now: disk full, read only, too slow"


class Database:
    """One ledger's database: a SQLite file, or a schema of a PostgreSQL database.

    Raises:
        Unfit: the URL is not one of these, or the database's settings lose answered writes.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url: Final = _url(url)
        self.is_sqlite: Final = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = create_engine(
                self.url,
                connect_args={"isolation_level": None, "timeout": 5, "check_same_thread": False},
                hide_parameters=True,  # details are in no log
                pool_size=pool_size,
                max_overflow=0,
                pool_timeout=3,
            )
            _prepare_sqlite(self.engine)
        else:
            self.engine = create_engine(
                self.url,
                connect_args=_CONNECTION,
                hide_parameters=True,
                pool_size=pool_size,
                max_overflow=0,
                pool_timeout=3,
                pool_pre_ping=False,
            )
        self.writer: Final = self.engine.execution_options(writing=True)
        self._reading = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        )
        self._inserts: dict[str, str] = {}

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def reach(self) -> None:
        """Connect once, so that whoever starts learns why it cannot.

        Raises:
            DatabaseUnavailable: in the driver's words, which never have the password.
        """
        try:
            self.engine.connect().close()
        except (SQLAlchemyError, psycopg.Error) as error:
            what = self.url.database if self.is_sqlite else "the database"
            raise DatabaseUnavailable(f"{what} cannot be opened: {reason(error)}") from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes; on SQLite it waits for the file's one writer."""
        with self.writer.begin() as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql(_TIMEOUTS)
            yield connection

    @contextmanager
    def reading(self, *, patiently: bool = False) -> Iterator[Connection]:
        """Open a transaction that sees one moment of the ledger and cannot write.

        `patiently` is for one long look at everything: no statement is cut short.

        Raises:
            DatabaseUnavailable: the database is away or too slow.
        """
        try:
            with self._reading.begin() as connection:
                if not self.is_sqlite:
                    connection.exec_driver_sql(_NO_TIMEOUTS if patiently else _TIMEOUTS)
                yield connection
        except (SQLAlchemyError, psycopg.Error) as error:
            self.objection(error)  # a fault of ours is raised as it is
            raise DatabaseUnavailable("the database did not answer; try again") from error

    def among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Compare a column with the values of one list parameter."""
        if self.is_sqlite:
            return column.in_(bindparam(name, expanding=True))
        return column == func.any(bindparam(name, type_=ARRAY(column.type)))

    def insert(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert whole rows, in the order of the table's columns."""
        if not rows:
            return
        if not self.is_sqlite and len(rows) >= COPY_FROM_ROWS:
            _copy(connection, table, rows)
            return
        if table.name not in self._inserts:
            mark = "?" if self.is_sqlite else "%s"
            names = ", ".join(column.name for column in table.columns)
            marks = ", ".join(mark for _ in table.columns)
            self._inserts[table.name] = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"
        connection.exec_driver_sql(self._inserts[table.name], list(rows))

    def delete(
        self,
        connection: Connection,
        table: Table,
        names: Sequence[str],
        keys: Sequence[tuple[Any, ...]],
    ) -> None:
        """Delete the rows whose columns `names` have one of these values."""
        if keys:
            mark = "?" if self.is_sqlite else "%s"
            where = " AND ".join(f"{name} = {mark}" for name in names)
            connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE {where}", list(keys))

    def move_head(self, connection: Connection, count: int, now_us: int) -> tuple[int, int]:
        """Take `count` positions; give the last of them and a time that never goes back."""
        later = "max" if self.is_sqlite else "greatest"
        mark = "?" if self.is_sqlite else "%s"
        row = connection.exec_driver_sql(
            f"UPDATE ledger_head SET position = position + {mark}, at_us = {later}(at_us, {mark})"
            " RETURNING position, at_us",
            (count, now_us),
        ).one()
        return row[0], row[1]

    def claims_overlapping(
        self, connection: Connection, wanted: Sequence[tuple[int, int, int, str]]
    ) -> dict[str, Claim]:
        """Find, for each (series number, first, last, name), a claim that overlaps it, by name.

        Claims of a series are disjoint, so only the highest one that begins early enough can.
        """
        if not wanted:
            return {}
        if self.is_sqlite:
            row, of = "json_each(?) AS w", "json_extract(w.value, '$[{}]')"
        else:
            row, of = "jsonb_array_elements(%s::jsonb) AS w", "(w.value ->> {})"
        line, first, last = (
            of.format(n) + ("" if self.is_sqlite else "::bigint") for n in range(3)
        )
        rows = connection.exec_driver_sql(
            f"SELECT {of.format(3)}, records.id, c.first, c.last FROM {row}"
            f" JOIN serial_claims c ON c.series_number = {line} AND c.first = ("
            f"SELECT max(first) FROM serial_claims"
            f" WHERE series_number = {line} AND first <= {last})"
            f" JOIN records ON records.number = c.record_number WHERE c.last >= {first}",
            (json.dumps(wanted),),
        )
        return {
            name: Claim(record_id=bytes(record_id).hex(), first=first, last=last)
            for name, record_id, first, last in rows
        }

    def claims_within(
        self, connection: Connection, wanted: Sequence[tuple[int, int, int]]
    ) -> Sequence[Any]:
        """Find all claims that overlap some (series number, first, last), as rows of their table.

        Each is there once. Claims of a series are disjoint: the highest that begins early enough,
        and those that begin inside.
        """
        if not wanted:
            return ()
        if self.is_sqlite:
            row, of = "json_each(?) AS w", "json_extract(w.value, '$[{}]')"
        else:
            row, of = "jsonb_array_elements(%s::jsonb) AS w", "(w.value ->> {})::bigint"
        line, first, last = (of.format(n) for n in range(3))
        return connection.exec_driver_sql(
            f"SELECT DISTINCT c.* FROM {row} JOIN serial_claims c ON c.series_number = {line}"
            f" AND c.first <= {last} AND c.first >= coalesce(("
            f"SELECT max(first) FROM serial_claims"
            f" WHERE series_number = {line} AND first <= {first}), {first})"
            f" WHERE c.last >= {first}",
            (json.dumps(wanted),),
        ).all()

    def extra_field(self, name: str) -> ColumnElement[str]:
        """Give one of a record's optional fields; there is an index for `project_id`."""
        if self.is_sqlite:
            return literal_column(f"json_extract(extra, '$.{name}')", Text)
        return literal_column(f"(extra::jsonb ->> '{name}')", Text)

    def lock_records(self, connection: Connection, ids: Collection[bytes]) -> set[bytes]:
        """Wait until no other transaction decides about these records, and let none begin.

        Gives those of them that are locked: whose record is there.
        """
        if self.is_sqlite or not ids:  # BEGIN IMMEDIATE is this lock too
            return set(ids)
        rows = connection.exec_driver_sql(
            "SELECT records.id FROM record_state JOIN records ON number = record_number"
            " WHERE records.id = ANY(%s) ORDER BY record_number FOR UPDATE OF record_state",
            (list(ids),),
        )
        return {bytes(row.id) for row in rows}

    def lock_keys(self, connection: Connection, keys: Iterable[int]) -> None:
        """Wait until no other transaction uses these idempotency keys (32-bit hashes)."""
        self._advisory(connection, _KEY_LOCKS, keys)

    def lock_series(self, connection: Connection, buckets: Iterable[int]) -> None:
        """Wait until no other transaction creates in these buckets of series."""
        self._advisory(connection, _SERIES_LOCKS, buckets)

    def lock_publisher(self, connection: Connection) -> bool:
        """Be the one who publishes the log until the transaction ends; False if another is."""
        if self.is_sqlite:  # BEGIN IMMEDIATE is this lock too
            return True
        return bool(
            connection.exec_driver_sql(
                "SELECT pg_try_advisory_xact_lock(%s, 0)", (_PUBLISHER_LOCK,)
            ).scalar_one()
        )

    def _advisory(self, connection: Connection, kind: int, numbers: Iterable[int]) -> None:
        ordered = sorted(set(numbers))
        if self.is_sqlite or not ordered:  # BEGIN IMMEDIATE is all these locks
            return
        connection.exec_driver_sql(
            "SELECT pg_advisory_xact_lock(%(kind)s, number)"
            " FROM unnest(%(numbers)s::int[]) WITH ORDINALITY AS t(number, n) ORDER BY n",
            {"kind": kind, "numbers": ordered},
        )

    def forget(self) -> None:
        """Leave no copy of what was erased: in SQLite's journal, in PostgreSQL's dead rows.

        Raises:
            DatabaseUnavailable: a reader holds a copy; the erasure stands.
            Unfit: the role may not rewrite the table; the erasure stands.
        """
        if self.is_sqlite:
            with self.engine.connect() as connection:
                _truncate_journal(connection.connection.driver_connection)
            return
        try:
            with self.engine.begin() as connection:
                # Requests that queue behind this lock wait 2 s for theirs.
                connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
                connection.exec_driver_sql(_REWRITE_DETAILS)
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state == "42501":
                raise Unfit(
                    "the details are erased, but dead rows still have them: only the owner of "
                    "the table can rewrite it; run `offset erase` for the event again as its owner"
                ) from error
            raise _held_copy("another transaction holds the table, whose dead rows have") from error

    def objection(self, error: SQLAlchemyError | sqlite3.Error | psycopg.Error) -> Objection:
        """Say what an error of the driver means, by its code and never by its text.

        Raises:
            SQLAlchemyError, psycopg.Error: the same one: what was sent is wrong, a fault of ours.
        """
        if isinstance(error, PoolTimeout):
            return Objection.AWAY
        cause = error.orig if isinstance(error, DBAPIError) else error
        found = None
        if isinstance(cause, sqlite3.Error):
            found = _sqlite_objection(cause)
        elif isinstance(cause, psycopg.Error):
            found = _postgresql_objection(cause)
        if found is None:
            raise error
        return found

    def require_durability(self) -> None:
        """Refuse settings under which an answered write could be lost.

        Raises:
            Unfit: which setting, and what it has to be.
            DatabaseUnavailable: the database cannot be reached.
        """
        wanted: dict[str, tuple[str, ...]]
        if self.is_sqlite:
            ask, wanted = "PRAGMA {}", {"journal_mode": ("wal",), "synchronous": ("2", "3")}
        else:
            ask = "SHOW {}"
            wanted = {
                "fsync": ("on",),
                "full_page_writes": ("on",),
                "synchronous_commit": ("on", "remote_apply"),
            }
        with self.reading() as connection:
            for name, values in wanted.items():
                found = str(connection.exec_driver_sql(ask.format(name)).scalar_one())
                if found not in values:
                    raise Unfit(f"the database's {name} is {found}; it has to be {values[0]}")


def _url(url: str) -> URL:
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (SQLAlchemyError, ValueError) as error:  # a port that is no number
        raise Unfit("DATABASE_URL is not a database URL") from error
    if "@" in (parsed.host or ""):  # the rest of a password, which no message may show
        raise Unfit("DATABASE_URL has an @ too many: inside a password it is written %40")
    if parsed.drivername not in _DRIVERS:
        raise Unfit(f"DATABASE_URL names {parsed.drivername}: use sqlite or postgresql")
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise Unfit("a ledger in memory would be lost: DATABASE_URL has to name a file")
        if parsed.query:  # one of them is mode=memory
            raise Unfit("DATABASE_URL names a SQLite file: it takes no options")
    return parsed


def reason(error: SQLAlchemyError | psycopg.Error) -> str:
    """Give the driver's own first line: for a person to read, never to decide by."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).strip().partition("\n")[0]


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _: object) -> None:
        for pragma in (
            "busy_timeout = 5000",
            "journal_mode = WAL",
            "synchronous = FULL",  # NORMAL loses answered writes at a power cut
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "secure_delete = ON",  # what is erased does not stay in free pages
            "cache_size = -65536",
            "wal_autocheckpoint = 16000",
        ):
            _patiently(partial(connection.execute, f"PRAGMA {pragma}"))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The driver's own transactions would begin too late and lose updates.
        writes = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _patiently(act: Callable[[], object], seconds: float = 5.0) -> None:
    """Try again while another process has the file; switching to WAL ignores the time-out."""
    end = time.monotonic() + seconds
    while True:
        try:
            act()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _truncate_journal(connection: Any) -> None:
    """Move the journal into the file and empty it, when the readers of before are done."""
    end = time.monotonic() + 5
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > end:
            raise _held_copy("a reader holds the journal, which has")
        time.sleep(0.05)


def _held_copy(where: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"the details are erased, but {where} a copy: run `offset erase` for the event again"
    )


def _sqlite_objection(error: sqlite3.Error) -> Objection | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_CONSTRAINT:
        return Objection.RACE
    return None if code in _SQLITE_FAULTS else Objection.AWAY


def _postgresql_objection(error: psycopg.Error) -> Objection | None:
    state = error.sqlstate
    if state is None:
        gone = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Objection.LOST if gone else None
    if state.startswith("08") or state in _LOST_STATES:
        return Objection.LOST
    if state in _RACE_STATES:
        return Objection.RACE
    return None if state.startswith(_FAULT_STATES) else Objection.AWAY


def _copy(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    names = ", ".join(column.name for column in table.columns)
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
