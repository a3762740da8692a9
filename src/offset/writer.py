"""Group commit: units that arrive together share a transaction.

There is no timer: a batch is what queued up while the previous one was committing. One thread
writes; each caller waits for its own answer, which comes after the commit.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from offset.core.errors import Busy
from offset.ledger import LARGEST_TRANSACTION, Ledger, Outcome
from offset.units import Answer, Unit

LARGEST_QUEUE: Final = 20_000  # commands; more are turned away with 503

_Waiting = tuple[Unit, asyncio.Future[Answer]]


class Writer:
    """The queue in front of a ledger, and the thread that empties it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._stopping = False
        self._filled = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="offset-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end; new units are turned away."""
        with self._filled:
            self._stopping = True
            self._filled.notify()
        self._thread.join()

    async def submit(self, unit: Unit) -> Answer:
        """Have a unit done, and wait until it is committed.

        Raises:
            Busy: too many commands are waiting, or the server is ending.
            OffsetError: the unit as a whole was refused, or the database is away.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        with self._filled:
            if self._stopping or self._queued + len(unit.commands) > LARGEST_QUEUE:
                raise Busy("too many requests are waiting; nothing was done")
            self._queue.append((unit, future))
            self._queued += len(unit.commands)
            self._filled.notify()
        return await future

    def _run(self) -> None:
        while batch := self._next_batch():
            units = [unit for unit, _ in batch]
            try:
                outcomes: Sequence[Outcome | Exception] = self._ledger.commit(units)
            except Exception as fault:  # noqa: BLE001 - handed to those who wait
                outcomes = [fault for _ in batch]
            by_loop: dict[asyncio.AbstractEventLoop, list[_Delivery]] = {}
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                by_loop.setdefault(future.get_loop(), []).append((future, outcome))
            for loop, deliveries in by_loop.items():
                loop.call_soon_threadsafe(_deliver, deliveries)

    def _next_batch(self) -> list[_Waiting]:
        """Take what is queued, up to a transaction's size; nothing when all is done."""
        batch: list[_Waiting] = []
        size = 0
        with self._filled:
            while not self._queue and not self._stopping:
                self._filled.wait()
            while self._queue:
                count = len(self._queue[0][0].commands)
                if batch and size + count > LARGEST_TRANSACTION:
                    break
                batch.append(self._queue.popleft())
                size += count
                self._queued -= count
        return batch


_Delivery = tuple[asyncio.Future[Answer], Outcome | Exception]


def _deliver(deliveries: Sequence[_Delivery]) -> None:
    for future, outcome in deliveries:
        if future.done():  # its client went away
            continue
        if isinstance(outcome, Answer):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
