"""A log's tree and entries as files: the tiles and entry bundles of C2SP's tlog-tiles.

Tile n of level l has the hashes MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])
for i from 0 to 255, joined; the last one of a level may have fewer. Nothing is ever replaced by
other hashes: a wider tile begins with the narrower one, so one stored tile serves every width up
to its own.

The rest follows the specification's words; its paths are below the log's URL prefix:
`tile/1/x001/067`, `tile/0/x001/234.p/17`, `tile/entries/000.p/5`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from offset.core.errors import LogMalformed, TileNotFound
from offset.core.merkle import HASH_SIZE, Node, NodeReader, complete_hash, tree_root

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT  # hashes, or entries of a bundle

_FULL_SIZE: Final = TILE_WIDTH * HASH_SIZE  # bytes
_TILES: Final = 2**63  # of a level: more than a tree can have, and what a database can look for
_PATH: Final = re.compile(
    r"tile/(?:entries|(?P<level>[0-9]|[1-5][0-9]|6[0-3]))"
    r"/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Which tile, and how many hashes of it: 256 are a full one."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it is served, below the log's prefix."""
        return f"tile/{self.level}/{_numbered(self.index, self.width)}"


@dataclass(frozen=True, slots=True, order=True)
class Bundle:
    """Which entry bundle, and how many entries of it: 256 are a full one."""

    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it is served, below the log's prefix."""
        return f"tile/entries/{_numbered(self.index, self.width)}"


TileReader = Callable[[Tile], bytes]
"""Gives a tile's hashes, joined: as many as its width, or more that follow in the same tile."""


def _numbered(index: int, width: int) -> str:
    """Write `x001/x234/067` for 1234067, and `.p/5` behind it for a partial one."""
    *groups, last = re.findall("[0-9]{3}", f"{index:0{3 * -(-len(str(index)) // 3)}d}")
    path = "".join(f"x{group}/" for group in groups) + last
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def read_tile_path(path: str) -> Tile | Bundle:
    """Read the path of a tile or an entry bundle, as it stands behind the log's prefix.

    Raises:
        TileNotFound: no tile has a path like this; not even `x000/001` is one.
    """
    found = _PATH.fullmatch(path)
    if found is not None:
        level, index = found["level"], int(re.sub("[x/]", "", found["index"]))
        width = int(found["width"] or TILE_WIDTH)
        tile = Bundle(index, width) if level is None else Tile(int(level), index, width)
        if tile.path == path and width <= TILE_WIDTH and index < _TILES:
            return tile
    raise TileNotFound("no tile and no entry bundle has this path")


# Which tile has what -------------------------------------------------------------------------


def tile_width(level: int, index: int, size: int) -> int:
    """Count the hashes that a tile has in a tree of `size` leaves; 0 if it has no such tile.

    The same for an entry bundle is level 0.
    """
    hashes = (size >> TILE_HEIGHT * level) - TILE_WIDTH * index
    return max(0, min(TILE_WIDTH, hashes))


def tiles_at(size: int) -> Iterator[Tile]:
    """List all tiles of a tree of `size` leaves, lowest level first."""
    for level in range(_levels(size)):
        hashes = size >> TILE_HEIGHT * level
        for index in range(-(-hashes // TILE_WIDTH)):
            yield Tile(level, index, tile_width(level, index, size))


def edge_tiles(size: int) -> list[Tile]:
    """List the partial tiles of a tree of `size` leaves, lowest level first."""
    tiles = []
    for level in range(_levels(size)):
        index, width = divmod(size >> TILE_HEIGHT * level, TILE_WIDTH)
        if width:
            tiles.append(Tile(level, index, width))
    return tiles


def _levels(size: int) -> int:
    """Count the levels of tiles that a tree of `size` leaves has."""
    return -(-size.bit_length() // TILE_HEIGHT)


def tile_of(node: Node, size: int) -> Tile:
    """Find the tile of a tree of `size` leaves that has a node, or the hashes it is made of."""
    level, height = divmod(node.level, TILE_HEIGHT)
    index = node.index << height >> TILE_HEIGHT
    return Tile(level, index, tile_width(level, index, size))


def tiles_of(proof: Iterable[Iterable[Node]], size: int) -> list[Tile]:
    """List the tiles that a root or a proof is made from, each once, to be fetched together."""
    return sorted({tile_of(node, size) for nodes in proof for node in nodes})


def tile_nodes(read: TileReader, size: int) -> NodeReader:
    """Read nodes from the tiles of a tree of `size` leaves.

    The reader raises:
        LogMalformed: a tile has fewer hashes than its width.
    """

    def read_node(node: Node) -> bytes:
        tile = tile_of(node, size)
        hashes = read(tile)
        _check_width(tile, hashes)
        height = node.level % TILE_HEIGHT
        start = (node.index << height) % TILE_WIDTH
        return complete_hash(hashes[start * HASH_SIZE : (start + (1 << height)) * HASH_SIZE])

    return read_node


def _check_width(tile: Tile, hashes: bytes) -> None:
    if len(hashes) < tile.width * HASH_SIZE:
        raise LogMalformed(f"{tile.path}: has {len(hashes)} bytes, not {tile.width * HASH_SIZE}")


# Appending -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree, all that is needed to append to it: its partial tiles.

    `partial` has the joined hashes of each level's partial tile, lowest first; of a level whose
    tiles are all full, none.
    """

    size: int = 0
    partial: tuple[bytes, ...] = ()

    @classmethod
    def load(cls, size: int, read: TileReader) -> Self:
        """Take the edge of a tree from its tiles: `edge_tiles(size)`.

        Raises:
            LogMalformed: a tile has fewer hashes than its width.
        """
        partial = [b""] * _levels(size)
        for tile in edge_tiles(size):
            hashes = read(tile)
            _check_width(tile, hashes)
            partial[tile.level] = hashes[: tile.width * HASH_SIZE]
        return cls(size, tuple(partial))

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        return tree_root(self.size, tile_nodes(lambda tile: self.partial[tile.level], self.size))

    def append(self, leaf_hashes: Sequence[bytes]) -> tuple["Edge", list[tuple[Tile, bytes]]]:
        """Append leaves: the new edge, and every tile that has become wider, with its hashes."""
        new = b"".join(leaf_hashes)
        assert len(new) == HASH_SIZE * len(leaf_hashes), "a leaf hash has 32 bytes"
        partial: list[bytes] = []
        wider: list[tuple[Tile, bytes]] = []
        while new:
            level = len(partial)
            hashes = b"".join([*self.partial[level : level + 1], new])
            first = self.size >> TILE_HEIGHT * (level + 1)
            whole = len(hashes) - len(hashes) % _FULL_SIZE
            full = [hashes[at : at + _FULL_SIZE] for at in range(0, whole, _FULL_SIZE)]
            rest = hashes[whole:]
            wider += [(Tile(level, first + n, TILE_WIDTH), tile) for n, tile in enumerate(full)]
            if rest:
                width = len(rest) // HASH_SIZE
                wider.append((Tile(level, first + len(full), width), rest))
            partial.append(rest)
            new = b"".join([complete_hash(tile) for tile in full])
        partial += self.partial[len(partial) :]
        return Edge(self.size + len(leaf_hashes), tuple(partial)), wider


# Entries -------------------------------------------------------------------------------------


def bundle_bytes(entries: Iterable[bytes]) -> bytes:
    """Write an entry bundle: each entry behind its length in two bytes, so 65,535 at most."""
    pieces = []
    for entry in entries:
        pieces += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(pieces)


def read_bundle(bundle: Bundle, data: bytes) -> list[bytes]:
    """Read the entries of an entry bundle: exactly as many as its width.

    Raises:
        LogMalformed: it ends within an entry, or has another number of them.
    """
    entries = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data) or len(entries) != bundle.width:
        raise LogMalformed(
            f"{bundle.path}: {len(data)} bytes, which are not {bundle.width} entries"
        )
    return entries
