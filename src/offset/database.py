"""One ledger's database: its engines and transactions, and what is asked of either kind of it.

How connections begin stands in `connections`, how rows are told in `statements`; searches have SQL
of their own (`names`, `walks`, `listing`, `tracing`).
"""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple

import psycopg
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    bindparam,
    func,
    literal_column,
)
from sqlalchemy.exc import DBAPIError

from offset.connections import (
    BY_KEY,
    PATIENT_SILENCE_S,
    TIMEOUTS,
    allow_idling,
    cursor,
    postgresql_engine,
    read_url,
    set_patience,
    sqlite_engine,
    transaction_settings,
)
from offset.core.commands import Claim
from offset.core.errors import DatabaseUnavailable, Unfit
from offset.database_file import File
from offset.holdings_cache import HoldingsCache
from offset.journal import Journal
from offset.objections import DATABASE_ERRORS, Objection, is_met, objection, reason, unavailable
from offset.statements import (
    Cursor,
    PostgresqlStatements,
    Question,
    Row,
    SqliteStatements,
    fetched,
)
from offset.turns import Turns

_KEY_LOCKS, _SERIES_LOCKS, _PUBLISHER_LOCK = 1, 2, 4  # classes of PostgreSQL advisory locks
# Of each connection that lists, of those that find by key (what leads to the rows of a million
# records), of the one that writes. The system keeps the file's pages, too.
_READ_CACHE_KB, _KEY_CACHE_KB, _WRITE_CACHE_KB = 3_072, 4_096, 20_480
# A rewrite keeps only what is there now. VACUUM FULL would also keep dead rows that an older
# snapshot can see, and do nothing for a role that does not own the table, both without an error.
_REWRITE_DETAILS: Final = "ALTER TABLE details ALTER COLUMN content TYPE text USING content || ''"

_MOMENT_MS: Final = "200"


class _Sent(NamedTuple):
    """How rows that are sent as JSON stand in SQL: as rows `w`, with a value by its place."""

    rows: str
    text: str
    number: str


_SENT_TO_SQLITE: Final = _Sent("json_each(?) AS w", *["json_extract(w.value, '$[{}]')"] * 2)
_SENT_TO_POSTGRESQL: Final = _Sent(
    "jsonb_array_elements(%s::jsonb) AS w", "(w.value ->> {})", "(w.value ->> {})::bigint"
)


class ClaimRow(NamedTuple):
    """A row of `serial_claims`."""

    series_number: int
    first: int
    last: int
    record_number: int
    form: str | None
    position: int | None


class Held(NamedTuple):
    """What foreign sessions hold of the locks that some requests need, and what is locked here."""

    keys: frozenset[int]
    buckets: frozenset[int]
    ids: frozenset[bytes]
    locked: set[bytes]


_CLAIM_COLUMNS: Final = ", ".join(f"c.{name}" for name in ClaimRow._fields)


class Database:
    """One ledger's database: a SQLite file, or a schema of a PostgreSQL database.

    Raises:
        Unfit: the URL is not one of these, or the database's settings lose answered writes.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url: Final = read_url(url)
        self.is_sqlite: Final = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            # What a connection has read it keeps only until another one writes.
            sqlite = partial(sqlite_engine, self.url)
            self.engine = sqlite(pool_size=pool_size, cache_kb=_READ_CACHE_KB)
            writes = sqlite(pool_size=1, cache_kb=_WRITE_CACHE_KB, busy_ms=0)  # BEGIN waits
            # The event loop's connection, and an import's beside it.
            looks_up = sqlite(pool_size=2, cache_kb=_KEY_CACHE_KB)
        else:
            postgresql = partial(postgresql_engine, self.url, pool_size=pool_size)
            self.engine = postgresql(settings=TIMEOUTS)
            looks_up = writes = postgresql(settings=TIMEOUTS | BY_KEY)
        self.writer: Final = writes.execution_options(writing=True, by_key=True)
        one_moment: dict[str, Any] = {}  # which a transaction of SQLite sees anyway
        if not self.is_sqlite:
            one_moment = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = self.engine.execution_options(**one_moment)
        self._looking_up = looks_up.execution_options(by_key=True, **one_moment)
        # A server that works for this process, which meanwhile can do something else.
        self.works_beside: Final = not self.is_sqlite
        self.holdings_cache = HoldingsCache()
        self._turns = Turns()
        self._file = File(str(self.url.database)) if self.is_sqlite else None
        self._journal = (
            None if self._file is None else Journal(str(self.url.database), self._file.is_same)
        )
        self._sent: Final = _SENT_TO_SQLITE if self.is_sqlite else _SENT_TO_POSTGRESQL
        self._statements = SqliteStatements() if self.is_sqlite else PostgresqlStatements()

    def close(self) -> None:
        """Close every connection; whoever wants one after that gets another."""
        if self._journal is not None:
            self._journal.close()
        for engine in (self.engine, self.writer, self._looking_up):
            engine.dispose()
        if self._file is not None:
            self._file.forget_journal()

    def reach(self) -> None:
        """Connect every engine once, so that whoever starts learns why it cannot.

        Raises:
            DatabaseUnavailable: in the driver's words, which never have the password.
        """
        try:
            for engine in (self.engine, self.writer, self._looking_up):
                engine.connect().close()
        except DATABASE_ERRORS as error:
            what = self.url.database if self.is_sqlite else "the database"
            why = reason(error)
            if is_met(error, Objection.DAMAGED):
                why = f"it is damaged, or no SQLite database ({why}); restore it from a backup"
            raise DatabaseUnavailable(f"{what} cannot be opened: {why}") from error
        if self._file is not None:
            self._file.remember()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes; on SQLite it waits for the file's one writer."""
        if self._journal is not None:
            # SQLite itself would look again after 1, 2, 5 ... 100 ms, and a thread that writes
            # without a pause would always be there first.
            assert self._file is not None
            with self._turns.taken():
                self._file.require()
                with self.writer.begin() as connection:
                    yield connection
                self._file.require(written=True)
                self._journal.written()
            return
        with self.writer.begin() as connection:
            yield connection

    @contextmanager
    def altering(self) -> Iterator[Connection]:
        """Open a transaction that may change the schema, and take as long as that takes."""
        with (self.writer if self.is_sqlite else self.engine).begin() as connection:
            self._take_time(connection)
            yield connection

    @contextmanager
    def reading(self, *, patiently: bool = False, by_key: bool = False) -> Iterator[Connection]:
        """Open a transaction that sees one moment of the ledger and cannot write.

        `patiently` is for one long look at everything: no statement is cut short. `by_key` is for
        questions that find every row by its key.

        Raises:
            DatabaseUnavailable: the database is away or too slow.
        """
        if self._file is not None:
            self._file.require()
        try:
            with (self._looking_up if by_key else self._reading).begin() as connection:
                if patiently:
                    self._take_time(connection, PATIENT_SILENCE_S)
                yield connection
        except DATABASE_ERRORS as error:
            met = objection(error)  # a fault of ours is raised as it is
            if met in (Objection.DAMAGED, Objection.DENIED):
                raise DatabaseUnavailable(unavailable(met)) from error
            raise DatabaseUnavailable("the database did not answer; try again") from error

    def _take_time(self, connection: Connection, silence_s: float | None = None) -> None:
        if not self.is_sqlite:
            set_patience(connection, silence_s)
            connection.exec_driver_sql(transaction_settings(dict.fromkeys(TIMEOUTS, "0")))

    def allow_idling(self, connection: Connection, seconds: float) -> None:
        """Keep the locks of a transaction while this process works so long on its next statement.

        Ordinarily the database takes them from a process that seems to be frozen.
        """
        if not self.is_sqlite:
            allow_idling(connection, seconds)

    def among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Compare a column with the values of one list parameter."""
        if self.is_sqlite:
            return column.in_(bindparam(name, expanding=True))
        return column == func.any(bindparam(name, type_=ARRAY(column.type)))

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert whole rows, in the order of the table's columns."""
        self._statements.insert(cursor(connection), table, rows)

    def put(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert whole rows, in the place of those that have their key."""
        self._statements.put(cursor(connection), table, rows)

    def delete(
        self, connection: Connection, table: Table, names: Sequence[str], keys: Sequence[Row]
    ) -> None:
        """Delete the rows whose columns `names`, which have an index, have one of these values."""
        self._statements.delete(cursor(connection), table, names, keys)

    def question(self, statement: Select[Any], column: ColumnElement[Any]) -> Question:
        """Make a statement that asks for the rows whose column has one of some values."""
        return Question(statement, column, self.engine.dialect)

    def ask(self, connection: Connection, question: Question, values: Sequence[Any]) -> list[Row]:
        """Give the rows whose column has one of these values, as plain tuples."""
        return self._statements.ask(cursor(connection), question, values)

    def ask_together(
        self, connection: Connection, *asked: tuple[Question, Sequence[Any]]
    ) -> list[list[Row]]:
        """Ask several questions, of which none waits for the rows of another."""
        statements = self._statements
        if isinstance(statements, SqliteStatements):
            return [self.ask(connection, question, values) for question, values in asked]
        cursors = [cursor(connection) for _ in asked]
        with self.together(connection):
            for one, (question, values) in zip(cursors, asked, strict=True):
                statements.send(one, question, values)
        return [fetched(one) for one in cursors]

    @contextmanager
    def together(self, connection: Connection) -> Iterator[None]:
        """Send the statements inside without waiting for each; their rows come after the end.

        What the database objects to is raised at the end at the latest.
        """
        if self.is_sqlite:
            yield
            return
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with driver.pipeline():
            yield

    def move_head(self, connection: Connection, count: int, now_us: int) -> tuple[int, int]:
        """Take `count` positions; give the last of them and a time that never goes back."""
        later = "max" if self.is_sqlite else "greatest"
        mark = "?" if self.is_sqlite else "%s::bigint"
        moved = cursor(connection)
        moved.execute(
            f"UPDATE ledger_head SET position = position + {mark}, at_us = {later}(at_us, {mark})"
            " RETURNING position, at_us",
            (count, now_us),
        )
        ((position, at_us),) = moved.fetchall()
        return position, at_us

    def series_numbers(
        self, connection: Connection, lines: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], int]:
        """Find the numbers of those of these (registry, series) that have one.

        Both together are the key: a series alone would be looked for in all of the table.
        """
        if not lines:
            return {}
        registry, name = (self._sent.text.format(n) for n in range(2))
        asked = cursor(connection)
        asked.execute(
            f"SELECT s.registry, s.series, s.number FROM {self._sent.rows}"
            f" JOIN series s ON s.registry = {registry} AND s.series = {name}",
            (json.dumps(list(lines)),),
        )
        return {(registry, name): number for registry, name, number in asked.fetchall()}

    def claims_overlapping(
        self, connection: Connection, wanted: Sequence[tuple[int, int, int, str]]
    ) -> dict[str, Claim]:
        """Find, for each (series number, first, last, name), a claim that overlaps it, by name.

        Claims of a series are disjoint, so only the highest one that begins early enough can.
        """
        if not wanted:
            return {}
        line, first, last = (self._sent.number.format(n) for n in range(3))
        asked = cursor(connection)
        asked.execute(
            f"SELECT {self._sent.text.format(3)}, records.id, c.first, c.last"
            f" FROM {self._sent.rows}"
            f" JOIN serial_claims c ON c.series_number = {line} AND c.first = ("
            f"SELECT max(first) FROM serial_claims"
            f" WHERE series_number = {line} AND first <= {last})"
            f" JOIN records ON records.number = c.record_number WHERE c.last >= {first}",
            (json.dumps(wanted),),
        )
        return {
            name: Claim(record_id=record_id.hex(), first=first, last=last)
            for name, record_id, first, last in asked.fetchall()
        }

    def serial_facts(
        self, connection: Connection, subjects: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[str, str]]:
        """Find what is stated of these (registry, subject): the value, and the record's id."""
        if not subjects:
            return {}
        registry, subject = (self._sent.text.format(n) for n in range(2))
        asked = cursor(connection)
        asked.execute(
            f"SELECT f.registry, f.subject, f.value, records.id FROM {self._sent.rows}"
            f" JOIN serial_facts f ON f.registry = {registry} AND f.subject = {subject}"
            " JOIN records ON records.number = f.record_number",
            (json.dumps(list(subjects)),),
        )
        return {(row[0], row[1]): (row[2], row[3].hex()) for row in asked.fetchall()}

    def claims_within(
        self, connection: Connection, wanted: Sequence[tuple[int, int, int]]
    ) -> Sequence[ClaimRow]:
        """Find all claims that overlap some (series number, first, last).

        Each is there once. Claims of a series are disjoint: the highest that begins early enough,
        and those that begin inside.
        """
        if not wanted:
            return ()
        line, first, last = (self._sent.number.format(n) for n in range(3))
        asked = cursor(connection)
        asked.execute(
            f"SELECT DISTINCT {_CLAIM_COLUMNS} FROM {self._sent.rows}"
            f" JOIN serial_claims c ON c.series_number = {line}"
            f" AND c.first <= {last} AND c.first >= coalesce(("
            f"SELECT max(first) FROM serial_claims"
            f" WHERE series_number = {line} AND first <= {first}), {first})"
            f" WHERE c.last >= {first}",
            (json.dumps(wanted),),
        )
        return [ClaimRow._make(found) for found in asked.fetchall()]

    def extra_field(self, name: str) -> ColumnElement[str]:
        """Give one of a record's optional fields; there is an index for `project_id`."""
        if self.is_sqlite:
            return literal_column(f"json_extract(extra, '$.{name}')", Text)
        return literal_column(f"(extra::jsonb ->> '{name}')", Text)

    def lock(
        self,
        connection: Connection,
        *,
        keys: Iterable[int],
        buckets: Iterable[int],
        ids: Collection[bytes],
    ) -> set[bytes]:
        """Wait until no other transaction has to do with any of these, and let none begin.

        They are idempotency keys (32-bit hashes), buckets of series in which something is created,
        and records. Gives the ids that are locked: whose record is there.
        """
        if self.is_sqlite:  # BEGIN IMMEDIATE is all these locks
            return set(ids)
        found = cursor(connection)
        with self.together(connection):
            self._advisory(connection, _KEY_LOCKS, keys)
            self._advisory(connection, _SERIES_LOCKS, buckets)
            found.execute(
                "SELECT id FROM record_state JOIN records ON number = record_number"
                " WHERE id = ANY(%s::bytea[]) ORDER BY record_number FOR UPDATE OF record_state",
                (list(ids),),
            )
        return {record_id for (record_id,) in found.fetchall()}

    def hurry(self, connection: Connection) -> None:
        """Wait only a moment for each further lock of this transaction."""
        if not self.is_sqlite:
            connection.exec_driver_sql(transaction_settings({"lock_timeout": _MOMENT_MS}))

    def lock_free(
        self,
        connection: Connection,
        *,
        keys: Iterable[int],
        buckets: Iterable[int],
        ids: Collection[bytes],
    ) -> "Held":
        """Lock those of these that no other transaction holds, without waiting for any.

        The same as `lock`, after that waited in vain: so only who needs a lock that a foreign
        session holds is turned away.
        """
        if self.is_sqlite:
            return Held(keys=frozenset(), buckets=frozenset(), ids=frozenset(), locked=set(ids))
        found = cursor(connection)
        found.execute(
            "SELECT records.id FROM record_state JOIN records ON number = record_number"
            " WHERE id = ANY(%s::bytea[]) ORDER BY record_number"
            " FOR UPDATE OF record_state SKIP LOCKED",
            (list(ids),),
        )
        locked = {record_id for (record_id,) in found.fetchall()}
        found.execute("SELECT id FROM records WHERE id = ANY(%s::bytea[])", (list(ids),))
        there = {record_id for (record_id,) in found.fetchall()}
        return Held(
            keys=self._held(found, _KEY_LOCKS, keys),
            buckets=self._held(found, _SERIES_LOCKS, buckets),
            ids=frozenset(there - locked),
            locked=locked,
        )

    def _held(self, asked: Cursor, kind: int, numbers: Iterable[int]) -> frozenset[int]:
        """Take the advisory locks that are free; give the numbers of the others."""
        asked.execute(
            "SELECT number FROM unnest(%s::int[]) AS number"
            " WHERE NOT pg_try_advisory_xact_lock(%s::int, number)",
            (sorted(set(numbers)), kind),
        )
        return frozenset(number for (number,) in asked.fetchall())

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
        if ordered := sorted(set(numbers)):
            cursor(connection).execute(
                "SELECT pg_advisory_xact_lock(%s::int, number)"
                " FROM unnest(%s::int[]) WITH ORDINALITY AS t(number, n) ORDER BY n",
                (kind, ordered),
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
            with self.altering() as connection:
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
