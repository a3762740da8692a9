"""A queue in front of what is slow: what waits together is served together.

A batch is what queued up while the previous one was being served, and until the event loop had
nothing more at hand. When few of those who were just answered are back, it waits for the others, a
tenth of what the previous batch took at most: a batch of one would cost all of them much more.
Each caller waits for its own answer. A request that nobody waits for any more when its batch
begins is dropped, and so is one that has waited for too long.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeVar

from offset.core.errors import Busy, Unavailable
from offset.waiting import on_loop

LONGEST_WAIT_S: Final = 30.0  # in the queue, before a batch begins
_QUIET: Final = 2  # turns of the loop in which nothing came: a read and its answer are two
_WORTH_ITS_COST: Final = 16  # the size from which on a batch is cut into parts
Asked = TypeVar("Asked")
Given = TypeVar("Given")


class Queue(Generic[Asked, Given]):
    """Serves batches on the event loop that asks; one loop at a time has it.

    Args:
        serve: gives an answer, or the exception to raise, for each of a batch, in its order.
        largest: the size of a batch, unless one that waits is larger by itself.
        fullest: more than this size does not wait; it is turned away.
        size_of: how much of a batch one that waits is.
        abreast: batches that are served at a time, each with its part of what waits.
        longest: a batch of more than this size is served in a thread, or it would hold the loop.
        left: the error of a caller that is cancelled while its batch is being served; without it
            the cancellation goes on.
        longest_wait_s: a request that was not begun within so many seconds is turned away.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Asked]], Sequence[Given | Exception]],
        *,
        largest: int,
        fullest: int,
        size_of: Callable[[Asked], int] = lambda _: 1,
        abreast: int = 1,
        longest: int = 256,
        left: Callable[[], Exception] | None = None,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self._serve = serve
        self._largest: Final = largest
        self._fullest: Final = fullest
        self._size_of = size_of
        self._abreast: Final = abreast
        self._longest: Final = longest
        self._left = left
        self._longest_wait_s: Final = longest_wait_s
        self._waiting: deque[_Waiting[Asked, Given]] = deque()
        self._begun: set[_Waiting[Asked, Given]] = set()
        self._overdue: asyncio.TimerHandle | None = None
        self._size = 0
        self._count = 0  # of all that ever waited
        self._gathers = False
        self._hoped_for = 0  # so many make a batch that need not wait for more
        self._patience_s = 0.0
        self._late: asyncio.TimerHandle | None = None
        self._stopping = False
        self._serving: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Serve what waits, then end; who comes now is turned away."""
        self._stopping = True
        while self._waiting or self._serving:
            self._begin()
            if self._serving:
                await asyncio.wait(self._serving)
        if self._overdue is not None:
            self._overdue.cancel()

    async def submit(self, asked: Asked, *, is_gone: Callable[[], bool] | None = None) -> Given:
        """Wait for the answer.

        Args:
            asked: what to serve.
            is_gone: tells, when its batch begins, that nobody waits for the answer any more.

        Raises:
            Busy: too many are waiting, this has waited for too long, or the server is ending.
        """
        size = self._size_of(asked)
        if self._stopping or self._size + size > self._fullest:
            raise Busy("too many requests are waiting; nothing was done")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Given] = loop.create_future()
        waiting = _Waiting(asked, size, future, is_gone)
        self._waiting.append(waiting)
        self._size += size
        self._count += 1
        if not self._gathers:
            self._gather_on(0)
        if self._overdue is None:
            self._overdue = loop.call_later(self._longest_wait_s, self._turn_overdue_away)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # answered just now
                return future.result()
            if waiting in self._begun and self._left is not None:
                raise self._left() from None
            raise

    def is_served(self, task: "asyncio.Task[Any]") -> bool:
        """Check whether a task waits for the answer of a batch that has begun."""
        return any(one.task is task for one in self._begun)

    def _turn_overdue_away(self) -> None:
        now = asyncio.get_running_loop().time()
        self._overdue = None
        while self._waiting and now - self._waiting[0].came_at >= self._longest_wait_s:
            overdue = self._waiting.popleft()
            self._size -= overdue.size
            if not overdue.future.done():
                overdue.future.set_exception(
                    Busy(
                        f"the requests before this one took more than {self._longest_wait_s:g} s; "
                        "nothing was done. Try again"
                    )
                )
        if self._waiting:
            oldest_at = self._waiting[0].came_at
            self._overdue = asyncio.get_running_loop().call_at(
                oldest_at + self._longest_wait_s, self._turn_overdue_away
            )

    def _gather_on(self, quiet: int) -> None:
        self._gathers = True
        asyncio.get_running_loop().call_soon(self._gather, self._count, quiet)

    def _gather(self, seen: int, quiet: int) -> None:
        """Begin when the loop has nothing more for a batch at hand."""
        quiet = quiet + 1 if self._count == seen else 0
        if quiet < _QUIET and self._size < self._largest:
            self._gather_on(quiet)
            return
        self._gathers = False
        if len(self._waiting) >= self._hoped_for:
            self._begin()
        elif self._late is None:
            self._late = asyncio.get_running_loop().call_later(self._patience_s, self._begin)

    def _begin(self) -> None:
        self._hoped_for = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None
        while self._waiting and len(self._serving) < self._abreast:
            batch, size = self._next_batch()
            if not batch:  # all of them are gone
                continue
            self._begun.update(batch)
            task = asyncio.get_running_loop().create_task(self._serve_batch(batch, size))
            self._serving.add(task)

    def _next_batch(self) -> tuple[list["_Waiting[Asked, Given]"], int]:
        """Return the next batch of those who still wait, and its size."""
        batch: list[_Waiting[Asked, Given]] = []
        size = 0
        part = -(-self._size // (self._abreast - len(self._serving)))
        largest = min(max(part, _WORTH_ITS_COST), self._largest)
        while self._waiting and (not batch or size + self._waiting[0].size <= largest):
            waiting = self._waiting.popleft()
            self._size -= waiting.size
            if waiting.is_here():
                batch.append(waiting)
                size += waiting.size
        return batch, size

    async def _serve_batch(self, batch: list["_Waiting[Asked, Given]"], size: int) -> None:
        act = partial(self._serve, [waiting.asked for waiting in batch])
        start, task = time.monotonic(), asyncio.current_task()
        assert task is not None
        try:
            given = await (on_loop(act) if size <= self._longest else asyncio.to_thread(act))
        except Exception as fault:  # noqa: BLE001 - handed to those who wait
            given = [fault for _ in batch]
        finally:  # also when the loop is ending
            self._serving.discard(task)
            self._begun.difference_update(batch)
        for waiting, one in zip(batch, given, strict=True):
            if waiting.future.done():  # its client went away
                continue
            if isinstance(one, Exception):
                waiting.future.set_exception(one)
            else:
                waiting.future.set_result(one)
        self._hoped_for = (len(batch) + len(self._waiting)) * 3 // 4
        self._patience_s = (time.monotonic() - start) / 10
        if self._waiting and not self._gathers:
            self._gather_on(0)


class _Waiting(Generic[Asked, Given]):
    """A request in the queue, or in a batch that is being served."""

    __slots__ = ("asked", "came_at", "future", "is_gone", "size", "task")

    def __init__(
        self,
        asked: Asked,
        size: int,
        future: "asyncio.Future[Given]",
        is_gone: Callable[[], bool] | None,
    ) -> None:
        self.asked = asked
        self.size = size
        self.future = future
        self.is_gone = is_gone
        self.came_at = asyncio.get_running_loop().time()
        self.task = asyncio.current_task()

    def is_here(self) -> bool:
        """Check whether the answer is still waited for; release a task whose client is gone."""
        if self.future.done():  # cancelled
            return False
        if self.is_gone is None or not self.is_gone():
            return True
        self.future.set_exception(Unavailable("the client is gone; nothing was done"))
        return False
