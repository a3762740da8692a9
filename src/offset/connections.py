"""How a connection to either database begins: what it is told once, and what each transaction."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import wait_async
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from offset.core.errors import Unfit
from offset.journal import LONGEST, LONGEST_KEPT
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
LONGEST_WAIT_S: Final = 7.0
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


class Answers:
    """Whether PostgreSQL answers at all: it may be frozen and keep its connections."""

    def __init__(self) -> None:
        self.come = True

    def came(self) -> None:
        """Note an answer."""
        self.come = True

    def late(self) -> None:
        """Note that one did not come in time."""
        self.come = False


class _Socket(psycopg.Connection):
    """A connection that lets the event loop go on while the server works.

    `longest_wait_s` is how long an answer may take: a server that is frozen keeps its connections,
    and no time-out of its own ends what waits for it.
    """

    longest_wait_s: float | None = LONGEST_WAIT_S
    answers: Answers | None = None

    def wait(self, gen: PQGen[Given], interval: float = 0.1, timeout: float | None = None) -> Given:
        """Wait until the server has answered.

        Raises:
            psycopg.OperationalError: it did not in time; the connection is closed.
        """
        limit = self.longest_wait_s if timeout is None else timeout
        end = None if limit is None else time.monotonic() + limit
        try:
            if is_on_loop():
                given = wait_for(wait_async(gen, self.pgconn.socket, interval, limit))
            else:
                given = super().wait(gen, interval, limit)
        except psycopg.OperationalError as error:
            if end is None or error.sqlstate is not None or time.monotonic() < end:
                raise
            self.pgconn.finish()  # what it would answer yet is nobody's
            if self.answers is not None:
                self.answers.late()
            raise psycopg.OperationalError("the server did not answer in time") from error
        if self.answers is not None:
            self.answers.came()
        return given


def _reach(
    settings: Mapping[str, str], answers: Answers, arguments: list[Any], named: dict[str, Any]
) -> _Socket:
    """Connect, and tell a server that is the connection's own what holds for all transactions."""
    try:
        driver = _Socket.connect(*arguments, **named)
    except psycopg.OperationalError:
        answers.late()
        raise
    driver.answers = answers
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


def postgresql_engine(
    url: URL, *, pool_size: int, settings: Mapping[str, str], answers: Answers
) -> Engine:
    """Make an engine whose transactions have these settings."""
    # Whatever the database's or the role's default is: the guards need each statement to see anew.
    engine = _engine(url, _POSTGRESQL, pool_size, isolation_level="READ COMMITTED")

    # Not when it is connected, which SQLAlchemy tells under a lock: what waits there lets the loop
    # go on, whose next connection would wait for the lock and never let this one go on.
    @event.listens_for(engine, "do_connect")
    def reach(_: object, __: object, arguments: list[Any], named: dict[str, Any]) -> _Socket:
        return in_thread(partial(_reach, settings, answers, arguments, named))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, _Socket)
        driver.longest_wait_s = LONGEST_WAIT_S
        if driver.prepare_threshold is None:
            connection.exec_driver_sql(transaction_settings(settings))

    return engine


def wait_without_limit(connection: Connection) -> None:
    """Let the statements of this transaction take as long as they take."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, _Socket)
    driver.longest_wait_s = None


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
