"""How much memory a server has: at rest, and under each kind of load."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

from bench.calls import CALLS, requests_of
from bench.ledgers import Ledgers
from bench.load import load
from bench.rounds import Json, Plan

_LOOK_EVERY_S: Final = 0.05


def measure(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Watch one server while it does all calls; all are resident megabytes."""
    subject = ledgers.offset(engine, plan.records)
    found: Json = {}
    with subject.served() as server:
        process = psutil.Process(server.pid)
        found["at rest"] = process.memory_info().rss / 2**20
        for call in CALLS:
            with _watched(process) as seen:
                load([server.url], requests_of(call, subject), seconds=plan.seconds)
            found[call] = max(seen)
        with _watched(process) as seen:
            load([server.url], subject.pages, seconds=plan.seconds)
        found["list"] = max(seen)
    return found


@contextmanager
def _watched(process: psutil.Process) -> Iterator[list[float]]:
    seen: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK_EVERY_S):
            seen.append(process.memory_info().rss / 2**20)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()
