"""Turns: the threads of a process do something one at a time, first come, first served."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy.exc import TimeoutError as PoolTimeout

from offset.waiting import in_thread


class Turns:
    """Lets the threads of a process write one at a time, in the order in which they came."""

    def __init__(self, patience_s: float = 5.0) -> None:
        self._patience_s = patience_s
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()  # the first of them has its turn

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for one's turn, and have it until the end of the block.

        Raises:
            sqlalchemy.exc.TimeoutError: another thread has been writing for too long.
        """
        own = threading.Lock()
        own.acquire()
        with self._guard:
            self._waiting.append(own)
            first = self._waiting[0] is own
        try:
            if not first and not in_thread(partial(own.acquire, timeout=self._patience_s)):
                raise PoolTimeout("another thread of this process is writing")
            yield
        finally:
            with self._guard:
                had_it = self._waiting[0] is own
                self._waiting.remove(own)
                if had_it and self._waiting:
                    self._waiting[0].release()
