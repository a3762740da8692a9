"""What it means that a database refused: by the driver's code, and never by its text."""

import sqlite3
from enum import Enum
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DATABASE_ERRORS: Final = (SQLAlchemyError, sqlite3.Error, psycopg.Error)
_LOST_STATES: Final = ("57P01", "57P02", "57P03")  # the server is going away
_FAULT_STATES: Final = ("0A", "21", "22", "23", "42")  # what was sent makes no sense
_SQLITE_FAULTS: Final = (1, 18, 20, 21, 25)  # the same: ERROR, TOOBIG, MISMATCH, MISUSE, RANGE
_SQLITE_DAMAGES: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LOCK_STATE: Final = "55P03"
_RIGHT_STATE: Final = "42501"
_RACE_STATES: Final = ("40001", "40P01", "23505", "23P01", "23514", "23001", "23503")


class NoAnswer(psycopg.OperationalError):
    """PostgreSQL keeps a connection and says nothing."""


class Objection(Enum):
    """What it means that the database refused a transaction."""

    RACE = "another transaction was there first: decide again"
    LOCKED = "a foreign session holds a lock for longer than anyone waits here"
    LOST = "the connection or the file failed, and what became of a COMMIT is not known"
    SILENT = "the server does not answer, and would not answer another try either"
    AWAY = "the database cannot do it now: disk full, read only, too slow"
    DAMAGED = "the file is not what SQLite wrote"
    DENIED = "the role of this connection lacks a right"


def objection(error: Exception) -> Objection:
    """Say what an error, one of `DATABASE_ERRORS`, means.

    Raises:
        SQLAlchemyError, sqlite3.Error, psycopg.Error: the same one: what was sent is wrong, a
            fault of ours.
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


def unavailable(met: Objection) -> str:
    """Return the sentence that a client reads when nothing was done."""
    if met is Objection.DAMAGED:
        return (
            "the database's file is damaged; nothing was done. Stop the server, restore the file "
            "from a backup, and check it with `offset verify`"
        )
    if met is Objection.DENIED:
        return (
            "the role of this server lacks a right in the database; nothing was done. As the "
            "ledger's owner: offset migrate --role ROLE"
        )
    if met is Objection.LOCKED:
        return (
            "another session of the database holds a lock that this needs; nothing was done. Try "
            "again when it has ended its transaction"
        )
    if met is Objection.SILENT:
        return "the database does not answer; nothing was done. Try again later"
    return "the database did not take this; nothing was done. Try again"


def is_met(error: Exception, *kinds: Objection) -> bool:
    """Check whether an error, one of `DATABASE_ERRORS`, means one of these."""
    try:
        return objection(error) in kinds
    except DATABASE_ERRORS:
        return False


def reason(error: Exception) -> str:
    """Give the driver's own first line: for a person to read, never to decide by."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).strip().partition("\n")[0]


def _sqlite_objection(error: sqlite3.Error) -> Objection | None:
    if isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode"):
        return Objection.DAMAGED  # the driver's own: a stored text is not UTF-8
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_CONSTRAINT:
        return Objection.RACE
    if code in _SQLITE_DAMAGES:
        return Objection.DAMAGED
    if code == sqlite3.SQLITE_IOERR:
        # Of a COMMIT whose journal could not be synced: after a crash it may be there after all.
        return Objection.LOST
    return None if code in _SQLITE_FAULTS else Objection.AWAY


def _postgresql_objection(error: psycopg.Error) -> Objection | None:
    if isinstance(error, NoAnswer | psycopg.errors.ConnectionTimeout):
        return Objection.SILENT
    state = error.sqlstate
    if state is None:
        gone = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Objection.LOST if gone else None
    if state.startswith("08") or state in _LOST_STATES:
        return Objection.LOST
    if state in _RACE_STATES:
        return Objection.RACE
    if state == _LOCK_STATE:
        return Objection.LOCKED
    if state == _RIGHT_STATE:
        return Objection.DENIED
    return None if state.startswith(_FAULT_STATES) else Objection.AWAY
