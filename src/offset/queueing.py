"""A queue in front of one thread: what waits together is served together.

There is no timer: a batch is what queued up while the previous one was being served, and until the
event loop had nothing more at hand. Each caller waits for its own answer.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from offset.core.errors import Busy

_QUIET: Final = 2  # turns of the loop in which nothing came: a read and its answer are two
Asked = TypeVar("Asked")
Given = TypeVar("Given")


class Queue(Generic[Asked, Given]):
    """Serves batches, one after another.

    Args:
        serve: gives an answer, or the exception to raise, for each of a batch, in its order.
        name: of the thread.
        largest: the size of a batch, unless one that waits is larger by itself.
        fullest: more than this size does not wait; it is turned away.
        size_of: how much of a batch one that waits is.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Asked]], Sequence[Given | Exception]],
        *,
        name: str,
        largest: int,
        fullest: int,
        size_of: Callable[[Asked], int] = lambda _: 1,
    ) -> None:
        self._serve = serve
        self._largest: Final = largest
        self._fullest: Final = fullest
        self._size_of = size_of
        self._waiting: deque[_Waiting[Asked, Given]] = deque()
        self._size = 0
        self._count = 0  # of all that ever waited
        self._gathering: set[asyncio.AbstractEventLoop] = set()
        self._stopping = False
        self._filled = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Serve what waits, then end; who comes now is turned away."""
        with self._filled:
            self._stopping = True
            self._filled.notify()
        self._thread.join()

    async def submit(self, asked: Asked) -> Given:
        """Wait for the answer.

        Raises:
            Busy: too many are waiting, or the server is ending.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Given] = loop.create_future()
        size = self._size_of(asked)
        with self._filled:
            if self._stopping or self._size + size > self._fullest:
                raise Busy("too many requests are waiting; nothing was done")
            self._waiting.append((asked, size, future))
            self._size += size
            self._count += 1
            if loop not in self._gathering:
                self._gathering.add(loop)
                loop.call_soon(self._gather, loop, self._count, 0)
        return await future

    def _gather(self, loop: asyncio.AbstractEventLoop, seen: int, quiet: int) -> None:
        """Let the thread begin when the loop has nothing more for it at hand."""
        quiet = quiet + 1 if self._count == seen else 0
        if quiet < _QUIET and self._size < self._largest:
            loop.call_soon(self._gather, loop, self._count, quiet)
            return
        with self._filled:
            self._gathering.discard(loop)
            self._filled.notify()

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                given = self._serve([asked for asked, _, _ in batch])
            except Exception as fault:  # noqa: BLE001 - handed to those who wait
                given = [fault for _ in batch]
            by_loop: dict[asyncio.AbstractEventLoop, list[_Delivery[Given]]] = {}
            for (_, _, future), one in zip(batch, given, strict=True):
                by_loop.setdefault(future.get_loop(), []).append((future, one))
            for loop, deliveries in by_loop.items():
                loop.call_soon_threadsafe(_deliver, deliveries)

    def _next_batch(self) -> list["_Waiting[Asked, Given]"]:
        """Take what waits, up to the size of a batch; nothing when all is done."""
        batch: list[_Waiting[Asked, Given]] = []
        size = 0
        with self._filled:
            while not self._stopping and (not self._waiting or self._gathering):
                self._filled.wait()
            while self._waiting and (not batch or size + self._waiting[0][1] <= self._largest):
                batch.append(self._waiting.popleft())
                size += batch[-1][1]
            self._size -= size
        return batch


_Waiting = tuple[Asked, int, "asyncio.Future[Given]"]
_Delivery = tuple["asyncio.Future[Given]", Given | Exception]


def _deliver(deliveries: Sequence[_Delivery[Given]]) -> None:
    for future, given in deliveries:
        if future.done():  # its client went away
            continue
        if isinstance(given, Exception):
            future.set_exception(given)
        else:
            future.set_result(given)
