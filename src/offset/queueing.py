"""A queue in front of what is slow: what waits together is served together.

A batch is what queued up while the previous one was being served, and until the event loop had
nothing more at hand. When few of those who were just answered are back, it waits for the others, a
tenth of what the previous batch took at most: a batch of one would cost all of them much more.
Each caller waits for its own answer.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

from offset.core.errors import Busy, OffsetError
from offset.waiting import on_loop

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
        unfinished: makes the error for who stops waiting while its batch is being served.
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
        unfinished: Callable[[], OffsetError] = lambda: Busy("the server is ending; try again"),
    ) -> None:
        self._serve = serve
        self._largest: Final = largest
        self._fullest: Final = fullest
        self._size_of = size_of
        self._abreast: Final = abreast
        self._longest: Final = longest
        self._unfinished: Final = unfinished
        self._waiting: deque[_Waiting[Asked, Given]] = deque()
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

    async def submit(self, asked: Asked) -> Given:
        """Wait for the answer.

        Who is cut off before its batch began is dropped: nothing of it is ever done.

        Raises:
            Busy: too many are waiting, or the server is ending.
            OffsetError: as `unfinished` makes it, for who is cut off later.
        """
        size = self._size_of(asked)
        if self._stopping or self._size + size > self._fullest:
            raise Busy("too many requests are waiting; nothing was done")
        future: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        waiting = (asked, size, future)
        self._waiting.append(waiting)
        self._size += size
        self._count += 1
        if not self._gathers:
            self._gather_on(0)
        try:
            return await future
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
                self._size -= size
                raise Busy("the server is ending; nothing was done") from None
            raise self._unfinished() from None

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
            task = asyncio.get_running_loop().create_task(self._serve_batch(*self._next_batch()))
            self._serving.add(task)

    def _next_batch(self) -> tuple[list["_Waiting[Asked, Given]"], int]:
        """Take what waits, up to the size of a batch; say how much that is."""
        batch: list[_Waiting[Asked, Given]] = []
        size = 0
        part = -(-self._size // (self._abreast - len(self._serving)))
        largest = min(max(part, _WORTH_ITS_COST), self._largest)
        while self._waiting and (not batch or size + self._waiting[0][1] <= largest):
            batch.append(self._waiting.popleft())
            size += batch[-1][1]
        self._size -= size
        return batch, size

    async def _serve_batch(self, batch: list["_Waiting[Asked, Given]"], size: int) -> None:
        act = partial(self._serve, [asked for asked, _, _ in batch])
        start, task = time.monotonic(), asyncio.current_task()
        assert task is not None
        try:
            given = await (on_loop(act) if size <= self._longest else asyncio.to_thread(act))
        except Exception as fault:  # noqa: BLE001 - handed to those who wait
            given = [fault for _ in batch]
        finally:  # also when the loop is ending
            self._serving.discard(task)
        for (_, _, future), one in zip(batch, given, strict=True):
            if future.done():  # its client went away
                continue
            if isinstance(one, Exception):
                future.set_exception(one)
            else:
                future.set_result(one)
        self._hoped_for = (len(batch) + len(self._waiting)) * 3 // 4
        self._patience_s = (time.monotonic() - start) / 10
        if self._waiting and not self._gathers:
            self._gather_on(0)


_Waiting = tuple[Asked, int, "asyncio.Future[Given]"]
