"""The reads of the API: lists and their pages, events in order, serial numbers, retirements."""

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from asking import Connection, Json, new_issuance, served
from builders import synthetic_serial
from databases import ENGINES


@pytest.fixture(scope="module", params=ENGINES)
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    with served(request, tmp_path_factory) as server:
        connection = Connection(server.url)
        yield connection
        connection.close()
        assert "Traceback" not in server.log


@pytest.fixture(scope="module")
def forest(api: Connection) -> dict[str, Json]:
    """Records of a project of their own, one for each filter; by name."""
    made = {
        "plain": api.created(project_name="Forest one", vintage=2001),
        "sold": api.created(project_name="Forest two", vintage=2002, holder="forester"),
        "retired": api.created(project_name="FOREST  three", vintage=2003),
        "cancelled": api.created(project_name="Forest 100%_4", vintage=2004),
        "other": api.created(
            project_name="Forest five",
            registry="Woods",
            vintage=2005,
            serial_number="WOOD 5/2005",
        ),
    }
    api.act("sell", made["sold"]["id"], {"to": "lumberjack", "quantity": 3})
    api.act("retire", made["retired"]["id"])
    api.act("cancel", made["cancelled"]["id"])
    return made


def listed(api: Connection, **query: object) -> list[str]:
    """The ids that a list shows."""
    reply = api.get(f"/records?{urlencode(query)}")
    assert reply.status == 200, reply
    return [item["id"] for item in reply.body["items"]]


# --- lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize("query, names", [
    ({"vintage": 2003}, ["retired"]),
    ({"vintage_from": 2002, "vintage_to": 2004}, ["sold", "retired", "cancelled"]),
    ({"vintage_to": 2001}, ["plain"]),
    ({"registry": "woods"}, ["other"]),
    ({"registry": "VCS"}, ["plain", "sold", "retired", "cancelled"]),
    ({"status": "CREATED"}, ["plain", "other"]),
    ({"status": "SOLD"}, ["sold"]),
    ({"status": "RETIRED"}, ["retired"]),
    ({"status": "CANCELLED"}, ["cancelled"]),
    ({"holder": "lumberjack"}, ["sold"]),
    ({"holder": "forester"}, ["sold"]),
    ({"holder": "nobody"}, []),
    ({"project_name": "forest"}, ["plain", "sold", "retired", "cancelled", "other"]),
    ({"project_name": "ＦＯＲＥＳＴ　Three"}, ["retired"]),
    ({"project_name": "100%"}, ["cancelled"]),
    ({"project_name": "%_"}, ["cancelled"]),
    ({"project_name": "o_e"}, []),
    ({"vintage": 2002, "status": "SOLD", "registry": "Verra"}, ["sold"]),
    ({"vintage": 2002, "status": "RETIRED"}, []),
])  # fmt: skip
def test_each_filter_shows_the_records_that_it_names(
    api: Connection, forest: dict[str, Json], query: dict[str, object], names: list[str]
) -> None:
    own = {record["id"] for record in forest.values()}
    found = [record_id for record_id in listed(api, limit=500, **query) if record_id in own]
    assert found == [forest[name]["id"] for name in names]


def test_a_holder_of_null_is_the_unnamed_issuer(api: Connection, forest: dict[str, Json]) -> None:
    api.created(holder="first-holder", project_name="Unnamed")
    sold = api.created(project_name="Unnamed")
    api.act("sell", sold["id"], {"to": "acme"})
    part = api.created(project_name="Unnamed")
    api.act("sell", part["id"], {"to": "acme", "quantity": 4})
    kept = api.created(project_name="Unnamed")
    assert listed(api, holder="null", project_name="unnamed") == [part["id"], kept["id"]]
    everything = listed(api, holder="null", limit=500)
    assert {part["id"], kept["id"], forest["plain"]["id"]} <= set(everything)
    assert not {sold["id"], forest["retired"]["id"]} & set(everything)
    assert len(everything) == len(set(everything))
    first = api.get("/records?holder=null&limit=1")
    following = api.get(first.headers["link"].split(">")[0][1:]).body["items"]
    assert [first.body["items"][0]["id"], following[0]["id"]] == everything[:2]
    counted = api.get("/records?holder=null&status=RETIRED", prefer="count=exact").body
    assert (counted["items"], counted["total"]) == ([], 0)


def test_a_vintage_is_asked_for_as_it_is_sent(api: Connection, forest: dict[str, Json]) -> None:
    for spelling in ("2003", "2003.0", "02003"):
        assert listed(api, vintage=spelling) == [forest["retired"]["id"]]


def test_a_serial_number_finds_the_records_that_cover_some_of_it(
    api: Connection, forest: dict[str, Json]
) -> None:
    record = forest["plain"]
    first, last = record["serial"]["first"], record["serial"]["last"]
    for low, high in ((first, last), (last, last), (1, first), (first + 3, last + 4)):
        assert record["id"] in listed(api, serial=synthetic_serial(low, high))
    assert listed(api, serial=synthetic_serial(10**15, 10**15)) == []
    reply = api.get("/records?serial=WOOD")
    assert (reply.status, reply.code) == (422, "invalid-field")


def test_a_list_shows_records_as_they_are_now(api: Connection, forest: dict[str, Json]) -> None:
    record = forest["sold"]
    (item,) = api.get("/records?vintage=2002").body["items"]
    full = api.get(f"/records/{record['id']}").body
    assert item == {name: full[name] for name in item}
    assert set(item) == {
        *("id", "project_name", "registry", "vintage", "quantity", "serial_number"),
        *("created_at", "status", "planned", "balance", "serial", "links"),
    }
    assert item["balance"]["sold"] == 3


def test_pages_lead_through_the_whole_list(api: Connection) -> None:
    made = [api.created(project_name="Paged", vintage=2011)["id"] for _ in range(7)]
    found, pages, path = [], 0, "/records?project_name=paged&limit=3"
    while path:
        reply = api.get(path)
        found += [item["id"] for item in reply.body["items"]]
        pages += 1
        link = reply.headers.get("link", "")
        assert (reply.body["next"] is None) == (link == "")
        if link:
            query = {"project_name": "paged", "limit": 3, "cursor": reply.body["next"]}
            assert link == f'</records?{urlencode(query)}>; rel="next"'
        path = link.partition(">")[0].removeprefix("<")
    assert (found, pages) == (made, 3)
    exact = api.get("/records?project_name=paged&limit=7")
    assert (exact.body["next"], "link" in exact.headers) == (None, False)


@pytest.mark.parametrize("cursor", [
    "", "x", "cjA=", "cjA!", "r0", "é", "cjA cjA", "\x00", "cjA" * 100,
    base64.urlsafe_b64encode(b"r-1").decode(),
    base64.urlsafe_b64encode(b"r00").decode(),
    base64.urlsafe_b64encode(b"r" + b"9" * 30).decode(),
    base64.urlsafe_b64encode("r１".encode()).decode(),
    base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode(),
])  # fmt: skip
def test_a_cursor_that_was_not_given_is_refused(api: Connection, cursor: str) -> None:
    assert api.get(f"/records?{urlencode({'cursor': cursor})}").verdict == (400, "bad-cursor")


@pytest.mark.parametrize("wish, counted", [
    ("count=exact", True),
    ('respond-async, Count="exact"', True),
    ("discount=exact", False),
    ("count=estimated", False),
])  # fmt: skip
def test_the_total_is_counted_only_where_it_is_preferred(
    api: Connection, forest: dict[str, Json], wish: str, counted: bool
) -> None:
    reply = api.get("/records?vintage_to=2005&limit=2", prefer=wish)
    assert reply.body.get("total") == (len(forest) if counted else None)
    assert reply.headers.get("preference-applied") == ("count=exact" if counted else None)
    assert reply.headers["vary"] == "Authorization, Prefer"


def test_lists_are_unchanged_while_the_ledger_is(api: Connection) -> None:
    record = api.created()
    for path in ("/records", "/events", f"/records/{record['id']}/events"):
        tag = api.get(path).headers["etag"]
        again = api.get(path, if_none_match=tag)
        assert (again.status, again.content, again.headers["etag"]) == (304, b"", tag)
        assert api.get(path, if_none_match=tag.removeprefix("W/")).status == 304
        record = api.created()
        after = api.get(path, if_none_match=tag)
        assert after.status == 200
        assert after.headers["etag"] != tag


# --- events -----------------------------------------------------------------------------------


def test_events_are_read_in_one_dense_order(api: Connection) -> None:
    record = api.created()
    api.act("sell", record["id"], {"to": "acme", "quantity": 1})
    other = api.created()
    api.act("retire", record["id"])
    read: list[Json] = []
    after: int | None = None
    while True:
        query = {"limit": 7} if after is None else {"limit": 7, "after": after}
        page = api.get(f"/events?{urlencode(query)}").body
        read += page["items"]
        if page["next"] is None:
            break
        assert page["next"] == read[-1]["position"]
        after = page["next"]
    assert [event["position"] for event in read] == list(range(len(read)))
    assert [(event["record_id"], event["event_type"]) for event in read[-5:]] == [
        (record["id"], "CREATED"),
        (record["id"], "SOLD"),
        (other["id"], "CREATED"),
        (record["id"], "RETIRED"),  # of the unnamed issuer
        (record["id"], "RETIRED"),  # of acme
    ]
    times = [event["created_at"] for event in read]
    assert times == sorted(times)
    end = api.get(f"/events?after={read[-1]['position']}")
    assert (end.body, "link" in end.headers) == ({"items": [], "next": None}, False)
    assert api.get("/events?after=9007199254740991").body["items"] == []


def test_a_records_events_are_paged_by_their_seq(api: Connection) -> None:
    record = api.created()
    for _ in range(4):
        api.act("retire", record["id"], {"quantity": 1})
    path = f"/records/{record['id']}/events"
    whole = api.get(path).body
    assert whole == {
        "items": api.get(f"/records/{record['id']}").body["events"],
        "next": None,
        "total": 5,
    }
    page = api.get(f"{path}?after=1&limit=2")
    assert [event["seq"] for event in page.body["items"]] == [2, 3]
    assert (page.body["next"], page.body["total"]) == (3, 5)
    assert page.headers["link"] == f'<{path}?after=3&limit=2>; rel="next"'
    for end in (5, 6, 2**31, 2**53 - 1):
        assert api.get(f"{path}?after={end}").body == {"items": [], "next": None, "total": 5}


def test_an_act_shows_only_its_own_events_once_there_are_many(api: Connection) -> None:
    record = api.created(tonnes=12)
    shown = [
        [event["seq"] for event in api.act("retire", record["id"], {"quantity": 1})["events"]]
        for _ in range(11)
    ]
    assert shown == [*(list(range(1, last + 1)) for last in range(2, 11)), [11], [12]]
    assert len(api.get(f"/records/{record['id']}").body["events"]) == 12


# --- queries that are refused -----------------------------------------------------------------


@pytest.mark.parametrize("path", [
    "/records?limit=0", "/records?limit=501", "/records?limit=ten", "/records?limit=",
    "/records?limit=-1", "/records?limit=1.5", "/records?limit=1e1", "/records?limit=+5",
    "/records?limit=%D9%A1", "/records?limit=00000000000000000001",
    "/records?vintage=2003.5", "/records?vintage=%EF%BC%92003", "/records?vintage=+2003",
    "/records?holder=null&holder=null", "/records?holder=NULL", "/records?holder=None",
    "/records?registry=a%1bb", "/records?project_name=a%0ab", "/records?serial=a%e2%80%aeb",
    "/serials/a%1b%5b2Jb", "/serials/x?registry=a%09b", "/records?=1", "/records?&&=",
    "/records?limit=1&limit=1", "/records?colour=red", "/records?Limit=5",
    "/records?vintage=1899", "/records?vintage=2200", "/records?vintage=",
    "/records?status=created", "/records?status=", "/records?holder=A", "/records?holder=",
    "/records?registry=", "/records?registry=%20", "/records?registry=%00",
    "/records?project_name=%00", f"/records?project_name={'x' * 501}",
    "/records?serial=", "/records?serial=abc",
    "/events?after=-1", "/events?after=x", "/events?after=9007199254740992",
    "/events?after=000000000000000000005", "/events?after=1&after=2", "/events?before=1",
    "/livez?x=1", "/readyz?x", "/errors/busy?x=1", "/retirements/x?x=1", "/serials/x?colour=red",
    f"/records/{'0' * 64}/events?limit=0", f"/records/{'0' * 64}?fields=id",
])  # fmt: skip
def test_a_query_that_cannot_be_meant_is_refused(api: Connection, path: str) -> None:
    reply = api.get(path)
    assert reply.status == 422
    assert reply.code in ("invalid-field", "invalid-text", "invalid-holder")


def test_an_unknown_parameter_is_named_beside_those_that_there_are(api: Connection) -> None:
    reply = api.get("/records/x/events?limits=5&after=1")
    told = "limits: this call has no such parameter; it has after, limit"
    assert (reply.code, reply.body["detail"]) == ("invalid-field", told)
    reply = api.get("/livez?a%1b%5b2J%e2%80%ae=1")
    told = "a?[2J?: this call has no such parameter; it has none"
    assert (reply.code, reply.body["detail"]) == ("invalid-field", told)
    reply = api.get("/log/consistency?from_=0&to=0")
    told = "from_: this call has no such parameter; it has from, to"
    assert (reply.code, reply.body["detail"]) == ("invalid-field", told)


@pytest.mark.parametrize(
    "query", ["project_name=%ff", "project_name=%e2%82", "registry=100%", "%zz"]
)
def test_a_query_that_is_no_utf_8_is_malformed(api: Connection, query: str) -> None:
    assert api.get(f"/records?{query}").verdict == (400, "malformed-request")


# --- serial numbers ---------------------------------------------------------------------------


def serials(api: Connection, text: str, **query: str) -> Any:
    reply = api.get(f"/serials/{quote(text, safe='')}?{urlencode(query)}")
    assert reply.status == 200, reply
    return reply.body


def test_a_whole_serial_number_shows_what_became_of_each_part(api: Connection) -> None:
    record = api.created(tonnes=10)
    first = record["serial"]["first"]
    api.act("sell", record["id"], {"to": "acme", "serial_first": first, "serial_last": first + 3})
    retired = api.act("retire", record["id"], {"holder": "acme", "quantity": 1.5})["retired"]
    cancelled = api.act("cancel", record["id"], {"holder": None, "quantity": 2})["cancelled"]
    answer = serials(api, record["serial_number"])
    assert {name: answer[name] for name in record["serial"]} == record["serial"]
    assert answer["registry"] == "verra"
    (found,) = answer["records"]
    assert (found["id"], found["status"]) == (record["id"], "SOLD")
    fates = [
        (part["status"], part.get("holder"), part.get("event_id"), part["quantity"])
        for part in found["parts"]
    ]
    assert fates == [
        ("RETIRED", None, retired["id"], 1.5),
        ("HELD", "acme", None, 2.5),
        ("CANCELLED", None, cancelled["id"], 2),
        ("HELD", None, None, 4),
    ]
    history = [event["event_type"] for event in found["events"]]
    assert history == ["CREATED", "SOLD", "RETIRED", "CANCELLED"]


def test_one_credit_inside_a_range_has_its_own_fate_and_history(api: Connection) -> None:
    record = api.created(tonnes=10)
    first = record["serial"]["first"]
    api.act("sell", record["id"], {"to": "acme", "serial_first": first, "serial_last": first + 4})
    api.act("retire", record["id"], {"holder": "acme", "quantity": 2.25})
    cases = {
        first + 1: ([("RETIRED", 1)], ["CREATED", "SOLD", "RETIRED"]),
        first + 2: ([("RETIRED", 0.25), ("HELD", 0.75)], ["CREATED", "SOLD", "RETIRED"]),
        first + 3: ([("HELD", 1)], ["CREATED", "SOLD"]),
        first + 9: ([("HELD", 1)], ["CREATED"]),
    }
    for number, (fates, history) in cases.items():
        (found,) = serials(api, synthetic_serial(number, number))["records"]
        assert [(part["status"], part["quantity"]) for part in found["parts"]] == fates
        assert [event["event_type"] for event in found["events"]] == history


def test_a_range_over_several_records_shows_the_part_of_each(api: Connection) -> None:
    one, two = api.created(tonnes=1_000_000), api.created(tonnes=5)
    border = two["serial"]["first"]
    answer = serials(api, synthetic_serial(border - 2, border + 1))
    shown = [(found["id"], found["parts"][0]["quantity"]) for found in answer["records"]]
    assert shown == [(one["id"], 2), (two["id"], 2)]


def test_an_opaque_serial_is_found_as_text_in_each_registry(api: Connection) -> None:
    text = "vcu/2020 – 001 ?#%"
    made = {
        registry: api.created(registry=registry, serial_number=text)["id"]
        for registry in ("Grove", "Copse")
    }
    answer = serials(api, "VCU/2020 - 001 ?#%")
    assert [found["id"] for found in answer["records"]] == list(made.values())
    assert (answer["unparsed"], answer["first"], answer["text"]) == (
        *(True, None, "VCU/2020 - 001 ?#%"),
    )
    (found,) = serials(api, text, registry="grove")["records"]
    assert (found["id"], found["parts"][0]["serial_number"]) == (made["Grove"], None)


@pytest.mark.parametrize("path, verdict", [
    (f"/serials/{synthetic_serial(10**15, 10**15)}", (404, "serial-not-found")),
    ("/serials/nothing-like-this", (404, "serial-not-found")),
    ("/serials/%FF", (404, "serial-not-found")),
    ("/serials/", (422, "invalid-text")),
    ("/serials/%20%20", (422, "invalid-text")),
    ("/serials/%00", (422, "invalid-text")),
    ("/serials/%E2%80%8B", (404, "serial-not-found")),  # nothing is left of it
    ("/serials/%CD%B8", (422, "invalid-text")),  # U+0378 is not assigned
    (f"/serials/{'x' * 501}", (422, "invalid-text")),
    ("/serials/WOOD%205%2F2005?registry=Verra", (404, "serial-not-found")),
])  # fmt: skip
def test_a_serial_number_that_no_record_covers_is_not_found(
    api: Connection, path: str, verdict: tuple[int, str]
) -> None:
    assert api.get(path).verdict == verdict


# --- retirements ------------------------------------------------------------------------------


def test_a_retirement_shows_its_whole_group(api: Connection) -> None:
    record = api.created(tonnes=10)
    api.act("sell", record["id"], {"to": "acme", "quantity": 4})
    api.act("sell", record["id"], {"to": "bmce", "quantity": 2})
    body = {"beneficiary": "Bakery", "purpose": "compliance", "country": "KE"}
    retired = api.act("retire", record["id"], {**body, "effective_on": "2025-01-31"})["retired"]
    assert len(retired["event_ids"]) == 3
    for event_id in retired["event_ids"]:
        shown = api.get(f"/retirements/{event_id}").body
        assert shown["id"] == retired["id"]
        assert [event["id"] for event in shown["events"]] == retired["event_ids"]
    assert {name: shown[name] for name in body} == body
    assert (shown["effective_on"], shown["quantity"]) == ("2025-01-31", 10)
    assert (sorted(shown["holders"], key=str), shown["parts"]) == (
        *([None, "acme", "bmce"], retired["parts"]),
    )
    assert shown["record"] == {name: record[name] for name in shown["record"]}


def test_a_retirement_of_one_holder_is_one_event(api: Connection) -> None:
    record = api.created(tonnes=10)
    retired = api.act("retire", record["id"], {"quantity": 1})["retired"]
    shown = api.get(f"/retirements/{retired['id']}").body
    assert ([event["id"] for event in shown["events"]], shown["holders"]) == (
        *([retired["id"]], [None]),
    )
    assert (shown["beneficiary"], shown["purpose"], shown["created_at"]) == (
        *(None, None, retired["created_at"]),
    )


def test_only_a_retirements_id_finds_one(api: Connection) -> None:
    record = api.created()
    sold = api.act("sell", record["id"], {"to": "acme"})["sold"]["id"]
    for wrong in (sold, "0" * 32, "x", "00000000-0000-0000-0000-000000000000", "%00", "é" * 5000):
        reply = api.get(f"/retirements/{quote(wrong, safe='%')}")
        assert reply.verdict == (404, "retirement-not-found")


def test_a_serial_of_more_parts_than_are_shown_says_how_many_there_are(api: Connection) -> None:
    body = new_issuance(tonnes=1)
    record = api.post("/records", body).body
    retire = {"command": "retire", "record_id": record["id"], "quantity": "0.0005"}
    assert api.post("/batch", {"commands": [retire] * 1200}).status == 200
    (found,) = api.get(f"/serials/{body['serial_number']}").body["records"]
    assert (len(found["parts"]), found["parts_total"]) == (1000, 1201)
    assert (len(found["events"]), found["events_total"]) == (1000, 1201)
    ends = [part["from_g"] + part["quantity_g"] for part in found["parts"]]
    assert [part["from_g"] for part in found["parts"]] == [0, *ends[:-1]]
    assert found["events"][0]["event_type"] == "CREATED"
    assert [event["seq"] for event in found["events"][1:]] == list(range(203, 1202))
    assert {part["status"] for part in found["parts"]} == {"RETIRED"}
