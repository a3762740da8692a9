"""What connections are told, and what waits for a database without holding the event loop."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest

from builders import created, creating, opened, retiring
from databases import sqlite_url_of
from offset.connections import BY_KEY, TIMEOUTS
from offset.core.errors import RecordNotFound
from offset.database import Database
from offset.journal import LONGEST
from offset.ledger import Ledger
from offset.reading import Reader
from offset.units import Answer
from offset.waiting import on_loop
from proxies import postgres_proxy

PATIENT = dict.fromkeys(TIMEOUTS, "0")


def settings(connection: Any) -> dict[str, str]:
    """The settings of a transaction, as PostgreSQL has them: milliseconds or a word."""
    names = ", ".join(f"'{name}'" for name in TIMEOUTS | BY_KEY)
    rows = connection.exec_driver_sql(
        f"SELECT name, setting FROM pg_settings WHERE name IN ({names})"
    )
    return {row.name: row.setting for row in rows}


@pytest.mark.parametrize("as_pooler", [False, True])
def test_each_transaction_of_postgresql_has_its_settings(
    as_pooler: bool, postgresql_url: str
) -> None:
    usual = dict.fromkeys(BY_KEY, "on")
    with postgres_proxy(postgresql_url) as proxy:
        proxy.as_pooler = as_pooler
        with closing(Database(proxy.url)) as database:
            for _ in range(2):  # the second has the first one's connection
                with database.writing() as connection:
                    assert settings(connection) == TIMEOUTS | BY_KEY
                with database.reading(by_key=True) as connection:
                    assert settings(connection) == TIMEOUTS | BY_KEY
                with database.reading() as connection:
                    assert settings(connection) == TIMEOUTS | usual
                with database.reading(patiently=True) as connection:
                    assert settings(connection) == PATIENT | usual
                with database.altering() as connection:
                    assert settings(connection) == PATIENT | usual


def test_a_connection_of_the_servers_own_is_told_once(postgresql_url: str) -> None:
    told: list[bytes] = []

    def judged(message: Any) -> Any:
        told.append(message.body)
        return original(message)

    with postgres_proxy(postgresql_url) as proxy, closing(Database(proxy.url)) as database:
        original = proxy.judge
        proxy.judge = judged
        for _ in range(3):
            with database.writing() as connection:
                connection.exec_driver_sql("SELECT 1")
    assert sum(body.count(b"lock_timeout") for body in told) == 1


def test_a_statement_of_sqlite_leaves_no_file_for_its_undoing(tmp_path: Path) -> None:
    with closing(Database(sqlite_url_of(tmp_path / "ledger.db"))) as database:
        for reading in (database.reading(), database.reading(by_key=True), database.writing()):
            with reading as connection:
                assert connection.exec_driver_sql("PRAGMA temp_store").scalar_one() == 2


def test_what_was_written_comes_into_the_file_by_itself(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with opened(sqlite_url) as ledger:
        record_id = created(ledger)
        deadline = time.monotonic() + 10
        while bytes.fromhex(record_id) not in path.read_bytes():
            assert time.monotonic() < deadline, "the journal was not moved"
            time.sleep(0.02)
        assert Path(f"{path}-wal").stat().st_size < LONGEST * 4096
        created(ledger, first=11, last=20)
    assert not Path(f"{path}-wal").exists(), "a connection was left open"


def holding_sqlite(url: str) -> Callable[[], object]:
    """Be another process that writes; give what ends it."""
    other = sqlite3.connect(
        url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    return other.close


def holding_postgresql(url: str) -> Callable[[], object]:
    """Be another process that decides about every record; give what ends it."""
    other = psycopg.connect(url)
    other.execute("SELECT 1 FROM record_state FOR UPDATE")
    return other.close


def test_the_loop_goes_on_while_the_ledger_waits_for_another_process(database_url: str) -> None:
    with opened(database_url) as ledger:
        record_id = created(ledger)
        hold = holding_sqlite if ledger.database.is_sqlite else holding_postgresql
        let_go = hold(database_url)
        answer, turns = asyncio.run(_committed(ledger, record_id, let_go))
    assert answer.status == 200
    assert turns >= 10


async def _committed(
    ledger: Ledger, record_id: str, let_go: Callable[[], object]
) -> tuple[Answer, int]:
    """Retire while another process holds the record; count what the loop did meanwhile."""
    retired = asyncio.ensure_future(on_loop(partial(ledger.commit, [retiring(record_id)])))
    turns = 0
    while turns < 10:
        await asyncio.sleep(0.02)
        assert not retired.done()
        turns += 1
    let_go()
    (answer,) = await retired
    assert isinstance(answer, Answer)
    return answer, turns


def test_two_who_connect_at_once_do_not_wait_for_each_other(database_url: str) -> None:
    """As after a lost connection; what SQLAlchemy does under a lock of its own may not wait."""
    answers: list[Any] = []

    async def both(reader: Reader) -> None:
        read = partial(reader.whole_records, ["00" * 32])
        for answer in await asyncio.gather(on_loop(read), on_loop(read)):
            answers.extend(answer)

    with opened(database_url) as ledger:
        ledger.database.reach()
        ledger.database.close()
        loop = Thread(target=lambda: asyncio.run(both(Reader(ledger.database))), daemon=True)
        loop.start()
        loop.join(timeout=30)
        assert not loop.is_alive(), "the event loop stands still"
    assert [type(answer) for answer in answers] == [RecordNotFound, RecordNotFound]


def test_a_slow_commit_of_sqlite_is_handed_to_a_thread(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offset.connections._SLOW_S", -1.0)  # each is
    handed: list[object] = []

    def in_thread(act: Callable[[], object]) -> object:
        handed.append(act)
        return act()

    monkeypatch.setattr("offset.connections.in_thread", in_thread)
    with opened(sqlite_url) as ledger:
        for first in (1, 11, 21):
            created(ledger, first=first, last=first + 9)
        assert len(handed) >= 2
        assert isinstance(ledger.commit([creating(first=31, last=40)])[0], Answer)


def test_a_connection_that_is_set_up_keeps_the_loop_where_no_answer_is_needed(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLAlchemy does it under a lock, for which the next connection would hold the loop."""
    monkeypatch.setattr("psycopg.waiting._last_yield", 0.0)  # psycopg has not yielded for long
    turns: list[int] = []

    def set_up(driver: Any) -> int:
        driver.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return len(turns)

    async def connect() -> int:
        asyncio.get_running_loop().call_soon(turns.append, 1)
        return await on_loop(partial(set_up, driver))

    with closing(Database(postgresql_url)) as database:
        raw = database.engine.raw_connection()
        driver = raw.driver_connection
        assert asyncio.run(connect()) == 0
        raw.close()
