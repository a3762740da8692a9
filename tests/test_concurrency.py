"""Many clients at once, on both databases, against servers that run as processes of their own.

PostgreSQL has two servers on one database; SQLite has one, and two on one file.
"""

import asyncio
import itertools
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from builders import command_of
from clients import Call, Client, Reply, ask, burst, crowd
from databases import PostgresDatabases, sqlite_url_of
from histories import (
    all_events,
    assert_history,
    assert_sound,
    assert_tiled,
    create_call,
    first_of,
    new_record,
    read_call,
    retire_call,
    sell_call,
    statuses,
)
from servers import running_server

CLIENTS: Final = 64
ROUNDS: Final = 20
BLOCKS: Final = itertools.count(1)  # of serial numbers: each record has one of its own


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """A ledger with its servers."""

    database_url: str
    urls: list[str]


@pytest.fixture(
    scope="module",
    params=[("sqlite", 1), ("sqlite", 2), ("postgresql", 2)],
    ids=["sqlite", "sqlite-two-servers", "postgresql-two-servers"],
)
def ledger(
    request: pytest.FixtureRequest,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ledger]:
    engine, processes = request.param
    with ExitStack() as stack:
        if engine == "sqlite":
            path = tmp_path_factory.mktemp("ledger") / "offset.db"
            path.write_bytes(sqlite_template.read_bytes())
            database_url = sqlite_url_of(path)
        else:
            postgres = request.getfixturevalue("postgres")
            assert isinstance(postgres, PostgresDatabases)
            database_url = stack.enter_context(postgres.prepared())
        servers = [
            stack.enter_context(running_server(database_url, origin="example.org/log"))
            for _ in range(processes)
        ]
        yield Ledger(database_url=database_url, urls=[server.url for server in servers])


def test_of_64_retirements_of_one_record_at_once_one_succeeds(ledger: Ledger) -> None:
    async def race() -> None:
        async with crowd(ledger.urls, CLIENTS) as clients:
            for _ in range(ROUNDS):
                record_id = await new_record(clients[0], next(BLOCKS), tonnes=40)
                replies = await burst(clients, [retire_call(record_id)] * CLIENTS)
                assert statuses(replies) == {200: 1, 409: CLIENTS - 1}
                winner = next(reply.body for reply in replies if reply.status == 200)
                assert winner["retired"]["quantity"] == 40
                for reply in replies:
                    if reply.status == 409:
                        assert reply.body["code"] == "already-retired"
                        assert reply.body["retirement_id"] == winner["retired"]["id"]
                        assert reply.body["retired_at"] == winner["retired"]["created_at"]
                record = await clients[1].ask(read_call(record_id))
                assert record.body["events_total"] == 2

    asyncio.run(race())
    assert_sound(ledger.database_url)


@pytest.mark.parametrize("act", ["retired", "sold"])
def test_of_64_who_want_a_tonne_of_40_each_40_get_one_of_their_own(
    ledger: Ledger, act: str
) -> None:
    async def race() -> None:
        async with crowd(ledger.urls, CLIENTS) as clients:
            block = next(BLOCKS)
            record_id = await new_record(clients[0], block, tonnes=40)
            call = (retire_call if act == "retired" else sell_call)(record_id, 1)
            replies = await burst(clients, [call] * CLIENTS)
            assert statuses(replies) == {200: 40, 409: 24}
            parts = [
                part
                for reply in replies
                if reply.status == 200
                for part in reply.body[act]["parts"]
            ]
            assert sorted(part["from_g"] for part in parts) == [n * 1_000_000 for n in range(40)]
            assert {part["quantity_g"] for part in parts} == {1_000_000}
            serials = sorted((part["serial_first"], part["serial_last"]) for part in parts)
            assert serials == [(first_of(block) + n, first_of(block) + n) for n in range(40)]
            for reply in replies:
                if reply.status == 409:
                    assert reply.body["code"] == "insufficient-quantity"
                    assert reply.body["available"] == 0
            assert_history(replies, await all_events(clients[0]))

    asyncio.run(race())
    assert_sound(ledger.database_url)


def test_of_64_equal_creates_at_once_one_makes_the_record(ledger: Ledger) -> None:
    async def race() -> None:
        async with crowd(ledger.urls, CLIENTS) as clients:
            for _ in range(3):
                call = create_call(next(BLOCKS), tonnes=40)
                replies = await burst(clients, [call] * CLIENTS)
                assert statuses(replies) == {201: 1, 200: CLIENTS - 1}
                bodies = [reply.body for reply in replies]
                assert bodies == [bodies[0]] * CLIENTS
                assert bodies[0]["events_total"] == 1

    asyncio.run(race())
    assert_sound(ledger.database_url)


def test_of_64_records_with_one_serial_number_one_is_made(ledger: Ledger) -> None:
    async def race() -> None:
        async with crowd(ledger.urls, CLIENTS) as clients:
            for _ in range(3):
                block = next(BLOCKS)
                calls = [create_call(block, tonnes=40, name=f"Kilifi {n}") for n in range(CLIENTS)]
                replies = await burst(clients, calls)
                assert statuses(replies) == {201: 1, 409: CLIENTS - 1}
                winner = next(reply.body["id"] for reply in replies if reply.status == 201)
                for reply in replies:
                    if reply.status == 409:
                        assert reply.body["code"] == "serial-overlap"
                        assert reply.body["record_id"] == winner

    asyncio.run(race())
    assert_sound(ledger.database_url)


def test_of_64_equal_requests_with_one_key_one_is_done_and_all_get_its_answer(
    ledger: Ledger,
) -> None:
    async def race() -> None:
        async with crowd(ledger.urls, CLIENTS) as clients:
            record_id = await new_record(clients[0], next(BLOCKS), tonnes=100)
            call = retire_call(record_id, 1, key=f"one-key-of-{record_id[:8]}")
            replies = await burst(clients, [call] * CLIENTS)
            assert statuses(replies) == {200: CLIENTS}
            bodies = [reply.body for reply in replies]
            assert bodies == [bodies[0]] * CLIENTS
            replayed = [reply for reply in replies if "idempotent-replayed" in reply.headers]
            assert len(replayed) == CLIENTS - 1
            record = await clients[1].ask(read_call(record_id))
            assert record.body["balance"]["retired"] == 1

    asyncio.run(race())
    assert_sound(ledger.database_url)


def test_answered_writes_and_reads_fit_one_order(ledger: Ledger) -> None:
    """Clients sell, retire and read three records; what one was answered the next one sees."""
    replies: list[Reply] = []

    async def act(client: Client, records: list[str], choose: random.Random) -> None:
        for _ in range(12):
            record_id = choose.choice(records)
            call = choose.choice(
                [
                    retire_call(record_id, 1, holder=None),
                    retire_call(record_id, 1, holder="acme"),
                    sell_call(record_id, 1),
                    read_call(record_id),
                ]
            )
            replies.append(await client.ask(call))

    async def all_act() -> list[dict[str, Any]]:
        async with crowd(ledger.urls, 24) as clients:
            made = [await clients[0].ask(create_call(next(BLOCKS), tonnes=20)) for _ in range(3)]
            assert statuses(made) == {201: 3}
            replies.extend(made)
            records = [reply.body["id"] for reply in made]
            await asyncio.gather(
                *(act(client, records, random.Random(n)) for n, client in enumerate(clients))
            )
            return await all_events(clients[0])

    events = asyncio.run(all_act())
    assert_history(replies, events)
    assert_sound(ledger.database_url)


def test_a_repeated_create_shows_one_moment_of_a_record_that_changes(ledger: Ledger) -> None:
    """A create that finds its record must not mix the state before a retirement with the after."""
    call = create_call(next(BLOCKS), tonnes=400)
    record_id = asyncio.run(ask(ledger.urls[0], call)).body["id"]

    async def repeat(client: Client, again: Call) -> list[Reply]:
        return [await client.ask(again) for _ in range(75)]

    async def both() -> list[list[Reply]]:
        async with crowd([ledger.urls[0]], 2) as one, crowd([ledger.urls[-1]], 2) as other:
            return await asyncio.gather(
                *(repeat(client, call) for client in one),
                *(repeat(client, retire_call(record_id, 1)) for client in other),
            )

    replies = [reply for own in asyncio.run(both()) for reply in own]
    assert statuses(replies) == {200: 300}
    for reply in replies:
        assert_tiled(reply.body)
        if reply.call == call:
            ends = [event for event in reply.body["events"] if event["event_type"] == "RETIRED"]
            assert len(ends) == reply.body["balance"]["retired"]


def test_a_retirement_beside_its_records_creation_comes_after_it_or_finds_nothing(
    ledger: Ledger,
) -> None:
    async def race() -> None:
        async with crowd(ledger.urls, CLIENTS) as clients:
            creates = [create_call(next(BLOCKS), tonnes=1) for _ in range(CLIENTS // 2)]
            ids = [command_of(call.body).record_id for call in creates]  # type: ignore[arg-type]
            # Each server gets both: the crowd's connections go to the servers in turn.
            calls = [*creates, *(retire_call(record_id) for record_id in reversed(ids))]
            replies = await burst(clients, calls)
            made, retired = replies[: len(creates)], replies[len(creates) :]
            assert statuses(made) == {201: len(creates)}
            done = {reply.body["id"] for reply in retired if reply.status == 200}
            for reply in retired:
                assert reply.status == 200 or reply.body["code"] == "record-not-found"
            for record_id in ids:
                record = await clients[0].ask(read_call(record_id))
                assert record.body["status"] == ("RETIRED" if record_id in done else "CREATED")
            assert_history(replies, await all_events(clients[0]))

    asyncio.run(race())
    assert_sound(ledger.database_url)
