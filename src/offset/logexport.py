"""A log written as files: the static copy that any web server can serve and anyone can check.

The checkpoint comes last, so that whoever reads the copy at any moment finds all that its
checkpoint covers. Files that never change are written once.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, Protocol

from offset.core.checkpoints import Checkpoint, read_checkpoint
from offset.core.errors import LogForked, LogMalformed, Unfit
from offset.core.merkle import HASH_SIZE, tree_root
from offset.core.notes import read_note
from offset.core.tiles import (
    TILE_WIDTH,
    Bundle,
    Tile,
    bundle_bytes,
    tile_nodes,
    tile_width,
    tiles_at,
)

Progress = Callable[[int, int], None]


class LogReader(Protocol):
    """Gives what a log has published; `hashes` and `leaves` go at least as far as `checkpoint`."""

    def checkpoint(self) -> bytes:
        """Give the newest signed checkpoint."""

    def vkey(self) -> str:
        """Give the keys that verify it, one a line, the newest first."""

    def hashes(self, level: int, index: int) -> bytes:
        """Give a tile's hashes, joined, as many as there are."""

    def leaves(self, first: int, end: int) -> Iterator[bytes]:
        """Walk the leaves from `first` up to `end`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What the copy now has, and how many files were written for it."""

    size: int
    files: int


def export_log(log: LogReader, folder: Path, progress: Progress | None = None) -> Exported:
    """Write a log below a folder, or bring the copy that is there up to date.

    Args:
        log: what to write.
        folder: made where it is not there.
        progress: called with the number of entry bundles that are done and of all.

    Raises:
        LogForked: the copy that is there is of another history.
        LogMalformed: the log gives other hashes or leaves than its checkpoint covers.
        Unfit: the folder has another log, or a newer copy, or cannot be written.
    """
    note = log.checkpoint()
    checkpoint = read_checkpoint(read_note(note).text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_copy(log, folder, checkpoint)
        files = _write_bundles(log, folder, checkpoint.size, progress)
        files += _write_tiles(log, folder, checkpoint.size)
        _write(folder / "vkey", f"{log.vkey().strip()}\n".encode())
        _write(folder / "checkpoint", note)
    except OSError as error:
        raise Unfit(f"{error.filename or folder}: {error.strerror}") from error
    return Exported(size=checkpoint.size, files=files + 2)


def _check_copy(log: LogReader, folder: Path, checkpoint: Checkpoint) -> None:
    """Check that what is there is the beginning of this log, and that the log has its root."""

    def hashes(tile: Tile) -> bytes:
        return log.hashes(tile.level, tile.index)

    nodes = tile_nodes(hashes, checkpoint.size)
    if tree_root(checkpoint.size, nodes) != checkpoint.root:
        raise LogMalformed(f"log {checkpoint.origin}: its tiles do not make its checkpoint's root")
    if not (folder / "checkpoint").exists():
        return
    there = read_checkpoint(read_note((folder / "checkpoint").read_bytes()).text)
    if there.origin != checkpoint.origin:
        raise Unfit(f"{folder}: has a copy of log {there.origin}, not of {checkpoint.origin}")
    if there.size > checkpoint.size:
        raise Unfit(f"{folder}: has {there.size} leaves, and the log only {checkpoint.size}")
    if tree_root(there.size, nodes) != there.root:
        raise LogForked(f"{folder}: its {there.size} leaves are not those that the log begins with")


def _write_bundles(log: LogReader, folder: Path, size: int, progress: Progress | None) -> int:
    files = 0
    bundles = -(-size // TILE_WIDTH)
    for index in range(bundles):
        bundle = Bundle(index, tile_width(0, index, size))
        path = folder / bundle.path
        if not (bundle.width == TILE_WIDTH and path.exists()):
            first = index * TILE_WIDTH
            leaves = list(log.leaves(first, first + bundle.width))
            if len(leaves) != bundle.width:
                raise LogMalformed(f"{bundle.path}: the log has {len(leaves)} of its leaves")
            _write(path, bundle_bytes(leaves))
            files += 1
        if progress:
            progress(index + 1, bundles)
    return files


def _write_tiles(log: LogReader, folder: Path, size: int) -> int:
    files = 0
    for tile in tiles_at(size):
        path = folder / tile.path
        if tile.width == TILE_WIDTH and path.exists():
            continue
        hashes = log.hashes(tile.level, tile.index)[: tile.width * HASH_SIZE]
        if len(hashes) != tile.width * HASH_SIZE:
            raise LogMalformed(f"{tile.path}: the log has {len(hashes)} bytes of it")
        _write(path, hashes)
        files += 1
    return files


_numbers: Final = count()


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is there as a whole or not at all, after a power cut, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{next(_numbers)}.new")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
