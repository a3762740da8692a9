"""The smoke test of the public contract: `python test_api.py`, or under pytest.

It starts a server of its own on a free port of 127.0.0.1, with a temporary SQLite ledger, and asks
it as any client would. It needs nothing but this repository and its runtime dependencies.
"""

import inspect
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from uuid import UUID

ROOT = Path(__file__).resolve().parent
PATIENCE_S = 30.0  # for the server to answer its first request
PLAIN = {
    "project_name": "Kilifi Mangroves",
    "registry": "Example Registry",
    "vintage": 2020,
    "quantity": 100.5,
    "serial_number": "VCU-2020-001",  # no registry's grammar reads it
}
VERRA = {
    "project_name": "Two Rivers forest conservation",
    "registry": "Verra",
    "vintage": 2020,
    "quantity": 1000,
    "serial_number": "9001-5000001-5001000-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1",
}


class Answer(NamedTuple):
    """What the server answered; `body` is parsed JSON, or the text of a page."""

    status: int
    body: Any


def ask(url: str, body: object = None, *, method: str = "GET") -> Answer:
    """Send one request."""
    content = None if body is None else json.dumps(body).encode()
    request = Request(url, content, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=PATIENCE_S) as response:
            status, said = response.status, response.read().decode()
    except HTTPError as refused:
        with refused:
            status, said = refused.code, refused.read().decode()
    return Answer(status, json.loads(said) if said.startswith("{") else said)


def create(server: str, issuance: dict[str, Any]) -> Answer:
    return ask(f"{server}/records", issuance, method="POST")


def read(server: str, record_id: str) -> Answer:
    return ask(f"{server}/records/{record_id}")


def retire(server: str, record_id: str, body: object = None) -> Answer:
    return ask(f"{server}/records/{record_id}/retire", body, method="POST")


# --- what the contract says, each with a ledger of its own --------------------------------------


def test_a_record_is_created_and_read_back() -> None:
    with running_server() as server:
        for issuance in (PLAIN, VERRA):
            created = create(server, issuance)
            assert created.status == 201, created
            found = read(server, created.body["id"])
            assert found == (200, created.body)
            assert {name: found.body[name] for name in issuance} == issuance
            assert found.body["status"] == "CREATED"
