"""Code that waits lets the event loop go on, and is none the wiser."""

import asyncio
import time
from functools import partial

import pytest

from offset.waiting import in_thread, is_on_loop, on_loop, wait_for


def test_what_waits_in_the_code_lets_the_loop_go_on() -> None:
    done: list[str] = []

    def waits(name: str) -> str:
        done.append(f"{name} begins")
        wait_for(asyncio.sleep(0.05))
        done.append(f"{name} ends")
        return name

    async def both() -> None:
        names = await asyncio.gather(*(on_loop(partial(waits, name)) for name in "ab"))
        assert names == ["a", "b"]

    asyncio.run(both())
    assert done == ["a begins", "b begins", "a ends", "b ends"]


def test_what_fails_is_raised_where_it_was_waited_for() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    def waits() -> str:
        with pytest.raises(ZeroDivisionError):
            wait_for(fails())
        raise LookupError

    async def run() -> None:
        with pytest.raises(LookupError):
            await on_loop(waits)

    asyncio.run(run())


def test_a_cancelled_caller_ends_the_code_in_order() -> None:
    ended: list[bool] = []

    def waits() -> None:
        try:
            wait_for(asyncio.sleep(10))
        finally:
            ended.append(True)

    async def run() -> None:
        task = asyncio.ensure_future(on_loop(waits))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert ended == [True]


def test_a_thread_does_what_takes_long_and_without_a_loop_nobody_does() -> None:
    turns: list[int] = []

    async def run() -> None:
        sleeping = asyncio.ensure_future(on_loop(partial(in_thread, partial(time.sleep, 0.1))))
        while not sleeping.done():
            turns.append(1)
            await asyncio.sleep(0.005)

    asyncio.run(run())
    assert len(turns) > 3
    assert in_thread(is_on_loop) is False
