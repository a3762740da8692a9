"""A load generator in Python, for machines without wrk: the same requests, the same figures.

`python -m bench.generator URL FILE cycle|once SECONDS CLIENTS` prints what wrk.lua prints.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop


class _Connection(asyncio.Protocol):
    """Sends one request after the other, each when the one before is answered."""

    def __init__(self, requests: Iterator[bytes], end: float) -> None:
        self._requests = requests
        self._end = end
        self._buffer = b""
        self._sent_at = 0.0
        self.times: list[float] = []
        self.refused = 0
        self.lost = 0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        place = lower.find(b"content-length:")
        length = int(lower[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(rest) < length:
            return
        now = time.perf_counter()
        self._buffer = b""
        self.times.append(now - self._sent_at)
        self.refused += int(head[9:12]) >= 400
        if now < self._end:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if time.perf_counter() < self._end:
            self.lost += 1
        if not self.finished.done():
            self.finished.set_result(None)

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))


def encoded(line: str, host: str) -> bytes:
    """Write a prepared request as HTTP."""
    method, path, body, key = line.split("\t")
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    if body:
        head.append("Content-Type: application/json")
    if key:
        head.append(f"Idempotency-Key: {key}")
    if method == "POST":
        head.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join([*head, "", ""]) + body).encode()


async def run(url: str, lines: Sequence[str], *, cycles: bool, seconds: float, clients: int) -> str:
    """Load a server and say what was measured, as JSON."""
    address = urlsplit(url)
    prepared = [encoded(line, address.netloc) for line in lines]
    requests = itertools.cycle(prepared) if cycles else iter(prepared)
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    connections = [
        (
            await loop.create_connection(
                lambda: _Connection(requests, start + seconds),
                str(address.hostname),
                int(address.port or 80),
            )
        )[1]
        for _ in range(clients)
    ]
    await asyncio.gather(*(connection.finished for connection in connections))
    took = time.perf_counter() - start
    times = sorted(time_s for connection in connections for time_s in connection.times)
    return json.dumps(
        {
            "requests": len(times),
            "seconds": took,
            "p50_ms": times[len(times) // 2] * 1e3,
            "p99_ms": times[int(len(times) * 0.99)] * 1e3,
            "largest_ms": times[-1] * 1e3,
            "refused": sum(connection.refused for connection in connections),
            "lost": sum(connection.lost for connection in connections),
        }
    )


def main(url: str, file: str, how: str, seconds: str, clients: str) -> None:
    """Run the generator."""
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    running = run(url, lines, cycles=how == "cycle", seconds=float(seconds), clients=int(clients))
    sys.stdout.write(uvloop.run(running) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
