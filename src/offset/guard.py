"""What stands before the application: who may ask at all, and how large a request's head may be.

Without keys the server answers everything, so it answers only this machine: the client's address
and the Host have to be local, no other site's page may be asking, and no proxy may be between.
"""

import asyncio
import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offset.core.errors import (
    HeadersTooLarge,
    Malformed,
    Misdirected,
    NotLocal,
    OffsetError,
    Stopping,
)
from offset.sending import respond_error

LARGEST_HEADERS: Final = 16 * 1024  # bytes
_LOCAL_HOST: Final = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_FOREIGN_SITES: Final = (b"cross-site", b"same-site")
_PROXIES: Final = frozenset({b"forwarded", b"via"})
_JUDGED: Final = _PROXIES | {
    *(b"content-length", b"transfer-encoding", b"host", b"sec-fetch-site", b"origin"),
}


class Guard:
    """The outermost layer: turns away what the application should not see, or not any more."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        unfit: Callable[[], str | None],
        is_written: Callable[["asyncio.Task[None]"], bool] = lambda _: False,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        self.app: Final = app
        self._unfit = unfit
        self._stop = stop
        self._is_stopping = False
        self.is_written: Final = is_written  # checks whether a task waits for a running batch

    def begin_to_stop(self) -> None:
        """Turn further requests away; those that are being answered go on."""
        self._is_stopping = True
        self._stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, self._plainly(send))
            return
        refused = refusal(scope)
        if refused is None and self._is_stopping:
            refused = Stopping()
        if refused is not None:
            await _refuse(scope, receive, send, refused)
            return
        if scope["method"] == "HEAD":  # as GET; the server below leaves the body out
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)

    def _plainly(self, send: Send) -> Send:
        """Say why the server cannot start in one sentence instead of a traceback."""

        async def plain(message: Message) -> None:
            why = self._unfit()
            if message["type"] == "lifespan.startup.failed" and why is not None:
                message = {**message, "message": why}
            await send(message)

        return plain


async def _refuse(scope: Scope, receive: Receive, send: Send, error: OffsetError) -> None:
    response = respond_error(Request({**scope, "type": "http"}), error)
    if isinstance(error, Malformed | HeadersTooLarge | Stopping):
        response.headers["Connection"] = "close"
    await response(scope, receive, send)


def refusal(scope: Scope) -> OffsetError | None:
    """Say why a request is turned away, if it is."""
    if scope["type"] != "http":
        return Malformed("this server speaks HTTP and no WebSocket")
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if sum([len(name) + len(value) + 4 for name, value in headers]) > LARGEST_HEADERS:
        return HeadersTooLarge(f"the headers have more than {LARGEST_HEADERS} bytes")
    judged = [one for one in headers if one[0] in _JUDGED or one[0].startswith(b"x-forwarded-")]
    return _framing(judged) or _foreign(scope, judged)


def _framing(judged: list[tuple[bytes, bytes]]) -> OffsetError | None:
    """Refuse a body whose length could be read in two ways."""
    lengths = [value for name, value in judged if name == b"content-length"]
    codings = [value.lower() for name, value in judged if name == b"transfer-encoding"]
    if len(lengths) > 1 or (lengths and codings) or codings not in ([], [b"chunked"]):
        return Malformed("the body's length is given in more than one way")
    return None


def _foreign(scope: Scope, judged: list[tuple[bytes, bytes]]) -> OffsetError | None:
    client = scope.get("client")
    if not client or not _is_loopback(client[0]):
        return NotLocal("without keys the server answers only this machine")
    hosts = [value for name, value in judged if name == b"host"]
    if len(hosts) != 1 or not _LOCAL_HOST.fullmatch(hosts[0]):
        return Misdirected("the Host has to be localhost, 127.0.0.1 or [::1]")
    for name, value in judged:
        if name == b"sec-fetch-site" and value.lower() in _FOREIGN_SITES:
            return NotLocal("the request comes from a page of another site")
        if name == b"origin" and not _same_origin(value, hosts[0]):
            return NotLocal("the request comes from a page of another origin")
        if name in _PROXIES or name.startswith(b"x-forwarded-"):
            return NotLocal("the request came through a proxy; that needs keys")
    return None


def _same_origin(origin: bytes, host: bytes) -> bool:
    return origin.lower() in (b"http://" + host.lower(), b"https://" + host.lower())


@lru_cache(maxsize=1_024)
def _is_loopback(address: str) -> bool:
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return False
    # A server on [::] sees 127.0.0.1 as ::ffff:127.0.0.1, which older Pythons call no loopback.
    mapped = client.ipv4_mapped if isinstance(client, ipaddress.IPv6Address) else None
    return (mapped or client).is_loopback
