"""What a ledger says of a database that is not what it was, or cannot be what it has to be."""

import logging
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import psycopg
import pytest
from psycopg import sql

from builders import check_history, created, creating, do, opened, retiring
from offset.core.errors import DatabaseUnavailable, OffsetError, Unfit
from offset.database import Database
from offset.journal import Journal
from offset.ledger import Ledger
from offset.migrating import grant, migrate, require_rights, require_schema
from offset.reading import Reader
from offset.units import Unit
from servers import running_server


def path_of(url: str) -> Path:
    return Path(urlsplit(url).path[1:])


def refused(ledger: Ledger, unit: Unit) -> OffsetError:
    (outcome,) = ledger.commit([unit])
    assert isinstance(outcome, OffsetError)
    return outcome


# A file that cannot be written


def test_a_commit_that_the_file_system_fails_is_not_called_undone(sqlite_url: str) -> None:
    with opened(sqlite_url) as ledger:
        record_id = created(ledger, first=1, last=10)
        written = path_of(sqlite_url).with_name(f"{path_of(sqlite_url).name}-wal").stat().st_size
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (written + 4_096, limits[1]))
        try:
            (outcome,) = ledger.commit([retiring(record_id, quantity=1)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert isinstance(outcome, DatabaseUnavailable)
        assert outcome.facts == {"outcome": "unknown"}
        assert "nothing was done" not in outcome.detail
        assert do(ledger, retiring(record_id, quantity=1)).body["balance"]["retired"] == 1
        check_history(ledger.database)


# A file that is gone


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_is_gone_is_noticed_and_nothing_is_acknowledged(
    how: str, sqlite_url: str, tmp_path: Path
) -> None:
    path, kept = path_of(sqlite_url), tmp_path / "kept.db"
    with opened(sqlite_url) as ledger:
        record_id = created(ledger, first=1, last=10)
        path.rename(kept)
        if how == "replaced":
            shutil.copy(kept, path)
        for outcome in ledger.commit([creating(first=11, last=20), creating(first=21, last=30)]):
            assert isinstance(outcome, DatabaseUnavailable)
            assert f"was {how}" in outcome.detail
            assert outcome.facts == {}
        with pytest.raises(DatabaseUnavailable, match=f"was {how}"):
            Reader(ledger.database).record(record_id)
        if how == "replaced":
            path.unlink()
        kept.rename(path)
        assert do(ledger, creating(first=11, last=20)).status == 201
        assert Reader(ledger.database).record(record_id)[1]["status"] == "CREATED"


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_journal_that_is_gone_is_noticed_and_nothing_in_it_is_lost(
    suffix: str, sqlite_url: str
) -> None:
    with opened(sqlite_url) as ledger:
        kept = [created(ledger, first=first, last=first + 9) for first in (1, 11)]
        Path(f"{path_of(sqlite_url)}{suffix}").unlink()
        for _ in range(2):
            outcome = refused(ledger, creating(first=21, last=30))
            assert f"{suffix} was deleted" in outcome.detail
            assert outcome.facts == {}
        with pytest.raises(DatabaseUnavailable, match=f"{suffix} was deleted"):
            Reader(ledger.database).record(kept[0])
        ledger.database.close()  # as at the end of a server
        assert do(ledger, creating(first=21, last=30)).status == 201
        assert {Reader(ledger.database).record(one)[1]["id"] for one in kept} == set(kept)
        check_history(ledger.database)


def test_a_file_that_goes_during_a_commit_leaves_the_outcome_unknown(
    sqlite_url: str, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    with pytest.raises(DatabaseUnavailable) as unknown, database.writing():
        path_of(sqlite_url).rename(tmp_path / "kept.db")
    assert unknown.value.facts == {"outcome": "unknown"}
    database.close()


def test_a_server_whose_file_is_gone_answers_503_until_it_is_back(
    sqlite_url: str, tmp_path: Path
) -> None:
    path, kept = path_of(sqlite_url), tmp_path / "kept.db"
    with running_server(sqlite_url) as server, httpx2.Client(base_url=server.url) as client:
        assert client.get("/readyz").status_code == 200
        path.rename(kept)
        for answer in (client.get("/readyz"), client.get("/records")):
            assert answer.status_code == 503
            assert "was deleted" in answer.json()["detail"]
        assert not path.exists()
        kept.rename(path)
        assert client.get("/readyz").status_code == 200


# A file that is damaged


def test_a_damaged_file_is_called_damaged(sqlite_url: str) -> None:
    with opened(sqlite_url) as ledger:
        created(ledger, first=1, last=10)
    path = path_of(sqlite_url)
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xa5" * (path.stat().st_size - 4_096))
    with closing(Database(sqlite_url)) as database:
        ledger = Ledger(database, origin="log.example/a")
        assert "is damaged" in refused(ledger, creating(first=11, last=20)).detail
        with pytest.raises(DatabaseUnavailable, match="is damaged"):
            Reader(database).record("00" * 32)


def test_a_text_that_is_damaged_is_called_damaged(sqlite_url: str) -> None:
    with opened(sqlite_url) as ledger:
        record_id = created(ledger, project_name="Quiet Forest", first=1, last=10)
    path = path_of(sqlite_url)
    path.write_bytes(path.read_bytes().replace(b"Quiet Forest", b"Quiet\xff\xfeorest"))
    with opened(sqlite_url) as ledger:
        with pytest.raises(DatabaseUnavailable, match="is damaged"):
            Reader(ledger.database).record(record_id)
        assert "is damaged" in refused(ledger, retiring(record_id)).detail


def test_a_schema_that_is_damaged_is_called_damaged(sqlite_url: str) -> None:
    path = path_of(sqlite_url)
    text, cut = b"CREATE TABLE ledger_head", b"CREATE TABLE \xff\xfeader_head"
    path.write_bytes(path.read_bytes().replace(text, cut))
    with closing(Database(sqlite_url)) as database:
        for act in (migrate, require_schema):
            with pytest.raises(DatabaseUnavailable, match="is damaged"):
                act(database)


def test_a_file_of_another_kind_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "offset.db").write_text("a letter, and no database" * 1_000)
    with (
        closing(Database(f"sqlite:///{tmp_path}/offset.db")) as database,
        pytest.raises(DatabaseUnavailable, match="it is damaged, or no SQLite database"),
    ):
        database.reach()


# A journal beside an open reader


def test_a_journal_that_an_old_reader_keeps_long_is_reported_once(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_of(sqlite_url)
    journal = Journal(str(path))
    with caplog.at_level(logging.INFO, logger="uvicorn.error"), opened(sqlite_url) as ledger:
        journal._warned_of = 5
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            created(ledger, first=1, last=10)
            for _ in range(2):
                journal._move()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "a reader keeps an old state open" in caplog.text
        journal._move()
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


# PostgreSQL as it has to be


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_another_default_isolation_does_not_matter(level: str, postgresql_url: str) -> None:
    name = urlsplit(postgresql_url).path[1:]
    with psycopg.connect(postgresql_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{level}'")
    with opened(postgresql_url) as ledger:
        record_id = created(ledger, first=1, last=10)
        assert Reader(ledger.database).record(record_id)[1]["status"] == "CREATED"
        with ledger.database.writing() as connection:
            found = connection.exec_driver_sql("SHOW transaction_isolation").scalar_one()
    assert found == "read committed"


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_of_another_encoding_is_refused(encoding: str, postgresql_url: str) -> None:
    name = f"offset_test_{uuid4().hex}"
    with psycopg.connect(postgresql_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        url = urlsplit(postgresql_url)._replace(path=f"/{name}").geturl()
        try:
            with closing(Database(url)) as database:
                for act in (migrate, require_schema):
                    with pytest.raises(Unfit, match=f"has the encoding {encoding}"):
                        act(database)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(
    "right, sentence",
    [
        ("CONNECT", "may not make tables. As the schema's owner: GRANT USAGE, CREATE ON SCHEMA"),
        ("CREATE", "may not create the extension btree_gist. .*: CREATE EXTENSION btree_gist"),
    ],
)
def test_a_missing_right_is_one_sentence_with_the_statement(
    right: str, sentence: str, postgresql_url: str
) -> None:
    name = f"offset_test_{uuid4().hex}"
    role = sql.Identifier(name)
    with psycopg.connect(postgresql_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(role))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
        parts = urlsplit(postgresql_url)
        url = parts._replace(path=f"/{name}").geturl()
        try:
            with psycopg.connect(url, autocommit=True) as owner:
                owner.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
                if right == "CREATE":
                    owner.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(role))
                else:
                    owner.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
            host = parts.netloc.rpartition("@")[2]
            own = parts._replace(netloc=f"{name}:x@{host}", path=f"/{name}").geturl()
            with closing(Database(own)) as database, pytest.raises(Unfit, match=sentence):
                migrate(database)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(role))
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def role(postgresql_url: str) -> Iterator[tuple[str, str]]:
    """A role without any right, and its URL of the ledger."""
    name = f"offset_test_{uuid4().hex}"
    parts = urlsplit(postgresql_url)
    host = parts.netloc.rpartition("@")[2]
    with psycopg.connect(postgresql_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'".encode())
        yield name, parts._replace(netloc=f"{name}:x@{host}").geturl()
        admin.execute(f"DROP OWNED BY {name}".encode())
        admin.execute(f"DROP ROLE {name}".encode())


def run_as_owner(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        for statement in statements:
            owner.execute(statement.encode())


@pytest.mark.parametrize("right", ["SELECT", "USAGE"])
def test_a_role_without_rights_is_told_how_to_get_them(
    right: str, role: tuple[str, str], postgresql_url: str
) -> None:
    name, url = role
    if right == "USAGE":
        run_as_owner(postgresql_url, "REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    with (
        closing(Database(url)) as database,
        pytest.raises(Unfit, match=f"may not read the ledger .*: offset migrate --role {name}"),
    ):
        require_schema(database)


def test_a_role_that_lacks_one_right_is_told_which(
    role: tuple[str, str], postgresql_url: str
) -> None:
    name, url = role
    with opened(postgresql_url) as ledger, ledger.database.writing() as connection:
        grant(connection, name)
    with opened(url) as ledger:
        require_rights(ledger.database)
        run_as_owner(postgresql_url, f"REVOKE INSERT ON serial_facts FROM {name}")
        with pytest.raises(Unfit, match=f"role {name} lacks INSERT on serial_facts. .* {name}"):
            require_rights(ledger.database)
        run_as_owner(postgresql_url, f"REVOKE SELECT, INSERT ON events FROM {name}")
        assert "lacks a right" in refused(ledger, creating(first=1, last=10)).detail
        with pytest.raises(DatabaseUnavailable, match="lacks a right"):
            Reader(ledger.database).events(after=-1, limit=10)


def test_a_right_that_a_role_had_too_much_is_taken(
    role: tuple[str, str], postgresql_url: str
) -> None:
    name, _ = role
    run_as_owner(postgresql_url, f"GRANT ALL ON serial_claims, events, holdings TO {name}")
    with opened(postgresql_url) as ledger, ledger.database.writing() as connection:
        grant(connection, name)
        left = connection.exec_driver_sql(
            "SELECT table_name || ' ' || privilege_type FROM information_schema.table_privileges"
            " WHERE grantee = %s AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')"
            " AND table_name IN ('serial_claims', 'events', 'holdings')",
            (name,),
        ).scalars()
        assert list(left) == ["holdings DELETE"]


def test_a_role_that_does_not_own_the_ledger_is_told_who_migrates(
    role: tuple[str, str], postgresql_url: str
) -> None:
    name, url = role
    run_as_owner(postgresql_url, f"GRANT CREATE ON SCHEMA public TO {name}")
    with (
        closing(Database(url)) as database,
        pytest.raises(Unfit, match="run `offset migrate` as the ledger's owner"),
    ):
        migrate(database)
