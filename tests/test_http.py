"""The API as its callers see it: every write, with its statuses, headers and facts."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

import pytest

from asking import Connection, Json, new_issuance, record_id_of, served
from builders import create, synthetic_serial
from databases import ENGINES
from offset.core.errors import tree

NOWHERE: Final = "0" * 64  # no record has this id


@pytest.fixture(scope="module", params=ENGINES)
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    with served(request, tmp_path_factory) as server:
        connection = Connection(server.url)
        yield connection
        connection.close()
        assert "Traceback" not in server.log


# --- create -----------------------------------------------------------------------------------


def test_a_create_answers_201_with_the_record_and_where_it_is(api: Connection) -> None:
    body = new_issuance(tonnes=10, holder="acme", country="KE", effective_on="2021-05-04")
    reply = api.post("/records", body)
    record = reply.body
    record_id = record_id_of(body)
    assert (reply.status, reply.headers["location"], reply.headers["etag"]) == (
        *(201, f"/records/{record_id}", '"1-0-open"'),
    )
    assert reply.headers["content-type"] == "application/json"
    sent = {name: record[name] for name in body}
    assert sent == body
    assert (record["id"], record["status"], record["events_total"]) == (record_id, "CREATED", 1)
    assert record["balance"] == {
        "issued": 10,
        "available": 10,
        "sold": 0,
        "retired": 0,
        "cancelled": 0,
    }
    (event,) = record["events"]
    assert (event["event_type"], event["record_id"], event["seq"]) == ("CREATED", record_id, 1)
    assert event["created_at"] == record["created_at"]
    assert str(UUID(event["id"])) == event["id"]
    assert api.get(reply.headers["location"]).body == record


def test_a_repeated_create_answers_200_with_the_record_as_it_is_now(api: Connection) -> None:
    body = new_issuance()
    record = api.post("/records", body).body
    api.act("retire", record["id"], {"quantity": 4})
    again = {
        **body,
        "registry": "VCS",
        "quantity": "10.0",
        "project_name": "two  RIVERS forest conservation",
    }
    reply = api.post("/records", again)
    assert (reply.status, reply.headers["location"]) == (200, f"/records/{record['id']}")
    assert reply.body == api.get(f"/records/{record['id']}").body
    assert [event["event_type"] for event in reply.body["events"]] == ["CREATED", "RETIRED"]


@pytest.mark.parametrize("field, before, now", [
    ("holder", "acme", "emca"),
    ("holder", None, "acme"),
    ("effective_on", "2021-01-01", "2021-01-02"),
    ("project_id", "VCS1", "VCS2"),
    ("country", "KE", "UG"),
    ("methodology", "VM0007", "VM0009"),
    ("vintage_start", "2020-01-01", "2020-02-01"),
    ("vintage_end", None, "2020-12-31"),
])  # fmt: skip
def test_a_repeated_create_with_another_optional_field_is_refused(
    api: Connection, field: str, before: str | None, now: str
) -> None:
    body = new_issuance()
    first = api.post("/records", body if before is None else {**body, field: before})
    reply = api.post("/records", {**body, field: now})
    assert reply.verdict == (409, "record-differs")
    assert (reply.body["record_id"], reply.body["field"]) == (first.body["id"], field)


def test_a_repeated_create_need_not_repeat_the_optional_fields(api: Connection) -> None:
    body = new_issuance()
    first = api.post("/records", {**body, "holder": "acme", "details": {"note": "one"}})
    assert api.post("/records", {**body, "details": {"note": "two"}}).body == first.body


def test_serial_numbers_that_overlap_are_refused_with_both_ranges(api: Connection) -> None:
    body = new_issuance(tonnes=10)
    record = api.post("/records", body).body
    first, last = record["serial"]["first"], record["serial"]["last"]
    for low, high in ((first, last), (last, last + 5), (first - 5, first), (first + 2, first + 3)):
        reply = api.post("/records", create(first=low, last=high, project_name="Another"))
        assert reply.verdict == (409, "serial-overlap")
        assert {
            name: reply.body[name] for name in ("record_id", "serial_first", "serial_last")
        } == {
            "record_id": record["id"],
            "serial_first": low,
            "serial_last": high,
        }
        assert (reply.body["other_first"], reply.body["other_last"]) == (first, last)


def test_an_opaque_serial_belongs_to_one_record_of_its_registry(api: Connection) -> None:
    body = {**new_issuance(), "registry": "Test", "serial_number": "VCU-2020-001"}
    record = api.post("/records", body)
    assert (record.status, record.body["serial"]["unparsed"]) == (201, True)
    reply = api.post("/records", {**body, "quantity": 11})
    assert reply.verdict == (409, "serial-overlap")
    assert reply.body["record_id"] == record.body["id"]
    assert api.post("/records", {**body, "registry": "Other"}).status == 201


def test_a_quantity_that_is_not_the_ranges_is_refused_with_both_numbers(api: Connection) -> None:
    reply = api.post("/records", new_issuance(tonnes=10, quantity=11))
    assert reply.verdict == (422, "quantity-mismatch")
    assert (reply.body["quantity"], reply.body["serial_quantity"]) == (11, 10)


def test_a_vintage_that_is_not_the_serial_numbers_is_refused_with_both(api: Connection) -> None:
    body = new_issuance(tonnes=10, vintage=2020)
    wrong = {**body, "vintage": 2019}
    reply = api.post("/records", wrong)
    assert reply.verdict == (422, "vintage-mismatch")
    facts = ("vintage", "vintage_start", "serial_start", "serial_end")
    assert [reply.body[name] for name in facts] == [2019, None, "2020-01-01", "2020-12-31"]
    batch = api.post("/batch", {"commands": [{"command": "create", **wrong}]}).body["items"]
    assert [item["body"]["code"] for item in batch] == ["vintage-mismatch"]
    assert api.post("/records", {**body, "vintage_start": "2021-01-01"}).status == 422
    assert api.post("/records", body).status == 201


def test_a_spoilt_serial_and_another_registrys_are_refused(api: Connection) -> None:
    body = new_issuance()
    spoilt = api.post("/records", {**body, "serial_number": body["serial_number"] + "x"})
    assert spoilt.verdict == (422, "serial-malformed")
    other = api.post("/records", {**body, "registry": "Gold Standard"})
    assert (other.verdict, other.body["other"]) == ((422, "registry-mismatch"), "verra")


def test_every_wrong_field_is_listed_with_its_pointer(api: Connection) -> None:
    body = {**new_issuance(), "vintage": True, "holder": "A B", "colour": 1}
    del body["registry"]
    reply = api.post("/records", body)
    assert reply.verdict == (422, "invalid-field")
    assert {(error["pointer"], error["code"]) for error in reply.body["errors"]} == {
        ("/registry", "invalid-field"),
        ("/vintage", "invalid-field"),
        ("/holder", "invalid-holder"),
        ("/colour", "invalid-field"),
    }


def test_of_countless_wrong_fields_the_first_50_are_listed(api: Connection) -> None:
    reply = api.post("/records", {f"field{number}": 1 for number in range(9_999)})
    assert reply.verdict == (422, "invalid-field")
    assert len(reply.body["errors"]) == 50
    assert "(and 10003 more)" in reply.body["detail"]


# --- retire, sell, cancel ---------------------------------------------------------------------


def test_a_retirement_without_a_body_takes_all_that_is_left(api: Connection) -> None:
    record = api.created(tonnes=10)
    api.act("sell", record["id"], {"to": "acme", "quantity": 4})
    body = api.act("retire", record["id"])
    assert (body["status"], body["balance"]["retired"], body["holdings"]) == ("RETIRED", 10, [])
    assert body["retired"]["quantity"] == 10
    types = [event["event_type"] for event in body["events"]]
    assert types == ["CREATED", "SOLD", "RETIRED", "RETIRED"]
    assert {event["payload"]["group"] for event in body["events"][2:]} == {body["retired"]["id"]}


def test_a_second_retirement_is_refused_with_the_first_ones_id_and_time(api: Connection) -> None:
    record = api.created()
    first = api.act("retire", record["id"])["retired"]
    reply = api.post(f"/records/{record['id']}/retire")
    assert reply.verdict == (409, "already-retired")
    assert reply.body["record_id"] == record["id"]
    assert (reply.body["retirement_id"], reply.body["retired_at"]) == (
        *(first["id"], first["created_at"]),
    )


@pytest.mark.parametrize("verb, fields", [
    ("retire", {}), ("cancel", {}), ("sell", {"to": "acme"}),
])  # fmt: skip
def test_more_than_there_is_is_refused_with_what_is_available(
    api: Connection, verb: str, fields: Json
) -> None:
    record = api.created(tonnes=10)
    api.act("retire", record["id"], {"quantity": 7.5})
    reply = api.post(f"/records/{record['id']}/{verb}", {**fields, "quantity": 2.500001})
    assert reply.verdict == (409, "insufficient-quantity")
    assert (reply.body["record_id"], reply.body["available"]) == (record["id"], 2.5)
    api.act(verb, record["id"], {**fields, "quantity": 2.5})
    if verb == "sell":
        return
    gone = api.post(f"/records/{record['id']}/{verb}", {**fields, "quantity": 1})
    assert (gone.verdict, gone.body["available"]) == ((409, "insufficient-quantity"), 0)


def test_what_was_sold_is_not_sold_again_without_its_holder(api: Connection) -> None:
    record = api.created()
    sale = api.act("sell", record["id"], {"to": "acme"})["sold"]
    path = f"/records/{record['id']}/sell"
    reply = api.post(path, {"to": "bmce"})
    assert reply.verdict == (409, "already-sold")
    assert (reply.body["sale_id"], reply.body["sold_at"]) == (sale["id"], sale["created_at"])
    resale = api.post(path, {"to": "bmce", "from": "acme", "quantity": 3}).body
    assert [(h["holder"], h["quantity"]) for h in resale["holdings"]] == [("bmce", 3), ("acme", 7)]
    to_itself = api.post(path, {"to": "acme", "from": "acme"})
    assert to_itself.verdict == (422, "same-holder")


def test_what_was_cancelled_cannot_be_retired(api: Connection) -> None:
    record = api.created()
    body = api.act(
        *("cancel", record["id"]), {"cause": "converted", "converted_to": "ets", "reason": "moved"}
    )
    assert (body["status"], body["cancelled"]["quantity"]) == ("CANCELLED", 10)
    assert body["events"][1]["payload"]["converted_to"] == "ets"
    assert body["events"][1]["details"] == {"reason": "moved"}
    reply = api.post(f"/records/{record['id']}/retire")
    assert reply.verdict == (409, "already-cancelled")
    assert reply.body["cancellation_id"] == body["cancelled"]["id"]


def test_a_quantity_of_several_holders_needs_one_of_them(api: Connection) -> None:
    record = api.created(tonnes=10)
    api.act("sell", record["id"], {"to": "acme", "quantity": 4})
    for verb in ("retire", "cancel"):
        reply = api.post(f"/records/{record['id']}/{verb}", {"quantity": 1})
        assert reply.verdict == (422, "holder-required")
        assert reply.body["holders"] == ["acme", None]
        api.act(verb, record["id"], {"quantity": 1, "holder": "acme"})
        api.act(verb, record["id"], {"quantity": 1, "holder": None})


def test_serial_numbers_name_the_credits_that_are_taken(api: Connection) -> None:
    record = api.created(tonnes=10)
    first = record["serial"]["first"]
    body = api.act("retire", record["id"], {"serial_first": first + 2, "serial_last": first + 4})
    (part,) = body["retired"]["parts"]
    assert (part["from_g"], part["quantity_g"]) == (2_000_000, 3_000_000)
    assert part["serial_number"] == synthetic_serial(first + 2, first + 4)
    path = f"/records/{record['id']}/sell"
    numbers = {"serial_first": first + 4, "serial_last": first + 5}
    taken = api.post(path, {"to": "acme", **numbers})
    assert taken.verdict == (409, "already-retired")
    assert taken.body["retirement_id"] == body["retired"]["id"]
    outside = api.post(path, {"to": "acme", **numbers, "serial_last": first + 10})
    assert outside.verdict == (422, "serial-outside-record")
    assert (outside.body["serial_first"], outside.body["serial_last"]) == (first, first + 9)


def test_a_part_of_a_credit_is_shown_as_such(api: Connection) -> None:
    record = api.created(tonnes=2)
    body = api.act("retire", record["id"], {"quantity": "0.250001"})
    (part,) = body["retired"]["parts"]
    number = record["serial"]["first"]
    assert part == {
        "from_g": 0,
        "quantity_g": 250_001,
        "quantity": 0.250001,
        "serial_first": number,
        "serial_last": number,
        "serial_number": None,
        "in_part": [
            {
                "serial": number,
                "serial_number": synthetic_serial(number, number),
                "quantity": 0.250001,
                "first_gram": 0,
                "last_gram": 250_000,
            }
        ],
    }


def test_what_is_said_beside_a_retirement_stands_in_its_answer(api: Connection) -> None:
    record = api.created(holder="acme")
    body = {
        "quantity": 1,
        "holder": "acme",
        "purpose": "compliance",
        "country": "KE",
        "effective_on": "2025-12-31",
        "beneficiary": "Bakery",
        "note": "for the year",
        "details": {"contract": "A-17"},
    }
    event = api.act("retire", record["id"], body)["events"][-1]
    assert event["details"] == {"beneficiary": "Bakery", "note": "for the year", "contract": "A-17"}
    assert len(event["payload"]["details_sha256"]) == 64
    hashed = {name: event["payload"][name] for name in ("holder", "purpose", "country")}
    assert hashed == {"holder": "acme", "purpose": "compliance", "country": "KE"}
    assert event["payload"]["effective_on"] == "2025-12-31"
    twice = api.post(f"/records/{record['id']}/retire", {**body, "details": {"note": "other"}})
    assert twice.verdict == (422, "invalid-field")


def test_a_price_is_private_unless_it_says_otherwise(api: Connection) -> None:
    record = api.created(tonnes=10)
    sale = {"to": "acme", "quantity": 1, "price": 12.5, "currency": "EUR"}
    secret = api.act("sell", record["id"], sale)["events"][-1]
    public = api.act("sell", record["id"], {**sale, "private": False})["events"][-1]
    plain = api.act("sell", record["id"], {"to": "acme", "quantity": 1, "note": "x"})["events"][-1]
    assert secret["details"] == {"price": "12.5", "currency": "EUR"}
    shown = [event["details_private"] for event in (secret, public, plain)]
    assert shown == [True, False, False]


def test_no_record_no_effect(api: Connection) -> None:
    for verb, body in (("retire", None), ("sell", {"to": "acme"}), ("cancel", None)):
        reply = api.post(f"/records/{NOWHERE}/{verb}", body)
        assert (reply.verdict, reply.body["record_id"]) == ((404, "record-not-found"), NOWHERE)
        assert api.post(f"/records/x/{verb}", body).verdict == (404, "record-not-found")
    for path in (f"/records/{NOWHERE}", f"/records/{NOWHERE}/events", "/records/ABC"):
        assert api.get(path).verdict == (404, "record-not-found")


def test_a_query_is_not_taken_for_a_body(api: Connection) -> None:
    record = api.created()
    reply = api.post(f"/records/{record['id']}/retire?quantity=1")
    assert reply.verdict == (422, "invalid-field")
    assert api.get(f"/records/{record['id']}").body["status"] == "CREATED"


# --- versions ---------------------------------------------------------------------------------


def test_a_record_has_an_etag_and_says_what_it_depends_on(api: Connection) -> None:
    record = api.created()
    path = f"/records/{record['id']}"
    first = api.get(path)
    assert (first.headers["etag"], first.headers["vary"]) == ('"1-0-open"', "Accept, Authorization")
    acted = api.post(f"{path}/retire", {"quantity": 1})
    assert acted.headers["etag"] == api.get(path).headers["etag"] == '"2-0-open"'
    assert api.get(f"{path}?format=json").content == api.get(path).content
    assert api.get(f"{path}?format=xml").verdict == (422, "invalid-field")


@pytest.mark.parametrize("sent, status", [
    ('"1-0-open"', 304),
    ('W/"1-0-open"', 304),
    ('"9-0-open", "1-0-open"', 304),
    ("*", 304),
    ('"2-0-open"', 200),
    ("1-0-open", 200),
    ("", 200),
])  # fmt: skip
def test_if_none_match_answers_304_while_nothing_has_changed(
    api: Connection, sent: str, status: int
) -> None:
    record = api.created()
    reply = api.get(f"/records/{record['id']}", if_none_match=sent)
    assert (reply.status, reply.headers["etag"]) == (status, '"1-0-open"')
    assert (reply.content == b"") == (status == 304)


@pytest.mark.parametrize("sent, verdict", [
    ('"1-0-open"', (200, None)),
    ('"1-7-other"', (200, None)),  # only the seq counts
    ("*", (200, None)),
    ('"2-0-open"', (412, "precondition-failed")),
    ('"0-0-open"', (412, "precondition-failed")),
    ("1-0-open", (400, "bad-header")),
    ('W/"1-0-open"', (400, "bad-header")),
    ('"1-0-open", "2-0-open"', (400, "bad-header")),
    ('"1"', (400, "bad-header")),
    ("", (400, "bad-header")),
])  # fmt: skip
def test_if_match_stops_a_write_on_another_version(
    api: Connection, sent: str, verdict: tuple[int, str | None]
) -> None:
    for verb, body in (("retire", None), ("sell", {"to": "acme"}), ("cancel", None)):
        record = api.created()
        reply = api.post(f"/records/{record['id']}/{verb}", body, if_match=sent)
        assert reply.verdict == verdict
        if verdict[0] == 412:
            assert (reply.body["record_id"], reply.body["seq"]) == (record["id"], 1)
        seq = 2 if verdict[0] == 200 else 1
        assert api.get(f"/records/{record['id']}").body["events_total"] == seq


# --- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted({kind.code for kind in tree()}))
def test_the_type_of_every_error_opens(api: Connection, code: str) -> None:
    reply = api.get(f"/errors/{code}")
    assert (reply.status, reply.body["code"]) == (200, code)
    assert set(reply.body) == {"code", "title", "status", "meaning"}
    assert reply.body["meaning"].endswith(".")


def test_an_error_is_a_problem_document(api: Connection) -> None:
    reply = api.get(f"/records/{NOWHERE}")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.body == {
        "type": "/errors/record-not-found",
        "title": "No such record",
        "status": 404,
        "detail": f"record {NOWHERE}: not in this ledger",
        "instance": f"/records/{NOWHERE}",
        "code": "record-not-found",
        "record_id": NOWHERE,
    }
    assert api.get(reply.body["type"]).body["title"] == reply.body["title"]
    assert api.get("/errors/no-such-code").verdict == (404, "page-not-found")


@pytest.mark.parametrize("method, path, allowed", [
    ("DELETE", "/records", "GET, HEAD, POST"),
    ("PUT", f"/records/{NOWHERE}", "GET, HEAD"),
    ("GET", f"/records/{NOWHERE}/retire", "POST"),
    ("HEAD", "/batch", "POST"),
    ("OPTIONS", "/events", "GET, HEAD"),
    ("POST", "/docs", "GET, HEAD"),
    ("POST", "/openapi.json", "GET, HEAD"),
    ("POST", "/static/docs.js", "GET, HEAD"),
])  # fmt: skip
def test_another_method_is_refused_with_those_that_there_are(
    api: Connection, method: str, path: str, allowed: str
) -> None:
    reply = api.send(method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert reply.code == "method-not-allowed"


@pytest.mark.parametrize("path", ["/records", "/events", "/livez", "/docs", "/static/docs.js"])
def test_head_answers_as_get_without_the_body(api: Connection, path: str) -> None:
    got, asked = api.get(path), api.send("HEAD", path)
    same = {name: asked.headers[name] for name in ("content-type", "content-length")}
    assert (asked.status, asked.content) == (200, b"")
    assert same == {name: got.headers[name] for name in same}


def test_the_server_says_that_it_lives_and_is_ready(api: Connection) -> None:
    for path in ("/livez", "/readyz"):
        assert (api.get(path).status, api.get(path).body) == (200, {"status": "ok"})
    home = api.get("/")
    assert (home.status, home.headers["location"]) == (307, "/docs")


@pytest.mark.parametrize("act", ["retire", "cancel"])
def test_a_quantity_of_null_is_not_all_there_is(api: Connection, act: str) -> None:
    record = api.post("/records", new_issuance()).body
    path = f"/records/{record['id']}/{act}"
    refused = api.post(path, {"quantity": None})
    assert (refused.status, refused.code) == (422, "invalid-quantity")
    refused = api.post(path, {"serial_first": None, "serial_last": None})
    assert (refused.status, refused.code) == (422, "invalid-field")
    assert api.get(f"/records/{record['id']}").body["events_total"] == 1


def test_no_body_is_the_same_request_as_an_empty_one(api: Connection) -> None:
    record_id = api.post("/records", new_issuance()).body["id"]
    path, key = f"/records/{record_id}/retire", f"retire-{record_id}"
    first = api.post(path, idempotency_key=key)
    again = api.post(path, {}, idempotency_key=key)
    assert (first.status, again.status, again.body) == (200, 200, first.body)
