"""Whatever is changed in the log's tables is found and named, and never signed over."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, select

from asking import Connection as Asked
from asking import Json
from builders import ORIGIN, create, creating, do_all, opened
from databases import ENGINES, PostgresDatabases, sqlite_url_of
from logs import TIME_S, witness
from offset.core.checkpoints import read_checkpoint
from offset.core.errors import LogRolledBack
from offset.core.notes import Note, SigningKey, read_note
from offset.log.keys import KeyFile
from offset.log.publisher import Publisher
from offset.log.store import add_cosignature
from offset.models import (
    events,
    log_checkpoints,
    log_cosignatures,
    log_keys,
    log_state,
    log_tiles,
)
from published import new_key, opened_database
from servers import Server, running_server
from tampering import (
    Tampering,
    add,
    byte_changed,
    change,
    doing,
    remove,
    rewritten,
    saying,
    unguarded,
    verified,
)

FIRST, EVENTS = 150, 260  # of the two checkpoints: a full tile, and one a level higher
OTHER: Final = SigningKey(name=ORIGIN, seed=bytes(32))
WITNESS: Final = witness("tower")
PATIENCE_S: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Log:
    """A ledger whose log was published twice, at two sizes."""

    url: str
    key: Path


def told(url: str, folder: Path) -> Log:
    """Write and publish a ledger, which a witness has seen."""
    key = KeyFile(new_key(folder))
    with opened(url) as ledger:
        publisher = Publisher(ledger.database, origin=ORIGIN, key_file=key)
        for first, end in ((0, FIRST), (FIRST, EVENTS)):
            for start in range(first, end, 10):
                units = [
                    creating(first=1 + 10 * n, last=10 + 10 * n) for n in range(start, start + 10)
                ]
                do_all(ledger, *units)
            note = publisher.publish()
        assert note is not None
        assert read_checkpoint(note.text).size == EVENTS
        with ledger.database.writing() as connection:
            add_cosignature(connection, EVENTS, WITNESS.cosign(note.text, TIME_S))
    return Log(url=url, key=key.path)


@pytest.fixture(scope="module")
def told_on_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("log")
    shutil.copyfile(sqlite_template, folder / "offset.db")
    return told(sqlite_url_of(folder / "offset.db"), folder)


@pytest.fixture(scope="module")
def told_on_postgresql(
    postgres: PostgresDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Log]:
    with postgres.prepared() as url:
        yield told(url, tmp_path_factory.mktemp("log"))


@pytest.fixture
def sqlite_log(told_on_sqlite: Log, tmp_path: Path) -> Log:
    source = Path(told_on_sqlite.url.removeprefix("sqlite:///"))
    for name in ("offset.db", "log-key", "log-key.signed"):
        shutil.copy(source.with_name(name), tmp_path / name)
    return Log(url=sqlite_url_of(tmp_path / "offset.db"), key=tmp_path / "log-key")


@pytest.fixture
def postgresql_log(
    postgres: PostgresDatabases, told_on_postgresql: Log, tmp_path: Path
) -> Iterator[Log]:
    for name in ("log-key", "log-key.signed"):
        shutil.copy(told_on_postgresql.key.with_name(name), tmp_path / name)
    name = urlsplit(told_on_postgresql.url).path.removeprefix("/")
    with replace(postgres, template=name).prepared() as url:
        yield Log(url=url, key=tmp_path / "log-key")


@pytest.fixture(params=ENGINES)
def log(request: pytest.FixtureRequest) -> Log:
    """A copy of the published ledger, on each database in turn."""
    found = request.getfixturevalue(f"{request.param}_log")
    assert isinstance(found, Log)
    return found


# --- ways to tamper ---------------------------------------------------------------------------


def spoiled(data: bytes, at: int) -> bytes:
    """The bytes with one of them changed."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def tile(level: int, index: int) -> Any:
    return (log_tiles.c.level == level) & (log_tiles.c.tile == index)


def tile_spoiled(level: int, index: int, at: int) -> Tampering:
    def tamper(connection: Connection) -> None:
        where = tile(level, index)
        hashes = connection.execute(select(log_tiles.c.hashes).where(where)).scalar_one()
        change(log_tiles, where, hashes=spoiled(bytes(hashes), at))(connection)

    return tamper


def tile_cut(level: int, index: int, size: int) -> Tampering:
    def tamper(connection: Connection) -> None:
        where = tile(level, index)
        hashes = bytes(connection.execute(select(log_tiles.c.hashes).where(where)).scalar_one())
        change(log_tiles, where, hashes=hashes[:size])(connection)

    return tamper


def root_spoiled(connection: Connection) -> None:
    root = connection.execute(select(log_state.c.root)).scalar_one()
    change(log_state, log_state.c.id == 1, root=spoiled(bytes(root), 31))(connection)


def of(size: int) -> Any:
    return log_checkpoints.c.size == size


def note_of(connection: Connection, size: int) -> str:
    return str(connection.execute(select(log_checkpoints.c.note).where(of(size))).scalar_one())


def note_changed(size: int, said: Callable[[str], str]) -> Tampering:
    """Write another text for a checkpoint."""

    def tamper(connection: Connection) -> None:
        before = note_of(connection, size)
        after = said(before)
        assert after != before
        change(log_checkpoints, of(size), note=after)(connection)

    return tamper


def letter_changed(line: int, at: int) -> Callable[[str], str]:
    """Change one letter of a line into another one that base64 has."""

    def said(note: str) -> str:
        lines = note.split("\n")
        old = lines[line]
        where = at % len(old)
        lines[line] = old[:where] + ("B" if old[where] == "A" else "A") + old[where + 1 :]
        return "\n".join(lines)

    return said


def signed_by_another(note: str) -> str:
    """The same text, signed with a key that the log does not have."""
    text = read_note(note.encode()).text
    return Note(text=text, signatures=(OTHER.sign(text),)).encode().decode()


def twice_signed(note: str) -> str:
    """One more signature, of a key that the log does not have."""
    read = read_note(note.encode())
    signatures = (*read.signatures, OTHER.sign(read.text))
    return Note(text=read.text, signatures=signatures).encode().decode()


def checkpoint_added(size: int) -> Tampering:
    """Add a checkpoint of another size, with the text of an existing one."""

    def tamper(connection: Connection) -> None:
        add(log_checkpoints, size, note_of(connection, FIRST), 0)(connection)

    return tamper


ROOT: Final = f"log_state: its root of size {EVENTS} is not that of the events"
NOTE: Final = f"log_checkpoints: size {FIRST}"
EVERY: Final[Any] = log_state.c.id == 1
CHANGES: Final[dict[str, tuple[Tampering, str]]] = {
    "a full tile": (tile_spoiled(0, 0, 0), "log_tiles: tile/0/000 is not what the events make"),
    "a full tile's end": (tile_spoiled(0, 0, -1), "log_tiles: tile/0/000 is not what"),
    "a partial tile": (tile_spoiled(0, 1, 33), "log_tiles: tile/0/001.p/4 is not what"),
    "a tile of level 1": (tile_spoiled(1, 0, 31), "log_tiles: tile/1/000.p/1 is not what"),
    "a tile cut": (tile_cut(0, 1, 3 * 32), "log_tiles: tile/0/001.p/4 is not what"),
    "a tile removed": (remove(log_tiles, tile(0, 0)), "log_tiles: tile/0/000 is not what"),
    "a tile added": (add(log_tiles, 2, 0, bytes(32)), "log_tiles: 4 tiles, the log has 3"),
    "a tile moved": (
        change(log_tiles, tile(1, 0), tile=1),
        "log_tiles: tile/1/000.p/1 is not what",
    ),
    "a root": (root_spoiled, ROOT),
    "a size less": (change(log_state, EVERY, size=EVENTS - 1), "log_tiles: tile/0/001.p/3 is not"),
    "a size more": (
        change(log_state, EVERY, size=EVENTS + 1),
        f"log_state: {EVENTS + 1} events are in the log, the ledger has fewer",
    ),
    "no size": (remove(log_state, EVERY), "log_tiles: 3 tiles, the log has 0"),
    "a checkpoint's root": (note_changed(FIRST, letter_changed(2, 5)), NOTE),
    "a checkpoint's size": (note_changed(FIRST, lambda note: note.replace("150", "151", 1)), NOTE),
    "a checkpoint's origin": (note_changed(FIRST, letter_changed(0, 0)), NOTE),
    "a checkpoint's signature": (note_changed(FIRST, letter_changed(4, -9)), NOTE),
    "a checkpoint's key id": (note_changed(FIRST, letter_changed(4, len(ORIGIN) + 4)), NOTE),
    "a checkpoint without its signature": (
        note_changed(FIRST, lambda note: note[: note.index("\n\n") + 2]),
        NOTE,
    ),
    "a checkpoint that is no note": (note_changed(FIRST, lambda _: "nothing"), NOTE),
    "a checkpoint signed by another": (note_changed(FIRST, signed_by_another), NOTE),
    "a checkpoint signed by another, too": (note_changed(FIRST, twice_signed), NOTE),
    "the newest checkpoint": (
        note_changed(EVENTS, letter_changed(4, -9)),
        f"log_checkpoints: size {EVENTS}",
    ),
    "a checkpoint added below": (checkpoint_added(FIRST + 1), f"log_checkpoints: size {FIRST + 1}"),
    "a checkpoint added beyond": (
        checkpoint_added(EVENTS + 1),
        "log_checkpoints: 1 are of more events than the log has",
    ),
    "a checkpoint added of nothing": (checkpoint_added(0), "log_checkpoints: size 0"),
    "a key replaced": (
        change(log_keys, log_keys.c.vkey != "", vkey=OTHER.verifier.vkey),
        f"{NOTE}: a key that the log does not have has signed it",
    ),
    "a key removed": (
        remove(log_keys, log_keys.c.vkey != ""),
        f"{NOTE}: a key that the log does not have has signed it",
    ),
    "a key that is none": (change(log_keys, log_keys.c.vkey != "", vkey="a+b+c"), "log_keys: "),
    "a cosignature that is none": (
        change(log_cosignatures, log_cosignatures.c.size == EVENTS, line="nothing"),
        f"log_checkpoints: size {EVENTS}",
    ),
    "a cosignature of nothing": (
        change(log_cosignatures, log_cosignatures.c.size == EVENTS, size=7),
        "log_cosignatures: 1 are of no checkpoint, the first has size 7",
    ),
}


def differences(log: Log, tamper: Tampering) -> list[str]:
    with unguarded(log.url) as connection:
        tamper(connection)
    return verified(log.url).differences


def test_a_log_that_nobody_tampered_with_is_sound(log: Log) -> None:
    report = verified(log.url)
    assert (report.differences, report.events) == ([], EVENTS)


def test_a_log_that_was_never_published_is_sound(database_url: str) -> None:
    with opened(database_url) as ledger:
        do_all(ledger, creating())
    assert verified(database_url).differences == []


@pytest.mark.parametrize("case", CHANGES)
def test_what_was_changed_in_the_log_is_named(log: Log, case: str) -> None:
    tamper, difference = CHANGES[case]
    found = differences(log, tamper)
    assert found
    assert found[0].startswith(difference)


def test_a_checkpoint_that_was_deleted_is_found(log: Log) -> None:
    (difference,) = differences(log, remove(log_checkpoints, of(EVENTS)))
    assert difference == f"log_cosignatures: 1 are of no checkpoint, the first has size {EVENTS}"


@pytest.mark.parametrize("position", [0, 255, 256, FIRST - 1, EVENTS - 1])
def test_a_byte_of_an_event_is_found_in_the_ledger_and_in_the_log(log: Log, position: int) -> None:
    found = differences(log, byte_changed(events.c.leaf, position))
    assert any(f"event at position {position}: " in one for one in found)
    assert ROOT in found
    assert any(one.startswith("log_tiles: tile/0/00") for one in found)


def test_a_history_that_was_rewritten_as_a_whole_contradicts_what_was_signed(log: Log) -> None:
    """Its hashes are right, and its tiles made anew: only the signed checkpoints know better."""
    tamper = rewritten(
        7, saying(by="mallory"), doing(log_tiles.delete()), doing(log_state.delete())
    )
    with unguarded(log.url) as connection:
        tamper(connection)
    with opened_database(log.url) as database:
        publisher = Publisher(database, origin=ORIGIN, key_file=KeyFile(log.key))
        with pytest.raises(LogRolledBack, match="are not those that were signed"):
            publisher.publish()
    other = "it is not of the tree that the events make"
    assert verified(log.url).differences == [
        f"log_checkpoints: size {size}: {other}" for size in (FIRST, EVENTS)
    ]


# --- a server on what was tampered with, or is older than its log -------------------------------


def serving(log: Log) -> AbstractContextManager[Server]:
    return running_server(log.url, origin=ORIGIN, log_key=log.key)


def said(server: Server, words: str) -> str:
    """The line of the server's log with these words, waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for line in server.log.splitlines():
            if words in line:
                return line
        time.sleep(0.05)
    raise AssertionError(f"the server did not say: {words}")


def backed_up(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def issuance(number: int) -> Json:
    return create(first=10 * number, last=10 * number + 9)


def put_back(backup: Path, path: Path) -> None:
    """Restore a backup, as an operator does: the file, and nothing of the old journal."""
    for left in ("-wal", "-shm"):
        path.with_name(path.name + left).unlink(missing_ok=True)
    shutil.copyfile(backup, path)


def test_a_ledger_from_an_old_backup_is_served_and_not_signed(
    sqlite_url: str, tmp_path: Path
) -> None:
    path, backup = Path(sqlite_url.removeprefix("sqlite:///")), tmp_path / "backup.db"
    with running_server(sqlite_url) as server:
        api = Asked(server.url)
        assert api.post("/records?wait=proof", issuance(1)).status == 201
        backed_up(path, backup)
        assert api.post("/records?wait=proof", issuance(2)).status == 201
        newest = api.get("/log/checkpoint").content
        api.close()
    newer = tmp_path / "newer.db"
    backed_up(path, newer)
    put_back(backup, path)
    with running_server(sqlite_url) as server:
        line = said(server, "The log is not published")
        assert "the log has 1 events, 2 were signed: the database is older than" in line
        assert "offset.db.log-key.signed" in line
        assert "to sign from here would fork the log" in line
        api = Asked(server.url)
        for health in ("/livez", "/readyz"):
            assert api.get(health).status == 200
        for number in (3, 4):  # another history: it must never be signed
            assert api.post("/records", issuance(number)).status == 201
        time.sleep(2.5)
        assert read_checkpoint(read_note(api.get("/log/checkpoint").content).text).size == 1
        api.close()
        assert server.log.count("The log is not published") == 2  # shorter, then another history
        assert "the log's first 2 events are not those that were signed" in server.log
    put_back(newer, path)
    with running_server(sqlite_url) as server:
        api = Asked(server.url)
        assert api.get("/log/checkpoint").content == newest
        assert api.post("/records?wait=proof", issuance(5)).headers["offset-log"] == "published"
        api.close()
        assert "not published" not in server.log
    assert verified(sqlite_url).differences == []


@pytest.mark.parametrize(
    "tamper, words",
    [
        (root_spoiled, "the log's tiles do not make the root"),
        (tile_spoiled(0, 1, 33), "the log's tiles do not make the root"),
        (note_changed(EVENTS, lambda _: "nothing"), "the log's own tables"),
        (change(log_state, EVERY, size=EVENTS + 9), "the ledger has 261 events, its log has 269"),
    ],
)
def test_a_server_does_not_sign_over_what_was_changed(
    log: Log, tamper: Tampering, words: str
) -> None:
    with opened(log.url) as ledger:
        do_all(ledger, creating(first=900_001, last=900_010))
    with unguarded(log.url) as connection:
        tamper(connection)
    with serving(log) as server:
        assert words in said(server, "The log is not published")
        api = Asked(server.url)
        assert api.get("/livez").status == 200
        assert api.get("/readyz").status == 200
        api.close()
    with opened_database(log.url) as database, database.reading() as connection:
        sizes = connection.execute(select(log_checkpoints.c.size)).scalars().all()
    assert sorted(sizes) == [FIRST, EVENTS]


def test_a_server_goes_on_from_a_log_that_is_whole(log: Log) -> None:
    with serving(log) as server:
        api = Asked(server.url)
        assert api.get("/log/checkpoint").status == 200
        reply = api.post("/records?wait=proof", issuance(90_000))
        assert reply.headers["offset-log"] == "published"
        assert (
            read_checkpoint(read_note(api.get("/log/checkpoint").content).text).size == EVENTS + 1
        )
        api.close()
    assert verified(log.url).differences == []
