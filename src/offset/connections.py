"""How a connection to either database begins: what it is told once, and what each transaction."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import ConnStatus
from psycopg.waiting import Ready, Wait, wait_async
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from offset.core.errors import Unfit
from offset.journal import LONGEST, LONGEST_KEPT
from offset.objections import NoAnswer
from offset.statements import STATEMENTS_KEPT, Cursor, PostgresqlCursor
from offset.waiting import Given, in_thread, is_on_loop, wait_for

_DRIVERS: Final = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
_POSTGRESQL: Final = {
    "prepare_threshold": None,  # a pooler in transaction mode loses prepared statements
    "connect_timeout": 3,  # seconds
    "client_encoding": "utf8",
    # A host that vanished is noticed within 11 s; by the system's own settings, after hours.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
_SQLITE: Final[Mapping[str, Any]] = {
    "isolation_level": None,
    "check_same_thread": False,
    "cached_statements": STATEMENTS_KEPT,
}
_SLOW_S: Final = 0.01  # for a COMMIT; handing it to a thread costs a millisecond or two
TIMEOUTS: Final = {  # milliseconds
    "lock_timeout": "2000",
    "statement_timeout": "5000",
    "idle_in_transaction_session_timeout": "10000",
}
# For statements that find every row by its key, and are planned once for a connection: a plan that
# was right for an empty table would read all of it when it is full.
BY_KEY: Final = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off")
# Seconds; longer than a statement may take by TIMEOUTS, so that only a frozen server meets it.
LONGEST_SILENCE_S: Final = 7.0
PATIENT_SILENCE_S: Final = 600.0  # where a statement may take long
_NEVER: Final = 2**31  # times that a statement comes before it is prepared unasked


def read_url(url: str) -> URL:
    """Read DATABASE_URL.

    Raises:
        Unfit: it names no database that a ledger can be in.
    """
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


class _File(sqlite3.Connection):
    """A connection that lets the event loop go on while it waits for a slow disk."""

    _is_slow = False

    def commit(self) -> None:
        """End the transaction and keep what it wrote."""
        start = time.monotonic()
        if self._is_slow:
            in_thread(super().commit)
        else:
            super().commit()
        self._is_slow = time.monotonic() - start > _SLOW_S


def sqlite_engine(url: URL, *, pool_size: int, cache_kb: int, busy_ms: int = 5_000) -> Engine:
    """Make an engine whose connections keep so much of what they have read.

    `busy_ms` is how long a statement waits for another process that writes.
    """
    engine = _engine(url, {**_SQLITE, "factory": _File}, pool_size)

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _: object) -> None:
        for pragma in (
            f"busy_timeout = {busy_ms}",
            "journal_mode = WAL",
            "synchronous = FULL",  # NORMAL loses answered writes at a power cut
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "secure_delete = ON",  # what is erased does not stay in free pages
            f"cache_size = -{cache_kb}",
            "temp_store = MEMORY",  # what undoes a statement of many rows, else a file each
            f"wal_autocheckpoint = {LONGEST}",
            f"journal_size_limit = {LONGEST_KEPT}",
        ):
            _patiently(partial(connection.execute, f"PRAGMA {pragma}"))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The driver's own transactions would begin too late and lose updates.
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        if not connection.get_execution_options().get("writing", False):
            driver.execute("BEGIN")
            return
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            in_thread(partial(_patiently, partial(driver.execute, "BEGIN IMMEDIATE")))

    return engine


class _Socket(psycopg.Connection):
    """A connection that lets the event loop go on while the server works.

    `silence_s` is how long the server may say nothing: one that is frozen keeps its connections,
    and no time-out of its own ends what waits for it.
    """

    silence_s: float | None = None

    def wait(self, gen: PQGen[Given], interval: float = 0.1, timeout: float | None = None) -> Given:
        """Wait until the server has answered.

        Raises:
            NoAnswer: it was silent for too long; the connection is closed.
        """
        try:
            wanted = next(gen)
        except StopIteration as end:
            # It needs no answer. SQLAlchemy sets up a pool's first connection under a lock: who
            # let the loop go on there would meet the next one, which waits for the lock for ever.
            given: Given = end.value
            return given
        heard = _while_heard(gen, wanted, self.silence_s)
        try:
            if is_on_loop():
                return wait_for(wait_async(heard, self.pgconn.socket, interval, timeout))
            return super().wait(heard, interval, timeout)
        except psycopg.Error as error:
            if isinstance(error, NoAnswer):
                self.pgconn.finish()  # what it would answer yet is nobody's
            if self.pgconn.status == ConnStatus.BAD:
                with suppress(psycopg.Error):  # a pipeline would still tell the server that it ends
                    gen.close()
            raise


def _while_heard(gen: PQGen[Given], wanted: Wait, silence_s: float | None) -> PQGen[Given]:
    """Pass on what a generator of psycopg waits for, until nothing was heard for too long."""
    try:
        heard_at = time.monotonic()
        while True:
            ready = yield wanted
            if ready & Ready.R:
                heard_at = time.monotonic()
            elif silence_s is not None and time.monotonic() > heard_at + silence_s:
                raise NoAnswer(f"the server has said nothing for {silence_s:g} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        given: Given = end.value
        return given


def _reach(settings: Mapping[str, str], arguments: list[Any], named: dict[str, Any]) -> _Socket:
    """Connect, and tell a server that is the connection's own what holds for all transactions."""
    driver = _Socket.connect(*arguments, **named)
    driver.silence_s = LONGEST_SILENCE_S
    try:
        # A pooler names another process as the one to cancel than the one that answers; it may
        # answer the next transaction by one that has never seen the statement nor the settings.
        (backend,) = driver.execute("SELECT pg_backend_pid()").fetchone() or (None,)
        if backend == driver.info.backend_pid:
            driver.prepare_threshold = _NEVER
            driver.execute(_set(settings, local=False))
        driver.commit()
    except BaseException:
        driver.close()
        raise
    return driver


def postgresql_engine(url: URL, *, pool_size: int, settings: Mapping[str, str]) -> Engine:
    """Make an engine whose transactions have these settings."""
    # Whatever the database's or the role's default is: the guards need each statement to see anew.
    engine = _engine(url, _POSTGRESQL, pool_size, isolation_level="READ COMMITTED")

    # Not when it is connected, which SQLAlchemy tells under a lock: what waits there lets the loop
    # go on, whose next connection would wait for the lock and never let this one go on.
    @event.listens_for(engine, "do_connect")
    def reach(_: object, __: object, arguments: list[Any], named: dict[str, Any]) -> _Socket:
        return in_thread(partial(_reach, settings, arguments, named))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, _Socket)
        driver.silence_s = LONGEST_SILENCE_S
        if driver.prepare_threshold is None:
            connection.exec_driver_sql(transaction_settings(settings))

    return engine


def set_patience(connection: Connection, silence_s: float | None) -> None:
    """Let the statements of this transaction take so long, or as long as they take."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, _Socket)
    driver.silence_s = silence_s


def allow_idling(connection: Connection, seconds: float) -> None:
    """Let the server wait so long for the next statement of this transaction."""
    setting = {"idle_in_transaction_session_timeout": str(round(seconds * 1000))}
    connection.exec_driver_sql(transaction_settings(setting))


def transaction_settings(settings: Mapping[str, str]) -> str:
    """Write the statement that makes settings for the rest of a transaction of PostgreSQL."""
    return _set(settings, local=True)


def _set(settings: Mapping[str, str], *, local: bool) -> str:
    each = (f"set_config('{name}', '{to}', {local})" for name, to in settings.items())
    return f"SELECT {', '.join(each)}"


def _engine(url: URL, arguments: Mapping[str, Any], pool_size: int, **options: Any) -> Engine:
    return create_engine(
        url,
        connect_args=dict(arguments),
        hide_parameters=True,  # details are in no log
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=3,
        pool_use_lifo=True,  # the one that was used last has its statements prepared
        pool_pre_ping=False,
        **options,
    )


def _patiently(act: Callable[[], object], seconds: float = 5.0) -> None:
    """Try again while another process has the file.

    Switching to WAL ignores the time-out, and the connection that writes has none.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            act()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)
        except UnicodeDecodeError as error:  # SQLite quotes what is wrong in the schema
            damaged = sqlite3.DatabaseError("the schema is malformed")
            damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damaged from error
        else:
            return


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # above that: why


def cursor(connection: Connection) -> Cursor:
    """Give a cursor of the driver itself, inside the connection's transaction."""
    driver = connection.connection.driver_connection
    if isinstance(driver, psycopg.Connection):
        by_key = connection.get_execution_options().get("by_key", False)
        return PostgresqlCursor(driver.cursor(), prepare=by_key)
    assert isinstance(driver, sqlite3.Connection)
    return driver.cursor()
