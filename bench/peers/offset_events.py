"""Events a second of Offset without HTTP: `Ledger.commit` of one unit, and of 64 in a transaction.

Everything is done that a request has done after its body was read: the rules, claims, guards,
leaves and hashes, holdings, the answer. One thread, durable commits.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import count
from typing import Final

from bench.samples import body, offset_id
from offset.core.errors import OffsetError
from offset.database import Database
from offset.ledger import Ledger, ensure_origin
from offset.schemas import CreateRecord, RetirePart
from offset.submitting import Submission, take
from offset.units import Unit

_SUBMISSION: Final = Submission()


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
    ids: list[str] = []
    turns = count()

    def create() -> Unit:
        number = len(ids)
        ids.append(offset_id(number))
        sent = CreateRecord.model_validate(body(number))
        return _SUBMISSION.single(_SUBMISSION.create(sent))

    def retire() -> Unit:
        part = RetirePart.model_validate({"quantity": "0.001"})
        return _SUBMISSION.single(take(ids[next(turns) % len(ids)], part, None))

    with closing(Database(url, pool_size=2)) as database:
        ledger = Ledger(database, origin=ensure_origin(database, "bench.example/log", None))

        def commit(make: Callable[[], Unit], size: int) -> int:
            for outcome in ledger.commit([make() for _ in range(size)]):
                assert not isinstance(outcome, OffsetError), outcome
                assert outcome.status in (200, 201), outcome.body
            return size

        found = {
            f"{name}{words}": per_second(partial(commit, make, size), seconds)
            for size, words in ((64, ", 64 a transaction"), (1, ""))
            for name, make in (("create", create), ("retire", retire))
        }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
