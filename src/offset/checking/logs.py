"""A whole log: its checkpoint, every bundle, leaf and tile, and the ledger that the leaves make.

What is wrong is told and named; nothing is repaired. A leaf that differs from its tile is named
as such; whether the leaf or the tile was changed, the checkpoint's root tells.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from offset.checking.proofs import Seen, check_beginning, see
from offset.checking.replaying import TABLES, Replay
from offset.checking.sources import LARGEST_NOTE, Source, read_entries, read_tile
from offset.core.checkpoints import Checkpoint, read_checkpoint
from offset.core.errors import Invalid, LogForked, LogMalformed, NotSigned, Unfit
from offset.core.merkle import EMPTY_ROOT, HASH_SIZE, leaf_hash
from offset.core.notes import Note, VerifierKey, read_note, read_vkey, utf8_text, verify_note
from offset.core.policies import Policy
from offset.core.tiles import (
    TILE_WIDTH,
    Bundle,
    Edge,
    Tile,
    edge_tiles,
    tile_nodes,
    tile_width,
)

LARGEST_REPORT: Final = 20  # findings; then the check ends

_APPLICATION: Final = 0x0FF5E7  # SQLite's application_id of a state
_VERSION: Final = 1
_STATE: Final = """
CREATE TABLE log (note BLOB, at TEXT);
CREATE TABLE edge (level INTEGER PRIMARY KEY, hashes BLOB);
"""

Progress = Callable[[int, int], None]


@dataclass
class Report:
    """What was checked, and the first findings.

    `since` is the size up to which an earlier run had checked, and `fork` the two signed
    checkpoints that contradict each other: keep them, they are the proof.
    """

    seen: Seen | None = None
    since: int = 0
    events: int = 0
    records: int = 0
    findings: list[str] = field(default_factory=list)
    fork: tuple[bytes, bytes] | None = None

    @property
    def sound(self) -> bool:
        """Whether nothing wrong was found."""
        return not self.findings


class _End(Exception):
    """Nothing more can be checked, or enough was found."""


def check_log(
    source: Source,
    keys: Sequence[VerifierKey],
    *,
    policy: Policy | None = None,
    state: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check a whole log, or what is new of it since the last sound run with the same `state`.

    Args:
        source: the log's files.
        keys: as `proofs.see` takes them.
        policy: as `proofs.see` takes it.
        state: an SQLite file, made where it is not there, and changed only if all is sound.
        progress: called with the number of events that are done and of all events to be checked.

    Raises:
        LogUnreachable: a file cannot be fetched.
        Unfit: the state is in use, is not one, or is of another log.
    """
    report = Report()
    with _opened(state) as tables:
        check = _Check(source, report, tables, progress)
        try:
            check.checkpoint(keys, policy)
            check.leaves()
            check.edge()
        except _End:
            pass
        if report.sound:
            check.save()
    return report


class _Check:
    def __init__(
        self,
        source: Source,
        report: Report,
        tables: sqlite3.Connection,
        progress: Progress | None,
    ) -> None:
        self._source = source
        self._report = report
        self._tables = tables
        self._progress = progress
        self._edge = Edge()
        self._new = Checkpoint(origin="-", size=0, root=EMPTY_ROOT)
        self._replay = Replay(tables, "-")

    def _find(self, words: str) -> None:
        self._report.findings.append(words)
        if len(self._report.findings) == LARGEST_REPORT:
            raise _End

    # the checkpoint --------------------------------------------------------------------------

    def checkpoint(self, keys: Sequence[VerifierKey], policy: Policy | None) -> None:
        """Check the checkpoint's signatures, and hold it against the one that was seen last."""
        try:
            data = self._source.read("checkpoint", LARGEST_NOTE)
            if data is None:
                self._find("checkpoint: is not there")
                raise _End
            seen = see(data, keys, policy)
        except Invalid as error:
            self._find(f"checkpoint: {error.detail.removeprefix('the checkpoint: ')}")
            raise _End from None
        self._report.seen, self._new = seen, seen.checkpoint
        self._vkey(seen)
        before = self._tables.execute("SELECT note, at FROM log").fetchone()
        self._replay = Replay(self._tables, self._new.origin, before[1] if before else "")
        if before is not None:
            self._follow(bytes(before[0]))

    def _vkey(self, seen: Seen) -> None:
        """Check that a key which lies beside the log signed; nothing is trusted because of it."""
        try:
            data = self._source.read("vkey", LARGEST_NOTE)
            if data is None:
                return
            found = [read_vkey(line) for line in utf8_text(data, "the file").splitlines()]
        except Invalid as error:
            self._find(f"vkey: {error.detail}")
            return
        if not any(_has_signed(key, seen.note) for key in found):
            self._find("vkey: no key in it signed the checkpoint")

    def _follow(self, note: bytes) -> None:
        """Check that the log goes on from the checkpoint that was seen before."""
        old, new = read_checkpoint(read_note(note).text), self._new
        if old.origin != new.origin:
            raise Unfit(f"the state is of log {old.origin}, not of {new.origin}")
        self._report.since = old.size
        partial = self._tables.execute("SELECT hashes FROM edge ORDER BY level").fetchall()
        self._edge = Edge(old.size, tuple(bytes(hashes) for (hashes,) in partial))
        try:
            root = self._edge.root
        except (LookupError, LogMalformed):
            root = b""
        if root != old.root:
            raise Unfit("the state was changed: its tiles do not make its root")
        if new.size < old.size:
            self._find(f"checkpoint: has {new.size} leaves, and {old.size} were seen before")
            raise _End
        nodes = tile_nodes(lambda tile: read_tile(self._source, tile), new.size)
        try:
            check_beginning(old, new, nodes)
        except LogForked as error:
            assert self._report.seen is not None
            self._report.fork = note, self._report.seen.note.encode()
            self._find(f"checkpoint: the log is forked: {error.detail}")
            raise _End from None
        except Invalid as error:
            self._find(f"checkpoint: from size {old.size} to {new.size}: {error.detail}")

    # the leaves ------------------------------------------------------------------------------

    def leaves(self) -> None:
        """Read the bundles from where the edge ends, replay their events, compare full tiles."""
        size = self._new.size
        while self._edge.size < size:
            index, known = divmod(self._edge.size, TILE_WIDTH)
            bundle = Bundle(index, tile_width(0, index, size))
            try:
                entries = read_entries(self._source, bundle)
            except Invalid as error:
                self._find(f"{error.detail}; nothing behind it was checked")
                raise _End from None
            hashes = [leaf_hash(entry) for entry in entries]
            if known and b"".join(hashes[:known]) != self._edge.partial[0]:
                self._find(f"{bundle.path}: begins with other leaves than were seen before")
            new = range(self._edge.size, index * TILE_WIDTH + bundle.width)
            self._edge, wider = self._edge.append(hashes[known:])
            for tile, made in wider:
                if tile.width == TILE_WIDTH:
                    self._compare(tile, made)
            for position in new:
                here = position % TILE_WIDTH
                for words in self._replay.event(position, entries[here], hashes[here]):
                    self._find(words)
            self._report.events += len(new)
            if self._progress:
                self._progress(self._report.events, size - self._report.since)
        for words in self._replay.flush():
            self._find(words)
        self._report.records = self._replay.count()

    def edge(self) -> None:
        """Compare the partial tiles and the root."""
        size = self._new.size
        if size > self._report.since:
            for tile in edge_tiles(size):
                self._compare(tile, self._edge.partial[tile.level])
        if self._edge.root != self._new.root:
            self._find(f"checkpoint: the {size} leaves do not make its root")

    def _compare(self, tile: Tile, made: bytes) -> None:
        try:
            stored = read_tile(self._source, tile)
        except Invalid as error:
            self._find(error.detail)
            return
        if stored != made:
            pairs = zip(_hashes(stored), _hashes(made), strict=True)
            number = next(number for number, (one, other) in enumerate(pairs) if one != other)
            position = tile.index * TILE_WIDTH + number
            whose = (
                f"that of the leaf at position {position}" if tile.level == 0 else "made of them"
            )
            self._find(f"{tile.path}: its hash {number} is not {whose}")

    def save(self) -> None:
        """Keep what the next run needs; all of it is committed together."""
        assert self._report.seen is not None
        note = self._report.seen.note.encode()
        self._tables.execute("DELETE FROM log")
        self._tables.execute("INSERT INTO log VALUES (?, ?)", (note, self._replay.at))
        self._tables.execute("DELETE FROM edge")
        self._tables.executemany(
            "INSERT INTO edge VALUES (?, ?)", list(enumerate(self._edge.partial))
        )
        self._tables.execute("COMMIT")


def _has_signed(key: VerifierKey, note: Note) -> bool:
    try:
        return key in verify_note(note, [key])
    except NotSigned:
        return False


def _hashes(joined: bytes) -> list[bytes]:
    return [joined[at : at + HASH_SIZE] for at in range(0, len(joined), HASH_SIZE)]


@contextmanager
def _opened(state: Path | None) -> Iterator[sqlite3.Connection]:
    """Open the state, or a temporary one, in a transaction; without a commit it is undone."""
    try:
        # An empty name is a database that SQLite keeps on disk until it is closed.
        tables = sqlite3.connect("" if state is None else state, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise Unfit(f"the state {state}: {error}") from None
    try:
        try:
            _prepare(tables, state)
        except sqlite3.Error as error:
            raise Unfit(f"the state {state}: {error}") from None
        yield tables
    finally:
        tables.close()


def _prepare(tables: sqlite3.Connection, state: Path | None) -> None:
    tables.execute("PRAGMA cache_size = -65536")  # KiB
    if state is None:
        tables.execute("PRAGMA synchronous = OFF")
    tables.execute("BEGIN IMMEDIATE")
    if not tables.execute("SELECT 1 FROM sqlite_schema").fetchone():
        for statement in (TABLES + _STATE).split(";"):
            tables.execute(statement)
        tables.execute(f"PRAGMA application_id = {_APPLICATION}")
        tables.execute(f"PRAGMA user_version = {_VERSION}")
        return
    found = [
        tables.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    ]
    if found != [_APPLICATION, _VERSION]:
        raise Unfit(f"{state} is not a state of this program's")
