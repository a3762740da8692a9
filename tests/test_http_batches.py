"""Requests that are safe to repeat (Idempotency-Key), and many commands in one request."""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import pytest

from asking import Connection, Json, Reply, new_issuance, record_id_of, served
from databases import ENGINES

NOWHERE: Final = "0" * 64  # no record has this id
NUMBERS: Final = count(1)


@pytest.fixture(scope="module", params=ENGINES)
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    with served(request, tmp_path_factory) as server:
        connection = Connection(server.url)
        yield connection
        connection.close()
        assert "Traceback" not in server.log


def new_key() -> str:
    return f"key-{next(NUMBERS):06d}"


def replayed(reply: Reply) -> bool:
    return reply.headers.get("idempotent-replayed") == "true"


def left(api: Connection, record_id: str) -> float:
    """The tonnes of a record that are neither retired nor cancelled."""
    balance = api.get(f"/records/{record_id}").body["balance"]
    return float(balance["available"] + balance["sold"])


# --- Idempotency-Key --------------------------------------------------------------------------


@pytest.mark.parametrize("sent", ["{}", '"{}"'], ids=["bare", "quoted"])
def test_a_key_gives_the_first_answer_again_and_does_nothing_more(
    api: Connection, sent: str
) -> None:
    record = api.created(tonnes=10)
    path, body, key = f"/records/{record['id']}/retire", {"quantity": 1}, new_key()
    first = api.post(path, body, idempotency_key=key)
    again = api.post(path, body, idempotency_key=sent.format(key))
    assert (first.status, again.status) == (200, 200)
    assert (replayed(first), replayed(again)) == (False, True)
    assert again.body == first.body
    assert again.headers["etag"] == first.headers["etag"] == '"2-0-open"'
    assert left(api, record["id"]) == 9


def test_a_create_with_a_key_is_replayed_as_201(api: Connection) -> None:
    body, key = new_issuance(details={"note": "first"}), new_key()
    first = api.post("/records", body, idempotency_key=key)
    api.act("retire", first.body["id"])
    again = api.post("/records", body, idempotency_key=key)
    assert (again.status, replayed(again), again.body) == (201, True, first.body)
    assert again.headers["location"] == first.headers["location"]
    assert again.body["events"][0]["details"] == {"note": "first"}
    assert api.post("/records", body).status == 200


def test_the_order_and_spaces_of_a_body_do_not_count(api: Connection) -> None:
    record = api.created(tonnes=10)
    path = f"/records/{record['id']}/retire"
    headers = {"Content-Type": "application/json", "Idempotency-Key": new_key()}
    first = api.send("POST", path, b'{"quantity": 1, "country": "KE"}', headers)
    again = api.send("POST", path, b'{"country":"KE","quantity":1}', headers)
    assert (again.body, replayed(again)) == (first.body, True)


def test_a_key_is_held_to_its_method_path_and_body(api: Connection) -> None:
    record, other = api.created(tonnes=10), api.created(tonnes=10)
    path, key = f"/records/{record['id']}/retire", new_key()
    api.post(path, {"quantity": 1}, idempotency_key=key)
    for elsewhere, body in (
        (path, {"quantity": 2}),
        (path, None),
        (f"/records/{record['id']}/cancel", {"quantity": 1}),
        (f"/records/{other['id']}/retire", {"quantity": 1}),
        ("/records", new_issuance()),
        ("/batch", {"commands": [{"command": "retire", "record_id": record["id"]}]}),
    ):
        reply = api.post(elsewhere, body, idempotency_key=key)
        assert (reply.verdict, reply.body["key"]) == ((422, "idempotency-key-reused"), key)
    assert (left(api, record["id"]), left(api, other["id"])) == (9, 10)


def test_a_refusal_by_the_ledgers_state_is_kept(api: Connection) -> None:
    record = api.created(tonnes=10)
    path, key = f"/records/{record['id']}/sell", new_key()
    api.act("sell", record["id"], {"to": "acme", "quantity": 10})
    body = {"to": "bmce", "quantity": 1}
    first = api.post(path, body, idempotency_key=key)
    api.act("sell", record["id"], {"from": "acme", "to": "bmce"})
    again = api.post(path, body, idempotency_key=key)
    assert first.verdict == again.verdict == (409, "insufficient-quantity")
    assert (again.body, replayed(first), replayed(again)) == (first.body, False, True)


def test_that_a_record_was_not_there_is_kept_too(api: Connection) -> None:
    body, key = new_issuance(tonnes=10), new_key()
    path = f"/records/{record_id_of(body)}/retire"
    first = api.post(path, idempotency_key=key)
    record_id = api.post("/records", body).body["id"]
    again = api.post(path, idempotency_key=key)
    assert first.verdict == again.verdict == (404, "record-not-found")
    assert (replayed(first), replayed(again)) == (False, True)
    assert left(api, record_id) == 10


def test_a_refusal_that_may_pass_next_time_is_not_kept(api: Connection) -> None:
    record = api.created(tonnes=10)
    api.act("sell", record["id"], {"to": "acme", "quantity": 4})
    path, key = f"/records/{record['id']}/retire", new_key()
    for body, headers, verdict in (
        ({"quantity": 1}, {}, (422, "holder-required")),
        ({"quantity": 0}, {}, (422, "invalid-quantity")),
        ({"quantity": 1}, {"if_match": '"1-0-open"'}, (412, "precondition-failed")),
        ({"quantity": 1}, {"if_match": "?"}, (400, "bad-header")),
        ({"quantity": 1}, {"content_type": "text/plain"}, (415, "unsupported-media-type")),
    ):
        reply = api.post(path, body, idempotency_key=key, **headers)
        assert (reply.verdict, replayed(reply)) == (verdict, False)
    done = api.post(path, {"quantity": 1, "holder": "acme"}, idempotency_key=key)
    assert (done.status, replayed(done), left(api, record["id"])) == (200, False, 9)


@pytest.mark.parametrize("key, status", [
    ("12345678", 201), ("x" * 255, 201), ("with spaces in it", 201), ('"say \\"hi\\" twice"', 201),
    ("1234567", 400), ('"1234567"', 400), ("x" * 256, 400), ("", 400), ('""', 400),
    ("schlüssel-1", 400), ("tab\tinside-it", 400), ('" leading-space"', 400),
])  # fmt: skip
def test_a_key_has_8_to_255_printable_characters(api: Connection, key: str, status: int) -> None:
    reply = api.post("/records", new_issuance(), idempotency_key=key)
    assert reply.status == status
    if status == 400:
        assert (reply.code, reply.body["header"]) == ("bad-header", "Idempotency-Key")


def test_two_keys_in_one_request_are_refused(api: Connection) -> None:
    record_id = api.created()["id"]
    keys = "Idempotency-Key: 12345678\r\nIdempotency-Key: 12345678\r\n"
    request = f"POST /records/{record_id}/retire HTTP/1.1\r\nHost: 127.0.0.1\r\n{keys}\r\n"
    assert api.raw(request.encode()).verdict == (400, "bad-header")
    assert left(api, record_id) == 10


# --- batches ----------------------------------------------------------------------------------


def batch(api: Connection, *commands: object, atomic: bool = False, **headers: str) -> Reply:
    return api.post("/batch", {"commands": list(commands), "atomic": atomic}, **headers)


def verdicts(reply: Reply) -> list[tuple[int, str | None]]:
    """The status of each answer and, of a refusal, its code."""
    assert reply.status == 200, reply
    return [(item["status"], item["body"].get("code")) for item in reply.body["items"]]


def test_each_command_of_a_batch_is_answered_as_its_own_call_would_be(api: Connection) -> None:
    body = new_issuance(tonnes=10)
    record = api.post("/records", body).body
    record_id = record["id"]
    reply = batch(
        api,
        {"command": "create", **body},
        {"command": "sell", "record_id": record_id, "to": "acme", "quantity": 4},
        {"command": "retire", "record_id": record_id, "holder": "acme", "note": "a"},
        {"command": "retire", "record_id": record_id, "holder": "acme", "quantity": 1},
        {"command": "cancel", "record_id": record_id, "cause": "buffer"},
        {"command": "retire", "record_id": NOWHERE},
        {"command": "create", **new_issuance()},
    )
    assert verdicts(reply) == [
        *((200, None), (200, None), (200, None), (409, "insufficient-quantity"), (200, None)),
        *((404, "record-not-found"), (201, None)),
    ]
    created, sold, retired, _, cancelled, _, other = (item["body"] for item in reply.body["items"])
    assert created == record
    assert (sold["sold"]["quantity"], retired["retired"]["quantity"]) == (4, 4)
    assert (cancelled["cancelled"]["quantity"], cancelled["status"]) == (6, "RETIRED")
    assert retired["events"][2]["details"] == {"note": "a"}
    assert [event["seq"] for event in retired["events"]] == [1, 2, 3]
    assert cancelled == {
        **api.get(f"/records/{record_id}").body,
        "cancelled": cancelled["cancelled"],
    }
    assert other == api.get(f"/records/{other['id']}").body


def test_what_can_never_be_right_keeps_its_place(api: Connection) -> None:
    record_id = api.created(tonnes=10)["id"]
    good = {"command": "retire", "record_id": record_id, "quantity": 1}
    wrong: list[tuple[object, str]] = [
        (5, "invalid-field"),
        (None, "invalid-field"),
        ([good], "invalid-field"),
        ({}, "invalid-field"),
        ({**good, "command": "destroy"}, "invalid-field"),
        ({**good, "command": ["retire"]}, "invalid-field"),
        ({**good, "command": "erase"}, "invalid-field"),
        ({**good, "quantity": 0}, "invalid-quantity"),
        ({**good, "record_id": record_id.upper()}, "invalid-field"),
        ({**good, "to": "acme"}, "invalid-field"),
        ({"command": "sell", "record_id": record_id, "to": "A"}, "invalid-holder"),
        ({"command": "create", **new_issuance(quantity=3)}, "quantity-mismatch"),
        ({"command": "create", **new_issuance(registry="GS")}, "registry-mismatch"),
    ]
    reply = batch(api, *(command for item, _ in wrong for command in (item, good)))
    expected = [verdict for _, code in wrong for verdict in ((422, code), (200, None))]
    assert verdicts(reply)[:20] == expected[:20]
    assert verdicts(reply)[20::2] == expected[20::2]
    assert left(api, record_id) == 0
    errors = reply.body["items"][14]["body"]["errors"]
    assert [error["pointer"] for error in errors] == ["/quantity"]


def test_an_atomic_batch_is_done_as_a_whole(api: Connection) -> None:
    body = new_issuance(tonnes=10)
    record_id = api.created(tonnes=10)["id"]
    reply = batch(
        api,
        {"command": "create", **body},
        {"command": "sell", "record_id": record_id, "to": "acme", "quantity": 5},
        {"command": "sell", "record_id": record_id, "to": "bmce", "from": "acme", "quantity": 5},
        {"command": "retire", "record_id": record_id},
        atomic=True,
    )
    assert verdicts(reply) == [(201, None), (200, None), (200, None), (200, None)]
    assert left(api, record_id) == 0


@pytest.mark.parametrize("bad, status, code", [
    ({"command": "retire", "record_id": NOWHERE}, 404, "record-not-found"),
    ({"command": "retire", "holder": "acme", "quantity": 6}, 409, "insufficient-quantity"),
    ({"command": "retire", "quantity": 0}, 422, "invalid-quantity"),
    ({"command": "sell", "to": "acme", "serial_first": 1, "serial_last": 1}, 422,
     "serial-outside-record"),
])  # fmt: skip
def test_an_atomic_batch_that_is_refused_leaves_nothing(
    api: Connection, bad: Json, status: int, code: str
) -> None:
    body, record_id = new_issuance(tonnes=10), api.created(tonnes=10)["id"]
    head = api.get("/events?after=9007199254740991").headers["etag"]
    reply = batch(
        api,
        {"command": "create", **body},
        {"command": "sell", "record_id": record_id, "to": "acme", "quantity": 5},
        {"record_id": record_id, **bad},
        {"command": "retire", "record_id": record_id},
        atomic=True,
    )
    assert reply.verdict == (status, "batch-refused")
    assert reply.body["status"] == status
    assert (reply.body["index"], reply.body["problem"]["code"]) == (2, code)
    assert api.get("/events?after=9007199254740991").headers["etag"] == head
    assert api.post("/records", body).status == 201  # as if it had never been tried


def test_10_000_commands_are_done_in_their_order(api: Connection) -> None:
    record = api.created(tonnes=10_000)
    retire = {"command": "retire", "record_id": record["id"], "quantity": 1}
    reply = batch(api, *(retire for _ in range(10_000)))
    assert set(verdicts(reply)) == {(200, None)}
    first = record["serial"]["first"]
    bodies = [item["body"] for item in reply.body["items"]]
    numbers = [body["retired"]["parts"][0]["serial_first"] for body in bodies]
    assert numbers == list(range(first, first + 10_000))
    assert [body["events_total"] for body in bodies] == list(range(2, 10_002))
    full = api.get(f"/records/{record['id']}").body
    assert (full["status"], len(full["events"]), full["events_total"]) == ("RETIRED", 1_000, 10_001)
    assert full["events"][-1]["seq"] == 10_001


@pytest.mark.parametrize("body", [
    {"commands": []},
    {"commands": [{}] * 10_001},
    {"commands": {}},
    {"commands": None},
    {},
    {"commands": [{}], "atomic": 1},
    {"commands": [{}], "atomic": None},
    {"commands": [{}], "colour": 1},
    [],
])  # fmt: skip
def test_a_batch_is_a_list_of_1_to_10_000_commands(api: Connection, body: Any) -> None:
    assert api.post("/batch", body).verdict == (422, "invalid-field")


def test_a_batch_with_a_key_is_done_once(api: Connection) -> None:
    record_id, key = api.created(tonnes=10)["id"], new_key()
    retire = {"command": "retire", "record_id": record_id, "quantity": 3, "note": "batch"}
    first = batch(api, *[retire] * 4, idempotency_key=key)
    again = batch(api, *[retire] * 4, idempotency_key=key)
    assert verdicts(first) == [*[(200, None)] * 3, (409, "insufficient-quantity")]
    assert (again.body, replayed(first), replayed(again)) == (first.body, False, True)
    assert again.body["items"][0]["body"]["events"][1]["details"] == {"note": "batch"}
    assert left(api, record_id) == 1
