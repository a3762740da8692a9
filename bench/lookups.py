"""Lists, filters, lookups and searches, by one client, beside the read of one record by its id.

With one client the median is what the server itself takes for one request.
"""

import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

from bench.filling import BUYERS
from bench.ledgers import Ledgers, Subject
from bench.load import Rate, Request, load
from bench.rounds import Json, Plan, interleaved
from bench.samples import REGISTRY, body, valley
from offset.queries import cursor_of

BY_ID: Final = "by id"
_VARIETY: Final = 2_000


def measure(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Ask one server one kind of question after the other."""
    subject = ledgers.offset(engine, plan.records)
    with subject.served() as server:
        acts = {
            name: partial(_ask, server.url, requests)
            for name, requests in questions(subject).items()
        }
        return interleaved(acts, plan)


def _ask(url: str, requests: Sequence[Request], seconds: int) -> Rate:
    # A second is enough for a median, and there are many kinds.
    return load([url], requests, seconds=min(seconds, 1), clients=1)


def questions(subject: Subject) -> Mapping[str, Sequence[Request]]:
    """Prepare requests of every kind, each about records all over the ledger."""
    chance = random.Random(2)
    numbers = [chance.randrange(subject.count) for _ in range(_VARIETY)]

    def lists(**filters: Sequence[object]) -> list[Request]:
        pairs = zip(*filters.values(), strict=True)
        asked = [dict(zip(filters, values, strict=True)) for values in pairs]
        return [Request("GET", f"/records?{urlencode(one)}") for one in asked]

    years = [2010 + number % 15 for number in numbers]
    cursors = [cursor_of(number) for number in numbers]
    statuses = [("CREATED", "SOLD", "RETIRED")[number % 3] for number in numbers]
    buyers = [f"buyer-{number % BUYERS}" for number in numbers]
    serials = [body(number)["serial_number"] for number in numbers]
    registries = [REGISTRY] * len(numbers)
    return {
        BY_ID: subject.reads,
        "list, first page": [Request("GET", "/records")],
        "list, anywhere": lists(cursor=cursors),
        "filter: registry": lists(registry=registries, cursor=cursors),
        "filter: vintage": lists(vintage=years, cursor=cursors),
        "filter: vintages": lists(vintage_from=years, vintage_to=years, cursor=cursors),
        "filter: status": lists(status=statuses, cursor=cursors),
        "filter: holder": lists(holder=buyers),
        "filter: status and vintage": lists(status=statuses, vintage=years),
        "filter: serial": lists(serial=serials),
        "text: whole name": lists(
            project_name=[body(number)["project_name"] for number in numbers]
        ),
        "text: a word": lists(project_name=[valley(number) for number in numbers]),
        "text: in no name": lists(project_name=[f"nowhere {number}" for number in numbers]),
        "serial: whole block": [Request("GET", f"/serials/{quote(text)}") for text in serials],
        "serial: one credit": [
            Request("GET", f"/serials/{quote(_single(number))}") for number in numbers
        ],
        "events of a record": [
            Request("GET", f"/records/{subject.id_of(number)}/events") for number in numbers
        ],
        "events, anywhere": [Request("GET", f"/events?after={number}") for number in numbers],
    }


def _single(number: int) -> str:
    """Name one credit in the middle of a record's block."""
    batch, first, _, rest = body(number)["serial_number"].split("-", 3)
    credit = int(first) + 50
    return f"{batch}-{credit}-{credit}-{rest}"
