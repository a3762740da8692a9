"""The transparency log over committed events: what it serves."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import func, select

from offset.core.checkpoints import LogProof, read_checkpoint
from offset.core.errors import EventNotFound, NotPublished
from offset.core.merkle import (
    consistency_nodes,
    consistency_proof,
    inclusion_nodes,
    inclusion_proof,
)
from offset.core.notes import Note, VerifierKey
from offset.core.tiles import Bundle, Tile, tile_nodes, tiles_of
from offset.database import Database
from offset.log.store import (
    bundle_of,
    fetched,
    keys_of,
    leaves,
    newest_checkpoint,
    stored_hashes,
    tile_bytes,
    tree_of,
)
from offset.models import events, log_checkpoints


class Log:
    """What the log serves: proofs from the newest checkpoint. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def checkpoint(self) -> Note:
        """Give the newest checkpoint, with what witnesses said of it.

        Raises:
            NotPublished: there is none yet.
        """
        with self._database.reading() as connection:
            note = newest_checkpoint(connection)
        if note is None:
            raise NotPublished("the log has no checkpoint yet")
        return note

    def size(self) -> int:
        """Give the size of the newest checkpoint; 0 before the first."""
        with self._database.reading() as connection:
            newest = connection.execute(select(func.max(log_checkpoints.c.size))).scalar_one()
        return int(newest or 0)

    def keys(self) -> list[VerifierKey]:
        """List the public keys that the log has signed with, newest first."""
        with self._database.reading() as connection:
            return keys_of(connection)

    def file(self, tile: Tile | Bundle) -> bytes:
        """Give a tile's hashes or a bundle's entries.

        Raises:
            TileNotFound: the log has no such one, or not so much of it yet.
        """
        with self._database.reading() as connection:
            if isinstance(tile, Tile):
                return tile_bytes(connection, tile)
            return bundle_of(connection, tile)

    def position_of(self, event_id: str) -> int:
        """Find the position of an event.

        Raises:
            EventNotFound: the ledger has no such event.
        """
        missing = EventNotFound(f"event {event_id}: not in this ledger", event_id=event_id)
        try:
            wanted = UUID(event_id).bytes
        except ValueError:
            raise missing from None
        with self._database.reading() as connection:
            asked = select(events.c.position).where(events.c.id == wanted)
            position = connection.execute(asked).scalar_one_or_none()
        if position is None:
            raise missing
        return int(position)

    def proof(self, position: int) -> LogProof:
        """Prove the event at a position, with its leaf in the proof.

        Raises:
            EventNotFound: the ledger has no such event.
            NotPublished: no checkpoint covers it yet.
        """
        with self._database.reading() as connection:
            leaf = connection.execute(
                select(events.c.leaf).where(events.c.position == position)
            ).scalar_one_or_none()
            if leaf is None:
                raise EventNotFound(f"event at position {position}: not in this ledger")
            note = newest_checkpoint(connection)
            size = 0 if note is None else read_checkpoint(note.text).size
            if note is None or position >= size:
                raise NotPublished(
                    f"event at position {position}: not in a checkpoint yet", position=position
                )
            read = fetched(connection, tiles_of(inclusion_nodes(position, size), size))
            hashes = inclusion_proof(position, size, tile_nodes(read, size))
        return LogProof(index=position, hashes=tuple(hashes), checkpoint=note, extra=bytes(leaf))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Prove that the tree of `new` leaves begins with that of `old` leaves.

        Raises:
            NotPublished: the log is not so large yet.
        """
        with self._database.reading() as connection:
            size = tree_of(connection).size
            if new > size:
                raise NotPublished(f"the log has {size} events, not {new}", size=size)
            read = fetched(connection, tiles_of(consistency_nodes(old, new), new))
            return consistency_proof(old, new, tile_nodes(read, new))


class LogFiles:
    """The log as files, for a static copy: what `offset.logexport` reads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._log = Log(database)

    def checkpoint(self) -> bytes:
        """Give the newest signed checkpoint."""
        return self._log.checkpoint().encode()

    def vkey(self) -> str:
        """Give the keys that have signed, one a line, the newest first."""
        keys = self._log.keys()
        return "\n".join(key.vkey for key in keys)

    def hashes(self, level: int, index: int) -> bytes:
        """Give a tile's hashes, as many as there are."""
        with self._database.reading() as connection:
            return stored_hashes(connection, level, index)

    def leaves(self, first: int, end: int) -> Iterator[bytes]:
        """Walk the leaves from `first` up to `end`."""
        with self._database.reading(patiently=True) as connection:
            for _, leaf, _ in leaves(connection, first, end):
                yield leaf
