"""The tree as files: which tile has what, appending to the right edge, and the paths."""

from collections.abc import Iterable
from hashlib import sha256

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from offset.core.errors import LogMalformed, TileNotFound
from offset.core.merkle import (
    Node,
    consistency_nodes,
    consistency_proof,
    inclusion_nodes,
    inclusion_proof,
    leaf_nodes,
    tree_root,
)
from offset.core.tiles import (
    Bundle,
    Edge,
    Tile,
    bundle_bytes,
    edge_tiles,
    read_bundle,
    read_tile_path,
    tile_nodes,
    tile_of,
    tile_width,
    tiles_at,
    tiles_of,
)

LEAVES = [sha256(n.to_bytes(4, "big")).digest() for n in range(66_200)]
READ = leaf_nodes(LEAVES)

PATHS: dict[str, Tile | Bundle] = {
    "tile/0/000": Tile(0, 0, 256),
    "tile/0/000.p/1": Tile(0, 0, 1),
    "tile/1/067.p/255": Tile(1, 67, 255),
    "tile/0/x001/000": Tile(0, 1000, 256),
    "tile/0/x001/x234/067": Tile(0, 1234067, 256),
    "tile/63/x001/x234/067.p/12": Tile(63, 1234067, 12),
    "tile/entries/000": Bundle(0, 256),
    "tile/entries/x001/x234/067.p/12": Bundle(1234067, 12),
}
NO_PATHS = [
    *("", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000"),
    *("tile/0/x000/001", "tile/0/x001", "tile/0/001/002", "tile/0/x001/x002", "tile/0/X001/002"),
    *("tile/00/000", "tile/01/000", "tile/64/000", "tile/-1/000", "tile/x/000", "tile/0/-01"),
    *("tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p/256"),
    *("tile/0/000.p/1000", "tile/0/000.p/1/", "tile/0/000/", "/tile/0/000", "tile/0/000\n"),
    *("tile/8/0/000", "tile/data/000", "tile/Entries/000", "tile/entries/0", "tile/0/٠٠٠"),
    *("tile/0/..", "tile/0/" + "x001/" * 7 + "001", "tile/0/000.p/٣", "tile/٣/000"),
]


class Store:
    """A log's tiles as a publisher keeps them: one for a place, the widest."""

    def __init__(self) -> None:
        self.edge = Edge()
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.asked: list[Tile] = []

    def append(self, leaf_hashes: list[bytes]) -> None:
        self.edge, wider = self.edge.append(leaf_hashes)
        for tile, hashes in wider:
            known = self.tiles.get((tile.level, tile.index), b"")
            assert len(hashes) == 32 * tile.width > len(known)
            assert hashes.startswith(known)
            self.tiles[tile.level, tile.index] = hashes

    def read(self, tile: Tile) -> bytes:
        self.asked.append(tile)
        return self.tiles[tile.level, tile.index]

    def widths(self) -> set[Tile]:
        return {Tile(*place, len(hashes) // 32) for place, hashes in self.tiles.items()}


def store_of(size: int, chunks: Iterable[int] = ()) -> Store:
    store = Store()
    ends = [*sorted({end for end in chunks if end < size}), size]
    for start, end in zip([0, *ends], ends, strict=False):
        store.append(LEAVES[start:end])
    return store


LARGE = store_of(len(LEAVES))  # its tiles are on three levels


# Paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_written_and_read_as_the_specification_says(path: str) -> None:
    assert PATHS[path].path == path
    assert read_tile_path(path) == PATHS[path]


@pytest.mark.parametrize("path", NO_PATHS)
def test_no_other_path_names_a_tile(path: str) -> None:
    with pytest.raises(TileNotFound):
        read_tile_path(path)


@given(
    level=st.one_of(st.none(), st.integers(0, 63)),
    index=st.integers(0, 2**63 - 1),
    width=st.integers(1, 256),
)
def test_every_tile_has_a_path_of_its_own(level: int | None, index: int, width: int) -> None:
    if level is None:
        assert read_tile_path(Bundle(index, width).path) == Bundle(index, width)
        return
    tile = Tile(level, index, width)
    assert read_tile_path(tile.path) == tile


@settings(max_examples=50)
@given(st.from_regex(r"tile/(entries|[0-9]{1,2})/(x?[0-9]{2,4}/?){1,4}(\.p/[0-9]{1,3})?"))
def test_a_path_is_read_only_as_it_would_be_written(path: str) -> None:
    try:
        tile = read_tile_path(path)
    except TileNotFound:
        return
    assert tile.path == path


# Which tiles there are ------------------------------------------------------------------------


def test_the_specifications_example_tree_has_its_tiles() -> None:
    # tlog-tiles, "Partial Tiles": 273 full and one partial tile, one full and one partial, one.
    tiles = list(tiles_at(70_000))
    assert [tile for tile in tiles if tile.level == 0] == [
        *(Tile(0, index, 256) for index in range(273)),
        Tile(0, 273, 112),
    ]
    assert tiles[274:] == [Tile(1, 0, 256), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert edge_tiles(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(tiles_at(256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    assert edge_tiles(256) == [Tile(1, 0, 1)]
    assert list(tiles_at(0)) == edge_tiles(0) == []


def test_a_tile_outside_the_tree_has_no_hashes() -> None:
    assert [tile_width(0, index, 300) for index in range(4)] == [256, 44, 0, 0]
    assert [tile_width(level, 0, 300) for level in range(4)] == [256, 1, 0, 0]


def test_a_node_is_in_the_tile_of_its_level() -> None:
    assert tile_of(Node(0, 255), 300) == Tile(0, 0, 256)
    assert tile_of(Node(3, 32), 300) == Tile(0, 1, 44)
    assert tile_of(Node(7, 1), 300) == Tile(0, 0, 256)
    assert tile_of(Node(8, 0), 300) == Tile(1, 0, 1)


@given(data=st.data(), size=st.integers(1, 2**40))
def test_a_proof_needs_at_most_two_tiles_of_a_level(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    there = {tile.level: tile.index for tile in edge_tiles(size)}
    for proof in (inclusion_nodes(index, size), consistency_nodes(old, size)):
        tiles = tiles_of(proof, size)
        assert len(tiles) <= 2 * -(-size.bit_length() // 8)
        assert all(tile.width == 256 or there[tile.level] == tile.index for tile in tiles)


# Appending ------------------------------------------------------------------------------------


@given(
    size=st.integers(0, 1200),
    chunks=st.lists(st.one_of(st.integers(0, 1200), st.sampled_from([255, 256, 257, 512]))),
)
@example(size=66_200, chunks=[1, 65_535, 65_536, 65_537])
def test_appending_in_any_chunks_is_appending_at_once(size: int, chunks: list[int]) -> None:
    store, whole = store_of(size, chunks), store_of(size)
    assert store.edge == whole.edge == Edge.load(size, whole.read)
    assert store.tiles == whole.tiles
    assert store.widths() == set(tiles_at(size))
    assert store.edge.root == tree_root(size, READ)
    assert store.edge.size == size


def test_the_hashes_of_a_tile_are_those_of_its_definition() -> None:
    for tile in tiles_at(len(LEAVES)):
        if tile.level or tile.index in (0, 1, 200, 258):
            first = tile.index * 256
            nodes = (Node(8 * tile.level, first + i) for i in range(tile.width))
            assert LARGE.tiles[tile.level, tile.index] == b"".join(map(READ, nodes))


def test_appending_nothing_changes_nothing() -> None:
    assert Edge().append([]) == (Edge(), [])
    assert LARGE.edge.append([]) == (LARGE.edge, [])


def test_only_tiles_that_become_wider_are_given() -> None:
    edge, wider = store_of(300).edge.append(LEAVES[300:302])
    assert [tile for tile, _ in wider] == [Tile(0, 1, 46)]
    edge, wider = edge.append(LEAVES[302:513])
    assert [tile for tile, _ in wider] == [Tile(0, 1, 256), Tile(0, 2, 1), Tile(1, 0, 2)]
    assert edge.root == tree_root(513, READ)


@pytest.mark.parametrize("leaf", [b"", bytes(31), bytes(33)])
def test_what_is_no_hash_is_not_appended(leaf: bytes) -> None:
    with pytest.raises(AssertionError, match="32 bytes"):
        Edge().append([leaf])


# Proofs from tiles ----------------------------------------------------------------------------


@given(size=st.integers(1, 1200), index=st.integers(0, 1199), old=st.integers(0, 1199))
@example(size=65_536, index=300, old=65_534)
@example(size=65_537, index=65_536, old=65_535)
@example(size=66_200, index=65_900, old=65_537)
def test_proofs_from_tiles_are_those_from_all_leaves(size: int, index: int, old: int) -> None:
    # The store is one of a larger tree: its tiles are read as the narrower ones they were.
    index, old = index % size, old % size + 1
    nodes = tile_nodes(LARGE.read, size)
    LARGE.asked.clear()
    assert inclusion_proof(index, size, nodes) == inclusion_proof(index, size, READ)
    assert sorted(set(LARGE.asked)) == tiles_of(inclusion_nodes(index, size), size)
    LARGE.asked.clear()
    assert consistency_proof(old, size, nodes) == consistency_proof(old, size, READ)
    assert sorted(set(LARGE.asked)) == tiles_of(consistency_nodes(old, size), size)
    assert tree_root(size, nodes) == tree_root(size, READ)
    assert all(tile.width == tile_width(tile.level, tile.index, size) for tile in LARGE.asked)


def test_a_tile_that_is_too_narrow_is_refused() -> None:
    tiles = {**LARGE.tiles, (0, 0): LARGE.tiles[0, 0][:-1]}
    nodes = tile_nodes(lambda tile: tiles[tile.level, tile.index], 300)
    with pytest.raises(LogMalformed, match="tile/0/000: has 8191 bytes, not 8192"):
        inclusion_proof(5, 300, nodes)
    with pytest.raises(LogMalformed, match=r"tile/0/001\.p/44: has 32 bytes, not 1408"):
        Edge.load(300, {Tile(0, 1, 44): bytes(32)}.__getitem__)


# Entry bundles --------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
@example([b"", bytes(65_535)])
def test_a_bundle_has_its_entries(entries: list[bytes]) -> None:
    data = bundle_bytes(entries)
    assert read_bundle(Bundle(0, len(entries)), data) == entries
    assert len(data) == sum(map(len, entries)) + 2 * len(entries)


def test_a_bundle_is_written_as_the_specification_says() -> None:
    assert bundle_bytes([b"ab", b"", bytes(258)]) == b"\0\2ab\0\0\1\2" + bytes(258)


@pytest.mark.parametrize("data", [b"", b"\0\1a", b"\0\1a\0\1", b"\0\1a\0", b"\0\1a\0\1bc"])
def test_a_bundle_of_other_bytes_than_its_entries_is_refused(data: bytes) -> None:
    with pytest.raises(LogMalformed, match=r"tile/entries/000\.p/2"):
        read_bundle(Bundle(0, 2), data)
