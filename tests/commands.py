"""Commands of Offset as its users run them: processes, with the settings that a test gives."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from servers import ROOT, environment

PATIENCE_S: Final = 60.0


def run_offset(
    *arguments: str, database_url: str | None, directory: Path = ROOT, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run `python -m offset` and wait for its end.

    Args:
        arguments: the command and its options.
        database_url: the ledger; None leaves DATABASE_URL unset.
        directory: where it runs.
        settings: Offset's own, by name, as `servers.running_server` takes them.
    """
    return run_module(
        "offset", *arguments, database_url=database_url, directory=directory, **settings
    )


def run_module(
    *arguments: str, database_url: str | None, directory: Path = ROOT, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run `python -m` with these arguments and wait for its end."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=directory,
        env=command_environment(database_url, settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def command_environment(database_url: str | None, settings: dict[str, object]) -> dict[str, str]:
    """What a command is started with; it finds the package from every directory."""
    made = environment(database_url or "", settings)
    if database_url is None:
        del made["DATABASE_URL"]
    paths = [str(ROOT / "src"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**made, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that failed said: one sentence, with nothing on its output.

    An error of Offset's is one line with status 1, and never a traceback.
    """
    assert done.returncode == 1, done
    assert done.stdout == "", done
    (line,) = done.stderr.splitlines()
    assert line.startswith("offset: "), line
    return line.removeprefix("offset: ")
