"""The files of a SQLite ledger: whether they are still those that were opened.

A file that is deleted or replaced lives on, nameless, as long as a process has it open: what is
written to it is acknowledged and lost with the process. The same holds for the journal (`-wal`),
where every transaction stands first, and for the index of the journal that processes share
(`-shm`): another process that makes a new one no longer sees the locks of this one.
"""

import os
from typing import Final

from offset.core.errors import DatabaseUnavailable

_Identity = tuple[int, int]  # device and inode
_BESIDE: Final = ("-wal", "-shm")


class File:
    """Compares the device and inode of paths with those of the files that were opened there."""

    def __init__(self, path: str) -> None:
        self._path: Final = path
        self._beside: Final = tuple(f"{path}{suffix}" for suffix in _BESIDE)
        self._opened: dict[str, _Identity] = {}

    def remember(self) -> None:
        """Note which files are at the paths now."""
        self._opened = {
            path: found
            for path in (self._path, *self._beside)
            if (found := _identity(path)) is not None
        }

    def forget_journal(self) -> None:
        """Expect another journal: SQLite deletes it with the last connection that is closed."""
        for path in self._beside:
            self._opened.pop(path, None)

    def is_same(self) -> bool:
        """Check whether all files are those that were opened."""
        return self._changed() is None

    def require(self, *, written: bool = False) -> None:
        """Refuse to go on if a file was deleted or replaced; the first call remembers them.

        Args:
            written: whether a transaction was committed just now, which may have gone to the file
                that is gone.

        Raises:
            DatabaseUnavailable: another file is there, or none.
        """
        changed = self._changed()
        if changed is None:
            return
        message = _sentence(self._path, *changed)
        if written:
            raise DatabaseUnavailable(
                f"{message}. Whether this was done is not known", outcome="unknown"
            )
        raise DatabaseUnavailable(f"{message}; nothing was done")

    def _changed(self) -> tuple[str, str] | None:
        """Find the first file that was changed: its path, and what happened to it."""
        opened = self._opened
        for path in (self._path, *self._beside):
            found, before = _identity(path), opened.get(path)
            if found == before:
                continue
            if before is None:
                assert found is not None
                opened[path] = found  # SQLite made it with its first transaction
            elif found is None:
                return path, "was deleted"
            else:
                return path, "was replaced by another file"
        return None


def _sentence(path: str, changed: str, happened: str) -> str:
    if changed == path:
        return (
            f"{path} {happened} while this server had it open. Put the file back, or restart the "
            "server to serve what is there now"
        )
    return (
        f"{changed} {happened} while this server had {path} open. Let no other program open the "
        "ledger and stop the server: at its end it moves what the journal holds into the ledger. "
        "Then check it with `offset verify`"
    )


def _identity(path: str) -> _Identity | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - before each transaction, so without a Path
    except OSError:
        return None
    return status.st_dev, status.st_ino
