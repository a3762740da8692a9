"""What was changed in the database is not signed, and what was signed is not taken back."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text

from log_ledgers import LogLedger, opened_log
from offset.core.errors import LogCorrupt, LogRolledBack
from offset.core.merkle import leaf_hash
from offset.models import events, ledger_head, log_checkpoints, log_state, log_tiles
from tampering import at, byte_changed, change, remove, unguarded


@pytest.fixture
def log(database_url: str, tmp_path: Path) -> Iterator[LogLedger]:
    with opened_log(database_url, tmp_path) as made:
        yield made


def url_of(log: LogLedger) -> str:
    return log.database.url.render_as_string(hide_password=False)


NOT_YET: Final = 299  # a position that is not integrated
Tampering = Callable[[Any], None]


def new_root(connection: Any) -> None:
    change(log_state, text("1 = 1"), root=b"\x00" * 32)(connection)


def another_leaf(connection: Any) -> None:
    byte_changed(events.c.leaf, NOT_YET)(connection)


CORRUPT: Final[dict[str, tuple[Tampering, str]]] = {
    "a leaf": (another_leaf, "event at position 299: missing, or changed"),
    "a leaf's hash": (
        byte_changed(events.c.leaf_hash, NOT_YET),
        "event at position 299: missing, or changed",
    ),
    "an event that is gone": (
        lambda connection: _without_event(connection, NOT_YET),
        "event at position 299: missing",
    ),
    "the partial tile": (
        lambda connection: _tile_changed(connection, 0, 1),
        "the log's tiles do not make the root",
    ),
    "the tile above": (
        lambda connection: _tile_changed(connection, 1, 0),
        "the log's tiles do not make the root",
    ),
    "a tile that is gone": (
        remove(log_tiles, (log_tiles.c.level == 0) & (log_tiles.c.tile == 1)),
        "tile/0/001.p/34: not in this log",
    ),
    "a tile that is cut": (
        change(log_tiles, log_tiles.c.level == 1, hashes=b""),
        "tile/1/000.p/1: not in this log",
    ),
    "the root": (new_root, "the log's tiles do not make the root of size 290"),
    "the size": (
        change(log_state, text("1 = 1"), size=289),
        "the log's tiles do not make the root of size 289",
    ),
}


def _without_event(connection: Any, position: int) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA foreign_keys = OFF"))
    for table in ("details", "event_parts"):
        connection.execute(text(f"DELETE FROM {table} WHERE position = {position}"))
    remove(events, at(position))(connection)


def _tile_changed(connection: Any, level: int, number: int) -> None:
    where = (log_tiles.c.level == level) & (log_tiles.c.tile == number)
    hashes = bytearray(connection.execute(log_tiles.select().where(where)).one().hashes)
    hashes[5] ^= 1
    change(log_tiles, where, hashes=bytes(hashes))(connection)


@pytest.mark.parametrize("what", CORRUPT)
def test_changed_data_is_not_signed(what: str, log: LogLedger) -> None:
    """A log of 290 events, of which 280 are signed; ten more events wait."""
    tamper, told = CORRUPT[what]
    log.write(280)
    log.publish()
    log.write(10)
    integrate_only(log)
    log.write(10)
    signed = log.signed()
    with unguarded(url_of(log)) as connection:
        tamper(connection)
    for _ in range(2):
        with pytest.raises(LogCorrupt, match=told):
            log.publisher().publish()
    assert log.signed() == signed
    assert log.key_file.last_signed() is not None
    assert log.key_file.last_signed().size == 280  # type: ignore[union-attr]


def integrate_only(log: LogLedger) -> None:
    """Publish as a process that dies before it signs."""
    publisher = log.publisher()
    while publisher._integrate():
        pass


@pytest.mark.parametrize("warm", [False, True], ids=["new process", "same process"])
def test_a_changed_root_is_not_signed_when_nothing_is_left_to_integrate(
    warm: bool, log: LogLedger
) -> None:
    """The process died before it signed, or is about to sign."""
    log.write(5)
    publisher = log.publisher()
    publisher.publish()
    log.write(5)
    while publisher._integrate():
        pass
    with unguarded(url_of(log)) as connection:
        new_root(connection)
    with pytest.raises(LogCorrupt, match="do not make the root of size 10"):
        (publisher if warm else log.publisher()).publish()
    assert log.sizes() == [5]


def test_a_publisher_that_knows_the_tree_does_not_mend_a_changed_root(log: LogLedger) -> None:
    log.write(5)
    publisher = log.publisher()
    publisher.publish()
    log.write(5)
    with unguarded(url_of(log)) as connection:
        new_root(connection)
    with pytest.raises(LogCorrupt, match="do not make the root of size 5"):
        publisher.publish()
    assert log.sizes() == [5]


def test_a_log_that_is_larger_than_its_ledger_is_refused(log: LogLedger) -> None:
    log.write(5)
    log.publish()
    with unguarded(url_of(log)) as connection:
        change(ledger_head, text("1 = 1"), position=3)(connection)
    with pytest.raises(LogRolledBack, match="the ledger has 4 events, its log has 5"):
        log.publisher().publish()


@pytest.mark.parametrize("told", ["forgotten", "the guard is gone"])
def test_a_log_made_anew_of_other_events_is_refused_by_its_own_checkpoints(
    told: str, log: LogLedger
) -> None:
    log.write(5)
    log.publish()
    log.write(5)
    if told == "the guard is gone":
        log.key_file.guard.unlink()
    with unguarded(url_of(log)) as connection:
        leaf = b"another story"
        change(events, at(2), leaf=leaf, leaf_hash=leaf_hash(leaf))(connection)
        connection.execute(log_tiles.delete())
        connection.execute(log_state.delete())
    with pytest.raises(LogRolledBack, match="first 5 events are not those that were signed"):
        log.publisher().publish()
    assert log.sizes() == [5]


def test_a_checkpoint_that_cannot_be_read_is_named(log: LogLedger) -> None:
    log.write(5)
    log.publish()
    log.write(1)
    with unguarded(url_of(log)) as connection:
        change(log_checkpoints, text("1 = 1"), note="nonsense")(connection)
    with pytest.raises(LogCorrupt, match="a note: has no blank line"):
        log.publisher().publish()


# Guards ---------------------------------------------------------------------------------------

TAKING_BACK: Final = (
    "UPDATE log_checkpoints SET signed_at_us = signed_at_us + 1",
    "UPDATE log_checkpoints SET size = 3 WHERE size = 2",
    "DELETE FROM log_checkpoints WHERE size = 2",
    "INSERT INTO log_checkpoints VALUES (2, '', 0) ON CONFLICT (size) DO UPDATE SET note = ''",
    "UPDATE log_keys SET added_at_us = 0",
    "DELETE FROM log_keys",
    "UPDATE log_state SET size = size - 1",
    "UPDATE log_state SET root = (SELECT hashes FROM log_tiles LIMIT 1)",
    "UPDATE log_state SET id = 2",
    "DELETE FROM log_state",
    "INSERT INTO log_state SELECT 2, size, root FROM log_state",
)
TAKING_BACK_OF: Final = {
    "sqlite": (
        "INSERT OR REPLACE INTO log_checkpoints VALUES (2, '', 0)",
        "UPDATE OR REPLACE log_checkpoints SET size = 4 WHERE size = 2",
        "INSERT OR REPLACE INTO log_keys SELECT vkey, 0 FROM log_keys",
        "INSERT OR REPLACE INTO log_state VALUES (1, 0, x'00')",
    ),
    "postgresql": (
        "TRUNCATE log_checkpoints CASCADE",
        "TRUNCATE log_keys",
        "TRUNCATE log_state",
    ),
}
GOING_ON: Final = (
    "INSERT INTO log_checkpoints VALUES (7, '', 0)",
    "INSERT INTO log_keys VALUES ('another', 0)",
    "UPDATE log_state SET size = size + 1, root = (SELECT hashes FROM log_tiles LIMIT 1)",
)
REFUSALS: Final = (sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.errors.RaiseException)


@pytest.mark.parametrize("replica", [False, True], ids=["", "as replication writes"])
def test_what_was_signed_is_not_taken_back_even_by_its_owner(replica: bool, log: LogLedger) -> None:
    for _ in range(2):
        log.write(2)
        log.publish()
    engine = log.database.engine.dialect.name
    connection: Any
    if engine == "sqlite":
        connection = sqlite3.connect(str(log.database.url.database), isolation_level=None)
    else:
        connection = psycopg.connect(url_of(log), autocommit=True)
        if replica:
            connection.execute("SET session_replication_role = replica")
    with closing(connection):
        for statement in (*TAKING_BACK, *TAKING_BACK_OF[engine]):
            with pytest.raises(REFUSALS):
                connection.execute(statement)
            log.check()
        for statement in GOING_ON:
            connection.execute(statement)


def test_a_log_that_was_dropped_with_its_schema_is_published_anew_the_same(
    log: LogLedger,
) -> None:
    log.write(300)
    first = log.publish()
    made = import_module("offset.migrations.versions.0003_log")
    with (
        log.database.altering() as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        made.downgrade()
        made.upgrade()
    assert log.sizes() == []
    assert log.publish() == first
    log.write(1)
    log.publish()
    assert log.sizes() == [300, 301]
