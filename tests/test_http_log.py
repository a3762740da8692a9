"""The log over HTTP: what is served is what the ledger's events make, and verifies offline."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations_with_replacement
from typing import Final

import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient

from asking import Connection, Json, Reply, new_issuance
from builders import ORIGIN
from databases import ENGINES
from logs import witness
from offset import routes
from offset.core.checkpoints import read_proof, verify_checkpoint, verify_proof
from offset.core.errors import NotProven
from offset.core.merkle import verify_consistency
from offset.core.notes import read_note
from offset.core.tiles import Bundle, Tile, read_bundle
from offset.erasing import erase_details
from offset.log.store import add_cosignature
from offset.main import create_app
from offset.models import log_cosignatures
from published import (
    Published,
    files_of,
    narrower,
    opened_database,
    publishing,
    root_of,
)
from servers import running_server
from tampering import verified

EVENTS: Final = 600  # at least: two full tiles, and two hashes a level higher
FOR_EVER: Final = "public, max-age=31536000, immutable"
A_TICK: Final = "public, max-age=1"
WITNESS: Final = witness("tower")


@pytest.fixture(scope="module", params=ENGINES)
def log(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("ledger")
    with publishing(request, folder, request.param) as published:
        published.append(EVENTS)
        yield published
        published.api.close()
        assert "Traceback" not in published.server.log


@pytest.fixture(scope="module")
def api(log: Published) -> Connection:
    return log.api


# --- checkpoint and keys ----------------------------------------------------------------------


def test_the_checkpoint_is_signed_and_has_the_root_of_all_events(log: Published) -> None:
    checkpoint = log.checkpoint
    leaves = log.leaves()
    assert (checkpoint.size, checkpoint.root) == (len(leaves), root_of(leaves, len(leaves)))
    assert checkpoint.origin == log.key.name
    assert checkpoint.extensions == ()


def test_the_origin_is_the_one_that_the_events_name(log: Published) -> None:
    assert f'"log":"{log.checkpoint.origin}"'.encode() in log.leaves()[0]


def test_the_key_is_served_as_verifiers_take_it(api: Connection) -> None:
    reply = api.get("/log/vkey")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert re.fullmatch(rb"[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}\n", reply.content)


def test_no_answer_has_the_signing_key(api: Connection) -> None:
    for path in ("/log/vkey", "/log/checkpoint", "/log/proof/0"):
        assert b"PRIVATE" not in api.get(path).content


def test_the_checkpoint_lives_as_long_as_a_tick(api: Connection) -> None:
    reply = api.get("/log/checkpoint")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers["cache-control"] == A_TICK


def test_a_checkpoint_that_did_not_change_is_not_sent_again(log: Published) -> None:
    before = log.api.get("/log/checkpoint")
    again = log.api.get("/log/checkpoint", if_none_match=before.headers["etag"])
    assert (again.status, again.content) == (304, b"")
    assert again.headers["etag"] == before.headers["etag"]
    assert again.headers["cache-control"] == A_TICK
    log.append(1)
    after = log.api.get("/log/checkpoint", if_none_match=before.headers["etag"])
    assert after.status == 200
    assert after.headers["etag"] != before.headers["etag"]


def test_every_cosignature_makes_the_checkpoint_a_new_one(log: Published) -> None:
    note, size = log.note, log.checkpoint.size
    tags = [log.api.get("/log/checkpoint").headers["etag"]]
    with opened_database(log.url) as database:
        for time_s in (1_767_312_000, 1_767_312_001):
            with database.writing() as connection:
                add_cosignature(connection, size, WITNESS.cosign(note.text, time_s))
            reply = log.api.get("/log/checkpoint", if_none_match=tags[-1])
            assert reply.status == 200
            tags.append(reply.headers["etag"])
            read = read_note(reply.content)
            times_s = verify_checkpoint(read, log.key, [WITNESS.verifier])[1]
            assert times_s == {WITNESS.verifier: time_s}
            assert read.text == note.text
        assert len(set(tags)) == 3
        proof = log.proof(0)
        assert verify_proof(proof, log.leaves()[0], log.key, [WITNESS.verifier])[1] == times_s
        with database.writing() as connection:
            connection.execute(delete(log_cosignatures))
    assert log.api.get("/log/checkpoint").headers["etag"] == tags[0]


# --- tiles and bundles ------------------------------------------------------------------------


def test_every_tile_and_bundle_is_byte_for_byte_what_the_events_make(log: Published) -> None:
    files = files_of(log.leaves())
    assert {"tile/0/000", "tile/0/001", "tile/entries/001"} <= set(files)
    assert sum(path.startswith("tile/1/") for path in files) == 1
    for path, content in files.items():
        reply = log.api.get(f"/log/{path}")
        assert (reply.status, reply.content) == (200, content), path
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["cache-control"] == (A_TICK if ".p/" in path else FOR_EVER), path


@pytest.mark.parametrize("width", [1, 2, 88, 255])
@pytest.mark.parametrize("kind", ["tile", "bundle"])
def test_a_tile_is_there_in_every_width_up_to_its_own(
    log: Published, kind: str, width: int
) -> None:
    for index in (0, 1):
        tile = Tile(0, index, width) if kind == "tile" else Bundle(index, width)
        reply = log.api.get(f"/log/{tile.path}")
        assert (reply.status, reply.content) == (200, narrower(log.leaves(), tile))
        assert reply.headers["cache-control"] == A_TICK


def test_the_entries_are_the_events_bytes(log: Published) -> None:
    content = log.api.get("/log/tile/entries/000").content
    assert read_bundle(Bundle(0, 256), content) == log.leaves()[:256]


def test_what_is_not_full_yet_has_no_full_tile(log: Published) -> None:
    size = log.checkpoint.size
    index, width = divmod(size, 256)
    for path in (
        *(f"0/00{index}", f"entries/00{index}", "1/000"),
        *(Tile(0, index, width + 1).path[5:], Bundle(index, width + 1).path[5:]),
        *(f"0/00{index + 1}.p/1", f"entries/00{index + 1}.p/1", "1/000.p/3", "2/000.p/1"),
    ):
        assert log.api.get(f"/log/tile/{path}").verdict == (404, "tile-not-found"), path


@pytest.mark.parametrize(
    "path",
    [
        *("0/000.p/0", "0/000.p/256", "0/000.p/257", "0/000.p/01", "0/000.p/", "0/000.p"),
        *("entries/000.p/0", "entries/000.p/256", "entries/000.p/-1"),
        *("0/x000/001", "entries/x000/001", "0/x000/x000/000", "0/x001", "0/x001/234"),
        *("0/0", "0/00", "0/0000", "0/001/", "0//000", "/0/000", "0/000/000", "0", "entries"),
        *("64/000", "00/000", "-1/000", "+1/000", "0/00x", "0/abc", "entry/000", "0/999"),
        *("63/000", "0/x999/x999/x999/x999/x999/x999/999", "0/999.p/1", "0/%ff%fe", "%00", "../0"),
        *("0/000%20", "0/000.p/1%0a", "%EF%BC%90/000", "0/%D9%A0%D9%A0%D9%A0", "0/000;a=1"),
    ],
)
def test_no_other_path_is_a_tile(api: Connection, path: str) -> None:
    reply = api.get(f"/log/tile/{path}")
    assert reply.status == 404, reply
    assert reply.code in ("tile-not-found", "page-not-found")
    assert "immutable" not in reply.headers["cache-control"]


def test_a_path_with_encoded_slashes_is_the_path_that_it_says(api: Connection) -> None:
    for encoded, plain in (("0%2F000", "0/000"), ("entries%2f000.p%2F5", "entries/000.p/5")):
        assert api.get(f"/log/tile/{encoded}").content == api.get(f"/log/tile/{plain}").content


# --- proofs -----------------------------------------------------------------------------------


def test_an_event_is_proven_by_its_position_and_by_its_id(log: Published) -> None:
    leaves = log.leaves()
    for position in (0, 1, 255, 256, 511, 512, len(leaves) - 1):
        (event,) = log.api.get(
            f"/events?after={position - 1}&limit=1" if position else "/events?limit=1"
        ).body["items"]
        assert event["position"] == position
        proof = log.proof(position)
        assert log.proof(event["id"]) == proof == log.proof(event["id"].upper())
        assert (proof.index, proof.extra) == (position, leaves[position])
        checkpoint, _ = verify_proof(proof, leaves[position], log.key)
        assert checkpoint == log.checkpoint
        with pytest.raises(NotProven):
            verify_proof(proof, leaves[position - 1], log.key)


def test_a_proof_is_a_file_to_keep(api: Connection) -> None:
    reply = api.get("/log/proof/7")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers["content-disposition"] == 'attachment; filename="event-7.tlog-proof"'
    assert reply.content.startswith(b"c2sp.org/tlog-proof@v1\nextra ")


@pytest.mark.parametrize(
    "event",
    [
        *("00000000-0000-4000-8000-000000000000", "9999999", str(2**53), str(2**63), "9" * 40),
        *("-1", "1.0", "abc", "%F0%9F%8C%B3", "%D9%A3", "%C2%B2", "0x1", "1e3", "+1"),
    ],
)
def test_an_event_that_is_not_there_has_no_proof(api: Connection, event: str) -> None:
    assert api.get(f"/log/proof/{event}").verdict == (404, "event-not-found")


def test_every_event_that_is_shown_says_where_its_proof_is(log: Published) -> None:
    record = log.api.created()
    log.api.act("sell", record["id"], {"to": "acme", "quantity": 2})
    log.api.act("retire", record["id"], {"holder": "acme"})
    reply = log.api.post(f"/records/{record['id']}/cancel?wait=proof")
    shown = [
        *reply.body["events"],
        *log.api.get(f"/records/{record['id']}").body["events"],
        *log.api.get(f"/records/{record['id']}/events").body["items"],
        *log.api.get(f"/events?after={log.checkpoint.size - 5}").body["items"],
    ]
    assert len(shown) == 16
    leaves = log.leaves()
    for event in shown:
        assert event["proof"] == f"/log/proof/{event['id']}"
        proof = log.proof(event["id"])
        assert proof.index == event["position"]
        verify_proof(proof, leaves[event["position"]], log.key)


def test_erased_details_leave_every_proof_valid(log: Published) -> None:
    record = log.api.created()
    body = {"quantity": 1, "beneficiary": "Jane Example"}
    reply = log.api.post(f"/records/{record['id']}/retire?wait=proof", body)
    event_id = reply.body["retired"]["id"]
    before = log.proof(event_id)
    with opened_database(log.url) as database:
        erase_details(database, log.checkpoint.origin, event_id)
    log.append(1)
    leaves = log.leaves()
    assert b"Jane Example" not in b"".join(leaves)
    for proof in (before, log.proof(event_id), log.proof(before.index + 1), log.proof(0)):
        verify_proof(proof, leaves[proof.index], log.key)
    assert log.proof(event_id).extra == before.extra
    assert verified(log.url).differences == []


# --- consistency ------------------------------------------------------------------------------


def test_every_tree_of_the_log_begins_with_every_older_one(log: Published) -> None:
    leaves = log.leaves()
    sizes = (1, 2, 3, 7, 255, 256, 257, 384, 511, 512, 513, EVENTS, len(leaves))
    roots = {size: root_of(leaves, size) for size in sizes}
    for old, new in combinations_with_replacement(sizes, 2):
        reply = log.api.get(f"/log/consistency?from={old}&to={new}")
        assert reply.status == 200, reply
        body = reply.body
        assert (body["from_size"], body["to_size"]) == (old, new)
        proof = [base64.b64decode(one, validate=True) for one in body["proof"]]
        verify_consistency(old, new, proof, roots[old], roots[new])


def test_from_the_empty_tree_there_is_nothing_to_prove(log: Published) -> None:
    for to in (0, 1, log.checkpoint.size):
        body = log.api.get(f"/log/consistency?from=0&to={to}").body
        assert body == {"from_size": 0, "to_size": to, "proof": []}


@pytest.mark.parametrize(
    "query",
    [
        *("from=2&to=1", "from=1", "to=1", "", "from=-1&to=1", "from=a&to=b", "from=1&to="),
        *("from=1&to=2&from=1", "from=1&to=2&size=3", "from=1.0&to=2", f"from=1&to={'9' * 30}"),
    ],
)
def test_what_is_no_pair_of_sizes_is_refused(api: Connection, query: str) -> None:
    assert api.get(f"/log/consistency?{query}").status == 422


def test_a_tree_that_is_not_there_yet_is_not_published(log: Published) -> None:
    size = log.checkpoint.size
    for to in (size + 1, 2**53 - 1):
        reply = log.api.get(f"/log/consistency?from=1&to={to}")
        assert reply.verdict == (503, "not-published")
        assert reply.headers["retry-after"] == "1"


# --- waiting ----------------------------------------------------------------------------------


def writes(api: Connection) -> list[tuple[str, Json | None]]:
    """One write of each kind, to be sent in turn."""
    record = api.created()["id"]
    part = {"command": "retire", "record_id": record, "quantity": 1, "holder": None}
    return [
        ("/records", new_issuance()),
        (f"/records/{record}/sell", {"to": "acme", "quantity": 3}),
        (f"/records/{record}/retire", {"quantity": 1, "holder": "acme"}),
        (f"/records/{record}/cancel", {"quantity": 1, "holder": "acme"}),
        ("/batch", {"commands": [part, {"command": "create", **new_issuance()}]}),
        ("/batch", {"atomic": True, "commands": [part]}),
    ]


def events_in(reply: Reply) -> list[Json]:
    """The events that a write's answer shows."""
    bodies = [item["body"] for item in reply.body.get("items", [])] or [reply.body]
    return [event for body in bodies for event in body.get("events", [])]


def test_a_write_that_waits_is_answered_when_its_proof_is_there(log: Published) -> None:
    for path, body in writes(log.api):
        reply = log.api.post(f"{path}?wait=proof", body)
        assert reply.status in (200, 201), reply
        assert reply.headers["offset-log"] == "published"
        shown = events_in(reply)
        assert shown
        for event in shown:
            proof = log.api.get(event["proof"])
            assert proof.status == 200, (path, proof)
            assert read_proof(proof.content).index == event["position"]


def test_a_write_that_does_not_wait_says_nothing_of_the_log(log: Published) -> None:
    for path, body in writes(log.api):
        assert "offset-log" not in log.api.post(path, body).headers


def test_a_repeated_write_waits_for_what_it_finds(log: Published) -> None:
    body, key = new_issuance(), "log-00000001"
    first = log.api.post("/records", body, idempotency_key=key)
    again = log.api.post("/records?wait=proof", body, idempotency_key=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["offset-log"] == "published"
    assert log.proof(first.body["events"][0]["id"]).index == first.body["events"][0]["position"]
    found = log.api.post("/records?wait=proof", body)
    assert (found.status, found.headers["offset-log"]) == (200, "published")


def test_a_refusal_has_nothing_to_wait_for(log: Published) -> None:
    record = log.api.created()["id"]
    for path, body, status in (
        (f"/records/{record}/sell", {"to": "a", "quantity": 99}, 409),
        ("/records", {**new_issuance(), "vintage": 1}, 422),
        (f"/records/{'0' * 64}/retire", None, 404),
    ):
        reply = log.api.post(f"{path}?wait=proof", body)
        assert reply.status == status, reply
        assert "offset-log" not in reply.headers


@pytest.mark.parametrize("query", ["wait=other", "wait=", "wait=proof&wait=proof", "wait=Proof"])
def test_nothing_else_can_be_waited_for(log: Published, query: str) -> None:
    for path, body in writes(log.api):
        assert log.api.post(f"{path}?{query}", body).status == 422


# --- HEAD, and a server that does not publish ---------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("/log/checkpoint", "/log/vkey", "/log/proof/3", "/log/consistency?from=1&to=9"),
        *("/log/tile/0/000", "/log/tile/entries/000.p/7", "/log/tile/0/x000/001"),
    ],
)
def test_a_head_is_a_get_without_the_body(api: Connection, path: str) -> None:
    got, head = api.get(path), api.send("HEAD", path)
    assert (head.status, head.content) == (got.status, b"")
    same = ("content-type", "content-length", "cache-control", "etag", "content-disposition")
    assert [head.headers.get(name) for name in same] == [got.headers.get(name) for name in same]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_log_is_only_read(api: Connection, method: str) -> None:
    for path in ("/log/checkpoint", "/log/tile/0/000", "/log/proof/3"):
        reply = api.send(method, path, b"")
        assert reply.verdict == (405, "method-not-allowed")
        assert reply.headers["allow"] == "GET, HEAD"


def test_a_server_without_a_key_publishes_nothing_and_says_so(postgresql_url: str) -> None:
    with running_server(postgresql_url, origin=ORIGIN) as server:
        api = Connection(server.url)
        event = api.created()["events"][0]
        for path in (
            "/log/checkpoint",
            event["proof"],
            "/log/proof/0",
            "/log/consistency?from=0&to=1",
        ):
            assert api.get(path).verdict == (503, "not-published"), path
        for path in ("/log/tile/0/000.p/1", "/log/tile/entries/000.p/1"):
            assert api.get(path).verdict == (404, "tile-not-found"), path
        assert api.get("/log/proof/1").verdict == (404, "event-not-found")
        assert (api.get("/log/vkey").status, api.get("/log/vkey").content) == (200, b"")
        assert api.get("/readyz").status == 200
        api.close()
        assert "This server does not publish the log: it has no OFFSET_LOG_KEY." in server.log
    assert verified(postgresql_url).differences == []


def test_a_write_is_answered_as_pending_where_nobody_publishes(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_PATIENCE_S", 0.4)
    monkeypatch.setenv("DATABASE_URL", postgresql_url)
    monkeypatch.setenv("OFFSET_ORIGIN", ORIGIN)
    monkeypatch.delenv("OFFSET_LOG_KEY", raising=False)
    with TestClient(
        create_app(), base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)
    ) as client:
        started = datetime.now(UTC)
        reply = client.post("/records?wait=proof", json=new_issuance())
        took_s = (datetime.now(UTC) - started).total_seconds()
        assert (reply.status_code, reply.headers["offset-log"]) == (201, "pending")
        assert took_s >= 0.4
        assert (
            client.get(f"/records/{reply.json()['id']}").json()["events"] == reply.json()["events"]
        )
