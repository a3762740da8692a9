"""Whether the log's tables are what the ledger's events make: every tile, root and checkpoint."""

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, func, select

from offset.core.checkpoints import read_checkpoint, verify_checkpoint
from offset.core.errors import OffsetError
from offset.core.merkle import EMPTY_ROOT, leaf_hash
from offset.core.notes import VerifierKey, read_note
from offset.core.tiles import Edge, Tile, edge_tiles, tiles_at
from offset.log.store import keys_of, leaves, stored_hashes, tree_of
from offset.models import log_checkpoints, log_cosignatures, log_tiles

_LEAVES_AT_A_TIME = 65_536


def check_log(connection: Connection, origin: str | None, differs: Callable[[str], None]) -> None:
    """Make the tree anew from the events, and compare; `differs` is told each difference."""
    tree = tree_of(connection)
    keys = list(_keys(connection, differs))
    edge = Edge()
    for end in sorted({*_sizes(connection, tree.size), tree.size}):
        while edge.size < end:
            stop = min(end, edge.size + _LEAVES_AT_A_TIME)
            hashes = [leaf_hash(leaf) for _, leaf, _ in leaves(connection, edge.size, stop)]
            if len(hashes) < stop - edge.size:
                differs(f"log_state: {tree.size} events are in the log, the ledger has fewer")
                return
            edge, wider = edge.append(hashes)
            _compare_tiles(connection, [one for one in wider if one[0].width == 256], differs)
        _compare_checkpoint(connection, edge, origin, keys, differs)
    _compare_tiles(
        connection, [(tile, edge.partial[tile.level]) for tile in edge_tiles(edge.size)], differs
    )
    if (edge.root if edge.size else EMPTY_ROOT) != tree.root:
        differs(f"log_state: its root of size {tree.size} is not that of the events")
    stored = connection.execute(select(func.count()).select_from(log_tiles)).scalar_one()
    expected = sum(1 for _ in tiles_at(tree.size))
    if stored != expected:
        differs(f"log_tiles: {stored} tiles, the log has {expected}")
    beyond = connection.execute(
        select(func.count()).select_from(log_checkpoints).where(log_checkpoints.c.size > tree.size)
    ).scalar_one()
    if beyond:
        differs(f"log_checkpoints: {beyond} are of more events than the log has")
    _check_cosignatures(connection, differs)


def _check_cosignatures(connection: Connection, differs: Callable[[str], None]) -> None:
    """Find what witnesses signed of checkpoints that are not there any more."""
    kept = select(log_checkpoints.c.size)
    count, first = connection.execute(
        select(func.count(), func.min(log_cosignatures.c.size)).where(
            log_cosignatures.c.size.not_in(kept)
        )
    ).one()
    if count:
        differs(f"log_cosignatures: {count} are of no checkpoint, the first has size {first}")


def _sizes(connection: Connection, size: int) -> list[int]:
    asked = select(log_checkpoints.c.size).where(log_checkpoints.c.size <= size)
    return list(connection.execute(asked.order_by(log_checkpoints.c.size)).scalars())


def _keys(connection: Connection, differs: Callable[[str], None]) -> Iterator[VerifierKey]:
    try:
        yield from keys_of(connection)
    except OffsetError as error:
        differs(f"log_keys: {error.detail}")


def _compare_tiles(
    connection: Connection, tiles: list[tuple[Tile, bytes]], differs: Callable[[str], None]
) -> None:
    for tile, hashes in tiles:
        if stored_hashes(connection, tile.level, tile.index) != hashes:
            differs(f"log_tiles: {tile.path} is not what the events make")


def _compare_checkpoint(
    connection: Connection,
    edge: Edge,
    origin: str | None,
    keys: list[VerifierKey],
    differs: Callable[[str], None],
) -> None:
    asked = select(log_checkpoints.c.note).where(log_checkpoints.c.size == edge.size)
    text = connection.execute(asked).scalar_one_or_none()
    if text is None:
        return
    where = f"log_checkpoints: size {edge.size}"
    try:
        note = read_note(text.encode())
        checkpoint = read_checkpoint(note.text)
        if (checkpoint.origin, checkpoint.size, checkpoint.root) != (
            *(origin, edge.size, edge.root),
        ):
            differs(f"{where}: it is not of the tree that the events make")
        names = {signature.key_id for signature in note.signatures}
        signers = [key for key in keys if key.key_id in names]
        if len(signers) != len(names):
            differs(f"{where}: a key that the log does not have has signed it")
        for key in signers:
            verify_checkpoint(note, key)
        lines = select(log_cosignatures.c.line).where(log_cosignatures.c.size == edge.size)
        for line in connection.execute(lines).scalars():
            read_note(f"{note.text}\n{line}".encode())
    except (OffsetError, UnicodeEncodeError, AttributeError) as error:
        differs(f"{where}: {error}")
