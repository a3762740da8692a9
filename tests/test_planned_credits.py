"""Credits that are announced and not yet issued: all that others can, but for being retired."""

from collections.abc import Iterator

import pytest

from asking import Connection, new_issuance, served
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


def test_planned_credits_cannot_be_retired_and_nothing_is_written(api: Connection) -> None:
    record = api.created(planned=True)
    path = f"/records/{record['id']}"
    first = record["serial"]["first"]
    api.act("sell", record["id"], {"to": "acme", "quantity": 4})
    before = api.get(path).body
    for body in (
        None,
        {"quantity": 1, "holder": "acme"},
        {"serial_first": first, "serial_last": first},
        {"holder": None},
    ):
        refused = api.post(f"{path}/retire", body)
        assert refused.verdict == (409, "planned-credits")
        assert refused.body["record_id"] == record["id"]
    assert api.get(path).body == before
    assert before["planned"] is True


def test_planned_credits_can_be_sold_and_cancelled(api: Connection) -> None:
    record = api.created(planned=True)
    api.act("sell", record["id"], {"to": "acme", "quantity": 4})
    left = api.act("cancel", record["id"])
    assert (left["status"], left["balance"]["cancelled"]) == ("CANCELLED", 10)
    assert left["planned"] is True


def test_a_record_is_planned_only_where_it_is_said(api: Connection) -> None:
    for fields, planned in (({}, False), ({"planned": False}, False), ({"planned": True}, True)):
        record = api.created(**fields)
        shown = api.get(f"/records/{record['id']}").body
        (listed,) = api.get(f"/records?serial={record['serial_number']}").body["items"]
        told = (record["planned"], shown["planned"], listed["planned"])
        assert told == (planned, planned, planned)
        assert shown["events"][0]["payload"].get("planned") is (True if planned else None)
        if not planned:
            assert api.post(f"/records/{record['id']}/retire").status == 200


def test_a_repeated_create_cannot_make_a_record_planned(api: Connection) -> None:
    plain, planned = new_issuance(), new_issuance(planned=True)
    api.post("/records", plain)
    api.post("/records", planned)
    differs = api.post("/records", {**plain, "planned": True})
    assert differs.verdict == (409, "record-differs")
    assert differs.body["field"] == "planned"
    without = {name: value for name, value in planned.items() if name != "planned"}
    for again in (planned, without):
        reply = api.post("/records", again)
        assert (reply.status, reply.body["planned"]) == (200, True)


def test_an_atomic_batch_that_retires_planned_credits_is_refused(api: Connection) -> None:
    planned, plain = api.created(planned=True)["id"], api.created()["id"]
    retire = [{"command": "retire", "record_id": record_id} for record_id in (plain, planned)]
    refused = api.post("/batch", {"commands": retire, "atomic": True})
    assert refused.verdict == (409, "batch-refused")
    assert refused.body["problem"]["code"] == "planned-credits"
    assert api.get(f"/records/{plain}").body["events_total"] == 1


@pytest.mark.parametrize("planned", [None, 1, 0, "true", "", [], {}])
def test_planned_is_true_or_false(api: Connection, planned: object) -> None:
    refused = api.post("/records", new_issuance(planned=planned))
    assert refused.verdict == (422, "invalid-field")
