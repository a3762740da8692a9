"""Offset's application with something of ours around its life."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from offset.dispatching import Dispatcher
from offset.guard import Guard
from offset.main import create_app


def started_with(around: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> Guard:
    """Make the application; `around` begins when it has started, and ends before it stops."""
    guard = create_app()
    assert isinstance(guard.app, Dispatcher)
    router = guard.app.app.router
    started = router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with started(app) as state, around(app):
            yield state

    router.lifespan_context = lifespan
    return guard
