"""The smoke test of the public contract; needs nothing but this repository.

As a script (`python test_api.py`) it starts a server of its own on this machine with an empty
ledger, checks what the specification promises, and says so line by line. pytest runs it too.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
PLAIN = {
    "project_name": "Two Rivers forest conservation",
    "registry": "Example Registry",
    "vintage": 2021,
    "quantity": 100,
    "serial_number": "VCU-2021-001",
}
VERRA = {
    **PLAIN,
    "registry": "Verra",
    "serial_number": "9001-1-100-VCS-VCU-999-VER-KE-14-9999-01012021-31122021-0",
}


class Client:
    """Calls a server with the standard library alone."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send a request; give the status and the JSON, or the text, of the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, read(reply.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, read(refused.read())


def read(raw: bytes) -> Any:
    """Read JSON, or else text."""
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()


@contextmanager
def server() -> Iterator[Client]:
    """Run `python -m uvicorn main:app` on an empty ledger, and stop it by its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("OFFSET_")
        }
        environment["DATABASE_URL"] = f"sqlite:///{folder}/offset.db"
        command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)]
        with (Path(folder) / "log").open("w+") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                client = Client(f"http://127.0.0.1:{port}")
                wait_for(client, process)
                yield client
            finally:
                process.terminate()
                process.wait(timeout=30)


def wait_for(client: Client, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        try:
            if client.ask("GET", "/livez")[0] == 200:
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("the server did not start within 30 seconds")


def check_life(client: Client, issuance: dict[str, Any]) -> None:
    """Follow a record from its creation to its retirement, and no further."""
    status, created = client.ask("POST", "/records", issuance)
    assert status == 201
    assert re.fullmatch("[0-9a-f]{64}", created["id"])
    assert {name: created[name] for name in issuance} == issuance
    assert created["status"] == "CREATED"

    status, again = client.ask("POST", "/records", issuance)
    assert (status, again["id"], again["events"]) == (200, created["id"], created["events"])

    path = f"/records/{created['id']}"
    assert client.ask("GET", path) == (200, again)

    status, retired = client.ask("POST", f"{path}/retire")
    assert (status, retired["status"]) == (200, "RETIRED")

    status, refused = client.ask("POST", f"{path}/retire")
    assert (status, refused["code"]) == (409, "already-retired")
    assert refused["retirement_id"] == retired["retired"]["id"]

    status, shown = client.ask("GET", path)
    assert (status, shown["status"]) == (200, "RETIRED")
    assert [event["event_type"] for event in shown["events"]] == ["CREATED", "RETIRED"]
    assert [event["seq"] for event in shown["events"]] == [1, 2]
    for event in shown["events"]:
        known = {"id", "record_id", "event_type", "payload", "created_at", "seq", "position"}
        assert known <= event.keys()
        assert event["record_id"] == created["id"]


def check_same_id(client: Client) -> None:
    """Find the record again by other spellings of the same five fields."""
    spelt = {**PLAIN, "project_name": "  TWO RIVERS forest\u00a0conservation ", "quantity": "100.0"}
    _, created = client.ask("POST", "/records", PLAIN)
    status, found = client.ask("POST", "/records", spelt)
    assert (status, found["id"]) == (200, created["id"])


def check_double_issuance(client: Client) -> None:
    """Refuse the same credits under another name."""
    client.ask("POST", "/records", VERRA)
    status, refused = client.ask("POST", "/records", {**VERRA, "project_name": "Another"})
    assert (status, refused["code"]) == (409, "serial-overlap")


def check_missing(client: Client) -> None:
    """Answer 404 for a record that is not there."""
    assert client.ask("GET", f"/records/{'0' * 64}")[0] == 404
    assert client.ask("POST", f"/records/{'0' * 64}/retire")[0] == 404


def check_invalid(client: Client) -> None:
    """Answer 422 for what can never be right."""
    for quantity in (0, -1, True, "many", 0.0000001):
        assert client.ask("POST", "/records", {**PLAIN, "quantity": quantity})[0] == 422


def check_docs(client: Client) -> None:
    """Show the API at /docs, described by /openapi.json."""
    status, page = client.ask("GET", "/docs")
    assert status == 200
    assert "swagger-ui" in page
    status, described = client.ask("GET", "/openapi.json")
    assert (status, described["openapi"][:2]) == (200, "3.")
    assert {"/records", "/records/{record_id}", "/records/{record_id}/retire"} <= set(
        described["paths"]
    )


def check_everything(client: Client) -> Iterator[str]:
    """Make every check; give a sentence for each that has passed."""
    check_life(client, PLAIN)
    yield "a record lives from its creation to its one retirement"
    check_life(client, VERRA)
    yield "so does a record with a registry's serial number"
    check_same_id(client)
    yield "the same input in another spelling has the same id"
    check_double_issuance(client)
    yield "the same credits are not issued twice"
    check_missing(client)
    yield "a record that is not there is not found"
    check_invalid(client)
    yield "what can never be right is refused"
    check_docs(client)
    yield "the API is described at /docs"


def test_the_public_contract() -> None:
    with server() as client:
        assert len(list(check_everything(client))) == 7


if __name__ == "__main__":
    with server() as client:
        for number, sentence in enumerate(check_everything(client), 1):
            print(f"{number}. {sentence}")
    print(f"{number} checks passed")
