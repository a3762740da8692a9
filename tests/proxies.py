"""A TCP proxy before PostgreSQL that cuts connections where a test says, message by message.

It reads the client's side of PostgreSQL's protocol 3 as far as it needs to: a message is a type,
a length and a body (PostgreSQL documentation, 54.7 "Message Formats").
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

LATE_S: Final = 0.3  # how long after its connection ended a late message arrives
ANSWER_S: Final = 0.2  # for PostgreSQL to answer what is lost
SLOW_S: Final = 0.05
_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104
_GONE: Final = (OSError, asyncio.IncompleteReadError)


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a client sends; `commits`: a COMMIT of a transaction that appended events."""

    type: str
    body: bytes
    commits: bool


class Fate(Enum):
    """What becomes of a message and of its connection."""

    PASS = auto()
    SLOW = auto()  # it waits a little
    CUT = auto()  # it does not arrive, and the connection ends
    LOSE_ANSWER = auto()  # it arrives, and the connection ends before an answer comes back
    ARRIVE_LATE = auto()  # the client's connection ends, and the message arrives some time later


Judge = Callable[[Message], Fate]


def let_pass(message: Message) -> Fate:
    """Let every message pass."""
    return Fate.PASS


@dataclass(kw_only=True)
class Proxy:
    """A started proxy: `url` is the database's through it. `judge` may be set at any time.

    With `as_pooler` a connection names a process that is none of the server's, as poolers do.
    """

    url: str
    judge: Judge = let_pass
    as_pooler: bool = False
    cuts: int = 0
    _target: dict[str, Any] = field(repr=False)
    _open: set[asyncio.Task[None]] = field(default_factory=set, repr=False)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with suppress(*_GONE, asyncio.CancelledError):
                await self._carry(_Stream(reader, writer), await self._connect())
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _connect(self) -> "_Stream":
        host, port = self._target.get("host", "localhost"), int(self._target.get("port", 5432))
        if host.startswith("/"):
            return _Stream(*await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}"))
        return _Stream(*await asyncio.open_connection(host, port))

    async def _carry(self, client: "_Stream", server: "_Stream") -> None:
        back: asyncio.Task[None] | None = None
        try:
            await _pass_start(client, server)
            if self.as_pooler:
                await _pass_another_key(client, server)
            back = asyncio.create_task(server.pour_into(client))
            await self._carry_messages(client, server)
        finally:
            client.writer.transport.abort()
            server.writer.transport.abort()
            if back is not None:
                back.cancel()
                await asyncio.wait([back])

    async def _carry_messages(self, client: "_Stream", server: "_Stream") -> None:
        appended = False
        prepared: set[bytes] = set()  # names of statements that move the head
        while True:
            raw = await client.message()
            kind, body = chr(raw[0]), raw[5:]
            moves_head = b"UPDATE ledger_head" in body
            if kind == "P" and moves_head:
                prepared.add(body.partition(b"\0")[0])
            bound = body.split(b"\0", 2)[1] if kind == "B" else b""
            appended = appended or moves_head or bound in prepared - {b""}
            ends = kind == "Q" and body in (b"COMMIT\0", b"ROLLBACK\0")
            commits = ends and appended and body == b"COMMIT\0"
            appended = appended and not ends
            fate = self.judge(Message(type=kind, body=body, commits=commits))
            if fate is Fate.SLOW:
                await asyncio.sleep(SLOW_S)
            elif fate is not Fate.PASS:
                self.cuts += 1
                await _cut(fate, raw, client, server)
                return
            server.writer.write(raw)


@dataclass(frozen=True)
class _Stream:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    muted: asyncio.Event = field(default_factory=asyncio.Event)  # nothing more is passed on
    silent: asyncio.Event = field(default_factory=asyncio.Event)  # and something was held back

    async def message(self) -> bytes:
        head = await self.reader.readexactly(5)
        return head + await self.reader.readexactly(int.from_bytes(head[1:]) - 4)

    async def pour_into(self, other: "_Stream") -> None:
        """Pass on what arrives; when this side ends, so does the other."""
        with suppress(*_GONE):
            while chunk := await self.reader.read(65_536):
                if self.muted.is_set():
                    self.silent.set()
                else:
                    other.writer.write(chunk)
        self.silent.set()
        other.writer.transport.abort()


async def _pass_start(client: _Stream, server: _Stream) -> None:
    """Pass what comes before messages have types: questions for encryption, then the start."""
    while True:
        length = await client.reader.readexactly(4)
        body = await client.reader.readexactly(int.from_bytes(length) - 4)
        server.writer.write(length + body)
        if int.from_bytes(body[:4]) not in (_SSL_REQUEST, _GSS_REQUEST):
            return
        client.writer.write(await server.reader.readexactly(1))


async def _pass_another_key(client: _Stream, server: _Stream) -> None:
    """Pass what a server says before it is ready, with another process to cancel."""
    kind = b""
    while kind != b"Z":
        raw = await server.message()
        kind = raw[:1]
        if kind == b"K":  # BackendKeyData: process and secret
            raw = raw[:5] + (int.from_bytes(raw[5:9]) ^ 1).to_bytes(4) + raw[9:]
        client.writer.write(raw)


async def _cut(fate: Fate, raw: bytes, client: _Stream, server: _Stream) -> None:
    if fate is Fate.CUT:
        return
    if fate is Fate.ARRIVE_LATE:
        client.writer.transport.abort()
        await asyncio.sleep(LATE_S)
    server.muted.set()
    server.writer.write(raw)
    with suppress(TimeoutError):  # some messages have no answer of their own
        async with asyncio.timeout(ANSWER_S):
            await server.silent.wait()


@contextmanager
def postgres_proxy(database_url: str) -> Iterator[Proxy]:
    """Start a proxy before a database; stop it at the end, with every connection through it."""
    proxy = Proxy(url="", _target=dict(conninfo_to_dict(database_url)))
    ready = threading.Event()
    ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        stop = asyncio.Event()
        listener = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        address = urlsplit(database_url)
        who = address.netloc.rpartition("@")[0]
        proxy.url = address._replace(netloc=f"{who}@127.0.0.1:{port}", query="").geturl()
        ends.append((asyncio.get_running_loop(), stop))
        ready.set()
        await stop.wait()
        listener.close()
        for task in list(proxy._open):
            task.cancel()
        if proxy._open:
            await asyncio.wait(proxy._open)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(10), "the proxy did not start"
    loop, stop = ends[0]
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        assert not thread.is_alive(), "the proxy did not stop"
