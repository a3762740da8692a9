"""All that can be measured, by name: a section takes a database, ledgers and a plan."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from bench import batches, calls, lookups, memory, parts, peers, proofs, publishing, sharing
from bench.ledgers import Ledgers
from bench.rounds import Json, Plan

Section = Callable[[str, Ledgers, Plan], Json | None]

SECTIONS: Final[Mapping[str, Section]] = {
    **{call: partial(calls.measure, call) for call in calls.CALLS},
    "one-record": sharing.measure_one_record,
    "parts": parts.measure,
    "processes": sharing.measure_processes,
    "lookups": lookups.measure,
    "publishing": publishing.measure,
    "memory": memory.measure,
    "import": batches.measure_import,
    "batch": batches.measure,
    "proofs": proofs.measure,
    "peers": peers.measure,
    "growth": sharing.measure_growth,
}
