"""The log of a million events: publishing, and the proof of any event.

The events are written plainly, all on one record: what is measured is the log, not the ledger.
"""

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import text, update

from bench.ledgers import Ledgers
from bench.rounds import Json, Plan
from offset.core.checkpoints import read_proof, verify_proof
from offset.core.events import leaf_bytes
from offset.core.merkle import leaf_hash
from offset.database import Database
from offset.ledger import ensure_origin
from offset.log import Log
from offset.log.keys import KeyFile
from offset.log.publisher import Publisher
from offset.models import events, ledger_head, records

ORIGIN: Final = "bench.example/log"
RECORD: Final = "ab" * 32
_ROWS_AT_A_TIME: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What was measured: events a second; milliseconds; bytes."""

    published: float
    made_ms: list[float]
    checked_ms: list[float]
    largest: int


def measure(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Publish a log of its own and prove some of its events."""
    path = ledgers.new_path("key")
    found = measured(ledgers.prepared(engine), path, plan.events)
    return {
        "events": plan.events,
        "published": found.published,
        "made_ms": spread(found.made_ms),
        "verified_ms": spread(found.checked_ms),
        "largest": found.largest,
    }


def measured(url: str, key_path: Path, count: int, *, asked: int = 2_000) -> Proofs:
    """Publish `count` events in a prepared ledger, and prove some of them."""
    with closing(Database(url, pool_size=2)) as database:
        ensure_origin(database, ORIGIN, None)
        _fill(database, count)
        key_file = KeyFile(key_path)
        key = key_file.make(ORIGIN).verifier
        publisher = Publisher(database, origin=ORIGIN, key_file=key_file)
        start = time.perf_counter()
        publisher.publish()
        published = count / (time.perf_counter() - start)
        log, chance = Log(database), random.Random(1)
        made_ms: list[float] = []
        checked_ms: list[float] = []
        largest = 0
        for position in [0, count - 1, *(chance.randrange(count) for _ in range(asked))]:
            start = time.perf_counter()
            data = log.proof(position).encode()
            made_ms.append((time.perf_counter() - start) * 1e3)
            start = time.perf_counter()
            proof = read_proof(data)
            assert proof.extra is not None
            verify_proof(proof, proof.extra, key)
            checked_ms.append((time.perf_counter() - start) * 1e3)
            largest = max(largest, len(data))
    return Proofs(published=published, made_ms=made_ms, checked_ms=checked_ms, largest=largest)


def spread(times_ms: list[float]) -> str:
    """Write the median, the 99th percentile and the largest."""
    ordered = sorted(times_ms)
    p99 = ordered[int(len(ordered) * 0.99) - 1]
    return f"{statistics.median(ordered):.2f} / {p99:.2f} / {ordered[-1]:.2f}"


def _fill(database: Database, count: int) -> None:
    with database.writing() as connection:
        row = (0, bytes.fromhex(RECORD), "bench", "verra", 2020, 10**15, "bench", "{}", None, "{}")
        database.insert(connection, records, [(*row, None, 0)])
    rows: list[tuple[object, ...]] = []
    for row_ in _events(count):
        rows.append(row_)
        if len(rows) == _ROWS_AT_A_TIME or row_[0] == count - 1:
            with database.writing() as connection:
                if not database.is_sqlite:
                    connection.execute(text("SET LOCAL statement_timeout = 0"))
                database.insert(connection, events, rows)
            rows.clear()
    with database.writing() as connection:
        connection.execute(update(ledger_head).values(position=count - 1, at_us=1))


def _events(count: int) -> Iterator[tuple[object, ...]]:
    """Make retirements of one gram, as large as real ones."""
    for position in range(count):
        event_id = UUID(int=(position * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)
        leaf = leaf_bytes(
            event_id=str(event_id),
            event_type="RETIRED",
            data={
                "parts": [[position, 1]],
                "holder": None,
                "purpose": "environmental-benefit",
                "country": "KE",
                "effective_on": "2026-01-31",
                "group": None,
                "details_sha256": "ab" * 32,
            },
            at="2026-01-31T00:00:00.000000Z",
            by=None,
            log=ORIGIN,
            prev="q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
            record=RECORD,
            seq=position + 1,
        )
        yield (position, 0, position + 1, event_id.bytes, "RETIRED", leaf, leaf_hash(leaf))
