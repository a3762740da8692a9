"""An import in a process of its own, which a test can kill.

`importing_process.py URL ORIGIN FILE...` says that it is ready and waits for a line, so that
several begin together. Then it says how many rows are done after each step, and at the end, as
JSON, how they fared.
"""

import json
import sys
from pathlib import Path

from offset.database import Database
from offset.importing import Issue, import_files
from offset.ledger import Ledger


def main(url: str, origin: str, *names: str) -> None:
    issues: list[Issue] = []
    ledger = Ledger(Database(url), origin=origin)
    say("ready")
    sys.stdin.readline()
    imported = import_files(
        ledger,
        [Path(name) for name in names],
        report=issues.append,
        progress=lambda done, _: say(str(done)),
    )
    fared = {
        "rows": imported.rows,
        "applied": imported.applied,
        "unchanged": imported.unchanged,
        "issues": sorted((one.file, one.line or 0, one.code) for one in issues),
    }
    say(json.dumps(fared))
    ledger.database.close()


def say(line: str) -> None:
    """Write a line that is read at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
