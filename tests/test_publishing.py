"""The log is published in any steps, whatever fails in between: no gap, no duplicate, no fork."""

import itertools
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event, update

from log_ledgers import LogLedger, opened_log, size_of
from offset.connections import cursor
from offset.core.checkpoints import verify_checkpoint, verify_proof
from offset.core.errors import DatabaseUnavailable, NotPublished, Unfit
from offset.core.merkle import leaf_hash, verify_consistency
from offset.core.notes import read_note
from offset.core.tiles import Bundle, read_bundle
from offset.database import Database
from offset.log import Log
from offset.log.publisher import Publisher
from offset.models import events, ledger_head, log_checkpoints
from proxies import Fate, Message, postgres_proxy

PATIENCE_S: Final = 10.0
SMALL_STEP: Final = 100  # events that one transaction integrates, where a test wants several


@pytest.fixture
def log(database_url: str, tmp_path: Path) -> Iterator[LogLedger]:
    with opened_log(database_url, tmp_path) as made:
        yield made


# Steps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [(1, 1, 1, 253, 1), (255, 1, 1), (256, 0, 256), (257, 255), (1000, 2, 1099), (70_000,)],
    ids=str,
)
def test_a_log_of_any_steps_is_that_of_its_events(
    steps: tuple[int, ...], log: LogLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    if steps == (70_000,):  # three levels of tiles: the events are rows without a story
        fill(log, steps[0])
    else:
        monkeypatch.setattr("offset.log.publisher.LARGEST_STEP", SMALL_STEP)
    publisher = log.publisher()
    for step in steps if len(steps) > 1 else ():
        log.write(step)
        assert size_of(publisher.publish()) == log.events()
        log.check()
    assert size_of(publisher.publish()) == sum(steps)
    log.check()
    assert log.sizes() == sorted(set(itertools.accumulate(steps)))


def fill(log: LogLedger, count: int) -> None:
    """Append rows of `events` that no command made, to have many soon."""
    log.write(1)
    leaves = [f"{n}".encode() for n in range(1, count)]
    rows = [
        (n, 0, n + 1, n.to_bytes(16, "big"), "RETIRED", leaf, leaf_hash(leaf))
        for n, leaf in enumerate(leaves, 1)
    ]
    with log.database.writing() as connection:
        log.database.insert(connection, events, rows)
        connection.execute(update(ledger_head).values(position=count - 1))


def test_each_publisher_goes_on_from_what_is_stored(log: LogLedger) -> None:
    for count in (1, 254, 2, 300):
        log.write(count)
        assert size_of(log.publish()) == log.events()
    assert log.sizes() == [1, 255, 257, 557]


def test_an_empty_ledger_has_no_checkpoint(log: LogLedger) -> None:
    assert log.publish() is None
    assert log.key_file.last_signed() is None
    served = Log(log.database)
    assert served.size() == 0
    assert served.keys() == []
    with pytest.raises(NotPublished, match="no checkpoint yet"):
        served.checkpoint()


def test_nothing_new_is_not_signed_again(log: LogLedger) -> None:
    log.write(3)
    publisher = log.publisher()
    first = publisher.publish()
    before = log.signed(), log.key_file.guard.stat().st_mtime_ns
    with log.database.reading() as connection:
        row = connection.execute(log_checkpoints.select()).one()
    assert publisher.publish() == first
    assert log.publish() == first
    assert (log.signed(), log.key_file.guard.stat().st_mtime_ns) == before
    with log.database.reading() as connection:
        assert connection.execute(log_checkpoints.select()).one() == row


def test_a_process_that_did_not_sign_returns_the_newest_checkpoint(log: LogLedger) -> None:
    log.write(3)
    one, other = log.publisher(), log.publisher()
    assert one.publish() == other.publish()
    log.write(2)
    assert one.publish() == other.publish()
    log.write(2)
    assert other.publish() == one.publish()
    log.check()
    assert log.sizes() == [3, 5, 7]


def test_every_event_is_proven_offline_by_every_size_of_the_log(log: LogLedger) -> None:
    served = Log(log.database)
    for count in (1, 2, 255, 42):
        log.write(count)
        with pytest.raises(NotPublished, match="not in a checkpoint yet"):
            served.proof(log.events() - 1)
        log.publish()
        for position in range(log.events()):
            proof = served.proof(position)
            assert proof.index == position
            assert proof.extra is not None
            checkpoint, _ = verify_proof(proof, proof.extra, log.key)
            assert checkpoint.size == log.events()


def test_the_log_is_proven_to_grow_from_any_size_to_any_later_one(log: LogLedger) -> None:
    sizes = (1, 2, 3, 64, 65, 255, 256, 257, 300)
    for before, size in itertools.pairwise((0, *sizes)):
        log.write(size - before)
        log.publish()
    roots = {
        size: verify_checkpoint(read_note(note.encode()), log.key)[0].root
        for size, note in log.signed().items()
    }
    for old, new in itertools.combinations_with_replacement(sizes, 2):
        proof = Log(log.database).consistency(old, new)
        verify_consistency(old, new, proof, roots[old], roots[new])
    with pytest.raises(NotPublished, match="300 events, not 301"):
        Log(log.database).consistency(1, 301)


def test_a_bundle_has_the_leaves_of_what_is_published(log: LogLedger) -> None:
    log.write(300)
    log.publish()
    log.write(10)
    served = Log(log.database)
    with log.database.reading() as connection:
        rows = connection.execute(events.select().order_by(events.c.position)).all()
    bundles = (Bundle(0, 256), Bundle(1, 44))
    read = [leaf for one in bundles for leaf in read_bundle(one, served.file(one))]
    assert read == [row.leaf for row in rows[:300]]


# Faults ---------------------------------------------------------------------------------------


class Fault:
    """Fails one statement or one COMMIT of a database, counted from 0, as a full disk does."""

    def __init__(self, database: Database, at: int, *, after: bool) -> None:
        self.left, self.happened, self._after = at, False, after
        self._error = _disk_full(database.engine)
        self._patches = pytest.MonkeyPatch()
        self._patches.setattr("offset.database.cursor", self._cursor)
        self._engines = {one.dialect: one for one in (database.engine, database.writer)}
        for dialect, engine in self._engines.items():
            for name in ("do_execute", "do_executemany", "do_execute_no_params"):
                event.listen(engine, name, self._execute)
            self._patches.setattr(dialect, "do_commit", partial(self._commit, dialect.do_commit))

    def end(self) -> None:
        """Let everything succeed again."""
        for engine in self._engines.values():
            for name in ("do_execute", "do_executemany", "do_execute_no_params"):
                event.remove(engine, name, self._execute)
        self._patches.undo()

    def _execute(self, *_: Any) -> None:
        self._count()

    def _cursor(self, connection: Connection) -> Any:
        """Give a cursor of the driver's: one statement for each."""
        self._count()
        return cursor(connection)

    def _commit(self, commit: Callable[[Any], None], connection: Any) -> None:
        if not self._after:
            self._count()
        commit(connection)
        if self._after:
            self._count()

    def _count(self) -> None:
        self.left -= 1
        if self.left == -1:
            self.happened = True
            raise self._error


def _disk_full(engine: Engine) -> Exception:
    if engine.dialect.name != "sqlite":
        return psycopg.errors.DiskFull("no space left")
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@pytest.mark.parametrize("after", [False, True], ids=["before a commit", "after a commit"])
def test_the_next_publish_completes_what_a_fault_left(
    after: bool, log: LogLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The k-th statement or commit fails, for every k; also where the commit is done anyway."""
    monkeypatch.setattr("offset.log.publisher.LARGEST_STEP", SMALL_STEP)
    log.write(1)
    log.publish()
    publisher = log.publisher()
    for k in itertools.count():
        log.write(250 if k < 4 else 5)
        before = log.signed()
        fault = Fault(log.database, k, after=after)
        try:
            note = publisher.publish()
        except DatabaseUnavailable:
            note = None
        finally:
            fault.end()
        if not fault.happened:
            assert note is not None
            break
        assert before.items() <= log.signed().items()
        using = publisher if k % 2 else log.publisher()
        assert size_of(using.publish()) == log.events()
        log.check()
    assert k > 15  # one publish has so many statements
    assert size_of(note) == log.events()
    log.check()


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.LOSE_ANSWER])
def test_the_next_publish_completes_what_a_cut_connection_left(
    fate: Fate, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every message to PostgreSQL is the last one once: of statements and of COMMIT."""
    monkeypatch.setattr("proxies.ANSWER_S", 0.02)
    with (
        opened_log(postgresql_url, tmp_path) as plain,
        postgres_proxy(postgresql_url) as proxy,
        opened_log(proxy.url, tmp_path) as log,
    ):
        plain.write(250)
        publisher = log.publisher()
        cuts = 0
        for k in itertools.count():
            counted = itertools.count()
            proxy.judge = lambda _, k=k, counted=counted: (  # type: ignore[misc]
                fate if next(counted) == k else Fate.PASS
            )
            with suppress(DatabaseUnavailable):
                publisher.publish()
            proxy.judge = _pass
            if proxy.cuts == cuts:
                break
            cuts = proxy.cuts
            publish_soon(publisher, plain.events())
            plain.check()
            plain.write(520 if k < 4 else 3)
        assert cuts > 25
        assert plain.sizes()[-1] == plain.events()


def publish_soon(publisher: Publisher, size: int) -> None:
    """Publish; the publisher's lock is free when the server has seen that the other one is gone."""
    deadline = time.monotonic() + PATIENCE_S
    while size_of(publisher.publish()) < size:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _pass(_: Message) -> Fate:
    return Fate.PASS


def test_nothing_is_signed_that_the_guard_beside_the_key_does_not_know(log: LogLedger) -> None:
    log.write(5)
    publisher = log.publisher()
    in_the_way = log.key_file.guard.with_name(f"{log.key_file.guard.name}.new")
    in_the_way.mkdir()
    with pytest.raises(Unfit, match=r"log-key\.signed: cannot be written"):
        publisher.publish()
    assert log.signed() == {}
    log.check()
    in_the_way.rmdir()
    assert size_of(publisher.publish()) == 5
    log.check()
