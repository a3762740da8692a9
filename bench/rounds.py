"""Variants measured in turn, again and again: what the machine does meanwhile meets all of them."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from bench.ledgers import say
from bench.load import Rate

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long to measure, and how much is there when it begins."""

    seconds: int  # of one round
    rounds: int
    records: int  # in a ledger of the usual size
    growth: Sequence[int]  # the sizes that are compared
    rows: int  # of an import
    events: int  # of the log
    parts: int = 100_000  # of one record


class Spread(NamedTuple):
    """The smallest, the middle and the largest of what rounds found."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(min(values), statistics.median(values), max(values))


def interleaved(
    acts: Mapping[str, Callable[[int], Rate]], plan: Plan, *, warm_up_s: int = 1
) -> Json:
    """Measure every variant in every round; an act takes seconds and gives what it found."""
    found: dict[str, list[Json]] = {name: [] for name in acts}
    for act in acts.values():
        act(warm_up_s)
    for _ in range(plan.rounds):
        for name, act in acts.items():
            rate = act(plan.seconds)
            found[name].append(asdict(rate))
            say(f"  {name}: {rate.per_second:,.0f}/s, p50 {rate.p50_ms} ms, p99 {rate.p99_ms} ms")
    return found


def rates(found: Json, name: str) -> list[float]:
    """Give the answers a second of a variant, by round."""
    return [one["requests"] / one["seconds"] for one in found[name]]


def ratios(found: Json, name: str, other: str) -> Spread:
    """Compare two variants round by round."""
    pairs = zip(rates(found, name), rates(found, other), strict=True)
    return Spread.of([one / another for one, another in pairs])


def tails(found: Json, name: str) -> Spread:
    """Give p99 as a multiple of p50, by round."""
    return Spread.of([one["p99_ms"] / one["p50_ms"] for one in found[name]])
