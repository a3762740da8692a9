"""Events a second of the `eventsourcing` library, as its documentation uses it.

recorder      `insert_events` of its aggregate recorder: one stored event, one transaction
recorder, 64  the same with 64 stored events in one transaction
application   `Application.save` of one new aggregate with one event: the aggregate is made, the
              event is serialised and recorded in the application's sequence
retire        the same, for a second event on an aggregate that is read from the database first

Its events have a JSON state of about the size of Offset's leaves. They have no rules about
quantities, no claims, no holdings, no guards and no hashes: an append of its own is a smaller
thing. One thread, durable commits.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import count
from uuid import uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent

STATE = b"x" * 700
FIELDS = {
    "project_name": "Forest conservation of valley 1",
    "registry": "verra",
    "vintage": 2020,
    "quantity_g": 100_000_000,
    "serial_number": "9001-1-100-VCS-VCU-999-VER-KE-14-1-01012020-31122020-1",
}


class Credits(Aggregate):
    """An issuance as an aggregate."""

    def __init__(self, fields: dict[str, object]) -> None:
        self.fields = fields
        self.retired_g = 0

    @event("Retired")
    def retire(self, quantity_g: int, purpose: str) -> None:
        """Retire some of it."""
        self.retired_g += quantity_g


def per_second(act: Callable[[], int], seconds: float) -> float:
    """Do it again and again; give what it counts, a second."""
    act()
    start = time.perf_counter()
    done = 0
    while time.perf_counter() < start + seconds:
        done += act()
    return done / (time.perf_counter() - start)


def main() -> None:
    """Measure and print JSON."""
    url, seconds = os.environ["BENCH_URL"], float(os.environ["BENCH_SECONDS"])
    if url.startswith("sqlite"):
        env = {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": url.removeprefix("sqlite:///"),
        }
    else:
        env = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": os.environ["BENCH_DATABASE"],
            "POSTGRES_HOST": os.environ["BENCH_HOST"],
            "POSTGRES_PORT": "5432",
            "POSTGRES_USER": "postgres",
            "POSTGRES_PASSWORD": "",
        }
    application: Application = Application(env=env)
    recorder = application.factory.aggregate_recorder()

    def record(size: int) -> int:
        events = [
            StoredEvent(originator_id=uuid4(), originator_version=1, topic="t:Created", state=STATE)
            for _ in range(size)
        ]
        recorder.insert_events(events)
        return size

    ids = []

    def create() -> int:
        made = Credits(FIELDS)
        application.save(made)
        ids.append(made.id)
        return 1

    places = count()

    def retire() -> int:
        found: Credits = application.repository.get(ids[next(places) % len(ids)])
        found.retire(1_000, "environmental-benefit")
        application.save(found)
        return 1

    found = {
        "recorder": per_second(lambda: record(1), seconds),
        "recorder, 64 a transaction": per_second(lambda: record(64), seconds),
        "application: create": per_second(create, seconds),
        "application: retire": per_second(retire, seconds),
    }
    application.close()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
