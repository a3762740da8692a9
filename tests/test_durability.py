"""A database under which an answered write could be lost is refused before anything is written."""

import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import Engine, event

from offset.core.errors import DatabaseUnavailable, Unfit
from offset.database import Database


def pragma(engine: Engine, setting: str) -> None:
    """Change a setting of every connection after Offset has set its own."""

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA {setting}")


@pytest.mark.parametrize(
    "setting, told",
    [
        ("synchronous = NORMAL", "synchronous is 1; it has to be 2"),
        ("synchronous = OFF", "synchronous is 0; it has to be 2"),
        ("journal_mode = DELETE", "journal_mode is delete; it has to be wal"),
        ("synchronous = EXTRA", None),
        ("synchronous = FULL", None),
    ],
)
def test_sqlite_settings_that_lose_answered_writes_are_refused(
    setting: str, told: str | None, sqlite_url: str
) -> None:
    database = Database(sqlite_url)
    pragma(database.engine, setting)
    if told is None:
        database.require_durability()
    else:
        with pytest.raises(Unfit, match=told):
            database.require_durability()
    database.close()


@pytest.mark.parametrize("whose", ["DATABASE {database}", "ROLE postgres IN DATABASE {database}"])
@pytest.mark.parametrize("value", ["off", "local", "remote_write", "remote_apply", "on"])
def test_postgresql_settings_that_lose_answered_writes_are_refused(
    whose: str, value: str, postgresql_url: str
) -> None:
    name = urlsplit(postgresql_url).path[1:]
    with psycopg.connect(postgresql_url, autocommit=True) as admin:
        (role,) = admin.execute("SELECT current_user").fetchone() or ("",)
        target = whose.format(database=name).replace("postgres IN", f"{role} IN")
        admin.execute(f"ALTER {target} SET synchronous_commit = {value}".encode())
    database = Database(postgresql_url)
    if value in ("on", "remote_apply"):
        database.require_durability()
    else:
        with pytest.raises(Unfit, match=f"synchronous_commit is {value}; it has to be on"):
            database.require_durability()
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite:///:memory:"),
        *("sqlite:///file::memory:?uri=true", "sqlite:///file:x?mode=memory&uri=true"),
        *("sqlite:///x.db?mode=memory", "sqlite+aiosqlite:///x.db"),
        *("mysql://localhost/x", "oracle://localhost/x", "postgresql+asyncpg://localhost/x"),
        *("postgresql://localhost:port/x", "offset.db", "", "postgresql//localhost"),
    ],
)
def test_a_url_that_names_no_lasting_ledger_is_refused(url: str) -> None:
    with pytest.raises(Unfit, match="DATABASE_URL"):
        Database(url)


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "postgres://h/x", "postgresql://h/x", "postgresql+psycopg://h/x"]
)
def test_a_url_of_a_file_or_of_postgresql_is_taken(url: str) -> None:
    Database(url).close()


def test_a_url_is_refused_without_its_password() -> None:
    with pytest.raises(Unfit) as refused:
        Database("mysql://user:secret@localhost/x")
    assert "secret" not in str(refused.value)


def test_a_database_that_is_away_is_said_to_be_away(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none/offset.db", f"postgresql:///x?host={tmp_path}"):
        database = Database(url)
        with pytest.raises(DatabaseUnavailable):
            database.require_durability()
        database.close()
