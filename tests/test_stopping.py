"""SIGTERM: every request gets an answer that is true, and the server ends when it says so."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from asking import Connection, Reply, new_issuance
from builders import ORIGIN
from held import held_record
from offset.database import Database
from offset.reading import Reader
from servers import Server, running_server

QUICK = {"serving.QUIET_S": 0.3, "serving.WRITTEN_S": 0.5}  # a lock is waited for 2 s
THREADS = ThreadPoolExecutor(8)


@contextmanager
def stopping(database_url: str, **seconds: float) -> Iterator[tuple[Server, Connection]]:
    """Start `offset serve`, to be ended by the test."""
    with running_server(database_url, seconds={**QUICK, **seconds}, origin=ORIGIN) as server:
        connection = Connection(server.url)
        try:
            yield server, connection
        finally:
            connection.close()


def later(server: Server, method: str, path: str, body: object = None) -> "Future[Reply]":
    """Send a request on a connection of its own, and wait for its answer in a thread."""

    def ask() -> Reply:
        connection = Connection(server.url)
        try:
            headers = {"Content-Type": "application/json"}
            return connection.send(method, path, json.dumps(body).encode(), headers)
        finally:
            connection.close()

    return THREADS.submit(ask)


def events_of(database_url: str, record_id: str) -> list[str]:
    """The types of a record's events, as they stand in the database."""
    database = Database(database_url)
    try:
        page = Reader(database).events_of(record_id, after=0, limit=100)
        return [item["event_type"] for item in page.items]
    finally:
        database.close()


def test_a_write_that_outlasts_its_client_is_answered_unknown_and_ends(database_url: str) -> None:
    with stopping(database_url) as (server, connection):
        record = connection.created()["id"]
        with held_record(database_url, record):
            written = later(server, "POST", f"/records/{record}/sell", {"to": "b", "quantity": 1})
            time.sleep(0.4)
            waiting = later(server, "POST", f"/records/{record}/sell", {"to": "c", "quantity": 1})
            time.sleep(0.4)
            server.process.terminate()
            answers = {"written": written.result(10), "waiting": waiting.result(10)}
            assert server.process.poll() is None  # the batch has not ended
        assert server.process.wait(10) in (0, -15)
        log = server.log
    assert answers["written"].verdict == (503, "server-stopping")
    assert answers["written"].body["outcome"] == "unknown"
    assert answers["waiting"].verdict == (503, "server-stopping")
    assert "outcome" not in answers["waiting"].body
    assert "nothing was done" in answers["waiting"].body["detail"]
    assert events_of(database_url, record) == ["CREATED", "SOLD"]  # that batch was done
    assert "Traceback" not in log


def test_whoever_waits_for_nothing_that_is_written_is_answered_after_the_grace(
    sqlite_url: str,
) -> None:
    with stopping(sqlite_url) as (server, connection):
        address = urlsplit(server.url)
        half = socket.create_connection((address.hostname, address.port), timeout=10)
        half.sendall(
            b"POST /records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        idle = socket.create_connection((address.hostname, address.port), timeout=10)
        connection.get("/livez")  # and is kept open
        time.sleep(0.1)
        start = time.monotonic()
        server.process.terminate()
        with half, idle:
            answer = half.recv(10_000).decode()
            assert idle.recv(1) == b""  # closed, not reset
        assert server.process.wait(10) in (0, -15)
        assert time.monotonic() - start < 3
    assert answer.startswith("HTTP/1.1 503 ")
    assert "application/problem+json" in answer
    assert '"code":"server-stopping"' in answer
    assert "nothing was done" in answer


def test_a_write_that_waits_for_its_proof_is_answered_as_done(postgresql_url: str) -> None:
    with stopping(postgresql_url) as (server, _):  # it has no key, so there is no proof
        created = later(server, "POST", "/records?wait=proof", new_issuance())
        time.sleep(0.5)
        server.process.terminate()
        answer = created.result(10)
        assert server.process.wait(10) in (0, -15)
    assert answer.verdict == (201, None)
    assert answer.headers["offset-log"] == "pending"


@pytest.mark.parametrize("path", ["/livez", "/records"])
def test_a_request_that_comes_while_the_server_stops_is_refused(sqlite_url: str, path: str) -> None:
    with stopping(sqlite_url, **{"serving.ARRIVING_S": 1.0}) as (server, connection):
        kept = connection.get("/livez")
        server.process.terminate()
        time.sleep(0.5)
        fresh = Connection(server.url)
        answers = [connection.get(path), fresh.get(path)]
        fresh.close()
        assert server.process.wait(10) in (0, -15)
    assert kept.status == 200
    assert [answer.verdict for answer in answers] == [(503, "server-stopping")] * 2
    assert answers[0].headers["connection"] == "close"
    assert answers[0].headers["retry-after"] == "1"


def test_a_write_whose_client_has_left_before_its_batch_is_never_done(sqlite_url: str) -> None:
    with stopping(sqlite_url) as (server, connection):
        record = connection.created()["id"]
        address = urlsplit(server.url)
        body = json.dumps({"to": "gone", "quantity": 1}).encode()
        head = (
            f"POST /records/{record}/sell HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with held_record(sqlite_url, record):
            written = later(server, "POST", f"/records/{record}/sell", {"to": "b", "quantity": 1})
            time.sleep(0.4)
            with socket.create_connection((address.hostname, address.port)) as leaving:
                leaving.sendall(head.encode() + body)
                time.sleep(0.4)
            time.sleep(0.2)
        assert written.result(10).status == 200
        assert connection.get("/livez").status == 200
        garbage = connection.raw(b"not HTTP at all\r\n\r\n")
        ranged = connection.get("/static/docs.js", range="bytes=9999999-")
    assert events_of(sqlite_url, record) == ["CREATED", "SOLD"]
    assert garbage.verdict == (400, "malformed-request")
    assert ranged.status == 200
