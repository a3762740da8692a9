"""Writes what was measured as a page: the goals first, then each section."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bench.goals import Sections, goals, lookup_ratios, percent, rate, times
from bench.ledgers import ENGINES
from bench.rounds import Json, Spread, ratios, tails

Kept = Mapping[str, Any]
_RECORDS: Final = 1_000_000  # that the goals are about
_GROWTH: Final = 10_000_000
NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_INTRODUCTION: Final = """\
Made by `make bench`; made anew in part by `python -m bench --only SECTION`. *Baseline* is
`bench/baseline`, a plain implementation of the original specification; *null* is Offset itself
with the database answered from memory (`bench/null.py`). Variants take turns on the same machine,
in rounds of a few seconds; ratios are taken round by round: the median, and in brackets the
smallest and the largest. Every server is one process with all that it has in production: guards,
leaves, details, idempotency, the log published. An answer that is no success fails the
measurement; after every round of writes the stored events are counted and held to the answers.
Absolute rates are this machine's alone."""


def rendered(kept: Kept) -> str:
    """Write bench/results.md from all sections that are kept, by "section/database"."""
    found = {
        engine: {
            key.partition("/")[0]: one["found"]
            for key, one in kept.items()
            if key.partition("/")[2] == engine
        }
        for engine in ENGINES
    }
    lines = ["# What was measured", "", _INTRODUCTION, "", *_origins(kept), ""]
    for section in (_goals, _calls, _parts, _lookups, _bulk, _others, _peers, _proofs):
        lines += section(found)
    return "\n".join(lines) + "\n"


def _origins(kept: Kept) -> Iterator[str]:
    """Say when, where and by what each section was measured."""
    origins: dict[str, list[str]] = {}
    for key, one in kept.items():
        plan = one["plan"]
        where = (
            f"{one['on']}, {one['machine']}, load by {one['load']}, {plan['rounds']} rounds of "
            f"{plan['seconds']} s, ledgers of {plan['records']:,} records, {plan['rows']:,} rows "
            "imported"
        )
        if plan["records"] < _RECORDS or plan["growth"][-1] < _GROWTH:
            where += " (smaller than the goals are about: nothing is reached for good yet)"
        origins.setdefault(where, []).append(key)
    for where, keys in origins.items():
        which = "" if len(origins) == 1 else f" ({', '.join(sorted(keys))})"
        yield f"{where}{which}."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> Iterator[str]:
    """Write a table whose first `words` columns are words and the others numbers."""
    if rows:
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * words}{'---:|' * (len(head) - words)}"
        for row in rows:
            yield f"| {' | '.join(row)} |"
        yield ""


def _goals(found: Mapping[str, Sections]) -> Iterator[str]:
    yield "## What to reach"
    yield ""
    rows = []
    for goal in goals():
        cells = []
        for engine in ENGINES:
            sections = found[engine]
            if all(sections.get(name) for name in goal.needs):
                held = goal.hold(sections)
                cells.append(f"{'**reached**' if held.reached else 'not reached'}: {held.words}")
            else:
                cells.append("")
        if any(cells):
            rows.append([goal.work, goal.goal, *cells])
    yield from _table(["work", "goal", *NAMES.values()], rows, words=4)


def _each(found: Mapping[str, Sections], *sections: str) -> Iterator[tuple[str, str, Json]]:
    """Walk sections on both databases: the section, the database's name, what was found."""
    for section in sections:
        for engine in ENGINES:
            if found[engine].get(section):
                yield section, NAMES[engine], found[engine][section]


def _calls(found: Mapping[str, Sections]) -> Iterator[str]:
    rows = [
        [
            call,
            engine,
            *(rate(one, name) for name in ("baseline", "null", "offset")),
            times(ratios(one, "offset", "baseline")),
            percent(ratios(one, "offset", "null")),
            *(
                f"{Spread.of([r[p] for r in one['offset']]).median:.1f}"
                for p in ("p50_ms", "p99_ms")
            ),
            times(tails(one, "offset")),
            times(tails(one, "baseline")),
        ]
        for call, engine, one in _each(found, "create", "sell", "retire", "get")
    ]
    yield "## Calls by 64 clients"
    yield ""
    head = ["call", "database", "baseline/s", "null/s", "offset/s", "of baseline", "of null"]
    more = ["p50, ms", "p99, ms", "p99 of p50", "the baseline's"]
    yield from _table([*head, *more], rows, words=2)
    keyed = [
        f"{engine} {percent(ratios(one, 'keyed', 'offset'))}"
        for _, engine, one in _each(found, "create")
    ]
    if keyed:
        yield (
            "The goals are measured with requests that both have. Creates with an Idempotency-Key "
            f"and details, which the baseline has not, beside creates without: {', '.join(keyed)}."
        )
        yield ""


def _parts(found: Mapping[str, Sections]) -> Iterator[str]:
    rows = []
    for _, engine, one in _each(found, "parts"):
        for act in ("sell", "retire"):
            few, many = (one[f"{act}_{name}_ms"] for name in ("few", "many"))
            pairs = Spread.of([more / less for less, more in zip(few, many, strict=True)])
            medians = (f"{Spread.of(each).median:.2f}" for each in (few, many))
            rows.append([engine, act, f"{one['parts']:,}", *medians, times(pairs)])
    if rows:
        yield "## One record sold part by part"
        yield ""
        yield (
            "One sale or retirement of one credit a transaction, no HTTP: of a new record, and of "
            "one that two buyers in turn have bought credit by credit."
        )
        yield ""
        head = ["database", "act", "parts", "a new record, ms", "beside the parts, ms", "ratio"]
        yield from _table(head, rows, words=2)


def _lookups(found: Mapping[str, Sections]) -> Iterator[str]:
    measured = {engine: one for _, engine, one in _each(found, "lookups")}
    if not measured:
        return
    yield "## Lists and lookups, one client"
    yield ""
    yield "The server's median as a multiple of the read of one record by its id; pages have 50."
    yield ""
    slow = {engine: lookup_ratios(one) for engine, one in measured.items()}
    rows = [
        [name, *(f"{slow[engine][name]:.1f}" for engine in slow)]
        for name in next(iter(slow.values()))
    ]
    yield from _table(["question", *slow], rows)


def _bulk(found: Mapping[str, Sections]) -> Iterator[str]:
    rows = []
    for _, engine, one in _each(found, "import"):
        plainly = "COPY" if engine == "PostgreSQL" else "executemany"
        for what, seconds in (
            (f"import, at most {one['peak_mb']} MB", one["seconds"]),
            (f"plain {plainly}, guarded tables", one["guarded_s"]),
            (f"plain {plainly}, bare tables", one["bare_s"]),
        ):
            share = f"{one['guarded_s'] / seconds:.0%}"
            per_second = [
                f"{count / seconds:,.0f}" for count in (one["rows"], one["finished_rows"])
            ]
            rows.append([engine, what, *per_second, share])
    if rows:
        yield "## Bulk import"
        yield ""
        yield (
            "Synthetic exports of eight registries. *Finished rows* are those of all tables that "
            "the import makes; *plain* loads the same finished rows."
        )
        yield ""
        head = ["database", "what", "rows of exports/s", "finished rows/s", "of plain"]
        yield from _table(head, rows, words=2)
    batches = [
        [
            engine,
            *(f"{one[name]:,.0f}" for name in _BATCH),
            f"{one['records_per_second'] / one['guarded_per_second']:.0%}",
        ]
        for _, engine, one in _each(found, "batch")
    ]
    if batches:
        yield "`POST /batch` with 1,000 creates a request, beside the same finished rows:"
        yield ""
        head = ["database", "records/s", "plain, guarded tables", "plain, bare tables", "of plain"]
        yield from _table(head, batches)


_BATCH: Final = ("records_per_second", "guarded_per_second", "bare_per_second")


def _others(found: Mapping[str, Sections]) -> Iterator[str]:
    rows = [
        [engine, what, f"{size:.0f}"]
        for _, engine, one in _each(found, "memory")
        for what, size in one.items()
    ]
    if rows:
        yield "## Memory"
        yield ""
        yield from _table(["database", "load", "resident MB"], rows, words=2)
    for _, engine, one in _each(found, "processes"):
        yield f"## Two processes on {engine}"
        yield ""
        yield (
            "Two servers with 32 clients each, beside one with 64; the load and the database take "
            "their part of the same cores."
        )
        yield ""
        calls = [
            [
                *(call, rate(pair, "one"), rate(pair, "two")),
                percent(ratios(pair, "two", "one")),
            ]
            for call, pair in one.items()
        ]
        yield from _table(["call", "one/s", "two/s", "two of one"], calls)


def _peers(found: Mapping[str, Sections]) -> Iterator[str]:
    rows = []
    for _, engine, one in _each(found, "peers"):
        for who in ("offset", "eventsourcing", "limit"):
            for what, per_second in (one.get(who) or {}).items():
                what_ = f"creates, {what} a transaction" if who == "limit" else what
                name = {"offset": "Offset, no HTTP", "limit": "pgbench"}.get(who, who)
                rows.append([engine, name, what_, f"{per_second:,.0f}"])
    if rows:
        yield "## Beside others"
        yield ""
        yield _COMPARED
        yield ""
        yield from _table(["database", "who", "what", "events/s"], rows, words=3)


_COMPARED: Final = """\
One thread, no HTTP, durable commits, one after the other in one run. Compared is the rate at
which events become durable. Not compared is what an event is worth: Offset's comes with rules, a
claim on serial numbers, guards in the database, holdings, a hashed leaf in one global order and
the answer (five rows); `eventsourcing` writes one row with a state of its own, and the order
within one aggregate is all that it guards. pgbench sends the statements of a batch of creates
with rows that PostgreSQL makes itself: no rules, no leaves, no answers. It is what remains if
Python cost nothing."""


def _proofs(found: Mapping[str, Sections]) -> Iterator[str]:
    rows = [
        [
            *(engine, f"{one['events']:,}", f"{one['published']:,.0f}"),
            *(one["made_ms"], one["verified_ms"], f"{one['largest']:,}"),
        ]
        for _, engine, one in _each(found, "proofs")
    ]
    if rows:
        yield "## The log"
        yield ""
        yield (
            "Events written plainly, published at once, 2,002 of them proven: each proof is made "
            "as the server makes it, without HTTP, then read and verified as a stranger does. "
            "Times are the median, the 99th percentile and the largest."
        )
        yield ""
        head = ["database", "events", "published/s", "proof made, ms", "verified, ms", "bytes"]
        yield from _table(head, rows)
