"""What the log costs the server that publishes it, and whether it keeps up with the writes."""

import json
import os
import time
from contextlib import closing
from typing import Final

import psutil
from sqlalchemy import create_engine, text

from bench import metered, servers
from bench.calls import check_written
from bench.ledgers import Ledgers
from bench.load import load
from bench.rounds import Json, Plan

_PUBLISHER: Final = "offset-publisher"
_PATIENCE_S: Final = 60.0


def measure(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Create under full load; read the threads' processor time before and after."""
    subject = ledgers.offset(engine, plan.records)
    path = ledgers.new_path("threads")
    os.environ[metered.THREADS] = str(path)
    shares, lags, events = [], [], 0
    with subject.served(servers.METERED) as server:
        names = {int(key): name for key, name in json.loads(path.read_text("utf-8")).items()}
        load([server.url], subject.creates, seconds=1)
        _lag_s(subject.url)
        for _ in range(plan.rounds):
            before, stored = _times(server.pid), subject.count_events() or 0
            rate = load([server.url], subject.creates, seconds=plan.seconds)
            written = (subject.count_events() or 0) - stored
            check_written(rate, written)
            lags.append(_lag_s(subject.url))
            used = {one: spent - before.get(one, 0.0) for one, spent in _times(server.pid).items()}
            own = sum(spent for one, spent in used.items() if names.get(one) == _PUBLISHER)
            shares.append(own / sum(used.values()))
            events += written
    assert _PUBLISHER in names.values(), "no thread publishes"
    return {"shares": shares, "lags_s": lags, "events": events}


def _times(pid: int) -> dict[int, float]:
    """Give the processor seconds of every thread."""
    return {one.id: one.user_time + one.system_time for one in psutil.Process(pid).threads()}


def _lag_s(url: str) -> float:
    """Wait until the log has all events; give the seconds that took."""
    engine = create_engine(url)
    start = time.monotonic()
    with closing(engine.connect()) as connection:
        while connection.execute(_BEHIND).scalar_one():
            connection.rollback()
            assert time.monotonic() - start < _PATIENCE_S, "the log does not catch up"
            time.sleep(0.01)
    engine.dispose()
    return time.monotonic() - start


_BEHIND: Final = text("SELECT position + 1 - (SELECT size FROM log_state) FROM ledger_head")
