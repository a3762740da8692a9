"""The file of a SQLite ledger: whether it is still the one that was opened.

A file that is deleted or replaced lives on, nameless, as long as a process has it open: what is
written to it is acknowledged and lost with the process.
"""

import os
from typing import Final

from offset.core.errors import DatabaseUnavailable

_Identity = tuple[int, int]  # device and inode


class File:
    """Compares the device and inode of a path with those of the file that was opened there."""

    def __init__(self, path: str) -> None:
        self._path: Final = path
        self._opened: _Identity | None = None

    def remember(self) -> None:
        """Note which file is at the path now."""
        self._opened = self._found()

    def require(self, *, written: bool = False) -> None:
        """Refuse to go on if the file was deleted or replaced; the first call remembers it.

        Args:
            written: whether a transaction was committed just now, which may have gone to the file
                that is gone.

        Raises:
            DatabaseUnavailable: another file is there, or none.
        """
        found = self._found()
        if found is not None and found == self._opened:
            return
        if self._opened is None:
            self._opened = found  # None while SQLite has not made it
            return
        happened = "was deleted" if found is None else "was replaced by another file"
        message = (
            f"{self._path} {happened} while this server had it open. Put the file back, or "
            "restart the server to serve what is there now"
        )
        if written:
            raise DatabaseUnavailable(
                f"{message}. Whether this was done is not known", outcome="unknown"
            )
        raise DatabaseUnavailable(f"{message}; nothing was done")

    def _found(self) -> _Identity | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - before each transaction, so without a Path
        except OSError:
            return None
        return status.st_dev, status.st_ino
