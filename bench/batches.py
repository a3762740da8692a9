"""`POST /batch`: creates in thousands, beside the plain loading of the rows that they made."""

import json
from pathlib import Path
from typing import Final

from bench import bulk, servers
from bench.ledgers import Ledgers
from bench.load import Request, Stream, load
from bench.rounds import Json, Plan
from bench.samples import body

SIZE: Final = 1_000  # commands of one request
_CLIENTS: Final = 2  # one is read while the other is written


def measure(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Fill an empty ledger by batches, then load what it holds into two empty ones."""
    subject = ledgers.empty(engine)
    batches = Stream(lambda number: Request("POST", "/batch", _batch(number)))
    with subject.served(servers.OFFSET) as server:
        rate = load(
            [server.url],
            batches,
            seconds=plan.seconds * plan.rounds,
            clients=_CLIENTS,
            most_per_second=200,
        )
    stored = subject.count_events() or 0
    assert stored >= rate.requests * SIZE, "a batch has left out commands"
    dump = ledgers.new_path("dump")
    dump.mkdir()
    finished = bulk.measured("dump", subject.url, dump)
    guarded = bulk.measured("guarded", ledgers.prepared(engine), dump)
    bare = bulk.measured("bare", ledgers.bare(engine), dump)
    return {
        "records_per_second": rate.requests * SIZE / rate.seconds,
        "rows_per_record": finished.rows / stored,
        "guarded_per_second": stored / guarded.seconds,
        "bare_per_second": stored / bare.seconds,
    }


def _batch(number: int) -> str:
    commands = [
        {"command": "create", **body(one)} for one in range(number * SIZE, (number + 1) * SIZE)
    ]
    return json.dumps({"commands": commands}, separators=(",", ":"))


def measure_import(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Import synthetic exports of all registries, and load the finished rows plainly."""
    files = ledgers.exports(plan.rows)
    ledger, dump = ledgers.prepared(engine), ledgers.new_path("dump")
    dump.mkdir()
    done = bulk.measured("import", ledger, *files)
    finished = bulk.measured("dump", ledger, dump)
    guarded = bulk.measured("guarded", ledgers.prepared(engine), dump)
    bare = bulk.measured("bare", ledgers.bare(engine), dump)
    _remove(dump)
    return {
        "files": len(files),
        "rows": done.rows,
        "finished_rows": finished.rows,
        "peak_mb": done.peak_mb,
        "seconds": done.seconds,
        "guarded_s": guarded.seconds,
        "bare_s": bare.seconds,
    }


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
