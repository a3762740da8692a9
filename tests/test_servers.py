"""Servers that tests start see only the settings they are given, and leave nothing behind."""

from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from servers import running_server

ECHO = """
import os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    ours = {n: v for n, v in os.environ.items() if n.startswith(("OFFSET_", "DATABASE_URL"))}
    print("asked for", scope["path"], flush=True)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": repr(sorted(ours.items())).encode()})
"""


def body(url: str) -> str:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/settings")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_a_server_has_the_settings_that_the_test_gives_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.py").write_text(ECHO, encoding="utf-8")
    monkeypatch.setenv("OFFSET_STRAY", "1")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////elsewhere.db")
    with running_server("sqlite:////here.db", directory=tmp_path, unparsed="refuse") as server:
        assert body(server.url) == repr(
            [("DATABASE_URL", "sqlite:////here.db"), ("OFFSET_UNPARSED", "refuse")]
        )
        assert "asked for /settings" in server.log
    assert not psutil.pid_exists(server.pid)
    assert not server.log_path.exists()


def test_a_killed_server_can_start_again_on_its_port(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(ECHO, encoding="utf-8")
    with running_server("sqlite:////here.db", directory=tmp_path) as first:
        first.kill()
        port = urlsplit(first.url).port
        with running_server("sqlite:////here.db", directory=tmp_path, port=port) as second:
            assert second.url == first.url
            assert body(second.url) != ""


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("raise SystemExit('no such ledger')", encoding="utf-8")
    with (
        pytest.raises(RuntimeError) as raised,
        running_server("sqlite:////here.db", directory=tmp_path),
    ):
        pass
    assert "no such ledger" in "".join(raised.value.__notes__)
