"""A server whose log is published, the ledger's leaves beside it, and what the log has to be."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from asking import Connection, Json, new_issuance
from builders import ORIGIN
from databases import PostgresDatabases, sqlite_url_of
from offset.core.checkpoints import Checkpoint, LogProof, read_proof, verify_checkpoint
from offset.core.merkle import leaf_hash, leaf_nodes, tree_root
from offset.core.notes import Note, VerifierKey, read_note, read_vkey
from offset.core.tiles import Bundle, Edge, Tile, bundle_bytes
from offset.database import Database
from offset.log.keys import KeyFile
from offset.models import events
from servers import Server, running_server

FULL: Final = 256  # hashes of a tile, entries of a bundle


class Published:
    """A server that publishes its log, asked over one connection."""

    def __init__(self, server: Server, url: str) -> None:
        self.server: Final = server
        self.url: Final = url  # of the ledger
        self.api: Final = Connection(server.url)

    @property
    def key(self) -> VerifierKey:
        """The newest key that the server names."""
        return read_vkey(self.api.get("/log/vkey").content.decode().splitlines()[0])

    @property
    def note(self) -> Note:
        """The newest checkpoint, as it is served."""
        return read_note(self.api.get("/log/checkpoint").content)

    @property
    def checkpoint(self) -> Checkpoint:
        """The newest checkpoint, verified."""
        return verify_checkpoint(self.note, self.key)[0]

    def proof(self, of: object) -> LogProof:
        """The proof of an event, by its id or its position."""
        reply = self.api.get(f"/log/proof/{of}")
        assert reply.status == 200, reply
        return read_proof(reply.content)

    def leaves(self) -> list[bytes]:
        """Every event's bytes, as the ledger has them."""
        with opened_database(self.url) as database, database.reading() as connection:
            rows = connection.execute(select(events.c.leaf).order_by(events.c.position))
            return [bytes(leaf) for (leaf,) in rows]

    def append(self, count: int) -> Json:
        """Create so many records in one request, and wait until they are published."""
        commands = [{"command": "create", **new_issuance()} for _ in range(count)]
        reply = self.api.post("/batch?wait=proof", {"commands": commands})
        assert (reply.status, reply.headers.get("offset-log")) == (200, "published"), reply
        body: Json = reply.body
        return body


@contextmanager
def opened_database(url: str) -> Iterator[Database]:
    database = Database(url, pool_size=2)
    try:
        yield database
    finally:
        database.close()


def root_of(leaves: list[bytes], size: int) -> bytes:
    """The root of the first `size` leaves."""
    return tree_root(size, leaf_nodes([leaf_hash(leaf) for leaf in leaves[:size]]))


def files_of(leaves: list[bytes]) -> dict[str, bytes]:
    """Every tile and entry bundle of a log, as wide as it is, by its path."""
    edge, wider = Edge().append([leaf_hash(leaf) for leaf in leaves])
    assert edge.root == root_of(leaves, len(leaves))
    made = {tile.path: hashes for tile, hashes in wider}
    for first in range(0, len(leaves), FULL):
        entries = leaves[first : first + FULL]
        made[Bundle(first // FULL, len(entries)).path] = bundle_bytes(entries)
    return made


def narrower(leaves: list[bytes], tile: Tile | Bundle) -> bytes:
    """A tile of level 0 or a bundle with as many hashes or entries as it names."""
    own = leaves[tile.index * FULL : tile.index * FULL + tile.width]
    assert len(own) == tile.width
    if isinstance(tile, Bundle):
        return bundle_bytes(own)
    assert tile.level == 0
    return b"".join(map(leaf_hash, own))


def new_key(folder: Path, origin: str = ORIGIN) -> Path:
    """A file with a new signing key."""
    path = folder / "log-key"
    KeyFile(path).make(origin)
    return path


@contextmanager
def publishing(request: pytest.FixtureRequest, folder: Path, engine: str) -> Iterator[Published]:
    """A server on a new ledger that publishes: on SQLite with the key that it makes by itself."""
    if engine == "sqlite":
        path = folder / "offset.db"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        with running_server(sqlite_url_of(path)) as server:
            yield Published(server, sqlite_url_of(path))
        return
    postgres = request.getfixturevalue("postgres")
    assert isinstance(postgres, PostgresDatabases)
    key = new_key(folder)
    with (
        postgres.prepared() as url,
        running_server(url, origin=ORIGIN, log_key=key) as server,
    ):
        yield Published(server, url)
