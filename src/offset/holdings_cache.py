"""LRU cache of the holdings of records that have many, valid while no event was added.

Loading 100,000 holdings takes a second and a sale touches one of them. The hash of a record's
newest event names its whole history, since each leaf has the hash of the leaf before it: holdings
that were kept with that hash are the rows of the table.
"""

from collections import OrderedDict
from threading import Lock
from typing import Final

from offset.core.holdings import Holdings

SMALLEST: Final = 1_000  # holdings; fewer are loaded in a few milliseconds
LARGEST: Final = 250_000  # holdings of all kept records together, some 200 bytes each


class HoldingsCache:
    """Keeps holdings by their record's number and the hash of its newest event; thread-safe."""

    def __init__(self, *, smallest: int = SMALLEST, largest: int = LARGEST) -> None:
        self.smallest: Final = smallest
        self._largest: Final = largest
        self._kept: Final[OrderedDict[int, tuple[bytes, Holdings]]] = OrderedDict()
        self._length = 0
        self._guard: Final = Lock()

    def find(self, number: int, leaf_hash: bytes) -> Holdings | None:
        """Return the record's holdings after the event with this hash, if they are kept."""
        if not self._kept:
            return None
        with self._guard:
            kept = self._kept.get(number)
            if kept is None or kept[0] != leaf_hash:
                return None
            self._kept.move_to_end(number)
            return kept[1]

    def keep(self, number: int, leaf_hash: bytes, holdings: Holdings) -> None:
        """Keep the record's holdings if they are many; the records used longest ago make room.

        Holdings of a transaction that is rolled back do no harm: no event has their hash.
        """
        if len(holdings) < self.smallest and not self._kept:
            return
        with self._guard:
            before = self._kept.pop(number, None)
            self._length -= len(before[1]) if before is not None else 0
            if self.smallest <= len(holdings) <= self._largest:
                self._kept[number] = leaf_hash, holdings
                self._length += len(holdings)
            while self._length > self._largest:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._length -= len(oldest)
