"""Load on servers: wrk where it is installed, else our own generator in a process of its own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

CLIENTS: Final = 64
MOST_PER_SECOND: Final = 25_000  # requests that are prepared; nothing here answers more
_PATIENCE_S: Final = 60  # for the generator to read its requests and to end
_SCRIPT: Final = Path(__file__).parent / "wrk.lua"


class Request(NamedTuple):
    """A prepared request; `body` is JSON, `key` its Idempotency-Key."""

    method: str
    path: str
    body: str = ""
    key: str = ""


class Stream:
    """Requests that may each be sent once, in order: request 0, 1, 2 ... are made when needed."""

    def __init__(self, make: Callable[[int], Request]) -> None:
        self._make = make
        self._used = 0

    def upcoming(self, number: int) -> Iterable[Request]:
        """Make the next requests without using them up."""
        return map(self._make, islice(count(self._used), number))

    def use(self, number: int) -> None:
        """Never give the next `number` requests again."""
        self._used += number


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one round of load found; the times are those of single requests."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    largest_ms: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


class Failed(Exception):
    """A server refused a request of a measurement, or did not answer it."""


@cache
def tool() -> str:
    """Name what makes the load."""
    return "wrk" if shutil.which("wrk") else "bench/generator.py"


def load(
    urls: Sequence[str],
    requests: Stream | Sequence[Request],
    *,
    seconds: int,
    clients: int = CLIENTS,
    most_per_second: int = MOST_PER_SECOND,
) -> Rate:
    """Load servers that share one ledger, each with its part of the clients.

    A sequence of requests is sent again and again, of a stream each request once.

    Raises:
        Failed: an answer was no success, or there was none.
    """
    assert clients % len(urls) == 0, "every server has as many clients"
    with TemporaryDirectory(prefix="offset-load-") as folder:
        paths = [Path(folder) / str(number) for number in range(len(urls))]
        if isinstance(requests, Stream):
            # Each server draws from its own lines, so that no request is sent twice.
            prepared = list(requests.upcoming(most_per_second * seconds))
            for number, path in enumerate(paths):
                _write(path, prepared[number :: len(paths)])
        else:
            for path in paths:
                _write(path, requests)
        how = "once" if isinstance(requests, Stream) else "cycle"
        share = clients // len(urls)
        running = [
            subprocess.Popen(
                _command(url, path, how, seconds, share), stdout=subprocess.PIPE, text=True
            )
            for url, path in zip(urls, paths, strict=True)
        ]
        try:
            said = [process.communicate(timeout=seconds + _PATIENCE_S)[0] for process in running]
        finally:
            for process in running:
                process.kill()
    found = [_read(text) for text in said]
    if isinstance(requests, Stream):
        # Those in flight at the end were sent, too, and wrk makes one to look at it.
        requests.use(max(one.requests for one in found) * len(urls) + clients + 2 * len(urls))
    return Rate(
        requests=sum(one.requests for one in found),
        seconds=max(one.seconds for one in found),
        p50_ms=max(one.p50_ms for one in found),
        p99_ms=max(one.p99_ms for one in found),
        largest_ms=max(one.largest_ms for one in found),
    )


def _write(path: Path, requests: Iterable[Request]) -> None:
    path.write_text("".join("\t".join(request) + "\n" for request in requests), encoding="utf-8")


def _command(url: str, path: Path, how: str, seconds: int, clients: int) -> list[str]:
    if tool() == "wrk":
        return [
            *("wrk", "--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s"),
            *("--timeout", "30s", "--script", str(_SCRIPT), url, "--", str(path), how),
        ]
    return [
        *(sys.executable, "-m", "bench.generator"),
        *(url, str(path), how, str(seconds), str(clients)),
    ]


def _read(said: str) -> Rate:
    try:
        found = json.loads(said.strip().rpartition("\n")[2])
    except ValueError:
        raise Failed(f"the load generator did not finish: {said}") from None
    refused, lost = found.pop("refused"), found.pop("lost")
    if refused or lost:
        raise Failed(f"{refused} of {found['requests']} requests were refused, {lost} lost")
    return Rate(**found)
