"""The end of a server, foreign locks and a frozen database: every wait ends with a true answer."""

import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psutil
import psycopg
import pytest

import databases
from builders import create, created, creating, do, opened, retiring, selling
from offset.core.errors import DatabaseUnavailable
from offset.database import Database
from offset.ledger import _hash
from offset.listing import Filters
from offset.reading import Reader
from offset.units import Answer
from servers import Server, running_server


@contextmanager
def holding_all(url: str) -> Iterator[None]:
    """A foreign session that lets nobody write until the end of the block."""
    if url.startswith("sqlite"):
        path = urlsplit(url).path[1:]
        with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            yield
            foreign.execute("ROLLBACK")
    else:
        with psycopg.connect(url) as foreign:
            foreign.execute("SELECT 1 FROM ledger_head FOR UPDATE")
            yield
            foreign.rollback()


class Asked(threading.Thread):
    """A request in a thread of its own; `answer` is what came, None if the connection broke."""

    def __init__(self, server: Server, path: str, body: Any = None, method: str = "POST") -> None:
        super().__init__()
        self.answer: httpx2.Response | None = None
        self._sent = (server.url, method, path, body)
        self.start()

    def run(self) -> None:
        url, method, path, body = self._sent
        with httpx2.Client(base_url=url, timeout=60) as client:
            try:
                self.answer = client.request(method, path, json=body)
            except httpx2.HTTPError:
                self.answer = None


def ends_in(server: Server, seconds: float) -> float:
    start = time.monotonic()
    server.process.wait(timeout=seconds)
    return time.monotonic() - start


# SIGTERM


def test_a_write_that_the_end_of_the_server_cuts_off_is_said_to_be_unknown(
    database_url: str,
) -> None:
    with opened(database_url):
        pass  # it has an origin now
    with running_server(database_url, ends_after=1) as server:
        with holding_all(database_url):
            first = Asked(server, "/records", create(first=1, last=10))
            time.sleep(0.4)
            second = Asked(server, "/records", create(first=11, last=20))
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
            first.join()
            second.join()
        ends_in(server, 20)
        log = server.log
    for asked in (first, second):
        assert asked.answer is not None, log
        assert asked.answer.status_code == 503
        assert asked.answer.headers["content-type"] == "application/problem+json"
    assert first.answer is not None
    assert second.answer is not None
    assert first.answer.json()["outcome"] == "unknown"
    assert "outcome" not in second.answer.json()
    assert second.answer.json()["detail"].endswith("nothing was done")
    assert "Traceback" not in log
    with closing(Database(database_url)) as database:
        serials = {item["serial"]["first"] for item in listed(database)}
    assert serials <= {1}  # what was being written may have been; what waited never was


def listed(database: Database) -> list[dict[str, Any]]:
    return Reader(database).records(Filters(), after=-1, limit=10, count=False).items


def test_a_server_without_work_ends_at_once(database_url: str) -> None:
    with opened(database_url):
        pass
    with running_server(database_url) as server:
        server.process.send_signal(signal.SIGTERM)
        assert ends_in(server, 10) < 3


# Foreign locks


def test_of_a_batch_only_who_needs_a_foreign_lock_is_turned_away(postgresql_url: str) -> None:
    with opened(postgresql_url) as ledger:
        locked, free = created(ledger, first=1, last=10), created(ledger, first=11, last=20)
        with psycopg.connect(postgresql_url) as foreign:
            foreign.execute(
                "SELECT 1 FROM record_state WHERE record_number = 0 FOR UPDATE",
            )
            start = time.monotonic()
            outcomes = ledger.commit(
                [
                    selling(free, to="acme", quantity=1),
                    retiring(locked, quantity=1),
                    creating(first=21, last=30),
                ]
            )
            took = time.monotonic() - start
            foreign.rollback()
        sold, refused, made = outcomes
        assert isinstance(refused, DatabaseUnavailable)
        assert "another session" in refused.detail
        assert refused.facts == {}
        assert isinstance(sold, Answer)
        assert isinstance(made, Answer)
        assert (sold.status, made.status) == (200, 201)
        assert took < 4  # one lock time-out of 2 s, and no second one
        assert do(ledger, retiring(locked, quantity=1)).status == 200


@pytest.mark.parametrize("lock", ["series", "key"])
def test_a_foreign_advisory_lock_turns_away_only_who_needs_it(
    lock: str, postgresql_url: str
) -> None:
    with opened(postgresql_url) as ledger, psycopg.connect(postgresql_url) as foreign:
        record_id = created(ledger, first=1, last=10)
        kind = {"key": 1, "series": 2}[lock]
        foreign.execute(
            "SELECT pg_advisory_xact_lock(%s, number::int) FROM generate_series(0, 1023) AS number",
            (kind,),
        )
        if lock == "key":  # a hash of 31 bits: the one that is asked for
            foreign.execute("SELECT pg_advisory_xact_lock(1, %s)", (_hash("open\na-key-of-one"),))
        outcomes = ledger.commit(
            [
                creating(first=11, last=20, key="a-key-of-one"),
                retiring(record_id, quantity=1),
            ]
        )
        foreign.rollback()
        assert isinstance(outcomes[0], DatabaseUnavailable)
        assert isinstance(outcomes[1], Answer)
        assert outcomes[1].status == 200


def test_a_batch_that_takes_too_long_is_rolled_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_url) as ledger:
        record_id = created(ledger, first=1, last=10)
        monkeypatch.setattr("offset.ledger.LONGEST_BATCH_S", -1.0)
        (outcome,) = ledger.commit([retiring(record_id, quantity=1)])
        assert isinstance(outcome, DatabaseUnavailable)
        assert "rolled back; nothing was done" in outcome.detail
        monkeypatch.undo()
        assert Reader(ledger.database).record(record_id)[1]["balance"]["retired"] == 0
        assert do(ledger, retiring(record_id, quantity=1)).status == 200


# A database that is frozen


@contextmanager
def frozen(cluster: databases.EmbeddedPostgres) -> Iterator[None]:
    """Stop every process of a cluster of the test's own; they go on at the end of the block."""
    assert cluster.postmaster is not None
    top = psutil.Process(cluster.postmaster.pid)
    stopped = [top, *top.children(recursive=True)]
    for process in stopped:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(stopped):
            process.resume()


@pytest.fixture(scope="module")
def cluster() -> Iterator[databases.EmbeddedPostgres]:
    with databases.embedded_postgres() as own:
        databases.prepare_template(own.url)
        yield own


def test_a_frozen_database_is_told_and_left_and_taken_again(
    cluster: databases.EmbeddedPostgres,
) -> None:
    with (
        running_server(cluster.url, origin="log.example/a") as server,
        httpx2.Client(base_url=server.url, timeout=60) as client,
    ):
        made = client.post("/records", json=create(first=1, last=10)).json()
        with frozen(cluster):
            write = Asked(server, f"/records/{made['id']}/retire", {"quantity": 1})
            read = Asked(server, f"/records/{made['id']}", method="GET")
            start = time.monotonic()
            assert client.get("/readyz").status_code == 503
            assert time.monotonic() - start < 2
            assert client.get("/livez").status_code == 200
            write.join()
            read.join()
            for asked in (write, read):
                assert asked.answer is not None
                assert asked.answer.status_code == 503
        end = time.monotonic() + 20
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < end
        again = client.post(f"/records/{made['id']}/retire", json={"quantity": 1})
        assert again.status_code == 200, again.text
        with frozen(cluster):
            write = Asked(server, f"/records/{made['id']}/retire", {"quantity": 1})
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            assert ends_in(server, 30) < 15
            write.join()
            assert write.answer is not None
            assert write.answer.status_code == 503


def test_a_ledger_that_was_restored_without_its_key_is_served_unsigned(
    sqlite_url: str, tmp_path: Path
) -> None:
    with running_server(sqlite_url) as server, httpx2.Client(base_url=server.url) as client:
        client.post("/records?wait=proof", json=create(first=1, last=10))
        key = Path(f"{urlsplit(sqlite_url).path[1:]}.log-key")
        assert key.exists()
    key.rename(tmp_path / "kept")
    with running_server(sqlite_url) as server, httpx2.Client(base_url=server.url) as client:
        assert client.post("/records", json=create(first=11, last=20)).status_code == 201
        assert not key.exists()
        assert str(key) in server.log
        assert server.log.count("is not signed") == 1
