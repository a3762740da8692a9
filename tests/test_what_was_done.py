"""After an error nothing was done, unless the answer says that it may have been."""

from collections.abc import Iterator
from typing import Final

import pytest
from fastapi.testclient import TestClient

from asking import Connection, Json, new_issuance, served
from databases import ENGINES
from offset import routes
from offset.main import create_app
from offset.settings import Settings

NOWHERE: Final = "0" * 64
# Of each code that an answer to a write can have: what is sent to provoke it.
WRITES: Final[dict[str, tuple[str, Json]]] = {
    "record-not-found": (f"/records/{NOWHERE}/retire", {"quantity": 1}),
    "page-not-found": ("/nowhere", {}),
    "method-not-allowed": ("/livez", {}),
    "invalid-field": ("/records/{}/sell", {"to": "b", "quantity": 1, "colour": "red"}),
    "invalid-quantity": ("/records/{}/retire", {"quantity": 0}),
    "invalid-holder": ("/records/{}/sell", {"to": "B C", "quantity": 1}),
    "same-holder": ("/records/{}/sell", {"from": "c", "to": "c", "quantity": 1}),
    "insufficient-quantity": ("/records/{}/retire", {"holder": "c", "quantity": 1_000}),
    "serial-malformed": ("/records", {**new_issuance(), "serial_number": "x 1-10-VCS-VCU x"}),
    "batch-refused": (
        "/batch",
        {
            "atomic": True,
            "commands": [
                {"command": "create", **new_issuance()},
                {"command": "retire", "record_id": NOWHERE, "quantity": 1},
            ],
        },
    ),
}


@pytest.fixture(scope="module", params=ENGINES)
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    with served(request, tmp_path_factory) as server:
        connection = Connection(server.url)
        yield connection
        connection.close()


def test_a_refused_write_has_changed_nothing(api: Connection) -> None:
    record = api.created()["id"]
    api.act("sell", record, {"to": "c", "quantity": 2})
    head = api.get("/events?limit=1").headers["etag"]
    found = {}
    for code, (path, body) in WRITES.items():
        reply = api.post(path.format(record), body)
        found[code] = (reply.code, reply.body.get("outcome"))
        assert api.get("/events?limit=1").headers["etag"] == head, code
    assert found == {code: (code, None) for code in WRITES}


def test_a_fault_after_the_commit_is_not_told_as_nothing(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    settings = Settings.model_validate({"DATABASE_URL": sqlite_url})
    with TestClient(create_app(settings), "http://localhost", client=("127.0.0.1", 1)) as client:
        monkeypatch.setattr(routes, "respond", fail)
        answer = client.post("/records", json=new_issuance())
        monkeypatch.undo()
        assert (answer.status_code, answer.json()["outcome"]) == (500, "unknown")
        assert len(client.get("/records").json()["items"]) == 1
