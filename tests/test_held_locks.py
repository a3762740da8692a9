"""A lock that a foreign session holds stops only the requests that need it."""

import time
from collections.abc import Iterator, Sequence
from zlib import crc32

import pytest

from builders import ORIGIN, creating, selling
from held import held_record, held_rows
from offset.core.errors import DatabaseUnavailable, OffsetError
from offset.database import Database
from offset.ledger import Ledger
from offset.reading import Reader
from offset.units import Answer, Unit

ADVISORY = "SELECT pg_advisory_xact_lock(%s, number) FROM unnest(%s::int[]) AS number"
HOLDING = (
    "SELECT 1 FROM holdings JOIN records ON number = record_number"
    " WHERE id = decode(%s, 'hex') FOR UPDATE OF holdings"
)
A_MOMENT_S = 1.0


def statuses(ledger: Ledger, units: Sequence[Unit]) -> tuple[list[int | None], float]:
    """The answers' statuses, None for what the database refused; and how long they took."""
    start = time.monotonic()
    found: list[int | None] = []
    for outcome in ledger.commit(units):
        if isinstance(outcome, OffsetError):
            assert isinstance(outcome, DatabaseUnavailable)
            assert outcome.facts == {}
            assert "nothing was done" in outcome.detail
        found.append(outcome.status if isinstance(outcome, Answer) else None)
    return found, time.monotonic() - start


def created(ledger: Ledger, first: int) -> str:
    """Create ten credits; the record's id."""
    (answer,) = ledger.commit([creating(first=first, last=first + 9)])
    assert isinstance(answer, Answer)
    return str(answer.body["id"])


@pytest.fixture
def ledger(postgresql_url: str) -> Iterator[Ledger]:
    database = Database(postgresql_url)
    yield Ledger(database, origin=ORIGIN)
    database.close()


def test_a_held_record_is_waited_for_once(ledger: Ledger, postgresql_url: str) -> None:
    held, free = created(ledger, 1), created(ledger, 11)

    def units(to: str) -> list[Unit]:
        return [
            selling(free, to=to, quantity=1),
            selling(held, to=to, quantity=1),
            creating(first=100 * len(to) + 21, last=100 * len(to) + 30),
        ]

    with held_record(postgresql_url, held):
        first, first_s = statuses(ledger, units("a"))
        second, second_s = statuses(ledger, units("bb"))
    third, third_s = statuses(ledger, units("ccc"))
    assert [first, second, third] == [[200, None, 201], [200, None, 201], [200, 200, 201]]
    assert 2 <= first_s < 4
    assert second_s < A_MOMENT_S
    assert third_s < A_MOMENT_S


@pytest.mark.parametrize("kind", ["key", "series", "holding"])
def test_only_who_needs_a_held_lock_is_refused(
    ledger: Ledger, postgresql_url: str, kind: str
) -> None:
    record, other = created(ledger, 1), created(ledger, 11)
    sale = selling(other, to="b", quantity=1)
    needs: dict[str, tuple[Unit, str, tuple[object, ...]]] = {
        "key": (
            selling(record, key="key-of-ours", to="b", quantity=1),
            ADVISORY,
            (1, [crc32(b"open\nkey-of-ours") & 0x7FFFFFFF]),
        ),
        "series": (creating(first=21, last=30), ADVISORY, (2, list(range(1024)))),
        # No lock that a unit is known to need: it is found by halves.
        "holding": (
            selling(record, to="b", quantity=1),
            HOLDING,
            (record,),
        ),
    }
    unit, statement, values = needs[kind]
    with held_rows(postgresql_url, statement, values):
        found, took_s = statuses(ledger, [sale, unit])
    assert found == [200, None]
    assert took_s < 5
    assert statuses(ledger, [unit])[0] == [201 if kind == "series" else 200]


def test_another_process_that_writes_the_file_stops_writes_and_no_reads(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    ledger = Ledger(database, origin=ORIGIN)
    record = created(ledger, 1)
    with held_record(sqlite_url, record):
        found, took_s = statuses(ledger, [selling(record, to="b", quantity=1)])
        start = time.monotonic()
        Reader(database).record(record)
        read_s = time.monotonic() - start
    assert found == [None]
    assert 4 < took_s < 8
    assert read_s < A_MOMENT_S
    assert statuses(ledger, [selling(record, to="b", quantity=1)])[0] == [200]
    database.close()
