"""Code that waits, on the event loop: while it waits for the database, the loop goes on.

The ledger and its reads are plain functions, so that a command or an import can call them from a
thread of its own. A server runs them on its event loop instead: two threads that take turns with
one interpreter and two caches cost a third more than one. Each runs in a greenlet, and where it
would wait it gives the loop what to wait for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from greenlet import getcurrent, greenlet

Given = TypeVar("Given")


class _Act(greenlet):
    """Code that waits; its parent runs the loop."""


async def on_loop(act: Callable[[], Given]) -> Given:
    """Run code that waits; `wait_for` and `in_thread`, however deep inside, let the loop go on."""
    running = _Act(act)
    given = running.switch()
    while not running.dead:
        try:
            found = await given
        except BaseException as error:  # noqa: BLE001 - handed to the one who waits for it
            given = running.throw(error)
        else:
            given = running.switch(found)
    found_at_last: Given = given
    return found_at_last


def is_on_loop() -> bool:
    """Tell whether `on_loop` runs this code."""
    return isinstance(getcurrent(), _Act)


def wait_for(awaitable: Awaitable[Given]) -> Given:
    """Wait for what the event loop brings; only where `is_on_loop`."""
    parent = getcurrent().parent
    assert parent is not None
    given: Given = parent.switch(awaitable)
    return given


def in_thread(act: Callable[[], Given]) -> Given:
    """Do what may take long: in another thread while the loop goes on, or here without a loop."""
    if not is_on_loop():
        return act()
    return wait_for(asyncio.get_running_loop().run_in_executor(None, act))
