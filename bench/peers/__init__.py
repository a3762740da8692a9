"""Others beside Offset, on the same machine in one run: what is compared stands in each script.

The scripts of other ledgers run in an environment of their own (`.venv-peers`, made by
`make bench` from requirements.txt here), each in a process that prints JSON.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from bench.ledgers import Ledgers, say
from bench.peers.pgbench import limits
from bench.rounds import Json, Plan

_FOLDER: Final = Path(__file__).parent
_ROOT: Final = _FOLDER.parent.parent
_PYTHON: Final = _ROOT / ".venv-peers" / "bin" / "python"


def measure(engine: str, ledgers: Ledgers, plan: Plan) -> Json:
    """Append events by Offset without HTTP, by the peers, and by SQL alone."""
    found: Json = {"offset": _run(sys.executable, "offset_events", ledgers.prepared(engine), plan)}
    if _PYTHON.exists():
        url = ledgers.bare(engine)
        found["eventsourcing"] = _run(str(_PYTHON), "eventsourcing_events", url, plan)
    else:
        say("  eventsourcing is not installed: make bench does it")
    if engine == "postgresql":
        found["limit"] = limits(ledgers, plan)
    return found


def _run(python: str, script: str, url: str, plan: Plan) -> Json:
    address = urlsplit(url)
    variables = {
        **os.environ,
        "BENCH_URL": url,
        "BENCH_SECONDS": str(plan.seconds),
        "BENCH_DATABASE": address.path.lstrip("/"),
        "BENCH_HOST": parse_qs(address.query).get("host", [""])[0],
    }
    own = (
        ["-m", f"bench.peers.{script}"] if python == sys.executable else [f"{_FOLDER}/{script}.py"]
    )
    done = subprocess.run(
        [python, *own], cwd=_ROOT, env=variables, check=True, stdout=subprocess.PIPE
    )
    found: Json = json.loads(done.stdout)
    for name, rate in found.items():
        say(f"  {script}, {name}: {rate:,.0f}/s")
    return found
