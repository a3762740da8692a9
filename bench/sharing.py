"""Clients that share: one record among all of them, one ledger between two processes."""

from functools import partial
from typing import Final

from bench.calls import act
from bench.ledgers import Ledgers, ask, retire_part
from bench.load import load
from bench.rounds import Json, Plan, interleaved

_HUGE: Final = {
    "project_name": "One record for all",
    "registry": "Bench",
    "vintage": 2020,
    "quantity": 1_000_000_000,
}
_FROM_DISK_S: Final = 20  # until what is asked for of a large ledger is in memory


def measure_one_record(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Retire parts of one record, and parts of many, by as many clients."""
    subject = ledgers.offset(engine, plan.records)
    with subject.served() as server:
        made = ask(server.url, "/records", {**_HUGE, "serial_number": f"BENCH-{ledgers.ordinal()}"})
        one, many = [retire_part(made["id"])], subject.parts
        return interleaved(
            {
                "many": lambda seconds: load([server.url], many, seconds=seconds),
                "one": lambda seconds: load([server.url], one, seconds=seconds),
            },
            plan,
        )


def measure_processes(engine: str, ledgers: Ledgers, plan: Plan) -> Json | None:
    """Let one server and two answer the same number of clients; PostgreSQL only."""
    if engine != "postgresql":
        return None  # one process serves SQLite
    subject = ledgers.offset(engine, plan.records)
    found: Json = {}
    with subject.served() as first, subject.served() as second:
        both = [first.url, second.url]
        for call in ("create", "part", "get"):
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
        for call in ("create", "part", "get"):
            acts = {
                str(small.count): partial(act, call, small, [one.url]),
                str(large.count): partial(act, call, large, [other.url]),
            }
            found[call] = interleaved(acts, plan, warm_up_s=_FROM_DISK_S)
    return found
