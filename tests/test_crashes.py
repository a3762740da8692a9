"""Servers and databases that are killed, connections that are cut: what was answered stays.

Every process here is started by the test that kills it. OFFSET_TEST_CYCLES sets how often the
servers are killed, and with it how often connections are cut at random; a run by hand takes 500.
"""

import asyncio
import itertools
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

import psutil
import psycopg
import pytest

from builders import command_of, created, creating, do, opened, retiring
from builders import create as record_body
from clients import Call, Client, Lost, Reply, ask, burst, crowd
from databases import EmbeddedPostgres, embedded_postgres, prepare_template
from histories import (
    WRITTEN,
    all_events,
    assert_history,
    assert_sound,
    create_call,
    done_by,
    new_record,
    read_call,
    retire_call,
    sell_call,
    statuses,
)
from offset.connections import TIMEOUTS
from offset.core.errors import DatabaseUnavailable, Internal
from offset.submitting import shape_create
from offset.units import Answer, Unit
from proxies import Fate, Message, Proxy, postgres_proxy
from servers import Server, running_server

CYCLES: Final = int(os.environ.get("OFFSET_TEST_CYCLES", "4"))
POSTGRESQL_CYCLES: Final = 3
CUTS: Final = 7 * CYCLES
CLIENTS: Final = 16
RESTART_S: Final = 5.0
ORIGIN: Final = "example.org/log"
STOCK: Final = 1  # the block of the record that everyone takes from


@dataclass(kw_only=True)
class Load:
    """Clients that write without pause, every request with a key of its own.

    All of them can be done, whatever the order, so each has to have made one event in the end.
    """

    stock_id: str
    seed: int
    replies: list[Reply] = field(default_factory=list)
    unavailable: list[Reply] = field(default_factory=list)
    unknown: list[Call] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(STOCK + 1))

    def __post_init__(self) -> None:
        self._choose = random.Random(self.seed)

    def call(self) -> Call:
        number = next(self._numbers)
        key = f"load-{number:08}"
        match self._choose.randrange(3):
            case 0:
                return create_call(number, tonnes=3, key=key)
            case 1:
                return sell_call(self.stock_id, 1, key=key)
            case _:
                return retire_call(self.stock_id, 1, key=key, holder=None)

    async def work(self, client: Client, *, until: asyncio.Event) -> None:
        """Write until the server is gone, or the event; a 503 is asked again with its key."""
        while not until.is_set():
            await self.settle(client, self.call())

    async def settle(self, client: Client, call: Call) -> None:
        while True:
            try:
                reply = await client.ask(call)
            except Lost:
                self.unknown.append(call)
                raise
            if reply.status != 503:
                assert reply.status in WRITTEN, reply
                self.replies.append(reply)
                return
            assert reply.headers["retry-after"] == "1"
            self.unavailable.append(reply)
            await asyncio.sleep(0.02)

    async def settle_unknown(self, client: Client) -> None:
        """Ask again what got no answer."""
        calls, self.unknown = self.unknown, []
        for call in calls:
            await self.settle(client, call)

    async def check(self, client: Client) -> None:
        """Compare what was answered with the ledger: all of it is there, and nothing else."""
        assert self.unknown == []
        events = await all_events(client)
        assert_history(self.replies, events)
        made = {reply.call.key: done_by(reply)["id"] for reply in self.replies}
        stock = [event["id"] for event in events if event["position"] == 0]
        assert sorted([*made.values(), *stock]) == sorted(event["id"] for event in events)


async def start_load(client: Client, seed: int) -> Load:
    """Make the record that a load takes from, as the ledger's first event."""
    return Load(stock_id=await new_record(client, STOCK, tonnes=900_000), seed=seed)


@pytest.mark.parametrize("processes", [1, 2])
def test_what_killed_servers_answered_is_there_and_the_rest_settles_on_retry(
    processes: int, database_url: str
) -> None:
    """One server of each cycle is killed; where there is another, it goes on meanwhile."""
    loads: list[Load] = []

    async def cycle(servers: Sequence[Server]) -> None:
        async with crowd([servers[-1].url], 1) as (client,):
            if not loads:
                loads.append(await start_load(client, seed=processes))
            await loads[0].settle_unknown(client)
            await loads[0].check(client)
        await kill_under_load(loads[0], servers)

    for _ in range(max(CYCLES // processes, 2)):
        with ExitStack() as stack:
            servers = [stack.enter_context(restarted(database_url)) for _ in range(processes)]
            asyncio.run(cycle(servers))
    with restarted(database_url) as server:
        asyncio.run(settle_all(loads[0], server))
    assert len(loads[0].replies) > 10 * CYCLES
    assert_sound(database_url)


async def kill_under_load(load: Load, servers: Sequence[Server]) -> None:
    """Have clients write to all servers, and kill the first one in the middle of it."""
    stop = asyncio.Event()
    async with crowd([server.url for server in servers], CLIENTS) as clients:
        working = [asyncio.create_task(load.work(client, until=stop)) for client in clients]
        await asyncio.sleep(random.Random(len(load.replies)).uniform(0.15, 0.8))
        servers[0].kill()
        await asyncio.sleep(0.1)
        stop.set()
        ends = await asyncio.gather(*working, return_exceptions=True)
    lost = [end for end in ends if end is not None]
    assert all(isinstance(end, Lost) for end in lost), lost
    assert len(lost) == CLIENTS / len(servers)
    assert load.unavailable == []


async def settle_all(load: Load, server: Server) -> None:
    async with crowd([server.url], 1) as (client,):
        await load.settle_unknown(client)
        await load.check(client)


@contextmanager
def restarted(database_url: str) -> Iterator[Server]:
    """A server that has to answer soon, whatever the one before it left."""
    begun = time.monotonic()
    with running_server(database_url, origin=ORIGIN) as server:
        ready = asyncio.run(ask(server.url, Call(method="GET", path="/readyz")))
        assert ready.status == 200
        assert time.monotonic() - begun < RESTART_S
        yield server


def test_a_server_goes_on_by_itself_when_killed_postgresql_is_back() -> None:
    with embedded_postgres() as postgres:
        prepare_template(postgres.url)
        with running_server(postgres.url, origin=ORIGIN) as server:
            asyncio.run(kill_postgresql_under_load(postgres, server))
            assert server.process.poll() is None
        assert_sound(postgres.url)


async def kill_postgresql_under_load(postgres: EmbeddedPostgres, server: Server) -> None:
    stop = asyncio.Event()
    async with crowd([server.url], 2 * CLIENTS + 1) as (watcher, *clients):
        load = await start_load(watcher, seed=7)
        async with asyncio.TaskGroup() as working:
            for client in clients[:CLIENTS]:
                working.create_task(load.work(client, until=stop))
            for client in clients[CLIENTS:]:
                working.create_task(read(client, load.stock_id, until=stop))
            for length_s in (0.15, 0.3, 0.45)[:POSTGRESQL_CYCLES]:
                await asyncio.sleep(length_s)
                await one_outage(postgres, watcher, load)
            stop.set()
        refused = len(load.unavailable)
        await load.check(watcher)
        await assert_answers(watcher, {"/livez": 200, "/readyz": 200, "/records": 200})
        assert len(load.unavailable) == refused


async def read(client: Client, record_id: str, *, until: asyncio.Event) -> None:
    """Read a record without pause; whoever writes may be connecting at the same time."""
    while not until.is_set():
        reply = await client.ask(read_call(record_id))
        assert reply.status in {200, 503}, reply
        if reply.status == 503:
            await asyncio.sleep(0.02)


async def one_outage(postgres: EmbeddedPostgres, watcher: Client, load: Load) -> None:
    """Kill PostgreSQL, see that the server says so, start it and see that the load goes on."""
    crash(postgres)
    await assert_answers(watcher, {"/livez": 200, "/readyz": 503, "/records": 503})
    refused = len(load.unavailable)
    await soon(lambda: len(load.unavailable) > refused)
    await asyncio.to_thread(postgres.start)
    back_at = time.monotonic()
    await soon(lambda: any(reply.sent_at > back_at for reply in load.replies))


async def soon(happened: Callable[[], bool]) -> None:
    """Wait for something that has to happen within `RESTART_S`."""
    for _ in range(int(RESTART_S / 0.01)):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


def crash(postgres: EmbeddedPostgres) -> None:
    """End every process of a PostgreSQL server with SIGKILL."""
    assert postgres.postmaster is not None
    for process in psutil.Process(postgres.postmaster.pid).children():
        with suppress(psutil.NoSuchProcess):
            process.kill()
    postgres.kill()


async def assert_answers(client: Client, wanted: dict[str, int]) -> None:
    found = {path: (await client.ask(Call(method="GET", path=path))).status for path in wanted}
    assert found == wanted


@contextmanager
def proxied_server(database_url: str) -> Iterator[tuple[Proxy, Server]]:
    """A server whose connections to PostgreSQL go through a proxy."""
    with postgres_proxy(database_url) as proxy, running_server(proxy.url, origin=ORIGIN) as server:
        yield proxy, server


@pytest.mark.parametrize(
    "fate, times", [(Fate.LOSE_ANSWER, 50), (Fate.CUT, 50), (Fate.ARRIVE_LATE, 6)]
)
def test_a_request_without_a_key_has_one_effect_though_its_commit_is_cut(
    fate: Fate, times: int, postgresql_url: str
) -> None:
    """The COMMIT does not arrive, or is answered to nobody, or is done when the next try runs."""
    commits = itertools.count()

    def judge(message: Message) -> Fate:
        # A COMMIT that was lost comes again with the next try; that one passes.
        if not message.commits or (fate is Fate.CUT and next(commits) % 2):
            return Fate.PASS
        return fate

    async def retire(url: str, proxy: Proxy) -> None:
        async with crowd([url], 1) as (client,):
            record_id = await new_record(client, STOCK, tonnes=times)
            proxy.judge = judge
            replies = [await client.ask(retire_call(record_id, 1)) for _ in range(times)]
            assert statuses(replies) == {200: times}
            assert proxy.cuts == times
            assert_history(replies, events := await all_events(client))
            assert len(events) == 1 + times
            assert (await client.ask(read_call(record_id))).body["balance"]["retired"] == times

    with proxied_server(postgresql_url) as (proxy, server):
        asyncio.run(retire(server.url, proxy))
    assert_sound(postgresql_url)


@pytest.mark.parametrize("kind, part, fate", [
    ("B", b"[[", Fate.CUT), ("S", b"", Fate.CUT), ("S", b"", Fate.LOSE_ANSWER),
])  # fmt: skip
def test_a_batch_has_one_effect_though_its_rows_are_cut(
    kind: str, part: bytes, fate: Fate, postgresql_url: str
) -> None:
    """Rows go to PostgreSQL as JSON, in a pipeline of which any message can be the last one."""
    left = [4]

    def judge(message: Message) -> Fate:
        if message.type != kind or part not in message.body or not left[0]:
            return Fate.PASS
        left[0] -= 1
        return fate

    bodies = [{"command": "create", **record_body(first=n, last=n)} for n in range(1, 101)]
    with proxied_server(postgresql_url) as (proxy, server):
        proxy.judge = judge
        reply = asyncio.run(ask(server.url, Call(path="/batch", body={"commands": bodies})))
        assert reply.status == 200
        assert {item["status"] for item in reply.body["items"]} == {201}
        assert proxy.cuts == 4
    assert_sound(postgresql_url)


def test_random_cuts_lose_nothing_and_do_nothing_twice(postgresql_url: str) -> None:
    choose = random.Random(8)

    def judge(message: Message) -> Fate:
        dice = choose.random()
        if message.commits and dice < 0.4:
            return choose.choice([Fate.CUT, Fate.LOSE_ANSWER, Fate.LOSE_ANSWER, Fate.ARRIVE_LATE])
        if dice < 0.004:
            return choose.choice([Fate.CUT, Fate.CUT, Fate.LOSE_ANSWER, Fate.SLOW])
        return Fate.PASS

    async def work(client: Client, proxy: Proxy, load: Load, keyless: list[Reply]) -> None:
        for _ in range(2 * CUTS):
            if proxy.cuts >= CUTS:
                return
            if choose.random() < 0.5:
                await load.settle(client, load.call())
            else:
                keyless.append(await client.ask(retire_call(load.stock_id, 1, holder=None)))

    async def cut(url: str, proxy: Proxy) -> None:
        keyless: list[Reply] = []
        async with crowd([url], CLIENTS) as clients:
            load = await start_load(clients[0], seed=9)
            proxy.judge = judge
            await asyncio.gather(*(work(client, proxy, load, keyless) for client in clients))
            proxy.judge = lambda _: Fate.PASS
            events = await all_events(clients[0])
        assert proxy.cuts >= CUTS
        assert statuses(keyless).keys() <= {200, 503}
        done = [reply for reply in keyless if reply.status == 200]
        assert_history([*load.replies, *done], events)
        ids = [done_by(reply)["id"] for reply in [*load.replies, *done]]
        assert len(set(ids)) == len(ids)
        # Events without an answer are some of those whose fate was said to be unknown.
        unknown = [reply for reply in keyless if reply.body.get("outcome") == "unknown"]
        assert 0 <= len(events) - 1 - len(ids) <= len(unknown)

    with proxied_server(postgresql_url) as (proxy, server):
        asyncio.run(cut(server.url, proxy))
    assert_sound(postgresql_url)


def test_while_a_commit_is_in_doubt_no_request_is_tried_again_alone(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It arrives when every try is over: nobody may have been told that nothing was done."""
    monkeypatch.setattr("proxies.LATE_S", 2.5)
    monkeypatch.setitem(TIMEOUTS, "lock_timeout", "50")
    with postgres_proxy(postgresql_url) as proxy, opened(proxy.url) as ledger:
        record_id = created(ledger, last=10)
        proxy.judge = lambda message: Fate.ARRIVE_LATE if message.commits else Fate.PASS
        units = [retiring(record_id, quantity=1), retiring(record_id, quantity=2)]
        for outcome in ledger.commit(units):
            assert isinstance(outcome, DatabaseUnavailable)
            assert outcome.facts == {"outcome": "unknown"}
        assert proxy.cuts == 1
        proxy.judge = lambda _: Fate.PASS
        # Until it arrives, the record is locked.
        again = creating(last=10)
        end = time.monotonic() + 10
        while not isinstance(answer := ledger.commit([again])[0], Answer):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert answer.body["balance"]["retired"] == 3
        assert answer.body["events_total"] == 3


def test_a_fault_in_one_request_leaves_its_neighbours_their_answers(database_url: str) -> None:
    def fails(_: object) -> Answer:
        raise ZeroDivisionError

    with opened(database_url) as ledger:
        record_id = created(ledger, last=10)
        good, again = retiring(record_id, quantity=1), retiring(record_id, quantity=2)
        assert do(ledger, again).status == 200
        faulty = Unit(commands=retiring(record_id, quantity=3).commands, shape=fails)
        # `again` has the id of an event that is there: the database refuses the whole batch.
        outcomes = ledger.commit([good, again, faulty])
        assert isinstance(outcomes[0], Answer)
        assert outcomes[0].body["retired"]["quantity"] == 1
        assert isinstance(outcomes[1], DatabaseUnavailable)
        assert isinstance(outcomes[2], Internal)
        balance = do(ledger, creating(last=10)).body["balance"]
        assert balance["retired"] == 3
    assert_sound(database_url)


def test_a_request_that_no_database_can_take_fails_alone(database_url: str) -> None:
    """Were it let through by mistake, those beside it would not wait for it for ever."""
    huge = command_of(record_body(first=21, last=30))
    huge = replace(huge, record=replace(huge.record, vintage=2**70))
    poison = Unit(commands=(huge,), shape=lambda results: shape_create(results[0]))
    with opened(database_url) as ledger:
        outcomes = ledger.commit([creating(first=1, last=10), poison, creating(first=11, last=20)])
    assert [getattr(outcome, "status", None) for outcome in outcomes] == [201, None, 201]
    assert isinstance(outcomes[1], Internal)
    assert_sound(database_url)


@contextmanager
def held_back(database_url: str) -> Iterator[None]:
    """Let nothing be written to a ledger meanwhile."""
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.close()
        return
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE ledger_head IN EXCLUSIVE MODE")
        yield


def test_a_server_that_is_told_to_end_answers_what_it_has_begun(database_url: str) -> None:
    async def end(server: Server) -> list[Reply]:
        async with crowd([server.url], CLIENTS) as clients:
            record_id = await new_record(clients[0], STOCK, tonnes=CLIENTS)
            with held_back(database_url):
                waiting = asyncio.create_task(burst(clients, [retire_call(record_id, 1)] * CLIENTS))
                await asyncio.sleep(0.4)
                server.process.terminate()
                await asyncio.sleep(0.4)
                assert not waiting.done()
                with pytest.raises(ConnectionRefusedError):
                    await Client.connect(server.url)
            return await waiting

    with running_server(database_url, origin=ORIGIN) as server:
        replies = asyncio.run(end(server))
        assert statuses(replies) == {200: CLIENTS}
        server.process.wait(10)
    assert assert_sound(database_url).events == 1 + CLIENTS


def test_requests_beyond_the_queue_are_turned_away_and_the_queue_is_done(
    database_url: str,
) -> None:
    """The queue takes 20,000 commands; those here are refused one by one when their turn comes."""
    many, few = (Call(path="/batch", body={"commands": [{}] * count}) for count in (9_999, 9))

    async def fill(server: Server) -> None:
        async with crowd([server.url], 4) as (first, second, third, late):
            with held_back(database_url):
                waiting = [asyncio.create_task(first.ask(create_call(1, tonnes=1)))]
                await asyncio.sleep(0.2)
                waiting += [asyncio.create_task(other.ask(many)) for other in (second, third)]
                await asyncio.sleep(0.8)
                turned_away = await late.ask(few)
                assert turned_away.status == 503
                assert turned_away.body["code"] == "busy"
                assert turned_away.headers["retry-after"] == "1"
                assert [task.done() for task in waiting] == [False] * 3
            replies = await asyncio.gather(*waiting)
            assert [reply.status for reply in replies] == [201, 200, 200]
            assert (await late.ask(few)).status == 200
            assert len(await all_events(late)) == 1

    with running_server(database_url, origin=ORIGIN) as server:
        asyncio.run(fill(server))
