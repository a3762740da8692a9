"""Large batches: they end in time, their statements are short, and their neighbours go on."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from builders import batching, check_history, created, creating, do, opened, retiring
from offset import ledger as ledger_module
from offset.connections import TIMEOUTS
from offset.core.errors import DatabaseUnavailable
from offset.ledger import Ledger
from offset.units import Answer

PARTS = 2_000


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with opened(database_url) as opened_ledger:
        yield opened_ledger


def sales(record_id: str, count: int, *, of: int) -> list[dict[str, str]]:
    sale = {"command": "sell", "record_id": record_id, "quantity": "0.001"}
    return [{**sale, "to": f"holder-{number % of}"} for number in range(count)]


def scattered(ledger: Ledger, parts: int = PARTS) -> str:
    """Create a record of which two holders have so many parts each, in turn."""
    record_id = created(ledger, first=1, last=10)
    do(ledger, batching(*sales(record_id, 2 * parts, of=2)))
    return record_id


def moves(record_id: str, count: int) -> list[dict[str, str]]:
    """List sales of all that one holder has, to another one and back."""
    ways = [{"from": "holder-0", "to": "acme"}, {"from": "acme", "to": "holder-0"}]
    sale = {"command": "sell", "record_id": record_id}
    return [{**sale, **ways[number % 2]} for number in range(count)]


@contextmanager
def impatient(url: str, **milliseconds: int) -> Iterator[Ledger]:
    """Open a ledger whose statements and pauses PostgreSQL cuts short."""
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in milliseconds.items():
            patch.setitem(TIMEOUTS, name, str(limit))
        with opened(url) as opened_ledger:
            yield opened_ledger


def test_a_batch_that_takes_too_long_is_rolled_back_and_its_neighbours_are_done(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_id = scattered(ledger)
    monkeypatch.setattr(ledger_module, "LONGEST_BATCH_S", 1.0)
    first, slow, last = ledger.commit(
        [
            creating(first=101, last=110),
            batching(*moves(record_id, 100)),
            creating(first=111, last=120),
        ]
    )
    assert isinstance(first, Answer)
    assert isinstance(last, Answer)
    assert (first.status, last.status) == (201, 201)
    assert isinstance(slow, DatabaseUnavailable)
    assert "nothing was done" in slow.detail
    back = {"from": "holder-0"}  # not in the batch that was rolled back
    sale = do(ledger, batching({"command": "sell", "record_id": record_id, "to": "zeta", **back}))
    assert sale.body["items"][0]["body"]["sold"]["parts_total"] == PARTS
    check_history(ledger.database)


def test_parts_are_retired_by_short_statements_whatever_the_planner_knew(
    postgresql_url: str,
) -> None:
    with opened(postgresql_url) as ledger:
        record_id = scattered(ledger, 2 * PARTS)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("ANALYZE")  # no part has ended yet
    with impatient(postgresql_url, statement_timeout=500) as ledger:
        answer = do(ledger, retiring(record_id))
        assert answer.body["retired"]["parts_total"] == 4 * PARTS + 1
        check_history(ledger.database)


def test_postgresql_waits_for_a_large_batch_to_be_decided(postgresql_url: str) -> None:
    with opened(postgresql_url) as ledger:
        record_id = created(ledger, first=1, last=10)
    with impatient(postgresql_url, idle_in_transaction_session_timeout=100) as ledger:
        answer = do(ledger, batching(*sales(record_id, PARTS, of=PARTS)))
        assert {item["status"] for item in answer.body["items"]} == {200}
