"""The smoke test of the public contract: `python test_api.py`, or under pytest.

It starts a server of its own on a free port of 127.0.0.1, with a temporary SQLite ledger, and asks
it as any client would. It needs nothing but this repository and its runtime dependencies.
"""

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener
from uuid import UUID

ROOT = Path(__file__).resolve().parent
PATIENCE_S = 30.0  # for an answer, and for the server to start or to stop
OPENER = build_opener(ProxyHandler({}))  # whatever proxy the environment names, it is not asked

PLAIN = {
    "project_name": "Kilifi Mangroves",
    "registry": "Example Registry",
    "vintage": 2020,
    "quantity": 100.5,
    "serial_number": "VCU-2020-001",  # no registry's grammar reads it
}
VERRA = {
    "project_name": "Two Rivers forest conservation",
    "registry": "Verra",
    "vintage": 2020,
    "quantity": 1000,
    "serial_number": "9001-5000001-5001000-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1",
}


class Answer(NamedTuple):
    """What the server answered; `body` is parsed JSON, or the text of a page."""

    status: int
    body: Any


class Server:
    """The process that is asked, its folder with the ledger and the log."""

    def __init__(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.folder = tempfile.TemporaryDirectory(prefix="offset-test-")
        self.log = Path(self.folder.name) / "server.log"
        settings = {name: value for name, value in os.environ.items() if "OFFSET" not in name}
        settings["DATABASE_URL"] = f"sqlite:///{self.folder.name}/offset.db"
        settings["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), *sys.path])
        command = [sys.executable, "-m", "uvicorn", "main:app"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                cwd=ROOT,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self.lives():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.log.read_text(encoding="utf-8", errors="replace")
                self.stop()
                raise RuntimeError(f"the server did not start:\n{said}")
            time.sleep(0.05)

    def lives(self) -> bool:
        try:
            return ask("GET", f"{self.url}/livez").status == 200
        except URLError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.folder.cleanup()


servers: list[Server] = []


def setup_module() -> None:
    """Start the server; pytest and `main` call this before the first check."""
    servers.append(Server())


def teardown_module() -> None:
    """Stop the server; pytest and `main` call this after the last check."""
    servers.pop().stop()


def ask(method: str, url: str, body: object = None) -> Answer:
    """Send one request."""
    content = None if body is None else json.dumps(body).encode()
    request = Request(url, content, {"Content-Type": "application/json"}, method=method)
    try:
        with OPENER.open(request, timeout=PATIENCE_S) as response:
            status, said = response.status, response.read().decode()
    except HTTPError as refused:
        with refused:
            status, said = refused.code, refused.read().decode()
    return Answer(status, json.loads(said) if said.startswith("{") else said)


def create(**issuance: object) -> Answer:
    return ask("POST", f"{servers[0].url}/records", issuance)


def read(record_id: str) -> Answer:
    return ask("GET", f"{servers[0].url}/records/{record_id}")


def retire(record_id: str, **part: object) -> Answer:
    return ask("POST", f"{servers[0].url}/records/{record_id}/retire", part or None)


def test_a_record_is_created_and_read_back() -> None:
    for issuance in ({**PLAIN, "serial_number": "VCU-2020-002"}, VERRA):
        created = create(**issuance)
        assert created.status == 201, created
        found = read(created.body["id"])
        assert found == (200, created.body)
        assert {name: found.body[name] for name in issuance} == issuance
        assert found.body["status"] == "CREATED"


def test_an_id_is_the_sha_256_of_the_canonical_form() -> None:
    canonical = (
        '{"project_name":"kilifi mangroves","quantity_g":100500000,'
        '"registry":"example registry","serial_number":"VCU-2020-001","vintage":2020}'
    )
    expected = hashlib.sha256(b"offset-record/v1\n" + canonical.encode()).hexdigest()
    assert create(**PLAIN).body["id"] == expected


def test_a_repeated_create_returns_the_existing_record() -> None:
    first = create(**{**VERRA, "serial_number": serial(1)})
    assert first.status == 201, first
    spellings: list[dict[str, object]] = [{}, {"registry": "VCS"}, {"quantity": "1000.0"}]
    for spelling in spellings:
        again = create(**{**VERRA, "serial_number": serial(1), **spelling})
        assert again == (200, first.body)


def test_other_input_gives_another_id() -> None:
    record_ids = {
        create(**{**PLAIN, "serial_number": "VCU-2020-003"}).body["id"],
        create(**{**PLAIN, "serial_number": "VCU-2020-004"}).body["id"],
        create(**{**PLAIN, "serial_number": "VCU-2020-005", "vintage": 2021}).body["id"],
    }
    assert len(record_ids) == 3


def test_serial_numbers_are_issued_once() -> None:
    first = create(**{**VERRA, "serial_number": serial(2)})
    other = create(**{**VERRA, "serial_number": serial(2), "project_name": "Another"})
    assert other.status == 409, other
    assert other.body["code"] == "serial-overlap"
    assert other.body["record_id"] == first.body["id"]


def test_a_retirement_without_a_body_retires_everything() -> None:
    record_id = create(**{**VERRA, "serial_number": serial(3)}).body["id"]
    retired = retire(record_id)
    assert retired.status == 200, retired
    assert retired.body["status"] == "RETIRED"
    assert retired.body["retired"]["quantity"] == 1000
    assert read(record_id).body["status"] == "RETIRED"


def test_a_second_retirement_is_refused() -> None:
    record_id = create(**{**PLAIN, "serial_number": "VCU-2020-006"}).body["id"]
    first = retire(record_id).body["retired"]
    second = retire(record_id)
    assert second.status == 409, second
    assert second.body["code"] == "already-retired"
    assert second.body["retirement_id"] == first["id"]
    assert len(read(record_id).body["events"]) == 2


def test_a_part_is_retired_down_to_a_gram() -> None:
    record_id = create(**{**VERRA, "serial_number": serial(4)}).body["id"]
    part = retire(record_id, quantity=0.000001, beneficiary="Bakery on the Corner")
    assert part.status == 200, part
    assert part.body["balance"]["available"] == 999.999999
    too_much = retire(record_id, quantity=1000)
    assert too_much.status == 409, too_much
    assert too_much.body["available"] == 999.999999


def test_a_record_shows_all_its_events() -> None:
    record_id = create(**{**PLAIN, "serial_number": "VCU-2020-007"}).body["id"]
    retire(record_id, quantity=1)
    retire(record_id)
    events = read(record_id).body["events"]
    assert [event["event_type"] for event in events] == ["CREATED", "RETIRED", "RETIRED"]
    assert [event["seq"] for event in events] == [1, 2, 3]
    for event in events:
        assert str(UUID(event["id"])) == event["id"]
        assert event["record_id"] == record_id
        assert isinstance(event["payload"], dict)
        assert event["created_at"].endswith("Z")
        assert isinstance(event["position"], int)


def test_what_is_not_there_is_not_found() -> None:
    for answer in (read("0" * 64), retire("0" * 64), read("no-id")):
        assert answer.status == 404, answer
        assert answer.body["code"] == "record-not-found"


def test_wrong_input_is_refused_by_name() -> None:
    for wrong in ({"quantity": 0}, {"quantity": -1}, {"quantity": True}, {"quantity": "1,000"}):
        answer = create(**{**PLAIN, **wrong})
        assert answer.status == 422, answer
        assert answer.body["code"] == "invalid-quantity"
    lost = create(**{name: value for name, value in PLAIN.items() if name != "registry"})
    assert lost.status == 422, lost
    assert lost.body["errors"][0]["pointer"] == "/registry"


def test_the_documentation_answers() -> None:
    page = ask("GET", f"{servers[0].url}/docs")
    assert page.status == 200, page
    assert "<title>Offset API</title>" in page.body
    paths = ask("GET", f"{servers[0].url}/openapi.json").body["paths"]
    assert set(paths["/records"]) == {"get", "post"}
    assert set(paths["/records/{record_id}"]) == {"get"}
    assert set(paths["/records/{record_id}/retire"]) == {"post"}


def serial(block: int) -> str:
    """A serial number of 1,000 credits as Verra writes it, of a project that does not exist."""
    first = 6_000_001 + block * 1000
    return f"9001-{first}-{first + 999}-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1"


def main() -> int:
    """Do every check and say how it went; the exit status."""
    checks = {name: check for name, check in globals().items() if name.startswith("test_")}
    failed = 0
    setup_module()
    try:
        for name, check in checks.items():
            sentence = name.removeprefix("test_").replace("_", " ")
            try:
                check()
            except Exception:  # noqa: BLE001 - told, and counted
                failed += 1
                print(f"FAILED  {sentence}\n{traceback.format_exc()}")
            else:
                print(f"ok      {sentence}")
    finally:
        teardown_module()
    print(f"{failed} of {len(checks)} checks failed" if failed else f"{len(checks)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
