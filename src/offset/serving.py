"""How `offset serve` speaks HTTP: uvicorn, whose answers leave in one piece.

uvicorn hands an answer's head and its body to the socket one after the other, and each is a system
call; two of them are a tenth of what a request costs.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class WholeAnswers(HttpToolsProtocol):
    """uvicorn's protocol on a transport that joins what is written together."""

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
