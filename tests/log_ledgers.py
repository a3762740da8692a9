"""Ledgers with a log: writing to them, publishing, and the check of the whole tree."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import select

import databases
from builders import ORIGIN, created, do_all, opened, retiring
from offset.core.checkpoints import Checkpoint, read_checkpoint
from offset.core.merkle import verify_consistency
from offset.core.notes import Note, VerifierKey, read_note, verify_note
from offset.database import Database
from offset.ledger import Ledger
from offset.log import Log
from offset.log.keys import KeyFile
from offset.log.publisher import Publisher
from offset.models import events, log_checkpoints, log_keys, log_state, log_tiles, records

GRAM: Final = "0.000001"  # tonnes
WIDTH: Final = 256  # hashes of a full tile


@dataclass(kw_only=True)
class LogLedger:
    """A ledger whose log is published with the keys of a file."""

    ledger: Ledger
    key_file: KeyFile
    record_id: str | None = None

    @property
    def database(self) -> Database:
        return self.ledger.database

    @property
    def key(self) -> VerifierKey:
        """The oldest key that signs."""
        return self.key_file.keys(ORIGIN)[-1].verifier

    def write(self, count: int) -> None:
        """Append `count` events: retirements of a gram each, at the ledger's start a record."""
        if count and self.record_id is None:
            self.record_id = created(self.ledger, last=1_000_000)
            count -= 1
        if count:
            assert self.record_id is not None
            do_all(self.ledger, *(retiring(self.record_id, quantity=GRAM) for _ in range(count)))

    def publisher(self, **others: Any) -> Publisher:
        """A publisher, as a process that has just begun has one."""
        return Publisher(self.database, origin=ORIGIN, key_file=self.key_file, **others)

    def publish(self, **others: Any) -> Note | None:
        """Publish as a process that has just begun does, and recheck everything."""
        note = self.publisher(**others).publish()
        self.check()
        return note

    def check(self) -> None:
        """Recheck the whole log."""
        check_whole_log(self.database, self.key)

    def events(self) -> int:
        """Count the ledger's events."""
        with self.database.reading() as connection:
            return len(connection.execute(select(events.c.position)).all())

    def sizes(self) -> list[int]:
        """The sizes of all checkpoints."""
        with self.database.reading() as connection:
            return sorted(connection.execute(select(log_checkpoints.c.size)).scalars())

    def signed(self) -> dict[int, str]:
        """All checkpoints, by their size."""
        with self.database.reading() as connection:
            rows = connection.execute(select(log_checkpoints.c.size, log_checkpoints.c.note))
            return {row.size: row.note for row in rows}


@contextmanager
def opened_log(url: str, folder: Path) -> Iterator[LogLedger]:
    """A ledger with a key of its own, which lies in `folder`; at a second time the same key."""
    key_file = KeyFile(folder / "log-key")
    if not key_file.path.exists():
        key_file.make(ORIGIN)
    with opened(url) as ledger:
        with ledger.database.reading() as connection:
            made = connection.execute(select(records.c.id)).scalar_one_or_none()
        record_id = None if made is None else bytes(made).hex()
        yield LogLedger(ledger=ledger, key_file=key_file, record_id=record_id)


def size_of(note: Note | None) -> int:
    """The size that a checkpoint is of."""
    assert note is not None
    return read_checkpoint(note.text).size


@contextmanager
def copied(url: str, folder: Path) -> Iterator[str]:
    """The URL of a copy of a database that nobody is connected to, as a backup has it."""
    if url.startswith("sqlite"):
        assert not list(Path(urlsplit(url).path[1:]).parent.glob("*-wal")), "it is still open"
        path = folder / "older.db"
        shutil.copyfile(urlsplit(url).path[1:], path)
        yield databases.sqlite_url_of(path)
        return
    admin = urlsplit(url)._replace(path="/postgres").geturl()
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(admin, autocommit=True) as connection:  # a closed one ends a little later
        ask = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        connection.execute(ask, (name,))
    with databases.PostgresDatabases(admin_url=admin, template=name).prepared() as copy:
        yield copy


# The check ------------------------------------------------------------------------------------


def check_whole_log(database: Database, key: VerifierKey) -> None:
    """Recheck the whole log from the events' leaves: no gap, no duplicate, no fork.

    Written from RFC 6962 and C2SP's tlog-tiles, not from the code: positions are dense and leaves
    hash to their hashes; `log_state` is the root of its first events; there is every tile of its
    tree, with the hashes that it has to have, and no other; each checkpoint is that of a prefix,
    signed by `key` and by no key that the log does not have; and what the log serves proves that
    the newest ones go on from each other and from the first.
    """
    with database.reading() as connection:
        rows = connection.execute(select(events).order_by(events.c.position)).all()
        states = [tuple(row) for row in connection.execute(select(log_state)).all()]
        tiles = {
            (row.level, row.tile): bytes(row.hashes)
            for row in connection.execute(select(log_tiles))
        }
        checkpoints = connection.execute(
            select(log_checkpoints).order_by(log_checkpoints.c.size)
        ).all()
        vkeys = set(connection.execute(select(log_keys.c.vkey)).scalars())
    assert [row.position for row in rows] == list(range(len(rows)))
    hashes = [sha256(b"\x00" + row.leaf).digest() for row in rows]
    assert hashes == [bytes(row.leaf_hash) for row in rows]
    size = states[0][1] if states else 0
    assert size <= len(hashes)
    expected = [(1, size, plain_root(hashes[:size]))] if size else []
    assert [(one, of, bytes(root)) for one, of, root in states] == expected
    assert tiles == plain_tiles(hashes[:size])
    roots = prefix_roots(hashes[:size])
    assert not size or roots[size] == plain_root(hashes[:size])
    for row in checkpoints:
        note = read_note(row.note.encode())
        signed = read_checkpoint(note.text)
        assert 0 < row.size <= size, "a checkpoint of more events than the log has"
        assert signed == Checkpoint(origin=ORIGIN, size=row.size, root=roots[row.size])
        check_signatures(note, key, vkeys)
    log = Log(database)
    sizes = [row.size for row in checkpoints]
    for old, new in {*pairwise(sizes[-3:]), *zip(sizes[:1], sizes[-1:], strict=True)}:
        verify_consistency(old, new, log.consistency(old, new), roots[old], roots[new])


def check_signatures(note: Note, key: VerifierKey, vkeys: set[str]) -> None:
    known = {vkey.split("+")[1] for vkey in vkeys}  # no name has a plus
    assert {one.key_id.hex() for one in note.signatures} <= known
    assert key in verify_note(note, [key])
    assert key.vkey in vkeys


def prefix_roots(hashes: Sequence[bytes]) -> dict[int, bytes]:
    """The roots of the trees of the first 1, 2, 3 ... leaves: complete trees, joined."""
    roots = {}
    complete: list[tuple[int, bytes]] = []  # (leaves, root), the largest first
    for size, leaf in enumerate(hashes, 1):
        complete.append((1, leaf))
        while len(complete) > 1 and complete[-1][0] == complete[-2][0]:
            (leaves, right), (_, left) = complete.pop(), complete.pop()
            complete.append((2 * leaves, node(left, right)))
        root = complete[-1][1]
        for _, left in reversed(complete[:-1]):
            root = node(left, root)
        roots[size] = root
    return roots


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def plain_root(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, over leaf hashes."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return node(plain_root(hashes[:k]), plain_root(hashes[k:]))


def plain_tiles(hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Every tile of a tree, by level and number: of each whole subtree of 256**level the root."""
    found = {}
    level, row = 0, list(hashes)
    while row:
        for number in range(0, len(row), WIDTH):
            found[level, number // WIDTH] = b"".join(row[number : number + WIDTH])
        whole = len(row) - len(row) % WIDTH
        row = [plain_root(row[start : start + WIDTH]) for start in range(0, whole, WIDTH)]
        level += 1
    return found
