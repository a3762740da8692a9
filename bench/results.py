"""Writes what was measured as a page."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.ledgers import ENGINES
from bench.rounds import Spread, rates, ratios, tails

Kept = Mapping[str, Any]
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def rendered(kept: Kept) -> str:
    """Write bench/results.md."""
    lines = ["# What was measured", "", *_calls(kept)]
    return "\n".join(lines) + "\n"


def _calls(kept: Kept) -> Iterator[str]:
    yield "| call | database | offset/s | of baseline | of null | p99/p50 |"
    yield "|---|---|---:|---:|---:|---:|"
    for call in ("create", "sell", "retire", "get"):
        for engine in ENGINES:
            one = kept.get(f"{call}/{engine}")
            if one is None:
                continue
            found = one["found"]
            yield (
                f"| {call} | {NAMES[engine]} "
                f"| {Spread.of(rates(found, 'offset')).median:,.0f} "
                f"| {_times(ratios(found, 'offset', 'baseline'))} "
                f"| {_percent(ratios(found, 'offset', 'null'))} "
                f"| {_times(tails(found, 'offset'))} |"
            )
    yield ""


def _times(spread: Spread) -> str:
    return f"{spread.median:.1f} ({spread.low:.1f} to {spread.high:.1f})"


def _percent(spread: Spread) -> str:
    return f"{spread.median:.0%} ({spread.low:.0%} to {spread.high:.0%})"
