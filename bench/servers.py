"""Servers to be measured, all started in the same way: one process, one port, no access log."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from servers import environment, free_port

ROOT: Final = Path(__file__).resolve().parent.parent
OFFSET: Final = "offset.main:app"
BASELINE: Final = "bench.baseline.main:app"
METERED: Final = "bench.metered:app"
NULL: Final = "bench.null:app"
_PATIENCE_S: Final = 300.0  # to start: a log is published first


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that answers at `url`."""

    url: str
    pid: int


@contextmanager
def serving(app: str, database_url: str, **settings: object) -> Iterator[Served]:
    """Start an application and stop it at the end; `settings` are OFFSET_ variables.

    Raises:
        RuntimeError: it did not start, with what it said.
    """
    port = free_port()
    variables = environment(database_url, settings)
    places = [ROOT, ROOT / "src", ROOT / "tests"]
    variables["PYTHONPATH"] = os.pathsep.join(map(str, places))
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "bench.serve", app, str(port)),
                "plain" if app == BASELINE else "whole",
            ],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(port, process)
            yield Served(url=f"http://127.0.0.1:{port}", pid=process.pid)
        except BaseException as error:
            log.seek(0)
            error.add_note(log.read().decode(errors="replace"))
            raise
        finally:
            process.terminate()
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < end:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/openapi.json")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError("the server did not start")
