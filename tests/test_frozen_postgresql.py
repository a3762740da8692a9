"""A PostgreSQL that keeps its connections and never answers: every wait has an end on this side."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import event

from asking import Connection, Reply, new_issuance
from builders import ORIGIN, creating
from databases import EmbeddedPostgres, embedded_postgres, prepare_template
from offset import connections
from offset.core.errors import DatabaseUnavailable
from offset.database import Database
from offset.ledger import Ledger
from offset.reading import Reader
from offset.units import Answer
from servers import running_server

SILENCE_S = 1.5  # in the place of 7
QUICK = {"connections.LONGEST_SILENCE_S": SILENCE_S}
LATEST_S = SILENCE_S + 3.0 + 2.0  # and a try to connect, on a slow machine


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A cluster of this test's own, which it may stop."""
    with embedded_postgres() as server:
        prepare_template(server.url)
        yield server


def asked(url: str, method: str, path: str, body: object = None) -> tuple[Reply, float]:
    """Ask on a connection of its own; the answer, and how long it took."""
    start = time.monotonic()
    connection = Connection(url)
    try:
        reply = connection.post(path, body) if method == "POST" else connection.get(path)
    finally:
        connection.close()
    return reply, time.monotonic() - start


def test_a_server_answers_beside_it_and_is_well_afterwards(postgres: EmbeddedPostgres) -> None:
    with (
        running_server(postgres.url, seconds=QUICK, origin=ORIGIN) as server,
        ThreadPoolExecutor(40) as threads,
    ):
        before, _ = asked(server.url, "POST", "/records", new_issuance())
        record = before.body["id"]
        path = f"/records/{record}"
        asked(server.url, "GET", "/records")
        with postgres.frozen():
            ready = threads.submit(asked, server.url, "GET", "/readyz")
            calls = [
                *[("POST", f"{path}/sell", {"to": "b", "quantity": 1})] * 3,
                *[("GET", path, None), ("GET", "/records", None), ("GET", "/imports", None)] * 10,
            ]
            found = list(threads.map(lambda call: asked(server.url, *call), calls))
            ready_after = asked(server.url, "GET", "/readyz")
            alive = asked(server.url, "GET", "/livez")
        assert [reply.verdict for reply, _ in found] == [(503, "database-unavailable")] * len(calls)
        assert [reply.body.get("outcome") for reply, _ in found] == [None] * len(calls)
        assert max(took_s for _, took_s in found) < 2 * LATEST_S  # ten lists wait for a thread
        for reply, took_s in (ready.result(), ready_after):
            assert reply.verdict == (503, "database-unavailable")
            assert took_s < 2
        assert (alive[0].status, alive[1] < 1) == (200, True)
        assert again(server.url) < LATEST_S
        for _ in range(20):  # more than a pool has connections
            assert asked(server.url, "GET", "/records")[0].status == 200
        sold, _ = asked(server.url, "POST", f"{path}/sell", {"to": "b", "quantity": 1})
        assert sold.status == 200
        assert sold.body["balance"]["sold"] == 1  # what was refused was not done
        assert "Traceback" not in server.log


def again(url: str) -> float:
    """Wait until the server is ready again; how long that took."""
    start = time.monotonic()
    while asked(url, "GET", "/readyz")[0].status != 200:
        assert time.monotonic() < start + 30
    return time.monotonic() - start


def test_a_server_ends_beside_it(postgres: EmbeddedPostgres) -> None:
    with (
        running_server(postgres.url, seconds=QUICK, origin=ORIGIN) as server,
        ThreadPoolExecutor(4) as threads,
    ):
        asked(server.url, "POST", "/records", new_issuance())
        with postgres.frozen():
            write = threads.submit(asked, server.url, "POST", "/records", new_issuance())
            listed = threads.submit(asked, server.url, "GET", "/records")
            time.sleep(0.3)
            start = time.monotonic()
            server.process.terminate()
            server.process.wait(15)
            assert time.monotonic() - start < SILENCE_S + 6
        assert write.result()[0].verdict == (503, "database-unavailable")
        assert listed.result()[0].status == 503


def test_a_commit_that_was_sent_is_answered_unknown(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LONGEST_SILENCE_S", SILENCE_S)
    database = Database(postgres.url)
    ledger = Ledger(database, origin=ORIGIN)
    unit = creating(first=901, last=910, key="sent-before-the-silence")
    with ExitStack() as thawing:

        def freeze(_: object) -> None:
            postgres.freeze(thawing)

        event.listen(database.writer, "commit", freeze)
        start = time.monotonic()
        (unknown,) = ledger.commit([unit])
        took_s = time.monotonic() - start
        event.remove(database.writer, "commit", freeze)
        (nothing,) = ledger.commit([creating(first=911, last=920)])
    assert isinstance(unknown, DatabaseUnavailable)
    assert unknown.facts == {"outcome": "unknown"}
    assert isinstance(nothing, DatabaseUnavailable)
    assert nothing.facts == {}
    assert took_s < LATEST_S
    (answer,) = ledger.commit([unit])  # the COMMIT was done, once the server went on
    assert isinstance(answer, Answer)
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert Reader(database).record(answer.body["id"])
    for engine in (database.engine, database.writer):
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    database.close()
