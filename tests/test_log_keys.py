"""The signing keys: a file of their owner's, and what guards against signing an older database."""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from builders import ORIGIN
from log_ledgers import LogLedger, copied, opened_log, size_of
from offset.core.checkpoints import verify_checkpoint
from offset.core.errors import LogRolledBack, NotSigned, Unfit
from offset.core.notes import Kind, SigningKey, base64_text
from offset.database import Database
from offset.log import Log
from offset.log.keys import KeyFile
from offset.log.publisher import Publisher
from offset.log.store import Tree
from offset.log.ticker import Ticker
from offset.models import metadata

OTHER: Final = "other.example/log"


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys" / "log-key")


# The file -------------------------------------------------------------------------------------


def test_a_new_key_is_its_owners_alone(key_file: KeyFile) -> None:
    made = key_file.make(ORIGIN)
    assert key_file.path.stat().st_mode & 0o777 == 0o600
    assert key_file.path.read_text(encoding="utf-8") == f"{made.skey}\n"
    assert key_file.keys(ORIGIN) == [made]
    key_file.remember(Tree(1, b"\x01" * 32))
    assert key_file.guard.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in key_file.path.parent.iterdir()) == [
        *("log-key", "log-key.signed")
    ]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o660])
def test_a_key_that_others_can_reach_is_refused(mode: int, key_file: KeyFile) -> None:
    key_file.make(ORIGIN)
    key_file.path.chmod(mode)
    with pytest.raises(Unfit, match=r"log-key: others can read the key; .* mode 0600"):
        key_file.keys(ORIGIN)
    key_file.path.chmod(0o400)
    assert len(key_file.keys(ORIGIN)) == 1


@pytest.mark.parametrize(
    "text, told",
    [
        ("", r"it has keys of no log, the ledger's origin is ledger\.example/log"),
        ("nonsense\n", "it is not a file of keys"),
        ("PRIVATE+KEY+ledger.example/log+00000000+AAAA\n", "it is not a file of keys"),
        (SigningKey(name=OTHER, seed=bytes(32)).skey, r"it has keys of other\.example/log, the "),
        (
            "".join(SigningKey(name=name, seed=bytes(32)).skey + "\n" for name in (ORIGIN, OTHER)),
            r"it has keys of ledger\.example/log, other\.example/log, the ledger's",
        ),
        (
            SigningKey(name=ORIGIN, seed=bytes(32), kind=Kind.COSIGNATURE).skey,
            "it has a witness's key",
        ),
        (SigningKey(name=ORIGIN, seed=bytes(32)).verifier.vkey, "it is not a file of keys"),
        (b"\xff\xfe", "the key cannot be read"),
    ],
)
def test_a_file_without_this_logs_keys_is_refused(
    text: str | bytes, told: str, key_file: KeyFile
) -> None:
    key_file.path.parent.mkdir()
    key_file.path.write_bytes(text if isinstance(text, bytes) else text.encode())
    key_file.path.chmod(0o600)
    with pytest.raises(Unfit, match=f"log-key: {told}") as refused:
        key_file.keys(ORIGIN)
    assert base64_text(b"\x01" + bytes(32)) not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_key_that_is_not_there_is_said_to_be_missing(key_file: KeyFile) -> None:
    with pytest.raises(Unfit, match="there is no such key: offset log key new"):
        key_file.keys(ORIGIN)
    key_file.path.parent.mkdir()
    with pytest.raises(Unfit, match="there is no such key"):
        key_file.rotate(ORIGIN)
    key_file.path.mkdir()
    with pytest.raises(Unfit, match="the key cannot be read"):
        key_file.keys(ORIGIN)


def test_a_key_is_made_once(key_file: KeyFile) -> None:
    made = key_file.make(ORIGIN)
    with pytest.raises(Unfit, match="there is a key already"):
        key_file.make(ORIGIN)
    assert key_file.keys(ORIGIN) == [made]


def test_of_many_who_make_a_key_at_once_one_does(key_file: KeyFile) -> None:
    outcomes: list[SigningKey | Unfit] = []

    def make() -> None:
        try:
            outcomes.append(key_file.make(ORIGIN))
        except Unfit as refused:
            outcomes.append(refused)
        assert len(key_file.keys(ORIGIN)) == 1  # whole, whoever made it

    threads = [Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [one for one in outcomes if isinstance(one, SigningKey)]
    assert len(outcomes) == 8
    assert made == key_file.keys(ORIGIN)


def test_a_key_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Unfit, match="cannot be written"):
        KeyFile(tmp_path / "file" / "log-key").make(ORIGIN)


# Rotation -------------------------------------------------------------------------------------


@pytest.fixture
def log(database_url: str, tmp_path: Path) -> Iterator[LogLedger]:
    with opened_log(database_url, tmp_path) as made:
        yield made


def test_a_verifier_with_the_old_key_goes_on_after_a_rotation(log: LogLedger) -> None:
    log.write(2)
    log.publish()
    (old,) = log.key_file.keys(ORIGIN)
    new, kept = log.key_file.rotate(ORIGIN)
    assert kept == old
    assert log.key_file.path.stat().st_mode & 0o777 == 0o600
    log.write(2)
    note = log.publish()
    assert note is not None
    for key in (old, new):
        assert verify_checkpoint(note, key.verifier)[0].size == 4
    keys = Log(log.database).keys()
    assert sorted(key.vkey for key in keys) == sorted(key.verifier.vkey for key in (old, new))


def test_a_key_that_was_dropped_signs_no_more(log: LogLedger) -> None:
    log.write(2)
    log.publish()
    (old,) = log.key_file.keys(ORIGIN)
    (new,) = log.key_file.rotate(ORIGIN, keep=0)
    log.write(2)
    note = log.publisher().publish()
    assert note is not None
    assert verify_checkpoint(note, new.verifier)[0].size == 4
    with pytest.raises(NotSigned):
        verify_checkpoint(note, old.verifier)
    assert {old.verifier, new.verifier} == set(Log(log.database).keys())


# Going back -----------------------------------------------------------------------------------


def test_a_database_from_a_backup_is_not_signed_also_when_it_has_grown(
    database_url: str, tmp_path: Path
) -> None:
    with opened_log(database_url, tmp_path) as log:
        log.write(200)
        log.publish()
    with copied(database_url, tmp_path) as older:
        with opened_log(database_url, tmp_path) as log:
            log.write(100)
            log.publish()
            newest = log.key_file.last_signed()
        with opened_log(older, tmp_path) as log:
            publisher = log.publisher()
            with pytest.raises(LogRolledBack, match=r"has 200 events, 300 were signed: .* older"):
                publisher.publish()
            for count in (50, 50, 50):  # behind, at, and beyond the size that was signed
                log.write(count)
                for one in (publisher, log.publisher()):
                    with pytest.raises(LogRolledBack, match="were signed"):
                        one.publish()
            assert log.sizes() == [200]
            assert log.key_file.last_signed() == newest
            log.check()
    with opened_log(database_url, tmp_path) as log:  # the newer one goes on
        log.write(1)
        assert size_of(log.publish()) == 301


def test_a_running_publisher_stops_when_its_database_becomes_an_older_one(
    sqlite_url: str, tmp_path: Path
) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with opened_log(sqlite_url, tmp_path) as log:
        log.write(20)
        log.publish()
    shutil.copyfile(path, tmp_path / "older.db")
    with closing(Database(sqlite_url)) as database:
        publisher = Publisher(database, origin=ORIGIN, key_file=KeyFile(tmp_path / "log-key"))
        with opened_log(sqlite_url, tmp_path) as log:
            log.write(10)
        assert size_of(publisher.publish()) == 30
        database.close()
        shutil.copyfile(tmp_path / "older.db", path)
        with opened_log(sqlite_url, tmp_path) as log:
            log.write(20)
            with pytest.raises(LogRolledBack, match="first 30 events are not those"):
                publisher.publish()
            assert log.sizes() == [20]


@pytest.mark.parametrize(
    "said",
    [
        *("", "nonsense", "[]", "{}", "null", '{"size": 3}', '{"size": 3, "root": "zz"}'),
        *('{"size": "3", "root": "ROOT"}', '{"size": 3.5, "root": "ROOT"}'),
        *('{"size": -3, "root": "ROOT"}', '{"size": true, "root": "ROOT"}'),
        *('{"size": 3, "root": "00"}', '{"size": 3, "root": null}', "\ufeff{}"),
    ],
)
def test_a_damaged_guard_is_no_reason_to_sign(said: str, sqlite_url: str, tmp_path: Path) -> None:
    with opened_log(sqlite_url, tmp_path) as log:
        log.write(3)
        log.publish()
        log.write(3)
        log.key_file.guard.write_text(said.replace("ROOT", "00" * 32), encoding="utf-8")
        with pytest.raises(Unfit, match=r"log-key\.signed: it does not say what was last signed"):
            log.publish()
        assert log.sizes() == [3]


def test_the_guard_never_goes_back(key_file: KeyFile) -> None:
    key_file.make(ORIGIN)
    assert key_file.last_signed() is None
    for size, kept in ((5, 5), (7, 7), (6, 7), (7, 7), (8, 8)):
        key_file.remember(Tree(size, bytes([size]) * 32))
        assert key_file.last_signed() == Tree(kept, bytes([kept]) * 32)
    assert json.loads(key_file.guard.read_text(encoding="utf-8"))["size"] == 8


def test_many_who_remember_at_once_keep_the_largest(key_file: KeyFile) -> None:
    key_file.make(ORIGIN)

    def remember(start: int) -> None:
        for size in range(start, 200, 4):
            key_file.remember(Tree(size, bytes([size]) * 32))
            assert key_file.last_signed() is not None

    threads = [Thread(target=remember, args=(start,)) for start in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert key_file.last_signed() == Tree(199, bytes([199]) * 32)


# Secrecy --------------------------------------------------------------------------------------


def test_the_key_is_in_no_table_no_log_and_no_text_of_an_object(
    log: LogLedger, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    log.write(3)
    publisher = log.publisher()
    ticker = Ticker(publisher, tick_s=0.01)
    ticker.start()
    try:
        while not log.sizes():
            pass
        log.key_file.guard.write_text("damaged", encoding="utf-8")
        log.write(1)
        while "does not say what was last signed" not in caplog.text:
            pass
    finally:
        ticker.stop()
    assert caplog.text.count("The log is not published: ") == 1  # not once a tick
    (key,) = log.key_file.keys(ORIGIN)
    said = caplog.text + "".join(capfd.readouterr()) + repr(key) + repr(log.key_file)
    said += repr(publisher) + repr(vars(publisher)) + repr(vars(log.key_file))
    assert_without(key, said.encode())
    assert_without(key, tables_of(log.database))
    if log.database.is_sqlite:
        for path in Path(str(log.database.url.database)).parent.glob("offset.db*"):
            assert_without(key, path.read_bytes())
    assert key.skey.encode() in log.key_file.path.read_bytes()


def tables_of(database: Database) -> bytes:
    """All values of all tables."""

    def bytes_of(value: Any) -> bytes:
        return value if isinstance(value, bytes) else str(value).encode()

    with database.reading() as connection:
        rows = [
            row for table in metadata.tables.values() for row in connection.execute(table.select())
        ]
    assert len(rows) > 10
    return b"\x00".join(bytes_of(value) for row in rows for value in row)


def assert_without(key: SigningKey, said: bytes) -> None:
    secret = base64_text(key.seed), base64_text(bytes([key.kind]) + key.seed)
    forms = (key.seed, key.seed.hex().encode(), repr(key.seed).encode())
    for form in (*forms, *(one.rstrip("=").encode() for one in secret)):
        assert form not in said
