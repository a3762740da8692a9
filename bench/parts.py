"""One record that was sold part by part: its next sale beside the first sales of another record.

No HTTP: one sale a transaction. Two buyers take turns, so no two holdings that touch are alike and
the record has as many holdings as parts.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from typing import Any, Final

from bench.ledgers import Ledgers, say
from bench.rounds import Json, Plan
from offset.database import Database
from offset.ledger import LARGEST_TRANSACTION, Ledger, ensure_origin
from offset.schemas import CreateRecord, RetirePart, SellPart
from offset.submitting import Submission, take
from offset.units import Answer, Unit

_SALES: Final = 50  # of each record in a round
_MOST: Final = 4_000_000  # credits of a record


def measure(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Sell and retire parts of a new record and of one with many parts in turn."""
    with closing(Database(ledgers.prepared(engine), pool_size=2)) as database:
        ledger = Ledger(database, origin=ensure_origin(database, "bench.example/log", None))
        few, many = _created(ledger, 1), _created(ledger, _MOST + 1)
        sales = {"few": _sales(few), "many": _sales(many)}
        for start in range(0, plan.parts, LARGEST_TRANSACTION):
            size = min(LARGEST_TRANSACTION, plan.parts - start)
            _commit(ledger, list(islice(sales["many"], size)))
        found: Json = {"parts": plan.parts}
        for name in sales:
            found[f"sell_{name}_ms"], found[f"retire_{name}_ms"] = [], []
        for _ in range(plan.rounds):
            for name, record_id in (("few", few), ("many", many)):
                sold = [_took_ms(ledger, sale) for sale in islice(sales[name], _SALES)]
                retired = [_took_ms(ledger, _retirement(record_id)) for _ in range(_SALES)]
                found[f"sell_{name}_ms"].append(statistics.median(sold))
                found[f"retire_{name}_ms"].append(statistics.median(retired))
    for act in ("sell", "retire"):
        few_ms, many_ms = (statistics.median(found[f"{act}_{name}_ms"]) for name in sales)
        say(f"  {act}: {few_ms:.2f} ms, beside {plan.parts:,} parts {many_ms:.2f} ms")
    return found


def _created(ledger: Ledger, first: int) -> str:
    serial = f"9001-{first}-{first + _MOST - 1}-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1"
    body = CreateRecord(
        project_name="Sold part by part",
        registry="verra",
        vintage=2020,
        quantity=_MOST,
        serial_number=serial,
    )
    submission = Submission()
    (answer,) = _commit(ledger, [submission.single(submission.create(body))])
    return str(answer.body["id"])


def _sales(record_id: str) -> Iterator[Unit]:
    """Make sales of one credit each to two buyers in turn."""
    for number in count():
        body = SellPart.model_validate({"quantity": 1, "to": f"buyer-{number % 2}"})
        yield Submission().single(take(record_id, body, None))


def _retirement(record_id: str) -> Unit:
    body = RetirePart.model_validate({"quantity": 1, "holder": None})
    return Submission().single(take(record_id, body, None))


def _took_ms(ledger: Ledger, unit: Unit) -> float:
    start = time.perf_counter()
    _commit(ledger, [unit])
    return (time.perf_counter() - start) * 1_000


def _commit(ledger: Ledger, units: list[Unit]) -> list[Any]:
    answers = ledger.commit(units)
    for answer in answers:
        assert isinstance(answer, Answer), answer
        assert answer.status in (200, 201), answer.body
    return list(answers)
