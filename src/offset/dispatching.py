"""The short way to a lean route: found by method and path before FastAPI's stack.

That stack (error and exit-stack middlewares, routers inside routers) does nothing for a route that
reads its own request, and costs more than the ledger does. What is no lean route's goes on to it:
pages, static files, paths that are nowhere, methods that a path does not have.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from fastapi import FastAPI, Request, Response
from starlette.types import Message, Receive, Scope, Send

from offset.core.errors import Internal, OffsetError, Stopping
from offset.receiving import LeanRoute

Refuse = Callable[[Request, OffsetError], Response]


class Dispatcher:
    """Answers what lean routes answer; `refuse` turns an error into an answer."""

    def __init__(self, app: FastAPI, routes: Iterable[LeanRoute], *, refuse: Refuse) -> None:
        self.app: Final = app
        self._refuse = refuse
        self._plain: dict[tuple[str, str], LeanRoute] = {}
        self._patterns: dict[tuple[str, str], list[LeanRoute]] = {}
        for route in routes:
            for method in route.methods or ():
                if route.param_convertors:
                    place = (method, _first_segment(route.path))
                    self._patterns.setdefault(place, []).append(route)
                else:
                    self._plain.setdefault((method, route.path), route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        route = self._find(scope) if scope["type"] == "http" and not scope["root_path"] else None
        if route is None:
            await self._pass_on(scope, receive, send)
            return
        scope["app"] = self.app  # where the framework has it
        request = Request(scope, receive)
        try:
            response = await route.answer(request)
        except OffsetError as error:
            response = self._refuse(request, error)
        except asyncio.CancelledError:  # by the server; a write that has begun is not (`Writer`)
            response = self._refuse(request, Stopping())
        except Exception as fault:  # noqa: BLE001 - a fault of ours: told as such, and logged
            response = self._refuse(request, Internal(fault))
        await response(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the framework answer; what it leaves without an answer has one, too.

        A server answers "500" in plain text to what is cancelled at its end, or raised.
        """
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except asyncio.CancelledError:
            if has_begun or scope["type"] != "http":
                raise
            await self._refuse(Request(scope), Stopping())(scope, receive, send)
        except Exception as fault:
            if has_begun or scope["type"] != "http":
                raise
            await self._refuse(Request(scope), Internal(fault))(scope, receive, send)

    def _find(self, scope: Scope) -> LeanRoute | None:
        method, path = scope["method"], scope["path"]
        route = self._plain.get((method, path))
        if route is not None:
            scope["path_params"] = {}
            return route
        for route in self._patterns.get((method, _first_segment(path)), ()):
            found = route.path_regex.match(path)
            if found is not None:
                scope["path_params"] = {
                    name: route.param_convertors[name].convert(text)
                    for name, text in found.groupdict().items()
                }
                return route
        return None


def _first_segment(path: str) -> str:
    return path[1:].partition("/")[0]
