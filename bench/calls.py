"""Create, sell, retire and read by id: Offset, the plain implementation and `null`, in turn."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from bench.ledgers import Ledgers, Subject
from bench.load import CLIENTS, Failed, Rate, Request, Stream, load
from bench.rounds import Json, Plan, interleaved

CALLS: Final = ("create", "sell", "retire", "get")


def measure(call: str, engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Load one server of each variant with one call."""
    subjects = (
        ledgers.baseline(engine, plan.records),
        ledgers.null(),
        ledgers.offset(engine, plan.records),
    )
    with ExitStack() as stack:
        acts = {}
        for subject in subjects:
            url = stack.enter_context(subject.served()).url
            acts[subject.name] = partial(act, call, subject, [url])
        if call == "create":
            acts["keyed"] = partial(act, "keyed", subjects[-1], [url])
        return interleaved(acts, plan)


def act(call: str, subject: Subject, urls: Sequence[str], seconds: int) -> Rate:
    """Load servers of one ledger with a call, and hold what they answered to what is stored."""
    before = subject.count_events()
    rate = load(urls, requests_of(call, subject), seconds=seconds)
    after = subject.count_events()
    if call != "get" and before is not None and after is not None:
        check_written(rate, after - before)
    return rate


def requests_of(call: str, subject: Subject) -> Stream | Sequence[Request]:
    """Choose the requests of a call."""
    return {
        "create": subject.creates,
        "keyed": subject.keyed,
        "sell": subject.sales,
        "retire": subject.retirements,
        "part": subject.parts,
        "get": subject.reads,
    }[call]


def check_written(rate: Rate, events: int) -> None:
    """Hold what was answered to what is stored: one event each, and those that were under way.

    wrk also leaves out what it got in its last moment: up to another answer for each client.

    Raises:
        Failed: the ledger has another number of new events.
    """
    if not rate.requests <= events <= rate.requests + 2 * CLIENTS:
        raise Failed(f"{rate.requests} requests were answered, {events} events were stored")
