"""The end of a server under plain uvicorn, a batch that takes too long, a key that is missing."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from builders import ORIGIN, create, created, do, opened, retiring
from commands import run_offset, said
from held import held_rows
from offset.core.errors import DatabaseUnavailable
from offset.database import Database
from offset.listing import Filters
from offset.log.keys import KeyFile
from offset.reading import Reader
from servers import Server, running_server


@contextmanager
def holding_all(url: str) -> Iterator[None]:
    """A foreign session that lets nobody write until the end of the block."""
    with held_rows(url, "SELECT 1 FROM ledger_head FOR UPDATE"):
        yield


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


def test_a_write_that_the_end_of_the_server_cuts_off_is_said_to_be_unknown(
    sqlite_url: str,
) -> None:
    with opened(sqlite_url):
        pass  # it has an origin now
    with running_server(sqlite_url, ends_after=1) as server:
        with holding_all(sqlite_url):
            first = Asked(server, "/records", create(first=1, last=10))
            time.sleep(0.4)
            second = Asked(server, "/records", create(first=11, last=20))
            time.sleep(0.6)
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
    assert "nothing was done" in second.answer.json()["detail"]
    assert "Traceback" not in log
    with closing(Database(sqlite_url)) as database:
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


def test_a_ledger_that_was_restored_without_its_key_is_served_unsigned(
    sqlite_url: str, tmp_path: Path
) -> None:
    with running_server(sqlite_url) as server, httpx2.Client(base_url=server.url) as client:
        client.post("/records?wait=proof", json=create(first=1, last=10))
        key = Path(f"{urlsplit(sqlite_url).path[1:]}.log-key")
        assert key.exists()
        signed = client.get("/log/checkpoint").text
    key.rename(tmp_path / "kept")
    for command in (("publish", "--once"), ("log", "key", "new"), ("log", "key", "show")):
        done = run_offset(*command, database_url=sqlite_url)
        assert done.returncode == 1
        assert f"{key} is missing" in said(done)
    with running_server(sqlite_url) as server, httpx2.Client(base_url=server.url) as client:
        assert client.post("/records", json=create(first=11, last=20)).status_code == 201
        time.sleep(1.2)  # a tick of a publisher
        assert client.get("/log/checkpoint").text == signed
        assert server.log.count(f"{key} is missing") == 1
    assert not key.exists()
    (tmp_path / "kept").rename(key)
    assert run_offset("publish", "--once", database_url=sqlite_url).returncode == 0


def test_a_signed_ledger_whose_named_key_is_missing_is_served_unsigned(
    postgresql_url: str, tmp_path: Path
) -> None:
    key = tmp_path / "log-key"
    KeyFile(key).make(ORIGIN)
    with (
        running_server(postgresql_url, origin=ORIGIN, log_key=key) as server,
        httpx2.Client(base_url=server.url) as client,
    ):
        client.post("/records?wait=proof", json=create(first=1, last=10))
    key.unlink()
    KeyFile(key).guard.unlink()
    with running_server(postgresql_url, origin=ORIGIN, log_key=key) as server:
        assert server.log.count(f"{key} is missing") == 1
    assert not key.exists()
