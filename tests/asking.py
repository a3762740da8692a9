"""A client that asks one thing after the other, a server to ask, and bytes sent as they are.

`clients` is for many at the same moment; this is for what a single answer says.
"""

import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from builders import ORIGIN, create
from databases import PostgresDatabases, sqlite_url_of
from offset.core.canonical import canonical_record
from offset.core.quantities import grams
from servers import Server, running_server

Json = dict[str, Any]
PATIENCE_S: Final = 30.0  # for an answer
IDLE_S: Final = 2.0  # after 5 s without a request the server closes a connection
FIRST_NUMBERS: Final = count(1, 1_000_000)  # of serial numbers that no other record of the run has


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The content, which has to be JSON."""
        return json.loads(self.content)

    @property
    def code(self) -> str | None:
        """The code of a problem document; None for any other answer."""
        if self.headers.get("content-type") != "application/problem+json":
            return None
        return str(self.body["code"])

    @property
    def verdict(self) -> tuple[int, str | None]:
        """The status and, of a refusal, its code."""
        return self.status, self.code


class Connection:
    """A connection to a server, opened again when it was idle or the server has closed it."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.hostname
        assert address.port
        self.host: Final = address.hostname
        self.port: Final = address.port
        self._http = HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        self._used_at = 0.0

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request whose content is given as bytes; the path is sent as it stands."""
        if time.monotonic() > self._used_at + IDLE_S:
            self._http.close()
        self._http.request(method, path, content, dict(headers or {}))
        response = self._http.getresponse()
        reply = Reply(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            content=response.read(),
        )
        self._used_at = time.monotonic()
        return reply

    def get(self, path: str, **headers: str) -> Reply:
        """Read; headers are named as Python can: ``if_none_match="*"``."""
        return self.send("GET", path, headers=_headers(headers))

    def post(self, path: str, body: object = None, **headers: str) -> Reply:
        """Send a body as JSON; None sends no body."""
        if body is None:
            return self.send("POST", path, b"", _headers(headers))
        content = json.dumps(body).encode()
        return self.send(
            "POST", path, content, {"Content-Type": "application/json", **_headers(headers)}
        )

    def created(self, **fields: Any) -> Json:
        """Create a record; the answer's body. `fields` are `new_issuance`'s."""
        reply = self.post("/records", new_issuance(**fields))
        assert reply.status == 201, reply
        body: Json = reply.body
        return body

    def act(self, verb: str, record_id: str, body: object = None) -> Json:
        """Sell, retire or cancel, which has to succeed; the answer's body."""
        reply = self.post(f"/records/{record_id}/{verb}", body)
        assert reply.status == 200, reply
        answer: Json = reply.body
        return answer

    def raw(self, request: bytes) -> Reply:
        """Send bytes as they stand on a connection of their own, and read one answer.

        Raises:
            ConnectionError: the server closed the connection without an answer.
        """
        with socket.create_connection((self.host, self.port), timeout=PATIENCE_S) as connection:
            with suppress(ConnectionError):  # answered and closed before it had read everything
                connection.sendall(request)
            return _read(connection)


def _read(connection: socket.socket) -> Reply:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, content = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    while len(content) < int(headers["content-length"]):
        content += _more(connection)
    return Reply(status=int(lines[0].split(" ")[1]), headers=headers, content=content)


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionError("the server closed the connection without an answer")
    return received


def _headers(named: Mapping[str, str]) -> dict[str, str]:
    return {re.sub("_", "-", name): value for name, value in named.items()}


def new_issuance(*, tonnes: int = 10, **fields: Any) -> Json:
    """The body of a create whose serial numbers no other record has; `fields` replace or add."""
    first = next(FIRST_NUMBERS)
    return create(first=first, last=first + tonnes - 1, **fields)


def record_id_of(body: Json) -> str:
    """The id that a record has or will have, from the body of its create."""
    return canonical_record(
        project_name=body["project_name"],
        registry=body["registry"],
        vintage=body["vintage"],
        quantity_g=grams(body["quantity"]),
        serial_number=body["serial_number"],
    ).record_id.hex()


@contextmanager
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, unparsed: str = "keep"
) -> Iterator[Server]:
    """A server on a new ledger, on the database that `request.param` names."""
    source = {"sqlite": "sqlite_template", "postgresql": "postgres"}[request.param]
    template = request.getfixturevalue(source)
    if isinstance(template, Path):
        path = tmp_path_factory.mktemp("ledger") / "offset.db"
        path.write_bytes(template.read_bytes())
        with running_server(sqlite_url_of(path), unparsed=unparsed) as server:
            yield server
        return
    assert isinstance(template, PostgresDatabases)
    with (
        template.prepared() as url,
        running_server(url, origin=ORIGIN, unparsed=unparsed) as server,
    ):
        yield server
