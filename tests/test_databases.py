"""The databases that the other tests stand on are real, empty, durable and apart."""

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, text

import databases


@pytest.mark.parametrize("time", ["first", "second"])
def test_every_test_gets_a_database_of_its_own(database_url: str, time: str) -> None:
    engine = create_engine(database_url)
    assert "left_by_a_test" not in inspect(engine).get_table_names()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_by_a_test (n integer)"))
    engine.dispose()


def test_a_bare_database_has_no_table(bare_database_url: str) -> None:
    engine = create_engine(bare_database_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_an_open_connection_does_not_keep_a_database(
    postgres: databases.PostgresDatabases,
) -> None:
    with postgres.bare() as url:
        connection = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    connection.close()


def test_postgresql_is_as_durable_as_by_default(postgresql_url: str) -> None:
    settings = ["fsync", "synchronous_commit", "full_page_writes"]
    with psycopg.connect(postgresql_url) as connection:
        shown = [connection.execute(f"SHOW {setting}").fetchone() for setting in settings]
        (connections,) = connection.execute("SHOW max_connections").fetchone() or ("0",)
    assert shown == [("on",)] * 3
    assert int(connections) >= 200


def test_a_killed_postgresql_starts_again_with_what_was_committed() -> None:
    with databases.embedded_postgres() as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
        server.kill()
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT n FROM kept").fetchall() == [(42,)]
        folder = server.folder
    assert not folder.exists()


def test_a_copied_sqlite_template_is_a_file_of_its_own(sqlite_url: str, tmp_path: Path) -> None:
    assert sqlite_url == f"sqlite:///{tmp_path}/offset.db"
