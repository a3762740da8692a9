"""Clients that share: one record among all of them, one ledger between two processes."""

from functools import partial
from typing import Final

from bench.calls import act
from bench.filling import untouched
from bench.ledgers import Ledgers, ask
from bench.load import Request, load
from bench.rounds import Json, Plan, interleaved

_MANY: Final = 20_000
_PART: Final = '{"quantity":0.001}'
_HUGE: Final = {
    "project_name": "One record for all",
    "registry": "Bench",
    "vintage": 2020,
    "quantity": 1_000_000_000,
}


def measure_one_record(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Retire parts of one record, and parts of many, by as many clients."""
    subject = ledgers.offset(engine, plan.records)
    # The last of those to which nothing happened; retirements of whole records begin at the first.
    last = plan.records // 2
    many = [
        _retirement(subject.id_of(untouched(number)))
        for number in range(last - min(_MANY, last // 4), last)
    ]
    with subject.served() as server:
        made = ask(server.url, "/records", {**_HUGE, "serial_number": f"BENCH-{ledgers.ordinal()}"})
        one = [_retirement(made["id"])]
        return interleaved(
            {
                "many": lambda seconds: load([server.url], many, seconds=seconds),
                "one": lambda seconds: load([server.url], one, seconds=seconds),
            },
            plan,
        )


def _retirement(record_id: str) -> Request:
    return Request("POST", f"/records/{record_id}/retire", _PART)


def measure_processes(engine: str, ledgers: Ledgers, plan: Plan) -> Json | None:
    """Let one server and two answer the same number of clients; PostgreSQL only."""
    if engine != "postgresql":
        return None  # one process serves SQLite
    subject = ledgers.offset(engine, plan.records)
    found: Json = {}
    with subject.served() as first, subject.served() as second:
        both = [first.url, second.url]
        for call in ("create", "retire", "get"):
            acts = {
                "one": partial(act, call, subject, both[:1]),
                "two": partial(act, call, subject, both),
            }
            found[call] = interleaved(acts, plan)
    return found


def measure_growth(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Do the same in ledgers of different sizes."""
    found: Json = {"sizes": list(plan.growth)}
    subjects = [ledgers.offset(engine, size) for size in plan.growth]
    small, large = subjects[0], subjects[-1]
    with small.served() as one, large.served() as other:
        for call in ("create", "retire", "get"):
            acts = {
                str(small.count): partial(act, call, small, [one.url]),
                str(large.count): partial(act, call, large, [other.url]),
            }
            found[call] = interleaved(acts, plan)
    return found
