"""The log's tables: tiles, the integrated size and root, checkpoints, keys, cosignatures."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, tuple_, update

from offset.core.errors import LogMalformed, TileNotFound
from offset.core.merkle import EMPTY_ROOT, HASH_SIZE
from offset.core.notes import Note, Signature, VerifierKey, read_note, read_vkey
from offset.core.tiles import TILE_WIDTH, Bundle, Edge, Tile, TileReader, bundle_bytes, edge_tiles
from offset.database import Database
from offset.models import (
    events,
    log_checkpoints,
    log_cosignatures,
    log_keys,
    log_state,
    log_tiles,
)

_LEAVES_AT_A_TIME: Final = 2_000


class Tree(NamedTuple):
    """The integrated part of the ledger: how many events, and their root."""

    size: int
    root: bytes


def tree_of(connection: Connection) -> Tree:
    """Read the integrated size and root; an empty tree where nothing was integrated."""
    row = connection.execute(select(log_state.c.size, log_state.c.root)).first()
    return Tree(0, EMPTY_ROOT) if row is None else Tree(row.size, bytes(row.root))


def move_tree(connection: Connection, before: Tree, after: Tree) -> bool:
    """Set size and root if they are still `before`; tell whether they were."""
    if before.size == 0:
        found = connection.execute(select(func.count()).select_from(log_state)).scalar_one()
        if not found:
            connection.execute(insert(log_state).values(id=1, size=after.size, root=after.root))
            return True
    changed = connection.execute(
        update(log_state)
        .where(log_state.c.size == before.size, log_state.c.root == before.root)
        .values(size=after.size, root=after.root)
    )
    return changed.rowcount == 1


def stored_hashes(connection: Connection, level: int, index: int) -> bytes:
    """Read the hashes that a tile has so far; none where there is no such tile."""
    stored = connection.execute(
        select(log_tiles.c.hashes).where(log_tiles.c.level == level, log_tiles.c.tile == index)
    ).scalar_one_or_none()
    return b"" if stored is None else bytes(stored)


def tile_bytes(connection: Connection, tile: Tile) -> bytes:
    """Read a tile's hashes, exactly as many as its width.

    Raises:
        TileNotFound: it is not there, or not yet so wide.
    """
    return _cut(tile, stored_hashes(connection, tile.level, tile.index))


def fetched(connection: Connection, tiles: Sequence[Tile]) -> TileReader:
    """Read some tiles together, to be looked at one by one.

    The reader raises:
        TileNotFound: a tile is not there, or not yet so wide.
    """
    places = [(tile.level, tile.index) for tile in tiles]
    asked = select(log_tiles).where(tuple_(log_tiles.c.level, log_tiles.c.tile).in_(places))
    stored = {(row.level, row.tile): bytes(row.hashes) for row in connection.execute(asked)}

    def read(tile: Tile) -> bytes:
        return _cut(tile, stored.get((tile.level, tile.index), b""))

    return read


def _cut(tile: Tile, stored: bytes) -> bytes:
    wanted = tile.width * HASH_SIZE
    if len(stored) < wanted:
        raise TileNotFound(f"{tile.path}: not in this log")
    return stored[:wanted]


def write_tiles(
    database: Database, connection: Connection, size: int, tiles: Sequence[tuple[Tile, bytes]]
) -> None:
    """Store the tiles that appending to a tree of `size` leaves has made wider.

    A wider tile takes the place of the narrower one that it begins with.
    """
    partial = {(tile.level, tile.index) for tile in edge_tiles(size)}
    new: list[tuple[int, int, bytes]] = []
    for tile, hashes in tiles:
        if (tile.level, tile.index) not in partial:
            new.append((tile.level, tile.index, hashes))
            continue
        connection.execute(
            update(log_tiles)
            .where(log_tiles.c.level == tile.level, log_tiles.c.tile == tile.index)
            .values(hashes=hashes)
        )
    database.insert(connection, log_tiles, new)


def load_edge(connection: Connection, tree: Tree) -> Edge:
    """Read the right edge of the integrated tree.

    Raises:
        LogMalformed: the tiles are not those of the root: they were changed.
    """
    try:
        edge = Edge.load(tree.size, lambda tile: tile_bytes(connection, tile))
        root = edge.root
    except TileNotFound as missing:
        raise LogMalformed(f"the log's tiles: {missing.detail}") from None
    if root != tree.root:
        raise LogMalformed(f"the log's tiles do not make the root of size {tree.size}")
    return edge


def leaves(connection: Connection, first: int, end: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Walk (position, leaf, leaf hash) of the events `first` to `end`, the last one excluded."""
    for start in range(first, end, _LEAVES_AT_A_TIME):
        rows = connection.execute(
            select(events.c.position, events.c.leaf, events.c.leaf_hash)
            .where(events.c.position >= start)
            .where(events.c.position < min(start + _LEAVES_AT_A_TIME, end))
            .order_by(events.c.position)
        )
        for position, leaf, hashed in rows.all():
            yield position, bytes(leaf), bytes(hashed)


def bundle_of(connection: Connection, bundle: Bundle) -> bytes:
    """Write an entry bundle of integrated events.

    Raises:
        TileNotFound: the log does not have all of them.
    """
    first = bundle.index * TILE_WIDTH
    end = first + bundle.width
    if end > tree_of(connection).size:
        raise TileNotFound(f"{bundle.path}: not in this log")
    return bundle_bytes(leaf for _, leaf, _ in leaves(connection, first, end))


def newest_checkpoint(connection: Connection, *, at_most: int | None = None) -> Note | None:
    """Read the newest signed checkpoint with its cosignatures; None before the first."""
    asked = select(log_checkpoints).order_by(log_checkpoints.c.size.desc()).limit(1)
    if at_most is not None:
        asked = asked.where(log_checkpoints.c.size <= at_most)
    row = connection.execute(asked).first()
    if row is None:
        return None
    note = read_note(row.note.encode())
    more = connection.execute(
        select(log_cosignatures.c.line)
        .where(log_cosignatures.c.size == row.size)
        .order_by(log_cosignatures.c.name)
    ).scalars()
    lines = "".join(more)
    return read_note(note.encode() + lines.encode()) if lines else note


def keys_of(connection: Connection) -> list[VerifierKey]:
    """List the public keys that the log signs with, newest first."""
    asked = select(log_keys.c.vkey).order_by(log_keys.c.added_at_us.desc(), log_keys.c.vkey)
    return [read_vkey(vkey) for vkey in connection.execute(asked).scalars()]


def is_signed(database: Database) -> bool:
    """Check whether the log was ever signed: it has keys or checkpoints."""
    with database.reading() as connection:
        return any(
            connection.execute(select(column).limit(1)).first() is not None
            for column in (log_keys.c.vkey, log_checkpoints.c.size)
        )


def add_cosignature(connection: Connection, size: int, signature: Signature) -> None:
    """Keep a witness's cosignature of the checkpoint of a size, in place of an older one."""
    name = signature.name
    where = (log_cosignatures.c.size == size, log_cosignatures.c.name == name)
    changed = connection.execute(update(log_cosignatures).where(*where).values(line=signature.line))
    if not changed.rowcount:
        connection.execute(
            insert(log_cosignatures).values(size=size, name=name, line=signature.line)
        )


def witnessed_size(connection: Connection, name: str) -> int:
    """Give the size of the newest checkpoint that a witness cosigned; 0 before the first."""
    asked = select(func.max(log_cosignatures.c.size)).where(log_cosignatures.c.name == name)
    return int(connection.execute(asked).scalar_one() or 0)
