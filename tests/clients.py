"""Clients that act at the same moment: HTTP/1.1 written by hand, on connections that stay open.

A request can be sent all but its last byte; the last bytes of many requests then go out together,
so that a server gets them as close to each other as one machine can send them.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

PATIENCE_S: Final = 30.0  # for an answer
_SETTLING_S: Final = 0.02  # for servers to read what came before the last bytes


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request. `key` is its Idempotency-Key; `body` is sent as JSON, None as no body."""

    method: str = "POST"
    path: str
    body: object = None
    key: str | None = None

    def encoded(self, host: str) -> bytes:
        content = b"" if self.body is None else json.dumps(self.body).encode()
        head = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        if self.body is not None:
            head.append("Content-Type: application/json")
        if content or self.method == "POST":
            head.append(f"Content-Length: {len(content)}")
        if self.key is not None:
            head.append(f"Idempotency-Key: {self.key}")
        return "\r\n".join([*head, "", ""]).encode() + content


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer, with the moments before its request's last byte and after its own."""

    call: Call
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: Any
    sent_at: float
    answered_at: float


class Lost(ConnectionError):
    """The connection ended before the whole answer came: whether it was done is not known."""

    def __init__(self, call: Call) -> None:
        super().__init__(f"{call.method} {call.path}: no answer")
        self.call = call


@dataclass(kw_only=True)
class Client:
    """One connection to a server, which carries one request after the other.

    A server ends connections that were idle for some seconds; `ask` then opens another one.
    """

    url: str
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    _waiting: tuple[Call, bytes] | None = field(default=None, init=False)

    @classmethod
    async def connect(cls, url: str) -> "Client":
        reader, writer = await _open(url)
        return cls(url=url, _reader=reader, _writer=writer)

    async def ask(self, call: Call) -> Reply:
        """Send a request and wait for its answer.

        Raises:
            Lost: there is none.
        """
        if self._reader.at_eof():  # nothing of this request was sent yet
            await self.close()
            try:
                self._reader, self._writer = await _open(self.url)
            except OSError as error:
                raise Lost(call) from error
        self.begin(call)
        return await self.finish()

    def begin(self, call: Call) -> None:
        """Send a request all but its last byte."""
        assert self._waiting is None, "the request before this one is not finished"
        content = call.encoded(urlsplit(self.url).netloc)
        self._writer.write(content[:-1])
        self._waiting = (call, content[-1:])

    async def finish(self) -> Reply:
        """Send the last byte and wait for the answer.

        Raises:
            Lost: there is none.
        """
        assert self._waiting is not None, "no request was begun"
        (call, last), self._waiting = self._waiting, None
        sent_at = time.monotonic()
        try:
            self._writer.write(last)
            async with asyncio.timeout(PATIENCE_S):
                status, headers, content = await self._read()
        except (OSError, asyncio.IncompleteReadError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise Lost(call) from error
        return Reply(
            call=call,
            status=status,
            headers=headers,
            body=json.loads(content),
            sent_at=sent_at,
            answered_at=time.monotonic(),
        )

    async def _read(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (row.partition(":") for row in head)
        }
        content = await self._reader.readexactly(int(headers["content-length"]))
        return int(head[0].split(" ")[1]), headers, content

    async def close(self) -> None:
        """Close the connection; nothing happens if it is gone."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return


async def _open(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(url)
    return await asyncio.open_connection(address.hostname, address.port)


@asynccontextmanager
async def crowd(urls: Sequence[str], count: int) -> AsyncIterator[list[Client]]:
    """Open `count` connections, to the servers in turn."""
    clients = await asyncio.gather(
        *(Client.connect(urls[number % len(urls)]) for number in range(count))
    )
    try:
        yield clients
    finally:
        await asyncio.gather(*(client.close() for client in clients))


async def burst(clients: Sequence[Client], calls: Sequence[Call]) -> list[Reply]:
    """Send each client's call, all last bytes together; the answers in the order of the calls.

    Raises:
        Lost: a request has no answer.
    """
    for client, call in zip(clients, calls, strict=True):
        client.begin(call)
    await asyncio.sleep(_SETTLING_S)
    return await asyncio.gather(*(client.finish() for client in clients))


async def ask(url: str, call: Call) -> Reply:
    """Send one request on a connection of its own."""
    async with crowd([url], 1) as clients:
        return await clients[0].ask(call)
