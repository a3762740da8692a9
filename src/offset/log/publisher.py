"""The one publisher of the transparency log over committed events.

Publishing has two steps. Integrating reads the events after the last integrated one, writes the
tiles that they widen, and moves (size, root) by compare and swap, in one transaction. Only when
that is committed is the tree signed: a crash between the two repeats a signature that is always
the same, while the other order could publish a tree that the database never had.
"""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from offset.core.checkpoints import Checkpoint, read_checkpoint
from offset.core.errors import (
    DatabaseUnavailable,
    LogCorrupt,
    LogMalformed,
    LogRolledBack,
    TileNotFound,
)
from offset.core.merkle import (
    leaf_hash,
    root_nodes,
    tree_root,
)
from offset.core.notes import Note, SigningKey
from offset.core.tiles import Edge, tile_nodes, tiles_of
from offset.database import Database
from offset.ledger import now_us
from offset.log.keys import KeyFile
from offset.log.store import (
    Tree,
    fetched,
    keys_of,
    leaves,
    load_edge,
    move_tree,
    newest_checkpoint,
    tree_of,
    write_tiles,
)
from offset.log.witnesses import Witnesses
from offset.models import ledger_head, log_checkpoints, log_keys
from offset.objections import DATABASE_ERRORS, Objection, objection

LARGEST_STEP: Final = 10_000  # events that one transaction integrates


class Publisher:
    """Integrates and signs. Processes may be many: one at a time gets to do it.

    `clock` gives microseconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        *,
        origin: str,
        key_file: KeyFile,
        witnesses: Witnesses | None = None,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self._database = database
        self._origin: Final = origin
        self._key_file = key_file
        self._keys: Sequence[SigningKey] = key_file.keys(origin)
        self._witnesses = witnesses
        self._clock = clock
        self._edge: Edge | None = None  # of the tree as this process left it
        self._witnessed = False

    def publish(self) -> Note | None:
        """Integrate all that is committed, and sign it; None if nothing was ever written.

        Raises:
            LogCorrupt: stored events or tiles are not what was integrated; nothing is signed.
            LogRolledBack: the database is older than what was signed before; nothing is signed.
            DatabaseUnavailable: the database did not take it; the next call goes on.
        """
        try:
            while self._integrate():
                pass
            return self._sign()
        except DATABASE_ERRORS as error:
            self._edge = None
            if objection(error) is Objection.LOST:  # a fault of ours is raised
                self._database.close()
            raise DatabaseUnavailable("the log was not published; the next try goes on") from error
        except (LogMalformed, TileNotFound) as error:
            raise LogCorrupt(f"the log's own tables: {error.detail}") from None

    # integrate ------------------------------------------------------------------------------

    def _integrate(self) -> bool:
        """Integrate some events; tell whether more are waiting."""
        # All that takes time is done before the ledger's writers have to wait.
        with self._database.reading() as connection:
            tree, head = tree_of(connection), _head(connection)
            if head < tree.size:
                raise LogRolledBack(
                    f"the ledger has {head} events, its log has {tree.size}: the database is older "
                    "than its log"
                )
            if head == tree.size:
                return False
            end = min(head, tree.size + LARGEST_STEP)
            edge, wider = self._load_edge(connection, tree).append(
                _hashes(connection, tree.size, end)
            )
        with self._database.writing() as connection:
            if not self._database.lock_publisher(connection):
                return False
            if tree_of(connection) != tree:  # another publisher was faster
                return True
            write_tiles(self._database, connection, tree.size, wider)
            if not move_tree(connection, tree, Tree(edge.size, edge.root)):
                raise LogCorrupt(f"another publisher moved the log from size {tree.size}")
            self._edge = None
        self._edge = edge
        return end < head

    def _load_edge(self, connection: Connection, tree: Tree) -> Edge:
        """Give the edge of the integrated tree, from the tiles where this process has another."""
        if self._edge is None or (self._edge.size, self._edge.root) != tree:
            self._edge = load_edge(connection, tree)
        return self._edge

    # sign -----------------------------------------------------------------------------------

    def _sign(self) -> Note | None:
        """Sign the committed tree, if it is not signed yet."""
        last = self._key_file.last_signed()  # first: what others sign meanwhile is in the database
        with self._database.reading() as connection:
            tree = tree_of(connection)
            newest = newest_checkpoint(connection)
            before = None if newest is None else _tree(newest)
            if before == tree and last == tree:
                return newest
            if last is not None:
                _check_goes_on(connection, tree, last, str(self._key_file.guard))
            if before is not None:
                _check_goes_on(connection, tree, before, "the newest checkpoint")
            if tree.size == 0 or before == tree:
                return newest
            self._load_edge(connection, tree)  # what is signed is what the tiles make
            known = {key.vkey for key in keys_of(connection)}
        self._ask_first(newest)
        self._key_file.remember(tree)
        checkpoint = Checkpoint(origin=self._origin, size=tree.size, root=tree.root)
        note = Note(
            text=checkpoint.text, signatures=tuple(key.sign(checkpoint.text) for key in self._keys)
        )
        self._keep(note, tree.size, {key.verifier.vkey for key in self._keys} - known)
        if self._witnesses is not None:
            self._witnessed = False
            self._witnesses.ask(note)
            self._witnessed = True
        return note

    def _ask_first(self, newest: Note | None) -> None:
        """Have witnesses judge the newest checkpoint: one that has seen more stops us."""
        if self._witnesses is not None and not self._witnessed and newest is not None:
            self._witnesses.ask(newest)
        self._witnessed = True

    def _keep(self, note: Note, size: int, new_keys: set[str]) -> None:
        """Keep a checkpoint for ever, with the keys that sign it for the first time."""
        text, at_us = note.encode().decode(), self._clock()
        try:
            with self._database.writing() as connection:
                for vkey in sorted(new_keys):
                    connection.execute(insert(log_keys).values(vkey=vkey, added_at_us=at_us))
                connection.execute(
                    insert(log_checkpoints).values(size=size, note=text, signed_at_us=at_us)
                )
        except IntegrityError:  # another process was first, with the same signature
            with self._database.reading() as connection:
                kept = newest_checkpoint(connection, at_most=size)
            if kept is None or kept.text != note.text:  # it has only the key yet
                raise


def _tree(note: Note) -> Tree:
    """Give the tree that a checkpoint is of."""
    checkpoint = read_checkpoint(note.text)
    return Tree(checkpoint.size, checkpoint.root)


def _check_goes_on(connection: Connection, tree: Tree, signed: Tree, where: str) -> None:
    """Refuse to sign a tree that does not go on from one that was signed.

    Raises:
        LogRolledBack: it does not; `where` says where the signed one is kept.
    """
    if tree.size < signed.size:
        raise LogRolledBack(
            f"the log has {tree.size} events, {signed.size} were signed: the database is older "
            f"than {where}. Bring the newer database back; to sign from here would fork the log"
        )
    if root_of(connection, signed.size, tree.size) != signed.root:
        raise LogRolledBack(
            f"the log's first {signed.size} events are not those that were signed: see "
            f"{where}. To sign from here would fork the log"
        )


def _head(connection: Connection) -> int:
    """Count the ledger's events."""
    return int(connection.execute(select(ledger_head.c.position)).scalar_one()) + 1


def _hashes(connection: Connection, first: int, end: int) -> list[bytes]:
    """Hash the leaves of events as they will be served.

    Raises:
        LogCorrupt: an event is missing, or its stored hash is not that of its leaf.
    """
    hashes: list[bytes] = []
    for position, leaf, hashed in leaves(connection, first, end):
        if position != first + len(hashes) or leaf_hash(leaf) != hashed:
            raise LogCorrupt(f"event at position {first + len(hashes)}: missing, or changed")
        hashes.append(hashed)
    if len(hashes) != end - first:
        raise LogCorrupt(f"event at position {first + len(hashes)}: missing")
    return hashes


def root_of(connection: Connection, size: int, tree_size: int) -> bytes:
    """Make the root of the first `size` leaves from the tiles of a tree of `tree_size`."""
    read = fetched(connection, tiles_of([root_nodes(size)], tree_size))
    return tree_root(size, tile_nodes(read, tree_size))
