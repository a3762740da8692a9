"""How `offset serve` speaks HTTP: uvicorn, whose answers leave in one piece, and how it ends.

uvicorn hands an answer's head and its body to the socket one after the other, and each is a system
call; two of them are a tenth of what a request costs.

At its end uvicorn cancels all that is still being answered at the same moment. Here a request that
is being written gets 10 s, every other one 2 s.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from offset.core.errors import Malformed
from offset.guard import Guard
from offset.problems import problem
from offset.units import json_bytes

ARRIVING_S: Final = 0.1  # in which requests that are on their way are still read, and refused
QUIET_S: Final = 2.0  # for everything else than a batch that is being written
WRITTEN_S: Final = 10.0  # for the clients of that batch
_LAST_WORDS_S: Final = 0.5  # for answers to leave
_LOOK_EVERY_S: Final = 0.02


class Server(uvicorn.Server):
    """uvicorn's server with an end of its own: every request is answered, and truly.

    Args:
        config: of uvicorn.
        app: the application that it serves.
    """

    def __init__(self, config: uvicorn.Config, app: Guard) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is there, then end the application, which ends the running batch."""
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        self._app.begin_to_stop()
        await asyncio.sleep(ARRIVING_S)
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = self.server_state.tasks
        await self._wait(lambda: bool(self.server_state.connections), begun_at + QUIET_S)
        for task in list(tasks):
            if not self._app.is_written(task):
                task.cancel()
        await self._wait(lambda: any(map(self._app.is_written, tasks)), begun_at + WRITTEN_S)
        for task in list(tasks):
            task.cancel()
        await self._wait(lambda: bool(tasks), loop.time() + _LAST_WORDS_S)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._wait(lambda: bool(self.server_state.connections), loop.time() + _LAST_WORDS_S)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # its client does not read
        if not self.force_exit:
            await self.lifespan.shutdown()

    async def _wait(self, is_needed: Callable[[], bool], end: float) -> None:
        loop = asyncio.get_running_loop()
        while is_needed() and loop.time() < end and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY_S)


class WholeAnswers(HttpToolsProtocol):
    """uvicorn's protocol on a transport that joins what is written together."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP with a problem document, and close the connection."""
        body = json_bytes(problem(Malformed(f"the request is not HTTP/1.1: {msg}")))
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
            f"cache-control: no-cache\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to answer a client."""
        super().connection_made(Joining(transport, self.loop))


class Joining(asyncio.Transport):
    """A transport that sends what is written in one turn of the loop at once, at its end."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send later, together with what comes now."""
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():  # the client may be gone since
            self._transport.write(b"".join(pieces))

    def close(self) -> None:
        """Send what is left, and close."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._pieces = []
        self._transport.abort()

    def is_closing(self) -> bool:
        """Tell whether it is closed, or about to be."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Take nothing from the client for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Tell what is known of the connection."""
        return self._transport.get_extra_info(name, default)
