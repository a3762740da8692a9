"""The goals of the ledger's speed, each held to what was measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bench.lookups import BY_ID
from bench.rounds import Json, Spread, rates, ratios, tails

_NAMED: Final = {"create": "create", "part": "retire parts of many records", "get": "get"}
_WRITES: Final = ("create", "sell", "retire")
Sections = Mapping[str, Any]
"""What was measured on one database, by section."""


@dataclass(frozen=True, slots=True)
class Held:
    """What was found, in words, and whether it reaches the goal."""

    words: str
    reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A goal: the work, what is to be reached, the sections it needs, how it is held to them."""

    work: str
    goal: str
    needs: Sequence[str]
    hold: Callable[[Sections], Held]


def goals() -> Iterator[Goal]:
    """List all goals."""
    for call in _WRITES:
        yield from _write_goals(call)
    yield Goal(
        work="64 clients retiring parts of one record",
        goal="at least 70 % of the same on many records",
        needs=("one-record",),
        hold=lambda found: _at_least(ratios(found["one-record"], "one", "many"), 0.7),
    )
    yield Goal(
        work="GET by id",
        goal="at least 20 times the baseline",
        needs=("get",),
        hold=lambda found: _times(ratios(found["get"], "offset", "baseline"), 20),
    )
    yield Goal(
        work="GET by id",
        goal="at least 80 % of `null`",
        needs=("get",),
        hold=lambda found: _at_least(ratios(found["get"], "offset", "null"), 0.8),
    )
    yield Goal(
        work="list, filter, serial lookup, text search",
        goal="median of the server under 5 times GET by id",
        needs=("lookups",),
        hold=_lookups,
    )
    yield Goal(
        work="bulk import",
        goal="at least 50 % of plain `COPY` or `executemany` into the guarded tables",
        needs=("import",),
        hold=lambda found: _share(found["import"]["guarded_s"] / found["import"]["seconds"], 0.5),
    )
    yield Goal(
        work="bulk import",
        goal="memory under 300 MB",
        needs=("import",),
        hold=lambda found: _megabytes([found["import"]["peak_mb"]], 300),
    )
    yield Goal(
        work="`POST /batch`",
        goal="at least 50 % of the same",
        needs=("batch",),
        hold=lambda found: _share(
            found["batch"]["records_per_second"] / found["batch"]["guarded_per_second"], 0.5
        ),
    )
    for call in ("create", "part", "get"):
        yield Goal(
            work=f"growth: {_NAMED[call]}",
            goal="the large ledger within 30 % of the small one",
            needs=("growth",),
            hold=partial(_growth, call),
        )
    for call in ("create", "part", "get"):
        yield Goal(
            work=f"two processes on PostgreSQL: {_NAMED[call]}",
            goal="no slower than one",
            needs=("processes",),
            hold=partial(_processes, call),
        )
    yield Goal(
        work="log publishing",
        goal="keeps up, with under 20 % of the processor time of the server that writes",
        needs=("publishing",),
        hold=_publishing,
    )
    yield Goal(
        work="memory of a process at rest and under load",
        goal="under 150 MB",
        needs=("memory",),
        hold=lambda found: _megabytes(list(found["memory"].values()), 150),
    )


def _write_goals(call: str) -> Iterator[Goal]:
    work = f"{call} by 64 clients, one process"
    yield Goal(
        work=work,
        goal="at least 20 times the baseline",
        needs=(call,),
        hold=lambda found: _times(ratios(found[call], "offset", "baseline"), 20),
    )
    yield Goal(
        work=work,
        goal="at least 55 % of `null`",
        needs=(call,),
        hold=lambda found: _at_least(ratios(found[call], "offset", "null"), 0.55),
    )
    yield Goal(
        work=work,
        goal="p99 at most 4 times p50",
        needs=(call,),
        hold=lambda found: _at_most(tails(found[call], "offset"), 4),
    )


def _times(spread: Spread, least: float) -> Held:
    return Held(times(spread), spread.median >= least)


def _at_most(spread: Spread, most: float) -> Held:
    return Held(times(spread), spread.median <= most)


def _at_least(spread: Spread, least: float) -> Held:
    return Held(percent(spread), spread.median >= least)


def _share(share: float, least: float) -> Held:
    return Held(f"{share:.0%}", share >= least)


def _megabytes(sizes: Sequence[float], most: float) -> Held:
    return Held(f"{min(sizes):.0f} to {max(sizes):.0f} MB", max(sizes) < most)


def _lookups(found: Sections) -> Held:
    slow = lookup_ratios(found["lookups"])
    name, worst = max(slow.items(), key=lambda one: one[1])
    above = sum(ratio >= 5 for ratio in slow.values())
    words = f"{above} of {len(slow)} are above; the slowest is {name!r}: {worst:,.1f}"
    return Held(words, above == 0)


def lookup_ratios(found: Json) -> dict[str, float]:
    """Give each kind of question's median as a multiple of the read by id, over all rounds."""
    medians = {
        name: Spread.of([one["p50_ms"] for one in rounds]).median for name, rounds in found.items()
    }
    return {name: median / medians[BY_ID] for name, median in medians.items() if name != BY_ID}


def _processes(call: str, found: Sections) -> Held:
    return _at_least(ratios(found["processes"][call], "two", "one"), 1.0)


def _growth(call: str, sections: Sections) -> Held:
    found = sections["growth"]
    small, large = found["sizes"][0], found["sizes"][-1]
    spread = ratios(found[call], str(large), str(small))
    return Held(f"{large:,} beside {small:,} records: {percent(spread)}", spread.median >= 0.7)


def _publishing(found: Sections) -> Held:
    shares, lags = Spread.of(found["publishing"]["shares"]), found["publishing"]["lags_s"]
    words = f"{percent(shares)}; {max(lags):.1f} s behind when the load ends"
    return Held(words, shares.median < 0.2 and max(lags) < 3)


def times(spread: Spread) -> str:
    """Write a ratio as a multiple, with the smallest and the largest."""
    return f"{spread.median:.1f} ({spread.low:.1f} to {spread.high:.1f})"


def percent(spread: Spread) -> str:
    """Write a ratio in per cent, with the smallest and the largest."""
    return f"{spread.median:.0%} ({spread.low:.0%} to {spread.high:.0%})"


def rate(found: Json, name: str) -> str:
    """Write the median of the answers a second."""
    return f"{Spread.of(rates(found, name)).median:,.0f}"
