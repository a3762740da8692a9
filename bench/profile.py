"""Profiles of a loaded server: `python -m bench.profile create --engine postgresql`.

Prints the share of each thread, and, within threads, the functions that the time is spent in and
below. Samples are taken by py-spy of running threads only (`make bench` installs it into
`.venv-peers`); `--gil` counts only who holds the interpreter.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from bench.calls import CALLS, requests_of
from bench.ledgers import ENGINES, Ledgers, say
from bench.load import load

_ROOT: Final = Path(__file__).parent.parent
_PLACES: Final = re.compile(r"\(.*?(offset|site-packages|lib/python[0-9.]+)/([^)]*)\)")


def main() -> None:
    """Load a server with one call, sample it and print the profile."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("call", choices=(*CALLS, "list"))
    parser.add_argument("--engine", choices=ENGINES, default="sqlite")
    parser.add_argument("--variant", choices=("offset", "null", "baseline"), default="offset")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--gil", action="store_true", help="only who holds the interpreter")
    parser.add_argument("--top", type=int, default=25, help="functions to print")
    asked = parser.parse_args()
    with Ledgers() as ledgers:
        if asked.variant == "null":
            subject = ledgers.null()
        else:
            make = ledgers.offset if asked.variant == "offset" else ledgers.baseline
            subject = make(asked.engine, asked.records)
        path = ledgers.new_path("stacks")
        with subject.served() as server:
            requests = subject.pages if asked.call == "list" else requests_of(asked.call, subject)
            load([server.url], requests, seconds=1)
            sampling = subprocess.Popen(
                [
                    *(_sampler(), "record", "--pid", str(server.pid), "--format", "raw"),
                    *("--output", str(path), "--duration", str(asked.seconds), "--threads"),
                    *("--rate", "200", "--nonblocking", *(["--gil"] if asked.gil else [])),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            rate = load([server.url], requests, seconds=asked.seconds)
            sampling.wait()
        say(f"{rate.per_second:,.0f}/s while it was sampled")
        sys.stdout.write(profile(path.read_text(encoding="utf-8"), asked.top))


def _sampler() -> str:
    own = _ROOT / ".venv-peers" / "bin" / "py-spy"
    found = str(own) if own.exists() else shutil.which("py-spy")
    if found is None:
        raise SystemExit("py-spy is not installed: make bench does it")
    return found


def profile(stacks: str, top: int) -> str:
    """Add up sampled stacks, a line each: frames from the outermost on, and how often."""
    threads, own, below = Counter[str](), Counter[str](), Counter[str]()
    for line in stacks.splitlines():
        frames_text, _, count_text = line.rpartition(" ")
        thread, *frames = frames_text.split(";")
        count = int(count_text)
        threads[re.sub(r"\(0x[0-9A-F]+\)|[0-9]+", "", thread).strip()] += count
        names = [_PLACES.sub(r"(\2)", frame) for frame in frames]
        if names:
            own[names[-1]] += count
        for name in {re.sub(r":[0-9]+\)", ")", name) for name in names}:
            below[name] += count
    total = sum(threads.values())
    lines = [f"{total} samples", "", "by thread"]
    lines += [f"{count / total:6.1%}  {name}" for name, count in threads.most_common()]
    for title, counter in (("in the function itself", own), ("in it and below it", below)):
        lines += ["", title]
        lines += [f"{count / total:6.1%}  {name}" for name, count in counter.most_common(top)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
