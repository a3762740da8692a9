"""Measures, and writes bench/results.md: `python -m bench [--only create,get] [--engine sqlite]`.

What was measured is kept in a file of its own, section by section, so that one can be measured
anew without the others; results.md is made of all that is kept.
"""

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.ledgers import ENGINES, Ledgers, say
from bench.load import tool
from bench.machine import described
from bench.results import rendered
from bench.rounds import Plan
from bench.sections import SECTIONS

_FOLDER: Final = Path(__file__).parent


def main() -> None:
    """Measure what is asked for and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    one_of = "any of " + ", ".join(SECTIONS)
    parser.add_argument("--only", type=_list, default=list(SECTIONS), help=one_of)
    parser.add_argument("--engine", choices=ENGINES, help="one database; both without it")
    parser.add_argument("--seconds", type=int, default=3, help="of each round")
    parser.add_argument("--rounds", type=int, default=5, help="in which all variants are measured")
    parser.add_argument("--records", type=int, default=1_000_000, help="in the usual ledger")
    parser.add_argument("--growth", type=_sizes, default=[100_000, 10_000_000], help="records")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the bulk import")
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the log")
    parser.add_argument("--parts", type=int, default=100_000, help="parts of one record")
    parser.add_argument("--keep", type=Path, default=_FOLDER / "results.json", help="measurements")
    parser.add_argument("--output", type=Path, default=_FOLDER / "results.md", help="the results")
    asked = parser.parse_args()
    unknown = set(asked.only) - set(SECTIONS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: there is {one_of}")
    plan = Plan(
        seconds=asked.seconds,
        rounds=asked.rounds,
        records=asked.records,
        growth=asked.growth,
        rows=asked.rows,
        events=asked.events,
        parts=asked.parts,
    )
    with Ledgers() as ledgers:
        for engine in [asked.engine] if asked.engine else ENGINES:
            for name in asked.only:
                say(f"{name}, {engine}")
                found = SECTIONS[name](engine, ledgers, plan)
                if found is not None:
                    _keep(asked.keep, f"{name}/{engine}", found, plan)
    kept = json.loads(asked.keep.read_text(encoding="utf-8"))
    asked.output.write_text(rendered(kept), encoding="utf-8")
    say(f"{asked.output} is written.")


def _list(text: str) -> list[str]:
    return text.split(",")


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


def _keep(path: Path, name: str, found: object, plan: Plan) -> None:
    """Put a section's measurements in the place of those that were there."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept[name] = {
        "found": found,
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": described(),
        "load": tool(),
        "plan": asdict(plan),
    }
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
