"""SQLite's journal: what it holds is moved into the file beside the writers.

SQLite itself does so in the COMMIT that finds the journal long, and whoever writes waits for
thousands of pages.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

# Pages. The COMMIT that finds more moves the rest itself, and the journal begins anew.
LONGEST: Final = 16_000
# Bytes. A journal that grew longer beside an open reader is cut to this when it begins anew.
LONGEST_KEPT: Final = 64 * 2**20
_WARNED_OF: Final = 4 * LONGEST  # pages that no checkpoint could move
_MOMENT_S: Final = 0.25
_log: Final = logging.getLogger("uvicorn.error")


class Journal:
    """Moves the journal of one file a moment after it was written.

    `is_same` tells whether the files are those that were opened. If the journal was deleted, a new
    connection would make another one, and the transactions of the old one were lost.
    """

    def __init__(self, path: str, is_same: Callable[[], bool] = lambda: True) -> None:
        self._path: Final = path
        self._is_same: Final = is_same
        self._address: Final = f"{Path(path).absolute().as_uri()}?mode=rw"
        self._written = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._warned_of = _WARNED_OF
        self._is_long = False

    def written(self) -> None:
        """Tell that something was written; only who has the turn to write does."""
        self._written.set()
        if self._thread is None:
            self._ended.clear()
            self._thread = threading.Thread(target=self._run, name="offset-journal", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Let the file go."""
        if self._thread is not None:
            self._ended.set()
            self._written.set()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while True:
            self._written.wait()
            self._written.clear()  # before the look below: who ends sets it last
            if self._ended.wait(_MOMENT_S):
                return
            self._move()

    def _move(self) -> None:
        if not self._is_same():
            return
        # What fails here fails again, and is reported, in the COMMIT that comes to it.
        with suppress(sqlite3.Error), closing(sqlite3.connect(self._address, uri=True)) as file:
            _, length, moved = file.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._report(length, length - moved)

    def _report(self, length: int, held: int) -> None:
        """Log once when an open reader keeps the journal long, and once when it is over.

        Args:
            length: the journal's pages.
            held: how many of them could not be moved.
        """
        if not self._is_long and held > self._warned_of:
            self._is_long = True
            _log.warning(
                "The journal %s has grown to %d pages: a reader keeps an old state open, and the "
                "journal grows until that reader ends. Look for programs that have the file open.",
                f"{self._path}-wal",
                length,
            )
        elif self._is_long and held == 0:
            self._is_long = False
            _log.info("The journal %s is short again.", f"{self._path}-wal")
