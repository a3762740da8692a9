"""What a ledger has to show after many clients: every answer true, in one order, nothing half.

`assert_history` compares the answers that clients got with the events that the ledger then has.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from builders import CREDIT, check_history
from builders import create as record_body
from clients import Call, Client, Reply, crowd
from offset.database import Database
from offset.verifying import Report, verify_database

WRITTEN = (200, 201)  # a write with one of these answers was done, and is kept for ever


def create_call(
    block: int, *, tonnes: int, name: str = "Kilifi cookstoves", key: str | None = None
) -> Call:
    """Ask for a record; its credits are numbered from `first_of(block)`."""
    first = first_of(block)
    body = record_body(first=first, last=first + tonnes - 1, project_name=name)
    return Call(path="/records", body=body, key=key)


def first_of(block: int) -> int:
    """The first serial number of a block, which no other block has."""
    return block * 1_000_000 + 1


async def new_record(client: Client, block: int, *, tonnes: int) -> str:
    """Create a record and give its id."""
    reply = await client.ask(create_call(block, tonnes=tonnes))
    assert reply.status == 201, reply
    return str(reply.body["id"])


def read_call(record_id: str) -> Call:
    """Ask for a record."""
    return Call(method="GET", path=f"/records/{record_id}")


def retire_call(
    record_id: str, quantity: int | None = None, *, key: str | None = None, **body: object
) -> Call:
    """Ask to retire a part of a record, or all that is left."""
    sent = body if quantity is None else {"quantity": quantity, **body}
    return Call(path=f"/records/{record_id}/retire", body=sent or None, key=key)


def sell_call(record_id: str, quantity: int, *, key: str | None = None) -> Call:
    """Ask to sell a part of a record to acme."""
    body = {"quantity": quantity, "to": "acme"}
    return Call(path=f"/records/{record_id}/sell", body=body, key=key)


def done_by(reply: Reply) -> dict[str, Any]:
    """The event that a write made, as its answer shows it."""
    body = reply.body
    act = body.get("retired") or body.get("sold")
    wanted = act["id"] if act else body["events"][0]["id"]
    found: list[dict[str, Any]] = [event for event in body["events"] if event["id"] == wanted]
    assert len(found) == 1, body
    return found[0]


def statuses(replies: Iterable[Reply]) -> dict[int, int]:
    """How often each status was answered."""
    return dict(Counter(reply.status for reply in replies))


async def all_events(client: Client) -> list[dict[str, Any]]:
    """Read the whole ledger, which has to be positions 0, 1, 2 ... without a gap."""
    events: list[dict[str, Any]] = []
    while True:
        after = f"after={len(events) - 1}&" if events else ""
        page = await client.ask(Call(method="GET", path=f"/events?{after}limit=500"))
        assert page.status == 200, page
        events += page.body["items"]
        if page.body["next"] is None:
            break
    assert [event["position"] for event in events] == list(range(len(events)))
    return events


def assert_history(replies: Sequence[Reply], events: Sequence[dict[str, Any]]) -> None:
    """Compare acknowledged writes and reads with the ledger's events.

    Every acknowledged write is there as it was answered; the seqs of each record are 1 to n; what
    was answered before another request was sent stands before it; and every read of a record
    shows its first events, at least those that were answered before it.
    """
    writes = [reply for reply in replies if reply.call.method == "POST"]
    acknowledged = [reply for reply in writes if reply.status in WRITTEN]
    for reply in acknowledged:
        done = done_by(reply)
        assert events[done["position"]] == done
    seqs: dict[str, list[int]] = {}
    for event in events:
        seqs.setdefault(event["record_id"], []).append(event["seq"])
    assert {tuple(own) for own in seqs.values()} <= {
        tuple(range(1, count + 1)) for count in map(len, seqs.values())
    }
    _assert_order([reply for reply in acknowledged if _made_now(reply)])
    for reply in replies:
        if reply.call.method == "GET":
            _assert_prefix(reply, acknowledged, events)


def _made_now(reply: Reply) -> bool:
    """Whether the request made its event, and not one before it with the same fields or key."""
    created = reply.call.path == "/records"
    return (not created or reply.status == 201) and "idempotent-replayed" not in reply.headers


def _assert_order(made: Sequence[Reply]) -> None:
    earliest_later_answer = float("inf")
    for reply in sorted(made, key=lambda reply: done_by(reply)["position"], reverse=True):
        assert reply.sent_at < earliest_later_answer, f"it stands before its past: {reply}"
        earliest_later_answer = min(earliest_later_answer, reply.answered_at)


def _assert_prefix(
    read: Reply, acknowledged: Sequence[Reply], events: Sequence[dict[str, Any]]
) -> None:
    own = [event for event in events if event["record_id"] == read.body["id"]]
    assert read.body["events"] == own[: read.body["events_total"]]
    done = [(reply, done_by(reply)) for reply in acknowledged]
    before = [
        event["seq"]
        for reply, event in done
        if event["record_id"] == read.body["id"] and reply.answered_at < read.sent_at
    ]
    later = [
        event["seq"]
        for reply, event in done
        if event["record_id"] == read.body["id"] and reply.sent_at > read.answered_at
    ]
    assert max(before, default=0) <= read.body["events_total"]
    assert read.body["events_total"] < min(later, default=len(own) + 1)
    assert_tiled(read.body)


def assert_tiled(record: dict[str, Any]) -> None:
    """What is held and what has ended makes up the record, in its balance and in its holdings."""
    balance = record["balance"]
    assert balance["issued"] == sum(
        balance[name] for name in ("available", "sold", "retired", "cancelled")
    )
    held_g = sum(holding["quantity_g"] for holding in record["holdings"])
    assert held_g == (balance["available"] + balance["sold"]) * CREDIT


def assert_sound(database_url: str) -> Report:
    """Replay every event of a ledger and compare everything that is stored beside them."""
    database = Database(database_url, pool_size=1)
    try:
        check_history(database)
        report = verify_database(database)
    finally:
        database.close()
    assert report.differences == []
    assert report.sound
    return report


def read_events(url: str) -> list[dict[str, Any]]:
    """Read all of a server's events, on a connection of their own."""

    async def read() -> list[dict[str, Any]]:
        async with crowd([url], 1) as clients:
            return await all_events(clients[0])

    return asyncio.run(read())
