"""A started server of Offset, as its users start it: a process, a port on 127.0.0.1, a log."""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE_S: Final = 30.0  # for a server to answer its first request, or to stop
# Below the ports that systems give to outgoing connections: no client can take one meanwhile.
PORTS: Final = range(20_000, 32_000)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A process that serves Offset at `url`, without a slash at its end, and logs to a file."""

    url: str
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def pid(self) -> int:
        """The process id of the server; without --reload it is one process."""
        return self.process.pid

    @property
    def log(self) -> str:
        """All that the server has logged."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """End it as an operator does, with SIGTERM; its exit status. Again does nothing more."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_server(
    database_url: str,
    *,
    port: int | None = None,
    directory: Path = ROOT,
    ends_after: int | None = None,
    seconds: Mapping[str, float] | None = None,
    **settings: object,
) -> Iterator[Server]:
    """Start `uvicorn main:app` and wait until it is alive; stop it at the end.

    Args:
        database_url: the ledger.
        port: where it listens; None takes a free one. A restart names the old one.
        directory: where main.py is.
        ends_after: seconds after SIGTERM in which requests have to end; None waits for them.
        seconds: of constants, by module and name (`serving.QUIET_S`); `offset serve` is started
            with them in the place of uvicorn.
        settings: Offset's own, by name: ``unparsed="refuse"`` is OFFSET_UNPARSED=refuse. Nothing
            else of Offset's is taken from the environment.

    Raises:
        RuntimeError: it ended, or did not answer in time. Whatever is raised carries the log.
    """
    port = free_port() if port is None else port
    with tempfile.TemporaryDirectory(prefix="offset-server-") as folder:
        log_path = Path(folder) / "server.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                _command(port, seconds, ends_after),
                cwd=directory,
                env=environment(database_url, settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        server = Server(url=f"http://127.0.0.1:{port}", process=process, log_path=log_path)
        try:
            _await_life(server, port)
            yield server
        except BaseException as error:
            error.add_note(f"--- log of {server.url}\n{server.log}")
            raise
        finally:
            server.stop()


def _command(port: int, seconds: Mapping[str, float] | None, ends_after: int | None) -> list[str]:
    if seconds is None:
        options = ["--host", "127.0.0.1", "--port", str(port)]
        if ends_after is not None:
            options += ["--timeout-graceful-shutdown", str(ends_after)]
        return [sys.executable, "-m", "uvicorn", "main:app", *options]
    given = [f"{name}={value}" for name, value in seconds.items()]
    return [sys.executable, str(ROOT / "tests/serving_process.py"), str(port), *given]


def environment(database_url: str, settings: dict[str, object]) -> dict[str, str]:
    """What a process of Offset's is started with: this environment, and these settings alone."""
    others = {
        name: value
        for name, value in os.environ.items()
        if name != "DATABASE_URL" and not name.startswith("OFFSET_")
    }
    ours = {f"OFFSET_{name.upper()}": str(value) for name, value in settings.items()}
    return {**others, **ours, "DATABASE_URL": database_url}


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port found")


def _await_life(server: Server, port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not _is_alive(port):
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.02)


def _is_alive(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
