"""The commands, as processes, on both databases: what they do, and what they say if they cannot."""

import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import psycopg
import pytest
from psycopg import sql

from builders import ORIGIN, create, created, do, opened, retiring
from commands import command_environment, run_module, run_offset, said
from databases import PostgresDatabases, sqlite_url_of
from offset import __version__
from offset.core.errors import EventNotFound, OffsetError
from offset.database import Database
from offset.demo import fill
from offset.erasing import erase_details
from offset.reading import Reader
from offset.registries import read_serial
from servers import free_port, running_server

PASSWORD: Final = "Xenon-7-Password"  # of a server that asks for none


def with_password(url: str) -> str:
    """The same database, with a user's password in its URL; SQLite has none."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    if parts.scheme == "sqlite":
        return url
    return parts._replace(netloc=f"{user.partition(':')[0]}:{PASSWORD}@{host}").geturl()


def execute(url: str, *statements: str) -> None:
    """Run SQL behind Offset's back, with the guards off."""
    if url.startswith("sqlite"):
        with sqlite3.connect(urlsplit(url).path[1:]) as connection:
            guards = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            for (name,) in guards.fetchall():
                connection.execute(f'DROP TRIGGER "{name}"')
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return
    with psycopg.connect(url) as postgres:
        tables = postgres.execute(
            "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal GROUP BY 1"
        )
        for (table,) in tables.fetchall():
            disable = sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER")
            postgres.execute(disable.format(sql.Identifier(table)))
        for statement in statements:
            postgres.execute(statement.encode())


def test_help_names_every_command_and_a_wrong_word_ends_with_status_2() -> None:
    help_ = run_offset("--help", database_url=None)
    assert help_.returncode == 0
    assert help_.stderr == ""
    for command in ("serve", "migrate", "demo", "verify", "erase"):
        assert re.search(rf"^  {command}  +[A-Z][^.]+\.", help_.stdout, re.MULTILINE), command
    assert run_offset(database_url=None).stderr == help_.stdout
    for wrong in (["sell"], ["serve", "--port", "0"], ["demo", "--rows", "0"], ["erase"]):
        done = run_offset(*wrong, database_url=None)
        assert done.returncode == 2
        assert done.stderr.startswith("Usage: ")
        assert "Traceback" not in done.stderr


def test_the_version_is_the_packages() -> None:
    done = run_offset("--version", database_url=None)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"offset {__version__}\n", "")


# serve --------------------------------------------------------------------------------------


@contextmanager
def serving(database_url: str, port: int, **settings: object) -> Iterator[subprocess.Popen[str]]:
    """Start `offset serve`; give the process when it has said where it is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "offset", "serve", "--port", str(port)],
        env=command_environment(database_url, settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


NO_KEY: Final = "WARNING:  This server does not publish the log: it has no OFFSET_LOG_KEY.\n"


def test_serve_says_where_it_is_answers_and_ends_when_it_is_told(database_url: str) -> None:
    port = free_port()
    with serving(with_password(database_url), port, origin=ORIGIN) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert f"http://127.0.0.1:{port}/docs" in line
        assert urlsplit(database_url).path.lstrip("/") in line
        url = f"http://127.0.0.1:{port}"
        assert httpx2.get(f"{url}/readyz").json() == {"status": "ok"}
        assert httpx2.get(f"{url}/docs").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout.read() == ("" if database_url.startswith("sqlite") else NO_KEY)
        assert PASSWORD not in line


def test_serve_says_that_its_port_is_taken_and_nothing_else(sqlite_url: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        done = run_offset("serve", "--port", str(port), database_url=sqlite_url)
    assert said(done) == (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; another port: --port"
    )


def schema_of_another_version(url: str) -> None:
    execute(url, "UPDATE alembic_version SET version_num = '0000'")


SERVERS: Final = {
    "offset": ["offset", "serve", "--port", "{port}"],
    "uvicorn": ["uvicorn", "main:app", "--host", "127.0.0.1", "--port", "{port}"],
}


@pytest.mark.parametrize("server,found", [("offset", "empty"), ("uvicorn", "0000")])
def test_no_server_starts_on_another_schema_of_postgresql(
    server: str, found: str, postgres: PostgresDatabases
) -> None:
    sentence = f"the database's schema is {found}, this version needs 0007: run `offset migrate`"
    with postgres.bare() if found == "empty" else postgres.prepared() as url:
        if found == "0000":
            schema_of_another_version(url)
        arguments = [word.format(port=free_port()) for word in SERVERS[server]]
        done = run_module(*arguments, database_url=with_password(url), origin=ORIGIN)
    assert PASSWORD not in done.stdout + done.stderr
    if server == "offset":
        assert said(done) == sentence
        return
    assert done.returncode != 0
    assert f"ERROR:    {sentence}\n" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_no_server_starts_with_another_origin_than_the_ledgers(database_url: str) -> None:
    with opened(database_url):  # writes the origin
        pass
    done = run_offset("serve", database_url=database_url, origin="other.example/log")
    assert said(done) == (
        "the ledger's origin is ledger.example/log; it was started with other.example/log"
    )


# migrate ------------------------------------------------------------------------------------


def test_migrate_makes_a_postgresql_ledger_that_has_its_origin_for_ever(
    postgres: PostgresDatabases,
) -> None:
    with postgres.bare() as url:
        without = run_offset("migrate", database_url=url)
        assert said(without) == (
            "the ledger has no origin yet: run `offset migrate` with OFFSET_ORIGIN"
        )
        first = run_offset("migrate", database_url=url, origin=ORIGIN)
        again = run_offset("migrate", database_url=url)
        other = run_offset("migrate", database_url=url, origin="other.example/log")
    assert first.returncode == again.returncode == 0
    sentence = "The schema is up to date; the ledger's origin is ledger.example/log.\n"
    assert first.stdout == again.stdout == sentence
    assert said(other).startswith("the ledger's origin is ledger.example/log;")


def test_migrate_makes_a_sqlite_ledger_with_an_origin_of_its_own(tmp_path: Path) -> None:
    url = sqlite_url_of(tmp_path / "new.db")
    first, second = (run_offset("migrate", database_url=url) for _ in range(2))
    assert first.returncode == 0
    shape = r"The schema is up to date; the ledger's origin is localhost/[0-9a-f]{32}\.\n"
    assert re.fullmatch(shape, first.stdout)
    assert second.stdout == first.stdout
    refused = run_offset("migrate", "--role", "anybody", database_url=url)
    assert said(refused) == "--role is for PostgreSQL: SQLite has no roles"


def test_migrate_gives_a_role_what_a_server_needs_and_no_more(postgresql_url: str) -> None:
    name = f"offset_test_{uuid4().hex}"
    unknown = run_offset("migrate", "--role", name, database_url=postgresql_url, origin=ORIGIN)
    assert said(unknown) == f'the role did not get its rights: role "{name}" does not exist'
    role = sql.Identifier(name)
    with psycopg.connect(postgresql_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, PASSWORD))
        try:
            done = run_offset("migrate", "--role", name, database_url=postgresql_url)
            assert done.returncode == 0, done
            host = urlsplit(postgresql_url).netloc.rpartition("@")[2]
            netloc = f"{name}:{PASSWORD}@{host}"
            url = urlsplit(postgresql_url)._replace(netloc=netloc).geturl()
            demo = run_offset("demo", "--rows", "20", database_url=url)
            assert demo.returncode == 0, demo
            with psycopg.connect(url) as server:
                (count,) = server.execute("SELECT count(*) FROM records").fetchone() or (0,)
                assert f" {count} records, " in demo.stdout
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    server.execute("UPDATE records SET vintage = 1999")
        finally:
            owner.execute(sql.SQL("DROP OWNED BY {}").format(role))
            owner.execute(sql.SQL("DROP ROLE {}").format(role))


# demo ---------------------------------------------------------------------------------------


def credits_of(url: str) -> list[dict[str, Any]]:
    """What a ledger holds, without what is new in every ledger: ids of events, times."""
    database = Database(url)
    with database.reading() as connection:
        ids = connection.exec_driver_sql("SELECT id FROM records ORDER BY number").scalars().all()
    found = [Reader(database).record(bytes(id_).hex())[1] for id_ in ids]
    database.close()
    fields = ("id", "registry", "serial_number", "status", "balance", "holdings", "country")
    return [{name: record[name] for name in fields} for record in found]


def test_demo_makes_the_same_credits_of_the_same_seed(
    database_url: str, sqlite_template: Path, tmp_path: Path
) -> None:
    done = run_offset(
        *("demo", "--rows", "60", "--seed", "7"), database_url=database_url, origin=ORIGIN
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"[0-9]+ rows of synthetic exports imported, ", done.stdout)
    made = credits_of(database_url)
    others = []
    for seed in (7, 8):
        path = tmp_path / f"{seed}.db"
        shutil.copyfile(sqlite_template, path)
        with opened(sqlite_url_of(path)) as ledger:
            fill(ledger, Reader(ledger.database), rows=60, seed=seed)
        others.append(credits_of(sqlite_url_of(path)))
    assert made == others[0]
    assert {record["id"] for record in made}.isdisjoint(record["id"] for record in others[1])
    refused = run_offset("demo", "--seed", "8", database_url=database_url)
    assert said(refused) == "the ledger is not empty: the demonstration is for a new one"
    assert credits_of(database_url) == made


def test_demo_shows_credits_of_several_registries_in_every_state(sqlite_url: str) -> None:
    with opened(sqlite_url) as ledger:
        filled = fill(ledger, Reader(ledger.database), rows=400, seed=1)
    made = credits_of(sqlite_url)
    assert len({record["id"] for record in made}) == filled.records > 200
    assert {record["status"] for record in made} == {"CREATED", "SOLD", "RETIRED", "CANCELLED"}
    registries = Counter(record["registry"] for record in made)
    assert set(registries) == {
        *("Verra", "Gold Standard", "ACR", "Climate Action Reserve", "ART", "Cercarbono"),
        *("isometric", "arb"),
    }
    for record in made:
        if record["registry"] == "Verra":
            assert read_serial("verra", record["serial_number"]).parsed


def test_demo_fills_offset_db_with_thousands_of_records_that_verify(tmp_path: Path) -> None:
    done = run_offset("demo", database_url=None, directory=tmp_path)
    assert done.returncode == 0, done
    said = re.match(r"([0-9]+) rows .* ([0-9]+) records, [0-9]+ sales", done.stdout)
    assert said is not None
    assert int(said[1]) > 3_000
    assert int(said[2]) > 1_500
    verified = run_offset("verify", database_url=None, directory=tmp_path)
    assert verified.returncode == 0, verified
    sound = rf"Sound: [0-9]{{4,}} events of {said[2]} records replayed; "
    assert re.match(sound, verified.stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["offset.db"]


# verify -------------------------------------------------------------------------------------


def sold_record(url: str) -> str:
    with opened(url) as ledger:
        created(ledger, first=101, last=110)
        return created(ledger, first=1, last=10, holder="acme")


def test_verify_finds_a_ledger_sound_until_somebody_changes_it(database_url: str) -> None:
    record_id = sold_record(database_url)
    sound = run_offset("verify", database_url=database_url)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout.startswith("Sound: 2 events of 2 records replayed; ")
    execute(database_url, "UPDATE holdings SET holder = 'mallory' WHERE holder = 'acme'")
    changed = run_offset("verify", database_url=database_url)
    assert said(changed) == (
        f"not sound: record {record_id}: its holdings are not what its events make"
    )


def test_verify_names_the_first_differences_and_says_that_there_may_be_more(
    sqlite_url: str,
) -> None:
    with opened(sqlite_url) as ledger:
        for n in range(21):
            created(ledger, first=100 * n + 1, last=100 * n + 10)
    execute(sqlite_url, "UPDATE records SET vintage = 1999")
    done = run_offset("verify", database_url=sqlite_url)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 21
    assert all("records.vintage is not what its CREATED event says" in line for line in lines[:20])
    assert lines[20] == "offset: these are the first 20; there may be more"


@pytest.mark.parametrize("command", [["verify"], ["erase", str(uuid4())]], ids=["verify", "erase"])
def test_a_file_that_is_not_there_is_not_made(command: list[str], tmp_path: Path) -> None:
    done = run_offset(*command, database_url=None, directory=tmp_path)
    assert said(done) == "there is no ledger at offset.db"
    assert list(tmp_path.iterdir()) == []


# erase --------------------------------------------------------------------------------------


def test_erase_takes_the_details_of_an_event_and_everything_still_verifies(
    database_url: str,
) -> None:
    with opened(database_url) as ledger:
        record_id = created(ledger, first=1, last=10)
        body = do(ledger, retiring(record_id, quantity=1, beneficiary="Jane Roe")).body
    retired_id = body["retired"]["id"]
    spelled_otherwise = retired_id.upper()
    done = run_offset("erase", spelled_otherwise, database_url=database_url)
    assert done.returncode == 0, done
    assert done.stdout == (
        f"The details of event {spelled_otherwise} are erased. Backups made before still have "
        "them.\n"
    )
    with opened(database_url) as ledger:
        events = Reader(ledger.database).record(record_id)[1]["events"]
    assert [event["event_type"] for event in events] == ["CREATED", "RETIRED", "ERASED"]
    assert (events[1]["details"], events[1]["details_erased"]) == (None, True)
    assert events[2]["payload"] == {"event": retired_id}
    again = run_offset("erase", retired_id, database_url=database_url)
    assert said(again) == f"event {retired_id}: its details are erased already"
    assert run_offset("verify", database_url=database_url).returncode == 0


def test_erase_says_what_it_cannot_erase(database_url: str) -> None:
    with opened(database_url) as ledger:
        record_id = created(ledger, first=1, last=10)
        created_id = Reader(ledger.database).record(record_id)[1]["events"][0]["id"]
        for event_id in (str(uuid4()), "rubbish"):
            with pytest.raises(EventNotFound, match="not in this ledger"):
                erase_details(ledger.database, ORIGIN, event_id)
    none = run_offset("erase", created_id, database_url=database_url)
    assert said(none) == f"event {created_id}: it has no details"


# what is never said -------------------------------------------------------------------------

WRONG_URLS: Final = {
    f"postgresql://me:{PASSWORD}@127.0.0.1:1/ledger": "Connection refused",
    f"postgresql://me@127.0.0.1:1/ledger?password={PASSWORD}": "Connection refused",
    f"postgresql://me:{PASSWORD}@127.0.0.1:99999/ledger": "invalid port number",
    f"postgresql://me:{PASSWORD}@127.0.0.1/ledger?sslmode=odd": "invalid sslmode value",
    f"postgresql://me:{PASSWORD}@127.0.0.1:port/ledger": "not a database URL",
    f"postgresql://me@127.0.0.1:{PASSWORD}/ledger": "not a database URL",
    f"postgresql://me:an@{PASSWORD}@127.0.0.1/ledger": "inside a password it is written %40",
    f"mysql://me:{PASSWORD}@127.0.0.1/ledger": "DATABASE_URL names mysql",
    f"postgresql+asyncpg://me:{PASSWORD}@127.0.0.1/ledger": "names postgresql+asyncpg",
    f"me:{PASSWORD}@127.0.0.1/ledger": "not a database URL",
    "": "not a database URL",
    "sqlite://": "has to name a file",
    "sqlite:///:memory:": "has to name a file",
    "sqlite:///no/such/folder/offset.db": "no/such/folder/offset.db cannot be opened",
}


@pytest.mark.parametrize("url", WRONG_URLS)
def test_a_database_that_cannot_be_opened_is_one_sentence_without_a_password(url: str) -> None:
    with pytest.raises(OffsetError) as refused:
        Database(url).reach()
    assert WRONG_URLS[url] in refused.value.detail
    assert "\n" not in refused.value.detail
    assert PASSWORD not in refused.value.detail


@pytest.mark.parametrize("url", list(WRONG_URLS)[:5:4])
def test_a_command_says_that_sentence_and_nothing_else(url: str) -> None:
    sentence = said(run_offset("verify", database_url=url))
    assert WRONG_URLS[url] in sentence
    assert PASSWORD not in sentence


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a ledger\n" * 100, encoding="utf-8")
    done = run_offset("serve", database_url="sqlite:///text.db", directory=tmp_path)
    assert said(done) == (
        "text.db cannot be opened: it is damaged, or no SQLite database "
        "(file is not a database); restore it from a backup"
    )


def test_a_server_logs_no_password_and_no_details_when_its_database_goes(
    postgresql_url: str, postgres: PostgresDatabases
) -> None:
    name = urlsplit(postgresql_url).path.lstrip("/")
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    body = create(details={"note": "Jane Roe"})
    with (
        running_server(with_password(postgresql_url), origin=ORIGIN) as server,
        httpx2.Client(base_url=server.url) as client,
        psycopg.connect(postgres.admin_url, autocommit=True) as admin,
    ):
        assert client.get("/readyz").status_code == 200
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        admin.execute(end, [name])
        answers = [client.get("/records"), client.post("/records", json=body)]
        assert [answer.status_code for answer in answers] == [503, 503]
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
        until(lambda: client.get("/readyz").status_code == 200)
        shown = server.log + "".join(answer.text for answer in answers)
    assert "POST /records" in shown
    assert PASSWORD not in shown
    assert "Jane Roe" not in shown


def until(happened: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
