"""Where the files of a log come from: a folder, or a URL, with the same paths below both."""

import time
from http.client import HTTPException
from pathlib import Path
from typing import Final, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from offset import __version__
from offset.core.errors import LogMalformed, LogUnreachable, Unfit
from offset.core.merkle import HASH_SIZE
from offset.core.tiles import TILE_WIDTH, Bundle, Tile, read_bundle

PATIENCE_S: Final = 30  # until the next bytes come
LARGEST_WAIT_S: Final = 300  # until a file is there as a whole
LARGEST_NOTE: Final = 1_000_000  # bytes, of a checkpoint and of a list of keys
LARGEST_TILE: Final = TILE_WIDTH * HASH_SIZE
LARGEST_BUNDLE: Final = TILE_WIDTH * (2 + 65_535)
_PIECE: Final = 65_536  # bytes

_GONE: Final = (404, 410)


class Source(Protocol):
    """Gives a log's files."""

    def read(self, path: str, largest: int) -> bytes | None:
        """Give a file of at most `largest` bytes; None if it is not there.

        Raises:
            LogMalformed: it is larger.
            LogUnreachable: it cannot be told whether it is there.
        """


class Folder:
    """A log's files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str, largest: int) -> bytes | None:
        """Read a file; see `Source`."""
        try:
            with (self._root / path).open("rb") as file:
                data = file.read(largest + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise LogUnreachable(f"{path}: {error.strerror}") from None
        return _bounded(path, data, largest)


class Site:
    """A log's files below an http or https URL."""

    def __init__(self, url: str) -> None:
        self._prefix = url.rstrip("/")
        self._opener = OpenerDirector()  # without the handlers of file: and ftp:
        for handler in (
            *(ProxyHandler(), HTTPHandler(), HTTPSHandler(), HTTPDefaultErrorHandler()),
            *(HTTPRedirectHandler(), HTTPErrorProcessor()),
        ):
            self._opener.add_handler(handler)
        self._opener.addheaders = [("User-Agent", f"offset/{__version__}")]

    def read(self, path: str, largest: int) -> bytes | None:
        """Fetch a file; see `Source`."""
        request = Request(f"{self._prefix}/{path}")  # noqa: S310  # the opener has no other schemes
        end_s = time.monotonic() + LARGEST_WAIT_S
        data = b""
        try:
            with self._opener.open(request, timeout=PATIENCE_S) as answer:
                while piece := answer.read1(min(_PIECE, largest + 1 - len(data))):
                    data += piece
                    if time.monotonic() > end_s:
                        raise LogUnreachable(f"{path}: does not end within {LARGEST_WAIT_S} s")
                expected = answer.headers["Content-Length"]
        except HTTPError as error:
            if error.code in _GONE:
                return None
            raise LogUnreachable(f"{path}: the server answers {error.code}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise LogUnreachable(f"{path}: cannot be fetched: {error}") from None
        if expected is not None and len(data) < min(int(expected), largest):
            raise LogUnreachable(f"{path}: the connection broke off")
        return _bounded(path, data, largest)


def source_of(place: str) -> Source:
    """Give the source at a URL or in a folder.

    Raises:
        Unfit: there is no such folder, or the URL is not one of http or https.
    """
    scheme = urlsplit(place).scheme if "://" in place else ""
    if scheme in ("http", "https"):
        return Site(place)
    if scheme:
        raise Unfit(f"{place}: a log is read from http, https or a folder")
    if not Path(place).is_dir():
        raise Unfit(f"there is no folder {place}")
    return Folder(Path(place))


def _bounded(path: str, data: bytes, largest: int) -> bytes:
    if len(data) > largest:
        raise LogMalformed(f"{path}: is larger than {largest} bytes")
    return data


def read_tile(source: Source, tile: Tile) -> bytes:
    """Read a tile's hashes, as many as its width.

    A partial tile may be gone once the full one is there (tlog-tiles), which begins with it.

    Raises:
        LogMalformed: it is not there, or has another width.
        LogUnreachable: as `Source.read`.
    """
    data = source.read(tile.path, LARGEST_TILE)
    if data is None and tile.width < TILE_WIDTH:
        full = source.read(Tile(tile.level, tile.index, TILE_WIDTH).path, LARGEST_TILE)
        data = full if full is None else full[: tile.width * HASH_SIZE]
    if data is None:
        raise LogMalformed(f"{tile.path}: is not there")
    if len(data) != tile.width * HASH_SIZE:
        raise LogMalformed(f"{tile.path}: has {len(data)} bytes, not {tile.width * HASH_SIZE}")
    return data


def read_entries(source: Source, bundle: Bundle) -> list[bytes]:
    """Read a bundle's entries, as many as its width; of a full one where the partial is gone.

    Raises:
        LogMalformed: it is not there, or is not so many entries.
        LogUnreachable: as `Source.read`.
    """
    data = source.read(bundle.path, LARGEST_BUNDLE)
    if data is not None:
        return read_bundle(bundle, data)
    full = Bundle(bundle.index, TILE_WIDTH)
    data = source.read(full.path, LARGEST_BUNDLE) if bundle.width < TILE_WIDTH else None
    if data is None:
        raise LogMalformed(f"{bundle.path}: is not there")
    return read_bundle(full, data)[: bundle.width]
