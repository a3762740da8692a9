"""SQLite's journal: what it holds is moved into the file beside the writers.

SQLite itself does so in the COMMIT that finds the journal long, and whoever writes waits for
thousands of pages.
"""

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

# Pages. The COMMIT that finds more moves the rest itself, and the journal begins anew.
LONGEST: Final = 16_000
_MOMENT_S: Final = 0.25


class Journal:
    """Moves the journal of one file a moment after it was written."""

    def __init__(self, path: str) -> None:
        self._address: Final = f"{Path(path).absolute().as_uri()}?mode=rw"
        self._written = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

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
            # What fails here fails again, and is reported, in the COMMIT that comes to it.
            with suppress(sqlite3.Error), closing(sqlite3.connect(self._address, uri=True)) as file:
                file.execute("PRAGMA wal_checkpoint(PASSIVE)")
